package gossip

import (
	"cmp"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	DefaultActive = 3 // Options.ActivePeers

	QueryIDs     = 500         // channels in one query of ours
	MaxBacklog   = 2_000       // lookups under way beyond which we do not ask for more channels
	MaxScanIDs   = 1_000_000   // channels that a peer may tell of in answer to one query_channel_range
	AnswerWithin = 120         // seconds without any progress before a query is given up
	FullEvery    = 60 * 60     // seconds between full syncs, each with another peer
	RotateEvery  = 20 * 60     // seconds between changes of one active peer for a passive one
	Backwards    = 2 * 60 * 60 // seconds before now that a peer begins to relay from

	// checksPerAnswer signatures come with each channel that we ask for (four, two updates, two nodes), and as many to
	// spare.
	checksPerAnswer = 16
)

// syncState is the one full sync under way.
type syncState struct {
	with    *peer
	done    bool // one has ended
	next    uint32
	rotated uint32
}

// scan is our query_channel_range under way.
type scan struct {
	next   uint64 // block that the next reply may begin with at the latest
	seen   int
	wanted []want
	until  uint32
}

// want is a channel to be asked for, and what of it.
type want struct {
	scid  lnwire.ShortChannelID
	flags byte
}

// fetch is our query_short_channel_ids under way; rest follows when it is answered.
type fetch struct {
	until uint32
	rest  []want
	full  bool // part of the full sync
	sent  bool
}

// advanceSync asks the next question, where one is due.
func (e *Engine) advanceSync() {
	s := &e.sync
	if s.with == nil && (!s.done || e.now >= s.next) {
		if p := e.candidate(); p != nil {
			s.with = p
			p.syncedAt = e.now
			e.startScan(p)
		}
	}
	e.chooseActive()
	for _, p := range e.roster {
		e.continueFetch(p)
	}
}

// candidate is the peer whose last full sync is the longest ago, of those that can be asked.
func (e *Engine) candidate() *peer {
	var best *peer
	for _, p := range e.roster {
		if p.queries && p.scan == nil && p.asking == nil && (best == nil || p.syncedAt < best.syncedAt) {
			best = p
		}
	}
	return best
}

func (e *Engine) startScan(p *peer) {
	// Timestamps are known to many that do not offer gossip_queries_ex; the others skip an odd record.
	q := &lnwire.QueryChannelRange{ChainHash: e.o.Chain, Blocks: maxStamp, Options: wantTimestamps}
	if p.checks {
		q.Options |= wantChecksums
	}
	p.scan = &scan{until: e.now + AnswerWithin}
	e.tell(p, q)
}

// onRangeReply notes which of these channels are news.
func (e *Engine) onRangeReply(p *peer, m *lnwire.ReplyChannelRange) {
	s := p.scan
	if s == nil || m.ChainHash != e.o.Chain {
		return
	}
	// BOLT 7: "successive reply_channel_range message: MUST have first_blocknum equal or greater than the previous
	// first_blocknum." Each must also bring ids, or blocks: an endless answer is none.
	end := uint64(m.FirstBlock) + uint64(m.Blocks)
	s.seen += len(m.SCIDs)
	if s.seen > MaxScanIDs || end < s.next || end == s.next && len(m.SCIDs) == 0 && !m.Complete ||
		m.Timestamps != nil && len(m.Timestamps) != len(m.SCIDs) || m.Checksums != nil && len(m.Checksums) != len(m.SCIDs) {
		e.punish(p.key, true, "reply_channel_range goes nowhere")
		return
	}
	s.next, s.until = end, e.now+AnswerWithin
	for i, scid := range m.SCIDs {
		var stamps *lnwire.ChannelTimestamps
		var sums *lnwire.ChannelChecksums
		if m.Timestamps != nil {
			stamps = &m.Timestamps[i]
		}
		if m.Checksums != nil {
			sums = &m.Checksums[i]
		}
		if flags := e.worth(scid, stamps, sums); flags != 0 {
			s.wanted = append(s.wanted, want{scid, flags})
		}
	}
	if m.Complete || end >= maxStamp {
		slices.SortFunc(s.wanted, func(a, b want) int { return cmp.Compare(a.scid, b.scid) })
		s.wanted = slices.CompactFunc(s.wanted, func(a, b want) bool { return a.scid == b.scid })
		p.scan, p.asking = nil, &fetch{rest: s.wanted, full: true}
	}
}

// worth is what to ask about a channel that a peer tells of: query flags, zero for nothing.
func (e *Engine) worth(scid lnwire.ShortChannelID, stamps *lnwire.ChannelTimestamps, sums *lnwire.ChannelChecksums) byte {
	if e.dead.has(scid) || e.pending[scid] != nil || scid.Block()+MinConfirmations-1 > e.height {
		return 0
	}
	c := e.channels[scid]
	if c == nil {
		// A channel that was pruned comes back when both ends have spoken again; a new one needs a fresh word at all.
		one, both := true, false
		if stamps != nil {
			one = e.fresh(stamps.Node1) || e.fresh(stamps.Node2)
			both = e.fresh(stamps.Node1) && e.fresh(stamps.Node2)
		}
		if !one || e.zombies.has(scid) && !both {
			return 0
		}
		return wantAll
	}
	if stamps == nil {
		return 0
	}
	var flags byte
	for d, stamp := range [...]uint32{stamps.Node1, stamps.Node2} {
		if stamp <= c.stamps[d] || !e.fresh(stamp) {
			continue
		}
		// The same content with a newer date is not worth asking for, unless ours is about to be stale.
		if sums != nil && c.updates[d] != nil && e.now-min(e.now, c.stamps[d]) < StaleAfter/2 &&
			[...]uint32{sums.Node1, sums.Node2}[d] == checksum(c.updates[d]) {
			continue
		}
		flags |= [...]byte{wantUpdate1, wantUpdate2}[d]
	}
	return flags
}

