package router

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Who failed, where it was no node on the way.
const (
	LocalHop   = -1 // our own channel refused: nobody else has seen the payment
	UnknownHop = -2 // the failure could not be decrypted: anyone on the way may have failed it
)

// Failure is what the failing hop reported: BOLT 4's failure code.
type Failure struct{ Code uint16 }

// Flags and codes of BOLT 4 that decide what is learned.
const (
	flagBadOnion = 0x8000
	flagNode     = 0x2000
	flagUpdate   = 0x1000

	temporaryChannelFailure = flagUpdate | 7
	amountBelowMinimum      = flagUpdate | 11
	feeInsufficient         = flagUpdate | 12
	incorrectCLTV           = flagUpdate | 13
	expiryTooSoon           = flagUpdate | 14
)

// Succeeded learns that every hop passed its amount on.
func (e *Estimates) Succeeded(now time.Time, r *Route) {
	e.change(func(t *table) { t.passed(now.Unix(), r, len(r.Hops)-1) })
}

// Failed learns from a failure that r.Hops[hop].Node reported, or LocalHop, or UnknownHop.
func (e *Estimates) Failed(now time.Time, r *Route, hop int, f Failure) {
	if hop == LocalHop || hop >= len(r.Hops) || hop < UnknownHop {
		return
	}
	e.change(func(t *table) {
		at := now.Unix()
		if hop == UnknownHop {
			for i := 1; i < len(r.Hops); i++ {
				t.refused(at, r, i)
			}
			return
		}
		t.passed(at, r, hop)
		if hop < len(r.Hops)-1 { // what the destination says is about the payment, not about the way
			t.failed(at, r, hop, f.Code)
		}
	})
}

// change runs fn on a copy of the table and stores it.
func (e *Estimates) change(fn func(*table)) {
	e.learn.Lock()
	defer e.learn.Unlock()
	t := *e.table.Load()
	fn(&t)
	e.table.Store(&t)
}

// failed: the node of hop, which is not the last, did not forward.
func (t *table) failed(at int64, r *Route, hop int, code uint16) {
	switch {
	case code == temporaryChannelFailure:
		t.refused(at, r, hop+1)
	case code&flagNode != 0 && code&flagBadOnion == 0:
		t.blockNode(at, r.Hops[hop].Node)
	case code == feeInsufficient || code == incorrectCLTV || code == amountBelowMinimum || code == expiryTooSoon:
		// The failure brings the policy that holds now, so the next try may fit. One that complains again does not.
		t.edge(r, hop+1, func(b *bounds) {
			if b.policyAt != 0 && at-b.policyAt < int64(policyPatience/time.Second) {
				b.blockedAt = at
			}
			b.policyAt = at
		})
	default:
		t.edge(r, hop+1, func(b *bounds) { b.blockedAt = at })
	}
}

// passed: the hops up to last have passed their amounts. The first is our own channel, which needs no estimate.
func (t *table) passed(at int64, r *Route, last int) {
	for i := 1; i <= last; i++ {
		amount := r.Hops[i].Amount
		t.edge(r, i, func(b *bounds) {
			if b.lower <= amount || b.lowerAt == 0 {
				b.lower, b.lowerAt = amount, at
			}
			if b.upperAt != 0 && b.upper <= amount {
				b.upper, b.upperAt = 0, 0
			}
			b.blockedAt, b.policyAt = 0, 0
		})
	}
	for i := 0; i < last; i++ {
		if _, ok := t.nodes[r.Hops[i].Node]; ok {
			t.nodes = maps.Clone(t.nodes)
			delete(t.nodes, r.Hops[i].Node)
		}
	}
}

// refused: hop i's channel lacked the liquidity for its amount.
func (t *table) refused(at int64, r *Route, i int) {
	amount := r.Hops[i].Amount
	t.edge(r, i, func(b *bounds) {
		b.upper, b.upperAt = amount, at
		if b.lower >= amount {
			b.lower, b.lowerAt = 0, 0
		}
	})
}

// edge changes the bounds of hop i's channel in the direction of the route.
func (t *table) edge(r *Route, i int, fn func(*bounds)) {
	id := r.Edge(i)
	var l lesson
	if old := t.lesson(id.SCID); old != nil {
		l = *old
	} else {
		t.makeRoom()
		t.count++
		l.ends = [2]lnwire.PubKey{r.From(i), r.Hops[i].Node}
		if id.Direction == 1 {
			l.ends[0], l.ends[1] = l.ends[1], l.ends[0]
		}
	}
	fn(&l.dirs[id.Direction])
	t.put(id.SCID, &l)
}

func (t *table) put(scid lnwire.ShortChannelID, l *lesson) {
	k := chanShard(scid)
	m := maps.Clone(t.shards[k])
	if m == nil {
		m = map[lnwire.ShortChannelID]*lesson{}
	}
	m[scid] = l
	t.shards[k] = m
	word, bit := slotOf(scid)
	t.filter[word] |= 1 << bit
}

func (t *table) blockNode(at int64, node lnwire.PubKey) {
	t.nodes = maps.Clone(t.nodes)
	if t.nodes == nil {
		t.nodes = map[lnwire.PubKey]int64{}
	}
	if _, ok := t.nodes[node]; !ok && len(t.nodes) >= MaxEstimates {
		keys := slices.SortedFunc(maps.Keys(t.nodes), func(a, b lnwire.PubKey) int {
			return cmp.Or(cmp.Compare(t.nodes[a], t.nodes[b]), bytes.Compare(a[:], b[:]))
		})
		for _, k := range keys[:MaxEstimates/4] {
			delete(t.nodes, k)
		}
	}
	t.nodes[node] = at
}

// makeRoom drops the quarter of the channels that was not heard of for the longest time, where there is no room.
func (t *table) makeRoom() {
	if t.count < MaxEstimates {
		return
	}
	all := t.channels()
	slices.SortStableFunc(all, func(a, b lnwire.ShortChannelID) int {
		return cmp.Compare(t.lesson(b).last(), t.lesson(a).last())
	})
	kept := table{nodes: t.nodes}
	for _, scid := range all[:MaxEstimates*3/4] {
		k := chanShard(scid)
		if kept.shards[k] == nil {
			kept.shards[k] = map[lnwire.ShortChannelID]*lesson{}
		}
		kept.shards[k][scid] = t.lesson(scid)
		word, bit := slotOf(scid)
		kept.filter[word] |= 1 << bit
		kept.count++
	}
	*t = kept
}

// last is when anything was learned.
func (l *lesson) last() (at int64) {
	for _, b := range l.dirs {
		at = max(at, b.lowerAt, b.upperAt, b.blockedAt, b.policyAt)
	}
	return at
}
