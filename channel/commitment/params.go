package commitment

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Side is one of the two parties, as we see them.
type Side uint8

const (
	Local Side = iota
	Remote
)

// Other is the opposite party.
func (s Side) Other() Side { return s ^ 1 }

func (s Side) String() string {
	if s == Local {
		return "local"
	}
	return "remote"
}

// MaxHTLCs bounds the HTLCs that one side may have in flight.
// BOLT 2, of what fails a channel: "max_accepted_htlcs is greater than 483."
const MaxHTLCs = 483

// Basepoints are one party's public keys; all but Funding are tweaked for each commitment, Payment only in the Legacy format.
type Basepoints struct {
	Funding, Revocation, Payment, Delayed, HTLC lnwire.PubKey
}

// Party is what one side brought to the channel at its opening.
type Party struct {
	Basepoints
	DustLimit   btcutil.Amount // of this party's own commitment
	ToSelfDelay uint16         // blocks that THIS party waits for its own outputs; the other imposed it
}

// Params are what all commitments of one funding have in common. They never change.
type Params struct {
	Format   Format
	Funding  wire.OutPoint
	Capacity btcutil.Amount
	Opener   Side
	Parties  [2]Party // by Side
}

// HTLC is a payment in flight as a commitment sees it.
type HTLC struct {
	Offerer Side
	ID      uint64 // counted by the offerer
	Amount  lnwire.MilliSatoshi
	Hash    lnwire.Hash
	Expiry  uint32 // cltv_expiry, a block height
}

// State is what one commitment says. The two parties' commitments differ in it while updates are in flight.
type State struct {
	Number   uint64 // counted up from 0
	FeeRate  lnwire.FeePerKW
	Balances [2]lnwire.MilliSatoshi // by Side, before fee and anchors; HTLCs are already deducted
	HTLCs    []HTLC
}

// MaxNumber is the last commitment number that fits into the 48 bits of BOLT 3.
const MaxNumber = 1<<48 - 1

var (
	// ErrUnbalanced: balances and HTLCs do not add up to the capacity.
	ErrUnbalanced = errors.New("balances and HTLCs do not add up to the capacity")
	// ErrTooManyHTLCs: more than MaxHTLCs offered by one side.
	ErrTooManyHTLCs = errors.New("more than 483 HTLCs of one side")
	// ErrNumber: a commitment number above MaxNumber.
	ErrNumber = errors.New("commitment number exceeds 48 bits")
)

// check holds s against p: no satoshi appears or vanishes.
func (s *State) check(p *Params) error {
	if s.Number > MaxNumber {
		return ErrNumber
	}
	sum, ok := s.Balances[Local].Add(s.Balances[Remote])
	var counts [2]int
	for i := range s.HTLCs {
		h := &s.HTLCs[i]
		if counts[h.Offerer]++; counts[h.Offerer] > MaxHTLCs {
			return ErrTooManyHTLCs
		}
		if !ok {
			break
		}
		sum, ok = sum.Add(h.Amount)
	}
	if !ok || sum != lnwire.FromSatoshis(p.Capacity) {
		return fmt.Errorf("%w: %d + %d + %d HTLCs of %d", ErrUnbalanced,
			s.Balances[Local], s.Balances[Remote], len(s.HTLCs), p.Capacity)
	}
	return nil
}
