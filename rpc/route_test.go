package rpc

import (
	"math"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestRouteThatIsShownCanBeSentBack(t *testing.T) {
	_, pub := btcec.PrivKeyFromBytes([]byte{1})
	rapid.Check(t, func(t *rapid.T) {
		var r Route
		amount := lnwire.MilliSatoshi(rapid.Uint64Range(1, uint64(lnwire.MaxMilliSatoshi)/2).Draw(t, "amount"))
		expiry := lnwire.Height(rapid.Uint32Range(0, 1<<24).Draw(t, "expiry"))
		last := Hop{Node: lnwire.NewPubKey(pub), ID: 5, Amount: amount, Expiry: expiry, PaymentAddr: make([]byte, 32), Total: amount}
		r.Hops = []Hop{last}
		received := amount
		for range rapid.IntRange(0, MaxHops-1).Draw(t, "forwards") { // backwards from the receiver, as routes are made
			fee := lnwire.MilliSatoshi(rapid.Uint64Range(0, 1<<40).Draw(t, "fee"))
			hop := Hop{Node: lnwire.NewPubKey(pub), ID: 6, Amount: amount, Fee: fee, Expiry: expiry}
			amount, expiry = amount+fee, expiry+lnwire.Height(rapid.Uint16().Draw(t, "delta"))
			r.Hops = append([]Hop{hop}, r.Hops...)
		}
		r.Amount, r.Fee, r.Expiry = amount, amount-received, expiry
		back, err := parseRoute(newRoute(&r))
		require.NoError(t, err)
		require.Equal(t, r, back)
	})
}

func TestFeeLimitIsNeverMoreThanItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := lnwire.MilliSatoshi(rapid.Uint64Range(0, uint64(lnwire.MaxMilliSatoshi)).Draw(t, "amount"))
		percent := rapid.Int64Range(0, 100).Draw(t, "percent")
		limit, err := parseFeeLimit(&lnrpc.FeeLimit{Limit: &lnrpc.FeeLimit_Percent{Percent: percent}}, amount)
		require.NoError(t, err)
		require.InDelta(t, float64(amount)*float64(percent)/100, float64(limit), 1+float64(amount)*1e-15)
		require.LessOrEqual(t, limit, amount)
	})
	for _, percent := range []int64{-1, 101} {
		_, err := parseFeeLimit(&lnrpc.FeeLimit{Limit: &lnrpc.FeeLimit_Percent{Percent: percent}}, 1)
		require.Error(t, err)
	}
	_, err := parseFeeLimit(&lnrpc.FeeLimit{Limit: &lnrpc.FeeLimit_Fixed{Fixed: -1}}, 1)
	require.Error(t, err)
}

func TestFeeRatesConvertToTheNearest(t *testing.T) {
	for sat, kw := range map[uint64]lnwire.FeePerKW{0: 0, 1: 253, 2: 500, 100_000: 25_000_000} {
		got, err := perKW(sat)
		require.NoError(t, err)
		require.Equal(t, kw, got)
		require.Equal(t, sat, perVByte(got))
	}
	_, err := perKW(maxSatPerVByte + 1)
	require.Error(t, err)
}

func TestFeatureBitsAreBounded(t *testing.T) {
	f, err := parseFeatureBits([]lnrpc.FeatureBit{maxFeatureBit})
	require.NoError(t, err)
	require.True(t, f.Has(maxFeatureBit))
	for _, bit := range []lnrpc.FeatureBit{-1, maxFeatureBit + 1} {
		_, err := parseFeatureBits([]lnrpc.FeatureBit{bit})
		require.Error(t, err)
	}
}

func TestAmountsAreBounded(t *testing.T) {
	most := int64(lnwire.MaxMilliSatoshi)
	got, err := parseAmount(most/1000, 0)
	require.NoError(t, err)
	require.Equal(t, lnwire.MaxMilliSatoshi, got)
	got, err = parseAmount(0, most)
	require.NoError(t, err)
	require.Equal(t, lnwire.MaxMilliSatoshi, got)
	for _, bad := range [][2]int64{{most/1000 + 1, 0}, {0, most + 1}, {-1, 0}, {0, -1}, {1, 1}} {
		_, err := parseAmount(bad[0], bad[1])
		require.Error(t, err)
	}
}

func TestLimitsAboveAllThereIsAreNone(t *testing.T) {
	for _, c := range [][2]int64{{math.MaxInt64, 0}, {0, math.MaxInt64}} {
		got, err := parseLimit(c[0], c[1])
		require.NoError(t, err)
		require.Equal(t, lnwire.MaxMilliSatoshi, got)
	}
	require.Equal(t, lnwire.MaxMilliSatoshi, limit(math.MaxUint64))
	require.EqualValues(t, 5, limit(5))
	for _, bad := range [][2]int64{{-1, 0}, {0, -1}, {1, 1}} {
		_, err := parseLimit(bad[0], bad[1])
		require.Error(t, err)
	}
}

func TestHintsAreBounded(t *testing.T) {
	hops := func(n int) []*lnrpc.RouteHint {
		h := &lnrpc.RouteHint{}
		for range n {
			_, pub := btcec.PrivKeyFromBytes([]byte{1})
			h.HopHints = append(h.HopHints, &lnrpc.HopHint{NodeId: lnwire.NewPubKey(pub).String()})
		}
		return []*lnrpc.RouteHint{h}
	}
	_, err := parseHints(hops(MaxHintHops))
	require.NoError(t, err)
	_, err = parseHints(hops(MaxHintHops + 1))
	require.Error(t, err)
	_, err = parseHints([]*lnrpc.RouteHint{{HopHints: []*lnrpc.HopHint{nil}}})
	require.Error(t, err)
}
