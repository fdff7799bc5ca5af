package rpc

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// MaxQueued is how many updates wait for the reader of one stream; with one more the stream is ended.
const MaxQueued = 8192

var errSlowReader = status.Errorf(codes.ResourceExhausted,
	"stream closed: more than %d updates are waiting to be read; subscribe again and read faster", MaxQueued)

// queue is the Sink behind one stream: any number of senders, one reader.
type queue[T any] struct {
	wake     chan struct{} // holds one token while there is something to see
	overflow chan struct{} // closed when the reader was too slow

	mu     sync.Mutex
	items  []T
	closed bool
	err    error
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{wake: make(chan struct{}, 1), overflow: make(chan struct{})}
}

// Send implements Sink.
func (q *queue[T]) Send(v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if len(q.items) == MaxQueued {
		q.closed, q.err, q.items = true, errSlowReader, nil
		close(q.overflow)
	} else {
		q.items = append(q.items, v)
	}
	q.signal()
}

// Close implements Sink. What was sent before it is still read.
func (q *queue[T]) Close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed, q.err = true, err
		q.signal()
	}
}

func (q *queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // the reader has not come for the last one
	}
}

// take returns all that waits, and once there is nothing left whether the queue was closed and why.
func (q *queue[T]) take() (items []T, closed bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, q.items = q.items, nil
	return items, q.closed, q.err
}

// each hands every update to fn until fn is done or fails, the queue is closed, or ctx ends.
func (q *queue[T]) each(ctx context.Context, fn func(T) (done bool, err error)) error {
	for {
		items, closed, err := q.take()
		for _, v := range items {
			if done, err := fn(v); done || err != nil {
				return err
			}
		}
		if closed {
			return err
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
