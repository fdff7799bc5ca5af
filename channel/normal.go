package channel

import (
	"crypto/sha256"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	// badOnion is the BADONION bit of BOLT 4's failure codes.
	badOnion = 0x8000
	// MaxReason is the longest reason that update_fail_htlc carries: the message ends at 65535 bytes.
	MaxReason = 65535 - (2 + 32 + 8 + 2)
)

// offer adds an HTLC of ours, or refuses.
func (m *Machine) offer(e *Offer, out *Effects) error {
	if why := m.canOffer(); why != "" {
		return refused("%s", why)
	}
	switch {
	case e.Onion == nil:
		return refused("no onion")
	case e.Expiry >= maxExpiry:
		return refused("the expiry %d is no height", e.Expiry)
	case e.Expiry <= uint32(m.height):
		// BOLT 2: "MUST NOT offer an HTLC with a timeout deadline before its cltv_expiry."
		return refused("the expiry %d is past", e.Expiry)
	}
	for _, f := range m.funding {
		r := m.roomToOffer(f)
		if why := r.admits(f, e.Amount); why != "" {
			return refused("%s", why)
		}
	}
	h := &htlc{
		HTLC: commitment.HTLC{Offerer: local, ID: m.table.nextID[local], Amount: e.Amount, Hash: e.Hash, Expiry: e.Expiry},
		// The caller may reuse its memory.
		stage: AddSent, origin: e.Origin, onion: new(*e.Onion), blinding: clonePoint(e.Blinding),
	}
	m.table.add(h)
	out.Send = append(out.Send, m.addMessage(h))
	out.Offered = append(out.Offered, Offered{h.ID, h.origin})
	return nil
}

func clonePoint(p *lnwire.PubKey) *lnwire.PubKey {
	if p == nil {
		return nil
	}
	return new(*p)
}

func (m *Machine) addMessage(h *htlc) lnwire.Message {
	return &lnwire.UpdateAddHTLC{ChannelID: m.channelID, ID: h.ID, Amount: h.Amount, Hash: h.Hash, Expiry: h.Expiry,
		Onion: *h.onion, BlindingPoint: h.blinding}
}

// updateAdd takes an HTLC of the peer.
func (m *Machine) updateAdd(msg *lnwire.UpdateAddHTLC, out *Effects) *Violation {
	if v := m.normal(msg.Type()); v != nil {
		return v
	}
	if want := m.table.nextID[remote]; msg.ID != want {
		if msg.ID < want && m.link.fresh {
			return nil // BOLT 2: "MUST ignore a repeated id value after a reconnection."
		}
		return warn("update_add_htlc: id %d where %d is next", msg.ID, want)
	}
	switch {
	case m.shutdown[remote] != nil:
		return warn("update_add_htlc %d after shutdown", msg.ID)
	case msg.Expiry >= maxExpiry:
		return warn("update_add_htlc %d: cltv_expiry %d is not below %d", msg.ID, msg.Expiry, maxExpiry)
	}
	// "receiving an amount_msat equal to 0, OR less than its own htlc_minimum_msat", "cannot afford", "more than receiver
	// max_accepted_htlcs", "more than receiver max_htlc_value_in_flight_msat": SHOULD send a warning and close.
	for _, f := range m.funding {
		r := m.roomToAccept(f)
		if why := r.admits(f, msg.Amount); why != "" {
			return warn("update_add_htlc %d of %d msat: %s", msg.ID, uint64(msg.Amount), why)
		}
	}
	h := &htlc{
		HTLC:  commitment.HTLC{Offerer: remote, ID: msg.ID, Amount: msg.Amount, Hash: msg.Hash, Expiry: msg.Expiry},
		stage: AddSent, onion: new(msg.Onion), blinding: clonePoint(msg.BlindingPoint),
	}
	// BOLT 2: "SHOULD fail to route any HTLC added after it has sent shutdown."
	h.doomed = m.shutdown[local] != nil || m.exceedsDust(&h.HTLC)
	m.table.add(h)
	return nil
}

// exceedsDust: BOLT 2: "when receiving an HTLC: [...] if the amount_msat plus the dust balance of the remote [local]
// transaction is greater than max_dust_htlc_exposure_msat: SHOULD fail this HTLC once it's committed".
func (m *Machine) exceedsDust(h *commitment.HTLC) bool {
	for _, f := range m.funding {
		for owner := range m.limits {
			l := m.load(f, commitment.Side(owner), eventual)
			if commitment.Trimmed(&f.params, commitment.Side(owner), l.rate, h) && l.dust+h.Amount > m.maxDust {
				return true
			}
		}
	}
	return false
}

