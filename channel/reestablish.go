package channel

import (
	"strings"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// greet opens a new connection for the channel.
// BOLT 2: "if a channel is in an error state: SHOULD retransmit the error packet [...] otherwise: MUST transmit
// channel_reestablish".
func (m *Machine) greet(out *Effects) {
	if m.unspentShell() {
		m.askToClose(out)
		return
	}
	if m.phase == PhaseOnchain {
		if m.lastError != "" && !strings.HasPrefix(m.lastError, fromPeer) {
			m.sendError(m.lastError, out)
		}
		return
	}
	d := &m.dance
	msg := &lnwire.ChannelReestablish{
		ChannelID: m.channelID, NextCommitment: d.localNumber + 1, NextRevocation: d.revoked,
		CurrentPoint: m.localPoint(d.localNumber),
	}
	if d.revoked > 0 {
		msg.LastSecret, _ = d.secrets.Lookup(d.revoked - 1)
	}
	out.Send = append(out.Send, msg)
}

// tooLate answers a channel_reestablish for a channel that is on chain, where greet had nothing to say: the peer may have
// lost its memory of it.
func (m *Machine) tooLate(out *Effects) {
	if m.unspentShell() {
		m.refuseToGoOn(out)
		return
	}
	if m.closingTx == nil && (m.lastError == "" || strings.HasPrefix(m.lastError, fromPeer)) {
		m.sendError("the channel is closing on chain", out)
	}
}

func (m *Machine) sendError(text string, out *Effects) {
	out.Send = append(out.Send, &lnwire.Error{ChannelID: m.wireID(), Data: []byte(text)})
}

// reestablish compares the peer's counters with ours and sends again what it missed.
//
//	their next_commitment_number N, ours signed R     their next_revocation_number M, ours revoked below L
//	N = R+1  it has all                               M = L    it has all
//	N = R    our commitment_signed again              M = L-1  our revoke_and_ack again
//	N < R    it is behind: wait for its error         M < L-1  it is behind: wait for its error
//	N > R+1  it claims what we never signed: fail     M > L    we are behind, if its secret proves it; else fail
func (m *Machine) reestablish(msg *lnwire.ChannelReestablish, out *Effects) *Violation {
	d := &m.dance
	switch {
	case m.link.ready:
		return warn("channel_reestablish was sent already")
	case msg.NextCommitment == 0:
		// "if next_commitment_number is zero: MUST immediately fail the channel and broadcast".
		return failure("channel_reestablish: next_commitment_number is zero")
	case msg.NextRevocation > d.localNumber:
		return m.behind(msg, out)
	}
	if !m.secretMatches(msg) {
		return failure("channel_reestablish: your_last_per_commitment_secret is not that of commitment %d", msg.NextRevocation-1)
	}
	switch {
	case msg.NextCommitment > d.remoteNumber+1:
		return failure("channel_reestablish: next_commitment_number %d, the last one signed is %d", msg.NextCommitment, d.remoteNumber)
	case msg.NextCommitment < d.remoteNumber, msg.NextCommitment == d.remoteNumber && !d.outstanding(),
		msg.NextRevocation+1 < d.localNumber:
		// It has lost data and will know by our channel_reestablish. "The other node should wait for that error".
		m.link.behind = true
		text := warn("channel_reestablish: next_commitment_number %d and next_revocation_number %d are behind %d and %d",
			msg.NextCommitment, msg.NextRevocation, d.remoteNumber+1, d.localNumber).Text
		out.Send = append(out.Send, &lnwire.Warning{ChannelID: m.channelID, Data: []byte(text)})
		out.Notices = append(out.Notices, Notice{NoticeWarning, text})
		return nil
	}
	m.link.ready, m.link.fresh = true, true
	m.resend(msg.NextCommitment, msg.NextRevocation, out)
	return nil
}

// secretMatches checks the last secret that the peer says it has from us, one that we did reveal.
func (m *Machine) secretMatches(msg *lnwire.ChannelReestablish) bool {
	if msg.NextRevocation == 0 {
		return true // "MUST set your_last_per_commitment_secret to all zeroes": harmless if not
	}
	return msg.LastSecret == m.signer.Secret(msg.NextRevocation-1)
}

// behind: the peer claims a secret that we do not know to have revealed.
// BOLT 2: "if next_revocation_number is greater than expected above, AND your_last_per_commitment_secret is correct for
// that next_revocation_number minus 1: MUST NOT broadcast its commitment transaction. SHOULD send an error to request the
// peer to fail the channel."
func (m *Machine) behind(msg *lnwire.ChannelReestablish, out *Effects) *Violation {
	n := msg.NextRevocation - 1
	point, err := commitment.PointOf(msg.LastSecret)
	if n > commitment.MaxNumber || err != nil || point != m.signer.Point(n) {
		return failure("channel_reestablish: your_last_per_commitment_secret does not prove revocation %d", n)
	}
	m.freeze()
	out.Notices = append(out.Notices, Notice{Kind: NoticeDataLoss})
	m.fail("channel_reestablish: our state is old: please close the channel", out)
	return nil
}

// freeze makes the machine one that publishes nothing but an agreed close.
func (m *Machine) freeze() {
	m.lost = true
	m.dirty |= dirtyLife
	if f, ok := m.signer.(interface{ Freeze() }); ok {
		f.Freeze()
	}
}

// distrust does what behind does, without the peer's proof.
func (m *Machine) distrust() {
	if m.phase == PhaseOpening || m.phase == PhaseClosed {
		return
	}
	m.freeze()
	if m.phase != PhaseOnchain {
		m.lastError = "our state may be old: please close the channel"
		m.phase = PhaseOnchain
		m.dirty |= dirtyState
	}
}

// resend sends again what the connection lost, then what waited for the new one.
func (m *Machine) resend(nextCommitment, nextRevocation uint64, out *Effects) {
	d := &m.dance
	// "if next_commitment_number is 1 in both the channel_reestablish it sent and received: MUST retransmit channel_ready".
	if nextCommitment == 1 && d.localNumber == 0 && m.readySent {
		m.sendReady(out)
	}
	revocation := nextRevocation < d.localNumber
	signature := nextCommitment == d.remoteNumber
	// "MUST retransmit revoke_and_ack and commitment_signed in the same relative order as initially transmitted."
	if revocation && d.commitLast {
		m.sendRevocation(out)
	}
	if signature {
		m.resendCommitment(out)
	}
	if revocation && !d.commitLast {
		m.sendRevocation(out)
	}
	for _, h := range m.table.htlcs[remote] {
		if h.stage == Locked && h.removal != nil {
			m.sendRemoval(h, out)
		}
	}
}

// resendCommitment sends the updates that our last commitment_signed covers, and it. Removals come first, then the fee: each
// update is then affordable if all are.
func (m *Machine) resendCommitment(out *Effects) {
	for _, h := range m.table.htlcs[remote] {
		if h.stage == RmSigned {
			out.Send = append(out.Send, m.removeMessage(h))
		}
	}
	if m.opener == local {
		for _, f := range m.table.fees {
			if f.stage == AddSigned {
				out.Send = append(out.Send, &lnwire.UpdateFee{ChannelID: m.channelID, FeeRate: f.rate})
			}
		}
	}
	for _, h := range m.table.htlcs[local] {
		if h.stage == AddSigned {
			out.Send = append(out.Send, m.addMessage(h))
		}
	}
	for _, f := range m.funding {
		c := m.build(f, remote, latest, m.dance.remoteNumber, m.dance.nextPoint)
		m.sendCommitment(f, c, out)
	}
}
