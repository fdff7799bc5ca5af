package gossip

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// NodeSigner signs our own gossip with the node key. *wallet.Keys and tests implement it.
type NodeSigner interface {
	NodeID() lnwire.PubKey
	SignDigest(digest chainhash.Hash) lnwire.Sig
}

// Verifier checks signatures of a batch, in parallel where it can, and sets OK of each check.
type Verifier interface{ Verify(checks []Check) }

// Check is one signature over a digest.
type Check struct {
	Digest chainhash.Hash
	Sig    lnwire.Sig
	Key    lnwire.PubKey
	OK     bool
}

// Options of an Engine. Zero values mean the defaults, but for FlushEvery: zero relays at once, as tests want it.
type Options struct {
	Chain       chainhash.Hash
	FlushEvery  time.Duration        // between relays; 60 s in production (DefaultFlush)
	ActivePeers int                  // peers that relay to us at a time; 0: 3
	Features    lnwire.FeatureVector // what our node_announcement and channels may require without our being lost
}

// DefaultFlush is BOLT 7's "SHOULD flush outgoing gossip messages once every 60 seconds".
const DefaultFlush = 60 * time.Second

// Engine is the whole of BOLT 7 but for announcement_signatures.
type Engine struct{ chain chainhash.Hash }

// New is an engine that knows nothing. Feed it graph.db's records with Load, then call Loaded.
func New(o Options, signer NodeSigner, verifier Verifier) *Engine { panic("stub") }

// Cores verifies over n goroutines that it waits for; n < 1 means one for each CPU.
func Cores(n int) Verifier { panic("stub") }

// Load takes one record of graph.db, in any order. A damaged one is reported, and left out: a sync brings it again.
func (e *Engine) Load(key, value []byte) error { panic("stub") }

// Loaded ends loading: out gets the graph as Changes, and deletions of records that belong to nothing.
func (e *Engine) Loaded(now time.Time, height lnwire.Height, out *Effects) { panic("stub") }

// Step applies the events in order. Signatures of a burst are verified together: the larger, the better.
func (e *Engine) Step(now time.Time, events []Event, out *Effects) { panic("stub") }

// Synced reports whether a full sync with some peer has ended.
func (e *Engine) Synced() bool { panic("stub") }

// Update is the newest channel_update of one direction, for failure messages and for RPC.
func (e *Engine) Update(scid lnwire.ShortChannelID, direction uint8) (*lnwire.ChannelUpdate, bool) {
	panic("stub")
}

// Stats counts what the engine holds.
type Stats struct {
	Channels, Nodes, Zombies              int
	Pending, Held, Premature              int // announcements being looked up; messages that wait for one; too early ones
	Peers, Active                         int
	Accepted, Duplicate, Invalid, Limited uint64 // messages since the start
}

// Stats of this moment.
func (e *Engine) Stats() Stats { panic("stub") }
