package router

import (
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
)

// Stats are figures of the whole graph; private channels do not count.
type Stats struct {
	Nodes, Channels                          int
	MaxDegree                                int // channels of the node that has most
	Capacity                                 btcutil.Amount
	MinCapacity, MaxCapacity, MedianCapacity btcutil.Amount
	Diameter                                 int // of the largest node's component, as two sweeps find it: a lower bound
}

// Stats computes the figures afresh: a few milliseconds on the mainnet graph.
func (s *Snapshot) Stats() Stats {
	st := Stats{}
	capacities := make([]btcutil.Amount, 0, s.numChans)
	for i := range uint32(s.chanSlots) {
		if r := s.record(i); r.live && !r.private {
			capacities = append(capacities, r.capacity)
			st.Capacity += r.capacity
		}
	}
	if st.Channels = len(capacities); st.Channels > 0 {
		slices.Sort(capacities)
		st.MinCapacity, st.MaxCapacity = capacities[0], capacities[len(capacities)-1]
		st.MedianCapacity = capacities[len(capacities)/2]
	}
	hub := uint32(0)
	for i := range uint32(s.nodeSlots) {
		degree := 0
		for _, c := range s.vertex(i).chans {
			if !s.record(c).private {
				degree++
			}
		}
		if degree > 0 {
			st.Nodes++
		}
		if degree > st.MaxDegree {
			st.MaxDegree, hub = degree, i
		}
	}
	if st.Channels > 0 {
		far, _ := s.sweep(hub)
		_, st.Diameter = s.sweep(far)
	}
	return st
}

// sweep walks breadth-first over public channels and returns the last node reached and its distance.
func (s *Snapshot) sweep(from uint32) (last uint32, distance int) {
	depth := make([]int32, s.nodeSlots)
	depth[from] = 1
	queue := []uint32{from}
	for i := 0; i < len(queue); i++ {
		last = queue[i]
		for _, c := range s.vertex(last).chans {
			r := s.record(c)
			for _, u := range r.ends {
				if !r.private && depth[u] == 0 {
					depth[u] = depth[last] + 1
					queue = append(queue, u)
				}
			}
		}
	}
	return last, int(depth[last]) - 1
}
