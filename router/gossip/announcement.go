package gossip

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// MinConfirmations of a channel that may be announced.
// BOLT 7: "If the funding transaction has less than 6 confirmations: MUST NOT send channel_announcement."
const MinConfirmations = 6

// MaxAhead is how many blocks an announcement may be ahead of our chain and still be kept for later.
const MaxAhead = 144

// onAnnouncement does all checks that cost little.
func (e *Engine) onAnnouncement(from lnwire.PubKey, m *lnwire.ChannelAnnouncement) {
	h := held{from, m}
	switch {
	case m.ChainHash != e.o.Chain, // BOLT 7: "if the specified chain_hash is unknown to the receiver: MUST ignore"
		bytes.Compare(m.Node1[:], m.Node2[:]) >= 0,
		e.banned.has(m.Node1), e.banned.has(m.Node2), // BOLT 7: blacklisted "SHOULD ignore the message"
		e.dead.has(m.SCID),
		e.zombies.has(m.SCID): // what we ask for is none any more
		e.stats.Ignored++
		return
	}
	if c := e.channels[m.SCID]; c != nil {
		if !isConflict(c, m) {
			e.stats.Duplicate++
			return
		}
		e.queueAnnouncement(h, m)
		return
	}
	if p := e.pending[m.SCID]; p != nil {
		e.stats.Duplicate++
		return
	}
	if m.SCID.Block()+MinConfirmations-1 > e.height {
		// BOLT 7: "MAY accept the message if the output is close to 6 confirmations, in case the receiving node hasn't
		// received the latest block(s) yet."
		if m.SCID.Block() > e.height+MaxAhead {
			e.stats.Ignored++
		} else if !e.early.has(m.SCID) {
			e.early.put(m.SCID, h)
		}
		return
	}
	e.queueAnnouncement(h, m)
}

func (e *Engine) queueAnnouncement(h held, m *lnwire.ChannelAnnouncement) {
	d := m.Digest()
	e.enqueue(h, nil,
		Check{Digest: d, Sig: m.NodeSig1, Key: m.Node1}, Check{Digest: d, Sig: m.NodeSig2, Key: m.Node2},
		Check{Digest: d, Sig: m.BitcoinSig1, Key: m.Bitcoin1}, Check{Digest: d, Sig: m.BitcoinSig2, Key: m.Bitcoin2})
}

// isConflict: the same output, by the same keys, for other nodes.
func isConflict(c *channel, m *lnwire.ChannelAnnouncement) bool {
	n1, n2 := announcedNodes(c.ann)
	b1, b2 := announcedBitcoinKeys(c.ann)
	return (n1 != m.Node1 || n2 != m.Node2) &&
		(b1 == m.Bitcoin1 && b2 == m.Bitcoin2 || b1 == m.Bitcoin2 && b2 == m.Bitcoin1)
}

// provenAnnouncement: all four signatures are good; the output is looked up next.
func (e *Engine) provenAnnouncement(j *job, m *lnwire.ChannelAnnouncement) {
	if c := e.channels[m.SCID]; c != nil {
		if isConflict(c, m) {
			e.conflict(c, m)
		}
		return
	}
	if e.pending[m.SCID] != nil {
		e.stats.Duplicate++
		return
	}
	p := e.peers[j.peer]
	if len(e.pending) >= MaxPending || p != nil && p.pending >= MaxPendingPeer {
		e.stats.Limited++
		return
	}
	if p != nil {
		p.pending++
	}
	e.pending[m.SCID] = &pending{held: j.held}
	e.out.Lookups = append(e.out.Lookups, m.SCID)
	if orphans, ok := e.orphans.take(m.SCID); ok {
		e.pending[m.SCID].updates = orphans
	}
}

