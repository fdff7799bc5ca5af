package gossip

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// NodeSigner signs our own gossip with the node key.
type NodeSigner interface {
	NodeID() lnwire.PubKey
	SignDigest(digest chainhash.Hash) lnwire.Sig
}

// Options of an Engine. Zero values mean the defaults, but for FlushEvery: zero relays at once, as tests want it.
type Options struct {
	Chain       chainhash.Hash
	FlushEvery  time.Duration // between relays; DefaultFlush in production
	ActivePeers int           // peers that relay to us at a time; 0: DefaultActive
}

// DefaultFlush is BOLT 7's "SHOULD flush outgoing gossip messages once every 60 seconds".
const DefaultFlush = 60 * time.Second

// Engine is the whole of BOLT 7 but for announcement_signatures. It belongs to one goroutine.
type Engine struct {
	o        Options
	signer   NodeSigner
	self     lnwire.PubKey
	verifier Verifier

	// Of the Step under way.
	now    uint32
	out    *Effects
	jobs   []job
	checks []Check
	burst  map[uint64]struct{} // hashes of the messages in jobs
	seed   maphash.Seed

	height   lnwire.Height // of the chain
	scanned  lnwire.Height // of the last Block
	channels map[lnwire.ShortChannelID]*channel
	order    []lnwire.ShortChannelID // of channels, ascending
	nodes    map[lnwire.PubKey]*node
	byFunds  map[uint64]lnwire.ShortChannelID        // by a keyed hash of the funding outpoint
	spent    map[lnwire.ShortChannelID]lnwire.Height // channels whose output was spent, and where

	pending   map[lnwire.ShortChannelID]*pending
	orphans   *pool[lnwire.ShortChannelID, []held] // channel_updates before their announcement
	early     *pool[lnwire.ShortChannelID, held]   // announcements before their block
	heldNodes *pool[lnwire.PubKey, held]           // node_announcements before a pending channel of theirs
	dead      *pool[lnwire.ShortChannelID, struct{}]
	zombies   *pool[lnwire.ShortChannelID, struct{}]
	banned    *pool[lnwire.PubKey, struct{}]

	peers     map[lnwire.PubKey]*peer
	roster    []*peer // in the order in which they connected
	log       relayLog
	sync      syncState
	nextPrune uint32

	locals map[lnwire.ShortChannelID]*local
	names  map[lnwire.ShortChannelID]lnwire.ShortChannelID // each name of a local channel
	loads  loading
	us     ourNode
	stats  Stats
}

// channel is an announced channel whose funding output was found.
type channel struct {
	ann      []byte    // channel_announcement, encoded
	updates  [2][]byte // newest channel_update of each direction, encoded, nil where there is none
	stamps   [2]uint32
	rate     [2]bucket
	ends     [2]*node
	funding  wire.OutPoint
	capacity btcutil.Amount
	since    uint32 // when we learned of it
}

// node is one that has announced channels.
type node struct {
	key     lnwire.PubKey
	ann     []byte // node_announcement, encoded, nil where there is none
	stamp   uint32
	rate    bucket
	chans   int
	private bool // its announcement must not be passed on
}

// pending is an announcement with good signatures whose funding output is being looked up.
type pending struct {
	held
	updates []held
}

// held is a message that waits for something.
type held struct {
	peer lnwire.PubKey
	msg  lnwire.Message
}

// Limits of what waits. Each is shared by all peers; the oldest half goes where there is no room.
const (
	MaxPending     = 10_000 // lookups under way: an announcement beyond is dropped
	MaxPendingPeer = 4_000  // by one peer
	MaxOrphans     = 10_000 // channels with updates before their announcement
	MaxHeldUpdates = 6      // updates that wait for one channel
	MaxEarly       = 1_000
	MaxHeldNodes   = 10_000
	MaxDead        = 200_000 // channels that are no more, remembered to be spared the lookup
	MaxZombies     = 200_000
	MaxBanned      = 1_000
	MaxJobs        = 512 // messages whose signatures are verified together
)

