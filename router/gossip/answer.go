package gossip

import (
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	// MaxRangeIDs fit into one reply_channel_range with timestamps and checksums (24 bytes each).
	MaxRangeIDs = 2_500
	// MaxQueryIDs are answered of one query_short_channel_ids: 65,535 bytes hold no more.
	MaxQueryIDs = 8_192

	wantTimestamps = 1 << 0 // query_option_flags
	wantChecksums  = 1 << 1

	wantChannel = 1 << 0 // query_flag
	wantUpdate1 = 1 << 1
	wantUpdate2 = 1 << 2
	wantNode1   = 1 << 3
	wantNode2   = 1 << 4
	wantAll     = wantChannel | wantUpdate1 | wantUpdate2 | wantNode1 | wantNode2
)

// rangeAnswer is how far a query_channel_range is answered.
type rangeAnswer struct {
	next    uint64                // block that the next reply begins with
	end     uint64                // first block after the range
	after   lnwire.ShortChannelID // first id that was not sent
	options uint64
}

func (e *Engine) onRangeQuery(p *peer, m *lnwire.QueryChannelRange) {
	switch {
	case p.ranges != nil || p.ids != nil:
		// BOLT 7: "if it has not sent all reply_channel_range to a previously received query_channel_range from this
		// sender: MAY send a warning."
		e.punish(p.key, false, "query_channel_range before the last query was answered")
	case !p.served.take(e.now, ServeStart, ServeBurst, ServeRate):
		e.stats.Limited++
	case m.ChainHash != e.o.Chain || m.Blocks == 0:
		e.tell(p, &lnwire.ReplyChannelRange{
			ChainHash: m.ChainHash, FirstBlock: m.FirstBlock, Blocks: m.Blocks, Complete: true,
		})
	default:
		first := lnwire.NewShortChannelID(m.FirstBlock, 0, 0)
		if m.FirstBlock > maxBlock {
			first = lnwire.ShortChannelID(1<<64 - 1)
		}
		p.ranges = &rangeAnswer{
			next: uint64(m.FirstBlock), end: uint64(m.FirstBlock) + uint64(m.Blocks), after: first, options: m.Options,
		}
	}
}

// maxBlock is the highest that a short_channel_id can name.
const maxBlock = 1<<24 - 1

// answerRange appends the replies that fit. Each begins at the block where the last one ended, as every
// implementation accepts it; a block is only cut where it has more channels than a reply takes.
func (e *Engine) answerRange(p *peer, b *sending) {
	r := p.ranges
	if r == nil || !e.mayServe(p) {
		return
	}
	for !b.full() {
		i, _ := slices.BinarySearch(e.order, r.after)
		ids := e.order[i:]
		if r.end <= maxBlock {
			past, _ := slices.BinarySearch(ids, lnwire.NewShortChannelID(lnwire.Height(r.end), 0, 0))
			ids = ids[:past]
		}
		reply := &lnwire.ReplyChannelRange{
			ChainHash: e.o.Chain, FirstBlock: lnwire.Height(r.next), Blocks: uint32(r.end - r.next), Complete: true,
		}
		if len(ids) > MaxRangeIDs {
			// BOLT 7: "MUST set sync_complete to false if this is not the final reply_channel_range."
			ids = ids[:MaxRangeIDs]
			last := ids[len(ids)-1]
			reply.Complete, reply.Blocks = false, uint32(uint64(last.Block())+1-r.next)
			r.next, r.after = uint64(last.Block()), last+1
		}
		e.fill(reply, ids, r.options)
		raw, err := lnwire.Marshal(reply)
		if err != nil {
			panic("gossip: own reply_channel_range: " + err.Error())
		}
		b.add(raw)
		if reply.Complete {
			p.ranges = nil
			return
		}
	}
}

// fill adds the ids, and what the query wants to know of each.
func (e *Engine) fill(reply *lnwire.ReplyChannelRange, ids []lnwire.ShortChannelID, options uint64) {
	reply.SCIDs = slices.Clone(ids)
	for _, id := range ids {
		c := e.channels[id]
		if options&wantTimestamps != 0 {
			reply.Timestamps = append(reply.Timestamps, lnwire.ChannelTimestamps{Node1: c.stamps[0], Node2: c.stamps[1]})
		}
		if options&wantChecksums != 0 {
			reply.Checksums = append(reply.Checksums, lnwire.ChannelChecksums{
				Node1: checksum(c.updates[0]), Node2: checksum(c.updates[1]),
			})
		}
	}
}

