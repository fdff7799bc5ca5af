package store

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Limits. A batch past MaxKeySize or MaxValueSize is a bug of the caller and panics in Commit.
const (
	// MaxQueuedBytes is how many bytes of keys and values may wait for the disk; Commit blocks past it.
	MaxQueuedBytes = 32 << 20
	// MaxKeySize is the longest key, in bytes; keys are not empty.
	MaxKeySize = 1 << 10
	// MaxValueSize is the longest value, in bytes.
	MaxValueSize = 16 << 20

	// DefaultLockTimeout is how long Open waits for another process to release the file.
	DefaultLockTimeout = time.Second
)

// ErrLocked: another process (or another DB of this one) has the file open.
var ErrLocked = errors.New("the database is in use by another process")

// ErrClosed: the store was closed before the call could complete.
var ErrClosed = errors.New("the database is closed")

// Put writes Value under Key; a nil Value deletes the key. The store owns both slices from Commit on.
type Put struct{ Key, Value []byte }

// Batch becomes durable as a whole or not at all. Of two puts of one key the later wins.
type Batch struct {
	Puts []Put
	// Done, if not nil, runs on the committer once the batch is durable, in queue order.
	// It must not block and must not call the store: it appends to mailboxes.
	Done func()
}

// Options of Open. The zero value is right for the ledger.
type Options struct {
	// NoSync leaves flushing to the operating system. For what can be rebuilt (graph.db): a crash of the
	// machine may cost the file. Such a file has no epoch and no side file.
	NoSync bool
	// NoFreelistSync writes less per commit; opening then scans the whole file once.
	NoFreelistSync bool
	// InitialMmapSize in bytes; a file that stays below it never makes writers wait for readers.
	InitialMmapSize int
	// LockTimeout is how long to wait for the lock; zero means DefaultLockTimeout.
	LockTimeout time.Duration
	// AcceptOlderCopy opens a file that ErrOlderCopy would refuse. Only for recovery: channels in such a
	// file must not broadcast.
	AcceptOlderCopy bool
	// OlderMark is written with an empty value together with the acceptance of an older copy: who must treat its
	// contents with care finds it at this Open and at all later ones, until it is deleted.
	OlderMark []byte
	// Faults, if not nil, breaks the disk. For tests.
	Faults Faults
}

// Faults is a disk that fails on demand, for the tests of whoever stands on the store.
type Faults interface {
	// BeforeCommit runs before a transaction is written; upon an error nothing is.
	BeforeCommit() error
	// AfterCommit runs when it is written; upon an error the committer takes the fsync for failed.
	AfterCommit() error
}

// Stats are counters since Open, but for Queued* which is the present.
type Stats struct {
	Commits       uint64 // transactions
	Batches       uint64 // batches made durable
	Puts          uint64 // puts written, after merging
	Retries       uint64 // transactions that failed and were repeated
	QueuedBatches int
	QueuedBytes   int
	LastCommit    time.Duration // of the latest transaction, fsync included
}

// DB is an open store.
type DB struct {
	bolt   *bbolt.DB
	fence  *fence // nil with NoSync
	epoch  uint64
	faults Faults

	closing chan struct{} // closed by Close
	stopped chan struct{} // closed by the committer when it returns

	mu     sync.Mutex
	wake   sync.Cond // the committer waits on it for work
	room   sync.Cond // Commit waits on it for space
	queue  []Batch   // waiting; what is being committed is no longer in it
	stats  Stats
	health error
	closed bool
	lost   int // batches that Close had to give up
}

