package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/tyler-smith/go-bip39"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// Vault guards the seed before there is a node. It implements rpc.Unlocker and rpc.Seeder.
type Vault struct {
	dir    string
	params *chaincfg.Params
	opened chan Opened

	mu   sync.Mutex
	root *rootKeeper // nil until the seed is open
}

// Opened is what Start needs of the vault.
type Opened struct {
	Seed *wallet.Seed
	// RecoveryWindow is how many unused addresses in a row a restore looks beyond; 0: the wallet's own choice.
	RecoveryWindow uint32
}

// NewVault is the vault of a folder. Nothing is read yet.
func NewVault(dir string, params *chaincfg.Params) *Vault {
	return &Vault{dir: dir, params: params, opened: make(chan Opened, 1)}
}

// Opened yields the seed once, when it has been opened.
func (v *Vault) Opened() <-chan Opened { return v.opened }

// NoBackup opens the vault without a password, for --noseedbackup, and makes the seed at the first call.
// wallet.ErrWrongPassword where the seed has a password.
func (v *Vault) NoBackup(now time.Time) (rpc.RootKeeper, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	seed, err := wallet.NoBackupSeed(v.dir, now)
	if err != nil {
		return nil, err
	}
	return v.open(seed, 0, nil)
}

// WalletExists says whether there is a seed.
func (v *Vault) WalletExists() (bool, error) { return wallet.Exists(v.dir) }

// GenSeed draws words, or makes them of 32 bytes of entropy. The passphrase counts when the wallet is made of them.
func (v *Vault) GenSeed(_ context.Context, r rpc.GenSeed) (rpc.Seed, error) {
	if len(r.Entropy) == 0 {
		words, err := wallet.NewMnemonic()
		return rpc.Seed{Mnemonic: words}, err
	}
	const size = 32
	if len(r.Entropy) != size {
		return rpc.Seed{}, fmt.Errorf("seed entropy has %d bytes, not %d", len(r.Entropy), size)
	}
	text, err := bip39.NewMnemonic(r.Entropy)
	return rpc.Seed{Mnemonic: strings.Fields(text)}, err
}

// InitWallet makes the seed's file of words. With a recovery window the chain's past is searched for them.
func (v *Vault) InitWallet(_ context.Context, r rpc.InitWallet) (rpc.RootKeeper, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.root != nil {
		return v.again(r.Password)
	}
	var seed *wallet.Seed
	var err error
	if r.RecoveryWindow > 0 {
		seed, err = wallet.RestoreSeed(r.Mnemonic, string(r.Passphrase), time.Time{})
	} else {
		seed, err = wallet.NewSeed(r.Mnemonic, string(r.Passphrase), time.Now())
	}
	if err != nil {
		return nil, err
	}
	if err := wallet.SaveSeed(v.dir, r.Password, seed); err != nil {
		return nil, vaultError(err)
	}
	return v.open(seed, r.RecoveryWindow, r.RootKey)
}

// UnlockWallet opens the seed's file.
func (v *Vault) UnlockWallet(_ context.Context, r rpc.UnlockWallet) (rpc.RootKeeper, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.root != nil {
		return v.again(r.Password)
	}
	seed, err := wallet.LoadSeed(v.dir, r.Password)
	if err != nil {
		return nil, vaultError(err)
	}
	return v.open(seed, r.RecoveryWindow, nil)
}

// ChangePassword encrypts the seed's file anew and opens it. A call that comes again after it succeeded finds the new
// password in force.
func (v *Vault) ChangePassword(_ context.Context, r rpc.ChangePassword) (rpc.RootKeeper, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := wallet.ChangePassword(v.dir, r.Current, r.New)
	if v.root != nil && errors.Is(err, wallet.ErrWrongPassword) {
		return v.again(r.New)
	}
	if err != nil {
		return nil, vaultError(err)
	}
	seed, err := wallet.LoadSeed(v.dir, r.New)
	if err != nil {
		return nil, vaultError(err)
	}
	var root []byte
	if r.NewRootKey {
		root = newRootKey()
	}
	return v.open(seed, 0, root)
}

// again answers a call that has succeeded before, to whoever knows the password.
func (v *Vault) again(password []byte) (rpc.RootKeeper, error) {
	seed, err := wallet.LoadSeed(v.dir, password)
	if err != nil {
		return nil, vaultError(err)
	}
	seed.Wipe()
	return v.root, nil
}

// open hands the seed over, the first time. root replaces the root key of macaroons where it is not nil.
func (v *Vault) open(seed *wallet.Seed, window int32, root []byte) (rpc.RootKeeper, error) {
	keys, err := wallet.NewKeys(seed, v.params)
	if err != nil {
		return nil, err
	}
	keeper, err := openRootKeeper(v.dir, keys, root)
	if err != nil {
		return nil, err
	}
	first := v.root == nil
	v.root = keeper
	if first {
		v.opened <- Opened{Seed: seed, RecoveryWindow: uint32(max(window, 0))}
	} else {
		seed.Wipe()
	}
	return keeper, nil
}

// vaultError words refusals as clients match them.
func vaultError(err error) error {
	if errors.Is(err, wallet.ErrWrongPassword) {
		return rpc.ErrWrongPassword
	}
	return err
}