// fresh: the timestamp is credible and not stale.
func (e *Engine) fresh(stamp uint32) bool {
	return e.credible(stamp) && uint64(stamp)+StaleAfter >= uint64(e.now)
}

// wish notes a channel to ask the peer for that told of it.
func (e *Engine) wish(key lnwire.PubKey, scid lnwire.ShortChannelID) {
	p := e.peers[key]
	if p == nil || !p.queries || len(p.wishes) >= MaxWishes || slices.Contains(p.wishes, scid) {
		return
	}
	p.wishes = append(p.wishes, scid)
}

// continueFetch sends the next query to a peer whose last one was answered, as far as lookups keep up.
func (e *Engine) continueFetch(p *peer) {
	if f := p.asking; f != nil && !f.sent && len(f.rest) == 0 {
		e.fetched(p)
	}
	if p.asking == nil && len(p.wishes) > 0 && p.scan == nil {
		f := &fetch{}
		slices.Sort(p.wishes)
		for _, scid := range p.wishes {
			if e.channels[scid] == nil && e.pending[scid] == nil && !e.dead.has(scid) && !e.early.has(scid) {
				f.rest = append(f.rest, want{scid, wantAll})
			}
		}
		if p.wishes = nil; len(f.rest) > 0 {
			p.asking = f
		}
	}
	f := p.asking
	if f == nil || f.sent || len(e.pending) > MaxBacklog {
		return
	}
	n := min(len(f.rest), QueryIDs)
	q := &lnwire.QueryShortChannelIDs{ChainHash: e.o.Chain}
	for _, w := range f.rest[:n] {
		e.zombies.take(w.scid)
		q.SCIDs = append(q.SCIDs, w.scid)
		q.Flags = append(q.Flags, w.flags)
	}
	if !p.checks {
		q.Flags = nil
	}
	f.rest, f.sent, f.until = f.rest[n:], true, e.now+AnswerWithin
	p.credit = uint32(n) * checksPerAnswer
	e.tell(p, q)
}

// onIDsEnd ends our query.
func (e *Engine) onIDsEnd(p *peer, m *lnwire.ReplyShortChannelIDsEnd) {
	if p.asking != nil && p.asking.sent && m.ChainHash == e.o.Chain {
		e.verify() // the answers are still ours to have asked for
		if p.asking != nil {
			p.asking.sent = false
		}
	}
}

// fetched: everything was asked for.
func (e *Engine) fetched(p *peer) {
	full := p.asking.full
	p.asking = nil
	if full && e.sync.with == p {
		e.sync.with, e.sync.done, e.sync.next = nil, true, e.now+FullEvery
	}
}

// expire gives up on queries that were not answered in time, and on asking that peer: BOLT 7: "MUST NOT send
// query_short_channel_ids if it has sent a previous query_short_channel_ids to this peer and not received
// reply_short_channel_ids_end."
func (e *Engine) expire() {
	for _, p := range slices.Clone(e.roster) {
		if f := p.asking; f != nil && f.sent && e.now >= f.until {
			p.asking = nil
		} else if s := p.scan; s != nil && e.now >= s.until {
			p.scan = nil
		} else {
			continue
		}
		p.queries, p.active, p.wishes = false, false, nil
		if e.sync.with == p {
			e.sync.with = nil
		}
	}
}

// chooseActive keeps Options.ActivePeers peers relaying to us, and changes one of them from time to time, so that
// nobody who lies by silence stays our only source.
func (e *Engine) chooseActive() {
	var active, passive []*peer
	for _, p := range e.roster {
		if !p.queries {
			continue
		}
		if p.active {
			active = append(active, p)
		} else {
			passive = append(passive, p)
		}
	}
	if e.sync.rotated == 0 {
		e.sync.rotated = e.now
	}
	if len(active) >= e.o.ActivePeers && len(passive) > 0 && e.now >= e.sync.rotated+RotateEvery {
		e.sync.rotated = e.now
		oldest := slices.MinFunc(active, func(a, b *peer) int { return int(int64(a.activeAt) - int64(b.activeAt)) })
		e.activate(oldest, false)
		e.activate(slices.MinFunc(passive, func(a, b *peer) int { return int(int64(a.activeAt) - int64(b.activeAt)) }), true)
		return
	}
	for _, p := range passive[:min(len(passive), max(0, e.o.ActivePeers-len(active)))] {
		e.activate(p, true)
	}
}

// activate asks a peer to relay to us from a little ago on, or to stop.
func (e *Engine) activate(p *peer, on bool) {
	p.active, p.activeAt = on, e.now
	f := &lnwire.GossipTimestampFilter{ChainHash: e.o.Chain, First: maxStamp}
	if on {
		f.First, f.Range = e.now-min(e.now, Backwards), maxStamp
	}
	e.tell(p, f)
}
