package node

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/htlc"
)

// reorg replaces the last blocks by empty ones; what they held is in the mempool again.
func (l *lab) reorg(depth int) {
	l.t.Helper()
	l.calm()
	l.chain.Reorg(depth)
	l.mine(1)
	l.calm()
}

func TestReorganisationsOfAnEndChangeNothingInTheEnd(t *testing.T) {
	for _, depth := range []int{1, 6, 12} {
		for closer := range 2 {
			t.Run(fmt.Sprintf("%d blocks, closed by node %d", depth, closer), func(t *testing.T) {
				l, c := twoNodes(t)
				known, paid := l.inFlight(0, 1, 30_000_000)
				_, timedOut := l.inFlight(1, 0, 5_000_000)
				l.force(closer, c)
				l.settle(1, known)
				l.grind(depth)
				l.reorg(depth) // of the commitment, and with it of claims
				l.grind(3)
				l.reorg(2)
				l.until("the offered HTLC times out", 60, func() bool {
					x, _ := l.nodes[1].book.funded(c.Funding)
					return x.Phase == channel.PhaseOnchain && l.how(timedOut) == htlc.Failed
				})
				l.reorg(min(depth, 5)) // of the timeout
				l.grind(140)
				l.reorg(depth) // of the delayed outputs
				l.buried(c)
				require.Equal(t, htlc.Succeeded, (<-paid).Status)
				b := l.books()
				l.nothingLeft(b)
				l.has(b, 0, 2_000_000-400_000-30_000)
				l.has(b, 1, 500_000+400_000+30_000)
			})
		}
	}
}

func TestACloseThatIsReorganisedAwayMakesRoomForAnother(t *testing.T) {
	l, c := twoNodes(t)
	l.force(0, c)
	theirs := l.spender(c.Funding)
	l.grind(3)
	l.calm()
	l.chain.Reorg(3)
	l.chain.Evict(theirs.TxHash()) // and forgotten, by everybody but the nodes
	l.until("somebody's commitment is in the chain again", 3, func() bool {
		x, _ := l.nodes[1].book.funded(c.Funding)
		return x.Close.SpentBy != nil && x.Close.SpentHeight > 17
	})
	l.buried(c)
	b := l.books()
	l.nothingLeft(b)
	l.has(b, 0, 2_000_000-400_000)
	l.has(b, 1, 500_000+400_000)
}

func TestACloseThatIsReorganisedAwayWhileTheNodeIsDown(t *testing.T) {
	l, c := twoNodes(t)
	l.force(1, c)
	theirs := l.spender(c.Funding)
	l.grind(5)
	l.stop(0)
	l.stop(1)
	l.chain.Reorg(6)
	l.chain.Evict(theirs.TxHash())
	l.start(0)
	l.eventually("ours is published instead", func() bool {
		tx := l.spender(c.Funding)
		return tx != nil && tx.TxHash() != theirs.TxHash()
	})
	l.grind(1)
	x, _ := l.nodes[0].book.funded(c.Funding)
	require.Equal(t, resolve.LocalCommitment, x.Close.Kind)
	l.start(1)
	l.buried(c)
	b := l.books()
	l.nothingLeft(b)
	l.has(b, 0, 2_000_000-400_000)
	l.has(b, 1, 500_000+400_000)
}

func TestACooperativeCloseIsWatchedUntilItIsBuried(t *testing.T) {
	l, c := twoNodes(t)
	_, err := l.nodes[0].Close(c.Funding, channel.Shut{})
	require.NoError(t, err)
	l.eventually("the closing transaction is out", func() bool { return l.spender(c.Funding) != nil })
	l.grind(12)
	l.reorg(12)
	l.grind(90)
	require.Equal(t, channel.PhaseOnchain, l.phase(0, c), "not forgotten yet")
	l.buried(c)
	b := l.books()
	require.Empty(t, b.left)
	l.has(b, 0, 2_000_000-400_000)
	require.EqualValues(t, 500_000+400_000, b.wallets[1])
}

func TestAFundingThatIsReorganisedComesBack(t *testing.T) {
	l, c := twoNodes(t)
	l.grind(6)
	l.reorg(12)
	l.until("the funding is in the chain again", 12, func() bool {
		x, _ := l.nodes[0].book.funded(c.Funding)
		y, _ := l.nodes[1].book.funded(c.Funding)
		return x.Confirmations >= 3 && y.Confirmations >= 3
	})
	require.Equal(t, htlc.Succeeded, l.pay(0, l.invoice(1, 10_000_000)).Status)
	l.books()
}

func TestEveryRestartAsksAgainAndGoesOn(t *testing.T) {
	l, c := twoNodes(t)
	known, _ := l.inFlight(0, 1, 30_000_000) // its end is heard by the run before
	l.inFlight(1, 0, 5_000_000)
	l.force(0, c)
	l.settle(1, known)
	for block := range 70 {
		l.calm()
		l.mine(1)
		if block%7 == 0 {
			l.stop(block % 2)
			l.start(block % 2)
		} else if block%7 == 3 {
			l.calm()
			l.stop(1)
			l.stop(0)
			l.start(0)
			l.start(1)
		}
	}
	l.buried(c)
	b := l.books()
	l.nothingLeft(b)
	l.has(b, 0, 2_000_000-400_000-30_000)
	l.has(b, 1, 500_000+400_000+30_000)
	payment, _, err := htlc.LookupPayment(l.nodes[0].ledger, sha256.Sum256(known[:]))
	require.NoError(t, err)
	require.Equal(t, htlc.Succeeded, payment.Status)
}
