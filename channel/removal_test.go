package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func TestAnHTLCIsNotRemovedBeforeItIsIrrevocable(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	tries := 0
	for p.B.Machine.Info().HTLCs == nil || p.B.Machine.Info().HTLCs[0].Stage < channel.Locked {
		before := channel.Dump(p.B.Machine)
		require.ErrorIs(t, p.B.Step(channel.Settle{ID: 0, Preimage: preimage(1)}), channel.ErrRefused)
		require.Equal(t, before, channel.Dump(p.B.Machine))
		tries++
		for _, n := range []*sim.Node{p.A, p.B} {
			n.Must(channel.Flush{})
			n.Commit()
			n.Peer.Deliver()
			n.Peer.Commit()
		}
	}
	require.Greater(t, tries, 2)
	require.NoError(t, p.B.Step(channel.Settle{ID: 0, Preimage: preimage(1)}))
}

func TestAnUnsignedFailureIsForgottenAndAPreimageIsNot(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	p.Settle()
	p.A.Must(channel.Received{Msg: &lnwire.UpdateFailHTLC{ChannelID: p.A.Machine.Info().ChannelID, ID: 0}})
	p.A.Must(channel.Received{Msg: &lnwire.UpdateFulfillHTLC{ChannelID: p.A.Machine.Info().ChannelID, ID: 1, Preimage: preimage(1)}})
	p.A.Must(channel.Linked{})
	hs := p.A.Machine.Info().HTLCs
	require.Equal(t, channel.Locked, hs[0].Stage)
	require.False(t, hs[0].Failing)
	require.Equal(t, channel.Locked, hs[1].Stage)
	require.Equal(t, preimage(1), *hs[1].Preimage)
}

func TestAPreimageSettlesOnceEvenIfThePeerFailsTheHTLCLater(t *testing.T) {
	p := sim.Ready(openSetup())
	var outcomes []channel.Outcome
	p.A.Handler = func(out *channel.Effects) { outcomes = append(outcomes, out.Outcomes...) }
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	p.Settle()
	p.A.Must(channel.Received{Msg: &lnwire.UpdateFulfillHTLC{ChannelID: p.A.Machine.Info().ChannelID, Preimage: preimage(1)}})
	p.A.Commit()
	sim.Disconnect(p.A, p.B)
	sim.Connect(p.A, p.B)
	p.Settle()
	p.B.Must(channel.Reject{ID: 0})
	p.Settle()
	require.Empty(t, p.A.Machine.Info().HTLCs)
	require.EqualValues(t, 700_000_000, p.A.Machine.Info().Local.Balance)
	require.Len(t, outcomes, 1)
	require.NotNil(t, outcomes[0].Preimage)
}

func TestAPreimageThatIsNotDurableIsToldAgainAfterARestart(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	p.Settle()
	p.B.Must(channel.Settle{ID: 0, Preimage: preimage(1)})
	p.B.Must(channel.Flush{})
	p.B.Commit()
	for p.A.Deliver() {
	}
	p.A.Commit() // the removal is signed
	settled := 0
	p.A.Handler = func(out *channel.Effects) { settled += len(out.Outcomes) }
	p.A.Crash()
	p.A.Commit()
	require.Equal(t, 1, settled)
	sim.Connect(p.A, p.B)
	p.Settle()
	require.Equal(t, 1, settled)
	require.Empty(t, p.A.Machine.Info().HTLCs)
}

func TestASettleOnChainIsDurableAndClaims(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(50_000_000)))
	p.Settle()
	p.B.Must(channel.Shut{Force: true})
	p.B.Must(channel.Settle{ID: 0, Preimage: preimage(1)})
	p.B.Commit()
	p.B.Crash()
	hs := p.B.Machine.Info().HTLCs
	require.Equal(t, preimage(1), *hs[0].Preimage)
	in, _ := p.B.Machine.Live()
	require.Empty(t, in)
}
