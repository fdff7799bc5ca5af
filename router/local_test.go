package router

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

func TestLocalChannelsAreTheOnlyFirstHops(t *testing.T) {
	s := square()
	r := &Request{Source: key(1), Dest: key(4), Amount: 10_000_000, Local: []LocalChannel{
		{SCID: 12, Peer: key(2), Spendable: 9_999_999}, {SCID: 13, Peer: key(3), Spendable: 10_009_000},
	}}
	route, err := FindRoute(s, r, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{13, 34}, scids(route), "the other one has no room for the amount, let alone the fee")
	r.Local[0].Spendable = 10_001_000
	route, err = FindRoute(s, r, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{12, 24}, scids(route))
	r.Local = r.Local[:1]
	r.Local[0].Min = 10_001_001
	_, err = FindRoute(s, r, Prior{})
	require.ErrorIs(t, err, ErrNoRoute)
	r.Local[0].Spendable = 9_999_999
	_, err = FindRoute(s, r, Prior{})
	require.ErrorIs(t, err, ErrInsufficient)
	r.Local = []LocalChannel{}
	_, err = FindRoute(s, r, Prior{})
	require.ErrorIs(t, err, ErrInsufficient)
}

func TestPrivateLocalChannelReachesAPeerOutsideTheGraph(t *testing.T) {
	route, err := FindRoute(square(), &Request{
		Source: key(50), Dest: key(51), Amount: 1000, Local: []LocalChannel{{SCID: 7, Peer: key(51), Spendable: 1000}},
	}, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{7}, scids(route))
	require.Zero(t, route.Fee)
}

func TestPrivateChannelsInTheGraphCarryNobodyElse(t *testing.T) {
	g := NewGraph()
	private := link(23, 2, 3, 100_000, flat(0), flat(0))
	private.Private = true
	g.Apply([]Change{link(12, 1, 2, 100_000, flat(0), flat(0)), private, link(34, 3, 4, 100_000, flat(0), flat(0))})
	find := func(from, to int) error {
		_, err := FindRoute(g.Snapshot(), &Request{Source: key(from), Dest: key(to), Amount: 1000}, Prior{})
		return err
	}
	require.ErrorIs(t, find(1, 4), ErrNoRoute)
	require.NoError(t, find(1, 3))
	require.NoError(t, find(2, 4))
}

func TestRouteHintsLeadOffTheGraph(t *testing.T) {
	s := square()
	r := &Request{
		Source: key(1), Dest: key(101), Amount: 10_000_000, FinalCLTV: 9, Height: 1000,
		Hints: [][]HopHint{{
			{Node: key(4), SCID: 400, FeeBase: 500, FeeRate: 1000, CLTVDelta: 40},
			{Node: key(100), SCID: 401, FeeBase: 7, CLTVDelta: 20},
		}},
	}
	route, err := FindRoute(s, r, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{12, 24, 400, 401}, scids(route))
	require.EqualValues(t, 7, route.Hops[2].Fee)
	require.EqualValues(t, 500+10_000, route.Hops[1].Fee)
	require.EqualValues(t, 1000, route.Hops[0].Fee)
	require.EqualValues(t, 1000+9+20+40+10, route.Expiry)
	require.NoError(t, route.Check(s))

	r.IgnoredEdges = []EdgeID{route.Edge(2)}
	_, err = FindRoute(s, r, Prior{})
	require.ErrorIs(t, err, ErrNoRoute)
	r.IgnoredEdges, r.IgnoredNodes = nil, []lnwire.PubKey{key(100)}
	_, err = FindRoute(s, r, Prior{})
	require.ErrorIs(t, err, ErrNoRoute)
	// One of several hints is enough, and the destination may stand in the graph as well.
	r.Hints = append(r.Hints, []HopHint{{Node: key(2), SCID: 402}})
	route, err = FindRoute(s, r, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{12, 402}, scids(route))
}

func TestHintFromOurPeerUsesOurChannel(t *testing.T) {
	route, err := FindRoute(square(), &Request{
		Source: key(1), Dest: key(101), Amount: 1000, Hints: [][]HopHint{{{Node: key(2), SCID: 402, FeeBase: 3}}},
		Local: []LocalChannel{{SCID: 12, Peer: key(2), Spendable: 2000}},
	}, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{12, 402}, scids(route))
	require.EqualValues(t, 1003, route.Total())
}

func TestInboundFeeOfTheFirstPeerIsPaid(t *testing.T) {
	for base, want := range map[int32]lnwire.MilliSatoshi{500: 1500, -300: 700, -5000: 0} {
		route, err := FindRoute(square(), &Request{
			Source: key(1), Dest: key(4), Amount: 10_000_000, IgnoredNodes: []lnwire.PubKey{key(5)},
			Local: []LocalChannel{{SCID: 12, Peer: key(2), Spendable: 20_000_000, Inbound: lnwire.InboundFee{Base: base}}},
		}, Prior{})
		require.NoError(t, err)
		require.Equal(t, want, route.Fee)
	}
}

