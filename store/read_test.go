package store_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/store"
)

func TestRangesAgreeWithASortedMap(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xff}), 1, 4)
		db, err := store.Open(dir+"/graph.db", store.Options{NoSync: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		clean(t, db)

		model := make(map[string]string)
		for _, k := range rapid.SliceOfN(key, 0, 20).Draw(t, "keys") {
			model[string(k)] = string(k) + "'s"
			db.Commit(store.Batch{Puts: []store.Put{put(string(k), string(k)+"'s")}})
		}
		require.NoError(t, db.Sync())

		prefix := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xff}), 0, 3).Draw(t, "prefix")
		require.Equal(t, expect(model, func(k []byte) bool { return bytes.HasPrefix(k, prefix) }),
			collect(t, func(fn func(k, v []byte) error) error { return db.Scan(prefix, fn) }))

		from, to := key.Draw(t, "from"), key.Draw(t, "to")
		if rapid.Bool().Draw(t, "open end") {
			to = nil
		}
		if rapid.Bool().Draw(t, "open start") {
			from = nil
		}
		want := expect(model, func(k []byte) bool {
			return bytes.Compare(k, from) >= 0 && (to == nil || bytes.Compare(k, to) < 0)
		})
		up := collect(t, func(fn func(k, v []byte) error) error { return db.Range(from, to, false, fn) })
		require.Equal(t, want, up)
		down := collect(t, func(fn func(k, v []byte) error) error { return db.Range(from, to, true, fn) })
		slices.Reverse(down)
		require.Equal(t, want, down)
	})
}

func clean(t *rapid.T, db *store.DB) {
	var puts []store.Put
	require.NoError(t, db.Scan(nil, func(k, _ []byte) error {
		puts = append(puts, store.Put{Key: bytes.Clone(k)})
		return nil
	}))
	db.Commit(store.Batch{Puts: puts})
}

func expect(model map[string]string, in func(k []byte) bool) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if in([]byte(k)) {
			out = append(out, k+"="+model[k])
		}
	}
	return out
}

func collect(t *rapid.T, read func(fn func(k, v []byte) error) error) (out []string) {
	require.NoError(t, read(func(k, v []byte) error {
		out = append(out, string(k)+"="+string(v))
		return nil
	}))
	return out
}

func TestAScanEndsWithTheCallbacksError(t *testing.T) {
	db := open(t, ledger(t), store.Options{})
	db.Commit(store.Batch{Puts: []store.Put{put("a", "1"), put("b", "2")}})
	require.NoError(t, db.Sync())
	stop := errors.New("enough")
	n := 0
	require.Equal(t, stop, db.Scan(nil, func(_, _ []byte) error { n++; return stop }))
	require.Equal(t, 1, n)
}
