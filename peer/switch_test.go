package peer

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// hold keeps s's loop busy until the answer is called: what is posted meanwhile becomes one burst.
func (s *side) hold() (release func()) {
	held := make(chan struct{})
	s.peer.inbox.Put(item{cmd: func(*Peer) { <-held }})
	synctest.Wait()
	return func() {
		synctest.Wait()
		close(held)
		synctest.Wait()
	}
}

func TestWhatWasSaidOnAnOldConnectionNeverReachesANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		id := a.info(open(t, a, b, true).Index).ChannelID
		old := a.peer.Link()
		release := a.hold()
		a.offer(id, 5_000_000)
		near, far := newPipe()
		fresh, _ := a.attach(near, false)
		release()
		require.True(t, old.ended())
		require.Equal(t, fresh, a.peer.Link())
		require.Equal(t, lnwire.TypeChannelReestablish, far.hear(t).Type())
		far.silent(t)
		require.Len(t, a.ended, 1, "the offer that was never signed failed")
		require.True(t, a.ended[0].Local)
	})
}

func TestWhatIsDurableOnlyAfterAReconnectIsNotSentToTheNewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		id := a.info(open(t, a, b, true).Index).ChannelID
		a.ledger.hold(true)
		a.offer(id, 5_000_000)
		synctest.Wait()
		near, far := newPipe()
		a.attach(near, false)
		synctest.Wait()
		far.silent(t)
		a.ledger.pay()
		synctest.Wait()
		require.Equal(t, lnwire.TypeChannelReestablish, far.hear(t).Type())
		far.silent(t)
	})
}

func TestMessagesThatAnOldConnectionLeftBehindAreVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		info := a.info(open(t, a, b, true).Index)
		old := a.peer.Link()
		release := a.hold()
		near, _ := newPipe()
		a.attach(near, false)
		synctest.Wait()
		a.peer.inbox.Put(item{link: old, msg: &lnwire.Error{ChannelID: info.ChannelID}})
		release()
		require.Equal(t, channel.PhaseOpen, a.info(0).Phase)
	})
}

func TestAChannelSeesTheOldConnectionGoBeforeTheNewOneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := running(t)
		open(t, a, b, true)
		from := len(a.kinds())
		meet2(a, b)
		require.Equal(t, []channel.NoticeKind{channel.NoticeInactive, channel.NoticeActive}, a.kinds()[from:])
		require.True(t, a.info(0).Active)
		require.Equal(t, []string{"up", "down", "up"}, a.news, "gossip too")
		require.Equal(t, []string{"up", "down", "up"}, b.news)
	})
}

// slowGossip does not let go of a connection before it is told to.
type slowGossip struct {
	*world
	hold chan struct{}
}

func (g slowGossip) Message(id lnwire.PubKey, m lnwire.Message) {
	<-g.hold
	g.world.Message(id, m)
}

func TestGossipHearsOfTheOldConnectionsEndBeforeTheNewOnesStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two()
		a.peer.Run(0)
		near, far := newPipe()
		old := newLink(near, a.ID(), b.ID(), true, nil)
		g := slowGossip{a.world, make(chan struct{})}
		go func() { require.ErrorIs(t, a.peer.Attach(old, g), errDuplicate) }()
		far.say(t, &lnwire.GossipTimestampFilter{})
		synctest.Wait()
		near, _ = newPipe()
		a.attach(near, true)
		synctest.Wait()
		require.Equal(t, []string{"up"}, a.news)
		close(g.hold)
		synctest.Wait()
		require.Equal(t, []string{"up", "down", "up"}, a.news)
		require.Equal(t, 1, a.heard)
		a.peer.Stop()
	})
}

func TestOfTwoSimultaneousConnectionsBothSidesKeepTheSame(t *testing.T) {
	for _, aFirst := range []bool{true, false} {
		for _, bFirst := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				a, b := two()
				a.peer.Run(0)
				b.peer.Run(0)
				a1, b1 := newPipe() // a dialed
				a2, b2 := newPipe() // b dialed
				attach := func(s *side, out, in *pipe, first bool) (dialed, answered *Link) {
					if first {
						dialed, _ = s.attach(out, false)
						synctest.Wait()
						answered, _ = s.attach(in, true)
						return dialed, answered
					}
					answered, _ = s.attach(in, true)
					synctest.Wait()
					dialed, _ = s.attach(out, false)
					return dialed, answered
				}
				aOut, aIn := attach(a, a1, a2, aFirst)
				bOut, bIn := attach(b, b2, b1, bFirst)
				synctest.Wait()
				la, lb := a.peer.Link(), b.peer.Link()
				require.NotNil(t, la)
				require.NotNil(t, lb)
				if la == aOut {
					require.Equal(t, bIn, lb)
				} else {
					require.Equal(t, aIn, la)
					require.Equal(t, bOut, lb)
				}
				require.False(t, la.ended() || lb.ended())
				a.peer.Stop()
				b.peer.Stop()
			})
		}
	}
}

