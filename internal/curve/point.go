package curve

import (
	"crypto/sha256"
	"errors"
)

var (
	// ErrInfinity: a sum or product is the point at infinity, which is no key.
	ErrInfinity = errors.New("point at infinity")
	// ErrNoPoint: the bytes are no compressed point.
	ErrNoPoint = errors.New("not a point of the curve")
)

// Parse reads a compressed key.
func Parse(b *[33]byte) (*PublicKey, error) {
	if b[0] != 2 && b[0] != 3 {
		return nil, ErrNoPoint
	}
	x := elementOf((*[32]byte)(b[1:]))
	p, ok := lift(&x, b[0] == 3)
	if !ok || !x.inRange() {
		return nil, ErrNoPoint
	}
	return p.key(), nil
}

// lift is the point with that x and an odd or even y; false where there is none.
func lift(x *element, odd bool) (affine, bool) {
	p := affine{x: *x}
	var yy element
	yy.square(x)
	yy.mul(&yy, x)
	yy.add(&yy, &element{7})
	ok := p.y.root(&yy)
	if p.y.isOdd() != odd {
		p.y.neg(&p.y)
	}
	return p, ok
}

// Public is the public key, found in the same steps for every key.
func Public(key *PrivateKey) *PublicKey {
	p, err := Base(&key.Key)
	if err != nil {
		panic("curve: a private key of zero")
	}
	return p
}

// compressed is the point as keys travel.
func (p *affine) compressed() (b [33]byte) {
	b[0] = 2
	if p.y.isOdd() {
		b[0] = 3
	}
	x := p.x.bytes()
	copy(b[1:], x[:])
	return b
}

// ECDH is SHA256 of the compressed shared point (BOLT 4 and BOLT 8). It takes the same steps for every key.
func ECDH(key *PrivateKey, p *PublicKey) [32]byte {
	in := affineOf(p)
	var out jacobian
	multiply(&out, &key.Key, &in)
	shared, _ := out.affine()
	b := shared.compressed()
	return sha256.Sum256(b[:])
}

// Base returns k·G, in the same steps for every k.
func Base(k *Scalar) (*PublicKey, error) {
	var out jacobian
	multiplyBase(&out, k)
	return out.key()
}

// Mul returns k·p, in the same steps for every k but zero.
func Mul(p *PublicKey, k *Scalar) (*PublicKey, error) {
	if k.IsZero() {
		return nil, ErrInfinity
	}
	in := affineOf(p)
	var out jacobian
	multiply(&out, k, &in)
	return out.key()
}

// Sum is a point that is not divided out yet. Its scalars are public: adding takes different steps for each.
type Sum struct{ p jacobian }

// AddBase returns p + k·G.
func AddBase(p *PublicKey, k *Scalar) Sum {
	in := affineOf(p)
	s := Sum{in.jacobian()}
	addBaseFast(&s.p, k)
	return s
}

// Combine returns j·p + k·q.
func Combine(p *PublicKey, j *Scalar, q *PublicKey, k *Scalar) (s Sum) {
	first, second := affineOf(p), affineOf(q)
	var product jacobian
	multiplyFast(&s.p, j, &first)
	multiplyFast(&product, k, &second)
	s.p.addJacobian(&s.p, &product)
	return s
}

// Compress writes the sums as compressed keys, at the price of one division.
func Compress(to [][33]byte, sums []Sum) error {
	points := make([]jacobian, len(sums))
	for i := range sums {
		if sums[i].p.infinite() {
			return ErrInfinity
		}
		points[i] = sums[i].p
	}
	results := make([]affine, len(sums))
	normalize(results, points)
	for i := range results {
		to[i] = results[i].compressed()
	}
	return nil
}

// Key is the sum as a key.
func (s Sum) Key() (*PublicKey, error) { return s.p.key() }

func (p *jacobian) key() (*PublicKey, error) {
	a, ok := p.affine()
	if !ok {
		return nil, ErrInfinity
	}
	return a.key(), nil
}
