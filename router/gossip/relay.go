package gossip

import (
	"bytes"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// MaxLog bounds the news that are kept for peers that lag behind; who is further behind misses the oldest.
const MaxLog = 32_768

type relayKind uint8

const (
	relayChannel relayKind = iota
	relayUpdate
	relayNode
)

// relayKey names a message by what it is about: when its turn comes, the newest one is sent.
type relayKey struct {
	kind      relayKind
	direction uint8
	scid      lnwire.ShortChannelID
	node      lnwire.PubKey
}

// relayLog is the staggered broadcast. Entries have running numbers; those below flushed may go out.
// BOLT 7: "This list of gossip messages will be flushed at regular intervals; such a store-and-delayed-forward
// broadcast is called a staggered broadcast."
type relayLog struct {
	entries   []relayEntry
	first     uint64 // number of entries[0]
	flushed   uint64
	flushedAt uint32
	unflushed map[relayKey]struct{}
}

type relayEntry struct {
	relayKey
	from lnwire.PubKey // who has it already
}

func (l *relayLog) end() uint64 { return l.first + uint64(len(l.entries)) }

// add queues news. What is waiting for the flush already is "replacing any older updates from the origin node".
func (l *relayLog) add(k relayKey, from lnwire.PubKey) {
	if _, ok := l.unflushed[k]; ok {
		return
	}
	l.unflushed[k] = struct{}{}
	if len(l.entries) >= MaxLog {
		half := MaxLog / 2
		l.entries = append(l.entries[:0], l.entries[half:]...)
		l.first += uint64(half)
	}
	l.entries = append(l.entries, relayEntry{k, from})
}

func (l *relayLog) flush(now uint32) {
	l.flushed, l.flushedAt = l.end(), now
	clear(l.unflushed)
}

// relay appends news to b that the peer's filter lets through.
func (e *Engine) relay(p *peer, b *sending) {
	p.cursor = max(p.cursor, e.log.first)
	if !p.filtered {
		p.cursor = e.log.flushed
	}
	for p.cursor < e.log.flushed && !b.full() {
		entry := &e.log.entries[p.cursor-e.log.first]
		p.cursor++
		if entry.from != p.key {
			e.appendEntry(b, entry.relayKey, p)
		}
	}
}

// appendEntry appends the newest message of its kind, where there still is one; p nil means whatever its timestamp.
func (e *Engine) appendEntry(b *sending, k relayKey, p *peer) {
	if k.kind == relayNode {
		if n := e.nodes[k.node]; n != nil && n.ann != nil && p.wants(n.stamp) {
			b.add(n.ann)
		}
		return
	}
	c := e.channels[k.scid]
	if c == nil {
		return
	}
	if k.kind == relayChannel {
		// BOLT 7: "MUST consider the timestamp of the channel_announcement to be the timestamp of a corresponding
		// channel_update"; and "once its funding output has been spent: SHOULD NOT rebroadcast".
		if c.hasUpdate() && e.spent[k.scid] == 0 && (p.wants(c.stamps[0]) || p.wants(c.stamps[1])) {
			b.add(c.ann)
		}
		return
	}
	if c.updates[k.direction] != nil && p.wants(c.stamps[k.direction]) {
		b.add(c.updates[k.direction])
	}
}

// wants is BOLT 7's "greater or equal to first_timestamp, and less than first_timestamp plus timestamp_range".
func (p *peer) wants(stamp uint32) bool {
	return p == nil || uint64(stamp) >= p.from && uint64(stamp) < p.to
}

func (c *channel) hasUpdate() bool { return c.updates[0] != nil || c.updates[1] != nil }

// dump is the answer to a filter that reaches into the past: a place in the order of channels, then of nodes.
type dump struct {
	next  lnwire.ShortChannelID
	nodes []*node // nil until all channels are through
	begun bool
}

// onFilter sets what the peer wants to hear, and starts to send what it missed.
// BOLT 7: "this filter replaces any previous one", "SHOULD send all gossip messages whose timestamp is greater or equal
// to first_timestamp, and less than first_timestamp plus timestamp_range".
func (e *Engine) onFilter(p *peer, m *lnwire.GossipTimestampFilter) {
	if m.ChainHash != e.o.Chain {
		return
	}
	p.filtered = true
	p.from, p.to = uint64(m.First), uint64(m.First)+uint64(m.Range)
	p.dump = nil
	// Starting a dump costs, so that filters sent without end are no way to keep us busy.
	if p.from < p.to && p.from <= uint64(e.now)+MaxFuture && p.served.take(e.now, ServeStart, ServeBurst, ServeRate) {
		p.dump = &dump{}
	}
}

// scanned channels in one burst, whether they match or not: a step stays short.
const maxScanned = 5_000

func (e *Engine) continueDump(p *peer, b *sending) {
	d := p.dump
	if d == nil || !e.mayServe(p) {
		return
	}
	scanned := 0
	for i, _ := slices.BinarySearch(e.order, d.next); !d.begun && i < len(e.order); i++ {
		if b.full() || scanned >= maxScanned {
			return // another step goes on from d.next
		}
		scanned++
		scid := e.order[i]
		d.next = scid + 1
		e.appendEntry(b, relayKey{kind: relayChannel, scid: scid}, p)
		if e.spent[scid] == 0 {
			e.appendEntry(b, relayKey{kind: relayUpdate, scid: scid}, p)
			e.appendEntry(b, relayKey{kind: relayUpdate, scid: scid, direction: 1}, p)
		}
	}
	if !d.begun {
		d.begun = true
		for _, n := range e.nodes {
			if n.ann != nil && !n.private && p.wants(n.stamp) {
				d.nodes = append(d.nodes, n)
			}
		}
		slices.SortFunc(d.nodes, func(a, b *node) int { return bytes.Compare(a.key[:], b.key[:]) })
	}
	for len(d.nodes) > 0 && !b.full() {
		e.appendEntry(b, relayKey{kind: relayNode, node: d.nodes[0].key}, p)
		d.nodes = d.nodes[1:]
	}
	if len(d.nodes) == 0 {
		p.dump = nil
	}
}
