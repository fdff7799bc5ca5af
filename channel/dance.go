package channel

import (
	"fmt"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// flush signs what waits for our signature, unless one is outstanding: then updates pile up for the next.
func (m *Machine) flush(out *Effects) {
	// BOLT 2: "MUST NOT send a commitment_signed message that does not include any updates."
	if m.phase != PhaseOpen && m.phase != PhaseClosing || !m.link.ready ||
		m.dance.outstanding() || m.dance.nextPoint.IsZero() || !m.table.moves(local, sign) {
		return
	}
	number := m.dance.remoteNumber + 1
	for _, f := range m.funding {
		c := m.build(f, remote, next, number, m.dance.nextPoint)
		m.sendCommitment(f, c, out)
		// What a penalty needs is written now, when the commitment is at hand; it is read once this one is revoked.
		if len(c.HTLCs) > 0 {
			m.put(out, revokedKey(number), resolve.NewRevokedRecord(c).Encode())
		}
	}
	for _, h := range m.table.move(local, sign) {
		switch h.stage {
		case AddSigned:
			m.putHTLC(h, out)
		case RmSigned:
			m.putRemoval(h, out)
		}
	}
	m.dance.remoteNumber = number
	m.dance.commitLast = true
	m.dirty |= dirtyState
}

// sendCommitment signs a commitment of the peer's.
func (m *Machine) sendCommitment(f *funding, c *commitment.Commitment, out *Effects) {
	sig, htlcSigs, err := m.signer.SignRemote(&f.params, c)
	if err != nil {
		panic(fmt.Sprintf("channel: sign commitment %d: %v", c.Number, err))
	}
	out.Send = append(out.Send, &lnwire.CommitmentSigned{ChannelID: m.channelID, Signature: sig, HTLCSigs: htlcSigs})
}

// localPoint is our per-commitment point n. Each is asked for twice in a row.
func (m *Machine) localPoint(n uint64) lnwire.PubKey {
	for i := range m.localPoints {
		if p := &m.localPoints[i]; p.number == n && !p.point.IsZero() {
			return p.point
		}
	}
	m.localPoints[1] = m.localPoints[0]
	m.localPoints[0] = numberedPoint{n, m.signer.Point(n)}
	return m.localPoints[0].point
}

type numberedPoint struct {
	number uint64
	point  lnwire.PubKey
}

// commitmentSigned takes the peer's signature on our next commitment and revokes the one before. A commitment_signed
// without changes is a waste, but only its sender breaks a rule that costs nothing.
func (m *Machine) commitmentSigned(msg *lnwire.CommitmentSigned, out *Effects) *Violation {
	if !m.readySent || !m.readyReceived {
		return warn("commitment_signed before channel_ready")
	}
	number := m.dance.localNumber + 1
	if number >= commitment.MaxNumber {
		return failure("commitment_signed: all commitment numbers are used")
	}
	for _, f := range m.funding {
		c := m.build(f, local, next, number, m.localPoint(number))
		if err := m.check.Verify(&f.params, c, msg.Signature, msg.HTLCSigs); err != nil {
			return warn("commitment_signed %d: %v", number, err)
		}
	}
	for _, f := range m.funding {
		f.sig, f.htlcSigs = msg.Signature, msg.HTLCSigs
	}
	for _, h := range m.table.move(remote, sign) {
		switch h.stage {
		case AddSigned:
			m.putHTLC(h, out)
		case RmSigned:
			m.putRemoval(h, out)
		}
	}
	for _, h := range m.table.move(local, revoke) {
		if h.stage == Gone {
			m.deleteHTLC(h, out)
		}
	}
	m.dance.localNumber = number
	m.dance.commitLast = false
	m.link.fresh = false
	m.dirty |= dirtyState | dirtySigs
	m.sendRevocation(out)
	return nil
}

// sendRevocation reveals the secret of the commitment before the latest.
func (m *Machine) sendRevocation(out *Effects) {
	n := m.dance.localNumber
	out.Send = append(out.Send, &lnwire.RevokeAndAck{ChannelID: m.channelID, Secret: m.signer.Secret(n - 1), NextPoint: m.localPoint(n + 1)})
}

// revokeAndAck takes the secret of the peer's oldest valid commitment.
func (m *Machine) revokeAndAck(msg *lnwire.RevokeAndAck, out *Effects) *Violation {
	if !m.dance.outstanding() {
		return warn("revoke_and_ack without an outstanding commitment_signed")
	}
	// "if per_commitment_secret is not a valid secret key or does not generate the previous per_commitment_point: MUST send
	// an error and fail the channel."
	if point, err := commitment.PointOf(msg.Secret); err != nil || point != m.dance.point {
		return failure("revoke_and_ack: per_commitment_secret is not that of commitment %d", m.dance.revoked)
	}
	if _, err := msg.NextPoint.Parse(); err != nil {
		return failure("revoke_and_ack: next_per_commitment_point: %v", err)
	}
	if err := m.dance.secrets.Insert(msg.Secret); err != nil {
		return failure("revoke_and_ack: %v", err)
	}
	place, secret := m.dance.secrets.Slot()
	m.put(out, secretKey(place), append([]byte{}, secret[:]...))
	for _, h := range m.table.move(remote, revoke) {
		switch {
		case h.stage == Locked && h.Offerer == remote:
			out.Incoming = append(out.Incoming, m.incoming(h))
		case h.stage == Gone:
			m.removed(h, out)
		}
	}
	m.dance.revoked++
	m.dance.point, m.dance.nextPoint = m.dance.nextPoint, msg.NextPoint
	m.dirty |= dirtyState
	return nil
}

func (m *Machine) incoming(h *htlc) HTLC {
	return HTLC{Channel: m.channelID, ID: h.ID, Amount: h.Amount, Hash: h.Hash, Expiry: h.Expiry, Onion: h.onion,
		Blinding: h.blinding, Doomed: h.doomed}
}

// removed tells upstream of a failed HTLC, now that no commitment can claim it any more.
func (m *Machine) removed(h *htlc, out *Effects) {
	m.deleteHTLC(h, out)
	if h.told {
		return
	}
	o := h.outcome(m.channelID)
	o.Reason, o.Malformed = h.removal.reason, h.removal.malformed
	out.Outcomes = append(out.Outcomes, o)
}
