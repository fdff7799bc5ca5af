package node

import "sync"

// sink takes news without blocking; rpc.Sink is one.
type sink[T any] interface{ Send(T) }

// hub passes news on to whoever subscribed.
type hub[T any] struct {
	mu   sync.Mutex
	next int
	subs map[int]sink[T]
}

// subscribe adds s; stop removes it.
func (h *hub[T]) subscribe(s sink[T]) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = make(map[int]sink[T])
	}
	id := h.next
	h.next++
	h.subs[id] = s
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, id)
	}
}

// publish sends v to all, each in the order of the calls.
func (h *hub[T]) publish(v T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.subs {
		s.Send(v)
	}
}

// sinkFunc is a sink of one function.
type sinkFunc[T any] func(T)

func (f sinkFunc[T]) Send(v T) { f(v) }
