package router

import (
	"math"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// drawGraph makes a small graph. With ppm, fees depend on the amount, and some nodes take or give inbound fees.
func drawGraph(t *rapid.T, ppm bool) (*Snapshot, int) {
	n := rapid.IntRange(2, 6).Draw(t, "nodes")
	var cs []Change
	for i := range rapid.IntRange(1, 12).Draw(t, "channels") {
		a := rapid.IntRange(0, n-1).Draw(t, "a")
		b := (a + rapid.IntRange(1, n-1).Draw(t, "b")) % n
		policy := func() *Policy {
			if rapid.IntRange(0, 4).Draw(t, "none") == 0 {
				return nil
			}
			p := &Policy{
				Disabled: rapid.IntRange(0, 9).Draw(t, "disabled") == 0, CLTVDelta: rapid.Uint16Range(0, 200).Draw(t, "cltv"),
				Min: lnwire.MilliSatoshi(rapid.IntRange(0, 1).Draw(t, "min") * 900_000), FeeBase: rapid.Uint32Range(0, 50_000).Draw(t, "base"),
				Max: lnwire.MilliSatoshi(rapid.IntRange(1, 4).Draw(t, "max") * 1_000_000),
			}
			if ppm {
				p.FeeRate = rapid.Uint32Range(0, 100_000).Draw(t, "rate")
				p.Inbound.Rate = rapid.Int32Range(-50_000, 50_000).Draw(t, "inbound")
			}
			return p
		}
		cs = append(cs, link(uint64(i+1), a, b, btcutil.Amount(rapid.IntRange(1, 8).Draw(t, "capacity")*1000), policy(), policy()))
	}
	return NewGraph().Apply(cs), n
}

// brute tries every simple path and calls fn with each that the rules allow: hops from the source on, as edge ids.
func brute(s *Snapshot, r *Request, fn func(path []Channel, dirs []int)) {
	var path []Channel
	var dirs []int
	seen := map[lnwire.PubKey]bool{}
	var walk func(at lnwire.PubKey)
	walk = func(at lnwire.PubKey) {
		if at == r.Dest {
			fn(path, dirs)
			return
		}
		seen[at] = true
		for _, c := range s.ChannelsOf(at) {
			d := 0
			if c.Nodes[1] == at {
				d = 1
			}
			if p := c.Policies[d]; p == nil || p.Disabled || p.Min > p.Max || p.Max > lnwire.FromSatoshis(c.Capacity) || seen[c.Nodes[1-d]] {
				continue
			}
			path, dirs = append(path, c), append(dirs, d)
			walk(c.Nodes[1-d])
			path, dirs = path[:len(path)-1], dirs[:len(dirs)-1]
		}
		seen[at] = false
	}
	walk(r.Source)
}

// price recomputes what a path costs from its end, and whether amounts fit.
func price(r *Request, path []Channel, dirs []int) (total lnwire.MilliSatoshi, blocks uint32, cost float64, ok bool) {
	amount, blocks := r.Amount, r.FinalCLTV
	perNat := attemptBase + attemptRate*float64(r.Amount)/1e6
	for i := len(path) - 1; i >= 0; i-- {
		p := path[i].Policies[dirs[i]]
		if amount < p.Min || amount > p.Max {
			return 0, 0, 0, false
		}
		doubt := Prior{}.Edge(EdgeID{}, lnwire.FromSatoshis(path[i].Capacity), amount)
		if math.IsInf(doubt, 1) {
			return 0, 0, 0, false
		}
		cost += perNat * doubt
		if i > 0 {
			// Node i's fee for sending on over channel i, less or more by what it takes on channel i-1.
			in := path[i-1].Policies[1-dirs[i-1]]
			cost += lockedRate * float64(amount) * float64(p.CLTVDelta)
			fee := hopFee(p, in, amount)
			cost += float64(fee)
			amount += fee
			blocks += uint32(p.CLTVDelta)
		}
	}
	return amount, blocks, cost, true
}

// Where fees do not depend on the amount and capacity is all there is to doubt, the cheapest way is a matter of fact.
func TestRouteIsTheBestOfAllPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := drawGraph(t, false)
		r := &Request{Source: key(0), Dest: key(n - 1), Amount: 1_000_000, Height: 100, FinalCLTV: 9}
		best, found := math.Inf(1), false
		amountMatters := false
		brute(s, r, func(path []Channel, dirs []int) {
			if _, _, cost, ok := price(r, path, dirs); ok {
				best, found = min(best, cost), true
			} else {
				amountMatters = true // a cheaper label may have an amount that the next channel does not take
			}
		})
		route, err := FindRoute(s, r, Prior{})
		if err != nil {
			if found && !amountMatters {
				t.Fatalf("there is a way, but: %v", err)
			}
			return
		}
		if err := route.Check(s); err != nil {
			t.Fatal(err)
		}
		if !found {
			t.Fatalf("found a way that is none: %+v", route)
		}
		var cost float64
		brute(s, r, func(path []Channel, dirs []int) {
			if len(path) == len(route.Hops) {
				for i := range path {
					if path[i].SCID != route.Hops[i].SCID {
						return
					}
				}
				total, blocks, c, ok := price(r, path, dirs)
				if !ok || total != route.Total() || 100+blocks != route.Expiry {
					t.Fatalf("%v for %d blocks, not %v until %d", total, blocks, route.Total(), route.Expiry)
				}
				cost = c
			}
		})
		// Doubt and locked time still grow with the amount that fees have made larger: a thousandth.
		if !amountMatters && cost > best*1.001+1 {
			t.Fatalf("cost %v, the best is %v", cost, best)
		}
	})
}

