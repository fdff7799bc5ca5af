package channel_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// payOnce moves amount msat from one end to the other.
func payOnce(t *testing.T, p *sim.Pair, from *sim.Node) {
	t.Helper()
	require.NoError(t, from.Step(offerOf(1_000_000)))
	p.Settle()
	in, _ := from.Peer.Machine.Live()
	require.NoError(t, from.Peer.Step(channel.Settle{ID: in[0].ID, Preimage: preimage(1)}))
	p.Settle()
}

func TestAnOldCopyProvesItselfAndPublishesNothing(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	old := maps.Clone(p.A.Disk)
	payOnce(t, p, p.A)
	payOnce(t, p, p.A)
	p.Oracle = nil
	p.A.Released, p.B.Released = nil, nil
	maps.DeleteFunc(p.A.Disk, func(string, []byte) bool { return true })
	maps.Copy(p.A.Disk, old)
	p.A.Crash()

	published := map[*sim.Node][]*wire.MsgTx{}
	claims := map[*sim.Node]int{}
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Handler = func(out *channel.Effects) {
			published[n] = append(published[n], out.Broadcast...)
			claims[n] += len(out.Claims)
		}
	}
	sim.Connect(p.A, p.B)
	p.Settle()
	require.True(t, p.A.Machine.Info().DataLoss)
	require.Equal(t, channel.PhaseOnchain, p.B.Machine.Info().Phase, "B closes on A's error")
	require.Empty(t, published[p.A])
	require.Len(t, published[p.B], 1)

	require.ErrorIs(t, p.A.Step(channel.Shut{Force: true}), channel.ErrRefused)
	p.A.Crash()
	p.A.Commit()
	require.True(t, p.A.Machine.Info().DataLoss)
	require.Empty(t, published[p.A])

	// What B publishes pays A without any secret.
	p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: p.A.Machine.Info().Funding, Tx: published[p.B][0], Height: 1020}})
	p.A.Commit()
	require.Equal(t, resolve.FutureCommitment, p.A.Machine.Info().Close.Kind)
	require.Equal(t, 1, claims[p.A])
}

func TestAPeerThatIsBehindIsNotHarmed(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	old := maps.Clone(p.B.Disk)
	payOnce(t, p, p.A)
	payOnce(t, p, p.B)
	p.A.Released, p.B.Released = nil, nil
	maps.DeleteFunc(p.B.Disk, func(string, []byte) bool { return true })
	maps.Copy(p.B.Disk, old)
	p.B.Crash()
	var texts []string
	p.A.Handler = func(out *channel.Effects) {
		for _, n := range out.Notices {
			texts = append(texts, n.Text)
		}
	}
	sim.Connect(p.A, p.B)
	p.A.Commit()
	p.B.Commit()
	require.True(t, p.A.Deliver())
	p.A.Commit()
	require.Equal(t, channel.PhaseOpen, p.A.Machine.Info().Phase, "it waits for the error")
	require.Contains(t, strings.Join(texts, "\n"), "are behind")
	p.Settle()
	require.True(t, p.B.Machine.Info().DataLoss)
	require.Equal(t, channel.PhaseOnchain, p.A.Machine.Info().Phase)
}

// lndRecovery is what LND says when reestablishing ended for whatever reason.
const lndRecovery = "unable to resume channel, recovery required"

func TestLNDsCallForRecoveryEndsTheConnectionOnly(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	var hungUp bool
	p.A.Handler = func(out *channel.Effects) { hungUp = hungUp || out.Disconnect }
	sim.Connect(p.A, p.B)
	for _, msg := range []string{lndRecovery, lndRecovery} {
		p.A.Must(channel.Received{Msg: &lnwire.Error{Data: []byte(msg)}})
		p.A.Commit()
		require.Equal(t, channel.PhaseOpen, p.A.Machine.Info().Phase)
		require.True(t, hungUp)
		sim.Connect(p.A, p.B)
		p.Settle()
		payOnce(t, p, p.B)
	}
}

