//go:build !libsecp256k1

package curve

import (
	"crypto/sha256"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Parse reads a compressed key.
func Parse(b *[33]byte) (*PublicKey, error) {
	if b[0] != 2 && b[0] != 3 {
		return nil, ErrNoPoint
	}
	k, err := btcec.ParsePubKey(b[:])
	if err != nil {
		return nil, ErrNoPoint
	}
	return k, nil
}

// Public is the public key.
func Public(key *PrivateKey) *PublicKey { return key.PubKey() }

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
	return Sum{out}.Key()
}

// Mul returns k·p.
func Mul(p *PublicKey, k *Scalar) (*PublicKey, error) {
	var in, out btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(k, &in, &out)
	return Sum{out}.Key()
}

// Sum is a point that is not divided out yet.
type Sum struct{ p btcec.JacobianPoint }

// AddBase returns p + k·G.
func AddBase(p *PublicKey, k *Scalar) (s Sum) {
	var in, tweak btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarBaseMultNonConst(k, &tweak)
	btcec.AddNonConst(&in, &tweak, &s.p)
	return s
}

// Combine returns j·p + k·q.
func Combine(p *PublicKey, j *Scalar, q *PublicKey, k *Scalar) (s Sum) {
	var in, a, b btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(j, &in, &a)
	q.AsJacobian(&in)
	btcec.ScalarMultNonConst(k, &in, &b)
	btcec.AddNonConst(&a, &b, &s.p)
	return s
}

// Compress writes the sums as compressed keys, at the price of one division.
func Compress(to [][33]byte, sums []Sum) error {
	points := make([]*btcec.JacobianPoint, len(sums))
	for i := range sums {
		if infinite(&sums[i].p) {
			return ErrInfinity
		}
		p := sums[i].p
		points[i] = &p
	}
	normalize(points)
	for i, p := range points {
		copy(to[i][:], btcec.NewPublicKey(&p.X, &p.Y).SerializeCompressed())
	}
	return nil
}

// Key is the sum as a key.
func (s Sum) Key() (*PublicKey, error) {
	if infinite(&s.p) {
		return nil, ErrInfinity
	}
	s.p.ToAffine()
	return btcec.NewPublicKey(&s.p.X, &s.p.Y), nil
}

func infinite(p *btcec.JacobianPoint) bool { return (p.X.IsZero() && p.Y.IsZero()) || p.Z.IsZero() }

// normalize brings points, none of them infinity, to Z = 1 with a single inversion (Montgomery's trick).
func normalize(points []*btcec.JacobianPoint) {
	if len(points) == 0 {
		return
	}
	products := make([]btcec.FieldVal, len(points)) // products[i] = Z0·…·Zi
	products[0].Set(&points[0].Z).Normalize()
	for i := 1; i < len(points); i++ {
		products[i].Mul2(&products[i-1], &points[i].Z).Normalize()
	}
	var inverse btcec.FieldVal
	inverse.Set(&products[len(points)-1]).Inverse().Normalize()
	for i := len(points) - 1; i >= 0; i-- {
		q := points[i]
		var z, zz, zzz btcec.FieldVal
		if i == 0 {
			z.Set(&inverse)
		} else {
			z.Mul2(&inverse, &products[i-1]).Normalize()
			inverse.Mul(&q.Z).Normalize()
		}
		zz.SquareVal(&z)
		zzz.Mul2(&zz, &z)
		q.X.Mul(&zz).Normalize()
		q.Y.Mul(&zzz).Normalize()
		q.Z.SetInt(1)
	}
}
