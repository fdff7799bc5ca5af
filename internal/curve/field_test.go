package curve

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var prime, _ = new(big.Int).SetString("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", 16)

// anyElement draws limbs of which many are at the ends of their range, where carries go wrong.
func anyElement(t *rapid.T, label string) element {
	limb := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{
		0, 1, 2, fieldC - 1, fieldC, fieldC + 1, 1 << 63, 1<<64 - fieldC, 1<<64 - fieldC + 1, 1<<64 - 2, 1<<64 - 1,
	}))
	return element{limb.Draw(t, label), limb.Draw(t, label), limb.Draw(t, label), limb.Draw(t, label)}
}

// whole is the number in the limbs, reduced or not.
func (x element) whole() *big.Int {
	n := new(big.Int)
	for i := 3; i >= 0; i-- {
		n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(x[i]))
	}
	return n
}

// requireResidue checks an element against a number, modulo p.
func requireResidue(t require.TestingT, want *big.Int, got element, what string) {
	want = new(big.Int).Mod(want, prime)
	b := got.bytes()
	require.Equal(t, want.String(), new(big.Int).SetBytes(b[:]).String(), what)
	require.Zero(t, new(big.Int).Mod(new(big.Int).Sub(got.whole(), want), prime).Sign(), what)
}

func TestElementsAreArithmeticModuloThePrime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := anyElement(t, "x"), anyElement(t, "y")
		a, b := x.whole(), y.whole()
		var z element
		z.add(&x, &y)
		requireResidue(t, new(big.Int).Add(a, b), z, "sum")
		z.sub(&x, &y)
		requireResidue(t, new(big.Int).Sub(a, b), z, "difference")
		z.neg(&x)
		requireResidue(t, new(big.Int).Neg(a), z, "negation")
		z.mul(&x, &y)
		requireResidue(t, new(big.Int).Mul(a, b), z, "product")
		z.square(&x)
		requireResidue(t, new(big.Int).Mul(a, a), z, "square")
		z.half(&x)
		z.add(&z, &z)
		requireResidue(t, a, z, "twice the half")
		require.Equal(t, new(big.Int).Mod(a, prime).Bit(0) == 1, x.isOdd())
		require.Equal(t, new(big.Int).Mod(a, prime).Sign() == 0, x.isZero())
		require.Equal(t, a.Cmp(prime) < 0, x.inRange())
		require.Equal(t, new(big.Int).Mod(new(big.Int).Sub(a, b), prime).Sign() == 0, x.equal(&y))
	})
}

func TestOperationsMayOverwriteTheirArguments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := anyElement(t, "x"), anyElement(t, "y")
		for name, op := range map[string]func(z, x, y *element){
			"add": (*element).add, "sub": (*element).sub, "mul": (*element).mul,
			"square": func(z, x, _ *element) { z.square(x) }, "half": func(z, x, _ *element) { z.half(x) },
			"inverse": func(z, x, _ *element) { z.inverse(x) }, "root": func(z, x, _ *element) { z.root(x) },
		} {
			var want element
			op(&want, &x, &y)
			first, second := x, y
			op(&first, &first, &y)
			require.Equal(t, want, first, name)
			op(&second, &x, &second)
			require.Equal(t, want, second, name)
		}
	})
}

func TestInversesAndRootsOfElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyElement(t, "x")
		var z, square element
		z.inverse(&x)
		if x.isZero() {
			require.True(t, z.isZero())
			return
		}
		z.mul(&z, &x)
		require.True(t, z.equal(&element{1}))

		square.square(&x)
		require.True(t, z.root(&square))
		var minus element
		minus.neg(&x)
		require.True(t, z.equal(&x) || z.equal(&minus))
		require.Equal(t, big.Jacobi(new(big.Int).Mod(x.whole(), prime), prime) == 1, z.root(&x))
	})
}

func TestResiduesAtThePrimeAreReduced(t *testing.T) {
	for i := range int64(5) {
		n := new(big.Int).Add(prime, big.NewInt(i-2))
		var b [32]byte
		n.FillBytes(b[:])
		x := elementOf(&b)
		requireResidue(t, n, x, n.String())
		require.Equal(t, i < 2, x.inRange())
	}
}

func BenchmarkElement(b *testing.B) {
	x, y := element{1, 2, 3, 4}, element{5, 6, 7, 1 << 63}
	b.Run("mul", func(b *testing.B) {
		for b.Loop() {
			x.mul(&x, &y)
		}
	})
	b.Run("square", func(b *testing.B) {
		for b.Loop() {
			x.square(&x)
		}
	})
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			x.add(&x, &y)
		}
	})
	b.Run("inverse", func(b *testing.B) {
		for b.Loop() {
			x.inverse(&x)
		}
	})
}
