package store

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Pauses between attempts at a transaction that the disk refuses: doubled from the first to the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

var (
	dataBucket = []byte("data")
	metaBucket = []byte("meta")
)

func createBuckets(tx *bbolt.Tx) error {
	for _, name := range [][]byte{dataBucket, metaBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return nil
}

// run is the committer.
func (db *DB) run() {
	defer close(db.stopped)
	for {
		batches := db.take()
		if batches == nil {
			return
		}
		puts := merge(batches)
		start := time.Now()
		if !db.persist(puts) {
			db.giveUp(batches)
			return
		}
		db.release(batches, len(puts), time.Since(start))
		for i := range batches {
			if batches[i].Done != nil {
				batches[i].Done()
			}
		}
	}
}

// take waits for work and takes all of it; nil when the store is closed and nothing waits.
func (db *DB) take() []Batch {
	db.mu.Lock()
	defer db.mu.Unlock()
	for len(db.queue) == 0 {
		if db.closed {
			return nil
		}
		db.wake.Wait()
	}
	batches := db.queue
	db.queue = nil
	return batches
}

// release makes room for others.
func (db *DB) release(batches []Batch, puts int, took time.Duration) {
	size := 0
	for i := range batches {
		size += batches[i].size()
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.stats.QueuedBytes -= size
	db.stats.QueuedBatches -= len(batches)
	db.stats.Batches += uint64(len(batches))
	db.stats.Puts += uint64(puts)
	db.stats.Commits++
	db.stats.LastCommit = took
	db.room.Broadcast()
}

// giveUp counts what Close could not save.
func (db *DB) giveUp(batches []Batch) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.lost += len(batches) + len(db.queue)
	db.queue = nil
}

// merge returns the puts of all batches in key order, of several puts of one key the last: neighbouring keys
// share pages, and a page is written once.
func merge(batches []Batch) []Put {
	n := 0
	for i := range batches {
		n += len(batches[i].Puts)
	}
	puts := make([]Put, 0, n)
	for i := range batches {
		puts = append(puts, batches[i].Puts...)
	}
	slices.SortStableFunc(puts, func(a, b Put) int { return bytes.Compare(a.Key, b.Key) })
	kept := puts[:0]
	for i := range puts {
		if i+1 < len(puts) && bytes.Equal(puts[i].Key, puts[i+1].Key) {
			continue
		}
		kept = append(kept, puts[i])
	}
	return kept
}

// persist repeats the transaction until it is durable; false when the store was closed and the last attempt
// failed too. Puts are absolute, so writing them a second time changes nothing.
func (db *DB) persist(puts []Put) bool {
	pause := firstPause
	for {
		last := isClosed(db.closing)
		err := db.attempt(puts)
		db.report(err)
		if err == nil {
			return true
		}
		if last {
			return false
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-db.closing:
			timer.Stop()
		}
		pause = min(2*pause, longestPause)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (db *DB) report(err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.health = err
	if err != nil {
		db.stats.Retries++
	}
}

// attempt writes the puts in one transaction and then marks the side file.
func (db *DB) attempt(puts []Put) error {
	if len(puts) == 0 {
		return nil // a Sync: what was queued before it is durable
	}
	if db.faults != nil {
		if err := db.faults.BeforeCommit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	var txid int
	err := db.bolt.Update(func(tx *bbolt.Tx) error {
		txid = tx.ID()
		bucket := tx.Bucket(dataBucket)
		for i := range puts {
			if err := apply(bucket, &puts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if db.faults != nil {
		if err := db.faults.AfterCommit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	if db.fence != nil {
		return db.fence.mark(uint64(txid))
	}
	return nil
}

func apply(bucket *bbolt.Bucket, p *Put) error {
	if p.Value == nil {
		return bucket.Delete(p.Key)
	}
	return bucket.Put(p.Key, p.Value)
}
