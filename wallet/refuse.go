package wallet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// refused deals with a transaction that the mempool did not take. again: planning anew, now, can help.
func (s *Sweeper) refused(ctx context.Context, t *sweep, why *chain.Rejected) (again bool, err error) {
	s.log.Warn("sweep is refused", "claims", len(t.claims), "fee", t.fee, "reason", why.Reason, "err", why)
	for _, c := range t.coins { // a lease that is not ours, or of a coin that is gone, is none to release
		if err := s.wallet.Release(s.lock, c.OutPoint); err != nil && !errors.Is(err, ErrUnknownOutput) && !errors.Is(err, ErrLeased) {
			return false, err
		}
	}
	switch why.Reason {
	case chain.MissingInputs:
		return s.dropSpent(ctx, t)
	case chain.Conflict:
		if len(t.claims) > 1 {
			return true, s.part(t)
		}
		return s.outbid(t), nil
	case chain.FeeTooLow:
		return s.outbid(t), nil
	case chain.NotFinal:
		return false, nil // the next block
	default:
		return false, fmt.Errorf("sweep of %d claims: %w", len(t.claims), why)
	}
}

// dropSpent asks which inputs are gone. A claim whose output is spent is set aside at once, so that the others go on in
// the same block; the channel's machine will say the same when it has seen the spend. It is only set aside: a backend that
// is behind knows no output that is newer than it.
func (s *Sweeper) dropSpent(ctx context.Context, t *sweep) (again bool, err error) {
	for _, c := range t.claims {
		if c.Confirmed == 0 {
			continue // its parent is in the mempool at best: no question to the set of unspent outputs tells
		}
		out, _, err := s.wallet.cfg.Chain.Unspent(ctx, c.OutPoint)
		if err != nil {
			return false, fmt.Errorf("look up %v: %w", c.OutPoint, err)
		}
		if out == nil {
			s.log.Warn("claim is spent by another transaction", "outpoint", c.OutPoint, "chan", c.Channel)
			s.aside[c.OutPoint] = true
			again = true
		}
	}
	return again, nil
}

// part sends the claims of a contested sweep their own ways: the peer may hold one of them with a transaction that is
// dear to replace (BOLT 5: "the cheating node can pin spends of its HTLC-timeout/HTLC-success outputs"), and the others
// must not wait for that one.
func (s *Sweeper) part(t *sweep) error {
	for _, c := range t.claims {
		s.apart[c.OutPoint] = true
	}
	if t.tx == nil {
		return nil
	}
	s.running = slices.DeleteFunc(s.running, func(r *sweep) bool { return r.claims[0].OutPoint == t.claims[0].OutPoint })
	return s.wallet.forget(t.tx)
}

// outbid raises the least rate of the claim by a quarter, so that the next round pays more than what is in the way: a
// transaction of ours from before a restart, the peer's own spend, or the mempool's minimum.
func (s *Sweeper) outbid(t *sweep) bool {
	raised := false
	for _, c := range t.claims {
		next := min(t.rate+t.rate/4+1, maxSweepRate)
		if next > s.floors[c.OutPoint] {
			s.floors[c.OutPoint] = next
			raised = true
		}
	}
	return raised
}

// adopt finds the transactions again that spend claims and that this sweeper does not know: its own, of before a restart.
func (s *Sweeper) adopt(claims []resolve.Claim) error {
	known := map[wire.OutPoint]bool{}
	for _, r := range s.running {
		for _, c := range r.claims {
			known[c.OutPoint] = true
		}
	}
	wanted := map[wire.OutPoint]resolve.Claim{}
	for _, c := range claims {
		if !known[c.OutPoint] {
			wanted[c.OutPoint] = c
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	txs, err := s.wallet.unconfirmed()
	if err != nil {
		return err
	}
	for _, tx := range txs {
		r, err := s.recognise(tx, wanted)
		if err != nil {
			return err
		}
		if r != nil {
			s.running = append(s.running, r)
		}
	}
	return nil
}

// recognise reads a sweep from its transaction: claims first, then coins of the wallet; nil where it is something else.
func (s *Sweeper) recognise(tx *wire.MsgTx, wanted map[wire.OutPoint]resolve.Claim) (*sweep, error) {
	r := &sweep{tx: tx}
	var in, out btcutil.Amount
	for _, txIn := range tx.TxIn {
		op := txIn.PreviousOutPoint
		if c, ok := wanted[op]; ok && len(r.coins) == 0 {
			r.claims = append(r.claims, c)
			in += btcutil.Amount(c.Output.Value)
			continue
		}
		c, err := s.wallet.coin(op)
		if errors.Is(err, ErrUnknownOutput) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		r.coins = append(r.coins, c)
		in += c.Amount
	}
	if len(r.claims) == 0 {
		return nil, nil
	}
	for i, txOut := range tx.TxOut {
		out += btcutil.Amount(txOut.Value)
		if i < len(r.claims) && r.claims[i].Paired != nil {
			continue
		}
		r.script, r.rest = txOut.PkScript, btcutil.Amount(txOut.Value)
	}
	r.fee = in - out
	r.paid = r.fee
	r.rate = max(rateOf(r, r.fee), lnwire.FeePerKWFloor)
	return r, nil
}

// coin is one of the wallet's outputs, spent or not.
func (w *Wallet) coin(op wire.OutPoint) (Coin, error) {
	d, err := w.details(op.Hash)
	if err != nil {
		return Coin{}, err
	}
	if d == nil || int(op.Index) >= len(d.MsgTx.TxOut) {
		return Coin{}, fmt.Errorf("%w: %v", ErrUnknownOutput, op)
	}
	for _, c := range d.Credits {
		if c.Index == op.Index {
			script := d.MsgTx.TxOut[op.Index].PkScript
			return Coin{OutPoint: op, Amount: c.Amount, Script: script, Type: scriptType(script)}, nil
		}
	}
	return Coin{}, fmt.Errorf("%w: %v", ErrUnknownOutput, op)
}

// rebroadcast offers what runs to the mempool again, which may have dropped it, or lost it to another transaction.
func (s *Sweeper) rebroadcast(ctx context.Context) error {
	var errs []error
	for _, r := range slices.Clone(s.running) { // a refusal changes it
		var parent *wire.MsgTx
		if r.child() {
			parent = r.claims[0].Parent.Tx
		}
		err := s.wallet.broadcastWith(ctx, r.tx, parent)
		if rejected := (*chain.Rejected)(nil); errors.As(err, &rejected) {
			_, err = s.refused(ctx, r, rejected)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
