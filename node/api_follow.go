package node

import (
	"slices"
	"sync"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
)

// followers brings news of payments to whoever follows each: one look-up per notice, however many payments there are.
type followers struct {
	mu     sync.Mutex
	byHash map[lnwire.Hash][]*follower
}

func newFollowers() *followers { return &followers{byHash: make(map[lnwire.Hash][]*follower)} }

// follow brings news of a payment to w until stop.
func (f *followers) follow(hash lnwire.Hash, w *follower) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byHash[hash] = append(f.byHash[hash], w)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		rest := slices.DeleteFunc(slices.Clone(f.byHash[hash]), func(x *follower) bool { return x == w })
		if len(rest) == 0 {
			delete(f.byHash, hash)
		} else {
			f.byHash[hash] = rest
		}
	}
}

// Send is called in the order of the commits.
func (f *followers) Send(n paymentNews) {
	f.mu.Lock()
	who := f.byHash[n.Hash] // replaced, not changed, by stop
	f.mu.Unlock()
	for _, w := range who {
		w.take(n)
	}
}

// follower shows one payment: it keeps the parts that notices bring and sends the whole at every change.
type follower struct {
	sink rpc.Sink[rpc.Payment]

	mu       sync.Mutex
	seeded   bool // the past is known, or there is none
	early    []paymentNews
	payment  *htlc.Payment
	attempts []*htlc.Attempt // in order of their ids
}

// maxEarlyNews bounds what comes while the past is read: all that can happen to a payment.
const maxEarlyNews = 2*htlc.MaxAttempts + 3

func (w *follower) take(n paymentNews) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.seeded:
		w.apply(n)
	case len(w.early) < maxEarlyNews:
		w.early = append(w.early, n)
	}
}

// seed gives the state that the ledger holds. Early news may be older than it.
func (w *follower) seed(p *htlc.Payment, attempts []*htlc.Attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seeded, w.payment, w.attempts = true, p, attempts
	w.sink.Send(newPayment(w.payment, w.attempts))
	for _, n := range w.early {
		w.apply(n)
	}
	w.early = nil
}

// apply shows n where it is new: nothing that has ended is in flight again.
func (w *follower) apply(n paymentNews) {
	switch {
	case w.payment != nil && w.payment.Status != htlc.InFlight:
		return
	case n.Payment != nil:
		if w.payment != nil && n.Payment.Status == htlc.InFlight {
			return
		}
		w.payment = n.Payment
	case w.payment == nil || !w.merge(n.Attempt):
		return
	}
	w.sink.Send(newPayment(w.payment, w.attempts))
}

func (w *follower) merge(a *htlc.Attempt) (changed bool) {
	for i := len(w.attempts) - 1; i >= 0; i-- {
		if w.attempts[i].ID == a.ID {
			changed = w.attempts[i].Status == htlc.InFlight && a.Status != htlc.InFlight
			if changed {
				w.attempts[i] = a
			}
			return changed
		}
	}
	w.attempts = append(w.attempts, a)
	return true
}
