package store_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/store"
)

func TestADiskErrorHoldsTheQueueBackAndDropsNothing(t *testing.T) {
	for name, disk := range map[string]*faulty{
		"nothing was written": {before: 2, failed: make(chan struct{}, 8)},
		"fsync failed":        {after: 2, failed: make(chan struct{}, 8)},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, ledger(t), store.Options{Faults: disk})
			var order []string
			note := func(s string) func() { return func() { order = append(order, s) } }
			db.Commit(store.Batch{Puts: []store.Put{put("k", "1")}, Done: note("1")})
			<-disk.failed
			db.Commit(store.Batch{Puts: []store.Put{put("k", "2")}, Done: note("2")})
			db.Commit(store.Batch{Puts: []store.Put{put("k", "3")}, Done: note("3")})
			<-disk.failed
			require.ErrorIs(t, db.Health(), errDiskFull)
			require.NoError(t, db.Sync())
			require.NoError(t, db.Health())
			require.Equal(t, []string{"1", "2", "3"}, order)
			require.Equal(t, "3", load(t, db, "k"))
			require.EqualValues(t, 2, db.Stats().Retries)
		})
	}
}

func TestCloseTriesABrokenDiskOnceMoreAndSaysWhatIsLost(t *testing.T) {
	path := ledger(t)
	disk := &faulty{failed: make(chan struct{}, 8)}
	db := open(t, path, store.Options{Faults: disk})
	db.Commit(store.Batch{Puts: []store.Put{put("durable", "1")}})
	require.NoError(t, db.Sync())
	disk.set(&disk.before, 1<<30)
	never := func() { t.Error("Done ran for a batch that is not durable") }
	db.Commit(store.Batch{Puts: []store.Put{put("lost", "1")}, Done: never})
	<-disk.failed
	db.Commit(store.Batch{Puts: []store.Put{put("lost", "2")}, Done: never})
	err := db.Close()
	require.ErrorIs(t, err, errDiskFull)
	require.ErrorContains(t, err, "2 batches are not durable")

	db = open(t, path, store.Options{})
	require.Equal(t, "1", load(t, db, "durable"))
	require.Equal(t, "<none>", load(t, db, "lost"))
}

func TestCloseSavesTheQueueWhenTheDiskIsWellAgain(t *testing.T) {
	path := ledger(t)
	disk := &faulty{failed: make(chan struct{}, 8)}
	disk.before = 1
	db := open(t, path, store.Options{Faults: disk})
	db.Commit(store.Batch{Puts: []store.Put{put("k", "v")}})
	<-disk.failed
	require.NoError(t, db.Close())
	require.Equal(t, "v", load(t, open(t, path, store.Options{}), "k"))
}

func TestSyncEndsWithErrClosedWhereCloseGivesUp(t *testing.T) {
	disk := &faulty{before: 1 << 30, failed: make(chan struct{}, 8)}
	db, err := store.Open(filepath.Join(t.TempDir(), "ledger.db"), store.Options{Faults: disk})
	require.NoError(t, err)
	db.Commit(store.Batch{Puts: []store.Put{put("k", "v")}})
	<-disk.failed
	synced := make(chan error, 1)
	go func() { synced <- db.Sync() }()
	for db.Stats().QueuedBatches < 2 { // until Sync has queued
		runtime.Gosched()
	}
	require.ErrorIs(t, db.Close(), errDiskFull)
	require.ErrorIs(t, <-synced, store.ErrClosed)
}
