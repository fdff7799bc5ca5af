package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func offerOf(amount lnwire.MilliSatoshi) channel.Offer {
	return channel.Offer{Amount: amount, Hash: hashOf(1), Expiry: 1100, Onion: new([lnwire.OnionPacketSize]byte)}
}

func addOf(n *sim.Node, id uint64, amount lnwire.MilliSatoshi) channel.Received {
	return channel.Received{Msg: &lnwire.UpdateAddHTLC{ChannelID: n.Machine.Info().ChannelID, ID: id, Amount: amount, Hash: hashOf(1), Expiry: 1100}}
}

// warns steps ev and returns the text of the warning, or nothing.
func warns(t *testing.T, n *sim.Node, ev channel.Event) string {
	t.Helper()
	var out channel.Effects
	require.NoError(t, n.Machine.Step(ev, &out))
	for _, msg := range out.Send {
		if w, ok := msg.(*lnwire.Warning); ok {
			require.True(t, out.Disconnect)
			return string(w.Data)
		}
	}
	return ""
}

func rich(limits channel.Limits) sim.Setup {
	return sim.Setup{Seed: 1, Fast: true, Capacity: 10_000_000, Push: 5_000_000_000, FeeRate: 253, Limits: [2]channel.Limits{limits, limits}}
}

func TestMaxAcceptedHTLCsHoldsAtTheLimitAndOnePast(t *testing.T) {
	for _, limit := range []uint16{3, 483} {
		p := sim.Ready(rich(channel.Limits{MaxAcceptedHTLCs: limit}))
		for id := range uint64(limit) {
			require.NoError(t, p.A.Step(offerOf(1_000_000)))
			require.Empty(t, warns(t, p.B, addOf(p.B, id, 1_000_000)))
		}
		require.ErrorContains(t, p.A.Step(offerOf(1_000_000)), "max_accepted_htlcs")
		require.Zero(t, p.A.Machine.Info().Spendable)
		require.Zero(t, p.B.Machine.Info().Receivable)
		require.Contains(t, warns(t, p.B, addOf(p.B, uint64(limit), 1_000_000)), "max_accepted_htlcs")
	}
}

func TestBothSidesMayFillTheirTables(t *testing.T) {
	p := sim.Ready(rich(channel.Limits{}))
	for range 483 {
		require.NoError(t, p.A.Step(offerOf(1_000_000)))
		require.NoError(t, p.B.Step(offerOf(1_000_000)))
	}
	p.Settle()
	require.NoError(t, p.Oracle.Err)
	require.Len(t, p.A.Machine.Info().HTLCs, 966)
	for id := range uint64(483) {
		p.A.Must(channel.Settle{ID: id, Preimage: preimage(1)})
		p.B.Must(channel.Reject{ID: id})
	}
	p.Settle()
	require.NoError(t, p.Oracle.Err)
	require.Empty(t, p.A.Machine.Info().HTLCs)
	require.EqualValues(t, 5_000_000_000+483_000_000, p.A.Machine.Info().Local.Balance)
}

func TestMaxInFlightHoldsAtTheLimitAndOnePast(t *testing.T) {
	p := sim.Ready(rich(channel.Limits{MaxInFlight: 100_000_000}))
	require.EqualValues(t, 100_000_000, p.A.Machine.Info().Spendable)
	require.ErrorIs(t, p.A.Step(offerOf(100_000_001)), channel.ErrRefused)
	require.Contains(t, warns(t, p.B, addOf(p.B, 0, 100_000_001)), "exceeds")
	sim.Connect(p.A, p.B)
	p.Settle()
	require.NoError(t, p.A.Step(offerOf(60_000_000)))
	require.ErrorIs(t, p.A.Step(offerOf(40_000_001)), channel.ErrRefused)
	require.NoError(t, p.A.Step(offerOf(40_000_000)))
	require.Empty(t, warns(t, p.B, addOf(p.B, 0, 60_000_000)))
	require.Empty(t, warns(t, p.B, addOf(p.B, 1, 40_000_000)))
	require.Contains(t, warns(t, p.B, addOf(p.B, 2, 1)), "exceeds")
}

