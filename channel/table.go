package channel

import (
	"fmt"
	"slices"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	local  = commitment.Local
	remote = commitment.Remote
)

// htlc is one row of the table. What removes it is known from the moment that a removal is wished or received on.
type htlc struct {
	commitment.HTLC
	stage    Stage
	removal  *removal // what removes it: by stage Locked only wished (ours), or a preimage that survived a disconnect
	origin   Origin   // of those that we offered
	onion    *[lnwire.OnionPacketSize]byte
	blinding *lnwire.PubKey
	doomed   bool
	told     bool // its outcome was told
}

// removal is how an HTLC ends: exactly one of the fields is set.
type removal struct {
	preimage  *lnwire.Preimage
	reason    []byte // not nil
	malformed *Malformed
}

// role of side s in h.
func (h *htlc) role(s commitment.Side) role {
	if h.Offerer == s {
		return offerer
	}
	return receiver
}

// fulfilled says whether h moves its amount to the receiver when it goes.
func (h *htlc) fulfilled() bool { return h.removal != nil && h.removal.preimage != nil }

// feeUpdate is an update_fee on its way; the opener is its offerer. At Locked it becomes the table's rate.
type feeUpdate struct {
	rate  lnwire.FeePerKW
	stage Stage
}

// table holds what both commitments are computed from: what is settled, and how far each update has come.
type table struct {
	opener  commitment.Side
	settled [2]lnwire.MilliSatoshi // by side; live HTLCs still count with their offerer
	paid    [2]lnwire.MilliSatoshi // by side: all that its HTLCs ever moved; for the operator, nothing depends on it
	rate    lnwire.FeePerKW        // irrevocable on both sides
	fees    []feeUpdate            // in the order in which they were sent
	htlcs   [2][]*htlc             // by offerer, ascending ids
	nextID  [2]uint64              // by offerer
	moved   []*htlc                // memory of move and unlink
}

