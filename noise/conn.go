package noise

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
)

const (
	// MaxMessage is the largest message: BOLT 8, "The maximum size of any Lightning message MUST NOT exceed 65535
	// bytes."
	MaxMessage = 65535
	// MaxPending bounds what WriteMessage holds back: beyond it, messages go out without waiting for Flush.
	MaxPending = 1 << 20
	// HandshakeTimeout bounds a handshake, beside the context.
	HandshakeTimeout = 15 * time.Second

	headerSize = 2 + tagSize
	readBuffer = 16 << 10
)

// ErrTooLarge: a message to be sent exceeds MaxMessage. The connection stays good.
var ErrTooLarge = errors.New("message exceeds 65535 bytes")

// Conn carries messages between two nodes that know each other. One goroutine may read while another writes; each
// direction is for one goroutine at a time. An error other than ErrTooLarge ends its direction for good.
type Conn struct {
	conn   net.Conn
	remote [33]byte

	in      *bufio.Reader
	receive direction
	header  [headerSize]byte
	body    []byte
	readErr error

	send     direction
	length   [2]byte
	pending  []byte
	writeErr error
}

// Dial calls the node remote at addr ("host:port") over TCP. ctx and HandshakeTimeout bound the handshake; once Dial
// has returned, ctx means nothing to the connection.
func Dial(ctx context.Context, local *btcec.PrivateKey, remote [33]byte, addr string) (*Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, conn, local, remote)
}

// Connect is Dial over a connection that exists, such as one through Tor. After an error conn is closed.
func Connect(ctx context.Context, conn net.Conn, local *btcec.PrivateKey, remote [33]byte) (*Conn, error) {
	ephemeral, err := btcec.NewPrivateKey()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return handshake(ctx, conn, func() ([33]byte, Keys, error) {
		i, actOne, err := Initiate(local, ephemeral, remote)
		if err != nil {
			return remote, Keys{}, err
		}
		if _, err := conn.Write(actOne[:]); err != nil {
			return remote, Keys{}, err
		}
		var actTwo [ActTwoSize]byte
		if _, err := io.ReadFull(conn, actTwo[:]); err != nil {
			return remote, Keys{}, fmt.Errorf("act two: %w", err)
		}
		actThree, keys, err := i.Finish(actTwo[:])
		if err != nil {
			return remote, Keys{}, err
		}
		_, err = conn.Write(actThree[:])
		return remote, keys, err
	})
}

// Accept answers a call. It takes HandshakeTimeout at most, and less where conn is closed meanwhile. After an error
// conn is closed.
func Accept(conn net.Conn, local *btcec.PrivateKey) (*Conn, error) {
	ephemeral, err := btcec.NewPrivateKey()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return handshake(context.Background(), conn, func() (remote [33]byte, keys Keys, err error) {
		var actOne [ActOneSize]byte
		if _, err := io.ReadFull(conn, actOne[:]); err != nil {
			return remote, keys, fmt.Errorf("act one: %w", err)
		}
		r, actTwo, err := Respond(local, ephemeral, actOne[:])
		if err != nil {
			return remote, keys, err
		}
		if _, err := conn.Write(actTwo[:]); err != nil {
			return remote, keys, err
		}
		var actThree [ActThreeSize]byte
		if _, err := io.ReadFull(conn, actThree[:]); err != nil {
			return remote, keys, fmt.Errorf("act three: %w", err)
		}
		return r.Finish(actThree[:])
	})
}

// handshake runs acts within the time allowed and clears the deadline after them. The acts read no byte more than
// they are long, so nothing of the first message is lost.
func handshake(ctx context.Context, conn net.Conn, acts func() ([33]byte, Keys, error)) (*Conn, error) {
	fail := func(err error) (*Conn, error) {
		return nil, errors.Join(fmt.Errorf("handshake: %w", err), conn.Close())
	}
	if err := conn.SetDeadline(time.Now().Add(HandshakeTimeout)); err != nil {
		return fail(err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // ends the read or write that the acts wait in
	remote, keys, err := acts()
	if !stop() {
		return nil, fmt.Errorf("handshake: %w", ctx.Err())
	}
	if err != nil {
		return fail(err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fail(err)
	}
	return newConn(conn, remote, keys), nil
}

func newConn(conn net.Conn, remote [33]byte, k Keys) *Conn {
	return &Conn{
		conn: conn, remote: remote,
		in:      bufio.NewReaderSize(conn, readBuffer),
		receive: newDirection(k.Receive, k.Chaining),
		send:    newDirection(k.Send, k.Chaining),
	}
}

// Remote is the id of the node at the other end, which the handshake has proved.
func (c *Conn) Remote() [33]byte { return c.remote }

// ReadMessage waits for the next message. The slice is good until the next call. io.EOF means that the other side
// closed between two messages.
func (c *Conn) ReadMessage() ([]byte, error) {
	if c.readErr != nil {
		return nil, c.readErr
	}
	m, err := c.read()
	c.readErr = err
	return m, err
}

func (c *Conn) read() ([]byte, error) {
	if _, err := io.ReadFull(c.in, c.header[:]); err != nil {
		return nil, err
	}
	length, err := c.receive.open(c.header[:])
	if err != nil {
		return nil, fmt.Errorf("message length: %w", err)
	}
	size := int(binary.BigEndian.Uint16(length)) + tagSize
	if cap(c.body) < size {
		c.body = make([]byte, size)
	}
	c.body = c.body[:size]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return c.receive.open(c.body)
}

// WriteMessage encrypts m behind the messages that wait for Flush. It keeps no reference to m. It writes by itself
// only where more than MaxPending bytes wait.
func (c *Conn) WriteMessage(m []byte) error {
	if len(m) > MaxMessage {
		return ErrTooLarge
	}
	if c.writeErr != nil {
		return c.writeErr
	}
	binary.BigEndian.PutUint16(c.length[:], uint16(len(m)))
	c.pending = c.send.seal(c.pending, c.length[:])
	c.pending = c.send.seal(c.pending, m)
	if len(c.pending) > MaxPending {
		return c.Flush()
	}
	return nil
}

// Flush sends all messages that wait, in one write.
func (c *Conn) Flush() error {
	if c.writeErr != nil || len(c.pending) == 0 {
		return c.writeErr
	}
	_, c.writeErr = c.conn.Write(c.pending)
	c.pending = c.pending[:0]
	if cap(c.pending) > 2*MaxMessage {
		c.pending = nil // a burst does not hold its memory for ever
	}
	return c.writeErr
}

// Close ends both directions; what waits for Flush is lost. Reads and writes under way return with an error.
func (c *Conn) Close() error { return c.conn.Close() }

// SetReadDeadline and SetWriteDeadline are those of net.Conn. A direction whose deadline passes within a message is
// at its end.
func (c *Conn) SetReadDeadline(t time.Time) error  { return c.conn.SetReadDeadline(t) }
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.conn.SetWriteDeadline(t) }

// RemoteAddr and LocalAddr are those of the connection below.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }
func (c *Conn) LocalAddr() net.Addr  { return c.conn.LocalAddr() }
