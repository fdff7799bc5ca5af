package regtest

import (
	"context"
	"errors"
	"time"
)

// TB is the part of testing.TB that ForTest needs.
type TB interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// ForTest runs a chain for the time of a test. It skips the test, and says why, only where no daemon can be had.
func ForTest(t TB, kind Kind, options ...Option) *Chain {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // btcd may have to be built
	defer cancel()
	c, err := Start(ctx, t.TempDir(), kind, options...)
	if errors.Is(err, ErrNoDaemon) {
		t.Skipf("no chain to run on: %v", err)
	}
	if err != nil {
		t.Fatalf("start a chain: %v", err)
	}
	t.Logf("runs on %v", c)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Logf("stop the chain: %v", err)
		}
	})
	return c
}
