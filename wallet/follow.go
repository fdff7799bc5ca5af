package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	btcchain "github.com/btcsuite/btcwallet/chain"
	"github.com/btcsuite/btcwallet/waddrmgr"
	"github.com/btcsuite/btcwallet/walletdb"
	"github.com/btcsuite/btcwallet/wtxmgr"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	stepTimeout  = time.Minute // of one block's worth of questions to the backend
	retryAfter   = time.Second // after the backend, or the disk, failed
	maxUnhandled = 10_000      // mempool transactions that wait for the wallet; more are dropped, their blocks are not
)

// follower feeds btcwallet from our chain client: one goroutine walks from the block that the wallet has to the tip,
// and takes blocks back where the chain did. (docs/adr/0012 says why btcwallet's own clients are not used.)
//
//	ask backend for the block after ours ──► is its parent ours? ──yes──► hand over, wait until it is stored
//	        ▲                                    │ no: hand our block back            │
//	        └────────────────────────────────────┴────────────────────────────────────┘
//
// The wallet's database is the only state: what a crash or an error cuts off is told again.
type follower struct {
	chain  Chain
	wallet *Wallet
	*watchlist

	// btcwallet's interface has no contexts; this one ends all its questions at Stop.
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	notes     chan any // unbuffered: a note that is taken means that the one before is handled
	wake      chan struct{}
	following atomic.Bool // the first synchronisation is over
	unsent    atomic.Bool // a broadcast did not reach the backend
	recovers  bool        // the first synchronisation searches the past

	mempool mempool
}

