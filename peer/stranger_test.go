package peer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// visited is a loop with a connection to a peer that the test plays by hand.
func visited(t *testing.T) (a *side, far *pipe) {
	a, _ = two()
	a.logged = new(bytes.Buffer)
	a.peer = New(bob, a.env())
	a.peer.Run(sim.StartHeight)
	near, far := newPipe()
	a.attach(near, true)
	synctest.Wait()
	t.Cleanup(a.peer.Stop)
	return a, far
}

// proposal is an open_channel that is good.
func proposal(t *testing.T, n byte) *lnwire.OpenChannel {
	t.Helper()
	w := newWorld(50 + n)
	o, err := w.openParams(alice)(uint64(n), nil, sim.StartHeight)
	require.NoError(t, err)
	var out channel.Effects
	_, err = channel.Open(o, w.Signer(uint64(n)), &out)
	require.NoError(t, err)
	return out.Send[0].(*lnwire.OpenChannel)
}

func TestMessagesForUnknownChannelsAreAnsweredWithAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, far := visited(t)
		id := lnwire.ChannelID{4}
		far.say(t, &lnwire.ChannelReestablish{ChannelID: id})
		e, ok := far.hear(t).(*lnwire.Error)
		require.True(t, ok)
		require.Equal(t, id, e.ChannelID)
		far.say(t, &lnwire.RevokeAndAck{ChannelID: id, NextPoint: sim.NewNodeKey([32]byte{1}).ID()})
		e, ok = far.hear(t).(*lnwire.Error)
		require.True(t, ok)
		require.Equal(t, id, e.ChannelID)
		far.say(t, &lnwire.Stfu{ChannelID: id}, &lnwire.AnnouncementSignatures{ChannelID: id})
		require.IsType(t, &lnwire.Warning{}, far.hear(t))
		require.IsType(t, &lnwire.Warning{}, far.hear(t))
	})
}

func TestComplaintsOfUnknownChannelsAreNotAnsweredAndLoggedInBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := visited(t)
		nasty := []byte("\x1b[2J\n\u202e level=ERROR " + strings.Repeat("x", 10_000))
		for i := range MaxGripes + 100 {
			far.say(t, &lnwire.Error{ChannelID: lnwire.ChannelID{byte(i)}, Data: nasty}, &lnwire.Warning{Data: nasty},
				&lnwire.Warning{ChannelID: lnwire.ChannelID{9}, Data: nasty}, &lnwire.Init{})
		}
		synctest.Wait()
		far.silent(t)
		logged := a.logged.String()
		require.Equal(t, MaxGripes, strings.Count(logged, "\n"))
		for _, line := range strings.Split(logged, "\n") {
			require.Less(t, len(line), 1000)
			for _, c := range line {
				require.True(t, c >= 0x20 && c <= 0x7e, "%q", c)
			}
		}
		a.peer.Stop()
	})
}

func TestPendingChannelsOfAPeerAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := visited(t)
		for i := range byte(MaxPending) {
			far.say(t, proposal(t, i))
			require.IsType(t, &lnwire.AcceptChannel{}, far.hear(t))
		}
		for i := range byte(100) {
			m := proposal(t, MaxPending+i)
			far.say(t, m)
			e, ok := far.hear(t).(*lnwire.Error)
			require.True(t, ok)
			require.Equal(t, m.TempID, e.ChannelID)
		}
		require.Equal(t, uint64(MaxPending), a.next.Load(), "no keys are used up by proposals that are turned away")
		_, err := a.peer.Open(a.openParams(bob))
		require.ErrorContains(t, err, "pending")

		far.say(t, &lnwire.Error{ChannelID: proposal(t, 0).TempID})
		synctest.Wait()
		far.say(t, proposal(t, 200))
		require.IsType(t, &lnwire.AcceptChannel{}, far.hear(t))
	})
}

func TestProposalsThatComeToNothingAreBoundedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := visited(t)
		m := proposal(t, 1)
		for range 2 { // windows
			for range MaxProposals {
				far.say(t, m)
				require.IsType(t, &lnwire.AcceptChannel{}, far.hear(t))
				far.say(t, &lnwire.Error{ChannelID: m.TempID})
				synctest.Wait()
			}
			used := a.next.Load()
			for range 10 {
				far.say(t, m)
				require.Contains(t, string(far.hear(t).(*lnwire.Error).Data), "later")
			}
			require.Equal(t, used, a.next.Load())
			for range 4 { // never so silent that it is pinged
				time.Sleep(ProposalWindow/4 + 1)
				far.say(t, &lnwire.Unknown{MsgType: 40001})
			}
		}
	})
}

