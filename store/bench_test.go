package store_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/fulmen-ln/fulmen/store"
)

const benchWriters = 256

// step is what a channel writes for one step of the dance.
func step(writer, i int) []store.Put {
	return []store.Put{
		{Key: fmt.Appendf(nil, "c/%03d/state", writer), Value: make([]byte, 200)},
		{Key: fmt.Appendf(nil, "c/%03d/h/%04d", writer, i%483), Value: make([]byte, 120)},
	}
}

// eachWriter runs b.N steps spread over 256 goroutines.
func eachWriter(b *testing.B, do func(writer, i int)) {
	var wg sync.WaitGroup
	b.ResetTimer()
	for w := range benchWriters {
		wg.Go(func() {
			for i := w; i < b.N; i += benchWriters {
				do(w, i)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

// BenchmarkCommitter: each of 256 writers waits for its step to be durable before it makes the next.
func BenchmarkCommitter(b *testing.B) {
	db, err := store.Open(filepath.Join(b.TempDir(), "ledger.db"), store.Options{InitialMmapSize: 1 << 28})
	require.NoError(b, err)
	done := make([]chan struct{}, benchWriters)
	for i := range done {
		done[i] = make(chan struct{}, 1)
	}
	eachWriter(b, func(w, i int) {
		db.Commit(store.Batch{Puts: step(w, i), Done: func() { done[w] <- struct{}{} }})
		<-done[w]
	})
	b.StopTimer()
	require.NoError(b, db.Close())
}

// BenchmarkUpdate is the same with a bbolt transaction for each step.
func BenchmarkUpdate(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "ledger.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 28})
	require.NoError(b, err)
	bucket := []byte("data")
	require.NoError(b, db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(bucket); return err }))
	eachWriter(b, func(w, i int) {
		err := db.Update(func(tx *bbolt.Tx) error {
			for _, p := range step(w, i) {
				if err := tx.Bucket(bucket).Put(p.Key, p.Value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Error(err)
		}
	})
	b.StopTimer()
	require.NoError(b, db.Close())
}
