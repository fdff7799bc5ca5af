package commitment

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
)

const testCapacity btcutil.Amount = 100_000_000

// signed is our commitment with n HTLCs and the counterparty's signatures on it.
func signed(t testing.TB, n int) (c *pair, built *Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) {
	c = newPair(Anchors, testCapacity, [2]btcutil.Amount{354, 354}, Local)
	s := manyHTLCs(testCapacity, n)
	built, err := Build(c.ours, Local, c.local.Point(7), s)
	require.NoError(t, err)
	theirs, err := Build(c.theirs, Remote, c.local.Point(7), mirrorState(s))
	require.NoError(t, err)
	sig, htlcSigs, err = c.remote.SignRemote(c.theirs, theirs)
	require.NoError(t, err)
	return c, built, sig, htlcSigs
}

// prepareFrom is curve.PrepareFrom where preparing is ever worth it.
const prepareFrom = min(curve.PrepareFrom, 24)

func TestManySignaturesVerifyAcrossTheCores(t *testing.T) {
	for _, n := range []int{0, 1, forkFrom, prepareFrom - 1, prepareFrom, 2 * MaxHTLCs} {
		c, built, sig, htlcSigs := signed(t, n)
		require.Len(t, htlcSigs, n)
		require.NoError(t, Verify(c.ours, built, sig, htlcSigs))
	}
}

func TestEachWrongSignatureIsFound(t *testing.T) {
	for _, n := range []int{1, 5, prepareFrom + 3} {
		c, built, sig, htlcSigs := signed(t, n)
		for i := range htlcSigs {
			bad := append([]lnwire.Sig(nil), htlcSigs...)
			bad[i][40] ^= 1
			err := Verify(c.ours, built, sig, bad)
			require.ErrorIs(t, err, ErrSignature)
			require.ErrorContains(t, err, fmt.Sprintf("output %d", built.HTLCs[i].Index))
		}
		sig[3] ^= 1
		require.ErrorIs(t, Verify(c.ours, built, sig, htlcSigs), ErrSignature)
	}
}

func TestSignaturesMustBeOneForEachUntrimmedHTLC(t *testing.T) {
	c, built, sig, htlcSigs := signed(t, 6)
	require.ErrorIs(t, Verify(c.ours, built, sig, htlcSigs[:5]), ErrSignatureCount)
	require.ErrorIs(t, Verify(c.ours, built, sig, append(htlcSigs, sig)), ErrSignatureCount)
	require.ErrorIs(t, Verify(c.ours, built, sig, nil), ErrSignatureCount)
}

func TestSignaturesInAnotherOrderAreRefused(t *testing.T) {
	c, built, sig, htlcSigs := signed(t, 2)
	htlcSigs[0], htlcSigs[1] = htlcSigs[1], htlcSigs[0]
	require.ErrorIs(t, Verify(c.ours, built, sig, htlcSigs), ErrSignature)
}

func TestAHighSOfTheCounterpartyIsRefused(t *testing.T) {
	c, built, sig, htlcSigs := signed(t, 2)
	require.ErrorIs(t, Verify(c.ours, built, highS(sig), htlcSigs), ErrSignature)
	htlcSigs[1] = highS(htlcSigs[1])
	require.ErrorIs(t, Verify(c.ours, built, sig, htlcSigs), ErrSignature)
}

func highS(sig lnwire.Sig) lnwire.Sig {
	var s btcec.ModNScalar
	s.SetByteSlice(sig[32:])
	s.Negate()
	s.PutBytesUnchecked(sig[32:])
	return sig
}

func TestEachSideSignsAndVerifiesOnlyWhatItMay(t *testing.T) {
	c, built, sig, htlcSigs := signed(t, 2)
	_, _, err := c.local.SignRemote(c.ours, built)
	require.ErrorIs(t, err, ErrOwner)
	theirs, err := Build(c.ours, Remote, c.remote.Point(0), manyHTLCs(testCapacity, 2))
	require.NoError(t, err)
	_, err = c.local.SignLocal(c.ours, theirs)
	require.ErrorIs(t, err, ErrOwner)
	require.ErrorIs(t, Verify(c.ours, theirs, sig, htlcSigs), ErrOwner)
	_, err = c.local.SignClosing(c.ours, built.Tx)
	require.ErrorIs(t, err, ErrNotClosing)
}

func TestAnnouncementsAreSignedWithTheFundingKey(t *testing.T) {
	s := NewSecrets([32]byte{9})
	digest := chainhash.HashH([]byte("announcement"))
	sig := s.SignDigest(digest)
	key, err := s.Basepoints().Funding.Parse()
	require.NoError(t, err)
	require.True(t, curve.Verify(key, (*[32]byte)(&digest), (*[64]byte)(&sig)))
}

func TestForkJoinVisitsAllOrReportsABadOne(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 100} {
		visited := make([]bool, n)
		require.Equal(t, -1, forkJoin(n, func(i int) bool { visited[i] = true; return true }))
		for i, v := range visited {
			require.True(t, v, "%d of %d", i, n)
		}
		for bad := range n {
			require.Equal(t, bad, forkJoin(n, func(i int) bool { return i != bad }))
		}
	}
}

func TestKeysAreDerivedFromTheSeedAlone(t *testing.T) {
	a, b := NewSecrets([32]byte{1}), NewSecrets([32]byte{1})
	require.Equal(t, a.Basepoints(), b.Basepoints())
	require.Equal(t, a.Secret(5), b.Secret(5))
	require.NotEqual(t, a.Basepoints(), NewSecrets([32]byte{2}).Basepoints())
	// The derivation never changes: funds depend on it.
	require.Equal(t, goldenFunding, a.Basepoints().Funding.String())
	require.Equal(t, goldenHTLC, a.Basepoints().HTLC.String())
	require.Equal(t, goldenPoint, a.Point(0).String())
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", a, a, a), fmt.Sprintf("%x", a.funding.Serialize()))
}

const (
	goldenFunding = "03fab718c89edeff6cc5cf6c3b53a2e1f09681572f324a8d8cb049abea589e8f58"
	goldenHTLC    = "0279fd74d018f827e1d505fa81fd4abc8b29baef0ee0f8432464763775da4d1711"
	goldenPoint   = "02014230bc25f61d044059619ec7e69d936374f55bb8ce894c065625c8214ac9b1"
)

func BenchmarkCommitment(b *testing.B) {
	for _, n := range []int{0, 50, 483} {
		c, built, sig, htlcSigs := signed(b, n)
		s := manyHTLCs(testCapacity, n)
		point := c.remote.Point(7)
		keys, err := DeriveKeys(c.ours, Remote, point)
		require.NoError(b, err)
		theirs, err := keys.Build(c.ours, s)
		require.NoError(b, err)
		b.Run(fmt.Sprintf("derive keys/%d", n), func(b *testing.B) {
			for b.Loop() {
				_, err = DeriveKeys(c.ours, Remote, point)
			}
		})
		b.Run(fmt.Sprintf("build/%d", n), func(b *testing.B) {
			for b.Loop() {
				_, err = keys.Build(c.ours, s)
			}
		})
		b.Run(fmt.Sprintf("sign/%d", n), func(b *testing.B) {
			for b.Loop() {
				_, _, err = c.local.SignRemote(c.ours, theirs)
			}
		})
		b.Run(fmt.Sprintf("verify/%d", n), func(b *testing.B) {
			for b.Loop() {
				err = Verify(c.ours, built, sig, htlcSigs)
			}
		})
		require.NoError(b, err)
	}
}
