package wallet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/walletdb"
	"github.com/btcsuite/btcwallet/wtxmgr"

	"github.com/fulmen-ln/fulmen/chain"
)

// Publish broadcasts tx and remembers it under label, which may be empty. Where the backend refuses it, nothing is
// remembered and the error is (or wraps) the *chain.Rejected. A backend that cannot be reached is no refusal: the
// transaction is kept, and published when the backend is back, and again at each start until it confirms.
func (w *Wallet) Publish(ctx context.Context, tx *wire.MsgTx, label string) error {
	return w.remember(tx, label, w.cfg.Chain.Broadcast(ctx, tx))
}

// publishChild is Publish for a transaction that pays for its unconfirmed parent, where that is known: the mempool may
// take only both together.
func (w *Wallet) publishChild(ctx context.Context, tx, parent *wire.MsgTx, label string) error {
	return w.remember(tx, label, w.broadcastWith(ctx, tx, parent))
}

// broadcastWith broadcasts tx, and with it, where it is refused alone and there is one, its parent.
func (w *Wallet) broadcastWith(ctx context.Context, tx, parent *wire.MsgTx) error {
	err := w.cfg.Chain.Broadcast(ctx, tx)
	if rejected := (*chain.Rejected)(nil); errors.As(err, &rejected) && parent != nil {
		err = w.cfg.Chain.SubmitPackage(ctx, parent, tx)
	}
	return err
}

// remember keeps a transaction unless err, the answer to its broadcast, is a refusal.
func (w *Wallet) remember(tx *wire.MsgTx, label string, err error) error {
	if rejected := (*chain.Rejected)(nil); errors.As(err, &rejected) {
		return fmt.Errorf("publish %v: %w", tx.TxHash(), err)
	}
	if err != nil {
		w.log.Warn("transaction is kept until the chain backend answers", "tx", tx.TxHash(), "err", err)
		w.follower.unsent.Store(true)
	} else if err := w.replaced(tx); err != nil {
		return err
	}
	w.follower.watchTx(tx.TxHash())
	if err := w.core.PublishTransaction(tx, label); err != nil {
		return fmt.Errorf("remember %v: %w", tx.TxHash(), err)
	}
	w.follower.matches(tx) // from now on its outputs to us are watched
	w.announce(tx.TxHash())
	return nil
}

// unconfirmed lists the wallet's transactions that are in no block, parents first.
func (w *Wallet) unconfirmed() (txs []*wire.MsgTx, err error) {
	err = walletdb.View(w.db, func(tx walletdb.ReadTx) (err error) {
		txs, err = w.core.TxStore.UnminedTxs(tx.ReadBucket(txBucket))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list unconfirmed transactions: %w", err)
	}
	return txs, nil
}

// resend publishes what is unconfirmed again, parents first, and forgets what can never confirm.
func (w *Wallet) resend(ctx context.Context) error {
	txs, err := w.unconfirmed()
	if err != nil {
		return err
	}
	waiting := map[chainhash.Hash]bool{} // refused, and still to be hoped for
	for _, tx := range txs {
		err := w.cfg.Chain.Broadcast(ctx, tx)
		rejected := (*chain.Rejected)(nil)
		if err != nil && !errors.As(err, &rejected) {
			return fmt.Errorf("publish %v again: %w", tx.TxHash(), err)
		}
		if rejected == nil {
			continue
		}
		w.log.Warn("unconfirmed transaction is refused", "tx", tx.TxHash(), "err", err)
		waits := slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return waiting[in.PreviousOutPoint.Hash] })
		if !hopeless(rejected.Reason) || rejected.Reason == chain.MissingInputs && waits {
			waiting[tx.TxHash()] = true
			continue
		}
		if err := w.forget(tx); err != nil {
			return err
		}
	}
	return nil
}

// replaced forgets what tx, which the backend has accepted, replaces: btcwallet would count the outputs of both.
func (w *Wallet) replaced(tx *wire.MsgTx) error {
	txs, err := w.unconfirmed()
	if err != nil {
		return err
	}
	hash := tx.TxHash()
	inputs := make(map[wire.OutPoint]bool, len(tx.TxIn))
	for _, in := range tx.TxIn {
		inputs[in.PreviousOutPoint] = true
	}
	for _, old := range txs {
		if old.TxHash() == hash {
			continue
		}
		if slices.ContainsFunc(old.TxIn, func(in *wire.TxIn) bool { return inputs[in.PreviousOutPoint] }) {
			if err := w.forget(old); err != nil {
				return err
			}
		}
	}
	return nil
}

// hopeless: no later block makes the refusal go away. A fee that is too low today may do tomorrow.
func hopeless(r chain.Reason) bool {
	switch r {
	case chain.MissingInputs, chain.Conflict, chain.BadScript, chain.Invalid:
		return true
	default:
		return false
	}
}

// forget frees the coins that an unconfirmed transaction, and those that build on it, spend.
func (w *Wallet) forget(tx *wire.MsgTx) error {
	rec, err := wtxmgr.NewTxRecordFromMsgTx(tx, time.Now())
	if err != nil {
		return fmt.Errorf("forget %v: %w", tx.TxHash(), err)
	}
	return walletdb.Update(w.db, func(dbtx walletdb.ReadWriteTx) error {
		return w.core.TxStore.RemoveUnminedTx(dbtx.ReadWriteBucket(txBucket), rec)
	})
}
