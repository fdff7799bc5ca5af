package commitment

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// pair is a channel seen from both ends.
type pair struct {
	ours, theirs  *Params
	local, remote *Secrets
}

func newPair(f Format, capacity btcutil.Amount, dust [2]btcutil.Amount, opener Side) *pair {
	c := &pair{local: NewSecrets([32]byte{1}), remote: NewSecrets([32]byte{2})}
	c.ours = &Params{
		Format: f, Funding: wire.OutPoint{Hash: chainhash.Hash{7}, Index: 3}, Capacity: capacity, Opener: opener,
		Parties: [2]Party{
			{Basepoints: c.local.Basepoints(), DustLimit: dust[Local], ToSelfDelay: 144},
			{Basepoints: c.remote.Basepoints(), DustLimit: dust[Remote], ToSelfDelay: 2016},
		},
	}
	c.theirs = mirror(c.ours)
	return c
}

// manyHTLCs is a state with n HTLCs, alternately of both sides.
func manyHTLCs(capacity btcutil.Amount, n int) *State {
	s := &State{Number: 7, FeeRate: 2500}
	rest := lnwire.FromSatoshis(capacity)
	for i := range n {
		var seed [8]byte
		binary.BigEndian.PutUint64(seed[:], uint64(i))
		h := HTLC{
			Offerer: Side(i % 2), ID: uint64(i / 2), Amount: lnwire.MilliSatoshi(1_000_000 + 1000*(i%17)),
			Hash: sha256.Sum256(seed[:]), Expiry: 800_000 + uint32(i%5),
		}
		s.HTLCs = append(s.HTLCs, h)
		rest -= h.Amount
	}
	s.Balances = [2]lnwire.MilliSatoshi{rest / 2, rest - rest/2}
	return s
}

func TestHTLCsAreTrimmedBelowTheDustLimitOnly(t *testing.T) {
	// Without anchors the HTLC transaction's fee counts: 5000 * 663 / 1000 = 3315 and 5000 * 703 / 1000 = 3515.
	for _, v := range []struct {
		format  Format
		offerer Side
		limit   btcutil.Amount
	}{
		{StaticRemoteKey, Local, 546 + 3315},
		{StaticRemoteKey, Remote, 546 + 3515},
		{Anchors, Local, 546},
		{Anchors, Remote, 546},
	} {
		c := newPair(v.format, 1_000_000, [2]btcutil.Amount{546, 10_000}, Local)
		at := HTLC{Offerer: v.offerer, Amount: lnwire.FromSatoshis(v.limit)}
		require.False(t, Trimmed(c.ours, Local, 5000, &at), "%s %s", v.format, v.offerer)
		below := HTLC{Offerer: v.offerer, Amount: lnwire.FromSatoshis(v.limit) - 1}
		require.True(t, Trimmed(c.ours, Local, 5000, &below), "%s %s", v.format, v.offerer)
		require.True(t, Trimmed(c.ours, Remote, 5000, &at), "the owner's dust limit counts")
	}
}

func TestTheFeeExampleOfBOLT3(t *testing.T) {
	c := newPair(StaticRemoteKey, 1_000_000, [2]btcutil.Amount{546, 546}, Local)
	s := &State{FeeRate: 5000, Balances: [2]lnwire.MilliSatoshi{500_000_000, 486_200_000}}
	for i, amount := range []lnwire.MilliSatoshi{5000000, 1000000, 7000000, 800000} {
		s.HTLCs = append(s.HTLCs, HTLC{Offerer: Side(i / 2), ID: uint64(i), Amount: amount, Expiry: 500})
	}
	require.EqualValues(t, 5340, CommitmentFee(StaticRemoteKey, 5000, Untrimmed(c.ours, Local, 5000, s.HTLCs)))
	require.EqualValues(t, 1_800_000, DustExposure(c.ours, Local, 5000, s.HTLCs))
	built, err := Build(c.ours, Local, c.local.Point(0), s)
	require.NoError(t, err)
	require.EqualValues(t, 7140, built.Fee)
	require.EqualValues(t, 3515, StaticRemoteKey.HTLCFee(5000, false))
	left, ok := OpenerBalance(c.ours, Local, s)
	require.True(t, ok)
	require.EqualValues(t, 500_000_000-5_340_000, left)
}

