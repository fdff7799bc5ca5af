package wallet

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var born = time.Unix(1_770_000_000, 0)

func testSeed(t *testing.T) *Seed {
	t.Helper()
	words, err := NewMnemonic()
	require.NoError(t, err)
	s, err := NewSeed(words, "", born)
	require.NoError(t, err)
	return s
}

func TestAMnemonicHas24WordsAndIsNeverTheSame(t *testing.T) {
	a, err := NewMnemonic()
	require.NoError(t, err)
	b, err := NewMnemonic()
	require.NoError(t, err)
	require.Len(t, a, MnemonicWords)
	require.NotEqual(t, a, b)
}

func TestWordsAreReadInAnyCaseAndSpacing(t *testing.T) {
	shouted := make([]string, len(abandon))
	for i, w := range abandon {
		shouted[i] = " " + strings.ToUpper(w) + "\n"
	}
	a, err := RestoreSeed(shouted, "x", born)
	require.NoError(t, err)
	b, err := RestoreSeed(abandon, "x", born)
	require.NoError(t, err)
	require.Equal(t, b, a)
}

func TestBadWordsAreRefused(t *testing.T) {
	swapped := append([]string(nil), abandon...)
	swapped[23] = "zoo"
	foreign := append([]string(nil), abandon...)
	foreign[3] = "fulmen"
	for name, words := range map[string][]string{
		"one too few":    abandon[:23],
		"one too many":   append(append([]string(nil), abandon...), "art"),
		"none":           nil,
		"wrong checksum": swapped,
		"unknown word":   foreign,
	} {
		_, err := RestoreSeed(words, "", born)
		require.ErrorIs(t, err, ErrBadMnemonic, name)
	}
}

func TestARestoreWithoutABirthdayLooksFromTheEarliest(t *testing.T) {
	s, err := RestoreSeed(abandon, "", time.Time{})
	require.NoError(t, err)
	require.Equal(t, Earliest, s.Birthday())
}

func TestASavedSeedIsLoadedWithItsPasswordOnly(t *testing.T) {
	dir, s := t.TempDir(), testSeed(t)
	_, err := LoadSeed(dir, []byte("secret"))
	require.ErrorIs(t, err, ErrNoWallet)
	require.NoError(t, SaveSeed(dir, []byte("secret"), s))

	got, err := LoadSeed(dir, []byte("secret"))
	require.NoError(t, err)
	require.Equal(t, s.secret, got.secret)
	require.True(t, born.Equal(got.Birthday()))
	for _, wrong := range []string{"", "Secret", "secret\x00"} {
		_, err = LoadSeed(dir, []byte(wrong))
		require.ErrorIs(t, err, ErrWrongPassword)
	}
	info, err := os.Stat(filepath.Join(dir, SeedFile))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
}

func TestAWalletIsNeverOverwritten(t *testing.T) {
	dir, first := t.TempDir(), testSeed(t)
	require.NoError(t, SaveSeed(dir, []byte("a"), first))
	require.ErrorIs(t, SaveSeed(dir, []byte("a"), testSeed(t)), ErrExists)
	got, err := LoadSeed(dir, []byte("a"))
	require.NoError(t, err)
	require.Equal(t, first.secret, got.secret)
	requireOneFile(t, dir)
}

