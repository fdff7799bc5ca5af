package channel_test

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/sim"
)

// effectsOf steps one event of n and answers what it asked for.
func effectsOf(t *testing.T, n *sim.Node, ev channel.Event) channel.Effects {
	t.Helper()
	var got channel.Effects
	n.Handler = func(out *channel.Effects) { got = *out }
	n.Must(ev)
	n.Commit()
	return got
}

func confirmed(op wire.OutPoint, tx *wire.MsgTx) channel.Spent {
	return channel.Spent{Fact: resolve.Fact{OutPoint: op, Tx: tx, Height: sim.StartHeight + 100}}
}

func TestWhatIsNoLongerClaimedIsTakenBack(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(50_000_000)))
	p.Settle()
	out := effectsOf(t, p.A, channel.Shut{Force: true})
	require.True(t, out.Claimed)
	require.Len(t, out.Claims, 1, "the anchor")
	require.NotNil(t, out.Claims[0].Parent.Tx, "what the child pays for can be handed in with it")
	require.Equal(t, out.Broadcast[0].TxHash(), out.Claims[0].Parent.Tx.TxHash())
	funding := p.A.Machine.Info().Funding
	out = effectsOf(t, p.A, confirmed(funding, out.Broadcast[0]))
	require.True(t, out.Claimed)
	for _, c := range out.Claims {
		require.Nil(t, c.Parent, "the commitment needs its child no more")
	}
	out = effectsOf(t, p.A, channel.Unspent{OutPoint: funding})
	require.True(t, out.Claimed)
	require.Len(t, out.Claims, 1)
	require.NotNil(t, out.Claims[0].Parent)
}

func TestACloseThatIsReorganisedAwayIsFollowedByOurs(t *testing.T) {
	p := sim.Ready(openSetup())
	theirs := effectsOf(t, p.B, channel.Shut{Force: true}).Broadcast[0]
	funding := p.A.Machine.Info().Funding
	require.Empty(t, effectsOf(t, p.A, confirmed(funding, theirs)).Broadcast)
	out := effectsOf(t, p.A, channel.Unspent{OutPoint: funding})
	require.Len(t, out.Broadcast, 1, "theirs may never come back")
	require.NotEqual(t, theirs.TxHash(), out.Broadcast[0].TxHash())
}

func TestAPreimageInTheMempoolSettlesAtOnceAndNothingElseHappens(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(50_000_000)))
	p.Settle()
	commitment := effectsOf(t, p.A, channel.Shut{Force: true}).Broadcast[0]
	funding := p.A.Machine.Info().Funding
	out := effectsOf(t, p.A, confirmed(funding, commitment))
	watched := out.Watch[len(out.Watch)-1].OutPoint
	pre := preimage(1)
	spend := wire.NewMsgTx(2)
	spend.AddTxIn(&wire.TxIn{PreviousOutPoint: watched, Witness: wire.TxWitness{{1}, pre[:], {2}}})
	seen := channel.Spent{Fact: resolve.Fact{OutPoint: watched, Tx: spend}}
	out = effectsOf(t, p.A, seen)
	require.Len(t, out.Outcomes, 1)
	require.Equal(t, &pre, out.Outcomes[0].Preimage)
	require.False(t, out.Claimed)
	require.Empty(t, effectsOf(t, p.A, seen).Outcomes, "once")
}

func TestAMachineWithOldRecordsPublishesNothing(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	p.A.Crash()
	effectsOf(t, p.A, channel.Outdated{})
	require.True(t, p.A.Machine.Info().DataLoss)
	require.Empty(t, effectsOf(t, p.A, channel.Linked{}).Broadcast)
	require.Empty(t, effectsOf(t, p.A, channel.Block{Height: sim.StartHeight + 5000}).Broadcast)
	require.ErrorIs(t, p.A.Step(channel.Shut{Force: true}), channel.ErrRefused)
	var notices []channel.Notice
	p.A.Handler = func(out *channel.Effects) {
		notices = append(notices, out.Notices...)
		require.Empty(t, out.Broadcast)
	}
	p.A.Crash()
	p.A.Commit()
	require.Contains(t, notices, channel.Notice{Kind: channel.NoticeDataLoss}, "the operator hears it at every start")
}
