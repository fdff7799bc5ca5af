package curve

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
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

// anyScalar draws from the whole range, sparse ones and the edges more often than chance would.
func anyScalar(t *rapid.T, label string) *Scalar {
	var k Scalar
	switch rapid.IntRange(0, 3).Draw(t, label+" kind") {
	case 0:
		k.SetInt(uint32(rapid.IntRange(0, 3).Draw(t, label)))
	case 1:
		k.SetInt(uint32(rapid.IntRange(0, 3).Draw(t, label))).Negate()
	case 2:
		var b [32]byte
		b[rapid.IntRange(0, 31).Draw(t, label+" byte")] = rapid.Byte().Draw(t, label)
		k.SetBytes(&b)
	default:
		k.SetByteSlice(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, label))
	}
	return &k
}

func TestSignaturesAreThoseOfAnotherImplementation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, n := key(rapid.Uint64().Draw(t, "key")), rapid.Uint64().Draw(t, "digest")
		sig, id := SignRecoverable(k, digest(n))
		want := ecdsa.SignCompact(k, digest(n)[:], true)
		require.Equal(t, want[1:], sig[:])
		require.Equal(t, want[0]-31, id)
		der := ecdsa.Sign(k, digest(n)[:])
		require.True(t, der.Verify(digest(n)[:], k.PubKey()))

		found, err := Recover(digest(n), &sig, id)
		require.NoError(t, err)
		require.True(t, k.PubKey().IsEqual(found))
		require.True(t, k.PubKey().IsEqual(Public(k)))
	})
}

func TestKeysAreRecoveredAsAnotherImplementationDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sig := [64]byte(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature"))
		if rapid.Bool().Draw(t, "tiny r") { // r + n is an x then, for two of the four numbers
			copy(sig[:], make([]byte, 16))
		}
		id := rapid.ByteRange(0, 4).Draw(t, "id")
		got, err := Recover(digest(1), &sig, id)
		want, _, wantErr := ecdsa.RecoverCompact(append([]byte{id + 31}, sig[:]...), digest(1)[:])
		require.Equal(t, wantErr == nil, err == nil, wantErr)
		if err == nil {
			require.True(t, want.IsEqual(got))
			require.True(t, VerifyLax(got, digest(1), &sig))
		}
	})
}

func TestOnlyTheLaxCheckTakesAHighS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := key(rapid.Uint64().Draw(t, "key"))
		sig := Sign(k, digest(1))
		require.True(t, VerifyLax(k.PubKey(), digest(1), &sig))
		var s Scalar
		s.SetByteSlice(sig[32:])
		s.Negate()
		s.PutBytesUnchecked(sig[32:])
		require.True(t, VerifyLax(k.PubKey(), digest(1), &sig))
		require.False(t, Verify(k.PubKey(), digest(1), &sig))
		require.False(t, VerifyLax(k.PubKey(), digest(2), &sig))
	})
}

func TestKeysAreReadAsAnotherImplementationDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b [33]byte
		copy(b[1:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "x"))
		if rapid.Bool().Draw(t, "near the prime") {
			btcec.S256().P.FillBytes(b[1:])
			b[32] += byte(rapid.IntRange(0, 20).Draw(t, "offset")) - 10
		}
		b[0] = rapid.SampledFrom([]byte{2, 3, 2, 3, 0, 4, 6}).Draw(t, "format")
		got, err := Parse(&b)
		want, wantErr := btcec.ParsePubKey(b[:])
		if wantErr != nil {
			require.ErrorIs(t, err, ErrNoPoint)
			return
		}
		require.NoError(t, err)
		require.True(t, want.IsEqual(got))
		require.Equal(t, b[:], got.SerializeCompressed())
	})
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
	got, err := AddBase(a.PubKey(), &b.Key).Key()
	require.NoError(t, err)
	want, err := Base(&sum)
	require.NoError(t, err)
	require.True(t, want.IsEqual(got))

	got, err = Combine(a.PubKey(), &b.Key, b.PubKey(), &a.Key).Key()
	require.NoError(t, err)
	var ab, twice Scalar
	ab.Mul2(&a.Key, &b.Key)
	twice.Add2(&ab, &ab)
	want, err = Base(&twice)
	require.NoError(t, err)
	require.True(t, want.IsEqual(got))
	require.Equal(t, ECDH(a, b.PubKey()), ECDH(b, a.PubKey()))
	shared := sha256.Sum256(btcec.NewPublicKey(xy(a, b.PubKey())).SerializeCompressed())
	require.Equal(t, shared, ECDH(a, b.PubKey()))
}

