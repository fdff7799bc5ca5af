package peer

import (
	"context"
	"fmt"
	"sync"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/noise"
)

// Connect dials id at addr and returns when the connection is up. Where there is one already it does nothing.
func (n *Network) Connect(ctx context.Context, id lnwire.PubKey, addr string) error {
	if id == n.hello.Local {
		return ErrSelf
	}
	ended, up := make(chan error, 1), make(chan struct{})
	n.mu.Lock()
	if n.stopped {
		n.mu.Unlock()
		return ErrStopped
	}
	n.wg.Go(func() { ended <- n.dial(ctx, id, addr, up) })
	n.mu.Unlock()
	select {
	case <-up:
		return nil
	case err := <-ended:
		select {
		case <-up: // and down again, or another connection is kept
			return nil
		default:
			return err
		}
	}
}

// dial serves one outgoing connection until it ends; up is closed once the peer has it. Where the peer is connected already,
// dial returns at once, without an error.
func (n *Network) dial(ctx context.Context, id lnwire.PubKey, addr string, up chan<- struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(n.ctx, cancel)
	defer stop()
	leave, err := n.turn(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	if n.connected(id) {
		return nil
	}
	conn, err := noise.Dial(ctx, n.key, id, addr)
	if err != nil {
		return fmt.Errorf("dial %s: %w", addr, err)
	}
	// Until both init messages are there, the end of ctx ends the connection; later ctx means nothing to it.
	whole := context.AfterFunc(ctx, func() { n.drop(conn) })
	l, err := Meet(conn, id, false, n.hello)
	if !whole() && err == nil {
		err = ctx.Err()
		l.Cut(err)
	}
	if err != nil {
		return err
	}
	return n.serve(l, sync.OnceFunc(func() {
		close(up)
		leave()
	}))
}

// turn waits until no other call to id is under way. Of two connections that we dialed ourselves each side would keep the one
// that it saw last, which need not be the same: so there is one call at a time.
func (n *Network) turn(ctx context.Context, id lnwire.PubKey) (leave func(), err error) {
	mine := make(chan struct{})
	for {
		n.mu.Lock()
		other := n.dials[id]
		if other == nil {
			n.dials[id] = mine
		}
		n.mu.Unlock()
		if other == nil {
			return sync.OnceFunc(func() {
				n.mu.Lock()
				delete(n.dials, id)
				n.mu.Unlock()
				close(mine)
			}), nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// connected tells whether id has a connection that stands.
func (n *Network) connected(id lnwire.PubKey) bool {
	p := n.Peer(id)
	if p == nil {
		return false
	}
	l := p.Link()
	return l != nil && !l.ended()
}
