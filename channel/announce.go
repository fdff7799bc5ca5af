package channel

import (
	"bytes"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// AnnounceDepth: BOLT 7: "If the funding transaction has at least 6 confirmations: SHOULD queue the channel_announcement".
const AnnounceDepth = 6

// mayAnnounce: BOLT 7: "If the open_channel message has the announce_channel bit set AND a shutdown message has not been
// sent: after channel_ready has been sent and received AND the funding transaction has enough confirmations".
func (m *Machine) mayAnnounce() bool {
	return m.announce && m.phase == PhaseOpen && m.shutdown[local] == nil && m.depth() >= AnnounceDepth && m.node != nil
}

// announceNow sends our halves, takes the peer's if they came early, and tells when both are there.
func (m *Machine) announceNow(out *Effects) {
	if !m.mayAnnounce() {
		return
	}
	if early := m.link.early; early != nil {
		m.link.early = nil
		if v := m.takeSignatures(early, out); v != nil {
			m.violate(v, out)
			return
		}
	}
	// "Upon reconnection: if it has NOT previously received announcement_signatures [...]: MUST send its own".
	if m.link.ready && !m.link.annSent && m.peerSigs == nil {
		m.sendSignatures(out)
	}
	if m.peerSigs != nil && !m.announced {
		m.announced = true
		m.dirty |= dirtyLife
		out.Announce = m.announcement()
	}
}

func (m *Machine) sendSignatures(out *Effects) {
	m.link.annSent = true
	d := m.unsigned().Digest()
	out.Send = append(out.Send, &lnwire.AnnouncementSignatures{ChannelID: m.channelID, SCID: m.funding[0].scid,
		NodeSig: m.node.SignNode(d), BitcoinSig: m.signer.SignDigest(d)})
}

// announcementSignatures takes the peer's halves; before we know the place of the funding they wait.
func (m *Machine) announcementSignatures(msg *lnwire.AnnouncementSignatures, out *Effects) *Violation {
	switch {
	case !m.announce:
		return warn("announcement_signatures for a private channel")
	case !m.mayAnnounce():
		m.link.early = msg
		return nil
	}
	return m.takeSignatures(msg, out)
}

func (m *Machine) takeSignatures(msg *lnwire.AnnouncementSignatures, out *Effects) *Violation {
	if msg.SCID != m.funding[0].scid {
		return warn("announcement_signatures: short_channel_id %v is not %v", msg.SCID, m.funding[0].scid)
	}
	d := m.unsigned().Digest()
	if !msg.NodeSig.Verifies(d, m.nodes[remote]) || !msg.BitcoinSig.Verifies(d, m.points[remote].Funding) {
		return warn("announcement_signatures: a signature is not correct")
	}
	if m.peerSigs == nil {
		m.peerSigs = &lnwire.AnnouncementSignatures{SCID: msg.SCID, NodeSig: msg.NodeSig, BitcoinSig: msg.BitcoinSig}
		m.dirty |= dirtyLife
	}
	// "If it receives announcement_signatures for the funding transaction: MUST respond with its own".
	if !m.link.annSent {
		m.sendSignatures(out)
	}
	return nil
}

// first is the side whose node_id is the lesser: BOLT 7: "node_id_1 and node_id_2 to the public keys [...] such that
// node_id_1 is the lexicographically-lesser of the two compressed keys".
func (m *Machine) first() commitment.Side {
	if bytes.Compare(m.nodes[local][:], m.nodes[remote][:]) < 0 {
		return local
	}
	return remote
}

func (m *Machine) unsigned() *lnwire.ChannelAnnouncement {
	a, b := m.first(), m.first().Other()
	return &lnwire.ChannelAnnouncement{ChainHash: m.chain, SCID: m.funding[0].scid, Node1: m.nodes[a], Node2: m.nodes[b],
		Bitcoin1: m.points[a].Funding, Bitcoin2: m.points[b].Funding}
}

// announcement is complete with all four signatures.
func (m *Machine) announcement() *lnwire.ChannelAnnouncement {
	msg := m.unsigned()
	d := msg.Digest()
	var nodes, coins [2]lnwire.Sig
	nodes[local], coins[local] = m.node.SignNode(d), m.signer.SignDigest(d)
	nodes[remote], coins[remote] = m.peerSigs.NodeSig, m.peerSigs.BitcoinSig
	a, b := m.first(), m.first().Other()
	msg.NodeSig1, msg.NodeSig2, msg.BitcoinSig1, msg.BitcoinSig2 = nodes[a], nodes[b], coins[a], coins[b]
	return msg
}
