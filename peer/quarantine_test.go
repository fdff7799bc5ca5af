package peer

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

func panicking(*channel.HTLC) (*onion.Peeled, error) { panic("peeled to the bone") }

// brittle is a Signer that panics when it is told to.
type brittle struct {
	channel.Signer
	broken bool
}

func (s *brittle) SignRemote(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, []lnwire.Sig, error) {
	if s.broken {
		panic("ink is out")
	}
	return s.Signer.SignRemote(p, c)
}

// Verify makes the signer of the simulation check what its like signed.
func (s *brittle) Verify(p *commitment.Params, c *commitment.Commitment, sig lnwire.Sig, h []lnwire.Sig) error {
	return s.Signer.(channel.Verifier).Verify(p, c, sig, h)
}

func (s *brittle) VerifyClosing(p *commitment.Params, tx *wire.MsgTx, sig lnwire.Sig) error {
	return s.Signer.(channel.Verifier).VerifyClosing(p, tx, sig)
}

// mute is a Signer without keys.
type mute struct{ channel.Signer }

func (mute) Basepoints() commitment.Basepoints { panic("no keys") }

func TestAChannelWhoseCodePanicsIsQuarantinedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		a.logged = new(bytes.Buffer)
		signer := &brittle{Signer: a.Signer(0)}
		a.signer[0] = signer
		first, second := open(t, a, b, true), open(t, a, b, true)
		one, other := a.info(first.Index), a.info(second.Index)
		before := snapshot(a.ledger, first.Index)

		signer.broken = true
		a.offer(one.ChannelID, 5_000_000)
		a.offer(other.ChannelID, 6_000_000)
		synctest.Wait()
		require.Len(t, b.locked, 1, "what the broken channel was about to send is dropped")
		require.Equal(t, other.ChannelID, b.locked[0].Channel)
		require.Equal(t, before, snapshot(a.ledger, first.Index), "and so are its records")
		require.Contains(t, a.kinds(), channel.NoticeError)

		signer.broken = false
		notices := len(a.kinds())
		a.offer(one.ChannelID, 5_000_000)
		a.peer.Block(sim.StartHeight + 10)
		synctest.Wait()
		require.Len(t, a.refused, 1)
		require.ErrorIs(t, a.refused[0], ErrQuarantined)
		require.ErrorIs(t, a.peer.Ask(first.Index, channel.Shut{}), ErrQuarantined)
		require.Len(t, a.kinds(), notices, "it is told once")

		a.signer[0] = nil
		again := New(b.ID(), a.env())
		m, err := again.Restore(first)
		require.NoError(t, err, "a restart begins from the last durable state")
		require.Equal(t, one.LocalNumber, m.Info().LocalNumber)
	})
}

func snapshot(l *paper, index uint64) map[string][]byte {
	out := make(map[string][]byte)
	if err := l.Scan(RecordsOf(index), func(k, v []byte) error {
		out[string(k)] = v
		return nil
	}); err != nil {
		panic(err)
	}
	return out
}

func TestAPanicWhileAProposalIsMadeOrAnsweredIsThatProposalsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		a.signer[0], b.signer[0] = mute{}, mute{}
		_, err := a.peer.Open(a.openParams(b.ID()))
		require.ErrorIs(t, err, ErrQuarantined)

		_, err = a.peer.Open(a.openParams(b.ID()))
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, channel.PhaseClosed, a.info(1).Phase, "the other side said no")
		require.Contains(t, a.info(1).LastError, "internal error")
		open(t, a, b, true)
	})
}
