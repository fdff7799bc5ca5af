package peer

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/sim"
)

func TestAKeptPeerIsCalledBack(t *testing.T) {
	a, b := listening(t, 1), listening(t, 2)
	a.Keep(b.id, []string{b.addr})
	eventually(t, "called", func() bool { return a.connected(b.id) })
	l := a.Peer(b.id).Link()
	l.Cut(io.EOF)
	eventually(t, "called back", func() bool { return a.connected(b.id) && a.Peer(b.id).Link() != l })
	a.Keep(a.id, []string{a.addr})
	require.Len(t, a.keeps, 1, "a node does not keep itself")
	a.Release(b.id)
	a.Release(b.id)
	require.NoError(t, a.Connect(t.Context(), b.id, b.addr), "what stands is left alone")
}

// attempts is a log that notes when a kept peer was called in vain.
type attempts struct {
	mu    sync.Mutex
	at    []time.Time
	addrs []string
}

func (a *attempts) Enabled(context.Context, slog.Level) bool { return true }
func (a *attempts) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a *attempts) WithGroup(string) slog.Handler            { return a }

func (a *attempts) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "kept peer is away" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	r.Attrs(func(attr slog.Attr) bool {
		if attr.Key == "addr" {
			a.addrs = append(a.addrs, attr.Value.String())
		}
		return true
	})
	return nil
}

func (a *attempts) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

// nobody are addresses that refuse.
func nobody(t *testing.T, n int) (addrs []string) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addrs = append(addrs, l.Addr().String())
		require.NoError(t, l.Close())
	}
	return addrs
}

func TestPausesBetweenCallsGrowAndAreSpread(t *testing.T) {
	addrs := nobody(t, 2)
	synctest.Test(t, func(t *testing.T) {
		s := newStation(1)
		log := new(attempts)
		s.log = slog.New(log)
		began := time.Now()
		s.Keep(bob, addrs)
		time.Sleep(24 * time.Hour)
		s.Stop()
		require.Equal(t, began, log.at[0], "the first one is at once")
		pause := firstRetry
		for i := 1; i < len(log.at); i++ {
			gap := log.at[i].Sub(log.at[i-1])
			require.GreaterOrEqual(t, gap, pause/2)
			require.Less(t, gap, pause*3/2)
			pause = min(2*pause, lastRetry)
			require.NotEqual(t, log.addrs[i-1], log.addrs[i], "addresses take turns")
		}
		require.Equal(t, lastRetry, pause)
		require.Greater(t, len(log.at), int(24*time.Hour/lastRetry*2/3))
	})
}

func TestNewAddressesAreTriedAtOnce(t *testing.T) {
	addrs := nobody(t, 2)
	synctest.Test(t, func(t *testing.T) {
		s := newStation(1)
		log := new(attempts)
		s.log = slog.New(log)
		s.Keep(bob, nil)
		time.Sleep(time.Hour)
		require.Zero(t, log.count())
		for i, addr := range addrs {
			s.Keep(bob, []string{addr})
			time.Sleep(firstRetry / 4) // of the clock of this bubble
			require.Equal(t, i+1, log.count())
			require.Equal(t, addr, log.addrs[i])
			time.Sleep(time.Millisecond)
		}
		s.Release(bob)
		before := log.count()
		time.Sleep(time.Hour)
		require.Equal(t, before, log.count())
		s.Stop()
	})
}

func TestAPeerThatCalledUsIsCalledSoonAfterItLeft(t *testing.T) {
	addrs := nobody(t, 1)
	synctest.Test(t, func(t *testing.T) {
		s := newStation(1)
		log := new(attempts)
		s.log = slog.New(log)
		s.Keep(bob, addrs)
		time.Sleep(24 * time.Hour) // pauses are long by now
		near, _ := newPipe()
		l := newLink(near, s.id, bob, true, sim.Features())
		var serving sync.WaitGroup
		serving.Go(func() { serve(t, s, l) })
		time.Sleep(idleCut - time.Second)
		s.Keep(bob, addrs) // as when a channel is opened; it looks, and finds the connection
		synctest.Wait()
		before := log.count()
		l.Cut(io.EOF)
		serving.Wait()
		time.Sleep(look * 3 / 2)
		require.Equal(t, before+1, log.count())
		s.Stop()
	})
}

func TestJitterIsAroundThePause(t *testing.T) {
	require.Zero(t, jitter(0))
	for range 100 {
		d := jitter(time.Second)
		require.GreaterOrEqual(t, d, time.Second/2)
		require.Less(t, d, time.Second*3/2)
	}
}