func TestAppendixAWeights(t *testing.T) {
	require.EqualValues(t, 724, CommitmentWeight(StaticRemoteKey, 0))
	require.EqualValues(t, 1124, CommitmentWeight(Anchors, 0))
	require.EqualValues(t, 1124+172*966, CommitmentWeight(Anchors, 2*MaxHTLCs))
	for _, v := range []struct {
		format            Format
		timeout, success  int64
		offered, received int // scripts
	}{{StaticRemoteKey, 663, 703, 133, 140}, {Anchors, 666, 706, 136, 143}} {
		require.Equal(t, v.timeout, v.format.htlcWeight(true))
		require.Equal(t, v.success, v.format.htlcWeight(false))
		c := newPair(v.format, 10_000_000, [2]btcutil.Amount{354, 354}, Local)
		built, err := Build(c.ours, Local, c.local.Point(7), manyHTLCs(10_000_000, 2))
		require.NoError(t, err)
		for i := range built.HTLCs {
			h := &built.HTLCs[i]
			r := Recipe{Kind: SpendHTLCTimeout, Script: h.Script}
			expected, script := v.timeout, v.offered
			if h.Offerer == Remote {
				// BOLT 3: "really 702 and 705, but we use these numbers for historical reasons"; the script's expiry has
				// three bytes where four are assumed.
				r.Kind, expected, script = SpendHTLCSuccess, v.success-1-1, v.received-1
			}
			require.Len(t, h.Script, script)
			require.Equal(t, expected, int64(4*h.Tx.SerializeSizeStripped())+2+r.WitnessWeight())
		}
	}
}

func TestBOLT5PenaltyWeights(t *testing.T) {
	weight := func(k Kind, script int) int64 {
		r := Recipe{Kind: k, Script: make([]byte, script)}
		return r.WitnessWeight()
	}
	require.EqualValues(t, 160, weight(SpendRevokedDelayed, 83)-1, "BOLT 5 counts the length of the item 1, not the item")
	require.EqualValues(t, 243, weight(SpendRevokedHTLC, 133))
	require.EqualValues(t, 249, weight(SpendRevokedHTLC, 139))
}

func TestAFullCommitmentWeighsWhatIsExpected(t *testing.T) {
	for _, f := range []Format{StaticRemoteKey, Anchors} {
		c := newPair(f, 10_000_000, [2]btcutil.Amount{354, 354}, Local)
		built, err := Build(c.ours, Local, c.local.Point(7), manyHTLCs(10_000_000, 10))
		require.NoError(t, err)
		sig, err := c.local.SignLocal(c.ours, built)
		require.NoError(t, err)
		full := Witnessed(c.ours, built.Tx, sig, sig)
		weight := int64(3*full.SerializeSizeStripped() + full.SerializeSize())
		expected := CommitmentWeight(f, len(built.HTLCs))
		require.LessOrEqual(t, weight, expected)
		require.Greater(t, weight, expected-15, "signatures of 73 bytes and a count of 3 are assumed")
	}
}

