package wallet

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/walletdb"
	"github.com/btcsuite/btcwallet/wtxmgr"
)

var (
	// ErrLeased: the coin is held by somebody else.
	ErrLeased = errors.New("output already locked")
	// ErrUnknownOutput: no such unspent coin of ours.
	ErrUnknownOutput = errors.New("unknown output")
)

// MaxConfs, as an upper limit of confirmations, is none.
const MaxConfs = math.MaxInt32

// LockID names the holder of a lease.
type LockID [32]byte

// Lease is a coin that is kept from every selection until it expires.
type Lease struct {
	ID       LockID
	OutPoint wire.OutPoint
	Amount   btcutil.Amount
	Script   []byte
	Expiry   time.Time
}

// ListUnspent lists the coins of min to max confirmations that are neither leased nor immature, in order of outpoint.
func (w *Wallet) ListUnspent(min, max int32) (coins []Coin, err error) {
	err = walletdb.View(w.db, func(tx walletdb.ReadTx) (err error) {
		coins, err = w.coins(tx.ReadBucket(txBucket), min, max)
		return err
	})
	return coins, err
}

func (w *Wallet) coins(ns walletdb.ReadBucket, min, max int32) ([]Coin, error) {
	credits, err := w.core.TxStore.UnspentOutputs(ns)
	if err != nil {
		return nil, fmt.Errorf("list coins: %w", err)
	}
	tip := w.core.Manager.SyncedTo().Height
	coins := make([]Coin, 0, len(credits))
	for _, c := range credits {
		confs := confirmations(c.Height, tip)
		immature := c.FromCoinBase && confs < int32(w.cfg.Params.CoinbaseMaturity)
		t := scriptType(c.PkScript)
		if confs < min || confs > max || immature || t == 0 {
			continue
		}
		addr, _ := addressOf(c.PkScript, w.cfg.Params)
		coins = append(coins, Coin{
			OutPoint: c.OutPoint, Amount: c.Amount, Script: c.PkScript, Address: addr, Type: t, Confs: confs,
		})
	}
	slices.SortFunc(coins, func(a, b Coin) int { return compareOutPoints(a.OutPoint, b.OutPoint) })
	return coins, nil
}

// Lease holds the coin for d, or prolongs it for the same id: ErrLeased, ErrUnknownOutput. It survives restarts.
func (w *Wallet) Lease(id LockID, op wire.OutPoint, d time.Duration) (expiry time.Time, err error) {
	err = walletdb.Update(w.db, func(tx walletdb.ReadWriteTx) (err error) {
		expiry, err = w.lease(tx.ReadWriteBucket(txBucket), id, op, d)
		return err
	})
	return expiry, err
}

func (w *Wallet) lease(ns walletdb.ReadWriteBucket, id LockID, op wire.OutPoint, d time.Duration) (time.Time, error) {
	expiry, err := w.core.TxStore.LockOutput(ns, wtxmgr.LockID(id), op, d)
	return expiry, leaseError(op, err)
}

// Release ends a lease. It is no error where there is none; ErrLeased: it is another's; ErrUnknownOutput.
func (w *Wallet) Release(id LockID, op wire.OutPoint) error {
	return walletdb.Update(w.db, func(tx walletdb.ReadWriteTx) error {
		return leaseError(op, w.core.TxStore.UnlockOutput(tx.ReadWriteBucket(txBucket), wtxmgr.LockID(id), op))
	})
}

func leaseError(op wire.OutPoint, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, wtxmgr.ErrUnknownOutput):
		return fmt.Errorf("%w: %v", ErrUnknownOutput, op)
	case errors.Is(err, wtxmgr.ErrOutputAlreadyLocked), errors.Is(err, wtxmgr.ErrOutputUnlockNotAllowed):
		return fmt.Errorf("%w: %v", ErrLeased, op)
	default:
		return fmt.Errorf("lease %v: %w", op, err)
	}
}

// Leases lists those that have not expired, of coins that are not spent.
func (w *Wallet) Leases() ([]Lease, error) {
	var leases []Lease
	err := walletdb.View(w.db, func(tx walletdb.ReadTx) error {
		ns := tx.ReadBucket(txBucket)
		locked, err := w.core.TxStore.ListLockedOutputs(ns)
		if err != nil {
			return fmt.Errorf("list leases: %w", err)
		}
		for _, l := range locked {
			d, err := w.core.TxStore.TxDetails(ns, &l.Outpoint.Hash)
			if err != nil {
				return fmt.Errorf("list leases: %w", err)
			}
			if d == nil || int(l.Outpoint.Index) >= len(d.MsgTx.TxOut) || spent(d, l.Outpoint.Index) {
				continue
			}
			out := d.MsgTx.TxOut[l.Outpoint.Index]
			leases = append(leases, Lease{
				ID: LockID(l.LockID), OutPoint: l.Outpoint, Expiry: l.Expiration,
				Amount: btcutil.Amount(out.Value), Script: out.PkScript,
			})
		}
		return nil
	})
	slices.SortFunc(leases, func(a, b Lease) int { return compareOutPoints(a.OutPoint, b.OutPoint) })
	return leases, err
}

func spent(d *wtxmgr.TxDetails, index uint32) bool {
	for _, c := range d.Credits {
		if c.Index == index {
			return c.Spent
		}
	}
	return true
}
