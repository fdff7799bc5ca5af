package curve

import (
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyScalar draws scalars of which many are at the ends of ranges, or small multiples of λ apart.
func anyScalar(t *rapid.T, label string) *Scalar {
	n := btcec.S256().N
	lambda := new(big.Int).Sub(n, new(big.Int).SetBytes(scalarBytes(minusλ)))
	near := func(k *big.Int) *rapid.Generator[*big.Int] {
		return rapid.Map(rapid.Int64Range(-40, 40), func(d int64) *big.Int { return new(big.Int).Add(k, big.NewInt(d)) })
	}
	k := rapid.OneOf(
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 32, 32), func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }),
		near(new(big.Int)),
		near(new(big.Int).Rsh(n, 1)),
		near(lambda),
		rapid.Map(rapid.IntRange(0, 255), func(bit int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bit)) }),
		rapid.Map(rapid.Int64Range(-20, 20), func(d int64) *big.Int {
			return new(big.Int).Add(new(big.Int).Mul(lambda, big.NewInt(d)), big.NewInt(d/3))
		}),
	).Draw(t, label)
	k.Mod(k, n)
	var out Scalar
	out.SetByteSlice(k.FillBytes(make([]byte, 32)))
	return &out
}

func scalarBytes(k *Scalar) []byte {
	b := k.Bytes()
	return b[:]
}

// reference is the other implementation's point.
func reference(p *btcec.JacobianPoint) *PublicKey {
	if (p.X.IsZero() && p.Y.IsZero()) || p.Z.IsZero() {
		return nil
	}
	p.ToAffine()
	return btcec.NewPublicKey(&p.X, &p.Y)
}

func requirePoint(t require.TestingT, want *PublicKey, got *jacobian, what string) {
	p, ok := got.affine()
	if want == nil {
		require.False(t, ok, what)
		return
	}
	require.True(t, ok, what)
	require.Equal(t, want.SerializeUncompressed(), p.key().SerializeUncompressed(), what)
}

func TestMultiplicationsAgreeWithAnotherImplementation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, secret := anyScalar(t, "k"), anyScalar(t, "point")
		var p jacobian
		var want btcec.JacobianPoint
		btcec.ScalarBaseMultNonConst(k, &want)
		ref := reference(&want)
		multiplyBase(&p, k)
		requirePoint(t, ref, &p, "base, secret scalar")
		p = jacobian{}
		addBaseFast(&p, k)
		requirePoint(t, ref, &p, "base")
		if secret.IsZero() || k.IsZero() {
			return
		}
		var q btcec.JacobianPoint
		btcec.ScalarBaseMultNonConst(secret, &q)
		point := affineOf(reference(&q))
		btcec.ScalarMultNonConst(k, &q, &want)
		ref = reference(&want)
		multiply(&p, k, &point)
		requirePoint(t, ref, &p, "point, secret scalar")
		multiplyFast(&p, k, &point)
		requirePoint(t, ref, &p, "point")
	})
}

func TestSumsOfAnyPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyScalar(t, "a"), anyScalar(t, "b")
		if rapid.Bool().Draw(t, "related") {
			b = new(Scalar).Set(a)
			if rapid.Bool().Draw(t, "opposite") {
				b.Negate()
			}
		}
		var p, q, sum jacobian
		multiplyBase(&p, a)
		multiplyBase(&q, b)
		var c Scalar
		c.Add2(a, b)
		var want btcec.JacobianPoint
		btcec.ScalarBaseMultNonConst(&c, &want)
		ref := reference(&want)
		sum.addJacobian(&p, &q)
		requirePoint(t, ref, &sum, "jacobian")
		if r, ok := q.affine(); ok {
			sum.add(&p, &r)
			requirePoint(t, ref, &sum, "affine")
		}
	})
}

func TestASplitScalarIsTheSumOfShortHalves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := anyScalar(t, "k")
		halves := split(k)
		n := btcec.S256().N
		lambda := new(big.Int).Sub(n, new(big.Int).SetBytes(scalarBytes(minusλ)))
		sum := new(big.Int)
		for i, weight := range []*big.Int{big.NewInt(1), lambda} {
			h := element{halves[i].lo, halves[i].hi}
			part := h.whole()
			digits, length := halves[i].sparse()
			odd, sparse := new(big.Int), new(big.Int)
			for j := 31; j >= 0; j-- {
				place, minus := halves[i].digit(j)
				d := big.NewInt(int64(2*place + 1))
				if minus != 0 {
					d.Neg(d)
				}
				odd.Lsh(odd, 4).Add(odd, d)
			}
			require.Equal(t, new(big.Int).SetBit(part, 0, 1).String(), odd.String())
			if halves[i].minus != 0 {
				part = new(big.Int).Neg(h.whole())
			} else {
				part = h.whole()
			}
			for j := length - 1; j >= 0; j-- {
				sparse.Lsh(sparse, 1).Add(sparse, big.NewInt(int64(digits[j])))
			}
			require.Equal(t, part.String(), sparse.String())
			sum.Add(sum, new(big.Int).Mul(part, weight))
		}
		require.Equal(t, new(big.Int).SetBytes(scalarBytes(k)).String(), sum.Mod(sum, n).String())
	})
}

func TestOddMultiplesAreThoseOfThePoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := anyScalar(t, "k")
		if k.IsZero() {
			return
		}
		var p jacobian
		multiplyBase(&p, k)
		point, _ := p.affine()
		table, z := oddMultiples(&point)
		for i := range table {
			var m Scalar
			m.SetInt(uint32(2*i + 1)).Mul(k)
			var want btcec.JacobianPoint
			btcec.ScalarBaseMultNonConst(&m, &want)
			requirePoint(t, reference(&want), &jacobian{table[i].x, table[i].y, z}, "multiple")
			require.Equal(t, table[i], table.pick(uint64(i)))
		}
	})
}

func BenchmarkMultiply(b *testing.B) {
	k := key(1).Key
	q := affineOf(key(2).PubKey())
	var p jacobian
	b.Run("base/secret", func(b *testing.B) {
		for b.Loop() {
			multiplyBase(&p, &k)
		}
	})
	b.Run("base", func(b *testing.B) {
		for b.Loop() {
			p = jacobian{}
			addBaseFast(&p, &k)
		}
	})
	b.Run("point/secret", func(b *testing.B) {
		for b.Loop() {
			multiply(&p, &k, &q)
		}
	})
	b.Run("point", func(b *testing.B) {
		for b.Loop() {
			multiplyFast(&p, &k, &q)
		}
	})
	b.Run("reference", func(b *testing.B) {
		var in, out btcec.JacobianPoint
		key(2).PubKey().AsJacobian(&in)
		for b.Loop() {
			btcec.ScalarMultNonConst(&k, &in, &out)
		}
	})
}