func TestPaymentToOurselvesGoesAround(t *testing.T) {
	s := NewGraph().Apply([]Change{
		link(12, 1, 2, 100_000, flat(0), flat(5)), link(23, 2, 3, 100_000, flat(10), flat(10)),
		link(13, 1, 3, 100_000, flat(0), flat(7)), link(120, 1, 2, 100_000, flat(0), flat(1)),
	})
	local := []LocalChannel{
		{SCID: 12, Peer: key(2), Spendable: 50_000_000}, {SCID: 13, Peer: key(3), Spendable: 50_000_000},
		{SCID: 120, Peer: key(2), Spendable: 0},
	}
	r := &Request{Source: key(1), Dest: key(1), Amount: 1_000_000, Local: local, FinalCLTV: 9}
	find := func() *Route {
		route, err := FindRoute(s, r, Prior{})
		require.NoError(t, err)
		require.NoError(t, route.Check(s))
		return route
	}
	require.Equal(t, []int{12, 120}, scids(find()), "between two channels of the same peer")
	r.Outgoing = []lnwire.ShortChannelID{13}
	require.Equal(t, []int{13, 23, 120}, scids(find()), "not back by the channel it left by")
	three := key(3)
	r.Outgoing, r.LastHop = []lnwire.ShortChannelID{12}, &three
	require.Equal(t, []int{12, 23, 13}, scids(find()))
	r.Outgoing = []lnwire.ShortChannelID{13}
	_, err := FindRoute(s, r, Prior{})
	require.ErrorIs(t, err, ErrNoRoute, "out and in by the only channel of one peer")
}

func TestBuildRouteFollowsTheNodes(t *testing.T) {
	s := square()
	r := &Request{Source: key(1), Amount: 1_000_000, FinalCLTV: 9}
	route, err := BuildRoute(s, r, []lnwire.PubKey{key(3), key(4)}, Prior{})
	require.NoError(t, err)
	require.Equal(t, []int{13, 34}, scids(route))
	require.NoError(t, route.Check(s))
	_, err = BuildRoute(s, r, []lnwire.PubKey{key(4)}, Prior{})
	require.ErrorIs(t, err, ErrNoRoute)
	_, err = BuildRoute(s, r, []lnwire.PubKey{key(2), key(4), key(2)}, Prior{})
	require.ErrorIs(t, err, ErrBadRequest)
	_, err = BuildRoute(s, r, nil, Prior{})
	require.ErrorIs(t, err, ErrBadRequest)
	_, err = BuildRoute(s, r, make([]lnwire.PubKey, MaxHops+1), Prior{})
	require.ErrorIs(t, err, ErrBadRequest)
}

func TestBuildRouteFindsTheLeastAmount(t *testing.T) {
	least := flat(100)
	least.Min = 5000
	s := NewGraph().Apply([]Change{link(12, 1, 2, 100_000, least, nil), link(23, 2, 3, 100_000, flat(100), nil)})
	route, err := BuildRoute(s, &Request{Source: key(1)}, []lnwire.PubKey{key(2), key(3)}, Prior{})
	require.NoError(t, err)
	require.EqualValues(t, 5000, route.Total())
	require.EqualValues(t, 4900, route.Amount)
}

func TestSplitFillsSeveralChannels(t *testing.T) {
	s := NewGraph().Apply([]Change{
		link(24, 2, 4, 40_000, &Policy{Max: 40_000_000}, nil), link(34, 3, 4, 40_000, &Policy{Max: 40_000_000}, nil),
	})
	limit := lnwire.MilliSatoshi(0)
	r := &Request{Source: key(1), Dest: key(4), Amount: 60_000_000, MPP: true, FeeLimit: &limit, Local: []LocalChannel{
		{SCID: 12, Peer: key(2), Spendable: 50_000_000}, {SCID: 13, Peer: key(3), Spendable: 35_000_000},
	}}
	routes, err := Split(s, r, Prior{}, SplitLimits{})
	require.NoError(t, err)
	sum, used := lnwire.MilliSatoshi(0), map[lnwire.ShortChannelID]lnwire.MilliSatoshi{}
	for _, route := range routes {
		sum += route.Amount
		for _, h := range route.Hops {
			used[h.SCID] += h.Amount
		}
	}
	require.Equal(t, r.Amount, sum)
	require.LessOrEqual(t, used[12], lnwire.MilliSatoshi(50_000_000))
	require.LessOrEqual(t, used[13], lnwire.MilliSatoshi(35_000_000))
	require.Less(t, used[24], lnwire.MilliSatoshi(40_000_000))
	require.Less(t, used[34], lnwire.MilliSatoshi(40_000_000))

	_, err = Split(s, r, Prior{}, SplitLimits{Parts: 1})
	require.ErrorIs(t, err, ErrInsufficient)
	_, err = Split(s, r, Prior{}, SplitLimits{Parts: 2, MaxPart: 29_999_999})
	require.ErrorIs(t, err, ErrNoRoute, "two parts carry one msat less than the amount")
	routes, err = Split(s, r, Prior{}, SplitLimits{Parts: 2, MaxPart: 30_000_000})
	require.NoError(t, err)
	require.Len(t, routes, 2)
	r.MPP = false
	_, err = Split(s, r, Prior{}, SplitLimits{})
	require.ErrorIs(t, err, ErrInsufficient)
	r.MPP, r.Amount = true, 90_000_000
	_, err = Split(s, r, Prior{}, SplitLimits{})
	require.Error(t, err, "more than there is")
}