// With fees of every kind the search is a heuristic, but what it finds must hold, to the millisatoshi.
func TestRouteHoldsWhateverTheFees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := drawGraph(t, true)
		r := &Request{
			Source: key(0), Dest: key(n - 1), Amount: lnwire.MilliSatoshi(rapid.IntRange(1, 2_000_000).Draw(t, "amount")),
			Height: 100, FinalCLTV: 9, TimePref: rapid.Float64Range(-1, 1).Draw(t, "preference"),
		}
		if rapid.Bool().Draw(t, "limited") {
			limit := lnwire.MilliSatoshi(rapid.IntRange(0, 200_000).Draw(t, "fee limit"))
			r.FeeLimit, r.MaxCLTV, r.MaxHops = &limit, rapid.Uint32Range(9, 400).Draw(t, "cltv limit"), rapid.IntRange(1, 5).Draw(t, "hops")
		}
		route, err := FindRoute(s, r, Prior{})
		if err != nil {
			return
		}
		if err := route.Check(s); err != nil {
			t.Fatal(err)
		}
		if route.Amount != r.Amount || route.Total() != route.Amount+route.Fee || route.Hops[len(route.Hops)-1].Amount != r.Amount {
			t.Fatalf("amounts: %+v", route)
		}
		if r.FeeLimit != nil && (route.Fee > *r.FeeLimit || route.Expiry-100 > r.MaxCLTV || len(route.Hops) > r.MaxHops) {
			t.Fatalf("beyond the limits: %+v", route)
		}
		match := false
		brute(s, r, func(path []Channel, dirs []int) {
			if total, blocks, _, ok := price(r, path, dirs); ok && len(path) == len(route.Hops) {
				same := true
				for i := range path {
					same = same && path[i].SCID == route.Hops[i].SCID
				}
				match = match || same && total == route.Total() && blocks+100 == route.Expiry
			}
		})
		if !match {
			t.Fatalf("no path costs what the route pays: %+v", route)
		}
	})
}

func flat(fee uint32) *Policy { return &Policy{FeeBase: fee, CLTVDelta: 10, Max: 90_000_000} }

