//go:build !libsecp256k1

package curve

import (
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

// Sign returns r and s, 32 bytes each, over a digest.
func Sign(key *PrivateKey, digest *[32]byte) (sig [64]byte) {
	signed := ecdsa.Sign(key, digest[:])
	r, s := signed.R(), signed.S()
	r.PutBytesUnchecked(sig[:32])
	s.PutBytesUnchecked(sig[32:])
	return sig
}

// compactBase is what SignCompact adds to the number of a compressed key's signature.
const compactBase = 31

// SignRecoverable is Sign, with the number from 0 to 3 by which Recover finds the key.
func SignRecoverable(key *PrivateKey, digest *[32]byte) (sig [64]byte, id byte) {
	compact := ecdsa.SignCompact(key, digest[:], true)
	return [64]byte(compact[1:]), compact[0] - compactBase
}

// Recover finds the key of a signature of SignRecoverable (SEC 1, 4.1.6). It takes a high s too.
func Recover(digest *[32]byte, sig *[64]byte, id byte) (*PublicKey, error) {
	if id > 3 {
		return nil, ErrRecover
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{compactBase + id}, sig[:]...), digest[:])
	if err != nil {
		return nil, ErrRecover
	}
	return key, nil
}

// Verify says whether sig is key's over digest. A zero, overflowing or high s, or such an r, is refused.
func Verify(key *PublicKey, digest *[32]byte, sig *[64]byte) bool {
	var q btcec.JacobianPoint
	key.AsJacobian(&q)
	return verify(digest, sig, func(k *Scalar, result *btcec.JacobianPoint) {
		btcec.ScalarMultNonConst(k, &q, result)
	})
}

// verify is ECDSA (SEC 1, 4.1.4) with the multiplication of the public key as a parameter. The affine x of the result
// is never computed: x = X/Z², so that r·Z² is compared with X.
func verify(digest *[32]byte, sig *[64]byte, mulKey func(*Scalar, *btcec.JacobianPoint)) bool {
	r, s, ok := ParseSig(sig)
	if !ok {
		return false
	}
	var e, u1, u2 Scalar
	e.SetBytes(digest)
	w := s.InverseNonConst()
	u1.Mul2(&e, w)
	u2.Mul2(&r, w)

	var a, b, sum btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(&u1, &a)
	mulKey(&u2, &b)
	btcec.AddNonConst(&a, &b, &sum)
	if infinite(&sum) {
		return false
	}
	return xIs(&sum, &r)
}

// xIs says whether the point's affine x, taken modulo the group order, is r.
func xIs(p *btcec.JacobianPoint, r *Scalar) bool {
	var zz, x, want btcec.FieldVal
	zz.SquareVal(&p.Z).Normalize()
	x.Set(&p.X).Normalize()
	rBytes := r.Bytes()
	want.SetBytes(&rBytes)
	var got btcec.FieldVal
	if got.Mul2(&want, &zz).Normalize().Equals(&x) {
		return true
	}
	// x may exceed the order n: x = r + n then, which is below the field prime only for a tiny r.
	if !want.IsGtOrEqPrimeMinusOrder() {
		want.Add(order()).Normalize()
		return got.Mul2(&want, &zz).Normalize().Equals(&x)
	}
	return false
}

// order is the group order as a field element; it is below the field prime.
func order() *btcec.FieldVal {
	var n btcec.FieldVal
	n.SetByteSlice(btcec.S256().N.Bytes())
	return &n
}
