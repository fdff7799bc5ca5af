package curve

import (
	"crypto/sha256"
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Sign returns r and s, 32 bytes each, over a digest (RFC 6979, low s). It takes the same steps for every key and nonce.
func Sign(key *PrivateKey, digest *[32]byte) (sig [64]byte) {
	sig, _ = SignRecoverable(key, digest)
	return sig
}

// SignRecoverable is Sign, with the number from 0 to 3 by which Recover finds the key.
func SignRecoverable(key *PrivateKey, digest *[32]byte) (sig [64]byte, id byte) {
	secret := key.Key.Bytes()
	for iteration := uint32(0); ; iteration++ {
		nonce := btcec.NonceRFC6979(secret[:], digest[:], nil, nil, iteration)
		if sig, id, ok := sign(key, digest, nonce); ok {
			return sig, id
		}
	}
}

// sign is SEC 1, 4.1.3. It fails for one nonce in 2²⁵⁶.
func sign(key *PrivateKey, digest *[32]byte, nonce *Scalar) (sig [64]byte, id byte, ok bool) {
	var p jacobian
	multiplyBase(&p, nonce)
	point, _ := p.affine()
	x := point.x.bytes()
	var r, s Scalar
	if r.SetBytes(&x) != 0 {
		id = 2
	}
	if point.y.isOdd() {
		id |= 1
	}
	// s = (e + r·key) / nonce
	var e Scalar
	e.SetBytes(digest)
	s.Mul2(&key.Key, &r).Add(&e)
	s.Mul(blindInverse(nonce, key, digest))
	if r.IsZero() || s.IsZero() {
		return sig, 0, false
	}
	if s.IsOverHalfOrder() {
		s.Negate()
		id ^= 1
	}
	r.PutBytesUnchecked(sig[:32])
	s.PutBytesUnchecked(sig[32:])
	return sig, id, true
}

// blindInverse is 1/nonce. The inversion's time depends on its argument: that is the nonce times a number that nobody
// without the key knows, which says nothing of the nonce.
func blindInverse(nonce *Scalar, key *PrivateKey, digest *[32]byte) *Scalar {
	secret := key.Key.Bytes()
	h := sha256.New()
	h.Write([]byte("fulmen blinded inversion"))
	h.Write(secret[:])
	h.Write(digest[:])
	var blind, product Scalar
	blind.SetByteSlice(h.Sum(nil))
	if blind.IsZero() {
		blind.SetInt(1)
	}
	product.Mul2(nonce, &blind)
	product.InverseNonConst()
	return product.Mul(&blind)
}

// Verify says whether sig is key's over digest. A zero, overflowing or high s, or such an r, is refused.
func Verify(key *PublicKey, digest *[32]byte, sig *[64]byte) bool {
	q := affineOf(key)
	return verify(digest, sig, func(sum *jacobian, k *Scalar) { multiplyFast(sum, k, &q) })
}

// VerifyLax is Verify that takes a high s too, as BOLT 7 and BOLT 11 do: their signatures bind no transaction.
func VerifyLax(key *PublicKey, digest *[32]byte, sig *[64]byte) bool {
	low := *sig
	var s Scalar
	if s.SetByteSlice(sig[32:]) {
		return false
	}
	if s.IsOverHalfOrder() {
		s.Negate()
		s.PutBytesUnchecked(low[32:])
	}
	return Verify(key, digest, &low)
}

// ErrRecover: no key made such a signature.
var ErrRecover = errors.New("no key has this signature")

// Recover finds the key of a signature of SignRecoverable (SEC 1, 4.1.6). It takes a high s too.
func Recover(digest *[32]byte, sig *[64]byte, id byte) (*PublicKey, error) {
	var r, s, e Scalar
	if id > 3 || r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) || r.IsZero() || s.IsZero() {
		return nil, ErrRecover
	}
	x := elementOf((*[32]byte)(sig[:32]))
	if id&2 != 0 {
		if limit := primeMinusOrder(); !below(&x, &limit) {
			return nil, ErrRecover
		}
		x.add(&x, &order)
	}
	p, ok := lift(&x, id&1 == 1)
	if !ok {
		return nil, ErrRecover
	}
	// key = (s·p - e·G) / r
	e.SetBytes(digest)
	w := r.InverseNonConst()
	s.Mul(w)
	e.Mul(w).Negate()
	var sum jacobian
	multiplyFast(&sum, &s, &p)
	addBaseFast(&sum, &e)
	return sum.key()
}

// ParseSig returns r and s where they are in range and s is low.
func ParseSig(sig *[64]byte) (r, s Scalar, ok bool) {
	if r.SetByteSlice(sig[:32]) || r.IsZero() {
		return r, s, false
	}
	if s.SetByteSlice(sig[32:]) || s.IsZero() || s.IsOverHalfOrder() {
		return r, s, false
	}
	return r, s, true
}

// verify is ECDSA (SEC 1, 4.1.4) with the multiplication of the public key as a parameter.
func verify(digest *[32]byte, sig *[64]byte, multiplyKey func(*jacobian, *Scalar)) bool {
	r, s, ok := ParseSig(sig)
	if !ok {
		return false
	}
	var e, u1, u2 Scalar
	e.SetBytes(digest)
	w := s.InverseNonConst()
	u1.Mul2(&e, w)
	u2.Mul2(&r, w)
	var sum jacobian
	multiplyKey(&sum, &u2)
	addBaseFast(&sum, &u1)
	return !sum.infinite() && sum.xIs(&r)
}

// order is that of the group, as an element: it is below p.
var order = element{0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff}

// xIs says whether the point's affine x, taken modulo the order, is r. It is never computed: x = X/Z², so that r·Z² is
// compared with X.
func (p *jacobian) xIs(r *Scalar) bool {
	var zz, got element
	zz.square(&p.z)
	b := r.Bytes()
	want := elementOf(&b)
	if got.mul(&want, &zz); got.equal(&p.x) {
		return true
	}
	// x may be r + n, where that is below p: for an r below p - n.
	if limit := primeMinusOrder(); !below(&want, &limit) {
		return false
	}
	want.add(&want, &order)
	got.mul(&want, &zz)
	return got.equal(&p.x)
}

func primeMinusOrder() (d element) {
	d.neg(&order)
	return d
}

// below compares residues.
func below(x, y *element) bool {
	a, b := x.bytes(), y.bytes()
	return string(a[:]) < string(b[:])
}
