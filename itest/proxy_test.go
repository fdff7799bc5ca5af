package itest

import (
	"math"
	"net"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// proxy carries TCP connections to a node, and cuts them as it is told.
type proxy struct {
	net.Listener
	to   string
	wg   sync.WaitGroup
	cuts atomic.Int64 // connections cut so far

	mu     sync.Mutex
	budget func() int64 // bytes, of both directions together, that the next connection carries
	conns  map[net.Conn]struct{}
	closed bool
}

// forever is the budget of a connection that is not cut.
const forever = math.MaxInt64

// proxy to a node, ended with the scenario.
func (n *network) proxy(to string) *proxy {
	n.t.Helper()
	node, err := n.Node(to)
	require.NoError(n.t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(n.t, err)
	p := &proxy{Listener: l, to: node.Peer, conns: make(map[net.Conn]struct{})}
	p.limit(func() int64 { return forever })
	p.wg.Go(p.serve)
	n.t.Cleanup(p.stop)
	return p
}

// limit sets what coming connections carry.
func (p *proxy) limit(budget func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = budget
}

func (p *proxy) serve() {
	for {
		in, err := p.Accept()
		if err != nil {
			return // stopped
		}
		p.wg.Go(func() { p.carry(in) })
	}
}

// hold notes connections so that stop can end them; false once it has.
func (p *proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close() // it may be closed already
}

func (p *proxy) carry(in net.Conn) {
	defer p.drop(in)
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		return // the node is down, as the caller will see
	}
	defer p.drop(out)
	if !p.hold(in) || !p.hold(out) {
		return
	}
	p.mu.Lock()
	var left atomic.Int64
	left.Store(p.budget())
	p.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { p.pump(in, out, &left) })
	wg.Go(func() { p.pump(out, in, &left) })
	wg.Wait()
}

// pump copies one direction; what exceeds the budget is lost with the connection, in the midst of a message.
func (p *proxy) pump(from, to net.Conn, left *atomic.Int64) {
	defer p.drop(from)
	defer p.drop(to)
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		over := -left.Add(-int64(n))
		if _, werr := to.Write(buf[:n-int(min(max(over, 0), int64(n)))]); werr != nil || err != nil {
			return
		}
		if over >= 0 {
			p.cuts.Add(1)
			return
		}
	}
}

func (p *proxy) stop() {
	p.Close() // a listener that is closed once
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// dial connects from's node to the proxy's; a connection that stands or is cut is no failure.
func (n *network) dial(from, to string, p *proxy) error {
	key, err := n.Key(n.ctx, to)
	if err != nil {
		return err
	}
	_, err = n.client(from).Lightning.ConnectPeer(n.ctx, &lnrpc.ConnectPeerRequest{
		Addr: &lnrpc.LightningAddress{Pubkey: key, Host: p.Addr().String()}, Timeout: 5,
	})
	return err
}

// hangUp ends the connection, if there is one.
func (n *network) hangUp(from, to string) error {
	key, err := n.Key(n.ctx, to)
	if err != nil {
		return err
	}
	_, err = n.client(from).Lightning.DisconnectPeer(n.ctx, &lnrpc.DisconnectPeerRequest{PubKey: key})
	return err
}

// linked says whether from's node has a connection to the other.
func (n *network) linked(from, to string) bool {
	n.t.Helper()
	key, err := n.Key(n.ctx, to)
	require.NoError(n.t, err)
	list, err := n.client(from).Lightning.ListPeers(n.ctx, &lnrpc.ListPeersRequest{})
	require.NoError(n.t, err)
	for _, p := range list.Peers {
		if p.PubKey == key {
			return true
		}
	}
	return false
}
