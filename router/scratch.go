package router

import (
	"slices"
	"sync"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// label is the best way found from a node to the destination.
type label struct {
	cost   float64
	doubt  float64             // surprisal of the edges and nodes behind
	amount lnwire.MilliSatoshi // of the HTLC that leaves the node
	fee    lnwire.MilliSatoshi // that the node asks for it, inbound fee not counted
	next   uint32              // whom that HTLC goes to
	via    uint32              // by which edge: index into the edges into next, or extraFlag | index into scratch.extra
	expiry uint32              // of that HTLC, in blocks over the request's height
	delta  uint32              // what the node adds to it
	hops   int32
	size   int32 // onion payloads of the hops behind
}

const extraFlag = 1 << 31

// extraEdge is an edge of this search alone: a route hint, or one of the source's own channels.
type extraEdge struct {
	edge
	to    uint32
	next  int32 // next one into the same node, -1 at the end
	local bool
}

// scratch is the memory of a search. Stamps tell this search's entries from those of earlier ones, so that nothing is
// cleared; it grows to the size of the graph and then allocates no more.
type scratch struct {
	epoch  uint32
	seen   []uint32 // epoch where labels[i] is of this search
	done   []uint32 // epoch where the label is final, or the node is ignored
	labels []label
	heap   heap

	blocked []uint64 // bit per edge (edge.ch): ignored
	busy    []uint64 // bit per edge: has HTLCs in flight
	marked  []uint32 // edges with a bit in either

	extra   []extraEdge
	extraAt []uint32 // epoch where first[i] is of this search
	first   []int32
	keys    []lnwire.PubKey // nodes that only the request knows
}

var pool = sync.Pool{New: func() any { return new(scratch) }}

// prepare readies the scratch for a graph of so many nodes and channels, and room nodes beside.
func (sc *scratch) prepare(nodes, chans, room int) {
	n := nodes + room
	if len(sc.seen) < n {
		sc.seen, sc.done = make([]uint32, n), make([]uint32, n)
		sc.extraAt, sc.first = make([]uint32, n), make([]int32, n)
		sc.labels = make([]label, n)
		sc.epoch = 0
	}
	if words := (2*chans + 63) / 64; len(sc.blocked) < words {
		sc.blocked, sc.busy = make([]uint64, words), make([]uint64, words)
	}
	sc.extra, sc.keys = sc.extra[:0], sc.keys[:0]
	sc.nextEpoch()
}

// nextEpoch forgets every stamp; only when the counter wraps is memory cleared.
func (sc *scratch) nextEpoch() {
	sc.epoch++
	if sc.epoch == 0 {
		clear(sc.seen)
		clear(sc.done)
		clear(sc.extraAt)
		sc.epoch = 1
	}
	sc.heap = sc.heap[:0]
}

// release clears the few bits that were set and hands the memory to the next search.
func (sc *scratch) release() {
	for _, ch := range sc.marked {
		sc.blocked[ch/64] &^= 1 << (ch % 64)
		sc.busy[ch/64] &^= 1 << (ch % 64)
	}
	sc.marked = sc.marked[:0]
	pool.Put(sc)
}

func (sc *scratch) mark(bits []uint64, ch uint32) {
	bits[ch/64] |= 1 << (ch % 64)
	sc.marked = append(sc.marked, ch)
}

func isMarked(bits []uint64, ch uint32) bool { return bits[ch/64]&(1<<(ch%64)) != 0 }

// addExtra hangs e onto the node that it leads to.
func (sc *scratch) addExtra(e extraEdge) {
	e.next = -1
	if sc.extraAt[e.to] == sc.epoch {
		e.next = sc.first[e.to]
	}
	sc.extraAt[e.to], sc.first[e.to] = sc.epoch, int32(len(sc.extra))
	sc.extra = append(sc.extra, e)
}

// stranger is the index of a node that the graph does not hold, after the graph's.
func (sc *scratch) stranger(nodes int, key lnwire.PubKey) uint32 {
	i := slices.Index(sc.keys, key)
	if i < 0 {
		i = len(sc.keys)
		sc.keys = append(sc.keys, key)
	}
	return uint32(nodes + i)
}

// heap is a 4-ary heap of nodes by cost; a node may be in it more than once, the first to leave counts.
type heap []heapItem

type heapItem struct {
	cost float64
	node uint32
}

func (h *heap) push(it heapItem) {
	*h = append(*h, it)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 4
		if s[up].cost <= it.cost {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = it
}

// pop takes the least; h must not be empty.
func (h *heap) pop() heapItem {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	i := 0
	for {
		child := 4*i + 1
		if child >= len(s) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(s)); c++ {
			if s[c].cost < s[least].cost {
				least = c
			}
		}
		if s[least].cost >= last.cost {
			break
		}
		s[i] = s[least]
		i = least
	}
	if len(s) > 0 {
		s[i] = last
	}
	return top
}
