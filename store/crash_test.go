package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/store"
)

// history makes n batches, each of which moves a balance between two of a few accounts, with a log entry: whatever
// prefix survives, the balances add up and the log tells how long the prefix is.
func history(n int) (batches [][]store.Put, states []map[string]uint64) {
	random := rand.New(rand.NewPCG(1, 2))
	balance := map[string]uint64{}
	for i := range 8 {
		balance[fmt.Sprintf("account/%d", i)] = 1000
	}
	for i := range n {
		var puts []store.Put
		if i == 0 {
			for k, v := range balance {
				puts = append(puts, store.Put{Key: []byte(k), Value: number(v)})
			}
		} else {
			from, to := fmt.Sprintf("account/%d", random.IntN(8)), fmt.Sprintf("account/%d", random.IntN(8))
			if from != to {
				balance[from] -= 1
				balance[to] += 1
			}
			puts = append(puts, store.Put{Key: []byte(from), Value: number(balance[from])},
				store.Put{Key: []byte(to), Value: number(balance[to])})
		}
		entry := make([]byte, 1+random.IntN(3000)) // splits pages
		puts = append(puts, store.Put{Key: fmt.Appendf(nil, "log/%06d", i), Value: entry})
		state := make(map[string]uint64)
		for k, v := range balance {
			state[k] = v
		}
		batches, states = append(batches, puts), append(states, state)
	}
	return batches, states
}

func number(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// survived opens a copy and returns how many batches are in it, having checked that it is exactly those.
func survived(t testing.TB, path string, states []map[string]uint64) int {
	t.Helper()
	db, err := store.Open(path, store.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	n := 0
	require.NoError(t, db.Scan([]byte("log/"), func(k, _ []byte) error {
		require.Equal(t, fmt.Sprintf("log/%06d", n), string(k), "a hole in the log")
		n++
		return nil
	}))
	if n == 0 {
		return 0
	}
	got := make(map[string]uint64)
	require.NoError(t, db.Scan([]byte("account/"), func(k, v []byte) error {
		got[string(k)] = binary.BigEndian.Uint64(v)
		return nil
	}))
	require.Equal(t, states[n-1], got)
	return n
}

// TestACopyAtAnyCommitHoldsAPrefixWithAllThatWasDone kills the process, so to speak, at every transaction.
func TestACopyAtAnyCommitHoldsAPrefixWithAllThatWasDone(t *testing.T) {
	batches, states := history(60)
	path := ledger(t)
	copies := t.TempDir()
	type moment struct {
		dir  string
		done int
	}
	var moments []moment
	done := 0
	snapshot := func() {
		dir := filepath.Join(copies, fmt.Sprint(len(moments)))
		require.NoError(t, os.Mkdir(dir, 0o700))
		copyFile(t, path, filepath.Join(dir, "ledger.db"))
		copyFile(t, store.SidePath(path), filepath.Join(dir, "ledger.epoch"))
		moments = append(moments, moment{dir, done})
	}
	db := open(t, path, store.Options{Faults: &faulty{onCommit: snapshot}}) // written, not yet told
	for i, puts := range batches {
		db.Commit(store.Batch{Puts: puts, Done: func() {
			done++
			if i%7 == 0 {
				snapshot()
			}
		}})
		if i%3 == 0 {
			require.NoError(t, db.Sync())
		}
	}
	require.NoError(t, db.Sync())
	for _, m := range moments {
		n := survived(t, filepath.Join(m.dir, "ledger.db"), states)
		require.GreaterOrEqual(t, n, m.done, "something was told and then lost")
	}
	require.Equal(t, len(batches), survivedAfter(t, db, path, states))
}

func survivedAfter(t testing.TB, db *store.DB, path string, states []map[string]uint64) int {
	require.NoError(t, db.Close())
	return survived(t, path, states)
}

// TestAPowerCutAtAnyPageLeavesTheStateBefore writes the pages of one transaction in part: data pages in any order, as a
// disk may before the fsync, then the meta page torn at every sector.
func TestAPowerCutAtAnyPageLeavesTheStateBefore(t *testing.T) {
	batches, states := history(20)
	path := ledger(t)
	db := open(t, path, store.Options{})
	for _, puts := range batches[:19] {
		db.Commit(store.Batch{Puts: puts})
		require.NoError(t, db.Sync())
	}
	before, side := read(t, path), read(t, store.SidePath(path))
	db.Commit(store.Batch{Puts: batches[19]})
	require.NoError(t, db.Sync())
	after := read(t, path)
	require.NoError(t, db.Close())

	page := os.Getpagesize()
	var data, meta []int
	for at := 0; at < len(after); at += page {
		if at < len(before) && bytes.Equal(before[at:at+page], after[at:at+page]) {
			continue
		}
		if at < 2*page {
			meta = append(meta, at)
		} else {
			data = append(data, at)
		}
	}
	require.Len(t, meta, 1)
	require.NotEmpty(t, data)

	image := make([]byte, len(after))
	copy(image, before)
	random := rand.New(rand.NewPCG(3, 4))
	random.Shuffle(len(data), func(i, j int) { data[i], data[j] = data[j], data[i] })
	for _, at := range data {
		require.Equal(t, 19, crashed(t, image, side, states))
		copy(image[at:at+page], after[at:at+page])
	}
	const sector = 8 // much smaller than any disk's: every tear of the 80 bytes that matter
	for cut := meta[0]; cut < meta[0]+112; cut += sector {
		n := crashed(t, image, side, states)
		require.Contains(t, []int{19, 20}, n)
		copy(image[cut:cut+sector], after[cut:cut+sector])
	}
	require.Equal(t, 20, crashed(t, image, side, states))
}

func read(t testing.TB, path string) []byte {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// crashed opens the image beside the side file.
func crashed(t testing.TB, image, side []byte, states []map[string]uint64) int {
	path := ledger(t)
	require.NoError(t, os.WriteFile(path, image, 0o600))
	require.NoError(t, os.WriteFile(store.SidePath(path), side, 0o600))
	return survived(t, path, states)
}