// square is 1-2-4 (cheap), 1-3-4 (dear) and 1-5-6-4 (free, but longer and slower).
func square() *Snapshot {
	slow := flat(0)
	slow.CLTVDelta = 500
	return NewGraph().Apply([]Change{
		link(12, 1, 2, 100_000, flat(0), flat(0)), link(24, 2, 4, 100_000, flat(1000), flat(1000)),
		link(13, 1, 3, 100_000, flat(0), flat(0)), link(34, 3, 4, 100_000, flat(9000), flat(9000)),
		link(15, 1, 5, 100_000, flat(0), flat(0)), link(56, 5, 6, 100_000, slow, slow), link(64, 6, 4, 100_000, slow, slow),
	})
}

func scids(r *Route) (out []int) {
	for _, h := range r.Hops {
		out = append(out, int(h.SCID))
	}
	return out
}

func TestConstraintsSteerTheRoute(t *testing.T) {
	limit := func(v lnwire.MilliSatoshi) *lnwire.MilliSatoshi { return &v }
	three, two := key(3), key(2)
	for _, row := range []struct {
		name string
		set  func(*Request)
		want []int
		err  error
	}{
		{"none", func(*Request) {}, []int{12, 24}, nil},
		{"ignored node", func(r *Request) { r.IgnoredNodes = []lnwire.PubKey{two} }, []int{15, 56, 64}, nil},
		{"ignored edge", func(r *Request) { r.IgnoredEdges = []EdgeID{{24, 0}} }, []int{15, 56, 64}, nil},
		{"other direction ignored", func(r *Request) { r.IgnoredEdges = []EdgeID{{24, 1}} }, []int{12, 24}, nil},
		{"ignored pair", func(r *Request) { r.IgnoredPairs = []Pair{{key(1), two}} }, []int{15, 56, 64}, nil},
		{"outgoing", func(r *Request) { r.Outgoing = []lnwire.ShortChannelID{13} }, []int{13, 34}, nil},
		{"last hop", func(r *Request) { r.LastHop = &three }, []int{13, 34}, nil},
		{"fee limit met", func(r *Request) { r.FeeLimit = limit(1000) }, []int{12, 24}, nil},
		{"fee limit missed by one", func(r *Request) { r.FeeLimit = limit(999) }, []int{15, 56, 64}, nil},
		{"no fee, few blocks", func(r *Request) { r.FeeLimit, r.MaxCLTV = limit(0), 500 }, nil, ErrFeeLimit},
		{"blocks met", func(r *Request) { r.MaxCLTV = 19 }, []int{12, 24}, nil},
		{"blocks missed by one", func(r *Request) { r.MaxCLTV = 18 }, nil, ErrNoRoute},
		{"one hop", func(r *Request) { r.MaxHops = 1 }, nil, ErrNoRoute},
		{"two hops", func(r *Request) { r.MaxHops = 2 }, []int{12, 24}, nil},
		{"in flight", func(r *Request) { r.InFlight = []Use{{EdgeID{24, 0}, 95_000_000}} }, []int{15, 56, 64}, nil},
		{"onion full", func(r *Request) { r.FinalPayload = OnionSpace }, nil, ErrNoRoute},
		{"unknown destination", func(r *Request) { r.Dest = key(99) }, nil, ErrUnknownNode},
		{"unknown source", func(r *Request) { r.Source = key(99) }, nil, ErrUnknownNode},
		{"nothing", func(r *Request) { r.Amount = 0 }, nil, ErrBadRequest},
		{"too much", func(r *Request) { r.Amount = lnwire.MaxMilliSatoshi + 1 }, nil, ErrBadRequest},
		{"21 hops", func(r *Request) { r.MaxHops = MaxHops + 1 }, nil, ErrBadRequest},
		{"preference", func(r *Request) { r.TimePref = 1.01 }, nil, ErrBadRequest},
		{"preference NaN", func(r *Request) { r.TimePref = math.NaN() }, nil, ErrBadRequest},
		{"too many hints", func(r *Request) { r.Hints = make([][]HopHint, MaxHints+1) }, nil, ErrBadRequest},
		{"as many hints as may be", func(r *Request) { r.Hints = make([][]HopHint, MaxHints) }, []int{12, 24}, nil},
		{"too long a hint", func(r *Request) { r.Hints = [][]HopHint{make([]HopHint, MaxHintLen+1)} }, nil, ErrBadRequest},
		{"lacks payment_secret", func(r *Request) { r.Features, r.PaymentSecret = lnwire.NewFeatures(9), true }, nil, ErrFeatures},
		{"has payment_secret", func(r *Request) { r.Features, r.PaymentSecret = lnwire.NewFeatures(9, 15), true }, []int{12, 24}, nil},
		{"lacks basic_mpp", func(r *Request) { r.Features, r.MPP = lnwire.NewFeatures(9, 15), true }, nil, ErrFeatures},
		{"requires the unknown", func(r *Request) { r.Features = lnwire.NewFeatures(500) }, nil, ErrFeatures},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &Request{Source: key(1), Dest: key(4), Amount: 10_000_000, FinalCLTV: 9}
			row.set(r)
			route, err := FindRoute(square(), r, Prior{})
			require.ErrorIs(t, err, row.err)
			if row.err == nil {
				require.Equal(t, row.want, scids(route))
			}
		})
	}
}

