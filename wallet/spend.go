package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/walletdb"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// ErrBadRequest: the request contradicts itself.
var ErrBadRequest = errors.New("bad request")

const (
	// DefaultTarget in blocks of a spend that names neither rate nor target.
	DefaultTarget = 6
	// FundLease is how long an opening holds its coins: the time that a peer, and an outside signer, have.
	FundLease = 24 * time.Hour
	// sendLease covers signing and publishing; publishing makes it moot.
	sendLease = time.Minute
	// replaceable signals that we may raise the fee (BIP 125).
	replaceable = wire.MaxTxInSequenceNum - 2
)

// Selection is what a spend may use and what it pays: FeeRate, or else a Target in blocks, or else DefaultTarget.
type Selection struct {
	FeeRate      lnwire.FeePerKW
	Target       uint32
	MinConfs     int32           // 0 allows unconfirmed coins
	Coins        []wire.OutPoint // exactly these, all of them; none: the wallet chooses
	SpendReserve bool            // may use the reserve for anchors
}

// SendRequest is an ordinary payment. With All, the amount of Outputs[0] is ignored: it takes what the others leave.
type SendRequest struct {
	Outputs []wire.TxOut
	All     bool
	Label   string
	Selection
}

// Send chooses coins, signs and publishes: ErrInsufficientFunds, ErrReserved, ErrDust, or *chain.Rejected.
func (w *Wallet) Send(ctx context.Context, r SendRequest) (*wire.MsgTx, error) {
	d, err := w.draft(ctx, &r.Selection, payment{outputs: r.Outputs, all: r.All, keep: w.Reserved()}, sendLease)
	if err != nil {
		return nil, err
	}
	if err := w.Publish(ctx, d.tx, r.Label); err != nil {
		return nil, errors.Join(err, w.release(d))
	}
	return d.tx, nil
}

// Quote is what a send would cost.
type Quote struct {
	Fee     btcutil.Amount
	FeeRate lnwire.FeePerKW
	Inputs  []wire.OutPoint
}

// Quote chooses coins as Send does, and leaves everything as it was.
func (w *Wallet) Quote(ctx context.Context, r SendRequest) (Quote, error) {
	p := payment{outputs: r.Outputs, all: r.All, keep: w.Reserved()}
	if err := w.price(ctx, &r.Selection, &p); err != nil {
		return Quote{}, err
	}
	q := Quote{FeeRate: p.rate}
	err := walletdb.View(w.db, func(tx walletdb.ReadTx) error {
		s, err := w.selectCoins(tx.ReadBucket(txBucket), &r.Selection, p)
		if err != nil {
			return err
		}
		q.Fee = s.fee
		for _, c := range s.coins {
			q.Inputs = append(q.Inputs, c.OutPoint)
		}
		return nil
	})
	return q, err
}

// FundRequest asks for a signed transaction that pays Amount (or, with All, everything less the fee, but no more than
// Max where that is not 0) to Script.
type FundRequest struct {
	Script []byte
	Amount btcutil.Amount
	All    bool
	Max    btcutil.Amount
	Selection
}

// Funded is fully signed and not published. Its coins are leased for FundLease; publishing makes that moot.
type Funded struct {
	Tx          *wire.MsgTx
	OutputIndex uint32
	Amount      btcutil.Amount
	Fee         btcutil.Amount
	LeaseID     LockID
}

// Fund chooses coins, leases them, and signs: two openings never share a coin. All inputs are segwit, so that the
// transaction's id is final. The reserve is that of one anchor channel more than are open.
func (w *Wallet) Fund(ctx context.Context, r FundRequest) (*Funded, error) {
	p := payment{
		outputs: []wire.TxOut{{Value: int64(r.Amount), PkScript: r.Script}}, all: r.All, limit: r.Max,
		keep: w.RequiredReserve(1),
	}
	d, err := w.draft(ctx, &r.Selection, p, FundLease)
	if err != nil {
		return nil, err
	}
	f := &Funded{Tx: d.tx, Fee: d.fee, LeaseID: d.id, Amount: r.Amount, OutputIndex: uint32(d.place[0])}
	if r.All {
		f.Amount = btcutil.Amount(d.tx.TxOut[f.OutputIndex].Value)
	}
	return f, nil
}

// Unfund gives the coins of an opening that failed back. It must not be called once the transaction may be published.
func (w *Wallet) Unfund(f *Funded) error {
	var errs []error
	for _, in := range f.Tx.TxIn {
		errs = append(errs, w.Release(f.LeaseID, in.PreviousOutPoint))
	}
	return errors.Join(errs...)
}

// draft is a transaction of ours whose coins are leased.
type draft struct {
	tx     *wire.MsgTx
	coins  []Coin // in order of the inputs
	fee    btcutil.Amount
	id     LockID
	expiry time.Time
	place  []int // where each requested output went
	change int   // index of the change output, -1: none
}

// draft selects and leases in one database transaction, then builds and signs.
func (w *Wallet) draft(ctx context.Context, sel *Selection, p payment, lease time.Duration) (*draft, error) {
	d := new(draft)
	if _, err := rand.Read(d.id[:]); err != nil {
		return nil, fmt.Errorf("draw lease id: %w", err)
	}
	if err := w.compose(ctx, d, sel, p, lease); err != nil {
		return nil, err
	}
	if err := w.sign(d.tx, d.coins); err != nil {
		return nil, errors.Join(err, w.release(d))
	}
	return d, nil
}

