package itest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestForwardersEarnTheirPolicy(t *testing.T) {
	n := start(t, 4)
	points := n.line()
	p := n.paid("alice", "dave", 200_000)
	// Two routers at 1 sat base and 1 ppm: carol on 200,000 sat; bob on that and carol's fee.
	carol := int64(1000 + 200)
	bob := 1000 + (200_000_000+carol)/1_000_000
	require.Equal(t, bob+carol, p.FeeMsat)
	n.quiet()
	require.Equal(t, int64(200_000), n.channel("dave", points[2]).LocalBalance)
	for name, fee := range map[string]int64{"bob": bob, "carol": carol} {
		h, err := n.client(name).Lightning.ForwardingHistory(n.ctx, &lnrpc.ForwardingHistoryRequest{StartTime: 1, NumMaxEvents: 10})
		require.NoError(t, err)
		require.Len(t, h.ForwardingEvents, 1, name)
		require.Equal(t, fee, int64(h.ForwardingEvents[0].FeeMsat), name)
	}
}

func TestBothWaysOverTwoChannelsToOnePeer(t *testing.T) {
	n := start(t, 2)
	first := n.open("alice", "bob")
	second := n.open("bob", "alice")
	require.NoError(t, n.Known(n.ctx, 2))
	for range 5 {
		n.paid("alice", "bob", 50_000)
		n.paid("bob", "alice", 20_000)
	}
	n.quiet()
	a, b := n.channel("bob", first), n.channel("bob", second)
	const anchors = 660 // who opened pays for them, and the commitment's fee
	require.Equal(t, int64(capacity+5*(50_000-20_000)), a.LocalBalance+b.LocalBalance+b.CommitFee+anchors)
}

func TestPrivateChannelIsReachedByItsHint(t *testing.T) {
	n := start(t, 3)
	n.open("alice", "bob")
	n.openWith("bob", "carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: capacity, Private: true})
	require.NoError(t, n.Known(n.ctx, 1))
	plain := n.pay("alice", n.invoice("carol", 10_000))
	require.Equal(t, lnrpc.PaymentFailureReason_FAILURE_REASON_NO_ROUTE, plain.FailureReason)
	hinted, err := n.Invoice(n.ctx, "carol", &lnrpc.Invoice{Value: 10_000, Private: true})
	require.NoError(t, err)
	require.Equal(t, lnrpc.Payment_SUCCEEDED, n.pay("alice", hinted).Status)
	g, err := n.client("alice").Lightning.DescribeGraph(n.ctx, &lnrpc.ChannelGraphRequest{})
	require.NoError(t, err)
	require.Len(t, g.Edges, 1, "the private channel is nobody's business")
}
