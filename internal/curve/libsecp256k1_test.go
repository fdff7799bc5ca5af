//go:build libsecp256k1

package curve

import (
	"crypto/sha256"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Each operation is compared with btcec called directly, since the other build's files are not in this one.

// nonZero is a private key, small and large ones more often than chance would.
func nonZero(t *rapid.T, label string) *PrivateKey {
	k := anyScalar(t, label)
	if k.IsZero() {
		k.SetInt(1)
	}
	return btcec.PrivKeyFromScalar(k)
}

// anyDigest draws from all strings of 32 bytes, those at and beyond the group order too.
func anyDigest(t *rapid.T) *[32]byte {
	var d [32]byte
	switch rapid.IntRange(0, 3).Draw(t, "digest kind") {
	case 0:
		btcec.S256().N.FillBytes(d[:])
		d[31] += byte(rapid.IntRange(-3, 3).Draw(t, "offset"))
	case 1:
		fill := rapid.SampledFrom([]byte{0, 255}).Draw(t, "fill")
		for i := range d {
			d[i] = fill
		}
	default:
		copy(d[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
	}
	return &d
}

// point is k·p + j·q by btcec, nil at infinity.
func point(p *PublicKey, k *Scalar, q *PublicKey, j *Scalar) *PublicKey {
	var in, a, b, sum btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(k, &in, &a)
	q.AsJacobian(&in)
	btcec.ScalarMultNonConst(j, &in, &b)
	btcec.AddNonConst(&a, &b, &sum)
	if sum.Z.IsZero() || sum.X.IsZero() && sum.Y.IsZero() {
		return nil
	}
	sum.ToAffine()
	return btcec.NewPublicKey(&sum.X, &sum.Y)
}

func requireKey(t require.TestingT, want, got *PublicKey, err error) {
	if want == nil {
		require.ErrorIs(t, err, ErrInfinity)
		require.Nil(t, got)
		return
	}
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestTheLibrarySignsAsBtcec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, d := nonZero(t, "key"), anyDigest(t)
		want := ecdsa.SignCompact(k, d[:], true)
		require.Equal(t, [64]byte(want[1:]), Sign(k, d))
		sig, id := SignRecoverable(k, d)
		require.Equal(t, want[1:], sig[:])
		require.Equal(t, want[0]-31, id)
		require.True(t, Verify(k.PubKey(), d, &sig))
		found, err := Recover(d, &sig, id)
		require.NoError(t, err)
		require.Equal(t, k.PubKey(), found)
	})
}

func TestTheLibraryVerifiesAsBtcec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, d := nonZero(t, "key"), anyDigest(t)
		sig := Sign(k, d)
		var r, s Scalar
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			sig[rapid.IntRange(0, 63).Draw(t, "byte")] ^= rapid.Byte().Draw(t, "flip")
		case 1:
			anyScalar(t, "r").PutBytesUnchecked(sig[:32])
		case 2:
			anyScalar(t, "s").PutBytesUnchecked(sig[32:])
		case 3:
			s.SetByteSlice(sig[32:])
			s.Negate().PutBytesUnchecked(sig[32:])
		}
		over := r.SetByteSlice(sig[:32])
		over = s.SetByteSlice(sig[32:]) || over
		lax := !over && ecdsa.NewSignature(&r, &s).Verify(d[:], k.PubKey())
		require.Equal(t, lax, VerifyLax(k.PubKey(), d, &sig))
		require.Equal(t, lax && !s.IsOverHalfOrder(), Verify(k.PubKey(), d, &sig))
		require.Equal(t, lax && !s.IsOverHalfOrder(), Prepare(k.PubKey()).Verify(d, &sig))
	})
}

func TestTheLibraryRecoversAsBtcec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sig [64]byte
		anyScalar(t, "r").PutBytesUnchecked(sig[:32])
		anyScalar(t, "s").PutBytesUnchecked(sig[32:])
		if rapid.Bool().Draw(t, "overflow") {
			half := 32 * rapid.IntRange(0, 1).Draw(t, "half")
			btcec.S256().N.FillBytes(sig[half : half+32])
		}
		d, id := anyDigest(t), rapid.ByteRange(0, 5).Draw(t, "id")
		got, err := Recover(d, &sig, id)
		if id > 3 {
			require.ErrorIs(t, err, ErrRecover)
			return
		}
		want, _, wantErr := ecdsa.RecoverCompact(append([]byte{id + 31}, sig[:]...), d[:])
		if wantErr != nil {
			require.ErrorIs(t, err, ErrRecover)
			return
		}
		require.NoError(t, err)
		require.True(t, want.IsEqual(got))
	})
}

func TestTheLibraryAddsAndMultipliesAsBtcec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := nonZero(t, "a"), nonZero(t, "b")
		j, k := anyScalar(t, "j"), anyScalar(t, "k")
		switch rapid.IntRange(0, 3).Draw(t, "relation") {
		case 0: // p + k·G and j·p + k·q are infinity
			k.NegateVal(&a.Key)
			b, j = btcec.PrivKeyFromScalar(new(Scalar).SetInt(1)), new(Scalar).SetInt(1)
		case 1: // both are doublings
			k.Set(&a.Key)
			b, j = btcec.PrivKeyFromScalar(new(Scalar).SetInt(1)), new(Scalar).SetInt(1)
		}
		p, q := a.PubKey(), b.PubKey()
		one, zero := new(Scalar).SetInt(1), new(Scalar)
		g := btcec.PrivKeyFromScalar(one).PubKey()

		require.Equal(t, p, Public(a))
		got, err := Base(k)
		requireKey(t, point(g, k, g, zero), got, err)
		got, err = Mul(p, k)
		requireKey(t, point(p, k, g, zero), got, err)

		sums := []Sum{AddBase(p, k), Combine(p, j, q, k)}
		wants := []*PublicKey{point(p, one, g, k), point(p, j, q, k)}
		for i, want := range wants {
			got, err = sums[i].Key()
			requireKey(t, want, got, err)
			var to [1][33]byte
			err = Compress(to[:], sums[i:i+1])
			if want == nil {
				require.ErrorIs(t, err, ErrInfinity)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want.SerializeCompressed(), to[0][:])
		}
		require.Equal(t, sha256.Sum256(point(p, &b.Key, g, zero).SerializeCompressed()), ECDH(b, p))
	})
}

func TestAKeyOfZeroIsAsInBtcecOrPanics(t *testing.T) {
	zero := btcec.PrivKeyFromScalar(new(Scalar))
	require.Equal(t, zero.PubKey(), Public(zero))
	require.Equal(t, sha256.Sum256(btcec.NewPublicKey(xy(zero, key(1).PubKey())).SerializeCompressed()), ECDH(zero, key(1).PubKey()))
	require.Panics(t, func() { Sign(zero, digest(1)) })
	require.Panics(t, func() { SignRecoverable(zero, digest(1)) })
}

func TestWhatIsNoPointIsRefused(t *testing.T) {
	// Parse makes no such key; btcec.NewPublicKey does, unasked.
	var x, y btcec.FieldVal
	for _, k := range []*PublicKey{btcec.NewPublicKey(&x, &y), btcec.NewPublicKey(x.SetInt(1), y.SetInt(1))} {
		sig := Sign(key(1), digest(1))
		require.False(t, Verify(k, digest(1), &sig))
		_, err := Mul(k, new(Scalar).SetInt(2))
		require.Error(t, err)
	}
}
