package interop

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// line opens a–b–c with announced channels and waits until all know both. The first channel is a's, the second c's where drained
// says that b shall have nothing to forward with, else b's.
func (n *network) line(a, b, c string, drained bool) (first, second string) {
	n.t.Helper()
	first = n.open(a, b, &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
	if drained {
		second = n.open(c, b, &lnrpc.OpenChannelRequest{})
	} else {
		second = n.open(b, c, &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
	}
	require.NoError(n.t, n.Known(n.ctx, 2))
	return first, second
}

// through runs a scenario over three nodes, with Fulmen in the middle and with LND there.
func through(t *testing.T, scenario func(t *testing.T, a, b, c string)) {
	t.Helper()
	t.Run("fulmen", func(t *testing.T) {
		t.Parallel()
		scenario(t, "lnd", "fulmen", "lnd2")
	})
	t.Run("lnd", func(t *testing.T) {
		t.Parallel()
		scenario(t, "fulmen", "lnd", "fulmen2")
	})
}

func TestForwarderEarnsExactlyItsFee(t *testing.T) {
	through(t, func(t *testing.T, a, b, c string) {
		n := start(t, a, b, c)
		first, second := n.line(a, b, c, false)
		// 1 sat and 1 ppm are the default of both.
		require.Equal(t, int64(1000+200), n.paid(a, c, 200_000).FeeMsat)
		require.Equal(t, int64(1000+50), n.paid(c, a, 50_000).FeeMsat)
		n.quiet()
		n.agree(a, b, first)
		n.agree(b, c, second)
		// 1.05 sat of fee, rounded down
		require.Equal(t, int64(1_000_000+200_000-50_000-2), n.channel(c, second).LocalBalance)
		h, err := n.client(b).Lightning.ForwardingHistory(n.ctx, &lnrpc.ForwardingHistoryRequest{StartTime: 1, NumMaxEvents: 10})
		require.NoError(t, err)
		require.Len(t, h.ForwardingEvents, 2)
		require.Equal(t, uint64(1200), h.ForwardingEvents[0].FeeMsat)
		require.Equal(t, uint64(1050), h.ForwardingEvents[1].FeeMsat)
	})
}

// route asks a for a way to c, and sendOver sends over what the scenario made of it.
func (n *network) route(a, c string, sat int64) *lnrpc.Route {
	n.t.Helper()
	key, err := n.Key(n.ctx, c)
	require.NoError(n.t, err)
	r, err := n.client(a).Lightning.QueryRoutes(n.ctx, &lnrpc.QueryRoutesRequest{PubKey: key, Amt: sat, FinalCltvDelta: 80})
	require.NoError(n.t, err)
	require.Len(n.t, r.Routes, 1)
	require.Len(n.t, r.Routes[0].Hops, 2)
	return r.Routes[0]
}

func (n *network) sendOver(a, c string, r *lnrpc.Route) *lnrpc.HTLCAttempt {
	n.t.Helper()
	i, err := n.client(c).Lightning.AddInvoice(n.ctx, &lnrpc.Invoice{ValueMsat: r.Hops[len(r.Hops)-1].AmtToForwardMsat})
	require.NoError(n.t, err)
	last := r.Hops[len(r.Hops)-1]
	last.MppRecord = &lnrpc.MPPRecord{PaymentAddr: i.PaymentAddr, TotalAmtMsat: last.AmtToForwardMsat}
	attempt, err := n.client(a).Router.SendToRouteV2(n.ctx, &routerrpc.SendToRouteRequest{PaymentHash: i.RHash, Route: r})
	require.NoError(n.t, err)
	return attempt
}

// failed checks an attempt's end.
func (n *network) failed(a *lnrpc.HTLCAttempt, code lnrpc.Failure_FailureCode, hop uint32) *lnrpc.Failure {
	n.t.Helper()
	require.Equal(n.t, lnrpc.HTLCAttempt_FAILED, a.Status)
	require.NotNil(n.t, a.Failure)
	require.Equal(n.t, code, a.Failure.Code)
	require.Equal(n.t, hop, a.Failure.FailureSourceIndex)
	return a.Failure
}

func TestForwarderSaysWhyItRefuses(t *testing.T) {
	through(t, func(t *testing.T, a, b, c string) {
		n := start(t, a, b, c)
		_, second := n.line(a, b, c, false)
		out := n.channel(b, second).ChanId

		r := n.route(a, c, 100_000)
		r.Hops[0].FeeMsat--
		r.TotalFeesMsat--
		r.TotalAmtMsat--
		f := n.failed(n.sendOver(a, c, r), lnrpc.Failure_FEE_INSUFFICIENT, 1)
		require.Equal(t, out, f.ChannelUpdate.ChanId)
		if isLND(b) {
			require.Equal(t, uint64(r.Hops[0].AmtToForwardMsat), f.HtlcMsat) // LND reports what was to go out
		} else {
			require.Equal(t, uint64(r.TotalAmtMsat), f.HtlcMsat) // BOLT 4: "report the amount of the incoming HTLC"
		}

		r = n.route(a, c, 100_000)
		r.TotalTimeLock--
		f = n.failed(n.sendOver(a, c, r), lnrpc.Failure_INCORRECT_CLTV_EXPIRY, 1)
		require.Equal(t, out, f.ChannelUpdate.ChanId)
		if isLND(b) {
			require.Equal(t, r.TotalTimeLock, f.CltvExpiry) // LND reports what came in
		} else {
			require.Equal(t, r.Hops[0].Expiry, f.CltvExpiry) // BOLT 4: "report the cltv_expiry of the outgoing HTLC"
		}

		r = n.route(a, c, 100_000)
		r.Hops[1].ChanId++
		n.failed(n.sendOver(a, c, r), lnrpc.Failure_UNKNOWN_NEXT_PEER, 1)

		require.Equal(t, lnrpc.HTLCAttempt_SUCCEEDED, n.sendOver(a, c, n.route(a, c, 100_000)).Status, "exact is enough")
		n.quiet()
	})
}

func TestForwarderWithoutBalanceFailsForNow(t *testing.T) {
	through(t, func(t *testing.T, a, b, c string) {
		n := start(t, a, b, c)
		_, second := n.line(a, b, c, true)
		f := n.failed(n.sendOver(a, c, n.route(a, c, 100_000)), lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE, 1)
		require.Equal(t, n.channel(b, second).ChanId, f.ChannelUpdate.ChanId)
		p := n.pay(a, &routerrpc.SendPaymentRequest{PaymentRequest: n.invoice(c, 100_000)})
		require.Equal(t, lnrpc.PaymentFailureReason_FAILURE_REASON_NO_ROUTE, p.FailureReason)
		n.quiet()
	})
}

func TestForwarderWhosePeerIsAwaySaysSo(t *testing.T) {
	through(t, func(t *testing.T, a, b, c string) {
		n := start(t, a, b, c)
		first, _ := n.line(a, b, c, false)
		r := n.route(a, c, 100_000)
		request := n.invoice(c, 100_000)
		n.hangUp(c)
		require.NoError(t, n.Stop(n.ctx, c))
		p := n.pay(a, &routerrpc.SendPaymentRequest{PaymentRequest: request})
		require.Equal(t, lnrpc.Payment_FAILED, p.Status)
		require.NotEmpty(t, p.Htlcs)
		// BOLT 4 leaves the choice of words.
		require.Contains(t, []lnrpc.Failure_FailureCode{lnrpc.Failure_UNKNOWN_NEXT_PEER, lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE},
			p.Htlcs[0].Failure.Code)
		require.Equal(t, uint32(1), p.Htlcs[0].Failure.FailureSourceIndex)
		require.NoError(t, n.Start(n.ctx, c))
		n.eventually("the payment works again", func() bool {
			return n.sendOver(a, c, r).Status == lnrpc.HTLCAttempt_SUCCEEDED
		})
		n.quiet()
		n.agree(a, b, first)
	})
}
