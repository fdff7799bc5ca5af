package router

import (
	"errors"
	"fmt"
	"math"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// FindRoute returns the route of least cost (fee, locked time and unreliability weighed by Request.TimePref; see
// docs/routing.md). It fails with ErrBadRequest, ErrUnknownNode, ErrFeatures, ErrInsufficient or ErrNoRoute, the last
// together with ErrFeeLimit where that limit cut routes off.
func FindRoute(s *Snapshot, r *Request, est Estimator) (*Route, error) {
	q, err := newSearch(s, r, est)
	if err != nil {
		return nil, err
	}
	defer q.sc.release()
	if q.run(balanced) {
		return q.route(), nil
	}
	// A limit cut something off, and what is left of the way may be the wrong one for it: look for the route that
	// strains this limit the least.
	for _, try := range [...]struct {
		hit bool
		by  objective
	}{{q.cut.fee, cheapest}, {q.cut.cltv, soonest}, {q.cut.hops, shortest}} {
		if try.hit && q.run(try.by) {
			return q.route(), nil
		}
	}
	if q.cut.fee {
		return nil, errors.Join(ErrNoRoute, ErrFeeLimit)
	}
	return nil, ErrNoRoute
}

// objective is what a run minimises.
type objective uint8

const (
	balanced objective = iota
	cheapest           // fees alone
	soonest            // locked blocks alone
	shortest           // hops alone
)

// search is one request on one snapshot.
type search struct {
	s   *Snapshot
	r   *Request
	est Estimator
	sc  *scratch

	source, dest, goal uint32 // goal is the label of the source as a start, apart from it as a destination
	lastHop            uint32 // noNode: any
	most               lnwire.MilliSatoshi
	maxCLTV            uint32
	maxHops            int32

	by       objective
	perNat   float64 // msat that one nat of surprisal is worth
	perBlock float64 // msat for each msat and block that is locked

	cut struct{ fee, cltv, hops bool } // limits that turned a way down
}

const noNode = math.MaxUint32

// run is Dijkstra's algorithm from the destination backwards. True: the goal's label is the best route.
func (q *search) run(by objective) bool {
	sc := q.sc
	q.by = by
	q.begin()
	for len(sc.heap) > 0 {
		it := sc.heap.pop()
		v := it.node
		if v == q.goal {
			return true
		}
		if sc.done[v] == sc.epoch {
			continue
		}
		sc.done[v] = sc.epoch
		q.expand(v)
	}
	return false
}

// begin stamps the ignored nodes and labels the destination.
func (q *search) begin() {
	sc := q.sc
	sc.nextEpoch()
	for i := range sc.extra { // the extra edges outlive a run
		sc.extraAt[sc.extra[i].to] = sc.epoch
	}
	for _, key := range q.r.IgnoredNodes {
		if i, ok := q.find(key); ok && i != q.dest && i != q.source {
			sc.done[i] = sc.epoch
		}
	}
	sc.labels[q.dest] = label{
		amount: q.r.Amount, expiry: q.r.FinalCLTV,
		size: finalPayload(q.r.Amount, uint32(q.r.Height)+q.r.FinalCLTV, q.r.FinalPayload),
	}
	sc.seen[q.dest] = sc.epoch
	sc.heap.push(heapItem{0, q.dest})
}

// expand offers v's label to all that have a channel to it.
func (q *search) expand(v uint32) {
	sc := q.sc
	lv := &sc.labels[v]
	var doubt float64
	var in []edge
	if int(v) < q.s.nodeSlots {
		x := q.s.vertex(v)
		if in = x.in; v != q.dest {
			if x.closed {
				return
			}
			if doubt = q.est.Node(x.node.Key); math.IsInf(doubt, 1) {
				return
			}
		}
	}
	if sc.extraAt[v] == sc.epoch {
		for i := sc.first[v]; i >= 0; i = sc.extra[i].next {
			x := &sc.extra[i]
			q.relax(v, lv, &x.edge, extraFlag|uint32(i), doubt, x.local)
		}
	}
	for i := range in {
		e := &in[i]
		if sc.done[e.from] == sc.epoch && e.from != q.source {
			continue
		}
		if e.from == q.source && q.r.Local != nil {
			continue // our own channels are in the request
		}
		if isMarked(sc.blocked, e.ch) || e.private && v != q.dest && e.from != q.source {
			continue
		}
		q.relax(v, lv, e, uint32(i), doubt, false)
	}
}

// relax offers e.from the way over e to v and on by lv. doubt is v's own.
func (q *search) relax(v uint32, lv *label, e *edge, via uint32, doubt float64, local bool) {
	sc := q.sc
	u, start := e.from, e.from == q.source
	if start {
		u = q.goal
	} else if sc.done[u] == sc.epoch {
		return
	}
	if !q.allowed(v, lv, e, start) {
		return
	}
	amount, expiry := q.arriving(v, lv, e), lv.expiry+lv.delta
	if amount > q.most {
		q.cut.fee = true
		return
	}
	if amount < e.min || amount > e.max {
		return
	}
	next := label{amount: amount, next: v, via: via, expiry: expiry, hops: lv.hops + 1, size: lv.size}
	if !start {
		next.fee, next.delta = outboundFee(e.feeBase, e.feeRate, amount), uint32(e.cltv)
		next.size += hopPayload(amount, uint32(q.r.Height)+expiry)
	}
	if expiry+next.delta > q.maxCLTV {
		q.cut.cltv = true
		return
	}
	if next.hops > q.maxHops || next.hops == q.maxHops && !start || next.size > OnionSpace {
		q.cut.hops = true
		return
	}
	if !local {
		doubt += q.edgeDoubt(e, amount, via)
		if math.IsInf(doubt, 1) {
			return
		}
	}
	next.doubt = lv.doubt + doubt
	next.cost = lv.cost + q.increment(lv, &next, doubt)
	q.offer(u, v, &next)
}

// arriving is what v must be sent over e, so that it keeps its fees and passes lv.amount on.
func (q *search) arriving(v uint32, lv *label, e *edge) lnwire.MilliSatoshi {
	if v == q.dest {
		return lv.amount
	}
	return lv.amount + netFee(lv.fee, e.inbound(), lv.amount)
}

// offer takes the label where it is the better one.
func (q *search) offer(u, v uint32, next *label) {
	sc := q.sc
	if sc.seen[q.goal] == sc.epoch && next.cost >= sc.labels[q.goal].cost {
		return
	}
	if sc.seen[u] == sc.epoch {
		if next.cost >= sc.labels[u].cost {
			return
		}
	} else if u != q.goal && q.isDeadEnd(u, v) {
		return
	}
	sc.seen[u] = sc.epoch
	sc.labels[u] = *next
	sc.heap.push(heapItem{next.cost, u})
}

// isDeadEnd: nobody but v can send to u, so that no route passes through it. Half of the nodes are such.
func (q *search) isDeadEnd(u, v uint32) bool {
	if int(u) >= q.s.nodeSlots || q.sc.extraAt[u] == q.sc.epoch {
		return false
	}
	in := q.s.vertex(u).in
	return len(in) == 0 || len(in) == 1 && in[0].from == v
}

// increment is what the step from v's label to next costs. It is never negative: an inbound discount, which is only
// known a step after the fee that it is taken from, can make this step free but not pay for others.
func (q *search) increment(lv, next *label, doubt float64) float64 {
	switch q.by {
	case soonest:
		return float64(next.delta)
	case shortest:
		return 1
	}
	// What v takes beyond its outbound fee (already counted in its label), and the outbound fee of the new node.
	cost := float64(next.amount) - float64(lv.amount) - float64(lv.fee) + float64(next.fee)
	if q.by == balanced {
		cost += q.perBlock*float64(next.amount)*float64(next.delta) + q.perNat*doubt
	}
	return max(cost, 0)
}

// edgeDoubt is the surprisal of amount passing on top of what is in flight already.
func (q *search) edgeDoubt(e *edge, amount lnwire.MilliSatoshi, via uint32) float64 {
	if via&extraFlag == 0 && !isMarked(q.sc.busy, e.ch) {
		return q.est.Edge(e.id(), e.capacity, amount)
	}
	id := e.id()
	var used lnwire.MilliSatoshi
	for i := range q.r.InFlight {
		if u := &q.r.InFlight[i]; u.EdgeID == id {
			used = min(used+u.Amount, lnwire.MaxMilliSatoshi)
		}
	}
	all := q.est.Edge(id, e.capacity, amount+used)
	if used == 0 || math.IsInf(all, 1) {
		return all
	}
	return max(0, all-q.est.Edge(id, e.capacity, used))
}

// route reads the labels from the goal on.
func (q *search) route() *Route {
	l := q.sc.labels[q.goal]
	r := &Route{
		Source: q.r.Source, Amount: q.r.Amount, Fee: l.amount - q.r.Amount,
		Expiry: uint32(q.r.Height) + l.expiry, Probability: math.Exp(-l.doubt),
		Hops: make([]Hop, 0, l.hops),
	}
	for {
		e := q.edge(&l)
		h := Hop{
			SCID: e.scid, Node: q.key(l.next), Amount: l.amount, Expiry: uint32(q.r.Height) + l.expiry,
			Capacity: e.capacity,
		}
		if l.next == q.dest {
			r.Hops = append(r.Hops, h)
			return r
		}
		l = q.sc.labels[l.next]
		h.Fee = h.Amount - l.amount
		r.Hops = append(r.Hops, h)
	}
}

func (q *search) edge(l *label) *edge {
	if l.via&extraFlag != 0 {
		return &q.sc.extra[l.via&^extraFlag].edge
	}
	return &q.s.vertex(l.next).in[l.via]
}

func (q *search) key(i uint32) lnwire.PubKey {
	if int(i) < q.s.nodeSlots {
		return q.s.vertex(i).node.Key
	}
	return q.sc.keys[int(i)-q.s.nodeSlots]
}

// find is the index of a node of the graph or of this request.
func (q *search) find(key lnwire.PubKey) (uint32, bool) {
	if i, ok := q.s.index(key); ok {
		return i, true
	}
	for i, k := range q.sc.keys {
		if k == key {
			return uint32(q.s.nodeSlots + i), true
		}
	}
	return 0, false
}

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBadRequest}, args...)...)
}
