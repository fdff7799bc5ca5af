package node

import (
	"os"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// keep copies what node i has on disk, between two runs of it.
func (l *lab) keep(i int) (dir string) {
	l.t.Helper()
	l.stop(i)
	dir = l.t.TempDir()
	require.NoError(l.t, os.CopyFS(dir, os.DirFS(l.dirs[i])))
	l.start(i)
	return dir
}

// turn makes node i, which runs no more, go on from an older copy of the whole of its folder: nothing tells it that it is one.
func (l *lab) turn(i int, dir string) {
	l.t.Helper()
	if l.nodes[i] != nil {
		l.stop(i)
	}
	l.dirs[i] = dir
	l.start(i)
}

// active waits until the channel can be used from node i.
func (l *lab) active(i int, c page) {
	l.t.Helper()
	l.eventually("the channel is back", func() bool {
		x, _ := l.nodes[i].book.funded(c.Funding)
		return x.Info != nil && x.Active
	})
}

// cheat is two nodes of which the second keeps a copy of a state, with HTLCs in both directions, that it revokes later.
func cheat(t *testing.T) (l *lab, c page, old string, known []lnwire.Preimage) {
	l, c = twoNodes(t)
	var ends []<-chan *htlc.Payment
	for _, amount := range []lnwire.MilliSatoshi{30_000_000, 31_000_000} {
		preimage, ended := l.inFlight(0, 1, amount)
		known, ends = append(known, preimage), append(ends, ended)
	}
	back, _ := l.inFlight(1, 0, 20_000_000)
	l.inFlight(1, 0, 21_000_000)
	old = l.keep(1)
	l.connect(0, 1)
	l.active(0, c)
	l.active(1, c)
	for _, p := range known {
		l.settle(1, p)
	}
	l.settle(0, back)
	for _, e := range ends {
		require.Equal(t, htlc.Succeeded, (<-e).Status)
	}

	require.Equal(t, htlc.Succeeded, l.pay(1, l.invoice(0, 300_000_000)).Status)
	l.calm()
	return l, c, old, known
}

// punished asserts that the cheater lost the channel.
func (l *lab) punished(c page) {
	l.t.Helper()
	l.buried(c)
	b := l.books()
	l.nothingLeft(b)
	require.GreaterOrEqual(l.t, b.wallets[0], btcutil.Amount(2_000_000-50_000), "but for fees, some of them outbidding the cheater")
	require.LessOrEqual(l.t, int64(b.wallets[1]), int64(500_000))
	closed, err := closedChannels(l.nodes[0].ledger)
	require.NoError(l.t, err)
	require.Len(l.t, closed, 1)
	require.Equal(l.t, resolve.RevokedCommitment, closed[0].Kind)
}

func TestARevokedCommitmentCostsTheCheaterTheChannel(t *testing.T) {
	l, c, old, known := cheat(t)
	l.turn(1, old)
	l.force(1, c)
	l.mine(1)
	for _, p := range known {
		l.settle(1, p)
	}
	l.punished(c)
}

func TestTheVictimsRestartDoesNotHelpTheCheater(t *testing.T) {
	l, c, old, known := cheat(t)
	l.turn(1, old)
	l.force(1, c)
	l.mine(1)
	l.stop(0)
	for _, p := range known {
		l.settle(1, p) // second-level transactions, in one
	}
	l.grind(2)
	l.start(0)
	l.calm()
	l.stop(0)
	l.start(0)
	l.grind(1)
	l.stop(0)
	l.start(0)
	l.punished(c)
}

func TestAVictimThatWasOfflineTakesWhatTheCheaterClaimed(t *testing.T) {
	l, c, old, known := cheat(t)
	l.stop(0)
	l.turn(1, old)
	l.force(1, c)
	l.mine(1)
	for _, p := range known {
		l.settle(1, p)
	}
	l.grind(60) // its own HTLCs time out
	require.Len(t, l.nodes[1].sweeper.sweeper.Pending(), 5, "second-level outputs and to_local wait for their delay")
	l.start(0)
	l.punished(c)
}

func TestAnOlderLedgerPublishesNothingAndThePeerCloses(t *testing.T) {
	l, c := twoNodes(t)
	old := l.keep(1)
	l.connect(0, 1)
	l.active(0, c)
	l.active(1, c)
	require.Equal(t, htlc.Succeeded, l.pay(1, l.invoice(0, 300_000_000)).Status)
	require.Equal(t, htlc.Succeeded, l.pay(0, l.invoice(1, 100_000_000)).Status)
	l.stop(1)
	ledger, err := os.ReadFile(old + "/ledger.db")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(l.dirs[1]+"/ledger.db", ledger, 0o600))
	l.older = true
	l.start(1)
	_, err = l.nodes[1].Close(c.Funding, closeByForce)
	require.Error(t, err)
	l.stop(1)
	l.older = false // the first run has told every channel
	l.start(1)
	_, err = l.nodes[1].Close(c.Funding, closeByForce)
	require.ErrorContains(t, err, "provably old")
	l.grind(3)
	require.Nil(t, l.spender(c.Funding))
	l.connect(1, 0)
	l.eventually("the peer closes", func() bool { return l.spender(c.Funding) != nil })
	x, _ := l.nodes[1].book.funded(c.Funding)
	require.True(t, x.DataLoss)
	l.buried(c)
	b := l.books()
	l.nothingLeft(b)
	l.has(b, 1, 500_000+200_000)
	l.has(b, 0, 1_000_000+800_000)
	closed, err := closedChannels(l.nodes[1].ledger)
	require.NoError(t, err)
	require.Equal(t, resolve.FutureCommitment, closed[0].Kind)
}