// Open opens or creates the file at path, takes its lock and raises its epoch, in the file and in the side
// file `<path without extension>.epoch`. Errors: ErrLocked, *ErrOlderCopy, or what the disk said.
func Open(path string, o Options) (*DB, error) {
	if o.LockTimeout == 0 {
		o.LockTimeout = DefaultLockTimeout
	}
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	fresh := err != nil
	if fresh && !o.NoSync && !o.AcceptOlderCopy {
		// Before bbolt creates an empty file: a ledger that is gone is the oldest copy of all.
		if err := checkNoSideFile(path); err != nil {
			return nil, err
		}
	}
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         o.LockTimeout,
		NoSync:          o.NoSync,
		NoFreelistSync:  o.NoFreelistSync,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: o.InitialMmapSize,
	})
	if err != nil {
		return nil, openError(path, err)
	}
	db := &DB{bolt: b, faults: o.Faults, closing: make(chan struct{}), stopped: make(chan struct{})}
	db.wake.L, db.room.L = &db.mu, &db.mu
	if err := db.prepare(path, o, fresh); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	go db.run()
	return db, nil
}

func openError(path string, err error) error {
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("open %s: %w", path, ErrLocked)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

// prepare makes the buckets and raises the epoch.
func (db *DB) prepare(path string, o Options, fresh bool) error {
	if fresh && !o.NoSync {
		if err := syncDir(path); err != nil {
			return err
		}
	}
	if o.NoSync {
		return db.bolt.Update(createBuckets)
	}
	f, epoch, err := raise(db.bolt, path, &o)
	if err != nil {
		return err
	}
	db.fence, db.epoch = f, epoch
	return nil
}

// Commit queues b and returns before it is durable. It blocks only while more than MaxQueuedBytes wait.
// Calling it after Close is a bug and panics.
func (db *DB) Commit(b Batch) {
	size := b.size()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		panic("store: Commit after Close")
	}
	// A batch that is larger than the whole queue gets in when it is alone.
	for db.stats.QueuedBytes > 0 && db.stats.QueuedBytes+size > MaxQueuedBytes {
		db.room.Wait()
		if db.closed {
			db.lost++
			return
		}
	}
	db.queue = append(db.queue, b)
	db.stats.QueuedBytes += size
	db.stats.QueuedBatches++
	db.wake.Signal()
}

// size of the batch in bytes; it panics where a put breaks a limit, since bbolt would refuse it for ever.
func (b *Batch) size() int {
	n := 0
	for i := range b.Puts {
		p := &b.Puts[i]
		if len(p.Key) == 0 || len(p.Key) > MaxKeySize || len(p.Value) > MaxValueSize {
			panic(fmt.Sprintf("store: put of %d bytes under a key of %d bytes", len(p.Value), len(p.Key)))
		}
		n += len(p.Key) + len(p.Value)
	}
	return n
}

// Sync returns when everything queued before it is durable, or with ErrClosed when Close came first.
func (db *DB) Sync() error {
	done := make(chan struct{})
	db.Commit(Batch{Done: func() { close(done) }})
	select {
	case <-done:
		return nil
	case <-db.stopped:
	}
	select {
	case <-done:
		return nil
	default:
		return ErrClosed
	}
}

// Epoch is raised and made durable by each Open, so that no two runs on one ledger share it. 0 with NoSync.
func (db *DB) Epoch() uint64 { return db.epoch }

// Health is the disk error that holds the queue back, nil when well. While it is not nil nothing becomes
// durable, and what was queued is kept and tried again.
func (db *DB) Health() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.health
}

// Stats returns a copy of the counters.
func (db *DB) Stats() Stats {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.stats
}

// Close makes what is queued durable and releases the file. If the disk fails still, it tries once more and
// then gives the waiting batches up, whose Done never runs, and says so.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return ErrClosed
	}
	db.closed = true
	close(db.closing)
	db.wake.Broadcast()
	db.room.Broadcast()
	db.mu.Unlock()
	<-db.stopped

	var errs []error
	if db.lost > 0 {
		errs = append(errs, fmt.Errorf("%d batches are not durable: %w", db.lost, db.health))
	}
	if db.fence != nil {
		errs = append(errs, db.fence.close())
	}
	errs = append(errs, db.bolt.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
