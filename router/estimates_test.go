package router

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var noon = time.Unix(1_760_000_000, 0)

// journey is a route over nodes 1 to 4 of 10 million msat, over channels of 100 million.
func journey() *Route {
	r := &Route{Source: key(1), Amount: 10_000_000}
	for i := range 3 {
		r.Hops = append(r.Hops, Hop{
			SCID: lnwire.ShortChannelID(10 + i), Node: key(i + 2), Amount: 10_000_000, Capacity: 100_000_000,
		})
	}
	return r
}

func odds(e *Estimates, after time.Duration, r *Route, hop int, amount lnwire.MilliSatoshi) float64 {
	return math.Exp(-e.At(noon.Add(after)).Edge(r.Edge(hop), 100_000_000, amount))
}

func TestLackOfLiquidityBoundsTheAmountAndIsForgotten(t *testing.T) {
	e, r := NewEstimates(), journey()
	before := odds(e, 0, r, 2, 10_000_000)
	e.Failed(noon, r, 1, Failure{temporaryChannelFailure})
	require.Zero(t, odds(e, 0, r, 2, 10_000_000))
	require.Zero(t, odds(e, 0, r, 2, 90_000_000))
	require.InDelta(t, 0.87, odds(e, 0, r, 2, 1_000_000), 0.01, "a tenth of the bound")
	require.Greater(t, odds(e, 0, r, 1, 10_000_000), 0.98, "the hop before did forward it")
	require.Equal(t, before, odds(e, 0, r, 0, 10_000_000), "nothing is learned of our own channel")
	back := EdgeID{r.Hops[2].SCID, 1 - r.Edge(2).Direction}
	require.Equal(t, before, math.Exp(-e.At(noon).Edge(back, 100_000_000, 10_000_000)), "nor of the other direction")
	require.InDelta(t, 1-10.0/55, odds(e, boundsHalfLife, r, 2, 10_000_000), 0.03)
	require.InDelta(t, before, odds(e, 20*boundsHalfLife, r, 2, 10_000_000), 0.001)
	require.Empty(t, e.History()[0].UpperAt)
}

func TestSuccessProvesTheAmount(t *testing.T) {
	e, r := NewEstimates(), journey()
	e.Failed(noon, r, 1, Failure{temporaryChannelFailure})
	e.Succeeded(noon, r)
	require.Greater(t, odds(e, 0, r, 2, 10_000_000), 0.98)
	require.Greater(t, odds(e, 0, r, 2, 20_000_000), odds(NewEstimates(), 0, r, 2, 20_000_000)*0.99)
	require.Less(t, odds(e, 0, r, 2, 99_999_999), 0.02)
}

func TestFailuresOfNodesChannelsAndPolicies(t *testing.T) {
	r := journey()
	node := func(e *Estimates, after time.Duration) float64 { return math.Exp(-e.At(noon.Add(after)).Node(key(3))) }
	for name, row := range map[string]struct {
		hop     int
		code    uint16
		times   int
		edge    bool // hop 2's channel is out
		node    bool // node 3 is
		unknown bool
	}{
		"temporary node failure":           {1, 0x2002, 1, false, true, false},
		"permanent node failure":           {1, 0x6002, 1, false, true, false},
		"permanent channel failure":        {1, 0x4008, 1, true, false, false},
		"unknown next peer":                {1, 0x400a, 1, true, false, false},
		"channel disabled":                 {1, 0x1014, 1, true, false, false},
		"fee insufficient once":            {1, feeInsufficient, 1, false, false, false},
		"fee insufficient twice":           {1, feeInsufficient, 2, true, false, false},
		"bad onion":                        {1, 0xc005, 1, true, false, false},
		"unknown payment details":          {2, 0x400f, 1, false, false, false},
		"temporary failure of destination": {2, 0x2002, 1, false, false, false},
		"our own channel":                  {LocalHop, temporaryChannelFailure, 1, false, false, false},
		"no such hop":                      {3, 0x4008, 1, false, false, false},
		"unreadable":                       {UnknownHop, 0, 1, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEstimates()
			for range row.times {
				e.Failed(noon, r, row.hop, Failure{row.code})
			}
			require.Equal(t, row.edge || row.unknown, odds(e, 0, r, 2, 10_000_000) == 0)
			require.Equal(t, row.edge, odds(e, 0, r, 2, 1000) == 0)
			require.Equal(t, row.unknown, odds(e, 0, r, 1, 10_000_000) == 0)
			require.Equal(t, row.node, node(e, 0) == 0)
			require.Greater(t, odds(e, 10*blockedHalfLife, r, 2, 1000), 0.9)
			require.Greater(t, node(e, 10*blockedHalfLife), 0.9)
			require.Equal(t, row.node, len(e.NodeFailures()) == 1)
		})
	}
}

