package noise

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is a net.Conn in memory that one side writes and the other reads; writes are counted.
type wire struct {
	net.Conn
	bytes.Buffer
	writes int
	fail   error
}

func (w *wire) Read(b []byte) (int, error) { return w.Buffer.Read(b) }
func (w *wire) Write(b []byte) (int, error) {
	w.writes++
	if w.fail != nil {
		return 0, w.fail
	}
	return w.Buffer.Write(b)
}

// oneWay is a sender and a receiver with the keys of appendix A, and the bytes between them.
func oneWay(t testing.TB) (from, to *Conn, w *wire) {
	ck, sk, rk := [32]byte(unhex(t, vectorCK)), [32]byte(unhex(t, vectorInitiator)), [32]byte(unhex(t, vectorResponder))
	w = new(wire)
	return newConn(w, [33]byte{}, Keys{Send: sk, Receive: rk, Chaining: ck}),
		newConn(w, [33]byte{}, Keys{Send: rk, Receive: sk, Chaining: ck}), w
}

func TestMessagesAreEncryptedAsInAppendixA(t *testing.T) {
	want := map[int]string{
		0:    "cf2b30ddf0cf3f80e7c35a6e6730b59fe802473180f396d88a8fb0db8cbcf25d2f214cf9ea1d95",
		1:    "72887022101f0b6753e0c7de21657d35a4cb2a1f5cde2650528bbc8f837d0f0d7ad833b1a256a1",
		500:  "178cb9d7387190fa34db9c2d50027d21793c9bc2d40b1e14dcf30ebeeeb220f48364f7a4c68bf8",
		501:  "1b186c57d44eb6de4c057c49940d79bb838a145cb528d6e8fd26dbe50a60ca2c104b56b60e45bd",
		1000: "4a2f3cc3b5e78ddb83dcb426d9863d9d9a723b0337c89dd0b005d89f8d3c05c52b76b29b740f09",
		1001: "2ecd8c8a5629d0d02ab457a0fdd0f7b90a192cd46be5ecb6ca570bfc5e268338b1a16cf4ef2d36",
	}
	from, to, w := oneWay(t)
	for i := range 1002 {
		require.NoError(t, from.WriteMessage([]byte("hello")))
		require.NoError(t, from.Flush())
		if s, ok := want[i]; ok {
			require.Equal(t, s, hex.EncodeToString(w.Bytes()), "message %d", i)
		}
		m, err := to.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "hello", string(m))
	}
}

func TestMessagesHaveUpTo65535Bytes(t *testing.T) {
	from, to, w := oneWay(t)
	for _, size := range []int{0, 1, MaxMessage} {
		m := bytes.Repeat([]byte{7}, size)
		require.NoError(t, from.WriteMessage(m))
		require.NoError(t, from.Flush())
		require.Equal(t, 2+16+size+16, w.Len())
		got, err := to.ReadMessage()
		require.NoError(t, err)
		require.True(t, bytes.Equal(m, got))
	}
	require.ErrorIs(t, from.WriteMessage(make([]byte, MaxMessage+1)), ErrTooLarge)
	require.NoError(t, from.WriteMessage([]byte("still good")))
	require.NoError(t, from.Flush())
	got, err := to.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, "still good", string(got))
	_, err = to.ReadMessage()
	require.Equal(t, io.EOF, err)
}

func TestMessagesGoOutInOneWrite(t *testing.T) {
	from, to, w := oneWay(t)
	require.NoError(t, from.Flush())
	for i := range 100 {
		require.NoError(t, from.WriteMessage([]byte{byte(i)}))
	}
	require.Zero(t, w.writes)
	require.NoError(t, from.Flush())
	require.Equal(t, 1, w.writes)
	for i := range 100 {
		m, err := to.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, m)
	}
}

func TestNoMoreThanMaxPendingWaits(t *testing.T) {
	from, _, w := oneWay(t)
	const size = 1<<14 - headerSize - tagSize // divides MaxPending
	for range MaxPending >> 14 {
		require.NoError(t, from.WriteMessage(make([]byte, size)))
	}
	require.Len(t, from.pending, MaxPending)
	require.Zero(t, w.writes)
	require.NoError(t, from.WriteMessage(nil))
	require.Equal(t, 1, w.writes)
	require.Equal(t, MaxPending+headerSize+tagSize, w.Len())
	require.Zero(t, cap(from.pending))
}

func TestATamperedMessageEndsTheDirection(t *testing.T) {
	for _, at := range []int{0, 17, 18, 22, 38} {
		from, to, w := oneWay(t)
		require.NoError(t, from.WriteMessage([]byte("hello")))
		require.NoError(t, from.WriteMessage([]byte("again")))
		require.NoError(t, from.Flush())
		w.Bytes()[at] ^= 1
		_, err := to.ReadMessage()
		require.ErrorIs(t, err, ErrBadTag)
		_, err = to.ReadMessage()
		require.ErrorIs(t, err, ErrBadTag)
	}
}

func TestACutMessageIsNoCleanEnd(t *testing.T) {
	from, _, w := oneWay(t)
	require.NoError(t, from.WriteMessage([]byte("hello")))
	require.NoError(t, from.Flush())
	whole := bytes.Clone(w.Bytes())
	for n := 1; n < len(whole); n++ {
		_, to, w := oneWay(t)
		w.Buffer.Write(whole[:n])
		_, err := to.ReadMessage()
		require.Equal(t, io.ErrUnexpectedEOF, err, "cut at %d", n)
	}
}

