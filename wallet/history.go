package wallet

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	btcwallet "github.com/btcsuite/btcwallet/wallet"
	"github.com/btcsuite/btcwallet/wtxmgr"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	// ErrUnknownTx: the wallet has no such transaction.
	ErrUnknownTx = errors.New("transaction not found")
	// ErrLabelExists: the transaction has a label, and overwriting was not asked for.
	ErrLabelExists = errors.New("transaction already labelled")
	// ErrLongLabel: more than MaxLabel bytes.
	ErrLongLabel = errors.New("label is too long")
)

// MaxLabel bounds a label, in bytes.
const MaxLabel = wtxmgr.TxLabelLimit

// Tx is a transaction of the wallet.
type Tx struct {
	Tx      *wire.MsgTx
	Hash    chainhash.Hash
	Label   string
	Amount  btcutil.Amount // to the wallet less from it: negative where it paid
	Fee     btcutil.Amount // 0 unless all inputs are the wallet's
	Time    time.Time      // of the block, or when it was first seen
	Confs   int32
	Height  lnwire.Height // 0: unconfirmed
	Block   chainhash.Hash
	Outputs []TxOutput
	Spent   []wire.OutPoint // the wallet's coins among the inputs
}

// TxOutput tells of one output whether it pays the wallet.
type TxOutput struct {
	Address string // empty where the script has none
	Amount  btcutil.Amount
	Script  []byte
	Mine    bool
}

// Latest, as the upper end of a range of heights, includes the tip and the unconfirmed transactions.
const Latest lnwire.Height = math.MaxUint32

// Transactions lists those of heights from to to, both included, oldest first. Unconfirmed ones come last, with Latest only.
func (w *Wallet) Transactions(from, to lnwire.Height) ([]Tx, error) {
	end := int32(-1)
	if to <= math.MaxInt32 {
		end = int32(to)
	}
	if from > math.MaxInt32 || end >= 0 && from > to {
		return nil, nil
	}
	var found []wtxmgr.TxDetails
	err := btcwallet.UnstableAPI(w.core).RangeTransactions(int32(from), end, func(d []wtxmgr.TxDetails) (bool, error) {
		found = append(found, d...)
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list transactions: %w", err)
	}
	height := w.core.Manager.SyncedTo().Height
	txs := make([]Tx, len(found))
	for i := range found {
		txs[i] = w.tx(&found[i], height)
	}
	return txs, nil
}

// Transaction by its hash: ErrUnknownTx.
func (w *Wallet) Transaction(h chainhash.Hash) (Tx, error) {
	d, err := w.details(h)
	if err != nil {
		return Tx{}, err
	}
	if d == nil {
		return Tx{}, fmt.Errorf("%w: %v", ErrUnknownTx, h)
	}
	return w.tx(d, w.core.Manager.SyncedTo().Height), nil
}

// details are nil for an unknown transaction.
func (w *Wallet) details(h chainhash.Hash) (*wtxmgr.TxDetails, error) {
	d, err := btcwallet.UnstableAPI(w.core).TxDetails(&h)
	if err != nil {
		return nil, fmt.Errorf("look up transaction: %w", err)
	}
	return d, nil
}

func (w *Wallet) tx(d *wtxmgr.TxDetails, height int32) Tx {
	t := Tx{Tx: &d.MsgTx, Hash: d.Hash, Label: d.Label, Time: d.Received}
	if d.Block.Height >= 0 {
		t.Height, t.Block, t.Time = lnwire.Height(d.Block.Height), d.Block.Hash, d.Block.Time
		t.Confs = confirmations(d.Block.Height, height)
	}
	for _, out := range d.MsgTx.TxOut {
		addr, _ := addressOf(out.PkScript, w.cfg.Params)
		t.Outputs = append(t.Outputs, TxOutput{Address: addr, Amount: btcutil.Amount(out.Value), Script: out.PkScript})
		t.Fee -= btcutil.Amount(out.Value)
	}
	for _, c := range d.Credits {
		t.Outputs[c.Index].Mine = true
		t.Amount += c.Amount
	}
	for _, c := range d.Debits {
		t.Spent = append(t.Spent, d.MsgTx.TxIn[c.Index].PreviousOutPoint)
		t.Amount -= c.Amount
		t.Fee += c.Amount
	}
	if len(d.Debits) != len(d.MsgTx.TxIn) {
		t.Fee = 0
	}
	return t
}

// confirmations of what is in a block of a height (-1: in none), seen from the tip.
func confirmations(height, tip int32) int32 {
	if height < 0 || height > tip {
		return 0
	}
	return tip - height + 1
}

// Label names a transaction of the wallet: ErrUnknownTx, ErrLabelExists, ErrLongLabel.
func (w *Wallet) Label(h chainhash.Hash, label string, overwrite bool) error {
	if len(label) > MaxLabel {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrLongLabel, len(label), MaxLabel)
	}
	switch err := w.core.LabelTransaction(h, label, overwrite); {
	case errors.Is(err, btcwallet.ErrUnknownTransaction):
		return fmt.Errorf("%w: %v", ErrUnknownTx, h)
	case errors.Is(err, btcwallet.ErrTxLabelExists):
		return ErrLabelExists
	case err != nil:
		return fmt.Errorf("label transaction: %w", err)
	}
	return nil
}
