package rpc

import (
	"bytes"
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/macaroon"
)

// MinPassword is the length of the shortest password that a wallet is locked with, in bytes.
const MinPassword = 8

// unlocker serves lnrpc.WalletUnlocker.
type unlocker struct {
	lnrpc.UnimplementedWalletUnlockerServer
	server *Server
	wallet Unlocker
	seeds  Seeder

	mu sync.Mutex // one opening at a time
}

// files says what an opening does with the macaroon files.
type files int

const (
	keepFiles   files = iota // there afterwards
	noFiles                  // not written
	removeFiles              // not there afterwards
)

// opened takes the root key of the opened wallet into use.
func (u *unlocker) opened(ctx context.Context, k RootKeeper, f files) (admin []byte, err error) {
	s := u.server
	defer func() {
		if err == nil {
			s.state.advance(lnrpc.WalletState_UNLOCKED)
		}
	}()
	if s.options.NoMacaroons {
		return nil, nil
	}
	macs, err := macaroon.NewService(k.RootKey())
	if err != nil {
		return nil, err
	}
	dir := MacaroonDir(s.options.Dir, s.options.Network)
	switch f {
	case keepFiles:
		err = bake(ctx, dir, macs)
	case removeFiles:
		err = unbake(dir)
	}
	if err != nil {
		return nil, err
	}
	admin, err = macs.Mint(ctx, macaroon.Admin()...)
	if err != nil {
		return nil, err
	}
	s.macaroons.Store(macs)
	return admin, nil
}

// in holds the lock and checks that the wallet is in the state that the call needs.
func (u *unlocker) in(want lnrpc.WalletState, otherwise error) (unlock func(), err error) {
	u.mu.Lock()
	now := u.server.state.current()
	switch {
	case now == want:
		return u.mu.Unlock, nil
	case rank(now) >= rank(lnrpc.WalletState_UNLOCKED):
		otherwise = errWalletUnlocked
	}
	u.mu.Unlock()
	return nil, otherwise
}

// GenSeed implements lnrpc.WalletUnlockerServer.
func (u *unlocker) GenSeed(ctx context.Context, r *lnrpc.GenSeedRequest) (*lnrpc.GenSeedResponse, error) {
	if u.server.state.current() != lnrpc.WalletState_NON_EXISTING {
		return nil, errWalletExists
	}
	seed, err := u.seeds.GenSeed(ctx, GenSeed{Passphrase: r.AezeedPassphrase, Entropy: r.SeedEntropy})
	if err != nil {
		return nil, err
	}
	return &lnrpc.GenSeedResponse{CipherSeedMnemonic: seed.Mnemonic, EncipheredSeed: seed.Enciphered}, nil
}

// InitWallet implements lnrpc.WalletUnlockerServer.
func (u *unlocker) InitWallet(ctx context.Context, r *lnrpc.InitWalletRequest) (*lnrpc.InitWalletResponse, error) {
	switch {
	case r.ExtendedMasterKey != "" || r.WatchOnly != nil:
		return nil, status.Error(codes.Unimplemented, "a wallet is made of a seed; extended keys and watch-only wallets are not supported")
	case r.ChannelBackups != nil:
		return nil, status.Error(codes.Unimplemented, "channel backups are not supported when the wallet is made")
	case len(r.MacaroonRootKey) != 0 && len(r.MacaroonRootKey) != macaroon.RootKeySize:
		return nil, invalid("macaroon root key must be %d bytes", macaroon.RootKeySize)
	case len(r.CipherSeedMnemonic) == 0:
		return nil, invalid("cipher_seed_mnemonic is missing")
	}
	if err := checkPassword(r.WalletPassword, r.RecoveryWindow); err != nil {
		return nil, err
	}
	unlock, err := u.in(lnrpc.WalletState_NON_EXISTING, errWalletExists)
	if err != nil {
		return nil, err
	}
	defer unlock()
	k, err := u.wallet.InitWallet(ctx, InitWallet{
		Password: r.WalletPassword, Mnemonic: r.CipherSeedMnemonic, Passphrase: r.AezeedPassphrase,
		RecoveryWindow: r.RecoveryWindow, RootKey: r.MacaroonRootKey,
	})
	if err != nil {
		return nil, err
	}
	f := keepFiles
	if r.StatelessInit {
		f = noFiles
	}
	admin, err := u.opened(ctx, k, f)
	return &lnrpc.InitWalletResponse{AdminMacaroon: admin}, err
}

// UnlockWallet implements lnrpc.WalletUnlockerServer.
func (u *unlocker) UnlockWallet(ctx context.Context, r *lnrpc.UnlockWalletRequest) (*lnrpc.UnlockWalletResponse, error) {
	if r.ChannelBackups != nil {
		return nil, status.Error(codes.Unimplemented, "channel backups are not supported when the wallet is unlocked")
	}
	if r.RecoveryWindow < 0 {
		return nil, invalid("recovery window %d is negative", r.RecoveryWindow)
	}
	unlock, err := u.in(lnrpc.WalletState_LOCKED, errWalletMissing)
	if err != nil {
		return nil, err
	}
	defer unlock()
	k, err := u.wallet.UnlockWallet(ctx, UnlockWallet{Password: r.WalletPassword, RecoveryWindow: r.RecoveryWindow})
	if err != nil {
		return nil, err
	}
	f := keepFiles
	if r.StatelessInit {
		f = noFiles
	}
	_, err = u.opened(ctx, k, f)
	return &lnrpc.UnlockWalletResponse{}, err
}

// ChangePassword implements lnrpc.WalletUnlockerServer. The wallet is open afterwards, as in LND.
func (u *unlocker) ChangePassword(ctx context.Context, r *lnrpc.ChangePasswordRequest) (*lnrpc.ChangePasswordResponse, error) {
	if err := checkPassword(r.NewPassword, 0); err != nil {
		return nil, err
	}
	if bytes.Equal(r.NewPassword, r.CurrentPassword) {
		return nil, invalid("the new password is the current one")
	}
	unlock, err := u.in(lnrpc.WalletState_LOCKED, errWalletMissing)
	if err != nil {
		return nil, err
	}
	defer unlock()
	k, err := u.wallet.ChangePassword(ctx, ChangePassword{
		Current: r.CurrentPassword, New: r.NewPassword, NewRootKey: r.NewMacaroonRootKey,
	})
	if err != nil {
		return nil, err
	}
	f := keepFiles
	if r.StatelessInit {
		f = removeFiles
	}
	admin, err := u.opened(ctx, k, f)
	return &lnrpc.ChangePasswordResponse{AdminMacaroon: admin}, err
}

func checkPassword(password []byte, window int32) error {
	if len(password) < MinPassword {
		return invalid("password must have at least %d characters", MinPassword)
	}
	if window < 0 {
		return invalid("recovery window %d is negative", window)
	}
	return nil
}