// compose is draft without signing, under the lease id that d has.
func (w *Wallet) compose(ctx context.Context, d *draft, sel *Selection, p payment, lease time.Duration) error {
	if err := w.price(ctx, sel, &p); err != nil {
		return err
	}
	// The script comes first: btcwallet makes addresses in database transactions of its own. One that is not needed
	// is lost, which costs a place in the recovery window's count, and no money.
	script, err := w.NewScript()
	if err != nil {
		return err
	}
	var s *selection
	err = walletdb.Update(w.db, func(tx walletdb.ReadWriteTx) (err error) {
		ns := tx.ReadWriteBucket(txBucket)
		if s, err = w.selectCoins(ns, sel, p); err != nil {
			return err
		}
		for _, c := range s.coins {
			if d.expiry, err = w.lease(ns, d.id, c.OutPoint, lease); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.build(s, p, script)
}

// build lays the transaction out, with its outputs in an order that does not tell which is the change.
func (d *draft) build(s *selection, p payment, changeScript []byte) error {
	d.coins, d.fee, d.change = s.coins, s.fee, -1
	outputs := append([]wire.TxOut(nil), p.outputs...)
	if p.all {
		outputs[0].Value = int64(s.amount)
	}
	if s.change > 0 {
		outputs = append(outputs, wire.TxOut{Value: int64(s.change), PkScript: changeScript})
	}
	order, err := shuffle(len(outputs))
	if err != nil {
		return err
	}
	d.tx = wire.NewMsgTx(2)
	for _, c := range s.coins {
		d.tx.AddTxIn(&wire.TxIn{PreviousOutPoint: c.OutPoint, Sequence: replaceable})
	}
	d.place = make([]int, len(p.outputs))
	for at, i := range order {
		d.tx.AddTxOut(&wire.TxOut{Value: outputs[i].Value, PkScript: outputs[i].PkScript})
		if i < len(d.place) {
			d.place[i] = at
		} else {
			d.change = at
		}
	}
	return nil
}

// shuffle is a random permutation.
func shuffle(n int) ([]int, error) {
	order := make([]int, n)
	for i := range order {
		j, err := rand.Int(rand.Reader, big.NewInt(int64(i)+1))
		if err != nil {
			return nil, fmt.Errorf("order outputs: %w", err)
		}
		order[i] = order[j.Int64()]
		order[j.Int64()] = i
	}
	return order, nil
}

// price fills in the fee rate, and what the request says of the reserve.
func (w *Wallet) price(ctx context.Context, sel *Selection, p *payment) error {
	if len(p.outputs) == 0 {
		return fmt.Errorf("%w: no outputs", ErrBadRequest)
	}
	if sel.FeeRate != 0 && sel.Target != 0 {
		return fmt.Errorf("%w: both a fee rate and a target", ErrBadRequest)
	}
	p.rate = sel.FeeRate
	if p.rate == 0 {
		target := sel.Target
		if target == 0 {
			target = DefaultTarget
		}
		rate, err := w.cfg.Chain.EstimateFee(ctx, target)
		if errors.Is(err, chain.ErrNoEstimate) {
			return fmt.Errorf("name a fee rate: %w", err)
		}
		if err != nil {
			return fmt.Errorf("estimate fee: %w", err)
		}
		p.rate = rate
	}
	p.rate = max(p.rate, lnwire.FeePerKWFloor)
	p.exact = len(sel.Coins) > 0
	if sel.SpendReserve {
		p.keep = 0
	}
	return nil
}

// selectCoins offers the coins that the request allows to choose.
func (w *Wallet) selectCoins(ns walletdb.ReadBucket, sel *Selection, p payment) (*selection, error) {
	every, err := w.coins(ns, 0, MaxConfs)
	if err != nil {
		return nil, err
	}
	wanted := make(map[wire.OutPoint]bool, len(sel.Coins))
	for _, op := range sel.Coins {
		if wanted[op] {
			return nil, fmt.Errorf("%w: coin %v twice", ErrBadRequest, op)
		}
		wanted[op] = true
	}
	var offered []Coin
	for _, c := range every {
		if p.exact && wanted[c.OutPoint] || !p.exact && c.Confs >= sel.MinConfs {
			offered = append(offered, c)
		} else {
			p.elsewhere += c.Amount
		}
	}
	if p.exact && len(offered) != len(wanted) {
		return nil, fmt.Errorf("%w: not all of the named coins can be spent", ErrUnknownOutput)
	}
	return choose(offered, p)
}

// sign completes the wallet's inputs of tx; coins are in the order of the inputs.
func (w *Wallet) sign(tx *wire.MsgTx, coins []Coin) error {
	prevouts := txscript.NewMultiPrevOutFetcher(nil)
	for _, c := range coins {
		prevouts.AddPrevOut(c.OutPoint, &wire.TxOut{Value: int64(c.Amount), PkScript: c.Script})
	}
	hashes := txscript.NewTxSigHashes(tx, prevouts)
	for i, c := range coins {
		witness, err := w.witness(tx, i, &wire.TxOut{Value: int64(c.Amount), PkScript: c.Script}, hashes, 0)
		if err != nil {
			return err
		}
		tx.TxIn[i].Witness = witness
	}
	return nil
}

// witness of one input that spends out; kind 0 means the usual signature hash.
func (w *Wallet) witness(tx *wire.MsgTx, i int, out *wire.TxOut, hashes *txscript.TxSigHashes, kind txscript.SigHashType) (wire.TxWitness, error) {
	if kind == txscript.SigHashDefault && scriptType(out.PkScript) != P2TR {
		kind = txscript.SigHashAll
	}
	witness, _, err := w.core.ComputeInputScript(tx, out, i, hashes, kind, nil)
	if err != nil {
		return nil, fmt.Errorf("sign input %d: %w", i, err)
	}
	return witness, nil
}

func (w *Wallet) release(d *draft) error {
	var errs []error
	for _, c := range d.coins {
		errs = append(errs, w.Release(d.id, c.OutPoint))
	}
	return errors.Join(errs...)
}