func TestHTLCMinimumHoldsAtTheLimitAndOneBelow(t *testing.T) {
	p := sim.Ready(rich(channel.Limits{HTLCMinimum: 5000}))
	require.ErrorContains(t, p.A.Step(offerOf(4999)), "htlc_minimum_msat")
	require.NoError(t, p.A.Step(offerOf(5000)))
	require.Contains(t, warns(t, p.B, addOf(p.B, 0, 4999)), "htlc_minimum_msat")
	sim.Connect(p.A, p.B)
	p.Settle()
	require.Empty(t, warns(t, p.B, addOf(p.B, 0, 5000)))
}

func TestTheReserveIsKeptToTheLastMillisatoshi(t *testing.T) {
	// B is the accepter: 5,000,000,000 msat less the reserve of one percent.
	p := sim.Ready(rich(channel.Limits{}))
	require.EqualValues(t, 4_900_000_000, p.B.Machine.Info().Spendable)
	require.ErrorIs(t, p.B.Step(offerOf(4_900_000_001)), channel.ErrRefused)
	require.Contains(t, warns(t, p.A, addOf(p.A, 0, 4_900_000_001)), "exceeds")
	sim.Connect(p.A, p.B)
	p.Settle()
	require.Empty(t, warns(t, p.A, addOf(p.A, 0, 4_900_000_000)))
	// A pays the fee: 253*(1124+172)/1000 = 327 and two anchors must stay above the reserve.
	accept := lnwire.MilliSatoshi(4_900_000_000 - (327+660)*1000)
	require.Equal(t, accept, p.B.Machine.Info().Receivable)
	require.Contains(t, warns(t, p.B, addOf(p.B, 0, accept+1)), "exceeds")
	sim.Connect(p.A, p.B)
	p.Settle()
	require.Empty(t, warns(t, p.B, addOf(p.B, 0, accept)))
}

func TestTheOpenerKeepsAFeeSpikeBuffer(t *testing.T) {
	p := sim.Ready(rich(channel.Limits{}))
	// Twice 253 for this HTLC and a further one: 506*(1124+2*172)/1000 = 742.
	most := lnwire.MilliSatoshi(4_900_000_000 - (742+660)*1000)
	require.Equal(t, most, p.A.Machine.Info().Spendable)
	require.ErrorIs(t, p.A.Step(offerOf(most+1)), channel.ErrRefused)
	require.NoError(t, p.A.Step(offerOf(most)))
}

func TestTheAccepterOffersNothingThatTheOpenerCannotPayFor(t *testing.T) {
	s := rich(channel.Limits{})
	s.Push = 9_898_000_000 // A keeps its reserve of 100,000 sat and 2,000
	p := sim.Ready(s)
	for range 2 {
		// 253*(1124+172*n)/1000 + 660 stays below 2,000 for six HTLCs with outputs.
		for range 3 {
			require.NoError(t, p.B.Step(offerOf(1_000_000)))
		}
		p.Settle()
	}
	require.NoError(t, p.B.Step(offerOf(1_000_000)))
	p.Settle()
	for p.B.Step(offerOf(1_000_000)) == nil {
		p.Settle()
	}
	n := len(p.B.Machine.Info().HTLCs)
	fee := 253*(1124+172*n)/1000 + 660
	next := 253*(1124+172*(n+1))/1000 + 660
	require.LessOrEqual(t, fee, 2000)
	require.Greater(t, next, 2000)
	require.Equal(t, lnwire.MilliSatoshi(353_999), p.B.Machine.Info().Spendable, "what is trimmed costs nothing")
	require.NoError(t, p.B.Step(offerOf(353_999)))
	p.Settle()
	require.NoError(t, p.Oracle.Err)
}