func TestLNDsCallForRecoveryIsHeardWhereItHasLostData(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	payOnce(t, p, p.B)
	p.A.Must(channel.Linked{Up: true})
	p.A.Must(channel.Received{Msg: &lnwire.ChannelReestablish{NextCommitment: 1}})
	p.A.Must(channel.Received{Msg: &lnwire.Error{Data: []byte(lndRecovery)}})
	require.Equal(t, channel.PhaseOnchain, p.A.Machine.Info().Phase)
}

func TestARevokedCommitmentIsClaimedWholeEvenAfterARestart(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(50_000_000)))
	p.Settle()
	n := p.B.Machine.Info().LocalNumber
	p.B.Must(channel.Settle{ID: 0, Preimage: preimage(1)})
	p.Settle()
	payOnce(t, p, p.B)
	p.A.Crash()
	var claimed int64
	p.A.Handler = func(out *channel.Effects) {
		for _, c := range out.Claims {
			claimed += c.Output.Value
		}
	}
	old := p.A.Signer.Signed[n].Tx
	p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: p.A.Machine.Info().Funding, Tx: old, Height: 1010}})
	p.A.Commit()
	require.Equal(t, resolve.RevokedCommitment, p.A.Machine.Info().Close.Kind)
	// All but the anchors and the fee: 50,000 + 300,000 + ours.
	var all int64
	for _, out := range old.TxOut {
		if out.Value != 330 {
			all += out.Value
		}
	}
	require.Equal(t, all, claimed)
}

func TestASpendThatIsReorganizedAwayIsForgotten(t *testing.T) {
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	i := p.A.Machine.Info()
	tx := p.B.Signer.Signed[i.LocalNumber].Tx
	var published int
	p.A.Handler = func(out *channel.Effects) { published += len(out.Broadcast) }
	p.A.Must(channel.Shut{Force: true})
	p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: i.Funding, Tx: tx, Height: 1010}})
	require.NotNil(t, p.A.Machine.Info().Close.SpentBy)
	p.A.Must(channel.Unspent{OutPoint: i.Funding})
	p.A.Commit()
	require.Nil(t, p.A.Machine.Info().Close.SpentBy)
	require.Equal(t, 2, published, "ours is published again")
	p.A.Crash()
	require.Nil(t, p.A.Machine.Info().Close.SpentBy)
}

// paid is a channel with three commitments behind it, just reconnected: what its peer says comes from the test.
func paid(t *testing.T) (*sim.Pair, *lnwire.ChannelReestablish) {
	t.Helper()
	p := sim.Ready(openSetup())
	payOnce(t, p, p.A)
	payOnce(t, p, p.B)
	sim.Disconnect(p.A, p.B)
	var said *lnwire.ChannelReestablish
	p.B.Released = func(_ *sim.Node, msg lnwire.Message) {
		if m, ok := msg.(*lnwire.ChannelReestablish); ok {
			said = m
		}
	}
	sim.Connect(p.A, p.B)
	p.A.Released = nil
	p.B.Commit()
	require.NotNil(t, said)
	return p, said
}

func TestAWrongLastSecretFailsTheChannel(t *testing.T) {
	for name, turn := range map[string]func(*lnwire.ChannelReestablish){
		"another":           func(m *lnwire.ChannelReestablish) { m.LastSecret[0]++ },
		"a lie about more":  func(m *lnwire.ChannelReestablish) { m.NextRevocation++ },
		"a proof too short": func(m *lnwire.ChannelReestablish) { m.NextRevocation = 1 << 50 },
	} {
		p, said := paid(t)
		turn(said)
		var out channel.Effects
		require.NoError(t, p.A.Machine.Step(channel.Received{Msg: said}, &out), name)
		require.IsType(t, &lnwire.Error{}, out.Send[0], name)
		require.Len(t, out.Broadcast, 1, name)
		require.False(t, p.A.Machine.Info().DataLoss, name)
	}
}

func TestAPeerThatForgotItsLastCommitmentIsNotServed(t *testing.T) {
	for name, turn := range map[string]func(*lnwire.ChannelReestablish){
		"last":    func(m *lnwire.ChannelReestablish) { m.NextCommitment-- },
		"earlier": func(m *lnwire.ChannelReestablish) { m.NextCommitment -= 2 },
	} {
		p, said := paid(t)
		turn(said)
		var out channel.Effects
		require.NoError(t, p.A.Machine.Step(channel.Received{Msg: said}, &out), name)
		require.Len(t, out.Send, 1, name)
		require.IsType(t, &lnwire.Warning{}, out.Send[0], name)
		require.False(t, p.A.Machine.Info().Linked, name)
		require.Equal(t, channel.PhaseOpen, p.A.Machine.Info().Phase, name)
	}
}