func TestSearchAvoidsWhatFailed(t *testing.T) {
	s, e := square(), NewEstimates()
	r := &Request{Source: key(1), Dest: key(4), Amount: 10_000_000, MaxCLTV: 400}
	first, err := FindRoute(s, r, e.At(noon))
	require.NoError(t, err)
	require.Equal(t, []int{12, 24}, scids(first))
	e.Failed(noon, first, 0, Failure{temporaryChannelFailure})
	second, err := FindRoute(s, r, e.At(noon))
	require.NoError(t, err)
	require.Equal(t, []int{13, 34}, scids(second))
	e.Failed(noon, second, 0, Failure{0x2002})
	_, err = FindRoute(s, r, e.At(noon))
	require.ErrorIs(t, err, ErrNoRoute)
	e.Reset()
	_, err = FindRoute(s, r, e.At(noon))
	require.NoError(t, err)
}

func TestEstimatesSurviveEncoding(t *testing.T) {
	e, r := NewEstimates(), journey()
	e.Failed(noon, r, 1, Failure{temporaryChannelFailure})
	e.Failed(noon, r, 0, Failure{0x2002})
	b := e.Encode()
	d, err := DecodeEstimates(b)
	require.NoError(t, err)
	require.Equal(t, b, d.Encode())
	require.Equal(t, e.History(), d.History())
	require.Equal(t, e.NodeFailures(), d.NodeFailures())
	for i := range b {
		_, err := DecodeEstimates(b[:i])
		require.ErrorIs(t, err, ErrBadEstimates)
	}
	_, err = DecodeEstimates(append(b, 0))
	require.ErrorIs(t, err, ErrBadEstimates)
	b[0] = 2
	_, err = DecodeEstimates(b)
	require.ErrorIs(t, err, ErrBadEstimates)
}

// A record of version 1 as it was first written: it must load for ever.
func TestOldEstimatesLoad(t *testing.T) {
	b, err := hex.DecodeString("0100000001" + "000000000000000b" + hex.EncodeToString(append(pub(2), pub(3)...)) +
		"0000000000989680" + "0000000000000000" + "0000000068e77c00" + "0000000000000000" + "0000000000000000" + "0000000000000000" +
		"0000000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000" +
		"00000001" + hex.EncodeToString(pub(9)) + "0000000068e77c00")
	require.NoError(t, err)
	e, err := DecodeEstimates(b)
	require.NoError(t, err)
	require.Equal(t, []EdgeHistory{{
		EdgeID: EdgeID{11, 0}, From: key(2), To: key(3), Lower: 10_000_000, LowerAt: time.Unix(1_760_001_024, 0),
	}}, e.History())
	require.Equal(t, map[lnwire.PubKey]time.Time{key(9): time.Unix(1_760_001_024, 0)}, e.NodeFailures())
}

func pub(n int) []byte {
	k := key(n)
	return k[:]
}

func FuzzDecodeEstimates(f *testing.F) {
	e := NewEstimates()
	e.Failed(noon, journey(), 1, Failure{temporaryChannelFailure})
	f.Add(e.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEstimates(b)
		if err != nil {
			return
		}
		again, err := DecodeEstimates(e.Encode())
		if err != nil || !bytes.Equal(again.Encode(), e.Encode()) {
			t.Fatal("what was read is not written again")
		}
	})
}

func TestEstimatesAreBounded(t *testing.T) {
	e := NewEstimates()
	e.change(func(t *table) {
		t.nodes = map[lnwire.PubKey]int64{}
		r := journey()
		for i := range MaxEstimates {
			r.Hops[1].SCID = lnwire.ShortChannelID(i + 1)
			t.edge(r, 1, func(b *bounds) { b.blockedAt = int64(i + 1) })
			t.nodes[key(i+100)] = int64(i + 1)
		}
	})
	require.Equal(t, MaxEstimates, e.table.Load().count)
	r := journey()
	r.Hops[1].SCID = MaxEstimates + 1
	e.Failed(noon, r, 0, Failure{0x4008})
	e.Failed(noon, r, 1, Failure{0x2002})
	require.Equal(t, MaxEstimates*3/4+1, e.table.Load().count)
	require.Len(t, e.NodeFailures(), MaxEstimates*3/4+1)
	require.Nil(t, e.table.Load().lesson(1), "the oldest are gone")
	require.NotNil(t, e.table.Load().lesson(MaxEstimates+1))
}
