package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/store"
)

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

// run opens the ledger, commits once for each value and closes it.
func run(t testing.TB, path string, values ...string) uint64 {
	t.Helper()
	db := open(t, path, store.Options{})
	for _, v := range values {
		db.Commit(store.Batch{Puts: []store.Put{put("k", v)}})
		require.NoError(t, db.Sync())
	}
	require.NoError(t, db.Close())
	return db.Epoch()
}

func refused(t testing.TB, path string) *store.ErrOlderCopy {
	t.Helper()
	_, err := store.Open(path, store.Options{})
	var older *store.ErrOlderCopy
	require.ErrorAs(t, err, &older)
	return older
}

func TestEveryOpenRaisesTheEpoch(t *testing.T) {
	path := ledger(t)
	for want := uint64(1); want < 5; want++ {
		require.Equal(t, want, run(t, path, "v"))
	}
}

func TestACopyFromAnEarlierRunIsRefused(t *testing.T) {
	path := ledger(t)
	run(t, path, "1")
	copyFile(t, path, path+".bak")
	run(t, path, "2")
	copyFile(t, path+".bak", path)
	older := refused(t, path)
	require.EqualValues(t, 1, older.Ledger.Epoch)
	require.EqualValues(t, 2, older.Expect.Epoch)
	require.Contains(t, older.Error(), "is an older copy of the ledger: it stands at epoch 1")
}

func TestACopyFromTheSameRunIsRefused(t *testing.T) {
	path := ledger(t)
	db := open(t, path, store.Options{})
	db.Commit(store.Batch{Puts: []store.Put{put("k", "1")}})
	require.NoError(t, db.Sync())
	copyFile(t, path, path+".bak")
	db.Commit(store.Batch{Puts: []store.Put{put("k", "2")}})
	require.NoError(t, db.Sync())
	require.NoError(t, db.Close())
	copyFile(t, path+".bak", path)
	older := refused(t, path)
	require.Equal(t, older.Ledger.Epoch, older.Expect.Epoch)
	require.Equal(t, older.Ledger.Tx+1, older.Expect.Tx)
}

func TestTheMarkOfAnOlderCopyStaysUntilItIsDeleted(t *testing.T) {
	path := ledger(t)
	o := store.Options{AcceptOlderCopy: true, OlderMark: []byte("mark")}
	marked := func(o store.Options) bool {
		db := open(t, path, o)
		defer func() { require.NoError(t, db.Close()) }()
		v, err := db.Load([]byte("mark"))
		require.NoError(t, err)
		return v != nil
	}
	run(t, path, "1")
	require.False(t, marked(o), "this is the latest")
	copyFile(t, path, path+".bak")
	run(t, path, "2")
	copyFile(t, path+".bak", path)
	require.True(t, marked(o))
	require.True(t, marked(store.Options{}), "a crash may have come in between")
	db := open(t, path, o)
	db.Commit(store.Batch{Puts: []store.Put{{Key: []byte("mark")}}})
	require.NoError(t, db.Close())
	require.False(t, marked(o))
}

func TestAnOlderCopyOpensWhenAskedToAndIsTheLedgerFromThenOn(t *testing.T) {
	path := ledger(t)
	run(t, path, "1")
	copyFile(t, path, path+".bak")
	run(t, path, "2")
	latest := run(t, path, "3")
	copyFile(t, path, path+".newest")
	copyFile(t, path+".bak", path)
	refused(t, path)

	db := open(t, path, store.Options{AcceptOlderCopy: true})
	require.Equal(t, "1", load(t, db, "k"))
	require.Greater(t, db.Epoch(), latest)
	require.NoError(t, db.Close())
	run(t, path, "4")
	copyFile(t, path+".newest", path)
	refused(t, path)
}

func TestALostLedgerIsNotSilentlyStartedAnew(t *testing.T) {
	path := ledger(t)
	run(t, path, "1")
	require.NoError(t, os.Remove(path))
	require.Contains(t, refused(t, path).Error(), "its side file is there")
	require.NoFileExists(t, path)
	require.NoError(t, open(t, path, store.Options{AcceptOlderCopy: true}).Close())
}

func TestALostOrDamagedSideFileIsDoubtful(t *testing.T) {
	path := ledger(t)
	run(t, path, "1")
	run(t, path, "2")
	side := store.SidePath(path)
	require.Equal(t, filepath.Join(filepath.Dir(path), "ledger.epoch"), side)
	require.NoError(t, os.WriteFile(side, []byte("torn"), 0o600))
	require.Contains(t, refused(t, path).Error(), "side file is damaged")
	require.NoError(t, os.Remove(side))
	require.Contains(t, refused(t, path).Error(), "side file is missing")
	require.NoError(t, open(t, path, store.Options{AcceptOlderCopy: true}).Close())
	run(t, path, "3")
}

func TestACrashBetweenTheTwoWritesOfOpenIsHarmless(t *testing.T) {
	path := ledger(t)
	side := store.SidePath(path)

	// At the very first Open: the ledger is there, the side file is not.
	run(t, path)
	require.NoError(t, os.Remove(side))
	require.EqualValues(t, 2, run(t, path, "v"))

	// Later: the side file is that of the run before; a temporary one may lie about.
	copyFile(t, side, side+".before")
	run(t, path)
	copyFile(t, side+".before", side)
	require.NoError(t, os.WriteFile(side+".tmp", []byte("half a li"), 0o600))
	require.EqualValues(t, 4, run(t, path, "v"))

	// The other order, side file first, is what an older copy looks like, and cannot come from a crash.
	copyFile(t, path, path+".before")
	run(t, path)
	copyFile(t, path+".before", path)
	refused(t, path)
}

func TestATornMarkLeavesTheOtherSlot(t *testing.T) {
	path := ledger(t)
	run(t, path, "1", "2", "3")
	side := store.SidePath(path)
	whole, err := os.ReadFile(side)
	require.NoError(t, err)
	half := len(whole) / 2
	for _, slot := range []int{0, half} {
		torn := append([]byte{}, whole...)
		copy(torn[slot+half/2:slot+half], make([]byte, half/2))
		require.NoError(t, os.WriteFile(side, torn, 0o600))
		db, err := store.Open(path, store.Options{})
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
}

func TestAGraphHasNoEpoch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.db")
	db := open(t, path, store.Options{NoSync: true, NoFreelistSync: true, InitialMmapSize: 1 << 24})
	require.Zero(t, db.Epoch())
	db.Commit(store.Batch{Puts: []store.Put{put("k", "v")}})
	require.NoError(t, db.Sync())
	require.NoError(t, db.Close())
	require.NoFileExists(t, store.SidePath(path))
	require.Equal(t, "v", load(t, open(t, path, store.Options{NoSync: true}), "k"))
}
