package router

import (
	"math"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// link makes a channel between two test nodes, with a policy for each direction that is given.
func link(scid uint64, a, b int, capacity btcutil.Amount, there, back *Policy) AddChannel {
	if a > b {
		a, b, there, back = b, a, back, there
	}
	return AddChannel{Channel{
		SCID: lnwire.ShortChannelID(scid), Capacity: capacity, Nodes: [2]lnwire.PubKey{key(a), key(b)},
		Policies: [2]*Policy{there, back},
	}}
}

// example is BOLT 7's "Routing Example": A to D are nodes 1 to 4.
func example() *Snapshot {
	p := func(n uint32) *Policy {
		return &Policy{CLTVDelta: uint16(10 * n), FeeBase: 100 * n, FeeRate: 1000 * n, Max: 9_000_000}
	}
	return NewGraph().Apply([]Change{
		link(12, 1, 2, 10_000, p(1), p(2)), link(14, 1, 4, 10_000, p(1), p(4)),
		link(23, 2, 3, 10_000, p(2), p(3)), link(34, 3, 4, 10_000, p(3), p(4)),
	})
}

func TestRoutingExampleOfTheSpecification(t *testing.T) {
	s := example()
	for _, row := range []struct {
		name         string
		source       int
		ignored      []lnwire.PubKey
		amount       lnwire.MilliSatoshi
		expiry, hops int
	}{
		{"B->C", 2, nil, 4_999_999, 18 + 42, 1},
		{"A->B->C", 1, nil, 5_010_198, 20 + 18 + 42, 2},
		{"A->D->C", 1, []lnwire.PubKey{key(2)}, 5_020_398, 40 + 18 + 42, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := FindRoute(s, &Request{
				Source: key(row.source), Dest: key(3), Amount: 4_999_999, Height: 700_000, FinalCLTV: 18 + 42,
				IgnoredNodes: row.ignored,
			}, Prior{})
			require.NoError(t, err)
			require.Len(t, r.Hops, row.hops)
			require.Equal(t, row.amount, r.Total())
			require.EqualValues(t, 700_000+row.expiry, r.Expiry)
			_, forward, expiry := r.Forward(0)
			require.EqualValues(t, 4_999_999, forward)
			require.EqualValues(t, 700_000+18+42, expiry)
			require.NoError(t, r.Check(s))
		})
	}
}

func TestFeesAreExactAndCannotWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Uint64Range(0, uint64(lnwire.MaxMilliSatoshi)).Draw(t, "amount")
		rate := rapid.Uint32().Draw(t, "rate")
		want := new(big.Int).Mul(new(big.Int).SetUint64(amount), big.NewInt(int64(rate)))
		want.Div(want, big.NewInt(1_000_000))
		if want.Cmp(new(big.Int).SetUint64(uint64(lnwire.MaxMilliSatoshi))) > 0 {
			want.SetUint64(uint64(lnwire.MaxMilliSatoshi))
		}
		if got := millionths(lnwire.MilliSatoshi(amount), rate); uint64(got) != want.Uint64() {
			t.Fatalf("%d * %d ppm: %d, not %v", amount, rate, got, want)
		}
	})
}

func TestInboundFeeGivesBackAtMostTheOutboundFee(t *testing.T) {
	for _, row := range []struct {
		fee  lnwire.MilliSatoshi
		in   lnwire.InboundFee
		sent lnwire.MilliSatoshi
		want lnwire.MilliSatoshi
	}{
		{1000, lnwire.InboundFee{}, 1_000_000, 1000},
		{1000, lnwire.InboundFee{Base: 500}, 1_000_000, 1500},
		{1000, lnwire.InboundFee{Base: -400}, 1_000_000, 600},
		{1000, lnwire.InboundFee{Base: -1000}, 1_000_000, 0},
		{1000, lnwire.InboundFee{Base: -1001}, 1_000_000, 0},
		{1000, lnwire.InboundFee{Rate: -500}, 999_000, 500}, // on amount and fee: 1,000,000
		{1000, lnwire.InboundFee{Rate: math.MinInt32, Base: math.MinInt32}, lnwire.MaxMilliSatoshi, 0},
		{lnwire.MaxMilliSatoshi, lnwire.InboundFee{Rate: math.MaxInt32, Base: math.MaxInt32}, lnwire.MaxMilliSatoshi,
			2*lnwire.MaxMilliSatoshi + math.MaxInt32},
	} {
		require.Equal(t, row.want, netFee(row.fee, row.in, row.sent), "%+v", row)
	}
}

func TestCheckFindsWhatIsTooLittle(t *testing.T) {
	s := example()
	find := func() *Route {
		r, err := FindRoute(s, &Request{Source: key(1), Dest: key(3), Amount: 1_000_000, FinalCLTV: 18}, Prior{})
		require.NoError(t, err)
		return r
	}
	require.NoError(t, find().Check(s))
	for name, spoil := range map[string]func(*Route){
		"fee":    func(r *Route) { r.Hops[0].Amount--; r.Hops[0].Fee-- },
		"sum":    func(r *Route) { r.Hops[0].Fee-- },
		"expiry": func(r *Route) { r.Hops[0].Expiry-- },
		"range":  func(r *Route) { r.Hops[0].Amount, r.Hops[1].Amount = 90_000_000, 89_000_000 },
	} {
		r := find()
		spoil(r)
		require.Error(t, r.Check(s), name)
	}
}
