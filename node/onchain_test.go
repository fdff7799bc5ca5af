package node

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/htlc"
)

var closeByForce = channel.Shut{Force: true}

// sweepFees is more than all that one node pays for one channel's end at the fees of these tests.
const sweepFees = 20_000

// two nodes with a channel of a million, 400,000 of it on the side of the second; both have coins for fees.
func twoNodes(t *testing.T) (*lab, page) {
	l := newLab(t, 2)
	l.fund(0, 2_000_000)
	l.fund(1, 500_000)
	return l, l.open(0, 1, 1_000_000, 400_000_000, true)
}

// has asserts what node i ends with, but for fees.
func (l *lab) has(b books, i int, amount btcutil.Amount) {
	l.t.Helper()
	require.LessOrEqual(l.t, b.wallets[i], amount, "node %d", i)
	require.GreaterOrEqual(l.t, b.wallets[i], amount-sweepFees, "node %d", i)
}

func TestForcedCloseWithHTLCsInBothDirectionsPaysEverybody(t *testing.T) {
	for closer := range 2 {
		t.Run(fmt.Sprintf("closed by node %d", closer), func(t *testing.T) {
			l, c := twoNodes(t)
			known, paid := l.inFlight(0, 1, 30_000_000)
			_, timedOut := l.inFlight(0, 1, 20_000_000)
			late, paidLate := l.inFlight(1, 0, 7_000_000)
			_, timedOut2 := l.inFlight(1, 0, 5_000_000)
			l.force(closer, c)
			l.mine(1)
			l.settle(1, known)
			l.grind(8)
			l.settle(0, late)
			l.buried(c)
			b := l.books()
			l.nothingLeft(b)
			l.has(b, 0, 2_000_000-400_000-30_000+7_000)
			l.has(b, 1, 500_000+400_000+30_000-7_000)
			require.Equal(t, htlc.Succeeded, l.how(paid))
			require.Equal(t, htlc.Failed, l.how(timedOut))
			require.Equal(t, htlc.Succeeded, l.how(paidLate))
			require.Equal(t, htlc.Failed, l.how(timedOut2))
			for i, n := range l.nodes {
				closed, err := closedChannels(n.ledger)
				require.NoError(t, err)
				require.Len(t, closed, 1)
				require.Equal(t, i == closer, closed[0].Forced)
				want := resolve.RemoteCommitment
				if i == closer {
					want = resolve.LocalCommitment
				}
				require.Equal(t, want, closed[0].Kind)
				require.Empty(t, n.sweeper.sweeper.Pending())
			}
		})
	}
}
