package channel

import (
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// maxExpiry: BOLT 2: "MUST set cltv_expiry less than 500000000".
const maxExpiry = 500_000_000

// room is how much one side may add to the channel in one more HTLC. The bound depends on which commitments would
// trim the HTLC, because only an output costs a fee, and only what is trimmed adds to the dust exposure.
type room struct {
	m       *Machine
	sender  commitment.Side
	loads   [2]load // by owner of the commitment
	checked [2]bool // which commitments bound the sender
	policy  bool    // our own rules for ourselves: fee spike buffer, dust exposure, the opener's fee
}

// load is what one commitment bears before the HTLC.
type load struct {
	rate      lnwire.FeePerKW
	balances  [2]lnwire.MilliSatoshi
	untrimmed int
	count     [2]int                 // HTLCs by offerer
	inFlight  [2]lnwire.MilliSatoshi // likewise
	dust      lnwire.MilliSatoshi
}

// clipped is a-b, or nothing.
func clipped(a, b lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	d, _ := a.Sub(b)
	return d
}

func (m *Machine) load(f *funding, owner commitment.Side, v version) load {
	s := m.table.state(owner, v, 0, m.scratch[:0])
	m.scratch = s.HTLCs
	l := load{rate: s.FeeRate, balances: s.Balances}
	for i := range s.HTLCs {
		h := &s.HTLCs[i]
		l.count[h.Offerer]++
		l.inFlight[h.Offerer] += h.Amount
		if commitment.Trimmed(&f.params, owner, s.FeeRate, h) {
			l.dust += h.Amount
		} else {
			l.untrimmed++
		}
	}
	return l
}

// roomToOffer is our room. BOLT 2 bounds it by "the local or remote commitment transaction": the peer's with what we
// would sign now, ours when all that is under way has arrived.
func (m *Machine) roomToOffer(f *funding) room {
	r := room{m: m, sender: local, checked: [2]bool{true, true}, policy: true}
	r.loads[remote] = m.load(f, remote, next)
	r.loads[local] = m.load(f, local, eventual)
	return r
}

// roomToAccept is the peer's room as we must enforce it: in our commitment as the peer would sign it now.
func (m *Machine) roomToAccept(f *funding) room {
	r := room{m: m, sender: remote, checked: [2]bool{local: true}}
	r.loads[local] = m.load(f, local, next)
	return r
}

// slot says why not even the smallest HTLC may be added, or nothing.
func (r *room) slot() string {
	for owner, l := range r.loads {
		limit := int(r.m.limits[r.sender.Other()].MaxAcceptedHTLCs)
		if r.checked[owner] && l.count[r.sender] >= limit {
			return "max_accepted_htlcs is reached"
		}
	}
	return ""
}

// threshold is the smallest amount that owner's commitment does not trim.
func (r *room) threshold(f *funding, owner commitment.Side) lnwire.MilliSatoshi {
	p := &f.params
	fee := p.Format.HTLCFee(r.loads[owner].rate, r.sender == owner)
	return lnwire.FromSatoshis(p.Parties[owner].DustLimit + fee)
}

// most is the largest amount for an HTLC that is trimmed by owners' commitments as given.
func (r *room) most(f *funding, trimmed [2]bool) lnwire.MilliSatoshi {
	limits := &r.m.limits[r.sender.Other()]
	most := limits.MaxInFlight
	for owner := range r.loads {
		if !r.checked[owner] {
			continue
		}
		l := &r.loads[owner]
		most = min(most, clipped(limits.MaxInFlight, l.inFlight[r.sender]))
		most = min(most, clipped(l.balances[r.sender], r.cost(f, l, trimmed[owner])+lnwire.FromSatoshis(limits.Reserve)))
		if !r.policy {
			continue
		}
		if trimmed[owner] {
			most = min(most, clipped(r.m.maxDust, l.dust))
		}
		if !trimmed[owner] && r.m.opener != r.sender && !r.openerAffords(f, l) {
			most = 0
		}
	}
	return most
}

// cost is what the sender must keep for fees and anchors, if it pays them.
// BOLT 2: "it cannot pay the fee for either the local or remote commitment transaction at the current feerate_per_kw while
// maintaining its channel reserve", and "fee spike buffer" for "a future additional non-dust HTLC [...] twice the current".
func (r *room) cost(f *funding, l *load, trimmed bool) lnwire.MilliSatoshi {
	if r.m.opener != r.sender {
		return 0
	}
	n := l.untrimmed + 1
	if trimmed {
		n--
	}
	format := f.params.Format
	cost := commitment.CommitmentFee(format, l.rate, n) + commitment.AnchorsCost(format)
	if r.policy {
		cost = max(cost, commitment.SpikeFee(format, l.rate, n))
	}
	return lnwire.FromSatoshis(cost)
}

// openerAffords says whether the peer, as opener, can pay for one more output.
// BOLT 2: "if it is not responsible for paying the Bitcoin fee: SHOULD NOT offer amount_msat if, once the remote node adds
// that HTLC to its commitment transaction, it cannot pay the fee [...] while maintaining its channel reserve".
func (r *room) openerAffords(f *funding, l *load) bool {
	format := f.params.Format
	cost := commitment.CommitmentFee(format, l.rate, l.untrimmed+1) + commitment.AnchorsCost(format)
	opener := r.sender.Other()
	keep := lnwire.FromSatoshis(cost + r.m.limits[opener.Other()].Reserve)
	return l.balances[opener] >= keep
}

// admits says why an HTLC of that amount may not be added, or nothing.
func (r *room) admits(f *funding, amount lnwire.MilliSatoshi) string {
	limits := &r.m.limits[r.sender.Other()]
	if amount == 0 || amount < limits.HTLCMinimum {
		return "the amount is below htlc_minimum_msat"
	}
	if why := r.slot(); why != "" {
		return why
	}
	trimmed := [2]bool{local: amount < r.threshold(f, local), remote: amount < r.threshold(f, remote)}
	if amount > r.most(f, trimmed) {
		return "the amount exceeds what the channel can carry"
	}
	return ""
}

// largest is the greatest amount that admits allows; zero for none.
func (r *room) largest(f *funding) lnwire.MilliSatoshi {
	if r.slot() != "" {
		return 0
	}
	low, high := r.threshold(f, local), r.threshold(f, remote)
	between := [2]bool{remote: true} // who trims an amount between the thresholds
	if low > high {
		low, high, between = high, low, [2]bool{local: true}
	}
	amount := r.most(f, [2]bool{})
	if amount < high {
		amount = min(high-1, r.most(f, between))
	}
	if amount < low {
		amount = min(low-1, r.most(f, [2]bool{true, true}))
	}
	if amount < r.m.limits[r.sender.Other()].HTLCMinimum {
		return 0
	}
	return amount
}
