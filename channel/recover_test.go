package channel_test

import (
	"maps"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// forget replaces A's machine by a shell, with an empty disk, and returns what A publishes from then on.
func forget(t *testing.T, p *sim.Pair) (published *[]*wire.MsgTx, claims *[]resolve.Claim) {
	t.Helper()
	i := p.A.Machine.Info()
	p.Oracle = nil
	p.A.Released, p.B.Released = nil, nil
	p.A.Crash()
	p.A.Commit()
	maps.DeleteFunc(p.A.Disk, func(string, []byte) bool { return true })
	published, claims = new([]*wire.MsgTx), new([]resolve.Claim)
	p.A.Handler = func(out *channel.Effects) {
		*published = append(*published, out.Broadcast...)
		*claims = append(*claims, out.Claims...)
	}
	var out channel.Effects
	m, err := channel.Recover(shellParams(&i, p.A), channel.Enforce(p.A.Signer), &out)
	require.NoError(t, err)
	p.A.Machine = m
	p.A.Queue(&out)
	p.A.Commit()
	return published, claims
}

func shellParams(i *channel.Info, n *sim.Node) channel.RecoverParams {
	return channel.RecoverParams{
		ID: "A", LocalNode: i.LocalNode, RemoteNode: i.RemoteNode, Funding: i.Funding, Capacity: i.Capacity, Opener: i.Opener,
		Created: i.Created, Limits: [2]channel.Limits{i.Local.Limits, i.Remote.Limits},
		Points: i.Points(), Height: 1100, Node: n.Key, Records: n.Disk,
	}
}

func TestAShellMakesThePeerCloseAndTakesItsShare(t *testing.T) {
	for name, before := range map[string]func(*sim.Pair){
		"fresh": func(*sim.Pair) {},
		"used":  func(p *sim.Pair) { payOnce(t, p, p.A); payOnce(t, p, p.B); payOnce(t, p, p.A) },
	} {
		p := sim.Ready(openSetup())
		before(p)
		published, claims := forget(t, p)
		var theirs []*wire.MsgTx
		p.B.Handler = func(out *channel.Effects) { theirs = append(theirs, out.Broadcast...) }
		sim.Connect(p.A, p.B)
		p.Settle()
		require.Equal(t, channel.PhaseOnchain, p.B.Machine.Info().Phase, name)
		require.Len(t, theirs, 1, name)
		i := p.A.Machine.Info()
		require.True(t, i.DataLoss && !i.Active && i.Phase == channel.PhaseOnchain, name)
		require.ErrorIs(t, p.A.Step(channel.Shut{Force: true}), channel.ErrRefused, name)

		p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: i.Funding, Tx: theirs[0], Height: 1120}})
		p.A.Commit()
		require.Equal(t, resolve.FutureCommitment, p.A.Machine.Info().Close.Kind, name)
		require.Len(t, *claims, 1, name)
		require.Empty(t, *published, name)
	}
}

func TestAShellLoadsAndAsksAgain(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	published, _ := forget(t, p)
	m, err := channel.Load("A", p.A.Disk, channel.Enforce(p.A.Signer), p.A.Key)
	require.NoError(t, err)
	var out channel.Effects
	require.NoError(t, m.Step(channel.Linked{}, &out))
	require.NoError(t, m.Step(channel.Block{Height: 1200}, &out))
	require.NotEmpty(t, out.Watch)
	out = channel.Effects{}
	for range 2 { // each connection
		out.Reset()
		require.NoError(t, m.Step(channel.Linked{Up: true, Features: sim.Features()}, &out))
		require.Len(t, out.Send, 1)
		r := out.Send[0].(*lnwire.ChannelReestablish)
		require.Equal(t, [2]uint64{1, 0}, [2]uint64{r.NextCommitment, r.NextRevocation})
		require.NoError(t, m.Step(channel.Received{Msg: &lnwire.ChannelReestablish{NextCommitment: 1}}, &out))
		require.IsType(t, &lnwire.Error{}, out.Send[1])
		require.True(t, out.Disconnect)
	}
	require.Empty(t, out.Broadcast)
	require.Empty(t, *published)
}

func TestAShellKnowsOurOwnCommitmentFromBeforeTheLoss(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	var ours []*wire.MsgTx
	p.A.Handler = func(out *channel.Effects) { ours = append(ours, out.Broadcast...) }
	i := p.A.Machine.Info()
	p.A.Must(channel.Shut{Force: true})
	p.A.Commit()
	require.Len(t, ours, 1)
	_, claims := forget(t, p)
	p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: i.Funding, Tx: ours[0], Height: 1110}})
	p.A.Commit()
	require.Equal(t, resolve.OutdatedCommitment, p.A.Machine.Info().Close.Kind)
	require.Len(t, *claims, 1)
	require.EqualValues(t, i.Remote.ToSelfDelay, (*claims)[0].Sequence)
}

func TestAShellOfOtherKeysIsRefused(t *testing.T) {
	p := sim.Ready(openSetup())
	i := p.A.Machine.Info()
	var out channel.Effects
	r := shellParams(&i, p.A)
	_, err := channel.Recover(r, p.B.Signer, &out)
	require.ErrorIs(t, err, channel.ErrRecord)
	r.Capacity = 0
	_, err = channel.Recover(r, p.A.Signer, &out)
	require.ErrorIs(t, err, channel.ErrRecord)
	r = shellParams(&i, p.A)
	r.Points[1].HTLC = lnwire.PubKey{}
	_, err = channel.Recover(r, p.A.Signer, &out)
	require.ErrorIs(t, err, channel.ErrRecord)
	require.Empty(t, out.Records)
}
