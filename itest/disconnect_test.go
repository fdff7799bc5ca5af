package itest

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestPaymentsGoOnAfterDisconnects(t *testing.T) {
	n := start(t, 3)
	n.balanced()
	s := seed(t)
	rng := rand.New(rand.NewPCG(s, 2))
	l := newLoad(n)
	l.start(s, 3, ways...)
	sides := [][2]string{{"alice", "bob"}, {"bob", "alice"}, {"bob", "carol"}, {"carol", "bob"}}
	for range 30 {
		side := sides[rng.IntN(len(sides))]
		begun := l.begun()
		n.eventually("payments are under way", func() bool { return l.begun() > begun })
		pause(n.ctx, time.Duration(rng.IntN(50))*time.Millisecond)
		if err := n.hangUp(side[0], side[1]); err != nil {
			require.ErrorContains(t, err, "is not connected")
		}
		require.NoError(t, n.Connect(n.ctx, side[0], side[1]))
	}
	require.GreaterOrEqual(t, l.finish(), 30)
}

// cutLine is alice–bob–carol where nobody knows a way between alice and bob but the proxy: with private channels only, no node
// announces its address.
func cutLine(t *testing.T) (*network, *proxy) {
	n := start(t, 3)
	p := n.proxy("bob")
	require.NoError(t, n.dial("alice", "bob", p))
	n.openWith("alice", "bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: 2 * capacity, PushSat: capacity, Private: true})
	n.openWith("bob", "carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 2 * capacity, PushSat: capacity, Private: true})
	return n, p
}

func TestPaymentsGoOnAfterCutsAtAnyByte(t *testing.T) {
	const cuts = 100
	n, p := cutLine(t)
	s := seed(t)
	rng := rand.New(rand.NewPCG(s, 3))
	l := newLoad(n)
	p.limit(func() int64 { return 500 + rng.Int64N(12_000) })
	require.NoError(t, n.hangUp("alice", "bob"))
	l.start(s, 3, ways...)
	ctx, stop := context.WithCancel(n.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { // calls faster than a node's back-off
		for ctx.Err() == nil {
			if n.dial("alice", "bob", p) != nil {
				pause(ctx, 20*time.Millisecond) // connected, or cut
			}
		}
	})
	n.eventually("the connection was cut often enough", func() bool { return p.cuts.Load() >= cuts })
	p.limit(func() int64 { return forever })
	stop()
	wg.Wait()
	n.eventually("alice and bob are connected", func() bool { return n.linked("alice", "bob") || n.dial("alice", "bob", p) == nil })
	require.Positive(t, l.finish())
}

func TestOpeningsSurviveCutsAtAnyByte(t *testing.T) {
	const step, enough = 200, 3 // every channel adds to what a new connection begins with; a peer takes 32 proposals a minute
	n := start(t, 2)
	p := n.proxy("bob")
	r := &lnrpc.OpenChannelRequest{LocalFundingAmount: 100_000, NodePubkey: n.key("bob"), Private: true, SpendUnconfirmed: true, SatPerVbyte: 2}
	for bytes := int64(300); ; bytes += step {
		require.Less(t, bytes, int64(10_000), "an opening takes fewer bytes")
		if err := n.hangUp("alice", "bob"); err != nil {
			require.ErrorContains(t, err, "is not connected")
		}
		p.limit(once(bytes))
		n.dial("alice", "bob", p) // cut here, or later, or by nobody
		_, err := n.client("alice").Lightning.OpenChannelSync(n.ctx, r)
		if err != nil {
			require.Regexp(t, "is not online|peer disconnected", err.Error())
			continue
		}
		if n.agree("alice", "bob", p) == enough {
			break
		}
	}
	b, err := n.client("alice").Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
	require.NoError(t, err)
	require.Zero(t, b.LockedBalance, "what failed holds no coins")
}

// once limits the next connection and no other.
func once(bytes int64) func() int64 {
	return func() int64 {
		b := bytes
		bytes = forever
		return b
	}
}

// agree mines and waits until all channels that a has are open, and b has the same. It returns how many they are.
func (n *network) agree(a, b string, p *proxy) int {
	n.t.Helper()
	n.eventually("they are connected", func() bool { return n.linked(a, b) || n.dial(a, b, p) == nil })
	require.NoError(n.t, n.Mine(n.ctx, 6))
	n.eventually("no channel of "+a+" is pending", func() bool {
		r, err := n.client(a).Lightning.PendingChannels(n.ctx, &lnrpc.PendingChannelsRequest{})
		require.NoError(n.t, err)
		return len(r.PendingOpenChannels)+len(r.WaitingCloseChannels)+len(r.PendingForceClosingChannels) == 0
	})
	list, err := n.client(a).Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
	require.NoError(n.t, err)
	require.NotEmpty(n.t, list.Channels)
	for _, c := range list.Channels {
		require.NoError(n.t, n.Active(n.ctx, a, c.ChannelPoint))
		require.NoError(n.t, n.Active(n.ctx, b, c.ChannelPoint))
	}
	return len(list.Channels)
}
