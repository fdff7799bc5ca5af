package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/noise"
)

// Limits on connections of a node.
const (
	// MaxHandshakes is how many incoming connections may be in their handshakes at a time; more are closed at once.
	MaxHandshakes = 64
	// MaxStrangers is how many connected peers may be without a channel; who calls beyond it is turned away. Whom we call is not.
	MaxStrangers = 256
	// acceptPause follows a failure to accept, as when the process has no file descriptor left.
	acceptPause = 100 * time.Millisecond
)

var (
	errStrangers = errors.New("we have no room for another peer without a channel")
	// ErrSelf: a node does not connect to itself.
	ErrSelf = errors.New("cannot make connection to self")
)

// Network is all peers of a node: it listens, dials, keeps channel peers connected, and owns the loops.
type Network struct {
	key    *btcec.PrivateKey
	hello  Hello
	env    Env
	gossip Gossip
	log    *slog.Logger
	names  *names

	ctx    context.Context // of dials and listeners; ends with Stop
	cancel context.CancelFunc
	wg     sync.WaitGroup
	shakes chan struct{}

	mu        sync.Mutex
	peers     map[lnwire.PubKey]*entry
	keeps     map[lnwire.PubKey]*keep
	dials     map[lnwire.PubKey]chan struct{} // under way; closed when the turn is the next one's
	strangers int
	height    lnwire.Height
	stopped   bool
}

type entry struct {
	*Peer
	refs    int  // connections
	durable bool // it has, or had, channels: no stranger
}

// NewNetwork is a network that neither listens nor dials yet.
func NewNetwork(key *btcec.PrivateKey, h Hello, env Env, g Gossip) *Network {
	ctx, cancel := context.WithCancel(context.Background())
	return &Network{key: key, hello: h, env: env, gossip: g, log: env.Log, ctx: ctx, cancel: cancel, names: newNames(),
		shakes: make(chan struct{}, MaxHandshakes), peers: make(map[lnwire.PubKey]*entry), keeps: make(map[lnwire.PubKey]*keep),
		dials: make(map[lnwire.PubKey]chan struct{})}
}

// Make is a peer of this network for Restore; Restored then adds it.
func (n *Network) Make(id lnwire.PubKey) *Peer { return newPeer(id, n.env, n.names) }

// Restored adds a peer whose channels were loaded, and starts its loop.
func (n *Network) Restored(p *Peer, height lnwire.Height) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.height = height
	n.peers[p.ID] = &entry{Peer: p, durable: true}
	p.Run(height)
}

// Height tells all loops of a new tip.
func (n *Network) Height(height lnwire.Height) {
	n.mu.Lock()
	n.height = height
	n.mu.Unlock()
	for _, p := range n.Peers() {
		p.Block(height)
	}
}

// Peers lists all peers that have a loop, by key.
func (n *Network) Peers() []*Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]*Peer, 0, len(n.peers))
	for _, e := range n.peers {
		out = append(out, e.Peer)
	}
	slices.SortFunc(out, func(a, b *Peer) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// Peer finds the loop of id; nil where there is none.
func (n *Network) Peer(id lnwire.PubKey) *Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.peers[id]; e != nil {
		return e.Peer
	}
	return nil
}

// Durable marks a peer as one with channels: it is no stranger from now on. Its loop stays for as long as it has channels,
// whether or not it was marked.
func (n *Network) Durable(id lnwire.PubKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.peers[id]; e != nil && !e.durable {
		e.durable = true
		if e.refs > 0 {
			n.strangers--
		}
	}
}

// acquire finds or makes the loop of id for one connection.
func (n *Network) acquire(id lnwire.PubKey, inbound bool) (*Peer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, ErrStopped
	}
	e := n.peers[id]
	if e == nil {
		if inbound && n.strangers >= MaxStrangers {
			return nil, errStrangers
		}
		e = &entry{Peer: newPeer(id, n.env, n.names)}
		e.Run(n.height)
		n.peers[id] = e
	}
	if e.refs == 0 && !e.durable {
		n.strangers++
	}
	e.refs++
	return e.Peer, nil
}