func TestKeepingTheOldConnectionNeedsAllOfItsReasons(t *testing.T) {
	near, _ := newPipe()
	now := time.Now()
	link := func(local, remote lnwire.PubKey, inbound bool, at time.Duration) *Link {
		l := newLink(near, local, remote, inbound, nil)
		l.Since = now.Add(at)
		return l
	}
	old := link(alice, bob, false, 0) // dialed by the lower key
	require.True(t, keepOld(old, link(alice, bob, true, simultaneous)))
	require.False(t, keepOld(old, link(alice, bob, true, simultaneous+1)), "too late to be simultaneous")
	require.False(t, keepOld(old, link(alice, bob, false, 0)), "same direction")
	require.False(t, keepOld(link(alice, bob, true, 0), link(alice, bob, false, 0)), "dialed by the higher key")
}

func TestAConnectionThatEndedIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := two() // a's key decides who dialed; whichever it is, one direction is preferred
		a.peer.Run(0)
		near, _ := newPipe()
		old := newLink(near, a.ID(), a.peer.ID, true, nil)
		inbound := old.preferred
		old = newLink(near, a.ID(), a.peer.ID, inbound, nil)
		require.True(t, old.preferred)
		go a.peer.Attach(old, a.world)
		synctest.Wait()
		release := a.hold()
		old.Cut(io.EOF)
		near, _ = newPipe()
		fresh, _ := a.attach(near, !inbound)
		a.peer.inbox.Put(item{link: old, down: make(chan struct{})}) // later than the newcomer
		release()
		require.Equal(t, fresh, a.peer.Link())
		a.peer.Stop()
	})
}

func TestAttachAndStopInAnyOrderLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := two()
		a.peer.Run(0)
		a.peer.Stop()
		near, far := newPipe()
		_, ended := a.attach(near, true)
		require.ErrorIs(t, <-ended, ErrStopped)
		require.Empty(t, far.closed(t))
		require.Empty(t, a.news)
	})
	synctest.Test(t, func(t *testing.T) {
		a, _ := two()
		a.peer.Run(0)
		release := a.hold()
		near, far := newPipe()
		_, ended := a.attach(near, true) // waits in the inbox
		synctest.Wait()
		stopped := make(chan struct{})
		go func() {
			a.peer.Stop()
			close(stopped)
		}()
		synctest.Wait()
		release()
		require.ErrorIs(t, <-ended, ErrStopped)
		<-stopped
		require.Empty(t, far.closed(t))
	})
}

func TestAFullInboxStopsTheReaderAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two()
		a.peer.Run(sim.StartHeight)
		near, far := newPipe()
		l, _ := a.attach(near, true)
		synctest.Wait()
		release := a.hold()
		const size = 60000
		big := &lnwire.Warning{Data: make([]byte, size)}
		fits := MaxInbox/(size+36+itemWeight) + 1 // less than MaxInbox waits when the last one enters
		for range fits + 1 + 10 {
			far.say(t, big)
		}
		synctest.Wait()
		require.Equal(t, fits, a.peer.inbox.Len())
		require.Len(t, near.in, 10, "one is in the reader's hand, the others are left in the connection")
		a.offer(lnwire.ChannelID{1}, 1)
		require.Equal(t, fits+1, a.peer.inbox.Len())
		release()
		require.Empty(t, near.in)
		require.False(t, l.ended())
		a.peer.Stop()
		b.peer.inbox.Close()
	})
}

func TestAMutualEndIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two()
		a.peer.Run(0)
		b.peer.Run(0)
		la, _, ends := meet2(a, b)
		cause := errors.New("enough")
		la.Cut(cause)
		la.Cut(io.EOF)
		require.ErrorIs(t, <-ends[0], cause)
		require.ErrorIs(t, <-ends[1], io.EOF)
		require.Nil(t, a.peer.Link(), "Attach returns when the loop knows")
		require.Nil(t, b.peer.Link())
		a.peer.Stop()
		b.peer.Stop()
	})
}