func TestAStateThatDoesNotAddUpIsRefused(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	good := manyHTLCs(1_000_000, 3)
	for name, spoil := range map[string]func(s *State){
		"a msat too much":          func(s *State) { s.Balances[Local]++ },
		"a msat too little":        func(s *State) { s.Balances[Remote]-- },
		"an HTLC counted twice":    func(s *State) { s.HTLCs = append(s.HTLCs, s.HTLCs[0]) },
		"a sum that wraps":         func(s *State) { s.Balances[Local] += 1 << 63; s.Balances[Remote] += 1 << 63 },
		"an HTLC that wraps":       func(s *State) { s.HTLCs[0].Amount = ^lnwire.MilliSatoshi(0) },
		"an HTLC beyond all coins": func(s *State) { s.HTLCs[0].Amount = lnwire.MaxMilliSatoshi + 1 },
	} {
		s := *good
		s.HTLCs = append([]HTLC(nil), good.HTLCs...)
		spoil(&s)
		_, err := Build(c.ours, Local, c.local.Point(0), &s)
		require.ErrorIs(t, err, ErrUnbalanced, name)
	}
}

func TestHTLCsAndNumbersAreBounded(t *testing.T) {
	c := newPair(Anchors, 10_000_000, [2]btcutil.Amount{354, 354}, Local)
	s := manyHTLCs(10_000_000, 2*MaxHTLCs)
	_, err := Build(c.ours, Local, c.local.Point(0), s)
	require.NoError(t, err)
	_, err = Build(c.ours, Local, c.local.Point(0), manyHTLCs(10_000_000, 2*MaxHTLCs+1))
	require.ErrorIs(t, err, ErrTooManyHTLCs)
	s.Number = MaxNumber
	_, err = Build(c.ours, Local, c.local.Point(0), s)
	require.NoError(t, err)
	s.Number++
	_, err = Build(c.ours, Local, c.local.Point(0), s)
	require.ErrorIs(t, err, ErrNumber)
}

func TestAPointOffTheCurveIsAnError(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	_, err := Build(c.ours, Remote, lnwire.PubKey{2}, manyHTLCs(1_000_000, 0))
	require.ErrorIs(t, err, lnwire.ErrBadPoint)
	c.ours.Parties[Remote].Delayed = lnwire.PubKey{}
	_, err = Build(c.ours, Remote, c.remote.Point(0), manyHTLCs(1_000_000, 0))
	require.ErrorIs(t, err, lnwire.ErrBadPoint)
}

func TestAnAnchorExistsForEachOutputOrWhereThereAreHTLCs(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	anchors := func(s *State) [2]bool {
		built, err := Build(c.ours, Local, c.local.Point(0), s)
		require.NoError(t, err)
		require.Equal(t, built.Anchors[Local].Exists() || built.Anchors[Remote].Exists(), true)
		return [2]bool{built.Anchors[Local].Exists(), built.Anchors[Remote].Exists()}
	}
	require.Equal(t, [2]bool{true, false}, anchors(&State{Balances: [2]lnwire.MilliSatoshi{1_000_000_000, 0}}))
	require.Equal(t, [2]bool{false, true}, anchors(&State{Balances: [2]lnwire.MilliSatoshi{660_000, 999_340_000}}))
	require.Equal(t, [2]bool{true, true}, anchors(&State{
		Balances: [2]lnwire.MilliSatoshi{999_000_000, 0}, HTLCs: []HTLC{{Amount: 1_000_000}},
	}))
	_, err := Build(c.ours, Local, c.local.Point(0), &State{FeeRate: 1 << 30, Balances: [2]lnwire.MilliSatoshi{1_000_000_000, 0}})
	require.ErrorIs(t, err, ErrEmpty)
}

func TestAnchorsThatTheOpenerCannotPayAreNotMadeOfNothing(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	broke := &State{Balances: [2]lnwire.MilliSatoshi{329_000, 999_671_000}}
	_, ok := OpenerBalance(c.ours, Local, broke)
	require.False(t, ok)
	_, err := Build(c.ours, Local, c.local.Point(0), broke)
	require.ErrorIs(t, err, ErrOverdrawn)
	_, err = Build(c.ours, Local, c.local.Point(0), &State{Balances: [2]lnwire.MilliSatoshi{330_000, 999_670_000}})
	require.NoError(t, err)
}

