package gossip

import (
	"math"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

const (
	// MaxFuture is how far a timestamp may be ahead of our clock (BOLT 7: "unreasonably far in the future: MAY discard").
	MaxFuture = 24 * 60 * 60
	// StaleAfter is BOLT 7's "older than two weeks (1209600 seconds): MAY prune the channel. MAY ignore the channel."
	StaleAfter = 1_209_600

	// UpdateBurst updates of one direction of a channel pass at once, then one in UpdateInterval seconds. The same
	// holds for the announcements of one node.
	UpdateBurst    = 10
	UpdateInterval = 60
)

// credible: the timestamp is neither zero nor far in the future.
// BOLT 7: "MUST set timestamp to greater than 0".
func (e *Engine) credible(stamp uint32) bool {
	return stamp != 0 && uint64(stamp) <= uint64(e.now)+MaxFuture
}

// onUpdate does all checks of a channel_update that cost little. A zero from is our own payment that was told.
func (e *Engine) onUpdate(from lnwire.PubKey, m *lnwire.ChannelUpdate) {
	h := held{from, m}
	if m.ChainHash != e.o.Chain || !e.credible(m.Timestamp) {
		e.stats.Ignored++
		return
	}
	if scid, ok := e.names[m.SCID]; ok && e.channels[m.SCID] == nil {
		e.onPrivateUpdate(h, e.locals[scid], m)
		return
	}
	c := e.channels[m.SCID]
	// BOLT 7: "MUST set dont_forward to 1 in message_flags" is for channels that were not announced. One of an unknown channel
	// may be for a channel with us that we do not know to be open yet: gossip overtakes channel_ready.
	if c != nil && m.MessageFlags&lnwire.MessageDontForward != 0 || uint64(m.Timestamp)+StaleAfter < uint64(e.now) {
		e.stats.Ignored++
		return
	}
	if c == nil {
		e.holdUpdate(h, m)
		return
	}
	if !e.isNews(c, m) {
		return
	}
	d := m.Direction()
	if !e.asked(from) && !c.rate[d].take(e.now, 1, UpdateBurst, 1.0/UpdateInterval) {
		e.stats.Limited++
		return
	}
	e.enqueue(h, nil, Check{Digest: m.Digest(), Sig: m.Signature, Key: c.ends[d].key})
}

// isNews: the update is newer than what we have, and of a channel that is not spent.
func (e *Engine) isNews(c *channel, m *lnwire.ChannelUpdate) bool {
	// BOLT 7: "if timestamp is lower than that of the last-received channel_update ...: SHOULD ignore the message", and
	// for an equal one with other fields it is left to us to do the same.
	if m.Timestamp <= c.stamps[m.Direction()] {
		e.stats.Duplicate++
		return false
	}
	// BOLT 7: "if the channel output has been spent: MUST ignore channel_updates, unless they have the disable bit set
	// to 1."
	if e.spent[m.SCID] != 0 && !m.Disabled() {
		e.stats.Ignored++
		return false
	}
	return true
}

// holdUpdate keeps an update whose announcement is not known yet, and asks for that.
// BOLT 7: "MAY send this if it receives a channel_update for a short_channel_id for which it has no
// channel_announcement."
func (e *Engine) holdUpdate(h held, m *lnwire.ChannelUpdate) {
	if p := e.pending[m.SCID]; p != nil {
		if len(p.updates) < MaxHeldUpdates {
			p.updates = append(p.updates, h)
		}
		return
	}
	if e.dead.has(m.SCID) || h.peer == (lnwire.PubKey{}) {
		e.stats.Ignored++
		return
	}
	list, _ := e.orphans.find(m.SCID)
	if len(list) < MaxHeldUpdates {
		list = append(list[:len(list):len(list)], h)
		e.orphans.put(m.SCID, list)
	}
	// A channel that was pruned comes back when both ends have spoken again. One that is private is nobody's to ask for.
	if m.MessageFlags&lnwire.MessageDontForward == 0 && !e.early.has(m.SCID) && (!e.zombies.has(m.SCID) || bothEnds(list)) {
		e.wish(h.peer, m.SCID)
	}
}

// bothEnds: there is an update of each direction among those held.
func bothEnds(list []held) bool {
	var spoke [2]bool
	for _, h := range list {
		spoke[h.msg.(*lnwire.ChannelUpdate).Direction()] = true
	}
	return spoke[0] && spoke[1]
}

// provenUpdate: the signature is good.
func (e *Engine) provenUpdate(j *job, m *lnwire.ChannelUpdate) {
	c := e.channels[m.SCID]
	if c == nil || !e.isNews(c, m) {
		return // forgotten, or overtaken by another one of this burst
	}
	d := m.Direction()
	if c.ends[d].key == e.self {
		e.haunted(m) // of our own, and newer than what we remember
		return
	}
	e.stats.Accepted++
	e.storeUpdate(m, c, j.raw, j.peer)
	if l := e.locals[m.SCID]; l != nil && l.Peer == c.ends[d].key {
		e.out.Remote = append(e.out.Remote, RemotePolicy{SCID: m.SCID, Update: m})
	}
}

// storeUpdate puts the newest update in its place, into the graph and into what is relayed.
func (e *Engine) storeUpdate(m *lnwire.ChannelUpdate, c *channel, raw []byte, from lnwire.PubKey) {
	d := uint8(m.Direction())
	first := c.updates[0] == nil && c.updates[1] == nil
	c.updates[d], c.stamps[d] = raw, m.Timestamp
	e.out.Changes = append(e.out.Changes, router.SetPolicy{
		EdgeID: router.EdgeID{SCID: m.SCID, Direction: d}, Policy: router.PolicyOf(m),
	})
	e.save(updateKey(m.SCID, d), raw)
	// BOLT 7: "If a channel_announcement has no corresponding channel_updates: MUST NOT send the channel_announcement."
	if first {
		e.news(relayKey{kind: relayChannel, scid: m.SCID}, from)
	}
	e.news(relayKey{kind: relayUpdate, scid: m.SCID, direction: d}, from)
}

// news passes a message on: what is ours to all peers, the rest to those whose filters ask for it.
func (e *Engine) news(k relayKey, from lnwire.PubKey) {
	if from == e.self {
		e.spread(k)
		return
	}
	e.log.add(k, from)
}

// onNode does all checks of a node_announcement that cost little.
func (e *Engine) onNode(from lnwire.PubKey, m *lnwire.NodeAnnouncement) {
	n := e.nodes[m.NodeID]
	switch {
	case !e.credible(m.Timestamp), m.NodeID == e.self && (n == nil || m.Timestamp <= n.stamp):
		e.stats.Ignored++
		return
	case n == nil:
		// BOLT 7: "if node_id is NOT previously known from a channel_announcement message ...: SHOULD ignore", but where
		// announcements are being looked up, its own may be among them.
		if len(e.pending) == 0 && e.early.len() == 0 && len(e.jobs) == 0 {
			e.stats.Ignored++
			return
		}
		e.heldNodes.put(m.NodeID, held{from, m})
		return
	case m.Timestamp <= n.stamp:
		e.stats.Duplicate++
		return
	case !e.asked(from) && !n.rate.take(e.now, 1, UpdateBurst, 1.0/UpdateInterval):
		e.stats.Limited++
		return
	}
	e.enqueue(held{from, m}, nil, Check{Digest: m.Digest(), Sig: m.Signature, Key: m.NodeID})
}

// provenNode: the signature is good.
func (e *Engine) provenNode(j *job, m *lnwire.NodeAnnouncement) {
	n := e.nodes[m.NodeID]
	if n == nil || m.Timestamp <= n.stamp {
		return
	}
	if m.NodeID == e.self {
		e.us.stamp = max(e.us.stamp, m.Timestamp)
		e.announceNode(true)
		return
	}
	e.stats.Accepted++
	n.private = dnsNames(m) > 1 // BOLT 7: "if more than one type 5 address is announced: ... MUST not forward"
	e.storeNode(n, m, j.raw, j.peer)
}

func (e *Engine) storeNode(n *node, m *lnwire.NodeAnnouncement, raw []byte, from lnwire.PubKey) {
	n.ann, n.stamp = raw, m.Timestamp
	e.out.Changes = append(e.out.Changes, router.SetNode{Node: graphNode(m)})
	e.save(nodeKey(m.NodeID), raw)
	if !n.private {
		e.news(relayKey{kind: relayNode, node: m.NodeID}, from)
	}
}

func dnsNames(m *lnwire.NodeAnnouncement) (n int) {
	for _, a := range m.Addresses {
		if a.Type() == lnwire.AddressDNS {
			n++
		}
	}
	return n
}

// graphNode is the node as the router wants it. Of several hostnames the first counts; what cannot be dialled (Tor v2,
// port zero, unknown types) is left out, as BOLT 7 says.
func graphNode(m *lnwire.NodeAnnouncement) router.Node {
	out := router.Node{
		Key: m.NodeID, LastUpdate: m.Timestamp, Features: m.Features, Alias: m.Alias, Color: m.Color,
	}
	names := 0
	for _, a := range m.Addresses {
		if a.Type() == lnwire.AddressDNS {
			if names++; names > 1 {
				continue
			}
		}
		if a.Usable() {
			out.Addresses = append(out.Addresses, a)
		}
	}
	return out
}

// maxStamp is the end of time for filters.
const maxStamp = math.MaxUint32
