package gossip

import (
	"fmt"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Limits of one peer.
const (
	// ChecksBurst signatures are verified for a peer at once, then ChecksRate a second, unless we asked for them.
	ChecksBurst = 20_000
	ChecksRate  = 200

	// BurstBytes is about what one Send holds.
	BurstBytes = 64 << 10
	// ServeBurst bytes of answers and dumps a peer gets at once (twice the whole graph), then ServeRate a second.
	ServeBurst = 96 << 20
	ServeRate  = 256 << 10
	// ServeStart is what a query or a filter costs beside the bytes of its answer, so that empty ones have an end too.
	ServeStart = 64 << 10

	MaxWishes  = 500 // channels that we mean to ask a peer for
	MaxInvalid = 10  // messages with wrong signatures, the last of which ends the connection
	MaxDirect  = 100 // messages of our own that wait for a peer
)

// peer is a connection.
type peer struct {
	key     lnwire.PubKey
	queries bool // offers gossip_queries, and answered so far: worth asking
	checks  bool // offers gossip_queries_ex
	other   bool // on another chain: gets nothing (BOLT 7: "SHOULD NOT forward ... did not specify the chain_hash")

	incoming bucket // signatures that it made us verify
	credit   uint32 // and those that our query brings about
	served   bucket // bytes that it made us send
	invalid  int    // messages with wrong signatures
	pending  int    // of its announcements being looked up

	// Sending. At most one Send is under way.
	busy     bool
	filtered bool // it sent a filter: without one nothing is relayed (BOLT 7: "MUST not send gossip it did not generate")
	from, to uint64
	cursor   uint64 // next entry of the relay log
	own      []relayKey
	ranges   *rangeAnswer
	ids      *idAnswer
	dump     *dump
	direct   [][]byte // small messages of ours: queries, filters, updates of a private channel

	// Asking.
	active   bool
	activeAt uint32
	asking   *fetch
	scan     *scan
	wishes   []lnwire.ShortChannelID
	syncedAt uint32
}

func (e *Engine) connect(c Connected) {
	if e.peers[c.Peer] != nil {
		e.disconnect(c.Peer)
	}
	p := &peer{
		key: c.Peer, queries: c.Features.Supports(lnwire.FeatureGossipQueries) && !c.OtherChain,
		checks: c.Features.Supports(lnwire.FeatureGossipQueriesEx), other: c.OtherChain, cursor: e.log.flushed,
	}
	e.peers[c.Peer] = p
	e.roster = append(e.roster, p)
	e.greet(p)
}

func (e *Engine) disconnect(key lnwire.PubKey) {
	p := e.peers[key]
	if p == nil {
		return
	}
	delete(e.peers, key)
	e.roster = slices.DeleteFunc(e.roster, func(q *peer) bool { return q == p })
	if e.sync.with == p {
		e.sync.with = nil // with another one then
	}
}

// affords takes from what the peer may make us compute; what we asked for is free.
func (e *Engine) affords(p *peer, checks uint32) bool {
	if p.credit >= checks {
		p.credit -= checks
		return true
	}
	if p.incoming.take(e.now, checks, ChecksBurst, ChecksRate) {
		return true
	}
	e.stats.Limited++
	return false
}

// asked: the peer is answering a query of ours.
func (e *Engine) asked(key lnwire.PubKey) bool {
	p := e.peers[key]
	return p != nil && p.asking != nil
}

func (e *Engine) punish(key lnwire.PubKey, disconnect bool, format string, args ...any) {
	if e.peers[key] == nil {
		return
	}
	e.out.Punish = append(e.out.Punish, Punish{Peer: key, Reason: fmt.Sprintf(format, args...), Disconnect: disconnect})
	if disconnect {
		e.disconnect(key)
	}
}

// tell queues a small message of ours.
func (e *Engine) tell(p *peer, m lnwire.Message) {
	raw, err := lnwire.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("gossip: own message: %v", err)) // ours to get right
	}
	if len(p.direct) < MaxDirect {
		p.direct = append(p.direct, raw)
	}
}

// advance lets everything go on that an event may have made possible.
func (e *Engine) advance() {
	e.advanceSync()
	if e.o.FlushEvery == 0 {
		e.log.flush(e.now)
	}
	for _, p := range e.roster {
		if !p.busy {
			e.pump(p)
		}
	}
}

// pump sends the next burst to a peer that is ready for one: what is ours, answers, news, and last the dump.
func (e *Engine) pump(p *peer) {
	b := sending{messages: p.direct}
	for _, m := range p.direct {
		b.bytes += len(m)
	}
	p.direct = nil
	for len(p.own) > 0 && !b.full() {
		e.appendEntry(&b, p.own[0], nil)
		p.own = p.own[1:]
	}
	if !p.other {
		paid := b.bytes
		e.answerRange(p, &b)
		e.answerIDs(p, &b)
		e.relay(p, &b)
		e.continueDump(p, &b)
		p.served.take(e.now, uint32(min(b.bytes-paid, ServeBurst)), 2*ServeBurst, ServeRate)
	}
	if len(b.messages) > 0 {
		p.busy = true
		e.out.Send = append(e.out.Send, Send{Peer: p.key, Messages: b.messages})
	}
}

// mayServe: the peer has not used up what it may make us send.
func (e *Engine) mayServe(p *peer) bool {
	return p.served.take(e.now, 0, ServeBurst, ServeRate)
}

// sending is a burst in the making.
type sending struct {
	messages [][]byte
	bytes    int
}

func (b *sending) full() bool { return b.bytes >= BurstBytes }

func (b *sending) add(raw []byte) {
	b.messages = append(b.messages, raw)
	b.bytes += len(raw)
}