// find returns the HTLC, or nil.
func (t *table) find(by commitment.Side, id uint64) *htlc {
	i, ok := slices.BinarySearchFunc(t.htlcs[by], id, func(h *htlc, id uint64) int {
		switch {
		case h.ID < id:
			return -1
		case h.ID > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return t.htlcs[by][i]
}

func (t *table) add(h *htlc) {
	if h.ID != t.nextID[h.Offerer] {
		panic(fmt.Sprintf("channel: HTLC id %d added where %d is next", h.ID, t.nextID[h.Offerer]))
	}
	t.htlcs[h.Offerer] = append(t.htlcs[h.Offerer], h)
	t.nextID[h.Offerer]++
}

// empty says that no HTLC and no fee update is on its way.
func (t *table) empty() bool {
	return len(t.htlcs[local]) == 0 && len(t.htlcs[remote]) == 0 && len(t.fees) == 0
}

// unsigned says that side by sent updates that it has not signed yet.
func (t *table) unsigned(by commitment.Side) bool {
	for _, hs := range t.htlcs {
		for _, h := range hs {
			if h.stage == AddSent && h.Offerer == by || h.stage == RmSent && h.Offerer != by {
				return true
			}
		}
	}
	return t.opener == by && slices.ContainsFunc(t.fees, func(f feeUpdate) bool { return f.stage == AddSent })
}

func (t *table) feeRole(s commitment.Side) role {
	if t.opener == s {
		return offerer
	}
	return receiver
}

// moves says whether act a of side by moves anything.
func (t *table) moves(by commitment.Side, a act) bool {
	for _, hs := range t.htlcs {
		for _, h := range hs {
			if h.stage.after(h.role(by), a) != h.stage {
				return true
			}
		}
	}
	r := t.feeRole(by)
	return slices.ContainsFunc(t.fees, func(f feeUpdate) bool { return f.stage.after(r, a) != f.stage })
}

// move applies act a of side by. It returns what moved, valid until the next call; what is gone has left the table.
func (t *table) move(by commitment.Side, a act) []*htlc {
	t.moved = t.moved[:0]
	for side := range t.htlcs {
		gone := false
		for _, h := range t.htlcs[side] {
			to := h.stage.after(h.role(by), a)
			if to == h.stage {
				continue
			}
			if h.stage = to; to == Gone {
				gone = true
				t.settle(h)
			}
			t.moved = append(t.moved, h)
		}
		if gone {
			t.htlcs[side] = slices.DeleteFunc(t.htlcs[side], func(h *htlc) bool { return h.stage == Gone })
		}
	}
	t.moveFees(by, a)
	return t.moved
}

func (t *table) moveFees(by commitment.Side, a act) {
	r := t.feeRole(by)
	for i := range t.fees {
		f := &t.fees[i]
		if f.stage = f.stage.after(r, a); f.stage == Locked {
			t.rate = f.rate
		}
	}
	t.fees = slices.DeleteFunc(t.fees, func(f feeUpdate) bool { return f.stage == Locked })
}

// settle moves the amount of a fulfilled HTLC; a failed one never left its offerer.
func (t *table) settle(h *htlc) {
	if !h.fulfilled() {
		return
	}
	left, ok := t.settled[h.Offerer].Sub(h.Amount)
	sum, ok2 := t.settled[h.Offerer.Other()].Add(h.Amount)
	if !ok || !ok2 {
		panic(fmt.Sprintf("channel: HTLC %d of %d does not fit the balances %v", h.ID, h.Amount, t.settled))
	}
	t.settled[h.Offerer], t.settled[h.Offerer.Other()] = left, sum
	t.paid[h.Offerer] += h.Amount
}

// addFee appends a fee update; one that was sent but not signed yet is replaced by it.
func (t *table) addFee(rate lnwire.FeePerKW) {
	t.fees = slices.DeleteFunc(t.fees, func(f feeUpdate) bool { return f.stage == AddSent })
	t.fees = append(t.fees, feeUpdate{rate, AddSent})
}

// version chooses one of the commitments that a table describes.
type version uint8

const (
	latest   version = iota // signed last
	previous                // the one before, not revoked yet
	next                    // what the other side would sign now
	eventual                // when all that was sent has arrived in it
)

// place says, for an update at stage s, whether v of a commitment contains it, or contained it and no longer does.
// own is the role of the commitment's owner in the update; the other party signs it.
func (v version) place(s Stage, own role) (in, beyond bool) {
	switch v {
	case previous:
		return s.inPrevious(own), s.beyondPrevious(own)
	case next:
		s = s.after(offerer+receiver-own, sign)
	case eventual:
		return s <= Locked, s > Locked
	}
	return s.in(own), s.beyond(own)
}

// rateOf is the fee rate of v of owner's commitment.
func (t *table) rateOf(owner commitment.Side, v version) lnwire.FeePerKW {
	rate, r := t.rate, t.feeRole(owner)
	for _, f := range t.fees {
		if in, _ := v.place(f.stage, r); in {
			rate = f.rate
		}
	}
	return rate
}

// state is what v of owner's commitment says. It appends its HTLCs to hs, which may be nil.
func (t *table) state(owner commitment.Side, v version, number uint64, hs []commitment.HTLC) commitment.State {
	s, ok := t.tryState(owner, v, number, hs)
	if !ok {
		panic(fmt.Sprintf("channel: %v's commitment %d: HTLCs exceed the balances %v", owner, number, t.settled))
	}
	return s
}

// tryState is state for a table that may be inconsistent.
func (t *table) tryState(owner commitment.Side, v version, number uint64, hs []commitment.HTLC) (commitment.State, bool) {
	s := commitment.State{Number: number, FeeRate: t.rateOf(owner, v), HTLCs: hs}
	var debit, credit [2]lnwire.MilliSatoshi
	for _, list := range t.htlcs {
		for _, h := range list {
			in, beyond := v.place(h.stage, h.role(owner))
			switch {
			case in:
				debit[h.Offerer] += h.Amount
				s.HTLCs = append(s.HTLCs, h.HTLC)
			case beyond && h.fulfilled():
				debit[h.Offerer] += h.Amount
				credit[h.Offerer.Other()] += h.Amount
			}
		}
	}
	for side := range s.Balances {
		left, ok := (t.settled[side] + credit[side]).Sub(debit[side])
		if !ok {
			return s, false
		}
		s.Balances[side] = left
	}
	return s, true
}

// unlink drops what the connection took with it, the updates that no signature covers, and returns the HTLCs that
// were dropped. Wished removals and preimages stay known.
// BOLT 2: "upon disconnection: MUST reverse any uncommitted updates sent by the other side".
func (t *table) unlink() []*htlc {
	t.moved = t.moved[:0]
	for side := range t.htlcs {
		t.htlcs[side] = slices.DeleteFunc(t.htlcs[side], func(h *htlc) bool {
			if h.stage != AddSent {
				return false
			}
			t.nextID[side] = min(t.nextID[side], h.ID)
			t.moved = append(t.moved, h)
			return true
		})
		for _, h := range t.htlcs[side] {
			if h.stage != RmSent {
				continue
			}
			h.stage = Locked
			if h.Offerer == local && !h.fulfilled() {
				h.removal = nil // theirs to send again
			}
		}
	}
	t.fees = slices.DeleteFunc(t.fees, func(f feeUpdate) bool { return f.stage == AddSent })
	return t.moved
}
