package curve

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func key(n uint64) *PrivateKey {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], n)
	d := sha256.Sum256(seed[:])
	k, _ := btcec.PrivKeyFromBytes(d[:])
	return k
}

func digest(n uint64) *[32]byte {
	var seed [9]byte
	binary.BigEndian.PutUint64(seed[:], n)
	d := sha256.Sum256(seed[:])
	return &d
}

func TestASignatureVerifiesUnderItsKeyAndDigestOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, flip := rapid.Uint64().Draw(t, "key"), rapid.IntRange(0, 511).Draw(t, "flipped bit")
		k := key(n)
		pub := k.PubKey()
		sig := Sign(k, digest(n))
		require.True(t, Verify(pub, digest(n), &sig))
		require.False(t, Verify(pub, digest(n+1), &sig))
		require.False(t, Verify(key(n+1).PubKey(), digest(n), &sig))
		sig[flip/8] ^= 1 << (flip % 8)
		require.False(t, Verify(pub, digest(n), &sig))
	})
}

func TestAPreparedKeyVerifiesAsTheKeyDoes(t *testing.T) {
	k := key(7)
	prepared := Prepare(k.PubKey())
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "digest")
		sig := Sign(k, digest(n))
		require.True(t, prepared.Verify(digest(n), &sig))
		require.False(t, prepared.Verify(digest(n+1), &sig))
		sig[rapid.IntRange(0, 63).Draw(t, "byte")] ^= 1
		require.Equal(t, Verify(k.PubKey(), digest(n), &sig), prepared.Verify(digest(n), &sig))
	})
}

func TestAPreparedKeyMultipliesBySparseScalars(t *testing.T) {
	pub := key(9).PubKey()
	prepared := Prepare(pub)
	for bit := range 256 {
		var b [32]byte
		b[31-bit/8] = 1 << (bit % 8)
		var k Scalar
		if k.SetBytes(&b) != 0 {
			continue
		}
		want, err := Mul(pub, &k)
		require.NoError(t, err)
		var p btcec.JacobianPoint
		prepared.mul(&k, &p)
		got, err := affine(&p)
		require.NoError(t, err)
		require.True(t, want.IsEqual(got), "bit %d", bit)
	}
}

func TestAHighSIsRefused(t *testing.T) {
	k := key(1)
	sig := Sign(k, digest(1))
	var s Scalar
	s.SetByteSlice(sig[32:])
	s.Negate()
	s.PutBytesUnchecked(sig[32:])
	require.False(t, Verify(k.PubKey(), digest(1), &sig), "n-s is as valid an ECDSA signature, and malleates the transaction")
}

func TestZeroAndOverflowingPartsAreRefused(t *testing.T) {
	k := key(1)
	order := btcec.S256().N.FillBytes(make([]byte, 32))
	for _, at := range []int{0, 32} {
		for _, part := range [][]byte{make([]byte, 32), order} {
			sig := Sign(k, digest(1))
			copy(sig[at:at+32], part)
			require.False(t, Verify(k.PubKey(), digest(1), &sig))
		}
	}
}

func TestPointArithmeticAgreesWithScalars(t *testing.T) {
	a, b := key(3), key(4)
	var sum Scalar
	sum.Add2(&a.Key, &b.Key)
	got, err := AddBase(a.PubKey(), &b.Key)
	require.NoError(t, err)
	want, err := Base(&sum)
	require.NoError(t, err)
	require.True(t, want.IsEqual(got))

	got, err = Combine(a.PubKey(), &b.Key, b.PubKey(), &a.Key)
	require.NoError(t, err)
	var ab, twice Scalar
	ab.Mul2(&a.Key, &b.Key)
	twice.Add2(&ab, &ab)
	want, err = Base(&twice)
	require.NoError(t, err)
	require.True(t, want.IsEqual(got))
	require.Equal(t, ECDH(a, b.PubKey()), ECDH(b, a.PubKey()))
}

func TestInfinityIsNoKey(t *testing.T) {
	a := key(3)
	var minus Scalar
	minus.NegateVal(&a.Key)
	_, err := AddBase(a.PubKey(), &minus)
	require.ErrorIs(t, err, ErrInfinity)
	_, err = Base(new(Scalar))
	require.ErrorIs(t, err, ErrInfinity)
	_, err = Mul(a.PubKey(), new(Scalar))
	require.ErrorIs(t, err, ErrInfinity)
	one := new(Scalar).SetInt(1)
	neg, err := Base(&minus)
	require.NoError(t, err)
	_, err = Combine(a.PubKey(), one, neg, one)
	require.ErrorIs(t, err, ErrInfinity)
}

func BenchmarkSign(b *testing.B) {
	k, d := key(1), digest(1)
	for b.Loop() {
		Sign(k, d)
	}
}

func BenchmarkVerify(b *testing.B) {
	k, d := key(1), digest(1)
	sig := Sign(k, d)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			Verify(k.PubKey(), d, &sig)
		}
	})
	b.Run("prepared", func(b *testing.B) {
		p := Prepare(k.PubKey())
		for b.Loop() {
			p.Verify(d, &sig)
		}
	})
}

func BenchmarkPrepare(b *testing.B) {
	pub := key(1).PubKey()
	for b.Loop() {
		Prepare(pub)
	}
}

func BenchmarkECDH(b *testing.B) {
	k, pub := key(1), key(2).PubKey()
	for b.Loop() {
		ECDH(k, pub)
	}
}
