// Package curve is every operation on secp256k1 that Fulmen's hot paths need: sign, verify, Diffie-Hellman and the
// point arithmetic of BOLT 3's key derivation. All the rest of the node handles keys as data.
//
// It is kept this small so that another implementation (a C library, say, which is about four times faster) can be
// chosen at build time: a file with a build tag would replace ecdsa.go, point.go and prepared.go.
//
// Signatures are deterministic (RFC 6979) and have a low s; those with a high s are refused, as the network's
// relay policy does.
package curve

import "github.com/btcsuite/btcd/btcec/v2"

// Keys and scalars are those of btcec.
type (
	PrivateKey = btcec.PrivateKey
	PublicKey  = btcec.PublicKey
	Scalar     = btcec.ModNScalar
)
