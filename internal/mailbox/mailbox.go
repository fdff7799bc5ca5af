// Package mailbox is how loops speak to each other: Put never blocks, one owner takes everything that waits.
//
// The committer and other loops post from places where waiting would be a deadlock, so a Box has no bound of its own.
// What strangers can fill is bounded where it enters: a connection's reader asks Room before it reads on.
package mailbox

import "sync"

// Box is a queue with many writers and one reader. The zero value is not ready: use New.
type Box[T any] struct {
	mu     sync.Mutex
	items  []T
	weight int
	closed bool
	ready  chan struct{} // holds a token while items wait
	space  *sync.Cond
}

// New returns an empty Box.
func New[T any]() *Box[T] {
	b := &Box[T]{ready: make(chan struct{}, 1)}
	b.space = sync.NewCond(&b.mu)
	return b
}

// Put appends v; after Close it is dropped and Put says false.
func (b *Box[T]) Put(v T) bool { return b.put(v, 0) }

// PutWeighed appends v once less than limit waits in the box by weight: the back-pressure on those who may be made to
// wait. False: the box is closed.
func (b *Box[T]) PutWeighed(v T, weight, limit int) bool {
	b.mu.Lock()
	for b.weight >= limit && !b.closed {
		b.space.Wait()
	}
	b.mu.Unlock()
	return b.put(v, weight)
}

func (b *Box[T]) put(v T, weight int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.items = append(b.items, v)
	b.weight += weight
	select {
	case b.ready <- struct{}{}:
	default:
	}
	return true
}

// Ready yields when something waits, and for ever after Close.
func (b *Box[T]) Ready() <-chan struct{} { return b.ready }

// Take empties the box into its answer, oldest first; into is reused. ok is false when the box is closed and empty.
func (b *Box[T]) Take(into []T) (items []T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	items, b.items = b.items, into[:0]
	b.weight = 0
	b.space.Broadcast()
	return items, len(items) > 0 || !b.closed
}

// Len says how many wait.
func (b *Box[T]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.items)
}

// Close lets the owner drain what is left and drops what comes after.
func (b *Box[T]) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	b.space.Broadcast()
	close(b.ready)
}

// Work has n goroutines take items one by one and call fn, until the box is closed and empty. wg waits for all of them.
func (b *Box[T]) Work(wg *sync.WaitGroup, n int, fn func(T)) {
	work := make(chan T)
	wg.Go(func() {
		defer close(work)
		var batch []T
		for {
			<-b.ready
			var ok bool
			if batch, ok = b.Take(batch); !ok {
				return
			}
			for _, v := range batch {
				work <- v
			}
		}
	})
	for range n {
		wg.Go(func() {
			for v := range work {
				fn(v)
			}
		})
	}
}
