//go:build !libsecp256k1

package curve

import "github.com/btcsuite/btcd/btcec/v2"

// PrepareFrom is the number of signatures of one key from which Prepare pays for itself.
const PrepareFrom = 24

const (
	windowBits = 4
	windows    = 256 / windowBits
	digits     = 1<<windowBits - 1 // multiples kept for each window; zero is left out
)

// Prepared is a public key with its multiples: verifying takes less than half of the time of Verify. It is immutable.
type Prepared struct {
	table [windows][digits]btcec.JacobianPoint // table[w][d-1] = d·16^w·key, affine (Z = 1)
}

// Prepare computes the multiples; it costs about as much as ten times Verify.
func Prepare(key *PublicKey) *Prepared {
	p := new(Prepared)
	var base btcec.JacobianPoint
	key.AsJacobian(&base)
	for w := range p.table {
		row := &p.table[w]
		row[0] = base
		for d := 1; d < digits; d++ {
			btcec.AddNonConst(&row[d-1], &base, &row[d])
		}
		var next btcec.JacobianPoint
		btcec.AddNonConst(&row[digits-1], &base, &next)
		base = next
	}
	p.toAffine()
	return p
}

// Verify is Verify for the prepared key.
func (p *Prepared) Verify(digest *[32]byte, sig *[64]byte) bool {
	return verify(digest, sig, p.mul)
}

// mul adds one multiple for each four bits of k, so that nothing is doubled.
func (p *Prepared) mul(k *Scalar, result *btcec.JacobianPoint) {
	bytes := k.Bytes()
	var sum btcec.JacobianPoint // infinity
	for w := range windows {
		b := bytes[31-w/2]
		if w%2 == 1 {
			b >>= windowBits
		}
		if d := b & digits; d != 0 {
			var next btcec.JacobianPoint
			btcec.AddNonConst(&sum, &p.table[w][d-1], &next)
			sum = next
		}
	}
	*result = sum
}

// toAffine brings all points to Z = 1. None of them is infinity: the order of the group is a prime above all multipliers that
// occur.
func (p *Prepared) toAffine() {
	points := make([]*btcec.JacobianPoint, 0, windows*digits)
	for w := range p.table {
		for d := range p.table[w] {
			points = append(points, &p.table[w][d])
		}
	}
	normalize(points)
}
