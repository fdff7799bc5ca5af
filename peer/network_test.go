package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/noise"
)

// patience is how long a test on sockets waits for what must come; only a failure takes so long.
const patience = 20 * time.Second

// station is a Network with its world. Its channels' node key is not the one that connections prove.
type station struct {
	*Network
	world *world
	key   *btcec.PrivateKey
	id    lnwire.PubKey
	addr  string
}

func newStation(seed byte) *station {
	key, pub := btcec.PrivKeyFromBytes([]byte{seed, 1})
	w := newWorld(seed)
	s := &station{world: w, key: key, id: lnwire.NewPubKey(pub)}
	s.Network = NewNetwork(key, Hello{Local: s.id, Features: sim.Features(), Chain: chainhash.Hash{1}}, w.env(), w)
	return s
}

// listening is a station with an address.
func listening(t *testing.T, seed byte) *station {
	s := newStation(seed)
	addr, err := s.Listen("127.0.0.1:0")
	require.NoError(t, err)
	s.addr = addr.String()
	t.Cleanup(s.Stop)
	return s
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, time.Millisecond, what)
}

func TestConnectReturnsWhenThePeerIsThere(t *testing.T) {
	a, b := listening(t, 1), listening(t, 2)
	require.ErrorIs(t, a.Connect(t.Context(), a.id, a.addr), ErrSelf)
	require.NoError(t, a.Connect(t.Context(), b.id, b.addr))
	l := a.Peer(b.id).Link()
	require.NotNil(t, l)
	require.NoError(t, a.Connect(t.Context(), b.id, "nowhere"), "it is connected already")
	require.Equal(t, l, a.Peer(b.id).Link())
	require.NoError(t, a.Disconnect(b.id))
	eventually(t, "loops without channels go with their connections", func() bool {
		return a.Peer(b.id) == nil && b.Peer(a.id) == nil
	})
	require.ErrorIs(t, a.Disconnect(b.id), ErrOffline)
	require.Zero(t, a.strangers)
}

func TestAConnectionOutlivesTheContextThatMadeIt(t *testing.T) {
	a, b := listening(t, 1), listening(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, a.Connect(ctx, b.id, b.addr))
	cancel()
	l := a.Peer(b.id).Link()
	l.Send([]lnwire.Message{&lnwire.ChannelReestablish{ChannelID: lnwire.ChannelID{1}}})
	eventually(t, "the answer", func() bool { return l.Stats().Received > 0 })
}

func TestManyCallsAtOnceMakeOneConnection(t *testing.T) {
	for range 5 {
		a, b := listening(t, 1), listening(t, 2)
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				if err := a.Connect(t.Context(), b.id, b.addr); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		l := a.Peer(b.id).Link()
		require.NotNil(t, l)
		require.False(t, l.ended())
		require.Equal(t, []string{"up"}, a.world.heardOf())
	}
}

func (w *world) heardOf() (news []string) {
	w.note(func() { news = append(news, w.news...) })
	return news
}

func TestNodesThatCallEachOtherAtOnceStayConnected(t *testing.T) {
	for range 5 {
		a, b := listening(t, 1), listening(t, 2)
		var calls sync.WaitGroup
		for _, c := range [][2]*station{{a, b}, {b, a}} {
			calls.Go(func() { // one of them may be told of the other's end before it has begun
				if err := c[0].Connect(t.Context(), c[1].id, c[1].addr); err != nil {
					t.Log(err)
				}
			})
		}
		calls.Wait()
		eventually(t, "one connection, the same on both sides", func() bool {
			return a.connected(b.id) && b.connected(a.id) &&
				a.Peer(b.id).Link().conn.(*noise.Conn).LocalAddr().String() == b.Peer(a.id).Link().Stats().Address
		})
	}
}

func TestStrangersAreBoundedAndWhoWeCallIsNot(t *testing.T) {
	n := newStation(1).Network
	defer n.Stop()
	id := func(i int) lnwire.PubKey { return lnwire.PubKey{2, byte(i), byte(i >> 8)} }
	for i := range MaxStrangers {
		_, err := n.acquire(id(i), true)
		require.NoError(t, err)
	}
	_, err := n.acquire(id(MaxStrangers), true)
	require.ErrorIs(t, err, errStrangers)
	_, err = n.acquire(id(0), true)
	require.NoError(t, err, "a second connection is of no new stranger")
	_, err = n.acquire(id(MaxStrangers), false)
	require.NoError(t, err)
	require.Equal(t, MaxStrangers+1, n.strangers)

	n.release(id(0))
	require.NotNil(t, n.Peer(id(0)))
	n.release(id(0))
	require.Nil(t, n.Peer(id(0)))
	n.Durable(id(1))
	n.Durable(id(1))
	require.Equal(t, MaxStrangers-1, n.strangers)
	_, err = n.acquire(id(MaxStrangers+1), true)
	require.NoError(t, err)
	n.release(id(1)) // durable, but without channels
	require.Nil(t, n.Peer(id(1)))
	require.Equal(t, MaxStrangers, n.strangers)
	n.Durable(id(9999)) // unknown
	n.Stop()
	_, err = n.acquire(id(2), true)
	require.ErrorIs(t, err, ErrStopped)
}

