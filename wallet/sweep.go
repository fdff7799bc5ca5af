package wallet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// ClaimSigner completes the inputs of one channel's claims; *commitment.Secrets is one.
type ClaimSigner interface {
	Witness(r *commitment.Recipe, tx *wire.MsgTx, index int, prevouts txscript.PrevOutputFetcher) (wire.TxWitness, error)
}

var _ ClaimSigner = (*commitment.Secrets)(nil)

// Signers finds the signer of a channel.
type Signers interface {
	ClaimSigner(channel lnwire.ChannelID) (ClaimSigner, error)
}

// SweepLabel is what the wallet's history calls sweeps.
const SweepLabel = "sweep"

const (
	sweepLease = 10 * time.Minute // of a coin, from its choice until the transaction that spends it is published
	// maxRounds bounds how often one block's plan is made anew because a transaction was refused.
	maxRounds = 8
)

// estimates are the targets that the sweeper asks the estimator for.
var estimates = [...]uint32{1, 2, 3, 6, 12, 24, 48, calmTarget}

// Sweeper brings the outputs of closed channels home: claims come from the channels' machines, again after every
// restart, and leave when their outputs are spent. It keeps no records of its own: what it published last is found
// again among the wallet's unconfirmed transactions, and a plan made without that knowledge is refused by the mempool
// (a replacement must pay more) and made again with a higher fee.
//
// One goroutine owns it. Pending may be called by any.
type Sweeper struct {
	wallet  *Wallet
	signers Signers
	log     *slog.Logger
	lock    LockID

	claims  map[wire.OutPoint]resolve.Claim
	floors  map[wire.OutPoint]lnwire.FeePerKW
	apart   map[wire.OutPoint]bool
	aside   map[wire.OutPoint]bool // until the next Block: the backend says that they are spent
	running []*sweep
	pending atomic.Pointer[[]Pending]
}

// Pending is what has become of a claim.
type Pending struct {
	Claim    resolve.Claim
	Left     Left           // Swept, or why it is in no transaction
	Tx       chainhash.Hash // where swept
	FeeRate  lnwire.FeePerKW
	Fee      btcutil.Amount // of the whole transaction
	Height   lnwire.Height  // of the last change of the fee
	MatureAt lnwire.Height
	Budget   btcutil.Amount  // the most that its transaction may cost; of a claim that is in none, by itself
	Floor    lnwire.FeePerKW // asked for by Bump, or by a refusal
}

// NewSweeper makes a sweeper without claims.
func NewSweeper(w *Wallet, signers Signers) *Sweeper {
	return &Sweeper{
		wallet: w, signers: signers, log: w.log, lock: LockID(w.keys.Sub("sweeper lock")),
		claims: map[wire.OutPoint]resolve.Claim{}, floors: map[wire.OutPoint]lnwire.FeePerKW{},
		apart: map[wire.OutPoint]bool{}, aside: map[wire.OutPoint]bool{},
	}
}

// Offer adds claims, or changes those of the same outpoints.
func (s *Sweeper) Offer(claims ...resolve.Claim) {
	for _, c := range claims {
		s.claims[c.OutPoint] = c
	}
}

// Replace is Offer for all that a channel claims: what it claimed before and does not now is dropped.
func (s *Sweeper) Replace(channel lnwire.ChannelID, claims []resolve.Claim) {
	for op, c := range s.claims {
		if c.Channel == channel && !slices.ContainsFunc(claims, func(n resolve.Claim) bool { return n.OutPoint == op }) {
			s.Spent(op)
		}
	}
	s.Offer(claims...)
}

// Spent drops a claim whose output is spent in a block, by whomever.
func (s *Sweeper) Spent(op wire.OutPoint) {
	delete(s.claims, op)
	delete(s.floors, op)
	delete(s.apart, op)
}

// Bump sets the least fee rate for a claim: ErrUnknownOutput where there is no such claim. It counts from the next Block.
func (s *Sweeper) Bump(op wire.OutPoint, rate lnwire.FeePerKW) error {
	if _, ok := s.claims[op]; !ok {
		return fmt.Errorf("%w: %v is no claim", ErrUnknownOutput, op)
	}
	s.floors[op] = max(s.floors[op], min(rate, maxSweepRate))
	return nil
}

// Pending tells what has become of each claim, as of the last Block, in order of outpoint.
func (s *Sweeper) Pending() []Pending {
	if p := s.pending.Load(); p != nil {
		return *p
	}
	return nil
}

// Block plans and publishes for the block at height; also call it when claims were offered in between. An error means
// that something could not be published now: the next call tries again.
func (s *Sweeper) Block(ctx context.Context, height lnwire.Height) error {
	rates, err := s.estimate(ctx)
	if err != nil {
		return err
	}
	clear(s.aside)
	lost := s.rebroadcast(ctx) // first: it tells which inputs are gone
	var left map[wire.OutPoint]Left
	for range maxRounds {
		var again bool
		if left, again, err = s.round(ctx, height, rates); !again {
			break
		}
	}
	s.report(left)
	return errors.Join(lost, err)
}

// round makes one plan and carries it out. again: a refusal changed the situation.
func (s *Sweeper) round(ctx context.Context, height lnwire.Height, rates Rates) (left map[wire.OutPoint]Left, again bool, err error) {
	claims := s.sorted()
	if err := s.adopt(claims); err != nil {
		return nil, false, err
	}
	whole, broken := dissolve(s.running, claims)
	s.running = whole
	for _, b := range broken {
		if err := s.wallet.forget(b.tx); err != nil {
			return nil, false, err
		}
	}
	coins, err := s.wallet.ListUnspent(1, MaxConfs)
	if err != nil {
		return nil, false, err
	}
	todo, left := plan(situation{
		height: height, rates: rates, floors: s.floors, apart: s.apart, claims: claims, coins: coins, running: s.running,
	})
	var errs []error
	for _, t := range todo {
		repeat, err := s.publish(ctx, t)
		again = again || repeat
		if err != nil {
			errs = append(errs, err)
		}
	}
	return left, again, errors.Join(errs...)
}

