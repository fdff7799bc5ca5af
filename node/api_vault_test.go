package node

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/macaroon"
	"github.com/fulmen-ln/fulmen/wallet"
)

var (
	oldPassword = []byte("correct horse")
	newPassword = []byte("battery staple")
)

func newVault(t *testing.T, dir string) *Vault {
	t.Helper()
	return NewVault(dir, &chaincfg.RegressionNetParams)
}

// initialized is a folder with a wallet, and its root key.
func initialized(t *testing.T, root []byte) (dir string, key []byte) {
	t.Helper()
	dir = t.TempDir()
	v := newVault(t, dir)
	words, err := v.GenSeed(t.Context(), rpc.GenSeed{})
	require.NoError(t, err)
	k, err := v.InitWallet(t.Context(), rpc.InitWallet{Password: oldPassword, Mnemonic: words.Mnemonic, RootKey: root})
	require.NoError(t, err)
	return dir, k.RootKey()
}

func TestInitializedWalletHandsItsSeedOverOnce(t *testing.T) {
	v := newVault(t, t.TempDir())
	exists, err := v.WalletExists()
	require.NoError(t, err)
	require.False(t, exists)
	words, err := v.GenSeed(t.Context(), rpc.GenSeed{})
	require.NoError(t, err)
	r := rpc.InitWallet{Password: oldPassword, Mnemonic: words.Mnemonic, RecoveryWindow: 77}
	first, err := v.InitWallet(t.Context(), r)
	require.NoError(t, err)
	second, err := v.InitWallet(t.Context(), r)
	require.NoError(t, err, "a call that comes again is answered as before")
	require.Equal(t, first.RootKey(), second.RootKey())
	require.Len(t, v.Opened(), 1)
	o := <-v.Opened()
	require.Equal(t, uint32(77), o.RecoveryWindow)
	require.Equal(t, wallet.Earliest, o.Seed.Birthday(), "a restore searches the past")
	r.Password = newPassword
	_, err = v.InitWallet(t.Context(), r)
	require.ErrorIs(t, err, rpc.ErrWrongPassword)
}

func TestFreshWalletDoesNotSearchThePast(t *testing.T) {
	v := newVault(t, t.TempDir())
	words, err := v.GenSeed(t.Context(), rpc.GenSeed{})
	require.NoError(t, err)
	_, err = v.InitWallet(t.Context(), rpc.InitWallet{Password: oldPassword, Mnemonic: words.Mnemonic})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), (<-v.Opened()).Seed.Birthday(), time.Minute)
}

func TestUnlockNeedsThePassword(t *testing.T) {
	dir, key := initialized(t, nil)
	v := newVault(t, dir)
	_, err := v.UnlockWallet(t.Context(), rpc.UnlockWallet{Password: newPassword})
	require.ErrorIs(t, err, rpc.ErrWrongPassword)
	require.Empty(t, v.Opened())
	k, err := v.UnlockWallet(t.Context(), rpc.UnlockWallet{Password: oldPassword})
	require.NoError(t, err)
	require.Equal(t, key, k.RootKey())
	require.Len(t, v.Opened(), 1)
	_, err = v.UnlockWallet(t.Context(), rpc.UnlockWallet{Password: newPassword})
	require.ErrorIs(t, err, rpc.ErrWrongPassword, "also when it is open")
}

func TestChangedPasswordKeepsMacaroonsUnlessAskedNotTo(t *testing.T) {
	for _, renew := range []bool{false, true} {
		dir, key := initialized(t, nil)
		v := newVault(t, dir)
		r := rpc.ChangePassword{Current: oldPassword, New: newPassword, NewRootKey: renew}
		k, err := v.ChangePassword(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, !renew, bytes.Equal(key, k.RootKey()))
		again, err := v.ChangePassword(t.Context(), r)
		require.NoError(t, err, "a call that comes again is answered as before")
		require.Equal(t, k.RootKey(), again.RootKey())
		v = newVault(t, dir)
		_, err = v.UnlockWallet(t.Context(), rpc.UnlockWallet{Password: oldPassword})
		require.ErrorIs(t, err, rpc.ErrWrongPassword)
		later, err := v.UnlockWallet(t.Context(), rpc.UnlockWallet{Password: newPassword})
		require.NoError(t, err)
		require.Equal(t, k.RootKey(), later.RootKey())
	}
}

func TestAdoptedRootKeyIsKeptAndNotInTheClear(t *testing.T) {
	root := bytes.Repeat([]byte{9}, macaroon.RootKeySize)
	dir, key := initialized(t, root)
	require.Equal(t, root, key)
	b, err := os.ReadFile(filepath.Join(dir, RootFile))
	require.NoError(t, err)
	require.NotContains(t, string(b), string(root))
	k, err := newVault(t, dir).UnlockWallet(t.Context(), rpc.UnlockWallet{Password: oldPassword})
	require.NoError(t, err)
	require.Equal(t, root, k.RootKey())
}

func TestDamagedRootFileIsNoReasonToInventAKey(t *testing.T) {
	dir, _ := initialized(t, bytes.Repeat([]byte{9}, macaroon.RootKeySize))
	path := filepath.Join(dir, RootFile)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	later := bytes.Clone(whole)
	later[0]++
	for _, b := range [][]byte{flipped, later, whole[:len(whole)-1], {}} {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		v := newVault(t, dir)
		_, err = v.UnlockWallet(t.Context(), rpc.UnlockWallet{Password: oldPassword})
		require.ErrorContains(t, err, RootFile)
		require.Empty(t, v.Opened())
	}
}

func TestSeedEntropyHas32Bytes(t *testing.T) {
	v := newVault(t, t.TempDir())
	for _, n := range []int{1, 16, 31, 33} {
		_, err := v.GenSeed(t.Context(), rpc.GenSeed{Entropy: make([]byte, n)})
		require.Error(t, err)
	}
	s, err := v.GenSeed(t.Context(), rpc.GenSeed{Entropy: make([]byte, 32)})
	require.NoError(t, err)
	require.Len(t, s.Mnemonic, wallet.MnemonicWords)
	require.Equal(t, "abandon", s.Mnemonic[0])
}

func TestWalletWithoutBackupOpensAgain(t *testing.T) {
	dir := t.TempDir()
	first, err := newVault(t, dir).NoBackup(time.Now())
	require.NoError(t, err)
	v := newVault(t, dir)
	second, err := v.NoBackup(time.Now())
	require.NoError(t, err)
	require.Equal(t, first.RootKey(), second.RootKey())
	require.Len(t, v.Opened(), 1)
	locked, _ := initialized(t, nil)
	_, err = newVault(t, locked).NoBackup(time.Now())
	require.ErrorIs(t, err, wallet.ErrWrongPassword)
}