func TestEitherUnrevokedCommitmentOfThePeerIsKnownOnChain(t *testing.T) {
	for _, which := range []uint64{0, 1} {
		p := sim.Ready(openSetup())
		payOnce(t, p, p.A)
		require.NoError(t, p.A.Step(offerOf(40_000_000)))
		p.A.Must(channel.Flush{})
		p.A.Commit()
		i := p.A.Machine.Info()
		tx := p.A.Signer.Signed[i.RemoteNumber-which].Tx
		var failed int
		p.A.Handler = func(out *channel.Effects) { failed += len(out.Outcomes) }
		p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: i.Funding, Tx: tx, Height: 1010}})
		p.A.Must(channel.Block{Height: 1050})
		p.A.Must(channel.Block{Height: 1051})
		p.A.Commit()
		require.Equal(t, resolve.RemoteCommitment, p.A.Machine.Info().Close.Kind)
		require.EqualValues(t, which, failed, "without it, the HTLC has failed, once")
	}
}

// resolveAll spends whatever n watches until its channel is closed.
func resolveAll(t *testing.T, n *sim.Node, commitment *wire.MsgTx) (outcomes []channel.Outcome) {
	t.Helper()
	var watched []wire.OutPoint
	n.Handler = func(out *channel.Effects) {
		for _, w := range out.Watch {
			watched = append(watched, w.OutPoint)
		}
		outcomes = append(outcomes, out.Outcomes...)
	}
	funding := n.Machine.Info().Funding
	n.Must(channel.Spent{Fact: resolve.Fact{OutPoint: funding, Tx: commitment, Height: 1010}})
	n.Commit()
	for round := 0; round < 5 && n.Machine.Info().Phase != channel.PhaseClosed; round++ {
		spend := watched
		watched = nil
		for _, op := range spend {
			if op == funding {
				continue
			}
			tx := wire.NewMsgTx(2)
			tx.AddTxIn(wire.NewTxIn(&op, nil, wire.TxWitness{{1}, {2}, {3}}))
			tx.AddTxOut(wire.NewTxOut(1000, sim.Script('s')))
			n.Must(channel.Spent{Fact: resolve.Fact{OutPoint: op, Tx: tx, Height: 1200}})
		}
		n.Must(channel.Block{Height: 1400})
		n.Commit()
	}
	return outcomes
}

func TestAForcedCloseEndsAndLoadsAsClosed(t *testing.T) {
	p := sim.Ready(openSetup())
	require.NoError(t, p.A.Step(offerOf(100_000)))
	require.NoError(t, p.B.Step(offerOf(200_000)))
	p.Settle()
	var tx *wire.MsgTx
	p.A.Handler = func(out *channel.Effects) { tx = out.Broadcast[0] }
	p.A.Must(channel.Shut{Force: true})
	p.A.Commit()
	outcomes := resolveAll(t, p.A, tx)
	require.Len(t, outcomes, 1)
	require.True(t, outcomes[0].Local, "trimmed")
	require.Equal(t, channel.PhaseClosed, p.A.Machine.Info().Phase)
	p.A.Crash()
	i := p.A.Machine.Info()
	require.Equal(t, channel.PhaseClosed, i.Phase)
	require.Empty(t, i.HTLCs)
	for key := range p.A.Disk {
		require.NotContains(t, "hr", key[:1])
	}
}

func TestAChannelOnChainAnswersAPeerWithoutMemory(t *testing.T) {
	p := sim.Ready(openSetup())
	p.A.Must(channel.Received{Msg: &lnwire.Error{Data: []byte("mine")}})
	p.A.Must(channel.Linked{Up: true})
	var out channel.Effects
	require.NoError(t, p.A.Machine.Step(channel.Received{Msg: &lnwire.ChannelReestablish{NextCommitment: 1}}, &out))
	require.Len(t, out.Send, 1)
	require.IsType(t, &lnwire.Error{}, out.Send[0])
}
