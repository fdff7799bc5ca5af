package rpc

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
)

// streams is what all streams of a Server share: they end when it stops, and it waits for their writers.
type streams struct {
	log     *slog.Logger
	quit    chan struct{}
	writers sync.WaitGroup
}

func newStreams(l *slog.Logger) *streams { return &streams{log: l, quit: make(chan struct{})} }

// forward writes what comes into q to a stream until write is done or fails, q is closed, the client leaves or the
// server stops. Writing blocks while the client does not read, so it happens beside: when q overflows, forward returns
// at once, which ends the stream and with it the blocked write.
func forward[T any](s *streams, ctx context.Context, q *queue[T], write func(T) (done bool, err error)) error {
	return s.run(ctx, q.overflow, func() error { return q.each(ctx, write) })
}

// run runs body beside and returns with it, or before it when too much waits for it or the server stops; body then
// ends soon, as the stream that it writes to is closed.
func (s *streams) run(ctx context.Context, overflow <-chan struct{}, body func() error) error {
	done := make(chan error, 1)
	s.writers.Add(1)
	go func() {
		defer s.writers.Done()
		var err error
		defer func() { done <- err }()
		defer recovered(s.log, "stream", &err)
		err = body()
	}()
	select {
	case err := <-done:
		return err
	case <-overflow:
		return errSlowReader
	case <-s.quit:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recovered keeps one broken call from ending the node: deferred, it makes a panic an error of the call.
func recovered(l *slog.Logger, method string, err *error) {
	if p := recover(); p != nil {
		l.Error("RPC handler panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
		*err = errInternal
	}
}

// close ends all streams. wait returns when their writers have ended, which takes the end of their connections.
func (s *streams) close() { close(s.quit) }
func (s *streams) wait()  { s.writers.Wait() }
