package peer

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Limits of a connection.
const (
	// MaxQueuedOut is how many bytes may wait for a peer that does not read; past it the connection is cut.
	MaxQueuedOut = 8 << 20
	// MaxInbox is how many bytes of a peer's messages may wait for its loop; past it its connection is not read.
	MaxInbox = 2 << 20
	// MaxPings is how many pings a peer may send in PingWindow before the connection is cut.
	MaxPings   = 64
	PingWindow = 30 * time.Second

	idlePing    = 30 * time.Second // silence after which we ping
	idleCut     = 75 * time.Second // silence after which the peer is gone
	helloLimit  = 15 * time.Second // for the init messages
	writeLimit  = 30 * time.Second // for one write to make progress
	finishLimit = 5 * time.Second  // for the peer to take our last words
	maxPongSize = 65531            // BOLT 1: "num_pong_bytes is less than 65532"

	// itemWeight is what a message weighs in the inbox beside its bytes: small ones are mostly this.
	itemWeight = 256
)

// Transport is an encrypted connection (BOLT 8): noise.Conn, or a pipe in tests. WriteMessage buffers until Flush.
type Transport interface {
	ReadMessage() ([]byte, error)
	WriteMessage([]byte) error
	Flush() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	RemoteAddr() net.Addr
	Close() error
}

var (
	errSlowReader = errors.New("the peer does not read what we send")
	errPingFlood  = errors.New("the peer floods us with pings")
	errHungUp     = errors.New("we told the peer what is wrong and hung up")
)

// wrong is a message that ends the connection, after a warning that says why.
type wrong struct{ error }

func (w wrong) Unwrap() error { return w.error }

// Link is one live connection after both init messages: a reader and a writer goroutine, owned by the Link.
type Link struct {
	Remote   lnwire.PubKey
	Inbound  bool
	Features lnwire.FeatureVector // of the peer's init
	Since    time.Time

	preferred bool // dialed by the lower of the two keys

	conn     Transport
	out      *mailbox.Box[outgoing]
	queued   atomic.Int64
	in, sent atomic.Uint64 // bytes
	pingRTT  atomic.Int64
	heard    atomic.Int64 // unix nanoseconds of the last byte
	once     sync.Once
	cause    error
	cut      chan struct{} // closed by Cut

	taken   chan struct{} // closed when the loop has decided about the connection, which settles the next two
	refused bool          // another one is kept
	prior   *Link         // the connection that it replaces: gossip must hear of its end first
	left    chan struct{} // closed when gossip knows of the end
}

type outgoing struct {
	msgs  []lnwire.Message
	raw   [][]byte
	after func() // runs when the burst was handed to the connection
	size  int
	last  error // not nil: close after it, for this cause
}

// Stats of a connection.
type Stats struct {
	Received, Sent uint64
	PingTime       time.Duration
	Since          time.Time
	Inbound        bool
	Address        string
	Features       lnwire.FeatureVector
}

func newLink(conn Transport, local, remote lnwire.PubKey, inbound bool, features lnwire.FeatureVector) *Link {
	l := &Link{Remote: remote, Inbound: inbound, Features: features, Since: time.Now(), conn: conn,
		preferred: inbound == (bytes.Compare(remote[:], local[:]) < 0),
		out:       mailbox.New[outgoing](), cut: make(chan struct{}), taken: make(chan struct{}), left: make(chan struct{})}
	l.heard.Store(time.Now().UnixNano())
	return l
}

// run reads until the connection ends, handing each message to sink, which may block. It returns why it ended,
// when both goroutines are gone.
func (l *Link) run(sink func(lnwire.Message, int) error) error {
	var writer sync.WaitGroup
	writer.Go(l.write)
	err := l.read(sink)
	if bad := (wrong{}); errors.As(err, &bad) {
		l.Send([]lnwire.Message{&lnwire.Warning{Data: []byte(err.Error())}})
		l.finish(err)
		stop := time.AfterFunc(finishLimit, func() { l.Cut(err) })
		writer.Wait()
		stop.Stop()
	}
	l.Cut(err)
	writer.Wait()
	return l.cause
}

func (l *Link) read(sink func(lnwire.Message, int) error) error {
	var pings int
	var window time.Time
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(idleCut)); err != nil {
			return err
		}
		raw, err := l.conn.ReadMessage()
		if err != nil {
			return err
		}
		now := time.Now()
		l.heard.Store(now.UnixNano())
		l.in.Add(uint64(len(raw)))
		msg, err := lnwire.Unmarshal(raw)
		if err != nil {
			// BOLT 1: "upon receiving a message of _even_, unknown type: MUST close the connection."
			return wrong{fmt.Errorf("decode message: %w", err)}
		}
		switch m := msg.(type) {
		case *lnwire.Ping:
			if now.Sub(window) > PingWindow {
				pings, window = 0, now
			}
			if pings++; pings > MaxPings {
				return errPingFlood
			}
			// BOLT 1: "if num_pong_bytes is less than 65532: MUST respond by sending a pong".
			if m.NumPongBytes <= maxPongSize {
				l.Send([]lnwire.Message{&lnwire.Pong{Ignored: make([]byte, m.NumPongBytes)}})
			}
		case *lnwire.Pong:
			if sent := l.pingRTT.Load(); sent < 0 {
				l.pingRTT.Store(now.UnixNano() + sent)
			}
		case *lnwire.Unknown: // odd: it is ok to ignore it
		default:
			if err := sink(msg, len(raw)); err != nil {
				return err
			}
		}
	}
}

