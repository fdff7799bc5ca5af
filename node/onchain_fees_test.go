package node

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/wallet"
)

func TestAnHTLCTooSmallToClaimIsFailedUpstreamBeforeItsExpiry(t *testing.T) {
	for closer := 1; closer <= 2; closer++ {
		l, up, down := threeNodes(t)
		_, ended := l.inFlight(0, 2, 900_000)
		in, _ := l.nodes[1].book.funded(up.Funding)
		expiry := lnwire.Height(in.HTLCs[0].Expiry)
		l.force(closer, down)
		l.grind(8)
		l.chain.SetFeeRate(20_000)
		l.chain.SetMinFeeRate(20_000)
		l.until("the forward is given up", 150, func() bool { return l.how(ended) == htlc.Failed })
		require.Equal(t, expiry-giveUpBefore, l.chain.Best().Height)
		l.grind(10)
		require.Equal(t, channel.PhaseOpen, l.phase(0, up))
		require.Equal(t, channel.PhaseOpen, l.phase(1, up))
		p := l.nodes[1].sweeper.sweeper.Pending()
		require.Contains(t, []wallet.Left{wallet.Uneconomical, wallet.Refused}, p[len(p)-1].Left, "and the operator can see it")
		// When fees fall, what was left is taken after all.
		l.chain.SetFeeRate(300)
		l.chain.SetMinFeeRate(250)
		l.buried(down)
		l.nothingLeft(l.books())
	}
}

func TestASweepOutbidsARaisedMinimumBeforeItsDeadline(t *testing.T) {
	l, c := twoNodes(t)
	_, ended := l.inFlight(0, 1, 50_000_000)
	l.force(0, c)
	l.grind(8)
	x, _ := l.nodes[0].book.funded(c.Funding)
	expiry := lnwire.Height(x.HTLCs[0].Expiry)
	l.until("the HTLC expires", 60, func() bool { return l.chain.Best().Height == expiry-1 })
	l.chain.SetMiningRate(12_000) // the estimator says 2,500
	l.until("the timeout confirms", 12, func() bool { return l.how(ended) == htlc.Failed || l.timeoutMined(x) })
	l.chain.SetMiningRate(0)
	l.buried(c)
	l.nothingLeft(l.books())
}

// timeoutMined says whether an HTLC transaction of node 0 waits for its delay.
func (l *lab) timeoutMined(c page) bool {
	for _, p := range l.nodes[0].sweeper.sweeper.Pending() {
		if p.Claim.Channel == c.ChannelID && p.Claim.Output.Value == 50_000 && p.Left == wallet.Immature {
			return true
		}
	}
	return false
}

func TestACommitmentBelowTheMempoolsMinimumGetsOutWithItsChild(t *testing.T) {
	l, c := twoNodes(t)
	known, _ := l.inFlight(1, 0, 50_000_000)
	l.chain.SetFeeRate(9_000)
	l.chain.SetMinFeeRate(8_000)
	l.stop(1)
	l.settle(0, known)
	_, err := l.nodes[0].Close(c.Funding, closeByForce)
	require.NoError(t, err)
	l.until("the commitment and its child are out", 2, func() bool { return len(l.chain.Mempool()) == 2 })
	commitment := l.spender(c.Funding)
	l.chain.Evict(commitment.TxHash())
	require.Empty(t, l.chain.Mempool())
	l.stop(0)
	l.start(0)
	l.until("and again after a restart", 1, func() bool { return l.spender(c.Funding) != nil })
	l.grind(1)
	child := 0
	for range 20 { // the child is not paid for once the commitment is in
		l.grind(1)
		for _, tx := range l.chain.Mempool() {
			if tx.TxIn[0].PreviousOutPoint.Hash == commitment.TxHash() && tx.TxIn[0].PreviousOutPoint.Index < 2 {
				child++
			}
		}
	}
	require.Zero(t, child)
	l.start(1)
	l.chain.SetMinFeeRate(250)
	l.buried(c)
	l.nothingLeft(l.books())
}

func TestWithoutCoinsACommitmentWaitsAndSaysSo(t *testing.T) {
	l := newLab(t, 2)
	l.fund(1, 1_100_000)
	c := l.open(1, 0, 1_000_000, 400_000_000, true)
	l.inFlight(1, 0, 50_000_000)
	l.stop(1)
	l.chain.SetFeeRate(9_000)
	l.chain.SetMinFeeRate(8_000)
	_, err := l.nodes[0].Close(c.Funding, closeByForce)
	require.NoError(t, err)
	l.grind(2)
	require.Nil(t, l.spender(c.Funding))
	p := l.nodes[0].sweeper.sweeper.Pending()
	require.Len(t, p, 1)
	require.Equal(t, wallet.NoCoins, p[0].Left)
	require.Equal(t, c.Funding.Hash, l.nodes[0].parentOf(p[0]).TxIn[0].PreviousOutPoint.Hash)
	l.chain.SetMinFeeRate(250)
	l.grind(2)
	require.Equal(t, channel.PhaseOnchain, l.phase(0, c))
	l.chain.SetFeeRate(2_500)
	l.start(1)
	l.buried(c)
	l.nothingLeft(l.books())
}

func (n *Node) parentOf(p wallet.Pending) *wire.MsgTx { return p.Claim.Parent.Tx }
