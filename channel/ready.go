package channel

import (
	"bytes"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	// ForgetAfter: BOLT 2: "A non-funding node (fundee): SHOULD forget the channel if it does not see the correct funding
	// transaction after a timeout of 2016 blocks."
	ForgetAfter lnwire.Height = 2016
	// CoinbaseDepth is when the output of a coinbase transaction may be spent.
	CoinbaseDepth = 100
	// OfferedGrace is BOLT 2's G: "the deadline for offered HTLCs [...] is G blocks after the HTLC's cltv_expiry: 1 or 2
	// blocks is reasonable."
	OfferedGrace = 2
	// FulfillMargin is BOLT 2's 2R+G+S: "the deadline for received HTLCs this node has fulfilled [...] 18 blocks is
	// reasonable."
	FulfillMargin = 18
)

// confirm takes the place of the funding output in the chain.
func (m *Machine) confirm(e Confirmed, out *Effects) {
	if m.phase == PhaseOpening || m.phase == PhaseClosed {
		return
	}
	m.height = max(m.height, e.Height)
	f := m.funding[0]
	if btcutil.Amount(e.Output.Value) != f.params.Capacity || !bytes.Equal(e.Output.PkScript, m.fundingScript()) {
		// BOLT 2: "MUST NOT send channel_ready unless [the outpoint] pays exactly funding_satoshis to the scriptpubkey".
		if m.phase != PhaseOnchain {
			m.fail("the funding output does not fund the channel", out)
		}
		return
	}
	if f.scid == e.SCID && f.confirmed != 0 {
		return
	}
	if f.scid != e.SCID {
		m.peerSigs, m.announced, m.link.annSent = nil, false, false
	}
	f.scid, f.confirmed = e.SCID, e.SCID.Block()
	m.dirty |= dirtyLife
}

// unconfirm: a reorganization. What channel_ready began goes on; the announcement waits for the new place.
func (m *Machine) unconfirm(out *Effects) {
	if m.phase == PhaseOpening || m.phase == PhaseClosed {
		return
	}
	m.funding[0].confirmed = 0
	m.dirty |= dirtyLife
	if tx := m.funding[0].tx; tx != nil && m.phase != PhaseOnchain {
		out.Broadcast = append(out.Broadcast, tx)
	}
}

// depth is the number of confirmations; zero while there is none.
func (m *Machine) depth() uint32 {
	if len(m.funding) == 0 {
		return 0
	}
	f := m.funding[0]
	if f.confirmed == 0 || m.height < f.confirmed {
		return 0
	}
	return uint32(m.height-f.confirmed) + 1
}

// becomeReady sends channel_ready when the funding is deep enough, and opens the channel when both have.
func (m *Machine) becomeReady(out *Effects) {
	if !m.readySent && m.depth() >= m.readyDepth() {
		m.readySent = true
		m.dirty |= dirtyLife
		if m.link.ready {
			m.sendReady(out)
		}
	}
	if m.phase == PhasePending && m.readySent && m.readyReceived {
		m.phase = PhaseOpen
		m.dirty |= dirtyLife
		out.Notices = append(out.Notices, Notice{Kind: NoticeOpen})
	}
}

func (m *Machine) readyDepth() uint32 {
	if m.funding[0].scid.Tx() == 0 {
		return max(m.minimumDepth, CoinbaseDepth)
	}
	return m.minimumDepth
}

func (m *Machine) sendReady(out *Effects) {
	out.Send = append(out.Send, &lnwire.ChannelReady{ChannelID: m.channelID, NextPoint: m.localPoint(1), Alias: m.alias})
}

// channelReady takes the peer's second per-commitment point.
func (m *Machine) channelReady(msg *lnwire.ChannelReady, out *Effects) *Violation {
	if m.readyReceived {
		// BOLT 2: "MUST ignore any redundant channel_ready it receives", "MAY send multiple [...] with different alias values".
		if msg.Alias != 0 && msg.Alias != m.remoteAlias {
			m.remoteAlias = msg.Alias
			m.dirty |= dirtyLife
		}
		return nil
	}
	if _, err := msg.NextPoint.Parse(); err != nil {
		return failure("channel_ready: second_per_commitment_point: %v", err)
	}
	m.dance.nextPoint, m.remoteAlias, m.readyReceived = msg.NextPoint, msg.Alias, true
	m.dirty |= dirtyLife | dirtyState
	return nil
}

// block follows the chain: deadlines, depth, and what waits for heights on chain.
func (m *Machine) block(h lnwire.Height, out *Effects) {
	m.height = h
	switch m.phase {
	case PhasePending:
		if m.opener == remote && m.funding[0].confirmed == 0 && h >= m.created+ForgetAfter {
			m.lastError = "the funding transaction did not confirm in time"
			m.forget(out)
		}
	case PhaseOpen, PhaseClosing:
		if why := m.overdue(h); why != "" {
			m.fail(why, out)
		}
	case PhaseOnchain:
		m.resolve(out)
	}
}

// overdue finds an HTLC past its deadline.
func (m *Machine) overdue(h lnwire.Height) string {
	// "if an HTLC which it offered is in either node's current commitment transaction, AND is past this timeout deadline:
	// SHOULD send an error [...] MUST fail the channel."
	for _, o := range m.table.htlcs[local] {
		if AddSigned <= o.stage && o.stage <= RmAcked && uint64(h) >= uint64(o.Expiry)+OfferedGrace {
			return overdueText("offered", o)
		}
	}
	// "if an HTLC it has fulfilled is in either node's current commitment transaction, AND is past this fulfillment
	// deadline: [...] MUST fail the channel."
	for _, o := range m.table.htlcs[remote] {
		if o.fulfilled() && o.stage <= RmAcked && uint64(h)+FulfillMargin >= uint64(o.Expiry) {
			return overdueText("fulfilled", o)
		}
	}
	return ""
}

func overdueText(what string, h *htlc) string {
	return failure("%s HTLC %d expires at %d: past its deadline", what, h.ID, h.Expiry).Text
}

// forget drops a channel that never came to be, with its records.
func (m *Machine) forget(out *Effects) {
	m.deleteAll(out)
	m.abandon(out)
	m.dirty = 0
}
