package wallet

import (
	"context"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// maxUnread is how many transactions a subscriber may leave unread; one that lags further is cut off.
const maxUnread = 10_000

// hub tells subscribers of transactions, and waiters that the wallet has moved along the chain.
type hub struct {
	mu     sync.Mutex
	step   chan struct{} // closed at the next move
	subs   map[*subscription]struct{}
	closed bool
}

// moved returns a channel that is closed when the wallet next moves.
func (h *hub) moved() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.step == nil {
		h.step = make(chan struct{})
	}
	return h.step
}

func (h *hub) move() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.step != nil {
		close(h.step)
		h.step = nil
	}
}

func (h *hub) tell(tx Tx) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		select {
		case s.in <- tx:
		default:
			delete(h.subs, s)
			close(s.in)
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		delete(h.subs, s)
		close(s.in)
	}
}

type subscription struct{ in chan Tx }

// Subscribe sends every new or newly confirmed transaction. The channel is closed when ctx or the wallet ends, or when
// more than 10,000 are left unread.
func (w *Wallet) Subscribe(ctx context.Context) <-chan Tx {
	h, s := &w.hub, &subscription{in: make(chan Tx, maxUnread)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.in)
		return s.in
	}
	if h.subs == nil {
		h.subs = map[*subscription]struct{}{}
	}
	h.subs[s] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.subs[s]; ok {
			delete(h.subs, s)
			close(s.in)
		}
	})
	return s.in
}

// announce tells subscribers of a transaction that is stored.
func (w *Wallet) announce(hash chainhash.Hash) {
	tx, err := w.Transaction(hash)
	if err != nil {
		w.log.Warn("transaction is not announced", "tx", hash, "err", err)
		return
	}
	w.hub.tell(tx)
}