func (l *Link) write() {
	timer := time.NewTicker(idlePing / 2)
	defer timer.Stop()
	var burst []outgoing
	for {
		select {
		case <-l.out.Ready():
		case now := <-timer.C:
			if now.UnixNano()-l.heard.Load() > int64(idlePing) {
				l.pingRTT.Store(-now.UnixNano())
				l.Send([]lnwire.Message{&lnwire.Ping{NumPongBytes: 1}})
			}
			continue
		}
		var ok bool
		if burst, ok = l.out.Take(burst); !ok {
			return
		}
		if err := l.flush(burst); err != nil {
			l.Cut(err)
			return
		}
		clear(burst)
	}
}

// flush writes one burst in as few packets as it fits in.
func (l *Link) flush(burst []outgoing) error {
	for _, o := range burst {
		for _, m := range o.msgs {
			raw, err := lnwire.Marshal(m)
			if err != nil {
				panic(fmt.Sprintf("peer: our own message does not encode: %v", err))
			}
			o.raw = append(o.raw, raw)
		}
		for _, raw := range o.raw {
			if err := l.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
				return err
			}
			if err := l.conn.WriteMessage(raw); err != nil {
				return err
			}
			l.sent.Add(uint64(len(raw)))
		}
		l.queued.Add(-int64(o.size))
		if o.last != nil {
			if err := l.conn.Flush(); err != nil {
				return err
			}
			return o.last
		}
	}
	if err := l.conn.Flush(); err != nil {
		return err
	}
	for _, o := range burst {
		if o.after != nil {
			o.after()
		}
	}
	return nil
}

// Send queues messages for the writer; it never blocks. A peer that lets too much pile up loses the connection.
func (l *Link) Send(msgs []lnwire.Message) {
	if len(msgs) == 0 {
		return
	}
	l.put(outgoing{msgs: msgs, size: weightOf(msgs)})
}

// SendRaw queues encoded messages; after runs on the writer when they were handed to the connection.
func (l *Link) SendRaw(msgs [][]byte, after func()) {
	size := 0
	for _, m := range msgs {
		size += len(m)
	}
	l.put(outgoing{raw: msgs, after: after, size: size})
}

func (l *Link) put(o outgoing) {
	if l.queued.Add(int64(o.size)) > MaxQueuedOut {
		l.Cut(errSlowReader)
		return
	}
	l.out.Put(o)
}

// Warn tells the peer what is wrong, and hangs up where asked to. text is ours, and short.
func (l *Link) Warn(text string, hangUp bool) {
	l.Send([]lnwire.Message{&lnwire.Warning{Data: []byte(text)}})
	if hangUp {
		l.finish(errHungUp)
	}
}

// finish closes the connection once everything queued before was written.
func (l *Link) finish(cause error) { l.out.Put(outgoing{last: cause}) }

// Cut ends the connection now; the first cause counts. It does not wait.
func (l *Link) Cut(cause error) {
	l.once.Do(func() {
		l.cause = cause
		if err := l.conn.Close(); err != nil && cause == nil {
			l.cause = err
		}
		l.out.Close()
		close(l.cut)
	})
}

// ended tells that the connection was cut.
func (l *Link) ended() bool {
	select {
	case <-l.cut:
		return true
	default:
		return false
	}
}

// Stats of the connection so far.
func (l *Link) Stats() Stats {
	return Stats{Received: l.in.Load(), Sent: l.sent.Load(), PingTime: time.Duration(max(l.pingRTT.Load(), 0)),
		Since: l.Since, Inbound: l.Inbound, Address: l.conn.RemoteAddr().String(), Features: l.Features}
}

// weightOf estimates what messages take: exact sizes cost an encoding.
func weightOf(msgs []lnwire.Message) (n int) {
	const fixed = 256 // for all that has no large part
	for _, msg := range msgs {
		n += fixed
		switch m := msg.(type) {
		case *lnwire.UpdateAddHTLC:
			n += lnwire.OnionPacketSize
		case *lnwire.UpdateFailHTLC:
			n += len(m.Reason)
		case *lnwire.CommitmentSigned:
			n += len(m.HTLCSigs) * len(lnwire.Sig{})
		case *lnwire.Pong:
			n += len(m.Ignored)
		case *lnwire.Error:
			n += len(m.Data)
		case *lnwire.Warning:
			n += len(m.Data)
		}
	}
	return n
}
