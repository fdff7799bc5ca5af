// Package noise is the encrypted and authenticated transport of BOLT 8, Noise_XK_secp256k1_ChaChaPoly_SHA256.
//
//	initiator                              responder
//	    │  act one:   e, es      50 bytes      │   proves that it knows whom it calls
//	    ├─────────────────────────────────────►│
//	    │  act two:   e, ee      50 bytes      │
//	    │◄─────────────────────────────────────┤
//	    │  act three: s, se      66 bytes      │   tells who it is
//	    ├─────────────────────────────────────►│
//	    │  messages: 18-byte length, body+16   │   keys rotate every 500 messages, each way alone
//	    │◄────────────────────────────────────►│
//
// The handshake itself (Initiate, Respond and their Finish methods) does no I/O and draws no randomness: acts are
// values, the ephemeral key is an argument. Conn runs it over a net.Conn and then carries messages.
//
// The package knows neither what a message means nor any other package of the node. Node ids are plain 33-byte
// arrays.
package noise
