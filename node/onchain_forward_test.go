package node

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// deaf is a backend without a feed of its mempool.
type deaf struct{ memory }

func (d deaf) Dial(context.Context, lnwire.Height) (Chain, error) { return d, nil }
func (d deaf) WatchMempool(chain.TxSink)                          {}
func (d deaf) UnwatchMempool(chain.TxSink)                        {}

// threeNodes are in a row; the second forwards.
func threeNodes(t *testing.T) (l *lab, up, down page) {
	l = newLab(t, 3)
	for i := range l.nodes {
		l.fund(i, 2_000_000)
	}
	up = l.open(0, 1, 1_000_000, 0, false)
	down = l.open(1, 2, 1_000_000, 0, false)
	l.known(0, 2)
	return l, up, down
}

func (l *lab) phase(i int, c page) channel.Phase {
	x, ok := l.nodes[i].book.funded(c.Funding)
	if !ok {
		return channel.PhaseClosed
	}
	return x.Phase
}

func TestAPreimageOnTheChainSettlesUpstream(t *testing.T) {
	for _, feed := range []bool{true, false} {
		for closer := 1; closer <= 2; closer++ {
			t.Run(fmt.Sprintf("feed %v, closed by node %d", feed, closer), func(t *testing.T) {
				l, up, down := threeNodes(t)
				if !feed {
					l.stop(1)
					l.backend = func(i int) Backend { return deaf{memory{l.chain}} }
					l.start(1)
					l.connect(1, 0)
					l.connect(1, 2)
					l.eventually("channels are back", func() bool {
						x, _ := l.nodes[1].book.funded(up.Funding)
						y, _ := l.nodes[1].book.funded(down.Funding)
						z, _ := l.nodes[0].book.funded(up.Funding)
						return x.Active && y.Active && z.Active
					})
				}
				preimage, ended := l.inFlight(0, 2, 50_000_000)
				l.force(closer, down)
				l.mine(1)
				l.calm()
				l.settle(2, preimage)
				l.eventually("the payee claims", func() bool { return len(l.chain.Mempool()) > 0 })
				if feed {
					require.Equal(t, htlc.Succeeded, (<-ended).Status, "before the claim is in a block")
				} else {
					l.calm()
					require.Equal(t, htlc.InFlight, l.how(ended))
					l.mine(1)
					require.Equal(t, htlc.Succeeded, (<-ended).Status)
				}
				l.buried(down)
				require.Equal(t, channel.PhaseOpen, l.phase(1, up))
				b := l.books()
				l.nothingLeft(b)
				l.has(b, 1, 1_000_000+950_000)
				l.has(b, 2, 2_000_000+50_000)
			})
		}
	}
}

func TestUpstreamFailsOnlyWhenTheTimeoutIsIrreversible(t *testing.T) {
	l, up, down := threeNodes(t)
	_, ended := l.inFlight(0, 2, 50_000_000)
	x, _ := l.nodes[1].book.funded(down.Funding)
	expiry := lnwire.Height(x.HTLCs[0].Expiry)
	l.stop(2) // the downstream peer is gone for good
	l.until("the channel is closed in time", 100, func() bool { return l.spender(down.Funding) != nil })
	require.Equal(t, expiry+channel.OfferedGrace, l.chain.Best().Height)
	l.grind(1)
	require.NotEmpty(t, l.chain.Mempool(), "the timeout follows at once")
	l.grind(1)
	timedOut := l.chain.Best().Height
	for l.chain.Best().Height < timedOut+5 {
		require.Equal(t, htlc.InFlight, l.how(ended))
		l.grind(1)
	}
	require.Equal(t, htlc.Failed, (<-ended).Status)
	in, _ := l.nodes[0].book.funded(up.Funding)
	require.Empty(t, in.HTLCs)
	require.Equal(t, channel.PhaseOpen, l.phase(0, up))
	l.buried(down)
	l.start(2)
	l.buried(down)
	l.nothingLeft(l.books())
	require.Equal(t, channel.PhaseOpen, l.phase(1, up), "upstream is not lost because downstream is stuck")
}

func TestAnHTLCWithAKnownPreimageGoesOnChainInTime(t *testing.T) {
	l, up, down := threeNodes(t)
	preimage, _ := l.inFlight(0, 2, 50_000_000)
	x, _ := l.nodes[1].book.funded(up.Funding)
	expiry := lnwire.Height(x.HTLCs[0].Expiry)
	l.stop(0) // upstream does not answer
	l.settle(2, preimage)
	l.eventually("the preimage is with the forwarder", func() bool {
		x, _ := l.nodes[1].book.funded(down.Funding)
		return len(x.HTLCs) == 0
	})
	l.until("upstream is closed in time", 200, func() bool { return l.spender(up.Funding) != nil })
	require.Equal(t, expiry-channel.FulfillMargin, l.chain.Best().Height)
	l.grind(2)
	l.until("claimed", 2, func() bool { return l.nodes[1].phaseOf(up) == channel.PhaseOnchain && len(l.chain.Mempool()) == 0 })
	require.Less(t, l.chain.Best().Height, expiry)
	l.start(0)
	l.buried(up)
	b := l.books()
	l.nothingLeft(b)
	l.has(b, 1, 1_000_000+50_000)
}

func (n *Node) phaseOf(c page) channel.Phase {
	x, _ := n.book.funded(c.Funding)
	return x.Phase
}
