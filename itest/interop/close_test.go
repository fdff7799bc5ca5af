package interop

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// close asks for a close and waits until its transaction is out.
func (n *network) close(name, point string, force bool) lnrpc.Lightning_CloseChannelClient {
	n.t.Helper()
	p, err := lab.ParsePoint(point)
	require.NoError(n.t, err)
	stream, err := n.client(name).Lightning.CloseChannel(n.ctx, &lnrpc.CloseChannelRequest{ChannelPoint: p, Force: force})
	require.NoError(n.t, err)
	u, err := stream.Recv()
	require.NoError(n.t, err)
	require.NotNil(n.t, u.GetClosePending())
	return stream
}

// confirmed is all that a node's wallet can spend.
func (n *network) confirmed(name string) int64 {
	n.t.Helper()
	b, err := n.client(name).Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
	require.NoError(n.t, err)
	return b.ConfirmedBalance
}

// resolved mines until nothing of any channel is pending at a node and its wallet has at least so much.
func (n *network) resolved(name string, least int64) {
	n.t.Helper()
	n.eventually(name+" has all that is its own", func() bool {
		p, err := n.client(name).Lightning.PendingChannels(n.ctx, &lnrpc.PendingChannelsRequest{})
		require.NoError(n.t, err)
		if len(p.PendingForceClosingChannels) == 0 && len(p.WaitingCloseChannels) == 0 && n.confirmed(name) >= least {
			return true
		}
		blocks := int32(1)
		for _, c := range p.PendingForceClosingChannels {
			blocks = max(blocks, min(c.BlocksTilMaturity, 20))
		}
		require.NoError(n.t, n.Mine(n.ctx, int(blocks)))
		return false
	})
}

func TestCooperativeClosePaysBoth(t *testing.T) {
	for _, byOpener := range []bool{true, false} {
		name := map[bool]string{true: "opener closes", false: "accepter closes"}[byOpener]
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, opener, accepter string) {
				n := start(t, opener, accepter)
				point := n.open(opener, accepter, &lnrpc.OpenChannelRequest{})
				n.paid(opener, accepter, 1_000_000)
				n.quiet()
				before := map[string]int64{opener: n.confirmed(opener), accepter: n.confirmed(accepter)}
				closer := map[bool]string{true: opener, false: accepter}[byOpener]
				stream := n.close(closer, point, false)
				require.NoError(t, n.Mine(n.ctx, 6)) // LND waits for a close to be deep
				u, err := stream.Recv()
				require.NoError(t, err)
				require.NotNil(t, u.GetChanClose())
				n.eventually("both have their shares", func() bool {
					got := n.confirmed(opener) - before[opener]
					return n.confirmed(accepter) == before[accepter]+1_000_000 && got <= capacity-1_000_000 && got > capacity-1_000_000-20_000
				})
				for _, name := range []string{opener, accepter} {
					require.Nil(t, n.channel(name, point))
					c, err := n.client(name).Lightning.ClosedChannels(n.ctx, &lnrpc.ClosedChannelsRequest{})
					require.NoError(t, err)
					require.Len(t, c.Channels, 1)
					require.Equal(t, lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE, c.Channels[0].CloseType)
				}
			})
		})
	}
}

func TestCooperativeCloseSurvivesADisconnection(t *testing.T) {
	both(t, func(t *testing.T, closer, other string) {
		n := start(t, closer, other)
		point := n.open(closer, other, &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
		before := n.confirmed(other)
		n.close(closer, point, false)
		n.restart(other, true)
		n.restart(closer, true)
		require.NoError(t, n.Mine(n.ctx, 7))
		n.eventually("the other has its share", func() bool { return n.confirmed(other) == before+1_000_000 })
		require.Nil(t, n.channel(closer, point))
	})
}

func TestForcedCloseIsSweptByBoth(t *testing.T) {
	both(t, func(t *testing.T, closer, other string) {
		n := start(t, closer, other)
		point := n.open(closer, other, &lnrpc.OpenChannelRequest{})
		n.paid(closer, other, 1_000_000)
		n.quiet()
		before := map[string]int64{closer: n.confirmed(closer), other: n.confirmed(other)}
		n.close(closer, point, true)
		require.NoError(t, n.Mine(n.ctx, 1))
		n.resolved(other, before[other]+1_000_000-5_000)
		c := n.closed(other, point)
		require.Equal(t, lnrpc.ChannelCloseSummary_REMOTE_FORCE_CLOSE, c.CloseType)
		n.resolved(closer, before[closer]+capacity-1_000_000-20_000)
		require.Equal(t, lnrpc.ChannelCloseSummary_LOCAL_FORCE_CLOSE, n.closed(closer, point).CloseType)
	})
}

func (n *network) closed(name, point string) *lnrpc.ChannelCloseSummary {
	n.t.Helper()
	c, err := n.client(name).Lightning.ClosedChannels(n.ctx, &lnrpc.ClosedChannelsRequest{})
	require.NoError(n.t, err)
	for _, c := range c.Channels {
		if c.ChannelPoint == point {
			return c
		}
	}
	require.FailNow(n.t, name+" does not list the channel as closed")
	return nil
}
