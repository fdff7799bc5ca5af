package node

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func TestPaymentOverOneChannelMovesTheBalances(t *testing.T) {
	l := newLab(t, 2)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 0, false)
	p := l.pay(0, l.invoice(1, 50_000_000))
	require.Equal(t, htlc.Succeeded, p.Status, p.Reason)
	require.Zero(t, p.Fee)
	l.eventually("balances settle", func() bool {
		x, _ := l.nodes[0].book.funded(c.Funding)
		y, _ := l.nodes[1].book.funded(c.Funding)
		return len(x.HTLCs) == 0 && len(y.HTLCs) == 0 && y.Local.Balance == 50_000_000 && x.Remote.Balance == 50_000_000
	})
}

func TestForwardingEarnsTheFee(t *testing.T) {
	l := newLab(t, 3)
	l.fund(0, 2_000_000)
	l.fund(1, 2_000_000)
	l.open(0, 1, 1_000_000, 0, false)
	c := l.open(1, 2, 1_000_000, 0, false)
	l.known(0, 2)
	p := l.pay(0, l.invoice(2, 100_000_000))
	require.Equal(t, htlc.Succeeded, p.Status, p.Reason)
	require.Equal(t, lnwire.MilliSatoshi(1000+100), p.Fee)
	l.eventually("the payee has it", func() bool {
		x, _ := l.nodes[2].book.funded(c.Funding)
		return len(x.HTLCs) == 0 && x.Local.Balance == 100_000_000
	})
}

func TestRestartKeepsChannelsAndPaysAgain(t *testing.T) {
	l := newLab(t, 2)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 200_000_000, true)
	require.Equal(t, htlc.Succeeded, l.pay(0, l.invoice(1, 10_000_000)).Status)
	l.stop(1)
	l.start(1)
	l.connect(1, 0)
	l.eventually("the channel is reestablished", func() bool {
		x, _ := l.nodes[0].book.funded(c.Funding)
		y, _ := l.nodes[1].book.funded(c.Funding)
		return x.Active && y.Active
	})
	require.Equal(t, htlc.Succeeded, l.pay(1, l.invoice(0, 20_000_000)).Status)
}

func TestCooperativeCloseReturnsTheMoney(t *testing.T) {
	l := newLab(t, 2)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 300_000_000, false)
	_, err := l.nodes[0].Close(c.Funding, channel.Shut{})
	require.NoError(t, err)
	l.eventually("the closing transaction is out", func() bool { return len(l.chain.Mempool()) > 0 })
	l.mine(1)
	l.eventually("the accepter is paid", func() bool {
		b, err := l.nodes[1].wallet.Balance(1)
		return err == nil && b.Confirmed == 300_000
	})
}

func TestForcedCloseIsSweptAfterTheDelay(t *testing.T) {
	l := newLab(t, 2)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 300_000_000, false)
	_, err := l.nodes[0].Close(c.Funding, channel.Shut{Force: true})
	require.NoError(t, err)
	l.eventually("the commitment is out", func() bool { return len(l.chain.Mempool()) > 0 })
	l.mine(1)
	l.eventually("the peer sweeps at once", func() bool { return len(l.chain.Mempool()) > 0 })
	l.mine(143) // to_self_delay of 144: final in the next block
	l.eventually("our delayed output is swept", func() bool { return len(l.chain.Mempool()) > 0 })
	l.mine(1)
	l.eventually("our share is home", func() bool {
		b, err := l.nodes[0].wallet.Balance(1)
		return err == nil && b.Confirmed > 1_690_000
	})
}

func TestPaymentBeyondOurMeansSendsNoPart(t *testing.T) {
	l := newLab(t, 2)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 0, false)
	o := l.invoice(1, 1_500_000_000)
	o.MaxParts = 16
	p := l.pay(0, o)
	require.Equal(t, htlc.Failed, p.Status)
	require.Equal(t, htlc.InsufficientBalance, p.Reason)
	require.Empty(t, p.Attempts)
	x, _ := l.nodes[0].book.funded(c.Funding)
	require.Empty(t, x.HTLCs)
}
