package node

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// reborn gives node i a seed of known words, before it is used.
func (l *lab) reborn(i int) (words []string) {
	l.t.Helper()
	words, err := wallet.NewMnemonic()
	require.NoError(l.t, err)
	l.stop(i)
	l.dirs[i] = l.t.TempDir()
	l.seeds[i], err = wallet.NewSeed(words, "", time.Now())
	require.NoError(l.t, err)
	l.start(i)
	return words
}

// lose takes everything from node i but its words, and the backup that it answers with.
func (l *lab) lose(i int, words []string) (backup []byte) {
	l.t.Helper()
	l.stop(i)
	backup, err := os.ReadFile(filepath.Join(l.dirs[i], BackupFile))
	require.NoError(l.t, err)
	l.dirs[i], l.window = l.t.TempDir(), 10
	l.seeds[i], err = wallet.RestoreSeed(words, "", chaincfg.RegressionNetParams.GenesisBlock.Header.Timestamp)
	require.NoError(l.t, err)
	l.start(i)
	return backup
}

// home mines what waits until node i has that much in confirmed coins.
func (l *lab) home(i int, amount btcutil.Amount) {
	l.t.Helper()
	l.eventually("all is home", func() bool {
		if len(l.chain.Mempool()) > 0 {
			l.mine(1)
		}
		b, err := l.nodes[i].wallet.Balance(1)
		return err == nil && b.Confirmed > amount
	})
}

func TestWordsAndBackupBringEveryCoinBack(t *testing.T) {
	l := newLab(t, 2)
	words := l.reborn(0)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 0, false)
	require.Equal(t, htlc.Succeeded, l.pay(0, l.invoice(1, 300_000_000)).Status)
	used := l.nodes[0].custody.upcoming()
	l.eventually("balances settle", func() bool {
		y, _ := l.nodes[1].book.funded(c.Funding)
		return len(y.HTLCs) == 0
	})
	sealed := l.lose(0, words)

	n := l.nodes[0]
	require.GreaterOrEqual(t, n.custody.upcoming(), used, "no index is used twice")
	count, err := n.Recover(sealed)
	require.NoError(t, err)
	require.Equal(t, 1, count)
	again, err := n.Recover(sealed)
	require.NoError(t, err)
	require.Zero(t, again, "it is known by now")
	l.eventually("the peer closes", func() bool { return len(l.chain.Mempool()) > 0 })
	p, ok := n.book.funded(c.Funding)
	require.True(t, ok && p.DataLoss)
	require.ErrorIs(t, func() error { _, err := n.Close(c.Funding, channel.Shut{Force: true}); return err }(), channel.ErrRefused)
	l.mine(2)
	l.eventually("the close is understood", func() bool {
		p, _ := n.book.funded(c.Funding)
		return p.Close.Kind == resolve.FutureCommitment
	})
	l.home(0, 1_690_000) // the change of the funding, and our share
	require.NotEqual(t, p.Index, n.custody.NextIndex())
}

func TestAShellAsksAgainAfterARestart(t *testing.T) {
	l := newLab(t, 2)
	words := l.reborn(0)
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 400_000_000, true)
	l.stop(1) // nobody hears the call at first
	sealed := l.lose(0, words)
	_, err := l.nodes[0].Recover(sealed)
	require.NoError(t, err)
	l.stop(0)
	l.start(0)
	l.start(1)
	l.connect(0, 1)
	l.eventually("the peer closes", func() bool { return len(l.chain.Mempool()) > 0 })
	l.mine(2)
	l.home(0, 1_590_000)
	p, ok := l.nodes[0].book.funded(c.Funding)
	require.True(t, ok && p.DataLoss)
}