// release ends what acquire began; a loop without channels goes with its last connection. The loop knows of the end by then:
// what was in its inbox is done, and without a connection no channel can be added.
func (n *Network) release(id lnwire.PubKey) {
	n.mu.Lock()
	e := n.peers[id]
	e.refs--
	idle := false
	if e.refs == 0 {
		if !e.durable {
			n.strangers--
		}
		e.durable = true
		if idle = e.holds.Load() == 0; idle {
			delete(n.peers, id)
		}
	}
	n.mu.Unlock()
	if idle {
		e.Stop()
	}
}

// Listen accepts connections at addr ("host:port") until Stop, and returns the address that it is bound to.
func (n *Network) Listen(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, errors.Join(ErrStopped, l.Close())
	}
	n.wg.Go(func() { n.accept(l) })
	return l.Addr(), nil
}

func (n *Network) accept(l net.Listener) {
	defer n.drop(l)
	stop := context.AfterFunc(n.ctx, func() { n.drop(l) })
	defer stop()
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			n.log.Warn("accept connection", "err", err)
			select {
			case <-n.ctx.Done():
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		select {
		case n.shakes <- struct{}{}:
			n.wg.Go(func() { n.greet(c) })
		default: // a flood of half-open connections costs us nothing but this
			n.drop(c)
		}
	}
}

// greet answers one incoming connection and serves it until it ends.
func (n *Network) greet(c net.Conn) {
	shaking := true
	done := func() {
		if shaking {
			shaking = false
			<-n.shakes
		}
	}
	defer done()
	cut := context.AfterFunc(n.ctx, func() { n.drop(c) })
	defer cut()
	conn, err := noise.Accept(c, n.key)
	if err != nil {
		n.log.Debug("handshake failed", "addr", c.RemoteAddr(), "err", err)
		return
	}
	l, err := Meet(conn, conn.Remote(), true, n.hello)
	done()
	if err != nil {
		n.log.Debug("connection refused", "addr", c.RemoteAddr(), "err", err)
		return
	}
	if err := n.serve(l, func() {}); err != nil {
		n.log.Debug("connection ended", "peer", l.Remote, "err", err)
	}
}

func (n *Network) drop(c io.Closer) {
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		n.log.Debug("close connection", "err", err)
	}
}

// serve gives l to its peer until it ends. settled is called once the peer has this connection, or keeps another.
func (n *Network) serve(l *Link, settled func()) error {
	p, err := n.acquire(l.Remote, l.Inbound)
	if err != nil {
		l.Cut(err)
		return err
	}
	defer n.release(l.Remote)
	cut := context.AfterFunc(n.ctx, func() { l.Cut(ErrStopped) })
	defer cut()
	n.log.Info("peer connected", "peer", l.Remote, "addr", l.conn.RemoteAddr(), "inbound", l.Inbound)
	err = p.attach(l, n.gossip, settled)
	n.log.Info("peer disconnected", "peer", l.Remote, "err", err)
	return err
}

// Disconnect cuts the connection to id, if there is one.
func (n *Network) Disconnect(id lnwire.PubKey) error {
	p := n.Peer(id)
	if p == nil {
		return ErrOffline
	}
	l := p.Link()
	if l == nil {
		return ErrOffline
	}
	l.Cut(errors.New("disconnected by the operator"))
	return nil
}

// Stop ends listeners, dials, connections and loops, and waits for all of them.
func (n *Network) Stop() {
	n.mu.Lock()
	n.stopped = true
	all := slices.Collect(maps.Values(n.peers))
	n.mu.Unlock()
	n.cancel()
	for _, e := range all {
		if l := e.Link(); l != nil {
			l.Cut(ErrStopped)
		}
	}
	n.wg.Wait()
	for _, e := range all {
		e.Stop()
	}
}