func TestAFailedWriteEndsTheDirection(t *testing.T) {
	from, _, w := oneWay(t)
	w.fail = errors.New("gone")
	require.NoError(t, from.WriteMessage([]byte("hello")))
	require.ErrorIs(t, from.Flush(), w.fail)
	cause := w.fail
	w.fail = nil
	require.ErrorIs(t, from.WriteMessage([]byte("hello")), cause)
	require.ErrorIs(t, from.Flush(), cause)
	require.Zero(t, w.Len())
}

func TestMessagesAreCarriedWithoutAllocations(t *testing.T) {
	from, to, _ := oneWay(t)
	m := make([]byte, 1400)
	send := func() {
		for range 10 { // ten of these are far from a rotation, which allocates
			require.NoError(t, from.WriteMessage(m))
		}
		require.NoError(t, from.Flush())
		for range 10 {
			if _, err := to.ReadMessage(); err != nil {
				t.Fatal(err)
			}
		}
	}
	send()
	require.LessOrEqual(t, testing.AllocsPerRun(20, send), 1.0)
}

func TestTwoNodesTalkOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	alice, bob := repeated(0x11), repeated(0x21)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			c, err := Accept(conn, bob)
			if err != nil {
				return err
			}
			if c.Remote() != id(alice) {
				return errors.New("not alice")
			}
			for {
				m, err := c.ReadMessage()
				if errors.Is(err, io.EOF) {
					return c.Close()
				}
				if err = errors.Join(err, c.WriteMessage(m), c.Flush()); err != nil {
					return err
				}
			}
		}()
	}()
	c, err := Dial(t.Context(), alice, id(bob), l.Addr().String())
	require.NoError(t, err)
	require.Equal(t, id(bob), c.Remote())
	require.Equal(t, l.Addr().String(), c.RemoteAddr().String())
	for i := range 1100 { // both directions rotate twice
		require.NoError(t, c.WriteMessage([]byte{byte(i), byte(i >> 8)}))
		require.NoError(t, c.Flush())
		m, err := c.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, m)
	}
	require.NoError(t, c.Close())
	require.NoError(t, <-done)
}

func TestACallThatNobodyAnswersTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		go io.Copy(io.Discard, there)
		start := time.Now()
		_, err := Connect(t.Context(), here, repeated(1), id(repeated(2)))
		require.ErrorContains(t, err, "timeout")
		require.Equal(t, HandshakeTimeout, time.Since(start))
		require.NoError(t, there.Close())
	})
}

func TestACallerThatSaysNothingTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		start := time.Now()
		_, err := Accept(here, repeated(1))
		require.ErrorContains(t, err, "act one")
		require.Equal(t, HandshakeTimeout, time.Since(start))
		_, err = there.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err) // closed, and nothing was said
	})
}

func TestAHandshakeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		go io.Copy(io.Discard, there)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := Connect(ctx, here, repeated(1), id(repeated(2)))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.NoError(t, there.Close())
	})
}

func TestNothingOfTheHandshakesTimeLimitsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		accepted := make(chan *Conn, 1)
		go func() {
			c, err := Accept(there, repeated(2))
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		ctx, cancel := context.WithCancel(t.Context())
		c, err := Connect(ctx, here, repeated(1), id(repeated(2)))
		require.NoError(t, err)
		cancel()
		other := <-accepted
		go func() {
			timer := time.NewTimer(time.Hour)
			<-timer.C
			if err := errors.Join(other.WriteMessage([]byte("late")), other.Flush()); err != nil {
				t.Error(err)
			}
		}()
		m, err := c.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, "late", string(m))

		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = c.ReadMessage()
		require.ErrorContains(t, err, "timeout")
		require.NoError(t, c.Close())
		require.NoError(t, other.Close())
	})
}

func TestWrongNodeIsNotReached(t *testing.T) {
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := Accept(there, repeated(3))
		done <- err
	}()
	_, err := Connect(t.Context(), here, repeated(1), id(repeated(2)))
	require.ErrorContains(t, err, "act two")
	require.ErrorIs(t, <-done, ErrBadTag)
}

func FuzzMessagesSurviveTheConnection(f *testing.F) {
	f.Add([]byte("hello"), []byte{}, uint16(0), byte(0))
	f.Add([]byte{}, []byte("x"), uint16(19), byte(0x80))
	f.Fuzz(func(t *testing.T, a, b []byte, at uint16, flip byte) {
		if len(a) > MaxMessage || len(b) > MaxMessage {
			return
		}
		from, to, w := oneWay(t)
		require.NoError(t, errors.Join(from.WriteMessage(a), from.WriteMessage(b), from.Flush()))
		i := int(at) % w.Len()
		w.Bytes()[i] ^= flip
		first, err := to.ReadMessage()
		require.Equal(t, flip == 0 || i >= headerSize+len(a)+tagSize, err == nil)
		if err == nil {
			require.True(t, bytes.Equal(a, first))
		}
		second, err := to.ReadMessage()
		require.Equal(t, flip == 0, err == nil)
		if err == nil {
			require.True(t, bytes.Equal(b, second))
		}
	})
}