func TestBothPartiesBuildTheSameAndNoSatoshiIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := btcutil.Amount(rapid.Int64Range(10_000, 5_000_000_000).Draw(t, "capacity"))
		format := rapid.SampledFrom([]Format{Anchors, StaticRemoteKey}).Draw(t, "format")
		dust := [2]btcutil.Amount{354, btcutil.Amount(rapid.IntRange(354, 5000).Draw(t, "dust"))}
		c := newPair(format, capacity, dust, Side(rapid.IntRange(0, 1).Draw(t, "opener")))
		s := drawState(t, capacity)
		owner := Side(rapid.IntRange(0, 1).Draw(t, "owner"))
		point := []*Secrets{c.local, c.remote}[owner].Point(s.Number)
		ours, err := Build(c.ours, owner, point, s)
		if err != nil {
			require.True(t, errors.Is(err, ErrEmpty) || errors.Is(err, ErrOverdrawn), err)
			return
		}
		theirs, err := Build(c.theirs, owner.Other(), point, mirrorState(s))
		require.NoError(t, err)
		require.Equal(t, ours.Tx.TxHash(), theirs.Tx.TxHash())
		sum := ours.Fee
		for _, out := range ours.Tx.TxOut {
			require.True(t, out.Value >= int64(c.ours.Parties[owner].DustLimit) || out.Value == int64(AnchorAmount))
			sum += btcutil.Amount(out.Value)
		}
		require.Equal(t, capacity, sum)
		require.GreaterOrEqual(t, ours.Fee, btcutil.Amount(0))
		require.Equal(t, len(s.HTLCs), len(ours.HTLCs)+len(ours.Trimmed))
		for i := range ours.HTLCs {
			h := &ours.HTLCs[i]
			require.EqualValues(t, h.Amount.Satoshis(), ours.Tx.TxOut[h.Index].Value)
			require.Equal(t, WitnessScriptHash(h.Script), ours.Tx.TxOut[h.Index].PkScript)
			require.Equal(t, theirs.HTLCs[i].Tx.TxHash(), h.Tx.TxHash())
		}
		number, ok := c.ours.NumberOf(ours.Tx)
		require.True(t, ok)
		require.Equal(t, s.Number, number)
	})
}

// drawState draws a state that adds up, with colliding HTLCs.
func drawState(t *rapid.T, capacity btcutil.Amount) *State {
	s := &State{
		Number:  rapid.Uint64Range(0, MaxNumber).Draw(t, "number"),
		FeeRate: lnwire.FeePerKW(rapid.Uint32Range(0, 100_000).Draw(t, "rate")),
	}
	rest := lnwire.FromSatoshis(capacity)
	for i := range rapid.IntRange(0, 12).Draw(t, "htlcs") {
		amount := min(lnwire.MilliSatoshi(rapid.Uint64Range(1, 20_000_000).Draw(t, "amount")), rest)
		s.HTLCs = append(s.HTLCs, HTLC{
			Offerer: Side(rapid.IntRange(0, 1).Draw(t, "offerer")), ID: uint64(i), Amount: amount,
			Hash: lnwire.Hash{byte(rapid.IntRange(0, 2).Draw(t, "hash"))}, Expiry: rapid.Uint32Range(1, 4).Draw(t, "expiry"),
		})
		rest -= amount
	}
	local := lnwire.MilliSatoshi(rapid.Uint64Range(0, uint64(rest)).Draw(t, "local"))
	s.Balances = [2]lnwire.MilliSatoshi{local, rest - local}
	return s
}

func TestTheSpikeFeeIsTwiceTheRateWithOneMoreHTLC(t *testing.T) {
	require.EqualValues(t, 2*2500*(1124+172*4)/1000+660, SpikeFee(Anchors, 2500, 3))
	require.EqualValues(t, 2*2500*(724+172)/1000, SpikeFee(StaticRemoteKey, 2500, 0))
}
