package interop

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// open opens a channel and waits until both may use it.
func (n *network) open(from, to string, r *lnrpc.OpenChannelRequest) string {
	n.t.Helper()
	if r.LocalFundingAmount == 0 {
		r.LocalFundingAmount = capacity
	}
	point, err := n.Open(n.ctx, from, to, r)
	require.NoError(n.t, err)
	n.usable(point, from, to)
	return point
}

// usable waits until both ends may use the channel, and LND's router has it.
func (n *network) usable(point string, names ...string) {
	n.t.Helper()
	for _, name := range names {
		require.NoError(n.t, n.Active(n.ctx, name, point))
		if isLND(name) {
			n.routes(name, point)
		}
	}
}

// routes waits until LND's router has the channel, which is some time after its links have it.
func (n *network) routes(name, point string) {
	n.t.Helper()
	n.eventually(name+" routes over the channel", func() bool {
		g, err := n.client(name).Lightning.DescribeGraph(n.ctx, &lnrpc.ChannelGraphRequest{IncludeUnannounced: true})
		return err == nil && slices.ContainsFunc(g.Edges, func(e *lnrpc.ChannelEdge) bool {
			return e.ChanPoint == point && e.Node1Policy != nil && e.Node2Policy != nil
		})
	})
}

func TestAnnouncedChannelIsOpenedAndUsed(t *testing.T) {
	both(t, func(t *testing.T, opener, accepter string) {
		n := start(t, opener, accepter)
		point := n.open(opener, accepter, &lnrpc.OpenChannelRequest{})
		n.agree(opener, accepter, point)
		require.NoError(t, n.Known(n.ctx, 1))
		n.paid(opener, accepter, 1_000_000)
		n.paid(accepter, opener, 300_000)
		n.quiet()
		n.agree(opener, accepter, point)
		require.Equal(t, int64(700_000), n.channel(accepter, point).LocalBalance)
	})
}

func TestPushedAmountIsTheAcceptersFromTheStart(t *testing.T) {
	both(t, func(t *testing.T, opener, accepter string) {
		n := start(t, opener, accepter)
		point := n.open(opener, accepter, &lnrpc.OpenChannelRequest{PushSat: 2_000_000, Private: true})
		c := n.agree(opener, accepter, point)
		require.True(t, c.Private)
		require.Equal(t, int64(2_000_000), n.channel(accepter, point).LocalBalance)
		n.paid(accepter, opener, 500_000)
		n.paid(opener, accepter, 500_001)
		n.quiet()
		n.agree(opener, accepter, point)
	})
}

func TestOpeningSurvivesRestartsOfEitherSide(t *testing.T) {
	both(t, func(t *testing.T, opener, accepter string) {
		n := start(t, opener, accepter)
		point := n.pending(opener, accepter)
		n.restart(opener, false)
		require.NoError(t, n.Mine(n.ctx, 2))
		n.restart(accepter, true)
		require.NoError(t, n.Mine(n.ctx, 4))
		n.usable(point, opener, accepter)
		n.paid(opener, accepter, 100_000)
		n.restart(opener, true)
		n.restart(accepter, false)
		n.usable(point, opener, accepter)
		n.paid(opener, accepter, 100_000)
		n.paid(accepter, opener, 50_000)
		n.quiet()
		n.agree(opener, accepter, point)
	})
}

// pending opens a channel up to its unconfirmed funding.
func (n *network) pending(from, to string) string {
	n.t.Helper()
	require.NoError(n.t, n.Connect(n.ctx, from, to))
	p, err := n.client(from).Lightning.OpenChannelSync(n.ctx, &lnrpc.OpenChannelRequest{NodePubkey: n.key(to), LocalFundingAmount: capacity})
	require.NoError(n.t, err)
	return lab.Point(p)
}

// agree checks that both ends see the same channel.
func (n *network) agree(a, b, point string) *lnrpc.Channel {
	n.t.Helper()
	x, y := n.channel(a, point), n.channel(b, point)
	require.NotNil(n.t, x, a)
	require.NotNil(n.t, y, b)
	require.Equal(n.t, x.ChanId, y.ChanId)
	require.Equal(n.t, x.Capacity, y.Capacity)
	require.Equal(n.t, [2]int64{x.LocalBalance, x.RemoteBalance}, [2]int64{y.RemoteBalance, y.LocalBalance})
	require.Equal(n.t, x.FeePerKw, y.FeePerKw)
	require.Equal(n.t, x.Private, y.Private)
	require.NotEqual(n.t, x.Initiator, y.Initiator)
	require.Equal(n.t, lnrpc.CommitmentType_ANCHORS, x.CommitmentType)
	require.Equal(n.t, x.CommitmentType, y.CommitmentType)
	require.Equal(n.t, limits(x.LocalConstraints), limits(y.RemoteConstraints))
	require.Equal(n.t, limits(x.RemoteConstraints), limits(y.LocalConstraints))
	return x
}

// limits makes constraints comparable.
func limits(c *lnrpc.ChannelConstraints) [6]uint64 {
	return [6]uint64{uint64(c.CsvDelay), c.ChanReserveSat, c.DustLimitSat, c.MaxPendingAmtMsat, c.MinHtlcMsat, uint64(c.MaxAcceptedHtlcs)}
}
