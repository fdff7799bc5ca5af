package channel

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// onchain is what was seen on the chain; what follows from it is asked of package resolve again and again.
type onchain struct {
	facts   []resolve.Fact // durable
	claims  []claimKey     // as last told
	watched []wire.OutPoint
	close   resolve.Close
}

// claimKey is what makes a claim another one.
type claimKey struct {
	op                  wire.OutPoint
	sequence, lockTime  uint32
	confirmed, deadline lnwire.Height
}

// publish leaves cooperation for the chain. BOLT 5: "if it has received a valid closing_signed message that includes a
// sufficient fee: SHOULD use this fee to perform a mutual close; otherwise: if the node knows or assumes its channel state
// is outdated: MUST NOT broadcast its last commitment transaction; otherwise: MUST broadcast".
func (m *Machine) publish(out *Effects) {
	m.phase = PhaseOnchain
	m.dirty |= dirtyLife | dirtyState
	if !m.lost && m.closingTx == nil {
		m.forced = true
		out.Notices = append(out.Notices, Notice{Kind: NoticeForceClosing})
	}
	m.broadcast(out)
	m.resolve(out)
}

// broadcast publishes (again) the transaction that spends the funding output for us.
func (m *Machine) broadcast(out *Effects) {
	switch {
	case m.closingTx != nil:
		out.Broadcast = append(out.Broadcast, m.closingTx)
	case m.forced && !m.lost:
		out.Broadcast = append(out.Broadcast, m.localTx())
	}
}

// localTx is our latest commitment, complete.
func (m *Machine) localTx() *wire.MsgTx {
	f := m.funding[0]
	c := m.localCommitment(f)
	sig, err := m.signer.SignLocal(&f.params, c)
	if err != nil {
		panic("channel: sign our commitment: " + err.Error())
	}
	return commitment.Witnessed(&f.params, c.Tx, sig, f.sig)
}

func (m *Machine) localCommitment(f *funding) *commitment.Commitment {
	n := m.dance.localNumber
	return m.build(f, local, latest, n, m.localPoint(n))
}

// Contract is what package resolve must know of the channel: every commitment that may be published.
func (m *Machine) Contract() *resolve.Contract {
	c := &resolve.Contract{Channel: m.channelID, Archive: archive{m}, Secrets: m.dance.secrets, Scripts: m.shutdown, Published: m.forced}
	d := &m.dance
	for _, f := range m.funding {
		rf := resolve.Funding{Params: &f.params, Height: m.created}
		if m.shell {
			c.Fundings = append(c.Fundings, rf)
			continue
		}
		rf.Local = resolve.Signed{Commitment: m.localCommitment(f), Sig: f.sig, HTLCSigs: f.htlcSigs}
		if d.outstanding() {
			rf.Remote = append(rf.Remote, m.build(f, remote, previous, d.revoked, d.point),
				m.build(f, remote, latest, d.remoteNumber, d.nextPoint))
		} else {
			rf.Remote = append(rf.Remote, m.build(f, remote, latest, d.revoked, d.point))
		}
		if f.confirmed != 0 {
			rf.Height = f.confirmed
		}
		c.Fundings = append(c.Fundings, rf)
	}
	for _, hs := range m.table.htlcs {
		for _, h := range hs {
			rh := resolve.HTLC{HTLC: h.HTLC}
			if h.fulfilled() {
				rh.Preimage = h.removal.preimage
			}
			c.HTLCs = append(c.HTLCs, rh)
		}
	}
	return c
}

// archive is the machine as resolve asks it.
type archive struct{ m *Machine }

// Revoked reads what flush wrote when it signed the commitment. One without HTLC outputs left no record.
func (a archive) Revoked(number uint64) (resolve.RevokedRecord, bool) {
	if number >= a.m.dance.revoked {
		return resolve.RevokedRecord{}, false
	}
	b, err := a.m.records.Load(revokedKey(number))
	if err != nil {
		panic(fmt.Sprintf("channel: read the record of revoked commitment %d: %v", number, err))
	}
	if b == nil {
		return resolve.RevokedRecord{}, true
	}
	r, err := resolve.DecodeRevokedRecord(b)
	if err != nil {
		panic(fmt.Sprintf("channel: record of revoked commitment %d: %v", number, err))
	}
	return r, true
}

func (a archive) Point(number uint64) lnwire.PubKey { return a.m.localPoint(number) }

// resolve asks what is to be done and tells what is new.
func (m *Machine) resolve(out *Effects) {
	plan := resolve.Next(m.Contract(), resolve.Facts{Spends: m.onchain.facts, Tip: m.height})
	m.onchain.close = plan.Close
	keys := make([]claimKey, len(plan.Claims))
	for i := range plan.Claims {
		c := &plan.Claims[i]
		keys[i] = claimKey{c.OutPoint, c.Sequence, c.LockTime, c.Confirmed, c.Deadline}
		if c.Parent != nil && m.forced && c.Parent.Tx == nil {
			c.Parent.Tx = m.localTx() // the mempool may take it only together with its child
		}
	}
	if !slices.Equal(keys, m.onchain.claims) {
		m.onchain.claims = keys
		out.Claims, out.Claimed = append(out.Claims[:0], plan.Claims...), true
	}
	for _, w := range plan.Watch {
		if !slices.Contains(m.onchain.watched, w.OutPoint) {
			m.onchain.watched = append(m.onchain.watched, w.OutPoint)
			out.Watch = append(out.Watch, w)
		}
	}
	for _, o := range plan.Outcomes {
		m.decided(o, out)
	}
	if plan.Done {
		m.finish(out)
	}
}

