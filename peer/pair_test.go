package peer

import (
	"testing"
	"testing/synctest"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// side is one of two nodes with their loops for each other.
type side struct {
	*world
	peer *Peer
}

// two nodes; what A opens, B accepts.
func two() (a, b *side) {
	a, b = &side{world: newWorld(1)}, &side{world: newWorld(2)}
	a.peer, b.peer = New(b.ID(), a.env()), New(a.ID(), b.env())
	return a, b
}

// attach gives one end of a connection to s; ended yields why it ended.
func (s *side) attach(conn Transport, inbound bool) (l *Link, ended chan error) {
	l = newLink(conn, s.ID(), s.peer.ID, inbound, sim.Features())
	ended = make(chan error, 1)
	go func() { ended <- s.peer.Attach(l, s.world) }()
	return l, ended
}

// meet connects two nodes. a dialed.
func meet2(a, b *side) (la, lb *Link, ends [2]chan error) {
	ca, cb := newPipe()
	la, ends[0] = a.attach(ca, false)
	lb, ends[1] = b.attach(cb, true)
	synctest.Wait()
	return la, lb, ends
}

// running starts both loops, connects them, and stops all at the end of the test.
func running(t *testing.T) (a, b *side) {
	a, b = two()
	a.peer.Run(sim.StartHeight)
	b.peer.Run(sim.StartHeight)
	meet2(a, b)
	t.Cleanup(func() {
		a.ledger.hold(false)
		a.ledger.pay()
		a.peer.Stop()
		b.peer.Stop()
	})
	return a, b
}

// open opens a channel from a to b and confirms it where told to; it answers a's Ref.
func open(t *testing.T, a, b *side, confirm bool) Ref {
	t.Helper()
	ref, err := a.peer.Open(a.openParams(b.ID()))
	require.NoError(t, err)
	synctest.Wait()
	var r channel.FundRequest
	a.note(func() { r = a.requests[len(a.requests)-1] })
	tx := sim.FundingTx(byte(ref.Index)+1, &r)
	a.peer.Tell(ref.Index, channel.Funded{Tx: tx})
	synctest.Wait()
	require.Equal(t, channel.PhasePending, a.info(ref.Index).Phase)
	if confirm {
		for _, s := range []*side{a, b} {
			s.peer.Block(sim.StartHeight + 6)
			s.confirm(tx)
		}
		synctest.Wait()
		require.True(t, a.info(ref.Index).Active)
	}
	return ref
}

// confirm puts tx into the chain for the channel that it funds.
func (s *side) confirm(tx *wire.MsgTx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for index, info := range s.infos {
		if info.Funding.Hash == tx.TxHash() {
			s.peer.Tell(index, channel.Confirmed{SCID: lnwire.NewShortChannelID(sim.StartHeight+1, 3, 0),
				Output: *tx.TxOut[0], Height: sim.StartHeight + 6})
		}
	}
}

func (s *side) offer(id lnwire.ChannelID, amount lnwire.MilliSatoshi) {
	s.peer.Do(id, channel.Offer{Amount: amount, Hash: lnwire.Hash{1}, Expiry: uint32(sim.StartHeight) + 500,
		Onion: new([lnwire.OnionPacketSize]byte), Origin: channel.Origin{ID: 77}})
}

func TestTwoLoopsOpenAChannelAndPassAnHTLC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		ref := open(t, a, b, true)
		id := a.info(ref.Index).ChannelID
		a.offer(id, 5_000_000)
		synctest.Wait()
		require.Len(t, b.locked, 1)
		require.Equal(t, id, b.locked[0].Channel)
		require.Equal(t, a.ID(), b.locked[0].Peer)
		require.Error(t, b.locked[0].Err)
		require.Nil(t, b.locked[0].Onion)
		b.peer.Do(id, channel.Reject{ID: b.locked[0].ID, Reason: []byte("no")})
		synctest.Wait()
		require.Len(t, a.ended, 1)
		require.Equal(t, []byte("no"), a.ended[0].Reason)

		heads, err := Heads(a.ledger)
		require.NoError(t, err)
		require.Equal(t, []Ref{ref}, heads)
		require.Equal(t, []string{"up"}, a.news)
	})
}

func TestNothingLeavesBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		a.ledger.hold(true)
		_, err := a.peer.Open(a.openParams(b.ID()))
		require.NoError(t, err)
		synctest.Wait()
		require.Empty(t, b.infos, "open_channel waits")
		require.Empty(t, a.notices, "and so do notices")
		a.ledger.pay()
		synctest.Wait()
		require.Len(t, b.infos, 1)
		require.Equal(t, []channel.NoticeKind{channel.NoticeOpening}, a.kinds())

		require.Empty(t, a.funds, "accept_channel arrived; the wallet is asked later")
		a.ledger.pay()
		synctest.Wait()
		require.Len(t, a.funds, 1)
	})
}

func TestMessagesOfManyBurstsLeaveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		id := a.info(open(t, a, b, true).Index).ChannelID
		a.ledger.hold(true)
		for i := range 10 {
			a.offer(id, lnwire.MilliSatoshi(1_000_000+i))
			synctest.Wait() // a burst of its own
		}
		require.Empty(t, b.locked)
		a.ledger.hold(false)
		a.ledger.pay()
		synctest.Wait()
		require.Len(t, b.locked, 10)
		for i, in := range b.locked {
			require.Equal(t, lnwire.MilliSatoshi(1_000_000+i), in.Amount)
		}
	})
}

func TestAStoppedLoopHasDoneWhatWasAskedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		id := a.info(open(t, a, b, true).Index).ChannelID
		changes := a.ledger.batches
		for range 5 {
			a.offer(id, 1_000_000)
		}
		a.peer.Stop()
		require.Greater(t, a.ledger.batches, changes)
		require.Empty(t, a.refused)
		a.offer(id, 1_000_000)
		require.Equal(t, []error{ErrStopped}, a.refused)
		require.ErrorIs(t, a.peer.Ask(0, channel.Shut{}), ErrStopped)
		_, err := a.peer.Open(a.openParams(b.ID()))
		require.ErrorIs(t, err, ErrStopped)
	})
}

func TestAnIdleLoopStopsWithoutTellingItsChannelsAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		ref := open(t, a, b, true)
		b.peer.Stop()
		synctest.Wait()
		a.peer.Tell(ref.Index, channel.Block{Height: sim.StartHeight + 7})
		synctest.Wait()
		before := a.ledger.batches
		a.peer.Stop()
		require.Equal(t, before, a.ledger.batches)
	})
}

func TestCommandsForUnknownChannelsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := running(t)
		a.offer(lnwire.ChannelID{5}, 1_000_000)
		a.peer.Do(lnwire.ChannelID{5}, channel.Reject{ID: 3})
		a.peer.Tell(9, channel.Unconfirmed{})
		require.ErrorIs(t, a.peer.Ask(9, channel.Shut{}), ErrNoChannel)
		require.Equal(t, []error{ErrNoChannel}, a.refused)
	})
}

func TestTheAccepterMayFailAnOpeningByItsTemporaryName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		ref, err := a.peer.Open(a.openParams(b.ID()))
		require.NoError(t, err)
		synctest.Wait()
		release := b.hold() // funding_created is not answered yet
		a.peer.Tell(ref.Index, channel.Funded{Tx: sim.FundingTx(1, &a.requests[0])})
		synctest.Wait()
		temp := a.info(ref.Index).TempID
		require.NotZero(t, a.info(ref.Index).ChannelID)
		b.peer.Link().Send([]lnwire.Message{&lnwire.Error{ChannelID: temp, Data: []byte("bad signature")}})
		synctest.Wait()
		require.Equal(t, channel.PhaseClosed, a.info(ref.Index).Phase)
		require.Empty(t, a.peer.byID)
		release()
	})
}

func TestATemporaryNameIsForgottenWhenTheChannelIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		info := a.info(open(t, a, b, true).Index)
		a.peer.Stop()
		require.Len(t, a.peer.byID, 1)
		require.Contains(t, a.peer.byID, info.ChannelID)
	})
}

func TestOpeningNeedsAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two()
		a.peer.Run(sim.StartHeight)
		_, err := a.peer.Open(a.openParams(b.ID()))
		require.ErrorIs(t, err, ErrOffline)
		a.peer.Stop()
	})
}

func TestAnHTLCFailsWithAReasonEvenIfPeelingPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		b.peel = panicking
		id := a.info(open(t, a, b, true).Index).ChannelID
		a.offer(id, 5_000_000)
		synctest.Wait()
		require.Len(t, b.locked, 1)
		require.ErrorIs(t, b.locked[0].Err, errPeel)
		require.Nil(t, b.locked[0].Peeled)
	})
}