func TestDustExposureHoldsForBothDirections(t *testing.T) {
	s := rich(channel.Limits{})
	s.Policy.MaxDustExposure = 1_000_000
	p := sim.Ready(s)
	for range 3 {
		require.NoError(t, p.A.Step(offerOf(333_000)))
	}
	require.ErrorIs(t, p.A.Step(offerOf(1_001)), channel.ErrRefused)
	require.NoError(t, p.A.Step(offerOf(1_000)))
	require.NoError(t, p.A.Step(offerOf(354_000)), "what has an output is not exposed")
	p.Settle()

	// The peer's are taken and doomed.
	var doomed []bool
	p.B.Handler = func(out *channel.Effects) {
		for _, h := range out.Incoming {
			doomed = append(doomed, h.Doomed)
		}
	}
	s.Policy.MaxDustExposure = 700_000
	q := sim.Open(s)
	q.Confirm(3)
	q.Settle()
	doomed = nil
	q.B.Handler = p.B.Handler
	for range 2 {
		require.NoError(t, q.A.Step(offerOf(350_000)))
	}
	q.Settle()
	require.Equal(t, []bool{false, false}, doomed)
	require.Empty(t, warns(t, q.B, addOf(q.B, 2, 1)))
	_, out := q.B.Machine.Live()
	require.Empty(t, out)
	info := q.B.Machine.Info()
	require.True(t, info.HTLCs[2].Doomed)
}

func TestIdsCountUpAndMayRepeatAfterAReconnection(t *testing.T) {
	p := sim.Ready(rich(channel.Limits{}))
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	p.Settle()
	require.Contains(t, warns(t, p.B, addOf(p.B, 0, 1_000_000)), "id 0 where 1 is next")
	sim.Connect(p.A, p.B)
	p.Settle()
	require.Empty(t, warns(t, p.B, addOf(p.B, 0, 1_000_000)), "ignored: we have just reconnected")
	require.Len(t, p.B.Machine.Info().HTLCs, 1)
	require.Contains(t, warns(t, p.B, addOf(p.B, 2, 1_000_000)), "id 2 where 1 is next")
}

func TestFeeUpdatesBeyondTheOpenersMeansAreRefusedOnBothSides(t *testing.T) {
	s := sim.Setup{Seed: 1, Fast: true, Capacity: 100_000, Push: 90_000_000, FeeRate: 253}
	p := sim.Ready(s)
	// A has 10,000 sat, a reserve of 1,000 and anchors of 660: the fee may be 8,340, at 1124 weight 7420 sat/kw.
	require.NoError(t, p.A.Step(channel.SetFee{FeeRate: 7420}))
	require.ErrorIs(t, p.A.Step(channel.SetFee{FeeRate: 7421}), channel.ErrRefused)
	fee := func(rate lnwire.FeePerKW) channel.Received {
		return channel.Received{Msg: &lnwire.UpdateFee{ChannelID: p.B.Machine.Info().ChannelID, FeeRate: rate}}
	}
	require.Contains(t, warns(t, p.B, fee(7421)), "cannot afford")
	sim.Connect(p.A, p.B)
	p.Settle()
	require.Empty(t, warns(t, p.B, fee(7420)))
	require.Empty(t, warns(t, p.B, fee(253)), "a lower rate is always borne")
}

func TestAReasonHoldsAtTheLimitAndOnePast(t *testing.T) {
	p := sim.Ready(rich(channel.Limits{}))
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	p.Settle()
	require.ErrorIs(t, p.B.Step(channel.Reject{ID: 0, Reason: make([]byte, channel.MaxReason+1)}), channel.ErrRefused)
	require.NoError(t, p.B.Step(channel.Reject{ID: 0, Reason: make([]byte, channel.MaxReason)}))
	p.Settle()
	require.Empty(t, p.A.Machine.Info().HTLCs)
}
