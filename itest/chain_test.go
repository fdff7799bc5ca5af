package itest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// chainStarts brings the backend up again with its blocks and ports.
func (n *network) chainStarts() {
	n.t.Helper()
	dir := n.Chain.Dir()
	c, err := regtest.Start(n.ctx, dir, n.Chain.Kind)
	require.NoError(n.t, err)
	n.Chain = c
}

func TestPaymentsGoOnWhileTheBackendIsAway(t *testing.T) {
	n := start(t, 3)
	n.balanced()
	l := newLoad(n)
	l.start(seed(t), 2, ways...)
	for range 3 {
		require.NoError(t, n.Chain.Stop(n.ctx))
		begun := l.begun()
		n.eventually("payments go on", func() bool { return l.begun() > begun+20 })
		n.chainStarts()
		require.NoError(t, n.Mine(n.ctx, 3))
	}
	require.Positive(t, l.finish())
}

func TestANodeThatSleptCatchesUp(t *testing.T) {
	n := start(t, 2)
	point := n.open("alice", "bob")
	n.paid("alice", "bob", 500_000)
	n.quiet()
	require.NoError(t, n.Stop(n.ctx, "bob"))
	n.close("alice", point, true)
	require.NoError(t, n.Mine(n.ctx, 160)) // bob sleeps through the close, and through alice's delay
	require.NoError(t, n.Start(n.ctx, "bob"))
	require.NoError(t, n.Synced(n.ctx))
	n.eventually("bob has his share", func() bool {
		require.NoError(t, n.Mine(n.ctx, 1))
		b, err := n.client("bob").Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
		return err == nil && b.ConfirmedBalance > int64(coins)+480_000
	})
	require.Nil(t, n.channel("bob", point))
}

func TestADaemonWaitsForItsBackend(t *testing.T) {
	n := start(t, 1)
	node, err := n.Node("alice")
	require.NoError(t, err)
	require.NoError(t, n.Stop(n.ctx, "alice"))
	require.NoError(t, n.Chain.Stop(n.ctx))
	started := make(chan error, 1)
	go func() { started <- n.Start(n.ctx, "alice") }()
	n.eventually("alice says what she waits for", func() bool {
		b, err := os.ReadFile(node.Log())
		return err == nil && strings.Contains(string(b), "waiting for the chain backend")
	})
	select {
	case err := <-started:
		require.Fail(t, "alice serves without a chain", err)
	default:
	}
	n.chainStarts()
	require.NoError(t, <-started)
	require.NoError(t, n.Mine(n.ctx, 1))
}