// normal refuses updates before both channel_ready, and after the last HTLC of a channel that shuts down.
func (m *Machine) normal(t lnwire.MsgType) *Violation {
	if !m.readySent || !m.readyReceived {
		return warn("%v before channel_ready", t)
	}
	// BOLT 2: "if no HTLCs remain in either commitment transaction [...]: MUST NOT send any update message after that point."
	if m.clean() {
		return warn("%v after shutdown is complete", t)
	}
	return nil
}

// remove wishes the end of an HTLC of the peer and, where the peer listens, sends it.
func (m *Machine) remove(id uint64, r *removal, out *Effects) error {
	h := m.table.find(remote, id)
	switch {
	case m.phase == PhaseClosed:
		return refused("the channel is closed")
	case h == nil:
		return refused("no incoming HTLC %d", id)
	case h.stage < Locked:
		// BOLT 2: "until the corresponding HTLC is irrevocably committed in both sides' commitment transactions: MUST NOT".
		return refused("incoming HTLC %d is not locked in yet", id)
	case h.stage > Locked || h.removal != nil:
		return refused("incoming HTLC %d is being removed already", id)
	case r.preimage != nil && sha256.Sum256(r.preimage[:]) != h.Hash:
		return refused("the preimage is not that of incoming HTLC %d", id)
	case len(r.reason) > MaxReason:
		return refused("a reason of %d bytes", len(r.reason))
	case r.malformed != nil && r.malformed.Code&badOnion == 0:
		return refused("failure code %#x lacks BADONION", r.malformed.Code)
	}
	h.removal = r
	if m.phase == PhaseOnchain {
		m.putRemoval(h, out)
		m.resolve(out)
		return nil
	}
	m.sendRemoval(h, out)
	return nil
}

// sendRemoval tells the peer of a wished removal, if it listens; if not, reestablishing does.
func (m *Machine) sendRemoval(h *htlc, out *Effects) {
	if m.link.ready && (m.phase == PhaseOpen || m.phase == PhaseClosing) {
		h.stage = RmSent
		out.Send = append(out.Send, m.removeMessage(h))
	}
}

func (m *Machine) removeMessage(h *htlc) lnwire.Message {
	switch r := h.removal; {
	case r.preimage != nil:
		return &lnwire.UpdateFulfillHTLC{ChannelID: m.channelID, ID: h.ID, Preimage: *r.preimage}
	case r.malformed != nil:
		return &lnwire.UpdateFailMalformedHTLC{ChannelID: m.channelID, ID: h.ID, OnionSHA256: r.malformed.SHA256, FailureCode: r.malformed.Code}
	default:
		return &lnwire.UpdateFailHTLC{ChannelID: m.channelID, ID: h.ID, Reason: r.reason}
	}
}

// removable finds the HTLC of ours that the peer wants to remove.
func (m *Machine) removable(t lnwire.MsgType, id uint64) (*htlc, *Violation) {
	if v := m.normal(t); v != nil {
		return nil, v
	}
	h := m.table.find(local, id)
	if h == nil || h.stage != Locked {
		// "if the id does not correspond to an HTLC in its current commitment transaction".
		return nil, warn("%v: no HTLC %d is committed on both sides and not removed", t, id)
	}
	return h, nil
}

func (m *Machine) updateFulfill(msg *lnwire.UpdateFulfillHTLC, out *Effects) *Violation {
	h, v := m.removable(msg.Type(), msg.ID)
	if v != nil {
		return v
	}
	if sha256.Sum256(msg.Preimage[:]) != h.Hash {
		return warn("update_fulfill_htlc %d: the preimage does not hash to %v", msg.ID, h.Hash)
	}
	h.stage = RmSent
	m.settled(h, msg.Preimage, out)
	return nil
}

// settled tells upstream at once: a preimage is good whatever becomes of the channel.
func (m *Machine) settled(h *htlc, p lnwire.Preimage, out *Effects) {
	h.removal = &removal{preimage: &p}
	if !h.told {
		h.told = true
		o := h.outcome(m.channelID)
		o.Preimage = h.removal.preimage
		out.Outcomes = append(out.Outcomes, o)
	}
}

