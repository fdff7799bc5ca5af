//go:build !libsecp256k1

package curve

import (
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAPreparedKeyMultipliesAsTheKeyDoes(t *testing.T) {
	pub := key(9).PubKey()
	prepared := Prepare(pub)
	rapid.Check(t, func(t *rapid.T) {
		k := anyScalar(t, "k")
		want, err := Mul(pub, k)
		var got btcec.JacobianPoint
		prepared.mul(k, &got)
		have, err2 := Sum{got}.Key()
		require.Equal(t, err, err2)
		if err == nil {
			require.True(t, want.IsEqual(have))
		}
	})
}

func TestAnXBeyondTheOrderIsItsRemainder(t *testing.T) {
	// The x of a point may be in [n, p): then r is x - n. Such a point is found by search upward from n.
	for x := new(big.Int).Set(btcec.S256().N); ; x.Add(x, big.NewInt(1)) {
		b := [33]byte{2}
		x.FillBytes(b[1:])
		k, err := Parse(&b)
		if err != nil {
			continue
		}
		var r Scalar
		require.Equal(t, uint32(1), r.SetBytes((*[32]byte)(b[1:])))
		var p, twice btcec.JacobianPoint
		k.AsJacobian(&p)
		btcec.DoubleNonConst(&p, &twice)
		require.False(t, xIs(&twice, &r))
		require.True(t, xIs(&p, &r))
		require.False(t, xIs(&p, new(Scalar).Add2(&r, new(Scalar).SetInt(1))))
		return
	}
}
