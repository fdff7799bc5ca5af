package router

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Graph hands out the newest Snapshot and makes the next one. Apply may be called from any goroutine.
type Graph struct {
	current atomic.Pointer[Snapshot]

	apply     sync.Mutex
	freeNodes []uint32 // indices of nodes and channels that are gone
	freeChans []uint32
}

// NewGraph is empty.
func NewGraph() *Graph {
	g := &Graph{}
	g.current.Store(&Snapshot{})
	return g
}

// Snapshot is the newest one. It does not wait for an Apply under way.
func (g *Graph) Snapshot() *Snapshot { return g.current.Load() }

// Apply makes a new snapshot with the changes, in order, and returns it. One batch costs far less than its changes
// one by one.
func (g *Graph) Apply(changes []Change) *Snapshot {
	g.apply.Lock()
	defer g.apply.Unlock()
	if len(changes) == 0 {
		return g.Snapshot()
	}
	b := newBatch(g)
	for _, c := range changes {
		switch c := c.(type) {
		case AddChannel:
			b.addChannel(&c.Channel)
		case RemoveChannel:
			b.removeChannel(c.SCID)
		case SetPolicy:
			b.setPolicy(c.EdgeID, c.Policy)
		case SetNode:
			b.setNode(c.Node)
		}
	}
	b.finish()
	g.current.Store(b.s)
	return b.s
}

// batch is a snapshot in the making. What it has not copied yet still belongs to older snapshots.
type batch struct {
	g *Graph
	s *Snapshot

	nodeBlocks, chanBlocks map[int]bool // copied already
	nodeShards, chanShards [shards]bool
	touched                map[uint32]bool // nodes whose channel list is copied and whose edges are to be made anew
}

func newBatch(g *Graph) *batch {
	s := *g.Snapshot()
	s.nodes, s.chans = slices.Clone(s.nodes), slices.Clone(s.chans)
	return &batch{g: g, s: &s, nodeBlocks: map[int]bool{}, chanBlocks: map[int]bool{}, touched: map[uint32]bool{}}
}

// vertex is node i, writable.
func (b *batch) vertex(i uint32) *vertex {
	k := int(i / blockSize)
	if !b.nodeBlocks[k] {
		c := *b.s.nodes[k]
		b.s.nodes[k], b.nodeBlocks[k] = &c, true
	}
	return &b.s.nodes[k][i%blockSize]
}

// record is channel i, writable.
func (b *batch) record(i uint32) *record {
	k := int(i / blockSize)
	if !b.chanBlocks[k] {
		c := *b.s.chans[k]
		b.s.chans[k], b.chanBlocks[k] = &c, true
	}
	return &b.s.chans[k][i%blockSize]
}

func (b *batch) nodeShard(key *lnwire.PubKey) map[lnwire.PubKey]uint32 {
	k := nodeShard(key)
	if !b.nodeShards[k] {
		b.s.byKey[k], b.nodeShards[k] = cloneOrMake(b.s.byKey[k]), true
	}
	return b.s.byKey[k]
}

func (b *batch) chanShard(scid lnwire.ShortChannelID) map[lnwire.ShortChannelID]uint32 {
	k := chanShard(scid)
	if !b.chanShards[k] {
		b.s.bySCID[k], b.chanShards[k] = cloneOrMake(b.s.bySCID[k]), true
	}
	return b.s.bySCID[k]
}

func cloneOrMake[K comparable](m map[K]uint32) map[K]uint32 {
	if m == nil {
		return map[K]uint32{}
	}
	return maps.Clone(m)
}

// slot takes a free index, or the next new one.
func slot(free *[]uint32, used *int) uint32 {
	if n := len(*free); n > 0 {
		i := (*free)[n-1]
		*free = (*free)[:n-1]
		return i
	}
	*used++
	return uint32(*used - 1)
}

