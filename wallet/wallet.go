package wallet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	btcwallet "github.com/btcsuite/btcwallet/wallet"
	"github.com/btcsuite/btcwallet/walletdb"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	// ErrNotSynced: the wallet has not caught up with its backend.
	ErrNotSynced = errors.New("wallet is not synced to the chain")
	// ErrClosed: the wallet is closed.
	ErrClosed = errors.New("wallet is closed")
)

// Chain is what the wallet wants of our chain client: blocks to follow, and a way to publish.
type Chain interface {
	chain.Source
	chain.Publisher
}

// DefaultRecoveryWindow of a restore: how many unused addresses in a row it looks beyond.
const DefaultRecoveryWindow = 250

// Config is where a wallet lives and what it hears the chain from.
type Config struct {
	Dir            string // of wallet.db; made where missing
	Params         *chaincfg.Params
	Chain          Chain
	Log            *slog.Logger // nil: slog.Default
	RecoveryWindow uint32       // 0: DefaultRecoveryWindow
	Reserve        Reserve      // zero: DefaultReserve
}

// Wallet is the node's on-chain money. It is safe for concurrent use.
type Wallet struct {
	cfg      Config
	keys     *Keys
	log      *slog.Logger
	db       walletdb.DB
	core     *btcwallet.Wallet
	follower *follower
	hub      hub
	anchors  atomic.Int64 // open anchor channels
	closing  sync.Once
}

// Open opens, or at the first call makes, the on-chain wallet of the seed. It does not wait for the chain: while the
// backend is absent the wallet keeps trying, and resumes by itself. The seed may be wiped afterwards.
func Open(cfg Config, s *Seed) (*Wallet, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.RecoveryWindow == 0 {
		cfg.RecoveryWindow = DefaultRecoveryWindow
	}
	if cfg.Reserve == (Reserve{}) {
		cfg.Reserve = DefaultReserve
	}
	keys, err := NewKeys(s, cfg.Params)
	if err != nil {
		return nil, err
	}
	d, err := openDatabase(cfg, s, keys)
	if err != nil {
		return nil, err
	}
	w := &Wallet{cfg: cfg, keys: keys, log: cfg.Log, db: d.db, core: d.core}
	w.follower = newFollower(cfg.Chain, cfg.Params, w, d.recovers)
	w.core.Start()
	secret := keys.Sub(databaseLabel)
	if err := w.core.Unlock(secret[:], nil); err != nil {
		w.core.Stop()
		w.core.WaitForShutdown()
		return nil, errors.Join(fmt.Errorf("unlock wallet: %w", err), d.db.Close())
	}
	w.core.SynchronizeRPC(w.follower)
	w.follower.start()
	return w, nil
}

// Close stops the wallet and waits for it.
func (w *Wallet) Close() (err error) {
	w.closing.Do(func() {
		w.follower.Stop()
		w.follower.WaitForShutdown()
		w.core.Stop()
		w.core.WaitForShutdown()
		w.hub.close()
		err = w.db.Close()
	})
	return err
}

// Keys of the seed that the wallet was opened with.
func (w *Wallet) Keys() *Keys { return w.keys }

// Sync is how far the wallet has followed the chain.
type Sync struct {
	Synced     bool
	Recovering bool // a restore's rescan is under way
	Height     lnwire.Height
	Hash       chainhash.Hash
	Time       time.Time
	Target     lnwire.Height // the backend's height when last in step
}

// Sync tells it without waiting.
func (w *Wallet) Sync() Sync {
	at := w.core.Manager.SyncedTo()
	tip := w.cfg.Chain.Best()
	following := w.follower.following.Load()
	return Sync{
		Synced:     following && w.cfg.Chain.Synced() && at.Hash == tip.Hash,
		Recovering: !following && w.follower.recovers,
		Height:     lnwire.Height(at.Height), Hash: at.Hash, Time: at.Timestamp, Target: tip.Height,
	}
}

// WaitSynced returns once the wallet has caught up with its backend.
func (w *Wallet) WaitSynced(ctx context.Context) error {
	for {
		moved := w.hub.moved()
		if w.Sync().Synced {
			return nil
		}
		select {
		case <-moved:
		case <-w.follower.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrNotSynced, ctx.Err())
		}
	}
}

// Balance of the wallet. Total = Confirmed + Unconfirmed + Locked.
type Balance struct {
	Total, Confirmed, Unconfirmed btcutil.Amount
	Locked                        btcutil.Amount // leased coins
	ReservedAnchor                btcutil.Amount // part of the above that is kept for anchors' fees
}

// Balance counts coins of at least minConfs (0 or 1 mean the same) as confirmed. Immature coinbases are not counted.
func (w *Wallet) Balance(minConfs int32) (Balance, error) {
	coins, err := w.ListUnspent(0, MaxConfs)
	if err != nil {
		return Balance{}, err
	}
	leases, err := w.Leases()
	if err != nil {
		return Balance{}, err
	}
	b := Balance{ReservedAnchor: w.Reserved()}
	for _, c := range coins {
		if c.Confs >= max(minConfs, 1) {
			b.Confirmed += c.Amount
		} else {
			b.Unconfirmed += c.Amount
		}
	}
	for _, l := range leases {
		b.Locked += l.Amount
	}
	b.Total = b.Confirmed + b.Unconfirmed + b.Locked
	return b, nil
}