// idAnswer is how far a query_short_channel_ids is answered.
type idAnswer struct {
	ids   []lnwire.ShortChannelID
	flags []byte                     // nil: everything
	nodes map[lnwire.PubKey]struct{} // sent already
	after []lnwire.PubKey            // nodes to send when the channels are through
}

func (e *Engine) onIDQuery(p *peer, m *lnwire.QueryShortChannelIDs) {
	switch {
	case p.ids != nil || p.ranges != nil:
		// BOLT 7: "if it has not sent reply_short_channel_ids_end to a previously received query_short_channel_ids from
		// this sender: MAY send a warning."
		e.punish(p.key, false, "query_short_channel_ids before the last query was answered")
	case !p.served.take(e.now, ServeStart, ServeBurst, ServeRate):
		e.stats.Limited++
	case m.ChainHash != e.o.Chain:
		e.tell(p, &lnwire.ReplyShortChannelIDsEnd{ChainHash: m.ChainHash})
	case len(m.SCIDs) > MaxQueryIDs, m.Flags != nil && len(m.Flags) != len(m.SCIDs),
		!ascend(m.SCIDs):
		e.punish(p.key, false, "query_short_channel_ids: %d ids, %d flags, or not in ascending order", len(m.SCIDs), len(m.Flags))
	default:
		p.ids = &idAnswer{ids: m.SCIDs, flags: m.Flags, nodes: map[lnwire.PubKey]struct{}{}}
	}
}

// ascend reports whether ids are in ascending order and nobody asks twice.
func ascend(ids []lnwire.ShortChannelID) bool {
	for i := 1; i < len(ids); i++ {
		if ids[i] <= ids[i-1] {
			return false
		}
	}
	return true
}

// answerIDs appends what was asked for, and the end of it.
// BOLT 7: "SHOULD NOT wait for the next outgoing gossip flush to send these."
func (e *Engine) answerIDs(p *peer, b *sending) {
	a := p.ids
	if a == nil || !e.mayServe(p) {
		return
	}
	for len(a.ids) > 0 && !b.full() {
		flags := byte(wantAll)
		if a.flags != nil {
			flags, a.flags = a.flags[0], a.flags[1:]
		}
		e.answerID(a, a.ids[0], flags, b)
		a.ids = a.ids[1:]
	}
	for len(a.ids) == 0 && len(a.after) > 0 && !b.full() {
		e.appendEntry(b, relayKey{kind: relayNode, node: a.after[0]}, nil)
		a.after = a.after[1:]
	}
	if len(a.ids) > 0 || len(a.after) > 0 {
		return
	}
	// BOLT 7: "MUST follow these responses with reply_short_channel_ids_end."
	end, err := lnwire.Marshal(&lnwire.ReplyShortChannelIDsEnd{ChainHash: e.o.Chain, Full: true})
	if err != nil {
		panic("gossip: own reply_short_channel_ids_end: " + err.Error())
	}
	b.add(end)
	p.ids = nil
}

func (e *Engine) answerID(a *idAnswer, scid lnwire.ShortChannelID, flags byte, b *sending) {
	c := e.channels[scid]
	if c == nil {
		return
	}
	if flags&wantChannel != 0 {
		b.add(c.ann)
	}
	for d, want := range [...]byte{wantUpdate1, wantUpdate2} {
		if flags&want != 0 && c.updates[d] != nil {
			b.add(c.updates[d])
		}
	}
	// BOLT 7: "SHOULD avoid sending duplicate node_announcements in response to a single query_short_channel_ids."
	for d, want := range [...]byte{wantNode1, wantNode2} {
		n := c.ends[d]
		if _, sent := a.nodes[n.key]; flags&want != 0 && !sent && n.ann != nil && !n.private {
			a.nodes[n.key] = struct{}{}
			a.after = append(a.after, n.key)
		}
	}
}