// New is an engine that knows nothing. Feed it graph.db's records with Load, then call Loaded.
func New(o Options, signer NodeSigner, verifier Verifier) *Engine {
	if o.ActivePeers == 0 {
		o.ActivePeers = DefaultActive
	}
	return &Engine{
		o: o, signer: signer, self: signer.NodeID(), verifier: verifier, seed: maphash.MakeSeed(),
		burst:    map[uint64]struct{}{},
		channels: map[lnwire.ShortChannelID]*channel{}, nodes: map[lnwire.PubKey]*node{},
		byFunds: map[uint64]lnwire.ShortChannelID{}, spent: map[lnwire.ShortChannelID]lnwire.Height{},
		pending: map[lnwire.ShortChannelID]*pending{},
		orphans: newPool[lnwire.ShortChannelID, []held](MaxOrphans),
		early:   newPool[lnwire.ShortChannelID, held](MaxEarly), heldNodes: newPool[lnwire.PubKey, held](MaxHeldNodes),
		dead:    newPool[lnwire.ShortChannelID, struct{}](MaxDead),
		zombies: newPool[lnwire.ShortChannelID, struct{}](MaxZombies),
		banned:  newPool[lnwire.PubKey, struct{}](MaxBanned),
		peers:   map[lnwire.PubKey]*peer{}, locals: map[lnwire.ShortChannelID]*local{},
		names: map[lnwire.ShortChannelID]lnwire.ShortChannelID{}, loads: newLoading(),
		log: relayLog{unflushed: map[relayKey]struct{}{}},
	}
}

// Step applies the events in order. Signatures of a burst are verified together: the larger, the better.
func (e *Engine) Step(now time.Time, events []Event, out *Effects) {
	e.now, e.out = uint32(max(0, now.Unix())), out
	for _, ev := range events {
		switch ev := ev.(type) {
		case Received:
			e.receive(ev.Peer, ev.Msg)
			if len(e.jobs) >= MaxJobs {
				e.verify()
			}
			continue
		case Drained:
			if p := e.peers[ev.Peer]; p != nil {
				p.busy = false
			}
			continue
		}
		e.verify() // what came before must not be overtaken
		e.handle(ev)
	}
	e.verify()
	e.advance()
	e.out = nil
}

func (e *Engine) handle(ev Event) {
	switch ev := ev.(type) {
	case Connected:
		e.connect(ev)
	case Disconnected:
		e.disconnect(ev.Peer)
	case Learned:
		if ev.Update != nil {
			e.onUpdate(lnwire.PubKey{}, ev.Update)
		}
	case Answered:
		e.answered(ev)
	case Block:
		e.block(ev)
	case Reorg:
		e.reorg(ev.Height)
	case Tick:
		e.tick()
	case LocalChannel:
		e.localChannel(ev.Local)
	case LocalPolicy:
		e.localPolicy(ev)
	case LocalAnnouncement:
		e.localAnnouncement(ev.Msg)
	case LocalClosed:
		e.localClosed(ev.SCID)
	case LocalNode:
		e.localNode(ev)
	}
}

// receive takes a message of a peer.
func (e *Engine) receive(from lnwire.PubKey, msg lnwire.Message) {
	p := e.peers[from]
	if p == nil {
		return // it left before its last messages were read
	}
	switch m := msg.(type) {
	case *lnwire.ChannelAnnouncement:
		if e.affords(p, 4) {
			e.onAnnouncement(from, m)
		}
	case *lnwire.ChannelUpdate:
		if e.affords(p, 1) {
			e.onUpdate(from, m)
		}
	case *lnwire.NodeAnnouncement:
		if e.affords(p, 1) {
			e.onNode(from, m)
		}
	case *lnwire.QueryChannelRange:
		e.onRangeQuery(p, m)
	case *lnwire.ReplyChannelRange:
		e.onRangeReply(p, m)
	case *lnwire.QueryShortChannelIDs:
		e.onIDQuery(p, m)
	case *lnwire.ReplyShortChannelIDsEnd:
		e.onIDsEnd(p, m)
	case *lnwire.GossipTimestampFilter:
		e.onFilter(p, m)
	}
}

