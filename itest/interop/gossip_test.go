package interop

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// node is what one node knows of another, nil where nothing.
func (n *network) node(at, of string) *lnrpc.NodeInfo {
	n.t.Helper()
	key, err := n.Key(n.ctx, of)
	require.NoError(n.t, err)
	info, err := n.client(at).Lightning.GetNodeInfo(n.ctx, &lnrpc.NodeInfoRequest{PubKey: key})
	if err != nil {
		return nil
	}
	return info
}

func TestEachLearnsTheOthersNetwork(t *testing.T) {
	n := start(t, "fulmen", "fulmen2", "lnd", "lnd2")
	// The two that pass the news on are connected first: LND asks a second peer for what is new from then on only.
	n.open("fulmen", "lnd", &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
	n.open("fulmen", "fulmen2", &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
	n.open("lnd", "lnd2", &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
	require.NoError(t, n.Known(n.ctx, 3))
	for _, at := range []string{"fulmen", "fulmen2", "lnd", "lnd2"} {
		for _, of := range []string{"fulmen", "fulmen2", "lnd", "lnd2"} {
			n.eventually(at+" knows "+of, func() bool {
				i := n.node(at, of)
				return i != nil && i.Node.Alias == of && len(i.Node.Addresses) == 1
			})
		}
	}
	require.Equal(t, n.graph("fulmen"), n.graph("lnd2"))
	require.Equal(t, n.graph("lnd"), n.graph("fulmen2"))
	n.paid("fulmen2", "lnd2", 10_000)
	n.paid("lnd2", "fulmen2", 5_000)
}

// edge is what two nodes should know alike of a channel.
type edge struct {
	id             uint64
	point          string
	node1, node2   string
	capacity       int64
	base1, base2   int64
	rate1, rate2   int64
	delta1, delta2 uint32
	min1, min2     int64
	max1, max2     uint64
}

func (n *network) graph(at string) map[uint64]edge {
	n.t.Helper()
	g, err := n.client(at).Lightning.DescribeGraph(n.ctx, &lnrpc.ChannelGraphRequest{})
	require.NoError(n.t, err)
	edges := make(map[uint64]edge)
	for _, e := range g.Edges {
		a, b := e.Node1Policy, e.Node2Policy
		edges[e.ChannelId] = edge{e.ChannelId, e.ChanPoint, e.Node1Pub, e.Node2Pub, e.Capacity, a.FeeBaseMsat, b.FeeBaseMsat,
			a.FeeRateMilliMsat, b.FeeRateMilliMsat, a.TimeLockDelta, b.TimeLockDelta, a.MinHtlc, b.MinHtlc, a.MaxHtlcMsat, b.MaxHtlcMsat}
	}
	return edges
}

func TestNewPolicyAndCloseSpread(t *testing.T) {
	through(t, func(t *testing.T, a, b, c string) {
		n := start(t, a, b, c)
		_, second := n.line(a, b, c, false)
		_, err := n.client(b).Lightning.UpdateChannelPolicy(n.ctx, &lnrpc.PolicyUpdateRequest{
			Scope: &lnrpc.PolicyUpdateRequest_Global{Global: true}, BaseFeeMsat: 3_000, FeeRatePpm: 500, TimeLockDelta: 90})
		require.NoError(t, err)
		n.eventually(a+" pays the new fee", func() bool { return n.route(a, c, 100_000).TotalFeesMsat == 3_000+50_000 })
		require.Equal(t, int64(53_000), n.paid(a, c, 100_000).FeeMsat)
		n.quiet()
		n.close(b, second, false)
		require.NoError(t, n.Mine(n.ctx, 73)) // BOLT 7: "SHOULD forget a channel after a 72-block delay"; LND does so at once
		n.eventually(a+" has forgotten the channel", func() bool { return len(n.graph(a)) == 1 })
	})
}