// decided tells an outcome once.
func (m *Machine) decided(o resolve.Outcome, out *Effects) {
	h := m.table.find(local, o.ID)
	if h == nil || h.told {
		return
	}
	if o.Preimage != nil {
		m.settled(h, *o.Preimage, out)
		m.putRemoval(h, out)
		return
	}
	h.told = true
	told := h.outcome(m.channelID)
	told.Local = true
	out.Outcomes = append(out.Outcomes, told)
}

// finish ends the channel: nothing of it is left on the chain.
func (m *Machine) finish(out *Effects) {
	m.phase = PhaseClosed
	m.dirty |= dirtyLife | dirtyState
	for side, hs := range m.table.htlcs {
		for _, h := range hs {
			m.deleteHTLC(h, out)
		}
		m.table.htlcs[side] = nil
	}
	out.Notices = append(out.Notices, Notice{Kind: NoticeClosed})
}

// spent records the spend of a watched output. A spend of the funding output ends cooperation. What is not in a block
// may never be.
func (m *Machine) spent(f resolve.Fact, out *Effects) {
	if m.phase == PhaseOpening || m.phase == PhaseClosed || f.Tx == nil {
		return
	}
	if f.Height == 0 {
		m.seen(f, out)
		return
	}
	m.height = max(m.height, f.Height)
	if i := m.fact(f.OutPoint); i >= 0 {
		m.onchain.facts[i] = f
	} else {
		m.onchain.facts = append(m.onchain.facts, f)
	}
	m.putFact(f, out)
	if m.phase != PhaseOnchain {
		if !m.isFunding(f.OutPoint) {
			return
		}
		m.unlink(out)
		m.phase = PhaseOnchain
		m.dirty |= dirtyLife | dirtyState
	}
	if m.isFunding(f.OutPoint) {
		out.Notices = append(out.Notices, Notice{NoticeSpent, f.Tx.TxHash().String()})
	}
	m.resolve(out)
}

// seen reads preimages from a spend that is in no block yet, and maybe never will be: a preimage proves itself, and
// upstream need not wait for the block.
func (m *Machine) seen(f resolve.Fact, out *Effects) {
	if m.phase != PhaseOnchain {
		return
	}
	facts := append(slices.Clip(m.onchain.facts), f)
	for _, o := range resolve.Next(m.Contract(), resolve.Facts{Spends: facts, Tip: m.height}).Outcomes {
		if o.Preimage != nil {
			m.decided(o, out)
		}
	}
}

func (m *Machine) isFunding(op wire.OutPoint) bool {
	return slices.ContainsFunc(m.funding, func(f *funding) bool { return f.params.Funding == op })
}

func (m *Machine) fact(op wire.OutPoint) int {
	return slices.IndexFunc(m.onchain.facts, func(f resolve.Fact) bool { return f.OutPoint == op })
}

// unspent: a reorganization removed a spend.
func (m *Machine) unspent(op wire.OutPoint, out *Effects) {
	i := m.fact(op)
	if i < 0 || m.phase == PhaseClosed {
		return
	}
	if m.isFunding(op) {
		// What is spent of a transaction that is in no block cannot be in one.
		for _, f := range m.onchain.facts {
			m.put(out, factKey(f.OutPoint), nil)
		}
		m.onchain.facts = nil
	} else {
		m.onchain.facts = slices.Delete(m.onchain.facts, i, i+1)
		m.put(out, factKey(op), nil)
	}
	m.putFactIndex(out)
	if m.phase != PhaseOnchain {
		return
	}
	if m.isFunding(op) {
		// Whatever had closed the channel may never come back, and cooperation has ended.
		m.publish(out)
		return
	}
	m.resolve(out)
}

// remind tells the chain again what it must know after a restart.
func (m *Machine) remind(out *Effects) {
	if m.phase == PhaseClosed {
		return
	}
	if m.lost {
		out.Notices = append(out.Notices, Notice{Kind: NoticeDataLoss})
	}
	out.Watch = append(out.Watch, m.watchFunding())
	for _, h := range m.table.htlcs[local] {
		if h.fulfilled() {
			m.settled(h, *h.removal.preimage, out)
		}
	}
	f := m.funding[0]
	if f.tx != nil && f.confirmed == 0 {
		out.Broadcast = append(out.Broadcast, f.tx)
	}
	m.broadcast(out)
	if m.phase == PhaseOnchain {
		m.resolve(out)
	}
}