func TestBackupIsThereBeforeTheFundingIsPublished(t *testing.T) {
	l := newAPILab(t, 2)
	l.fund(0, 2_000_000)
	news := newSeen[rpc.BackupSnapshot]()
	stop, err := l.api[0].Backups.SubscribeBackups(t.Context(), news)
	require.NoError(t, err)
	defer stop()
	c := l.open(0, 1, 1_000_000, 0, false)
	first := news.next(t, func(s rpc.BackupSnapshot) bool { return len(s.Singles) == 1 })
	points, err := l.api[0].Backups.VerifyBackup(t.Context(), first.All)
	require.NoError(t, err)
	require.Equal(t, []wire.OutPoint{c.Funding}, points)
	one, err := l.api[0].Backups.ExportBackup(t.Context(), c.Funding)
	require.NoError(t, err)
	_, err = l.api[0].Backups.ExportBackup(t.Context(), wire.OutPoint{Index: 8})
	require.ErrorIs(t, err, rpc.ErrChannelNotFound)
	_, err = l.api[1].Backups.VerifyBackup(t.Context(), one)
	require.ErrorIs(t, err, ErrBackup, "another seed")
	n, err := l.api[0].Backups.RestoreBackup(t.Context(), one)
	require.NoError(t, err)
	require.Zero(t, n, "the channel lives")
	file, err := os.ReadFile(filepath.Join(l.dirs[0], BackupFile))
	require.NoError(t, err)
	content, err := openBackup(l.nodes[0].custody.keys, file)
	require.NoError(t, err)
	require.Len(t, content.Channels, 1)
	require.Contains(t, content.Channels[0].Addresses, l.nodes[1].Bound[0])
}

func TestABackupOfUnknownChannelsIsKept(t *testing.T) {
	l := newLab(t, 1)
	path := filepath.Join(l.dirs[0], BackupFile)
	sealed, err := (&backup{Next: 9, Channels: []backedUp{{saved: saved{Index: 8}}}}).seal(l.nodes[0].custody.keys)
	require.NoError(t, err)
	l.stop(0)
	require.NoError(t, os.WriteFile(path, sealed, 0o600))
	l.start(0)
	kept, err := filepath.Glob(path + ".*")
	require.NoError(t, err)
	require.Len(t, kept, 1)
	old, err := os.ReadFile(kept[0])
	require.NoError(t, err)
	require.Equal(t, sealed, old)
}

func testKeys(t testing.TB) *wallet.Keys {
	words := make([]string, 24)
	for i := range words {
		words[i] = "abandon"
	}
	words[23] = "art"
	seed, err := wallet.RestoreSeed(words, "", time.Time{})
	require.NoError(t, err)
	k, err := wallet.NewKeys(seed, &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	return k
}

func TestDamagedBackupsAreRefused(t *testing.T) {
	k := testKeys(t)
	b := &backup{Next: 7, Channels: []backedUp{{saved: saved{Index: 3, Capacity: 5, Opener: true}, Addresses: []string{"a:1", "b:2"}}, {}}}
	sealed, err := b.seal(k)
	require.NoError(t, err)
	back, err := openBackup(k, sealed)
	require.NoError(t, err)
	require.Equal(t, b, back)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		_, err := openBackup(k, bad)
		require.ErrorIs(t, err, ErrBackup)
		_, err = openBackup(k, sealed[:i])
		require.ErrorIs(t, err, ErrBackup)
	}
}

func TestTheFormOfABackupIsFrozen(t *testing.T) {
	const perChannel = 8 + 33 + 36 + 8 + 2 + 4 + 2*36 + 2*5*33 + 2
	k := testKeys(t)
	empty, err := new(backup).seal(k)
	require.NoError(t, err)
	require.Len(t, empty, 1+24+12+16)
	one, err := (&backup{Channels: []backedUp{{}}}).seal(k)
	require.NoError(t, err)
	require.Len(t, one, len(empty)+perChannel)
}

func FuzzBackup(f *testing.F) {
	f.Add(make([]byte, 12))
	f.Add(append(make([]byte, 11), 1))
	f.Fuzz(func(t *testing.T, plain []byte) {
		b, err := decodeBackup(plain)
		if err != nil {
			require.ErrorIs(t, err, ErrBackup)
			return
		}
		require.LessOrEqual(t, len(b.Channels), len(plain))
	})
}

func TestIndexesOfANewLedgerFollowTheClock(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	require.Greater(t, firstIndex(at.Add(time.Second)), firstIndex(at)+61_000)
	require.Zero(t, firstIndex(time.Unix(-5, 0)))
}