func TestOfTwoConcurrentCreationsOneWins(t *testing.T) {
	dir := t.TempDir()
	errs := make([]error, 4)
	var all sync.WaitGroup
	for i := range errs {
		s := testSeed(t)
		all.Go(func() { errs[i] = save(dir, []byte("a"), s, publicStretch) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			require.ErrorIs(t, err, ErrExists)
		}
	}
	require.Equal(t, 1, won)
	requireOneFile(t, dir)
}

func TestChangePasswordKeepsTheSeed(t *testing.T) {
	dir, s := t.TempDir(), testSeed(t)
	require.ErrorIs(t, ChangePassword(dir, []byte("old"), []byte("new")), ErrNoWallet)
	require.NoError(t, SaveSeed(dir, []byte("old"), s))
	require.ErrorIs(t, ChangePassword(dir, []byte("wrong"), []byte("new")), ErrWrongPassword)
	require.NoError(t, ChangePassword(dir, []byte("old"), []byte("new")))
	_, err := LoadSeed(dir, []byte("old"))
	require.ErrorIs(t, err, ErrWrongPassword)
	got, err := LoadSeed(dir, []byte("new"))
	require.NoError(t, err)
	require.Equal(t, s.secret, got.secret)
	requireOneFile(t, dir)
}

func TestNoBackupSeedIsMadeOnceAndOpensByItself(t *testing.T) {
	dir := t.TempDir()
	a, err := NoBackupSeed(dir, born)
	require.NoError(t, err)
	b, err := NoBackupSeed(dir, born.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, a.secret, b.secret)
	require.True(t, born.Equal(b.Birthday()))

	guarded := t.TempDir()
	require.NoError(t, SaveSeed(guarded, []byte("mine"), a))
	_, err = NoBackupSeed(guarded, born)
	require.ErrorIs(t, err, ErrWrongPassword)
}

func TestADamagedSeedFileIsNoSeed(t *testing.T) {
	dir, s := t.TempDir(), testSeed(t)
	require.NoError(t, save(dir, []byte("a"), s, publicStretch))
	path := filepath.Join(dir, SeedFile)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, whole, seedSize)
	for i := range whole {
		if i >= len(seedMagic)+1 && i < len(seedMagic)+10 {
			continue // the cost: flipped bits may ask for gigabytes, within the limits
		}
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		_, err := unseal([]byte("a"), bad)
		require.Error(t, err, "byte %d", i)
	}
	for _, n := range []int{0, 7, seedSize - 1} {
		_, err := unseal([]byte("a"), whole[:n])
		require.ErrorIs(t, err, ErrBadSeedFile)
	}
	_, err = unseal([]byte("a"), append(bytes.Clone(whole), 0))
	require.ErrorIs(t, err, ErrBadSeedFile)
}

func TestTheCostThatAFileMayAskForIsBounded(t *testing.T) {
	s := testSeed(t)
	for _, v := range []struct {
		cost stretch
		ok   bool
	}{
		{stretch{Time: maxStretchTime, MemoryKiB: 8, Threads: 1}, true},
		{stretch{Time: maxStretchTime + 1, MemoryKiB: 8, Threads: 1}, false},
		{stretch{Time: 1, MemoryKiB: maxStretchMemoryKiB + 1, Threads: 1}, false},
		{stretch{Time: 0, MemoryKiB: 8, Threads: 1}, false},
		{stretch{Time: 1, MemoryKiB: 8, Threads: 0}, false},
	} {
		made := v.cost
		made.Time, made.Threads, made.MemoryKiB = max(made.Time, 1), max(made.Threads, 1), 8
		b, err := seal([]byte("a"), s, made)
		require.NoError(t, err)
		p := b[len(seedMagic)+1:]
		p[0], p[1], p[2], p[3] = byte(v.cost.Time>>24), byte(v.cost.Time>>16), byte(v.cost.Time>>8), byte(v.cost.Time)
		p[4], p[5], p[6], p[7] = byte(v.cost.MemoryKiB>>24), byte(v.cost.MemoryKiB>>16), byte(v.cost.MemoryKiB>>8), byte(v.cost.MemoryKiB)
		p[8] = v.cost.Threads
		_, err = unseal([]byte("a"), b)
		if v.ok {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrBadSeedFile)
		}
	}
}

func requireOneFile(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func FuzzUnsealNeverPanics(f *testing.F) {
	s := &Seed{birthday: born}
	b, err := seal([]byte("a"), s, publicStretch)
	require.NoError(f, err)
	f.Add(b)
	f.Add(b[:seedSize-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == seedSize {
			copy(b[len(seedMagic)+1:], []byte{0, 0, 0, 1, 0, 0, 0, 8, 1}) // cheap to try
		}
		got, err := unseal([]byte("a"), b)
		if err == nil {
			require.Equal(t, s.secret, got.secret)
		}
	})
}
