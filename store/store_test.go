package store_test

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/store"
)

func TestDoneRunsInQueueOrderAfterTheBatchIsDurable(t *testing.T) {
	db := open(t, ledger(t), store.Options{})
	const n = 200
	var order []int
	for i := range n {
		key := fmt.Sprintf("k%d", i)
		db.Commit(store.Batch{Puts: []store.Put{put(key, "v")}, Done: func() {
			order = append(order, i)
			require.Equal(t, "v", load(t, db, key))
		}})
	}
	require.NoError(t, db.Sync())
	require.Len(t, order, n)
	for i, got := range order {
		require.Equal(t, i, got)
	}
}

func TestOfTwoPutsOfOneKeyTheLaterWins(t *testing.T) {
	disk := gated()
	db := open(t, ledger(t), store.Options{Faults: disk})
	db.Commit(store.Batch{Puts: []store.Put{put("first", "in a transaction of its own")}})
	<-disk.arrived
	// These five merge into one transaction.
	db.Commit(store.Batch{Puts: []store.Put{put("a", "1"), put("b", "1"), put("a", "2")}})
	db.Commit(store.Batch{Puts: []store.Put{{Key: []byte("a")}}})
	db.Commit(store.Batch{Puts: []store.Put{put("c", "1")}})
	db.Commit(store.Batch{Puts: []store.Put{put("a", "3")}})
	db.Commit(store.Batch{Puts: []store.Put{{Key: []byte("c")}, {Key: []byte("never was")}}})
	disk.gate <- struct{}{}
	<-disk.arrived
	disk.gate <- struct{}{}
	require.NoError(t, db.Sync())

	require.Equal(t, "3", load(t, db, "a"))
	require.Equal(t, "1", load(t, db, "b"))
	require.Equal(t, "<none>", load(t, db, "c"))
	stats := db.Stats()
	require.EqualValues(t, 5, stats.Puts, "1 + a, b, c, never was")
}

func TestAnEmptyValueIsNotADeletion(t *testing.T) {
	db := open(t, ledger(t), store.Options{})
	db.Commit(store.Batch{Puts: []store.Put{{Key: []byte("k"), Value: []byte{}}}})
	require.NoError(t, db.Sync())
	v, err := db.Load([]byte("k"))
	require.NoError(t, err)
	require.NotNil(t, v)
	require.Empty(t, v)
}

func TestCloseMakesTheQueueDurable(t *testing.T) {
	path := ledger(t)
	db := open(t, path, store.Options{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				db.Commit(store.Batch{Puts: []store.Put{put(fmt.Sprintf("%d/%d", w, i), "v")}})
			}
		})
	}
	wg.Wait()
	require.NoError(t, db.Close())
	require.ErrorIs(t, db.Close(), store.ErrClosed)
	require.Panics(t, func() { db.Commit(store.Batch{}) })

	db = open(t, path, store.Options{})
	n := 0
	require.NoError(t, db.Scan(nil, func(_, _ []byte) error { n++; return nil }))
	require.Equal(t, 400, n)
}

func TestEachWritersBatchesStayInOrderUnderConcurrency(t *testing.T) {
	db := open(t, ledger(t), store.Options{})
	const writers, each = 64, 40
	var mu sync.Mutex
	last := make(map[int]int)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 1; i <= each; i++ {
				db.Commit(store.Batch{
					Puts: []store.Put{put(fmt.Sprintf("w%d", w), fmt.Sprint(i)), put(fmt.Sprintf("w%d/%d", w, i), "x")},
					Done: func() {
						mu.Lock()
						defer mu.Unlock()
						if last[w] != i-1 {
							t.Errorf("writer %d: batch %d after %d", w, i, last[w])
						}
						last[w] = i
					},
				})
			}
		})
	}
	wg.Wait()
	require.NoError(t, db.Sync())
	for w := range writers {
		require.Equal(t, fmt.Sprint(each), load(t, db, fmt.Sprintf("w%d", w)))
	}
	stats := db.Stats()
	require.Zero(t, stats.QueuedBytes)
	require.Zero(t, stats.QueuedBatches)
	require.Less(t, stats.Commits, stats.Batches, "nothing was merged")
}

// full fills the queue behind a gated disk with n bytes.
func full(db *store.DB, disk *faulty, n int) {
	for i := 0; n > 0; i++ {
		key := fmt.Appendf(nil, "%08d", i)
		size := min(n, store.MaxValueSize)
		db.Commit(store.Batch{Puts: []store.Put{{Key: key, Value: make([]byte, size-len(key))}}})
		if i == 0 {
			<-disk.arrived // the first is being written; it counts still
		}
		n -= size
	}
}

func TestCommitDoesNotBlockAtMaxQueuedBytes(t *testing.T) {
	disk := gated()
	db := open(t, ledger(t), store.Options{Faults: disk})
	full(db, disk, store.MaxQueuedBytes)
	require.Equal(t, store.MaxQueuedBytes, db.Stats().QueuedBytes)
	go func() {
		for range disk.arrived {
		}
	}()
	close(disk.gate)
	require.NoError(t, db.Sync())
}

func TestCommitBlocksOnePastMaxQueuedBytes(t *testing.T) {
	disk := gated()
	db := open(t, ledger(t), store.Options{Faults: disk})
	full(db, disk, store.MaxQueuedBytes)
	entered := make(chan struct{})
	go func() {
		db.Commit(store.Batch{Puts: []store.Put{{Key: []byte("k")}}})
		close(entered)
	}()
	select {
	case <-entered:
		t.Fatal("did not block")
	case <-time.After(20 * time.Millisecond): // the only way to see that nothing happens
	}
	disk.gate <- struct{}{}
	<-entered
	go func() {
		for range disk.arrived {
		}
	}()
	close(disk.gate)
}

func TestKeysAndValuesHaveLimits(t *testing.T) {
	db := open(t, ledger(t), store.Options{NoSync: true})
	for _, c := range []struct {
		name       string
		key, value int
		panics     bool
	}{
		{"longest key", store.MaxKeySize, 1, false},
		{"key one past", store.MaxKeySize + 1, 1, true},
		{"empty key", 0, 1, true},
		{"longest value", 1, store.MaxValueSize, false},
		{"value one past", 1, store.MaxValueSize + 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			commit := func() {
				db.Commit(store.Batch{Puts: []store.Put{{Key: make([]byte, c.key), Value: make([]byte, c.value)}}})
			}
			if c.panics {
				require.Panics(t, commit)
				return
			}
			commit()
			require.NoError(t, db.Sync())
			v, err := db.Load(make([]byte, c.key))
			require.NoError(t, err)
			require.Len(t, v, c.value)
		})
	}
}

func TestAnotherProcessGetsErrLocked(t *testing.T) {
	if path := os.Getenv("STORE_TEST_LEDGER"); path != "" {
		_, err := store.Open(path, store.Options{LockTimeout: time.Millisecond})
		require.ErrorIs(t, err, store.ErrLocked)
		return
	}
	path := ledger(t)
	open(t, path, store.Options{})
	_, err := store.Open(path, store.Options{LockTimeout: time.Millisecond})
	require.ErrorIs(t, err, store.ErrLocked)

	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), "STORE_TEST_LEDGER="+path)
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
}
