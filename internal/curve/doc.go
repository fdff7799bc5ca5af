// Package curve is secp256k1: sign, verify, Diffie-Hellman and the point arithmetic of BOLT 3's key derivation. All the rest
// of the node handles keys as data, so that another implementation can be chosen here, for all of it.
//
// The arithmetic is btcec's. What is done above it: many verifications under one key share a table (Prepared), many points
// share one division (Compress), and a verification leaves the last division out. Under the build tag libsecp256k1 it is that
// of the C library instead, with the same results (docs/adr/curve-backends.md).
//
// Signatures are deterministic (RFC 6979) and have a low s; Verify refuses those with a high s, as the network's relay policy
// does.
package curve

import "github.com/btcsuite/btcd/btcec/v2"

// Keys and scalars are those of btcec.
type (
	PrivateKey = btcec.PrivateKey
	PublicKey  = btcec.PublicKey
	Scalar     = btcec.ModNScalar
)
