package itest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// seed of a random scenario; SEED repeats one.
func seed(t *testing.T) uint64 {
	s := rand.Uint64()
	if text := os.Getenv("SEED"); text != "" {
		var err error
		s, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("SEED=%d", s)
	return s
}

// balanced opens a line of channels whose ends own as much as their beginnings.
func (n *network) balanced() {
	n.t.Helper()
	nodes := n.Nodes()
	for i := range len(nodes) - 1 {
		n.openWith(nodes[i].Name, nodes[i+1].Name, &lnrpc.OpenChannelRequest{LocalFundingAmount: 2 * capacity, PushSat: capacity})
	}
	require.NoError(n.t, n.Known(n.ctx, len(nodes)-1))
}

// ways are the payments of a load, so that no channel runs dry.
var ways = [][2]string{{"alice", "carol"}, {"carol", "alice"}, {"bob", "alice"}, {"alice", "bob"}}

func TestNodesAreKilledUnderLoad(t *testing.T) {
	const kills = 24
	n := start(t, 3)
	n.balanced()
	s := seed(t)
	rng := rand.New(rand.NewPCG(s, 0))
	l := newLoad(n)
	l.start(s, 3, ways...)
	for range kills {
		name := n.Nodes()[rng.IntN(3)].Name
		begun := l.begun()
		n.eventually("payments are under way", func() bool { return l.begun() > begun })
		pause(n.ctx, time.Duration(rng.IntN(400))*time.Millisecond) // no moment is special
		if rng.IntN(4) > 0 {
			require.NoError(t, n.Kill(n.ctx, name))
		} else {
			require.NoError(t, n.Stop(n.ctx, name))
		}
		require.NoError(t, n.Start(n.ctx, name))
	}
	require.GreaterOrEqual(t, l.finish(), kills)
	n.paid("alice", "carol", 1_000)
	n.paid("carol", "alice", 1_000)
}

func TestAllNodesLosePowerAtOnce(t *testing.T) {
	n := start(t, 3)
	n.balanced()
	s := seed(t)
	rng := rand.New(rand.NewPCG(s, 1))
	l := newLoad(n)
	l.start(s, 5, ways...)
	for range 4 {
		begun := l.begun()
		n.eventually("payments are under way", func() bool { return l.begun() > begun+20 })
		pause(n.ctx, time.Duration(rng.IntN(100))*time.Millisecond)
		for _, node := range n.Nodes() {
			require.NoError(t, n.Kill(n.ctx, node.Name))
		}
		for _, node := range n.Nodes() {
			require.NoError(t, n.Start(n.ctx, node.Name))
		}
	}
	require.Positive(t, l.finish())
}
