package channel

import (
	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// link is what a connection knows.
type link struct {
	up       bool
	ready    bool // reestablished: messages for the channel may flow
	fresh    bool // reestablished, and no commitment_signed received since
	behind   bool // its channel_reestablish shows that the peer has lost data
	features lnwire.FeatureVector

	shutSent, shutReceived bool
	sent                   *closingOffer   // our last closing_signed
	peerFee                *btcutil.Amount // of the peer's last closing_signed, where it knows no fee_range
	annSent                bool
	early                  *lnwire.AnnouncementSignatures // came before the depth
}

// linked follows the connection.
func (m *Machine) linked(e Linked, out *Effects) {
	if m.loaded {
		m.loaded = false
		m.remind(out)
	}
	m.unlink(out)
	switch {
	case m.phase == PhaseClosed:
	case m.phase == PhaseOpening:
		// BOLT 2: "upon disconnection: if it has broadcast the funding transaction: MUST remember the channel for
		// reconnection; otherwise: SHOULD NOT".
		m.lastError = "disconnected before the funding was signed"
		m.abandon(out)
	case e.Up:
		m.link = link{up: true, features: e.Features}
		m.greet(out)
	}
}

// unlink forgets what belonged to the connection. HTLCs that the peer never had a signature for fail at once.
func (m *Machine) unlink(out *Effects) {
	m.link = link{}
	for _, h := range m.table.unlink() {
		if h.Offerer == local {
			out.Outcomes = append(out.Outcomes, Outcome{Channel: m.channelID, ID: h.ID, Origin: h.origin,
				Hash: h.Hash, Amount: h.Amount, Local: true})
		}
	}
}

// wireID is how messages name the channel now.
func (m *Machine) wireID() lnwire.ChannelID {
	if m.phase == PhaseOpening || m.channelID == (lnwire.ChannelID{}) {
		return m.tempID
	}
	return m.channelID
}

// canOffer says why HTLCs may not be offered now, or nothing.
func (m *Machine) canOffer() string {
	switch {
	case m.phase != PhaseOpen:
		return "the channel is " + m.phase.String()
	case !m.link.ready:
		return "the peer is not connected"
	case m.shutdown[local] != nil || m.shutdown[remote] != nil:
		return "the channel is shutting down"
	}
	return ""
}
