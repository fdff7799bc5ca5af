// Package curve is secp256k1: sign, verify, Diffie-Hellman and the point arithmetic of BOLT 3's key derivation. All the rest
// of the node handles keys as data.
//
//	element ─► affine, jacobian ─► split, odds, baseTable ─► multiply… ─► Sign, Verify, Recover, ECDH, Sum
//	field.go   group.go            split.go  table.go        multiply.go  ecdsa.go, point.go, prepared.go
//
// The arithmetic is our own, with limbs of 64 bits and half-length scalars; docs/adr/own-curve-arithmetic.md says why, and what
// holds it to btcec's, which is in every test.
//
// What has a secret scalar (Sign, ECDH, Base, Public, Mul) takes the same steps and reads the same addresses whatever the
// scalar is. What has public ones (Verify, Recover, Parse, and the sums AddBase and Combine, whose tweaks anyone who sees the
// points can compute) takes the fastest.
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
