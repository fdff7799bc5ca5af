package interop

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestEitherConnectsToTheOther(t *testing.T) {
	both(t, func(t *testing.T, from, to string) {
		n := start(t, from, to)
		require.NoError(t, n.Connect(n.ctx, from, to))
		n.eventually("both list the peer", func() bool { return n.peers(from) == 1 && n.peers(to) == 1 })
		n.disconnect(to, from, to)
		n.eventually("both have lost it", func() bool { return n.peers(from) == 0 && n.peers(to) == 0 })
		require.NoError(t, n.Connect(n.ctx, from, to))
		n.eventually("both list the peer", func() bool { return n.peers(from) == 1 && n.peers(to) == 1 })
	})
}

// peers counts the connections of a node.
func (n *network) peers(name string) int {
	n.t.Helper()
	l, err := n.client(name).Lightning.ListPeers(n.ctx, &lnrpc.ListPeersRequest{})
	require.NoError(n.t, err)
	return len(l.Peers)
}

func TestChannelPeersFindEachOtherAfterRestarts(t *testing.T) {
	n := start(t, "fulmen", "lnd")
	point := n.open("fulmen", "lnd", &lnrpc.OpenChannelRequest{})
	for _, name := range []string{"fulmen", "lnd", "fulmen", "lnd"} {
		n.restart(name, true)
		require.NoError(t, n.Active(n.ctx, "fulmen", point))
		require.NoError(t, n.Active(n.ctx, "lnd", point))
	}
	n.paid("fulmen", "lnd", 10_000)
}
