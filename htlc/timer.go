package htlc

import (
	"container/heap"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// timer is one moment at which something ends unless it is stopped before.
type timer struct {
	at    time.Time
	seq   uint64 // of equal times the first set is the first to go off
	kind  timerKind
	hash  lnwire.Hash
	index int // in the heap; -1 when out of it
}

type timerKind uint8

const (
	invoiceExpires timerKind = iota + 1
	setExpires
	paymentExpires
)

// timers is a heap of timers, the next one first.
type timers struct {
	heap timerHeap
	seq  uint64
}

func (ts *timers) set(at time.Time, kind timerKind, hash lnwire.Hash) *timer {
	ts.seq++
	t := &timer{at: at, seq: ts.seq, kind: kind, hash: hash}
	heap.Push(&ts.heap, t)
	return t
}

// stop is harmless for a timer that is nil or went off.
func (ts *timers) stop(t *timer) {
	if t != nil && t.index >= 0 {
		heap.Remove(&ts.heap, t.index)
	}
}

// due takes out the next timer that is due at now, or nil.
func (ts *timers) due(now time.Time) *timer {
	if len(ts.heap) == 0 || ts.heap[0].at.After(now) {
		return nil
	}
	return heap.Pop(&ts.heap).(*timer)
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}