// node finds or makes the vertex of key, and marks it as touched.
func (b *batch) node(key lnwire.PubKey) uint32 {
	shard := b.nodeShard(&key)
	i, ok := shard[key]
	if !ok {
		i = slot(&b.g.freeNodes, &b.s.nodeSlots)
		if k := int(i / blockSize); k == len(b.s.nodes) {
			b.s.nodes = append(b.s.nodes, new([blockSize]vertex))
			b.nodeBlocks[k] = true
		}
		*b.vertex(i) = vertex{node: &Node{Key: key}}
		shard[key] = i
		b.s.numNodes++
	}
	b.touch(i)
	return i
}

func (b *batch) touch(i uint32) {
	if !b.touched[i] {
		b.touched[i] = true
		v := b.vertex(i)
		v.chans = slices.Clone(v.chans)
	}
}

// addChannel drops what is no channel: ends that are not in order, a negative capacity.
func (b *batch) addChannel(c *Channel) {
	if bytes.Compare(c.Nodes[0][:], c.Nodes[1][:]) >= 0 || c.Capacity < 0 {
		return
	}
	b.removeChannel(c.SCID)
	i := slot(&b.g.freeChans, &b.s.chanSlots)
	if k := int(i / blockSize); k == len(b.s.chans) {
		b.s.chans = append(b.s.chans, new([blockSize]record))
		b.chanBlocks[k] = true
	}
	r := b.record(i)
	*r = record{
		scid: c.SCID, funding: c.Funding, capacity: c.Capacity, features: c.Features,
		private: c.Private, unusable: c.Unusable, live: true,
	}
	for end := range r.ends {
		r.ends[end] = b.node(c.Nodes[end])
		v := b.vertex(r.ends[end])
		v.chans = append(v.chans, i)
		if p := c.Policies[end]; p != nil {
			own := *p
			r.policies[end] = &own
		}
	}
	b.chanShard(c.SCID)[c.SCID] = i
	b.s.numChans++
}

func (b *batch) removeChannel(scid lnwire.ShortChannelID) {
	i, ok := b.s.bySCID[chanShard(scid)][scid]
	if !ok {
		return
	}
	r := b.record(i)
	for _, end := range r.ends {
		b.touch(end)
		v := b.vertex(end)
		v.chans = slices.DeleteFunc(v.chans, func(c uint32) bool { return c == i })
	}
	*r = record{}
	delete(b.chanShard(scid), scid)
	b.g.freeChans = append(b.g.freeChans, i)
	b.s.numChans--
}

func (b *batch) setPolicy(id EdgeID, p Policy) {
	i, ok := b.s.bySCID[chanShard(id.SCID)][id.SCID]
	if !ok || id.Direction > 1 {
		return
	}
	r := b.record(i)
	r.policies[id.Direction] = &p
	b.touch(r.ends[0])
	b.touch(r.ends[1])
}

func (b *batch) setNode(n Node) {
	i, ok := b.s.byKey[nodeShard(&n.Key)][n.Key]
	if !ok {
		return
	}
	v := b.vertex(i)
	v.node, v.closed = &n, requiresUnknown(n.Features)
}

// finish makes the edges of the touched nodes anew and forgets nodes without channels.
func (b *batch) finish() {
	var arena []edge
	// One allocation for a whole graph; but a small batch would keep all of an arena alive for one of its nodes.
	if 2*len(b.touched) > b.s.numNodes {
		arena = make([]edge, 0, 2*b.s.numChans)
	}
	for i := range b.touched {
		v := b.vertex(i)
		if len(v.chans) == 0 {
			delete(b.nodeShard(&v.node.Key), v.node.Key)
			*v = vertex{}
			b.g.freeNodes = append(b.g.freeNodes, i)
			b.s.numNodes--
			continue
		}
		if arena == nil {
			v.in = b.s.edgesInto(i, make([]edge, 0, len(v.chans)))
			continue
		}
		start := len(arena)
		arena = b.s.edgesInto(i, arena)
		v.in = arena[start:len(arena):len(arena)]
	}
	slices.Sort(b.g.freeNodes) // map order above must not decide which index comes next
}