// xy is k·p by another implementation.
func xy(k *PrivateKey, p *PublicKey) (x, y *btcec.FieldVal) {
	var in, out btcec.JacobianPoint
	p.AsJacobian(&in)
	btcec.ScalarMultNonConst(&k.Key, &in, &out)
	out.ToAffine()
	return &out.X, &out.Y
}

func TestSumsAreCompressedTogether(t *testing.T) {
	a, b := key(3), key(4)
	sums := []Sum{AddBase(a.PubKey(), &b.Key), AddBase(b.PubKey(), &b.Key), Combine(a.PubKey(), &b.Key, b.PubKey(), &a.Key)}
	for n := range len(sums) + 1 {
		got := make([][33]byte, n)
		require.NoError(t, Compress(got, sums[:n]))
		for i := range got {
			want, err := sums[i].Key()
			require.NoError(t, err)
			require.Equal(t, want.SerializeCompressed(), got[i][:])
		}
	}
	require.ErrorIs(t, Compress(make([][33]byte, 4), append(sums, Sum{})), ErrInfinity)
}

func TestInfinityIsNoKey(t *testing.T) {
	a := key(3)
	var minus Scalar
	minus.NegateVal(&a.Key)
	_, err := AddBase(a.PubKey(), &minus).Key()
	require.ErrorIs(t, err, ErrInfinity)
	_, err = Base(new(Scalar))
	require.ErrorIs(t, err, ErrInfinity)
	_, err = Mul(a.PubKey(), new(Scalar))
	require.ErrorIs(t, err, ErrInfinity)
	one := new(Scalar).SetInt(1)
	neg, err := Base(&minus)
	require.NoError(t, err)
	_, err = Combine(a.PubKey(), one, neg, one).Key()
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
	sig, pub := Sign(k, d), k.PubKey()
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			Verify(pub, d, &sig)
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

func BenchmarkSignRecoverable(b *testing.B) {
	k, d := key(1), digest(1)
	for b.Loop() {
		SignRecoverable(k, d)
	}
}

func BenchmarkVerifyLax(b *testing.B) {
	k, d := key(1), digest(1)
	sig, pub := Sign(k, d), k.PubKey()
	for b.Loop() {
		VerifyLax(pub, d, &sig)
	}
}

func BenchmarkRecover(b *testing.B) {
	d := digest(1)
	sig, id := SignRecoverable(key(1), d)
	for b.Loop() {
		must(Recover(d, &sig, id))
	}
}

func BenchmarkParse(b *testing.B) {
	compressed := [33]byte(key(1).PubKey().SerializeCompressed())
	for b.Loop() {
		must(Parse(&compressed))
	}
}

func BenchmarkPublic(b *testing.B) {
	k := key(1)
	for b.Loop() {
		Public(k)
	}
}

func BenchmarkBase(b *testing.B) {
	k := key(1)
	for b.Loop() {
		must(Base(&k.Key))
	}
}

func BenchmarkMul(b *testing.B) {
	k, pub := key(1), key(2).PubKey()
	for b.Loop() {
		must(Mul(pub, &k.Key))
	}
}

func BenchmarkAddBase(b *testing.B) {
	k, pub := key(1), key(2).PubKey()
	for b.Loop() {
		must(AddBase(pub, &k.Key).Key())
	}
}

func BenchmarkCombine(b *testing.B) {
	j, k := key(1), key(2)
	p, q := j.PubKey(), k.PubKey()
	for b.Loop() {
		must(Combine(p, &k.Key, q, &j.Key).Key())
	}
}

// BenchmarkCompress is that of the three keys of a commitment.
func BenchmarkCompress(b *testing.B) {
	k, pub := key(1), key(2).PubKey()
	sums := []Sum{AddBase(pub, &k.Key), AddBase(pub, &key(3).Key), AddBase(pub, &key(4).Key)}
	to := make([][33]byte, len(sums))
	for b.Loop() {
		if err := Compress(to, sums); err != nil {
			b.Fatal(err)
		}
	}
}

func must(k *PublicKey, err error) *PublicKey {
	if err != nil {
		panic(err)
	}
	return k
}
