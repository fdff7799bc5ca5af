package router

import (
	"fmt"
	"math"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// BuildRoute makes the cheapest route through exactly these nodes (LND's BuildRoute); the last is the destination.
// Of r, Source, Amount, Height, FinalCLTV, FinalPayload, Local and Outgoing matter; an Amount of zero means the least
// that all hops accept. It fails with ErrBadRequest or ErrNoRoute.
func BuildRoute(s *Snapshot, r *Request, nodes []lnwire.PubKey, est Estimator) (*Route, error) {
	if len(nodes) == 0 || len(nodes) > MaxHops {
		return nil, badRequest("a route of %d hops, at most %d", len(nodes), MaxHops)
	}
	path := *r
	path.Dest, path.Hints, path.MaxHops = nodes[len(nodes)-1], nil, 0
	if path.Amount == 0 {
		path.Amount = 1
	}
	q, err := newSearch(s, &path, est)
	if err != nil {
		return nil, err
	}
	defer q.sc.release()
	q.by = balanced
	hops, err := q.pathOf(nodes)
	if err != nil {
		return nil, err
	}
	// Going back with the least amount, each edge may raise it to its own minimum; what that makes the destination
	// receive is found by going forward. Twice settles it, as fees on the difference are the smaller part.
	for range 8 {
		short, err := q.walk(hops)
		if err == nil {
			return q.route(), nil
		}
		if r.Amount != 0 || short == 0 {
			return nil, err
		}
		path.Amount = min(path.Amount+short, lnwire.MaxMilliSatoshi)
	}
	return nil, fmt.Errorf("%w: no amount suits all hops", ErrNoRoute)
}

// pathOf is the indices of the nodes, source first.
func (q *search) pathOf(nodes []lnwire.PubKey) ([]uint32, error) {
	path := []uint32{q.source}
	for i, n := range nodes {
		v, ok := q.find(n)
		if !ok {
			return nil, fmt.Errorf("%w: %v", ErrUnknownNode, n)
		}
		for _, u := range path[1:] {
			if u == v {
				return nil, badRequest("hop %d comes twice", i)
			}
		}
		path = append(path, v)
	}
	return path, nil
}

// walk labels the nodes of path from its end, each by its best edge. Where an edge's minimum is not met, short is
// what was lacking.
func (q *search) walk(path []uint32) (short lnwire.MilliSatoshi, err error) {
	sc := q.sc
	q.begin()
	for i := len(path) - 1; i > 0; i-- {
		from, v := path[i-1], path[i]
		u := from
		if i == 1 {
			u = q.goal
		}
		q.between(from, v, func(e *edge, via uint32, local bool) {
			q.relax(v, &sc.labels[v], e, via, 0, local)
		})
		if sc.seen[u] == sc.epoch {
			sc.done[v] = sc.epoch
			continue
		}
		q.between(from, v, func(e *edge, _ uint32, _ bool) {
			if have := q.arriving(v, &sc.labels[v], e); have < e.min && (short == 0 || e.min-have < short) {
				short = e.min - have
			}
		})
		return short, fmt.Errorf("%w: hop %d (%v) has no channel for %v", ErrNoRoute, i-1, q.key(v), sc.labels[v].amount)
	}
	return 0, nil
}

// between calls fn for each edge from one node to another that the request may take.
func (q *search) between(from, to uint32, fn func(e *edge, via uint32, local bool)) {
	sc := q.sc
	if sc.extraAt[to] == sc.epoch {
		for i := sc.first[to]; i >= 0; i = sc.extra[i].next {
			if x := &sc.extra[i]; x.from == from {
				fn(&x.edge, extraFlag|uint32(i), x.local)
			}
		}
	}
	if int(to) >= q.s.nodeSlots || from == q.source && q.r.Local != nil {
		return
	}
	in := q.s.vertex(to).in
	for i := range in {
		if in[i].from == from && !isMarked(sc.blocked, in[i].ch) {
			fn(&in[i], uint32(i), false)
		}
	}
}

// Probability that amount passes from one node to its neighbour, by the best of their channels.
func Probability(s *Snapshot, from, to lnwire.PubKey, amount lnwire.MilliSatoshi, est Estimator) float64 {
	u, ok1 := s.index(from)
	v, ok2 := s.index(to)
	if !ok1 || !ok2 {
		return 0
	}
	best := math.Inf(1)
	for i := range s.vertex(v).in {
		if e := &s.vertex(v).in[i]; e.from == u && amount >= e.min && amount <= e.max {
			best = min(best, est.Edge(e.id(), e.capacity, amount))
		}
	}
	return math.Exp(-best - est.Node(from))
}