func (h *htlc) outcome(c lnwire.ChannelID) Outcome {
	return Outcome{Channel: c, ID: h.ID, Origin: h.origin, Hash: h.Hash, Amount: h.Amount}
}

func (m *Machine) updateFail(msg *lnwire.UpdateFailHTLC, out *Effects) *Violation {
	h, v := m.removable(msg.Type(), msg.ID)
	if v != nil {
		return v
	}
	h.stage, h.removal = RmSent, &removal{reason: append([]byte{}, msg.Reason...)}
	return nil
}

func (m *Machine) updateFailMalformed(msg *lnwire.UpdateFailMalformedHTLC, out *Effects) *Violation {
	h, v := m.removable(msg.Type(), msg.ID)
	if v != nil {
		return v
	}
	if msg.FailureCode&badOnion == 0 {
		return warn("update_fail_malformed_htlc %d: failure_code %#x lacks BADONION", msg.ID, msg.FailureCode)
	}
	h.stage, h.removal = RmSent, &removal{malformed: &Malformed{Code: msg.FailureCode, SHA256: msg.OnionSHA256}}
	return nil
}

// setFee proposes a fee rate. One that is on its way already is no news.
func (m *Machine) setFee(rate lnwire.FeePerKW, out *Effects) error {
	switch {
	case m.opener != local:
		return refused("the peer pays the fee") // "The node not responsible for paying the Bitcoin fee: MUST NOT send update_fee."
	case m.phase != PhaseOpen && m.phase != PhaseClosing || !m.readySent || !m.readyReceived:
		return refused("the channel is %v", m.phase)
	case !m.link.ready:
		return refused("the peer is not connected")
	case m.clean():
		return refused("the channel is shutting down")
	case rate < m.minFee || rate > m.maxFee:
		return refused("%d sat/kw is not between %d and %d", rate, m.minFee, m.maxFee)
	case rate == m.table.rateOf(remote, eventual):
		return nil
	}
	for _, f := range m.funding {
		for owner, v := range [2]version{local: eventual, remote: next} {
			if why := m.affordsFee(f, commitment.Side(owner), v, rate); why != "" {
				return refused("%s", why)
			}
		}
	}
	m.table.addFee(rate)
	out.Send = append(out.Send, &lnwire.UpdateFee{ChannelID: m.channelID, FeeRate: rate})
	return nil
}

// affordsFee says why v of owner's commitment does not bear the rate, or nothing. A lower rate is always borne.
func (m *Machine) affordsFee(f *funding, owner commitment.Side, v version, rate lnwire.FeePerKW) string {
	s := m.table.state(owner, v, 0, m.scratch[:0])
	m.scratch = s.HTLCs
	if rate <= s.FeeRate {
		return ""
	}
	if commitment.DustExposure(&f.params, owner, rate, s.HTLCs) > m.maxDust &&
		commitment.DustExposure(&f.params, owner, s.FeeRate, s.HTLCs) <= m.maxDust {
		return "the dust exposure would exceed its limit"
	}
	s.FeeRate = rate
	left, ok := commitment.OpenerBalance(&f.params, owner, &s)
	if !ok || left < lnwire.FromSatoshis(m.limits[m.opener.Other()].Reserve) {
		return "the opener cannot afford the fee and keep its reserve"
	}
	return ""
}

// updateFee takes a fee rate of the peer.
func (m *Machine) updateFee(msg *lnwire.UpdateFee, out *Effects) *Violation {
	if v := m.normal(msg.Type()); v != nil {
		return v
	}
	if m.opener != remote {
		return warn("update_fee from the side that does not pay the fee")
	}
	if msg.FeeRate < m.minFee || msg.FeeRate > m.maxFee {
		return warn("update_fee: %d sat/kw is not between %d and %d", msg.FeeRate, m.minFee, m.maxFee)
	}
	// "if the sender cannot afford the new fee rate on the receiving node's current commitment transaction".
	for _, f := range m.funding {
		if why := m.affordsFee(f, local, next, msg.FeeRate); why != "" {
			return warn("update_fee: %d sat/kw: %s", msg.FeeRate, why)
		}
	}
	m.table.addFee(msg.FeeRate)
	return nil
}
