package curve

import (
	"crypto/sha256"
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
)

// ErrInfinity: a sum or product is the point at infinity, which is no key.
var ErrInfinity = errors.New("point at infinity")

// ECDH is SHA256 of the compressed shared point (BOLT 4 and BOLT 8).
func ECDH(key *PrivateKey, p *PublicKey) [32]byte {
	var in, out btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(&key.Key, &in, &out)
	out.ToAffine()
	return sha256.Sum256(btcec.NewPublicKey(&out.X, &out.Y).SerializeCompressed())
}

// Base returns k·G.
func Base(k *Scalar) (*PublicKey, error) {
	var out btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(k, &out)
	return affine(&out)
}

// AddBase returns p + k·G.
func AddBase(p *PublicKey, k *Scalar) (*PublicKey, error) {
	var in, tweak, out btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarBaseMultNonConst(k, &tweak)
	btcec.AddNonConst(&in, &tweak, &out)
	return affine(&out)
}

// Mul returns k·p.
func Mul(p *PublicKey, k *Scalar) (*PublicKey, error) {
	var in, out btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(k, &in, &out)
	return affine(&out)
}

// Combine returns j·p + k·q.
func Combine(p *PublicKey, j *Scalar, q *PublicKey, k *Scalar) (*PublicKey, error) {
	var in, a, b, out btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(j, &in, &a)
	q.AsJacobian(&in)
	btcec.ScalarMultNonConst(k, &in, &b)
	btcec.AddNonConst(&a, &b, &out)
	return affine(&out)
}

func affine(p *btcec.JacobianPoint) (*PublicKey, error) {
	if (p.X.IsZero() && p.Y.IsZero()) || p.Z.IsZero() {
		return nil, ErrInfinity
	}
	p.ToAffine()
	return btcec.NewPublicKey(&p.X, &p.Y), nil
}