func TestPreferenceTradesFeesForReliability(t *testing.T) {
	// 1-2-4 costs more and is large, 1-3-4 is free and hardly larger than the payment.
	s := NewGraph().Apply([]Change{
		link(12, 1, 2, 10_000_000, flat(0), nil), link(24, 2, 4, 10_000_000, flat(30_000), nil),
		link(13, 1, 3, 100_000, flat(0), nil), link(34, 3, 4, 100_000, flat(0), nil),
	})
	r := &Request{Source: key(1), Dest: key(4), Amount: 50_000_000}
	for pref, want := range map[float64][]int{-1: {13, 34}, 1: {12, 24}} {
		r.TimePref = pref
		route, err := FindRoute(s, r, Prior{})
		require.NoError(t, err)
		require.Equal(t, want, scids(route))
	}
}

func TestNodeThatRequiresTheUnknownForwardsNothing(t *testing.T) {
	g := NewGraph()
	g.Apply([]Change{
		link(12, 1, 2, 100_000, flat(0), nil), link(23, 2, 3, 100_000, flat(0), nil),
		SetNode{Node{Key: key(2), LastUpdate: 1, Features: lnwire.NewFeatures(500)}},
	})
	_, err := FindRoute(g.Snapshot(), &Request{Source: key(1), Dest: key(3), Amount: 1}, Prior{})
	require.ErrorIs(t, err, ErrNoRoute)
	_, err = FindRoute(g.Snapshot(), &Request{Source: key(1), Dest: key(2), Amount: 1}, Prior{})
	require.ErrorIs(t, err, ErrFeatures)
	r, err := FindRoute(g.Snapshot(), &Request{Source: key(1), Dest: key(2), Amount: 1, Features: lnwire.NewFeatures(9)}, Prior{})
	require.NoError(t, err, "its invoice does not require it")
	require.NoError(t, r.Check(g.Snapshot()))
}

func TestTwentyHopsFitAndTwentyOneDoNot(t *testing.T) {
	for n, want := range map[int]error{20: nil, 21: ErrNoRoute} {
		var cs []Change
		for i := range n {
			cs = append(cs, link(uint64(i+1), i, i+1, 100_000, flat(1), flat(1)))
		}
		r, err := FindRoute(NewGraph().Apply(cs), &Request{Source: key(0), Dest: key(n), Amount: 1000, Height: 800_000}, Prior{})
		require.ErrorIs(t, err, want)
		if want == nil {
			require.Len(t, r.Hops, 20)
		}
	}
}

func TestSearchAllocatesOnlyTheRoute(t *testing.T) {
	s := square()
	r := &Request{Source: key(1), Dest: key(4), Amount: 10_000_000}
	allocs := testing.AllocsPerRun(100, func() {
		_, err := FindRoute(s, r, Prior{})
		require.NoError(t, err)
	})
	require.LessOrEqual(t, allocs, 6.0)
}