func (s *Sweeper) sorted() []resolve.Claim {
	claims := make([]resolve.Claim, 0, len(s.claims))
	for op, c := range s.claims {
		if !s.aside[op] {
			claims = append(claims, c)
		}
	}
	slices.SortFunc(claims, func(a, b resolve.Claim) int { return compareOutPoints(a.OutPoint, b.OutPoint) })
	return claims
}

func (s *Sweeper) estimate(ctx context.Context) (Rates, error) {
	var rates Rates
	for _, target := range estimates {
		rate, err := s.wallet.cfg.Chain.EstimateFee(ctx, target)
		if errors.Is(err, chain.ErrNoEstimate) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("estimate fee: %w", err)
		}
		rates = append(rates, Rate{Target: target, Rate: rate})
	}
	return rates, nil
}

// publish signs and broadcasts. again: the refusal has changed what the next plan starts from.
func (s *Sweeper) publish(ctx context.Context, t *sweep) (again bool, err error) {
	if t.script == nil && !t.sealed() {
		if t.script, err = s.wallet.NewScript(); err != nil {
			return false, err
		}
	}
	for _, c := range t.coins {
		_, err := s.wallet.Lease(s.lock, c.OutPoint, sweepLease)
		if errors.Is(err, ErrLeased) {
			return true, nil // an opening was quicker
		}
		if err != nil {
			return false, err
		}
	}
	tx, err := s.build(t)
	if err != nil {
		return false, err
	}
	if t.child() {
		err = s.wallet.publishChild(ctx, tx, t.claims[0].Parent.Tx, SweepLabel)
	} else {
		err = s.wallet.Publish(ctx, tx, SweepLabel)
	}
	if rejected := (*chain.Rejected)(nil); errors.As(err, &rejected) {
		return s.refused(ctx, t, rejected)
	}
	if err != nil {
		return false, err
	}
	s.log.Info("sweep published", "tx", tx.TxHash(), "claims", len(t.claims), "fee", t.fee, "sat_per_kw", t.rate)
	s.running = slices.DeleteFunc(s.running, func(r *sweep) bool { return r.claims[0].OutPoint == t.claims[0].OutPoint })
	t.tx, t.paid = tx, t.fee
	s.running = append(s.running, t)
	return false, nil
}

// build lays the transaction out as sweep says, and signs it.
func (s *Sweeper) build(t *sweep) (*wire.MsgTx, error) {
	tx := wire.NewMsgTx(2)
	prevouts := txscript.NewMultiPrevOutFetcher(nil)
	for _, c := range t.claims {
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: c.OutPoint, Sequence: c.Sequence})
		prevouts.AddPrevOut(c.OutPoint, &wire.TxOut{Value: c.Output.Value, PkScript: c.Output.PkScript})
		if c.Paired != nil {
			tx.AddTxOut(&wire.TxOut{Value: c.Paired.Value, PkScript: c.Paired.PkScript})
		}
		tx.LockTime = max(tx.LockTime, c.LockTime)
	}
	for _, c := range t.coins {
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: c.OutPoint, Sequence: replaceable})
		prevouts.AddPrevOut(c.OutPoint, &wire.TxOut{Value: int64(c.Amount), PkScript: c.Script})
	}
	if t.rest > 0 {
		tx.AddTxOut(&wire.TxOut{Value: int64(t.rest), PkScript: t.script})
	}
	for i := range t.claims {
		c := &t.claims[i]
		signer, err := s.signers.ClaimSigner(c.Channel)
		if err != nil {
			return nil, fmt.Errorf("claim %v: %w", c.OutPoint, err)
		}
		if tx.TxIn[i].Witness, err = signer.Witness(&c.Recipe, tx, i, prevouts); err != nil {
			return nil, fmt.Errorf("claim %v: %w", c.OutPoint, err)
		}
	}
	hashes := txscript.NewTxSigHashes(tx, prevouts)
	for j, c := range t.coins {
		i := len(t.claims) + j
		witness, err := s.wallet.witness(tx, i, &wire.TxOut{Value: int64(c.Amount), PkScript: c.Script}, hashes, 0)
		if err != nil {
			return nil, err
		}
		tx.TxIn[i].Witness = witness
	}
	return tx, nil
}

// report publishes what Pending returns.
func (s *Sweeper) report(left map[wire.OutPoint]Left) {
	in := map[wire.OutPoint]*sweep{}
	for _, r := range s.running {
		for _, c := range r.claims {
			in[c.OutPoint] = r
		}
	}
	pending := make([]Pending, 0, len(s.claims))
	for _, c := range s.sorted() {
		p := Pending{Claim: c, Left: left[c.OutPoint], MatureAt: c.MatureAt(), Floor: s.floors[c.OutPoint]}
		p.Budget = (&sweep{claims: []resolve.Claim{c}}).budget()
		if r := in[c.OutPoint]; r != nil {
			p.Left, p.Tx, p.FeeRate, p.Fee, p.Height = Swept, r.tx.TxHash(), r.rate, r.paid, r.height
			p.Budget = r.budget()
		} else if p.Left == Swept {
			p.Left = Refused
		}
		pending = append(pending, p)
	}
	slices.SortStableFunc(pending, func(a, b Pending) int { return cmp.Compare(a.Left, b.Left) })
	s.pending.Store(&pending)
}
