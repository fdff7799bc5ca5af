package gossip

import (
	"bytes"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// RefreshAfter is the age at which our own messages are signed anew, so that nobody takes them for stale.
const RefreshAfter = StaleAfter / 2

// local is a channel of our own.
type local struct {
	Local
	policy *router.Policy // nil until LocalPolicy
	stamp  uint32         // of our newest channel_update
	ours   []byte         // that update, where the channel is not public
	theirs *lnwire.ChannelUpdate
}

// ourNode is what our node_announcement says.
type ourNode struct {
	set   bool
	about LocalNode
	stamp uint32
}

// direction in which we send.
func (e *Engine) direction(l *local) uint8 { return router.Direction(e.self, l.Peer) }

func (e *Engine) localChannel(in Local) {
	l := e.locals[in.SCID]
	if l == nil {
		l = &local{}
		e.locals[in.SCID] = l
	}
	e.unname(in.SCID)
	l.Local = in
	for _, name := range append([]lnwire.ShortChannelID{in.SCID}, in.Aliases...) {
		e.names[name] = in.SCID
	}
	if c := e.channels[in.SCID]; c != nil {
		// Announced, and loaded or learned before: our last update is in it.
		d := e.direction(l)
		if u, ok := e.Update(in.SCID, d); ok && c.ends[d].key == e.self {
			p := router.PolicyOf(u)
			l.policy, l.stamp = &p, u.Timestamp
		}
		if u, ok := e.Update(in.SCID, 1-d); ok {
			e.learnRemote(l, u)
		}
		return
	}
	ends := [2]lnwire.PubKey{e.self, in.Peer}
	if e.direction(l) == 1 {
		ends[0], ends[1] = ends[1], ends[0]
	}
	e.out.Changes = append(e.out.Changes, router.AddChannel{Channel: router.Channel{
		SCID: in.SCID, Funding: in.Funding, Capacity: in.Capacity, Nodes: ends, Private: true,
	}})
	if l.policy != nil {
		e.change(l, e.direction(l), *l.policy)
	}
	if theirs := e.loads.remotes[in.SCID]; l.theirs == nil && theirs != nil {
		delete(e.loads.remotes, in.SCID)
		e.learnRemote(l, theirs)
	} else if l.theirs != nil {
		e.learnRemote(l, l.theirs)
	}
	e.releaseOwn(in)
}

// releaseOwn takes what the peer said of the channel before we knew that it was open.
func (e *Engine) releaseOwn(in Local) {
	for _, name := range append([]lnwire.ShortChannelID{in.SCID}, in.Aliases...) {
		early, _ := e.orphans.take(name)
		for _, h := range early {
			e.onUpdate(h.peer, h.msg.(*lnwire.ChannelUpdate))
		}
	}
}

func (e *Engine) change(l *local, d uint8, p router.Policy) {
	e.out.Changes = append(e.out.Changes, router.SetPolicy{EdgeID: router.EdgeID{SCID: l.SCID, Direction: d}, Policy: p})
}

func (e *Engine) unname(scid lnwire.ShortChannelID) {
	for name, of := range e.names {
		if of == scid {
			delete(e.names, name)
		}
	}
}

// onPrivateUpdate is a channel_update for a channel with us that is not public.
// BOLT 7: "SHOULD accept channel_updates for its own channels (even if non-public), in order to learn the associated
// origin nodes' forwarding parameters."
func (e *Engine) onPrivateUpdate(h held, l *local, m *lnwire.ChannelUpdate) {
	if h.peer != (lnwire.PubKey{}) && h.peer != l.Peer || uint8(m.Direction()) == e.direction(l) ||
		l.theirs != nil && m.Timestamp <= l.theirs.Timestamp {
		e.stats.Ignored++
		return
	}
	e.enqueue(h, l, Check{Digest: m.Digest(), Sig: m.Signature, Key: l.Peer})
}

func (e *Engine) provenPrivate(j *job, m *lnwire.ChannelUpdate) {
	if e.locals[j.local.SCID] != j.local || e.channels[j.local.SCID] != nil {
		return
	}
	e.stats.Accepted++
	e.save(remoteKey(j.local.SCID), j.raw)
	e.learnRemote(j.local, m)
}

// learnRemote takes over what the peer asks for on a local channel.
func (e *Engine) learnRemote(l *local, m *lnwire.ChannelUpdate) {
	l.theirs = m
	if e.channels[l.SCID] == nil {
		e.change(l, 1-e.direction(l), router.PolicyOf(m))
	}
	e.out.Remote = append(e.out.Remote, RemotePolicy{SCID: l.SCID, Update: m})
}

func (e *Engine) localPolicy(ev LocalPolicy) {
	l := e.locals[ev.SCID]
	if l == nil {
		return
	}
	p := ev.Policy
	// BOLT 7: "SHOULD NOT create redundant channel_updates".
	if l.policy != nil {
		p.LastUpdate = l.policy.LastUpdate
		if p == *l.policy && l.stamp+RefreshAfter > e.now && (e.channels[l.SCID] != nil || l.ours != nil) {
			return
		}
	}
	l.policy = &p
	e.announceUpdate(l)
}

// announceUpdate signs our policy of l: for everybody where it is announced, else for the peer alone.
func (e *Engine) announceUpdate(l *local) {
	// BOLT 7: "MUST set timestamp to greater than 0, AND to greater than any previously-sent channel_update for this
	// short_channel_id."
	l.stamp = max(e.now, l.stamp+1)
	l.policy.LastUpdate = l.stamp
	c, d := e.channels[l.SCID], e.direction(l)
	m := &lnwire.ChannelUpdate{
		ChainHash: e.o.Chain, SCID: l.SCID, Timestamp: l.stamp, MessageFlags: lnwire.MessageMustBeOne,
		ChannelFlags: d, CLTVDelta: l.policy.CLTVDelta, HTLCMinimum: l.policy.Min, HTLCMaximum: l.policy.Max,
		FeeBase: l.policy.FeeBase, FeeRate: l.policy.FeeRate,
	}
	if l.policy.Disabled {
		m.ChannelFlags |= lnwire.ChannelDisabled
	}
	if in := l.policy.Inbound; in != (lnwire.InboundFee{}) {
		m.InboundFee = &in
	}
	if c == nil {
		m.MessageFlags |= lnwire.MessageDontForward
		if l.Remote != 0 {
			m.SCID = l.Remote // BOLT 7: "either an alias it has received from the peer, or the real channel"
		}
	}
	m.Signature = e.signer.SignDigest(m.Digest())
	raw, err := lnwire.Marshal(m)
	if err != nil {
		panic("gossip: own channel_update: " + err.Error())
	}
	e.out.Updates = append(e.out.Updates, OwnUpdate{SCID: l.SCID, Update: m})
	if c != nil {
		l.ours = nil
		e.storeUpdate(m, c, raw, e.self)
		return
	}
	l.ours = raw
	e.change(l, d, *l.policy)
	if p := e.peers[l.Peer]; p != nil {
		e.tellPeer(p, l)
	}
}

// tellPeer sends our policy of a channel that is not public to its peer, if it stays so. BOLT 7: "MAY create a channel_update to
// communicate the channel parameters to the channel peer, even though the channel has not yet been announced": but LND would take
// the public one that soon follows for a repetition, drop it for a day, and spread this one, which nobody may pass on.
func (e *Engine) tellPeer(p *peer, l *local) {
	if !l.Public && l.ours != nil && len(p.direct) < MaxDirect {
		p.direct = append(p.direct, l.ours)
	}
}

// localAnnouncement makes a local channel public.
func (e *Engine) localAnnouncement(m *lnwire.ChannelAnnouncement) {
	l := e.locals[m.SCID]
	if l == nil || m.ChainHash != e.o.Chain || e.channels[m.SCID] != nil {
		return
	}
	raw, err := lnwire.Marshal(m)
	if err != nil {
		return
	}
	delete(e.pending, m.SCID) // a peer may have been faster
	e.publish(m, &channel{ann: raw, funding: l.Funding, capacity: l.Capacity, since: e.now})
	e.release(nil, m)
	e.becamePublic(l, m)
}

// becamePublic tells everybody our policy of a channel of ours, whoever of its ends was the first to announce it.
func (e *Engine) becamePublic(l *local, m *lnwire.ChannelAnnouncement) {
	e.erase(remoteKey(m.SCID))
	if l.theirs != nil && l.theirs.SCID == m.SCID && l.theirs.MessageFlags&lnwire.MessageDontForward == 0 {
		e.onUpdate(l.Peer, l.theirs)
	} else if l.theirs != nil {
		e.change(l, 1-e.direction(l), router.PolicyOf(l.theirs)) // until the peer tells everybody
	}
	for _, k := range publicKeys(m.SCID) {
		e.spread(k)
	}
	if l.policy != nil {
		e.announceUpdate(l)
	}
	e.announceNode(false)
}

// localClosed: a public channel stays until the network forgets it; a private one is gone at once.
func (e *Engine) localClosed(scid lnwire.ShortChannelID) {
	if e.locals[scid] == nil {
		return
	}
	e.unname(scid)
	delete(e.locals, scid)
	if e.channels[scid] == nil {
		e.erase(remoteKey(scid))
		e.out.Changes = append(e.out.Changes, router.RemoveChannel{SCID: scid})
	}
}

func (e *Engine) localNode(about LocalNode) {
	e.us.set, e.us.about = true, about
	e.announceNode(false)
}

// announceNode signs our node_announcement, where a public channel lets others accept it and it says something new.
func (e *Engine) announceNode(again bool) {
	n := e.nodes[e.self]
	if n == nil || !e.us.set {
		return
	}
	a := &e.us.about
	m := &lnwire.NodeAnnouncement{
		Features: a.Features, NodeID: e.self, Color: a.Color, Alias: a.Alias, Addresses: a.Addresses,
		Timestamp: max(e.now, e.us.stamp+1, n.stamp+1), // BOLT 7: "greater than that of any previous node_announcement"
	}
	if old, ok := decode[*lnwire.NodeAnnouncement](n.ann); ok && !again && sameNode(old, m) &&
		n.stamp+RefreshAfter > e.now {
		return
	}
	m.Signature = e.signer.SignDigest(m.Digest())
	raw, err := lnwire.Marshal(m)
	if err != nil {
		e.stats.Invalid++ // addresses that do not fit: the node says nothing of itself
		return
	}
	e.us.stamp = m.Timestamp
	e.storeNode(n, m, raw, e.self)
}

func sameNode(a, b *lnwire.NodeAnnouncement) bool {
	return a.Alias == b.Alias && a.Color == b.Color && bytes.Equal(a.Features, b.Features) &&
		slices.Equal(a.Addresses, b.Addresses)
}

// haunted: somebody has an update of ours that is newer than what we remember, from before our data was lost. It is
// outdone.
func (e *Engine) haunted(m *lnwire.ChannelUpdate) {
	l := e.locals[m.SCID]
	if l == nil || l.policy == nil {
		return
	}
	l.stamp = max(l.stamp, m.Timestamp)
	e.announceUpdate(l)
}

// publicKeys are the messages about a local channel that is announced.
func publicKeys(scid lnwire.ShortChannelID) []relayKey {
	return []relayKey{
		{kind: relayChannel, scid: scid}, {kind: relayUpdate, scid: scid},
		{kind: relayUpdate, scid: scid, direction: 1},
	}
}

// spread queues a message of our own for all peers, whatever their filters.
// BOLT 7: "SHOULD send gossip messages as it generates them regardless of timestamp."
func (e *Engine) spread(k relayKey) {
	for _, p := range e.roster {
		if !p.other && !slices.Contains(p.own, k) {
			p.own = append(p.own, k)
		}
	}
}

// greet tells a new peer about ourselves: our public channels, our node, and our policy of private channels with it.
func (e *Engine) greet(p *peer) {
	if p.other {
		return
	}
	scids := make([]lnwire.ShortChannelID, 0, len(e.locals))
	for scid := range e.locals {
		scids = append(scids, scid)
	}
	slices.Sort(scids)
	for _, scid := range scids {
		l := e.locals[scid]
		if e.channels[scid] != nil {
			p.own = append(p.own, publicKeys(scid)...)
		} else if l.Peer == p.key {
			e.tellPeer(p, l)
		}
	}
	if n := e.nodes[e.self]; n != nil && n.ann != nil {
		p.own = append(p.own, relayKey{kind: relayNode, node: e.self})
	}
}

// refresh signs anew what is about to look stale.
func (e *Engine) refresh() {
	for _, scid := range e.order {
		if l := e.locals[scid]; l != nil && l.policy != nil && l.stamp+RefreshAfter <= e.now {
			e.announceUpdate(l)
		}
	}
	e.announceNode(false)
}