func newFollower(c Chain, params *chaincfg.Params, w *Wallet, recovers bool) *follower {
	f := &follower{
		chain: c, wallet: w, watchlist: newWatchlist(params), recovers: recovers,
		notes: make(chan any), wake: make(chan struct{}, 1),
	}
	f.mempool.wake = f.wake
	f.unsent.Store(true) // at each start
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

func (f *follower) start() {
	f.chain.Notify(f.wake)
	f.chain.WatchMempool(&f.mempool)
	f.done.Add(1)
	go f.run()
}

// Stop and WaitForShutdown are btcwallet's names for the end.
func (f *follower) Stop()            { f.cancel() }
func (f *follower) WaitForShutdown() { f.done.Wait() }

func (f *follower) run() {
	defer f.done.Done()
	defer f.chain.Forget(f.wake)
	defer f.chain.UnwatchMempool(&f.mempool)
	txs, err := f.wallet.unconfirmed()
	if err != nil {
		f.wallet.log.Error("unconfirmed transactions are not watched", "err", err)
	}
	for _, tx := range txs {
		f.watchTx(tx.TxHash())
	}
	if !f.connect() {
		return
	}
	for {
		err := f.catchUp()
		var retry <-chan time.Time
		if err != nil {
			if f.ctx.Err() != nil {
				return
			}
			f.wallet.log.Warn("wallet cannot follow the chain, trying again", "err", err)
			retry = time.After(retryAfter)
		}
		f.wallet.hub.move()
		select {
		case <-f.wake:
		case <-retry:
		case <-f.ctx.Done():
			return
		}
	}
}

// connect waits for the backend, then lets btcwallet compare its blocks with the chain, and search the past where the
// seed is a restored one.
func (f *follower) connect() bool {
	for !f.chain.Synced() {
		select {
		case <-f.wake:
		case <-f.ctx.Done():
			return false
		}
	}
	if !f.hand(btcchain.ClientConnected{}) {
		return false
	}
	at := f.position()
	if !f.hand(&btcchain.RescanFinished{Hash: &at.Hash, Height: at.Height, Time: at.Timestamp}) {
		return false
	}
	if f.recovers {
		if err := f.wallet.recovered(); err != nil {
			f.wallet.log.Warn("the search of the chain will be repeated", "err", err)
		}
	}
	f.following.Store(true)
	return true
}

// hand gives a note to btcwallet and returns when it is handled.
func (f *follower) hand(note any) bool {
	for _, n := range []any{note, struct{}{}} { // btcwallet ignores the second, which tells us that it is done with the first
		select {
		case f.notes <- n:
		case <-f.ctx.Done():
			return false
		}
	}
	return true
}

func (f *follower) position() waddrmgr.BlockStamp { return f.wallet.core.Manager.SyncedTo() }

// catchUp takes what the mempool feed brought, and steps to the tip.
func (f *follower) catchUp() error {
	for moved := false; ; {
		if err := f.takeMempool(); err != nil {
			return err
		}
		if !f.chain.Synced() {
			f.unsent.Store(true) // a backend that restarts may lose its mempool
			return nil
		}
		if f.unsent.Load() {
			if err := f.wallet.resend(f.ctx); err != nil {
				return err
			}
			f.unsent.Store(false)
		}
		at, tip := f.position(), f.chain.Best()
		if at.Hash == tip.Hash && !moved {
			return nil
		}
		if at.Hash == tip.Hash {
			// A block, or a mempool that was full, may have made impossible what we still count on.
			moved = false
			f.unsent.Store(true)
			continue
		}
		if err := f.step(at); err != nil {
			return err
		}
		moved = true
		f.wallet.hub.move()
	}
}

// step goes one block on, or one back.
func (f *follower) step(at waddrmgr.BlockStamp) error {
	ctx, cancel := context.WithTimeout(f.ctx, stepTimeout)
	defer cancel()
	hash, err := f.chain.BlockHash(ctx, lnwire.Height(at.Height))
	if errors.Is(err, chain.ErrUnknownBlock) || err == nil && hash != at.Hash {
		return f.back(at)
	}
	if err != nil {
		return fmt.Errorf("ask for block %d: %w", at.Height, err)
	}
	if hash, err = f.chain.BlockHash(ctx, lnwire.Height(at.Height)+1); err != nil {
		if errors.Is(err, chain.ErrUnknownBlock) {
			return nil // the tip has changed meanwhile
		}
		return fmt.Errorf("ask for block %d: %w", at.Height+1, err)
	}
	block, err := f.chain.Block(ctx, hash)
	if err != nil {
		return fmt.Errorf("fetch block %d: %w", at.Height+1, err)
	}
	if block.Header.PrevBlock != at.Hash {
		return nil // likewise
	}
	return f.forward(at.Height+1, hash, block)
}

func (f *follower) forward(height int32, hash chainhash.Hash, block *wire.MsgBlock) error {
	meta := wtxmgr.BlockMeta{Block: wtxmgr.Block{Hash: hash, Height: height}, Time: block.Header.Timestamp}
	var ours []*wtxmgr.TxRecord
	for _, tx := range block.Transactions {
		if !f.matches(tx) {
			continue
		}
		rec, err := wtxmgr.NewTxRecordFromMsgTx(tx, block.Header.Timestamp)
		if err != nil {
			return fmt.Errorf("record transaction: %w", err)
		}
		ours = append(ours, rec)
	}
	if len(ours) > 0 && !f.hand(btcchain.FilteredBlockConnected{Block: &meta, RelevantTxs: ours}) {
		return f.ctx.Err()
	}
	// btcwallet only logs what fails to be stored. A block that it says to have must have its transactions too.
	for _, rec := range ours {
		if d, err := f.wallet.details(rec.Hash); err != nil || d == nil || d.Block.Height != height {
			return fmt.Errorf("transaction %v of block %d was not stored", rec.Hash, height)
		}
	}
	if !f.hand(btcchain.BlockConnected(meta)) {
		return f.ctx.Err()
	}
	if at := f.position(); at.Hash != hash {
		return fmt.Errorf("block %d was not stored", height)
	}
	for _, rec := range ours {
		f.wallet.announce(rec.Hash)
	}
	return nil
}

// back takes the wallet's last block off. btcwallet's own handling of a disconnected block forgets the hash of the
// block that it goes back to, and then takes that for a stranger too.
func (f *follower) back(at waddrmgr.BlockStamp) error {
	manager := f.wallet.core.Manager
	err := walletdb.Update(f.wallet.db, func(tx walletdb.ReadWriteTx) error {
		ns := tx.ReadWriteBucket(addressBucket)
		// The time is not the parent's, which the chain may no longer know. Nothing depends on it.
		now := waddrmgr.BlockStamp{Height: at.Height - 1, Timestamp: at.Timestamp}
		parent, err := manager.BlockHash(ns, now.Height)
		if err == nil {
			now.Hash = *parent
			err = manager.SetSyncedTo(ns, &now)
		}
		if waddrmgr.IsError(err, waddrmgr.ErrBlockNotFound) {
			err = f.rebirth(ns, now)
		}
		if err != nil {
			return err
		}
		return f.wallet.core.TxStore.Rollback(tx.ReadWriteBucket(txBucket), at.Height)
	})
	if err != nil {
		return fmt.Errorf("take block %d back: %w", at.Height, err)
	}
	return nil
}

// rebirth puts the wallet on the best chain's block at the height, which is below the first one that it knows. There is
// nothing of its own so far down: it was born above.
func (f *follower) rebirth(ns walletdb.ReadWriteBucket, at waddrmgr.BlockStamp) error {
	ctx, cancel := context.WithTimeout(f.ctx, stepTimeout)
	defer cancel()
	hash, err := f.chain.BlockHash(ctx, lnwire.Height(at.Height))
	if err != nil {
		return err
	}
	at.Hash = hash
	// Without a birthday btcwallet does not ask for the block before.
	if err := waddrmgr.DeleteBirthdayBlock(ns); err != nil {
		return err
	}
	if err := f.wallet.core.Manager.SetSyncedTo(ns, &at); err != nil {
		return err
	}
	return f.wallet.core.Manager.SetBirthdayBlock(ns, at, true)
}

func (f *follower) takeMempool() error {
	for _, tx := range f.mempool.take() {
		if !f.matches(tx) {
			continue
		}
		rec, err := wtxmgr.NewTxRecordFromMsgTx(tx, time.Now())
		if err != nil {
			return fmt.Errorf("record transaction: %w", err)
		}
		if d, err := f.wallet.details(rec.Hash); err == nil && d != nil {
			continue // known already, perhaps confirmed
		}
		if err := f.wallet.replaced(tx); err != nil {
			return err
		}
		if !f.hand(btcchain.RelevantTx{TxRecord: rec}) {
			return f.ctx.Err()
		}
		f.wallet.announce(rec.Hash)
	}
	return nil
}

// mempool is the mailbox between the client's feed and the follower.
type mempool struct {
	mu   sync.Mutex
	txs  []*wire.MsgTx
	wake chan struct{}
}

// Unconfirmed implements chain.TxSink.
func (m *mempool) Unconfirmed(tx *wire.MsgTx) {
	m.mu.Lock()
	if len(m.txs) < maxUnhandled {
		m.txs = append(m.txs, tx)
	}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mempool) take() []*wire.MsgTx {
	m.mu.Lock()
	defer m.mu.Unlock()
	txs := m.txs
	m.txs = nil
	return txs
}
