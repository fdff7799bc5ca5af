package peer

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// pipe is one end of a Transport in memory. It uses channels and timers only, so that synctest knows when all is quiet.
type pipe struct {
	in       <-chan []byte
	out      chan<- []byte
	mine     chan struct{} // closed with this end
	theirs   <-chan struct{}
	once     sync.Once
	waiting  [][]byte
	mu       sync.Mutex
	readBy   time.Time
	writeBy  time.Time
	flushing func() // if set, runs before each Flush
}

// pipeRoom is how many messages a pipe holds that nobody reads.
const pipeRoom = 64

func newPipe() (a, b *pipe) {
	ab, ba := make(chan []byte, pipeRoom), make(chan []byte, pipeRoom)
	ca, cb := make(chan struct{}), make(chan struct{})
	return &pipe{in: ba, out: ab, mine: ca, theirs: cb}, &pipe{in: ab, out: ba, mine: cb, theirs: ca}
}

func (p *pipe) limit(by time.Time) (<-chan time.Time, func()) {
	if by.IsZero() {
		return nil, func() {}
	}
	t := time.NewTimer(time.Until(by))
	return t.C, func() { t.Stop() }
}

func (p *pipe) ReadMessage() ([]byte, error) {
	p.mu.Lock()
	late, stop := p.limit(p.readBy)
	p.mu.Unlock()
	defer stop()
	select {
	case <-p.mine:
		return nil, net.ErrClosed
	default:
	}
	select {
	case m := <-p.in:
		return m, nil
	case <-p.mine:
		return nil, net.ErrClosed
	case <-late:
		return nil, os.ErrDeadlineExceeded
	case <-p.theirs:
		select {
		case m := <-p.in: // it closed after writing
			return m, nil
		default:
			return nil, io.EOF
		}
	}
}

func (p *pipe) WriteMessage(m []byte) error {
	p.waiting = append(p.waiting, slices.Clone(m))
	return nil
}

func (p *pipe) Flush() error {
	p.mu.Lock()
	late, stop := p.limit(p.writeBy)
	p.mu.Unlock()
	defer stop()
	if p.flushing != nil {
		p.flushing()
	}
	for _, m := range p.waiting {
		select {
		case <-p.mine:
			return net.ErrClosed
		default:
		}
		select {
		case p.out <- m:
		case <-p.mine:
			return net.ErrClosed
		case <-p.theirs:
			return io.ErrClosedPipe
		case <-late:
			return os.ErrDeadlineExceeded
		}
	}
	p.waiting = nil
	return nil
}

func (p *pipe) SetReadDeadline(t time.Time) error  { return p.set(&p.readBy, t) }
func (p *pipe) SetWriteDeadline(t time.Time) error { return p.set(&p.writeBy, t) }

func (p *pipe) set(at *time.Time, t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	*at = t
	select {
	case <-p.mine:
		return net.ErrClosed
	default:
		return nil
	}
}

func (p *pipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9735} }

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.mine) })
	return nil
}

// say writes messages from this end, as a peer of flesh would.
func (p *pipe) say(t testing.TB, msgs ...lnwire.Message) {
	t.Helper()
	for _, m := range msgs {
		raw, err := lnwire.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, p.WriteMessage(raw))
	}
	require.NoError(t, p.Flush())
}

// hear reads one message at this end.
func (p *pipe) hear(t testing.TB) lnwire.Message {
	t.Helper()
	raw, err := p.ReadMessage()
	require.NoError(t, err)
	m, err := lnwire.Unmarshal(raw)
	require.NoError(t, err)
	return m
}

// silent says that nothing waits at this end. All else must be quiet.
func (p *pipe) silent(t testing.TB) {
	t.Helper()
	select {
	case raw := <-p.in:
		m, err := lnwire.Unmarshal(raw)
		t.Fatalf("heard %T, %v", m, err)
	default:
	}
}

// closed reads until the other end has closed and answers with what came before.
func (p *pipe) closed(t testing.TB) (heard []lnwire.Message) {
	t.Helper()
	for {
		raw, err := p.ReadMessage()
		if err != nil {
			require.True(t, errors.Is(err, io.EOF), "%v", err)
			return heard
		}
		m, err := lnwire.Unmarshal(raw)
		require.NoError(t, err)
		heard = append(heard, m)
	}
}