// serve serves l until it ends, for a reason.
func serve(t *testing.T, s *station, l *Link) {
	if err := s.serve(l, func() {}); err == nil {
		t.Error("the connection ended for no reason")
	}
}

func TestALoopWithChannelsStaysWhenItsConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newStation(1), newStation(2)
		connect := func() (la, lb *Link, wait func()) {
			ca, cb := newPipe()
			la = newLink(ca, a.id, b.id, false, sim.Features())
			lb = newLink(cb, b.id, a.id, true, sim.Features())
			var serving sync.WaitGroup
			serving.Go(func() { serve(t, a, la) })
			serving.Go(func() { serve(t, b, lb) })
			synctest.Wait()
			return la, lb, serving.Wait
		}
		la, _, ended := connect()
		sa, sb := &side{a.world, a.Peer(b.id)}, &side{b.world, b.Peer(a.id)}
		open(t, sa, sb, false) // nobody calls Durable
		la.Cut(io.EOF)
		ended()
		require.Equal(t, sa.peer, a.Peer(b.id))
		require.Equal(t, sb.peer, b.Peer(a.id))
		require.Zero(t, a.strangers)

		la, _, ended = connect()
		require.Zero(t, a.strangers, "it is no stranger any more")
		la.Send([]lnwire.Message{&lnwire.Error{Data: []byte("bye")}})
		la.Cut(io.EOF)
		ended()
		a.Stop()
		b.Stop()
	})
}

func TestHandshakesAreBounded(t *testing.T) {
	a := listening(t, 1)
	call := func() net.Conn {
		c, err := net.Dial("tcp", a.addr)
		require.NoError(t, err)
		t.Cleanup(func() { a.drop(c) })
		return c
	}
	first := call()
	for range MaxHandshakes - 1 {
		call()
	}
	eventually(t, "all are in their handshakes", func() bool { return len(a.shakes) == MaxHandshakes })
	c := call()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	require.False(t, errors.Is(err, context.DeadlineExceeded))
	var late net.Error
	require.False(t, errors.As(err, &late) && late.Timeout(), "it was closed at once")

	a.drop(first)
	eventually(t, "there is room again", func() bool { return len(a.shakes) < MaxHandshakes })
	b := listening(t, 2)
	require.NoError(t, b.Connect(t.Context(), a.id, a.addr))
}

func TestStopDoesNotWaitForPeersThatSayNothing(t *testing.T) {
	// One that we called and that never says init, one that called us and never begins.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	key, pub := btcec.PrivKeyFromBytes([]byte{9})
	shaken := make(chan *noise.Conn, 1)
	go func() {
		c, err := mute.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := noise.Accept(c, key)
		if err != nil {
			t.Error(err)
		}
		shaken <- conn
	}()
	a := listening(t, 1)
	called := make(chan error, 1)
	go func() { called <- a.Connect(t.Context(), lnwire.NewPubKey(pub), mute.Addr().String()) }()
	conn := <-shaken
	caller, err := net.Dial("tcp", a.addr)
	require.NoError(t, err)
	eventually(t, "it is in its handshake", func() bool { return len(a.shakes) == 1 })
	began := time.Now()
	a.Stop()
	require.Less(t, time.Since(began), helloLimit/2)
	require.Error(t, <-called)
	require.NoError(t, errors.Join(conn.Close(), caller.Close(), mute.Close()))
	_, err = a.Listen("127.0.0.1:0")
	require.ErrorIs(t, err, ErrStopped)
	require.ErrorIs(t, a.Connect(t.Context(), alice, "127.0.0.1:1"), ErrStopped)
	_, err = net.Dial("tcp", a.addr)
	require.Error(t, err, "the listener is closed when Stop returns")
}

func TestNewBlocksReachLoopsOldAndNew(t *testing.T) {
	a := newStation(1)
	p := a.Make(alice)
	a.Restored(p, 7)
	a.Height(8)
	q, err := a.acquire(bob, true)
	require.NoError(t, err)
	require.Equal(t, []*Peer{p, q}, a.Peers())
	heights := make(chan lnwire.Height, 2)
	for _, p := range a.Peers() {
		p.inbox.Put(item{cmd: func(p *Peer) { heights <- p.height }})
	}
	a.Stop()
	require.Equal(t, lnwire.Height(8), <-heights)
	require.Equal(t, lnwire.Height(8), <-heights)
}

// exhausted is a listener whose process has no file descriptors left.
type exhausted struct {
	net.Listener
	tries  int
	closed atomic.Bool
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.closed.Load() {
		return nil, net.ErrClosed
	}
	l.tries++
	return nil, errors.New("too many open files")
}

func (l *exhausted) Close() error {
	l.closed.Store(true)
	return nil
}

func TestAListenerThatFailsIsNotAskedInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newStation(1)
		l := new(exhausted)
		go a.accept(l)
		time.Sleep(10*acceptPause + 1)
		synctest.Wait()
		require.Equal(t, 11, l.tries)
		a.Stop()
		synctest.Wait()
		require.True(t, l.closed.Load())
	})
}
