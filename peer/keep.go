package peer

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Back-off between attempts to reach a peer that we want to be connected to.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 5 * time.Minute
	steady     = time.Minute // a connection that lasted this long resets the back-off
)

// keep is a peer that is to stay connected.
type keep struct {
	addrs  []string
	poke   chan struct{} // try now
	cancel context.CancelFunc
}

// Keep dials id at one of addrs after the other, now and whenever it is not connected, with growing pauses and jitter.
// Called again it replaces the addresses and tries at once.
func (n *Network) Keep(id lnwire.PubKey, addrs []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped || id == n.hello.Local {
		return
	}
	if k := n.keeps[id]; k != nil {
		k.addrs = slices.Clone(addrs)
		k.wake()
		return
	}
	ctx, cancel := context.WithCancel(n.ctx)
	k := &keep{addrs: slices.Clone(addrs), poke: make(chan struct{}, 1), cancel: cancel}
	n.keeps[id] = k
	n.wg.Go(func() { n.keep(ctx, id, k) })
}

// Release stops what Keep began; a connection that stands is left alone.
func (n *Network) Release(id lnwire.PubKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := n.keeps[id]; k != nil {
		k.cancel()
		delete(n.keeps, id)
	}
}

func (k *keep) wake() {
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

func (n *Network) keep(ctx context.Context, id lnwire.PubKey, k *keep) {
	pause := time.Duration(0)
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-k.poke:
			pause = 0
		case <-time.After(jitter(pause)):
		}
		n.mu.Lock()
		addrs := k.addrs
		n.mu.Unlock()
		if p := n.Peer(id); len(addrs) == 0 || p != nil && p.Link() != nil {
			pause = max(pause, firstRetry*4)
			continue
		}
		began := time.Now()
		err := n.dial(ctx, id, addrs[i%len(addrs)], nil)
		n.log.Debug("kept peer is away", "peer", id, "addr", addrs[i%len(addrs)], "err", err)
		if time.Since(began) > steady {
			pause = 0
		}
		pause = min(max(2*pause, firstRetry), lastRetry)
	}
}

// jitter spreads retries, so that a node's peers do not all come back in the same instant.
func jitter(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return d/2 + rand.N(d)
}
