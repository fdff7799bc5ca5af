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
	look       = 2 * time.Second // how often we see whether a connection that we did not dial still stands
	steady     = time.Minute     // a connection that lasted this long resets the back-off
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
	pause, tries := time.Duration(0), 0
	for {
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
		if len(addrs) == 0 {
			pause = lastRetry
			continue
		}
		if n.connected(id) { // it called, or the operator did
			pause = look
			continue
		}
		addr := addrs[tries%len(addrs)]
		tries++
		began := time.Now()
		err := n.dial(ctx, id, addr, make(chan struct{}))
		n.log.Debug("kept peer is away", "peer", id, "addr", addr, "err", err)
		if time.Since(began) > steady {
			pause, tries = 0, tries-1 // this address is a good one
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