// insert adds a channel that is proven; it does not tell anyone.
func (e *Engine) insert(scid lnwire.ShortChannelID, c *channel) {
	e.channels[scid] = c
	if i, found := slices.BinarySearch(e.order, scid); !found {
		e.order = slices.Insert(e.order, i, scid)
	}
	e.byFunds[e.fundingHash(c.funding)] = scid
	n1, n2 := announcedNodes(c.ann)
	for end, key := range [...]lnwire.PubKey{n1, n2} {
		n := e.nodes[key]
		if n == nil {
			n = &node{key: key}
			e.nodes[key] = n
		}
		n.chans++
		c.ends[end] = n
	}
}

// fundingHash is keyed, so that nobody can make two outpoints share one.
func (e *Engine) fundingHash(op wire.OutPoint) uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	h.Write(op.Hash[:])
	h.Write(binary.BigEndian.AppendUint32(nil, op.Index))
	return h.Sum64()
}

// remove forgets a channel, and its nodes where it was their last (BOLT 7: "MAY prune nodes added through
// node_announcement messages").
func (e *Engine) remove(scid lnwire.ShortChannelID) {
	c := e.channels[scid]
	delete(e.channels, scid)
	delete(e.byFunds, e.fundingHash(c.funding))
	delete(e.spent, scid)
	if i, found := slices.BinarySearch(e.order, scid); found {
		e.order = slices.Delete(e.order, i, i+1)
	}
	e.erase(announcementKey(scid))
	for d := range c.updates {
		if c.updates[d] != nil {
			e.erase(updateKey(scid, uint8(d)))
		}
	}
	for _, n := range c.ends {
		if n.chans--; n.chans == 0 {
			delete(e.nodes, n.key)
			if n.ann != nil {
				e.erase(nodeKey(n.key))
			}
		}
	}
	e.out.Changes = append(e.out.Changes, router.RemoveChannel{SCID: scid})
}

// LastBlock is the height of the last Block, of an earlier run too; zero where there was none. The blocks since then are
// to be told after Loaded, so that no spend is missed.
func (e *Engine) LastBlock() lnwire.Height { return e.scanned }

// Synced reports whether a full sync with some peer has ended.
func (e *Engine) Synced() bool { return e.sync.done }

// Update is the newest channel_update of one direction, for failure messages and for RPC.
func (e *Engine) Update(scid lnwire.ShortChannelID, direction uint8) (*lnwire.ChannelUpdate, bool) {
	if c := e.channels[scid]; c != nil && direction < 2 && c.updates[direction] != nil {
		return decodeUpdate(c.updates[direction])
	}
	return nil, false
}

// Stats counts what the engine holds, and what it did with messages since the start.
type Stats struct {
	Channels, Nodes, Zombies int
	Pending                  int // announcements being looked up
	Held                     int // channels and nodes of which messages wait for an announcement
	Early                    int // announcements that wait for a block
	Peers, Active            int
	Accepted, Duplicate      uint64
	Ignored                  uint64 // by a rule of BOLT 7
	Invalid                  uint64 // wrong signatures
	Limited                  uint64 // over a limit
}

// Stats of this moment.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Channels, s.Nodes, s.Zombies = len(e.channels), len(e.nodes), e.zombies.len()
	s.Pending, s.Held, s.Early = len(e.pending), e.orphans.len()+e.heldNodes.len(), e.early.len()
	s.Peers = len(e.peers)
	for _, p := range e.roster {
		if p.active {
			s.Active++
		}
	}
	return s
}
