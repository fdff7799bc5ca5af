package itest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// close asks for a close, mines a block once the transaction is out, and waits for the confirmation.
func (n *network) close(name, point string, force bool) {
	n.t.Helper()
	p, err := lab.ParsePoint(point)
	require.NoError(n.t, err)
	stream, err := n.client(name).Lightning.CloseChannel(n.ctx, &lnrpc.CloseChannelRequest{ChannelPoint: p, Force: force})
	require.NoError(n.t, err)
	u, err := stream.Recv()
	require.NoError(n.t, err)
	require.NotNil(n.t, u.GetClosePending())
	require.NoError(n.t, n.Mine(n.ctx, 1))
	u, err = stream.Recv()
	require.NoError(n.t, err)
	require.NotNil(n.t, u.GetChanClose())
}

func TestCooperativeClosePaysBoth(t *testing.T) {
	n := start(t, 2)
	point := n.open("alice", "bob")
	n.paid("alice", "bob", 1_000_000)
	n.quiet()
	n.close("bob", point, false)
	n.eventually("bob has his share", func() bool {
		b, err := n.client("bob").Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
		return err == nil && b.ConfirmedBalance == int64(coins)+1_000_000
	})
	require.Nil(t, n.channel("alice", point))
}

func TestForcedCloseIsSweptByBoth(t *testing.T) {
	n := start(t, 2)
	point := n.open("alice", "bob")
	n.paid("alice", "bob", 1_000_000)
	n.quiet()
	require.NoError(t, n.Stop(n.ctx, "bob"))
	n.close("alice", point, true)
	pending, err := n.client("alice").Lightning.PendingChannels(n.ctx, &lnrpc.PendingChannelsRequest{})
	require.NoError(t, err)
	require.Len(t, pending.PendingForceClosingChannels, 1)
	require.NoError(t, n.Start(n.ctx, "bob"))
	require.NoError(t, n.Mine(n.ctx, 150))
	for _, name := range []string{"alice", "bob"} {
		n.eventually(name+" has its share", func() bool {
			require.NoError(t, n.Mine(n.ctx, 1))
			b, err := n.client(name).Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
			least := map[string]int64{"alice": int64(coins) - 1_000_000 - 20_000, "bob": int64(coins) + 1_000_000 - 5_000}
			return err == nil && b.ConfirmedBalance > least[name]
		})
	}
}
