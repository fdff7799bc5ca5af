package peer

import (
	"bytes"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	alice = lnwire.PubKey{2, 1}
	bob   = lnwire.PubKey{2, 2}
)

// linked runs a link of alice's; far is bob's end, and ended yields why it ended.
func linked(t *testing.T, sink func(lnwire.Message, int) error) (l *Link, far *pipe, ended chan error) {
	near, far := newPipe()
	l = newLink(near, alice, bob, true, nil)
	ended = make(chan error, 1)
	if sink == nil {
		sink = func(m lnwire.Message, _ int) error {
			t.Errorf("unexpected %T", m)
			return nil
		}
	}
	go func() { ended <- l.run(sink) }()
	return l, far, ended
}

func raw(typ uint16, body ...byte) []byte { return append([]byte{byte(typ >> 8), byte(typ)}, body...) }

func TestAMessageThatCannotBeReadIsAnsweredBeforeTheConnectionEnds(t *testing.T) {
	for name, m := range map[string][]byte{
		"unknown even type": raw(40000),
		"truncated type":    {1},
		"truncated ping":    raw(18, 0),
		"empty":             {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, far, ended := linked(t, nil)
				require.NoError(t, far.WriteMessage(m))
				require.NoError(t, far.Flush())
				heard := far.closed(t)
				require.Len(t, heard, 1)
				require.IsType(t, &lnwire.Warning{}, heard[0])
				require.ErrorContains(t, <-ended, "decode message")
			})
		})
	}
}

func TestLastWordsToAPeerThatDoesNotReadAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, far, ended := linked(t, nil)
		for range pipeRoom + 1 {
			l.SendRaw([][]byte{raw(33333)}, nil)
		}
		synctest.Wait()
		began := time.Now()
		require.NoError(t, far.WriteMessage(raw(40000)))
		require.NoError(t, far.Flush())
		require.ErrorContains(t, <-ended, "decode message")
		require.Equal(t, finishLimit, time.Since(began))
	})
}

func TestUnknownOddMessagesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, far, ended := linked(t, nil)
		for range 100_000 {
			require.NoError(t, far.WriteMessage(raw(40001, 1, 2, 3)))
			require.NoError(t, far.Flush())
		}
		far.say(t, &lnwire.Ping{NumPongBytes: 3})
		require.Equal(t, &lnwire.Pong{Ignored: make([]byte, 3)}, far.hear(t))
		l.Cut(io.EOF)
		require.ErrorIs(t, <-ended, io.EOF)
	})
}

func TestPongsAreAsLongAsAskedFor(t *testing.T) {
	for _, n := range []uint16{0, 1, 65531} {
		synctest.Test(t, func(t *testing.T) {
			l, far, ended := linked(t, nil)
			far.say(t, &lnwire.Ping{NumPongBytes: n})
			pong, ok := far.hear(t).(*lnwire.Pong)
			require.True(t, ok)
			require.Len(t, pong.Ignored, int(n))
			l.Cut(io.EOF)
			<-ended
		})
	}
}

func TestPingsThatAskForTooMuchAreIgnored(t *testing.T) {
	for _, n := range []uint16{65532, 65535} {
		synctest.Test(t, func(t *testing.T) {
			l, far, ended := linked(t, nil)
			far.say(t, &lnwire.Ping{NumPongBytes: n})
			synctest.Wait()
			far.silent(t)
			l.Cut(io.EOF)
			require.ErrorIs(t, <-ended, io.EOF)
		})
	}
}

func TestPingsBeyondTheLimitEndTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, far, ended := linked(t, nil)
		for range 3 { // windows
			for range MaxPings {
				far.say(t, &lnwire.Ping{})
				require.Equal(t, lnwire.TypePong, far.hear(t).Type())
			}
			time.Sleep(PingWindow + 1)
		}
		for range MaxPings + 1 {
			far.say(t, &lnwire.Ping{})
		}
		require.ErrorIs(t, <-ended, errPingFlood)
	})
}

func TestASilentPeerIsPingedAndThenGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, far, ended := linked(t, nil)
		began := time.Now()
		require.Equal(t, &lnwire.Ping{NumPongBytes: 1}, far.hear(t))
		require.LessOrEqual(t, time.Since(began), idlePing+idlePing/2)
		require.Greater(t, time.Since(began), idlePing)
		require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
		require.Equal(t, idleCut, time.Since(began))
	})
}

func TestAPongTellsTheRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, far, ended := linked(t, nil)
		require.IsType(t, &lnwire.Ping{}, far.hear(t))
		time.Sleep(70 * time.Millisecond)
		far.say(t, &lnwire.Pong{Ignored: []byte{0}})
		synctest.Wait()
		require.Equal(t, 70*time.Millisecond, l.Stats().PingTime)
		far.say(t, &lnwire.Pong{}) // unasked
		synctest.Wait()
		require.Equal(t, 70*time.Millisecond, l.Stats().PingTime)
		l.Cut(io.EOF)
		<-ended
	})
}

func TestAPeerThatNeverReadsIsCutWhenAWriteMakesNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, ended := linked(t, nil)
		began := time.Now()
		for range pipeRoom + 1 {
			l.Send([]lnwire.Message{&lnwire.Pong{}})
		}
		require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
		require.Equal(t, writeLimit, time.Since(began))
	})
}

func TestWhatWaitsForAPeerIsBounded(t *testing.T) {
	near, _ := newPipe()
	l := newLink(near, alice, bob, true, nil) // nobody writes
	l.SendRaw([][]byte{make([]byte, MaxQueuedOut)}, nil)
	require.False(t, l.ended())
	l.SendRaw([][]byte{{1}}, nil)
	require.True(t, l.ended())
	require.ErrorIs(t, l.run(nil), errSlowReader)
}

func TestLargeMessagesWeighWhatTheyAre(t *testing.T) {
	for _, m := range []lnwire.Message{
		&lnwire.Pong{Ignored: make([]byte, maxPongSize)},
		&lnwire.CommitmentSigned{HTLCSigs: make([]lnwire.Sig, 483)},
		&lnwire.UpdateFailHTLC{Reason: make([]byte, 60000)},
		&lnwire.UpdateAddHTLC{},
		&lnwire.Error{Data: make([]byte, 60000)},
		&lnwire.Warning{Data: make([]byte, 60000)},
		&lnwire.RevokeAndAck{},
		&lnwire.ChannelReestablish{},
	} {
		b, err := lnwire.Marshal(m)
		require.NoError(t, err)
		require.GreaterOrEqual(t, weightOf([]lnwire.Message{m, m}), 2*len(b), "%T", m)
	}
}

func TestALinkThatWasCutBeforeItRanEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newPipe()
		l := newLink(near, alice, bob, true, nil)
		l.Send([]lnwire.Message{&lnwire.Ping{}})
		l.Cut(errDuplicate)
		require.ErrorIs(t, l.run(nil), errDuplicate)
		require.Empty(t, far.closed(t))
	})
}

func TestHangingUpLetsWhatWasQueuedBeforeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, far, ended := linked(t, nil)
		l.Send([]lnwire.Message{&lnwire.Stfu{}, &lnwire.Ping{}})
		l.Warn("so long", true)
		l.Send([]lnwire.Message{&lnwire.Pong{}})
		heard := far.closed(t)
		require.Len(t, heard, 3)
		require.Equal(t, []byte("so long"), heard[2].(*lnwire.Warning).Data)
		require.ErrorIs(t, <-ended, errHungUp)
	})
}

func TestAfterRunsWhenTheBurstWasHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, far, ended := linked(t, nil)
		drained := make(chan struct{})
		l.SendRaw([][]byte{raw(33333, 7), raw(33335)}, func() { close(drained) })
		<-drained
		m, err := far.ReadMessage()
		require.NoError(t, err)
		require.True(t, bytes.Equal(raw(33333, 7), m))
		require.Equal(t, uint64(5), l.Stats().Sent)
		l.Cut(io.EOF)
		<-ended
	})
}
