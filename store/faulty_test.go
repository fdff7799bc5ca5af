package store_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/store"
)

var errDiskFull = errors.New("no space left on device")

// faulty is a disk under the test's control: it can fail before or after the write, and stop at the gate.
type faulty struct {
	mu            sync.Mutex
	before, after int           // attempts that are still to fail
	gate          chan struct{} // if not nil, every attempt takes a token first
	arrived       chan struct{} // and says here that it waits
	failed        chan struct{} // told of every failure, unless nobody listens
	onCommit      func()        // runs when a transaction is written, before Done
}

func (f *faulty) BeforeCommit() error {
	if f.gate != nil {
		f.arrived <- struct{}{}
		<-f.gate
	}
	return f.fail(&f.before)
}

func (f *faulty) AfterCommit() error {
	if err := f.fail(&f.after); err != nil {
		return err
	}
	if f.onCommit != nil {
		f.onCommit()
	}
	return nil
}

func (f *faulty) fail(left *int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *left == 0 {
		return nil
	}
	*left--
	select {
	case f.failed <- struct{}{}:
	default:
	}
	return errDiskFull
}

func (f *faulty) set(left *int, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*left = n
}

// gated returns a disk whose attempts wait for tokens.
func gated() *faulty {
	return &faulty{gate: make(chan struct{}), arrived: make(chan struct{}, 1), failed: make(chan struct{}, 64)}
}

func open(t testing.TB, path string, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := db.Close(); !errors.Is(err, store.ErrClosed) {
			require.NoError(t, err)
		}
	})
	return db
}

func ledger(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.db") }

func put(key, value string) store.Put { return store.Put{Key: []byte(key), Value: []byte(value)} }

func load(t testing.TB, db *store.DB, key string) string {
	t.Helper()
	v, err := db.Load([]byte(key))
	require.NoError(t, err)
	if v == nil {
		return "<none>"
	}
	return string(v)
}