func TestAProposalIsRefusedInTheWordsOfTheAcceptorOrTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := visited(t)
		m := proposal(t, 1)
		m.ChainHash = chainhash.Hash{7}
		far.say(t, m)
		require.Contains(t, string(far.hear(t).(*lnwire.Error).Data), "chain_hash")
		a.refuse = errors.New("no room at the inn")
		far.say(t, proposal(t, 2))
		require.Equal(t, "no room at the inn", string(far.hear(t).(*lnwire.Error).Data))
		require.Empty(t, a.infos)
		require.Zero(t, a.peer.holds.Load())
	})
}

func TestChannelsInOpeningEndWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := visited(t)
		far.say(t, proposal(t, 1))
		far.hear(t)
		require.Equal(t, int64(1), a.peer.holds.Load())
		require.NoError(t, far.Close())
		synctest.Wait()
		require.Zero(t, a.peer.holds.Load())
		require.Equal(t, []channel.NoticeKind{channel.NoticeOpening, channel.NoticeAbandoned}, a.kinds())
		require.Empty(t, a.ledger.records)
	})
}

func TestAnErrorForAllChannelsFailsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		open(t, a, b, true)
		open(t, a, b, true)
		l := a.peer.Link()
		a.peer.inbox.Put(item{link: l, msg: &lnwire.Warning{Data: []byte("careful")}})
		synctest.Wait()
		for i := range uint64(2) {
			require.Equal(t, channel.PhaseOpen, a.info(i).Phase)
		}
		a.peer.inbox.Put(item{link: l, msg: &lnwire.Error{Data: []byte("all of it")}})
		synctest.Wait()
		for i := range uint64(2) {
			require.Equal(t, channel.PhaseOnchain, a.info(i).Phase)
		}
	})
}

// gullible is a Signer that finds every signature good, as it would find the thief's, who signs with keys of its own.
type gullible struct{ channel.Signer }

func (gullible) Verify(*commitment.Params, *commitment.Commitment, lnwire.Sig, []lnwire.Sig) error {
	return nil
}
func (gullible) VerifyClosing(*commitment.Params, *wire.MsgTx, lnwire.Sig) error { return nil }

func TestNoSecondChannelGetsTheFundingOutputOfAnother(t *testing.T) {
	for _, samePeer := range []bool{true, false} {
		t.Run(fmt.Sprint("same peer ", samePeer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := running(t)
				victim := a.info(open(t, a, b, true).Index)
				a.signer[1] = gullible{a.Signer(1)}

				// A peer opens a channel to a and says that it is funded by the victim's output.
				thief := b
				if !samePeer {
					thief = &side{world: newWorld(3)}
					thief.peer = New(a.ID(), thief.env())
					thief.peer.Run(sim.StartHeight)
					t.Cleanup(thief.peer.Stop)
					mark := &side{world: a.world, peer: newPeer(thief.ID(), a.env(), a.peer.names)}
					mark.peer.Run(sim.StartHeight)
					t.Cleanup(mark.peer.Stop)
					meet2(thief, mark)
				}
				temp := lnwire.ChannelID{77}
				_, err := thief.peer.Open(func(i uint64, l *Link, h lnwire.Height) (channel.OpenParams, error) {
					o, err := thief.openParams(a.ID())(i, l, h)
					o.TempID = temp
					return o, err
				})
				require.NoError(t, err)
				synctest.Wait()
				require.Equal(t, channel.PhaseOpening, a.info(1).Phase)
				thief.peer.Link().Send([]lnwire.Message{&lnwire.FundingCreated{TempID: temp, FundingTxid: victim.Funding.Hash,
					FundingOutput: uint16(victim.Funding.Index)}})
				synctest.Wait()
				require.Equal(t, channel.PhaseClosed, a.info(1).Phase)

				if samePeer {
					meet2(a, b) // it was hung up on
				}
				a.offer(victim.ChannelID, 5_000_000)
				synctest.Wait()
				require.Empty(t, a.refused)
				require.Len(t, b.locked, 1, "the victim lives")
			})
		})
	}
}

func TestANameIsFreeAgainWhenItsChannelIsGone(t *testing.T) {
	n := newNames()
	a, b := &held{}, &held{}
	id := lnwire.ChannelID{1}
	require.True(t, n.claim(id, a))
	require.True(t, n.claim(id, a))
	require.False(t, n.claim(id, b))
	n.release(id)
	require.True(t, n.claim(id, b))
}