// conflict: BOLT 7: "if it has previously received a valid channel_announcement, for the same transaction, in the same
// block, but for a different node_id_1 or node_id_2: SHOULD blacklist the previous message's node_id_1 and node_id_2,
// as well as this node_id_1 and node_id_2 AND forget any channels connected to them."
func (e *Engine) conflict(c *channel, m *lnwire.ChannelAnnouncement) {
	n1, n2 := announcedNodes(c.ann)
	for _, n := range [...]lnwire.PubKey{n1, n2, m.Node1, m.Node2} {
		if n != e.self {
			e.banned.put(n, struct{}{})
		}
	}
	var gone []lnwire.ShortChannelID
	for _, scid := range e.order {
		c := e.channels[scid]
		if e.locals[scid] == nil && (e.banned.has(c.ends[0].key) || e.banned.has(c.ends[1].key)) {
			gone = append(gone, scid)
		}
	}
	for _, scid := range gone {
		e.remove(scid)
	}
}

// answered: the funding output of a pending announcement was looked up.
func (e *Engine) answered(a Answered) {
	p := e.pending[a.SCID]
	if p == nil {
		return
	}
	delete(e.pending, a.SCID)
	if from := e.peers[p.peer]; from != nil && from.pending > 0 {
		from.pending--
	}
	m := p.msg.(*lnwire.ChannelAnnouncement)
	switch {
	case a.Status == Unavailable:
		return
	case a.Status != Unspent || a.Amount <= 0 || !bytes.Equal(a.Script, fundingScript(m.Bitcoin1, m.Bitcoin2)):
		// BOLT 7: "if the short_channel_id's output does NOT correspond to a P2WSH ... OR the output is spent: MUST
		// ignore the message."
		e.dead.put(a.SCID, struct{}{})
		e.stats.Ignored++
		return
	}
	raw, err := lnwire.Marshal(m)
	if err != nil {
		return
	}
	e.publish(m, &channel{ann: raw, funding: a.Funding, capacity: a.Amount, since: e.now})
	e.stats.Accepted++
	e.release(p.updates, m)
	if l := e.locals[m.SCID]; l != nil {
		e.becamePublic(l, m) // the peer's announcement of our common channel was faster than our own
	}
}

// publish takes a proven channel into the graph.
func (e *Engine) publish(m *lnwire.ChannelAnnouncement, c *channel) {
	e.zombies.take(m.SCID)
	e.erase(zombieKey(m.SCID))
	e.insert(m.SCID, c)
	e.out.Changes = append(e.out.Changes, router.AddChannel{Channel: graphChannel(m, c)})
	e.saveChannel(m.SCID, c)
}

// release lets the messages go on that waited for the channel.
func (e *Engine) release(updates []held, m *lnwire.ChannelAnnouncement) {
	more, _ := e.orphans.take(m.SCID)
	for _, h := range append(updates, more...) {
		e.onUpdate(h.peer, h.msg.(*lnwire.ChannelUpdate))
	}
	for _, n := range [...]lnwire.PubKey{m.Node1, m.Node2} {
		if h, ok := e.heldNodes.take(n); ok {
			e.onNode(h.peer, h.msg.(*lnwire.NodeAnnouncement))
		}
	}
}

// graphChannel is the channel as the router wants it.
func graphChannel(m *lnwire.ChannelAnnouncement, c *channel) router.Channel {
	out := router.Channel{
		SCID: m.SCID, Funding: c.funding, Capacity: c.capacity, Nodes: [2]lnwire.PubKey{m.Node1, m.Node2},
		Features: m.Features, Unusable: requiresUnknown(m.Features),
	}
	return out
}

// requiresUnknown: BOLT 7: "if there is an unknown even bit in the features field: MUST NOT attempt to route messages
// through the channel."
func requiresUnknown(f lnwire.FeatureVector) bool {
	for _, b := range f.Bits() {
		if b.IsRequired() && b.Name() == "" {
			return true
		}
	}
	return false
}

// fundingScript is BOLT 3's P2WSH of the two keys in ascending order.
func fundingScript(a, b lnwire.PubKey) []byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	witness := make([]byte, 0, 71)
	witness = append(witness, txscript.OP_2, txscript.OP_DATA_33)
	witness = append(witness, a[:]...)
	witness = append(witness, txscript.OP_DATA_33)
	witness = append(witness, b[:]...)
	witness = append(witness, txscript.OP_2, txscript.OP_CHECKMULTISIG)
	sum := sha256.Sum256(witness)
	return append([]byte{txscript.OP_0, txscript.OP_DATA_32}, sum[:]...)
}
