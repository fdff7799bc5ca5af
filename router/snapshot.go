package router

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	blockSize = 256 // nodes or channels that are copied together
	shards    = 256 // maps of each index, likewise
)

// Snapshot is the graph at one moment. It never changes.
type Snapshot struct {
	nodes              []*[blockSize]vertex
	chans              []*[blockSize]record
	byKey              [shards]map[lnwire.PubKey]uint32
	bySCID             [shards]map[lnwire.ShortChannelID]uint32
	numNodes, numChans int
	// nodeSlots and chanSlots are one past the largest index in use.
	nodeSlots, chanSlots int
}

// vertex is a node as a search sees it: in holds the usable edges that lead to it.
type vertex struct {
	node   *Node
	in     []edge
	chans  []uint32
	closed bool // requires a feature that we do not know: BOLT 7: "MUST NOT route a payment _through_ the node."
}

// record is a channel as it is kept.
type record struct {
	scid     lnwire.ShortChannelID
	funding  wire.OutPoint
	capacity btcutil.Amount
	ends     [2]uint32
	policies [2]*Policy
	features lnwire.FeatureVector
	private  bool
	unusable bool
	live     bool
}

// edge is one usable direction of a channel, 64 bytes: a line of the cache.
type edge struct {
	from             uint32 // the node that charges for it
	ch               uint32 // channel index and direction: index<<1 | direction
	feeBase, feeRate uint32
	inBase, inRate   int32 // what the node that the edge leads to takes for what arrives by it
	min, max         lnwire.MilliSatoshi
	capacity         lnwire.MilliSatoshi
	scid             lnwire.ShortChannelID
	cltv             uint16
	private          bool
}

func (e *edge) id() EdgeID { return EdgeID{e.scid, uint8(e.ch & 1)} }

func (e *edge) inbound() lnwire.InboundFee { return lnwire.InboundFee{Base: e.inBase, Rate: e.inRate} }

func nodeShard(key *lnwire.PubKey) int { return int(key[32]) }
func chanShard(scid lnwire.ShortChannelID) (s int) {
	return int(uint64(scid) * 0x9e3779b97f4a7c15 >> 56)
}

func (s *Snapshot) vertex(i uint32) *vertex { return &s.nodes[i/blockSize][i%blockSize] }
func (s *Snapshot) record(i uint32) *record { return &s.chans[i/blockSize][i%blockSize] }

func (s *Snapshot) index(key lnwire.PubKey) (uint32, bool) {
	i, ok := s.byKey[nodeShard(&key)][key]
	return i, ok
}

// edgesInto appends the usable edges that lead to node i.
func (s *Snapshot) edgesInto(i uint32, out []edge) []edge {
	for _, c := range s.vertex(i).chans {
		r := s.record(c)
		d := 0 // direction that leads to i
		if r.ends[0] == i {
			d = 1
		}
		p := r.policies[d]
		if p == nil || !r.usable(p) {
			continue
		}
		e := edge{
			from: r.ends[d], ch: c<<1 | uint32(d), feeBase: p.FeeBase, feeRate: p.FeeRate, min: p.Min, max: p.Max,
			capacity: lnwire.FromSatoshis(r.capacity), scid: r.scid, cltv: p.CLTVDelta, private: r.private,
		}
		if back := r.policies[1-d]; back != nil {
			e.inBase, e.inRate = back.Inbound.Base, back.Inbound.Rate
		}
		out = append(out, e)
	}
	return out
}

// usable says whether a search may take the direction that p is for.
// BOLT 7: "if htlc_maximum_msat < htlc_minimum_msat: SHOULD ignore this channel during route considerations", and the
// same "if htlc_maximum_msat is greater than channel capacity".
func (r *record) usable(p *Policy) bool {
	return !p.Disabled && !r.unusable && p.Min <= p.Max &&
		(r.capacity == 0 || p.Max <= lnwire.FromSatoshis(r.capacity))
}

// NumNodes and NumChannels count what is in the graph, private channels included.
func (s *Snapshot) NumNodes() int    { return s.numNodes }
func (s *Snapshot) NumChannels() int { return s.numChans }

// Node looks a node up by its key.
func (s *Snapshot) Node(key lnwire.PubKey) (Node, bool) {
	i, ok := s.index(key)
	if !ok {
		return Node{}, false
	}
	return *s.vertex(i).node, true
}

// Channel looks a channel up. The result shares memory with the snapshot: it is to be read only.
func (s *Snapshot) Channel(scid lnwire.ShortChannelID) (Channel, bool) {
	i, ok := s.bySCID[chanShard(scid)][scid]
	if !ok {
		return Channel{}, false
	}
	return s.channel(i), true
}

func (s *Snapshot) channel(i uint32) Channel {
	r := s.record(i)
	return Channel{
		SCID: r.scid, Funding: r.funding, Capacity: r.capacity, Policies: r.policies, Features: r.features,
		Private: r.private, Unusable: r.unusable,
		Nodes: [2]lnwire.PubKey{s.vertex(r.ends[0]).node.Key, s.vertex(r.ends[1]).node.Key},
	}
}

// ChannelsOf lists the channels of a node in no particular order.
func (s *Snapshot) ChannelsOf(key lnwire.PubKey) []Channel {
	i, ok := s.index(key)
	if !ok {
		return nil
	}
	chans := s.vertex(i).chans
	out := make([]Channel, len(chans))
	for k, c := range chans {
		out[k] = s.channel(c)
	}
	return out
}

// Nodes walks over all nodes until yield returns false.
func (s *Snapshot) Nodes(yield func(Node) bool) {
	for i := range uint32(s.nodeSlots) {
		if v := s.vertex(i); v.node != nil && !yield(*v.node) {
			return
		}
	}
}

// Channels walks over all channels until yield returns false.
func (s *Snapshot) Channels(yield func(Channel) bool) {
	for i := range uint32(s.chanSlots) {
		if s.record(i).live && !yield(s.channel(i)) {
			return
		}
	}
}

// requiresUnknown reports an even bit that lnwire has no name for.
func requiresUnknown(f lnwire.FeatureVector) bool {
	for _, b := range f.Bits() {
		if b.IsRequired() && b.Name() == "" {
			return true
		}
	}
	return false
}
