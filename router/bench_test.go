package router

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// core lists the nodes that can both send to and be reached from the hub.
func core(s *Snapshot) []lnwire.PubKey {
	hub, best := uint32(0), 0
	for i := range uint32(s.nodeSlots) {
		if v := s.vertex(i); len(v.in) > best {
			hub, best = i, len(v.in)
		}
	}
	walk := func(next func(uint32, func(uint32))) map[uint32]bool {
		seen, queue := map[uint32]bool{hub: true}, []uint32{hub}
		for i := 0; i < len(queue); i++ {
			next(queue[i], func(u uint32) {
				if !seen[u] {
					seen[u] = true
					queue = append(queue, u)
				}
			})
		}
		return seen
	}
	out := make(map[uint32][]uint32)
	for i := range uint32(s.nodeSlots) {
		for _, e := range s.vertex(i).in {
			out[e.from] = append(out[e.from], i)
		}
	}
	sends := walk(func(v uint32, visit func(uint32)) {
		for _, e := range s.vertex(v).in {
			visit(e.from)
		}
	})
	reached := walk(func(v uint32, visit func(uint32)) {
		for _, u := range out[v] {
			visit(u)
		}
	})
	var keys []lnwire.PubKey
	for i := range uint32(s.nodeSlots) {
		if sends[i] && reached[i] {
			keys = append(keys, s.vertex(i).node.Key)
		}
	}
	return keys
}

// BenchmarkFindRoute searches between random pairs of the strongly connected core, and reports the spread of times.
func BenchmarkFindRoute(b *testing.B) {
	s := loaded(b)
	keys := core(s)
	for _, sat := range []lnwire.MilliSatoshi{1_000, 100_000, 1_000_000} {
		b.Run(lnwire.MilliSatoshi(sat*1000).String(), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(3, 4))
			var all, found []time.Duration
			hops := 0
			b.ReportAllocs()
			for b.Loop() {
				r := &Request{
					Source: keys[rng.IntN(len(keys))], Dest: keys[rng.IntN(len(keys))], Amount: sat * 1000,
					Height: 900_000, FinalCLTV: 40,
				}
				if r.Source == r.Dest {
					continue
				}
				start := time.Now()
				route, err := FindRoute(s, r, Prior{})
				took := time.Since(start)
				all = append(all, took)
				if err == nil {
					found = append(found, took)
					hops += len(route.Hops)
				}
			}
			slices.Sort(all)
			slices.Sort(found)
			ms := func(d []time.Duration, q float64) float64 {
				if len(d) == 0 {
					return 0
				}
				return float64(d[int(q*float64(len(d)-1))].Microseconds()) / 1000
			}
			b.ReportMetric(ms(found, 0.5), "ms-median-found")
			b.ReportMetric(ms(all, 0.5), "ms-median")
			b.ReportMetric(ms(all, 0.99), "ms-p99")
			b.ReportMetric(100*float64(len(found))/float64(len(all)), "%found")
			b.ReportMetric(float64(hops)/float64(max(1, len(found))), "hops")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	cs, err := changes()
	require.NoError(b, err)
	var before, after runtime.MemStats
	b.ReportAllocs()
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := NewGraph().Apply(cs)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		runtime.KeepAlive(s)
	}
}

// BenchmarkApply changes 100 policies in a graph of full size.
func BenchmarkApply(b *testing.B) {
	cs, err := changes()
	require.NoError(b, err)
	g := NewGraph()
	g.Apply(cs)
	rng := rand.New(rand.NewPCG(5, 6))
	b.ReportAllocs()
	for b.Loop() {
		batch := make([]Change, 100)
		for i := range batch {
			c := cs[rng.IntN(len(cs))].(AddChannel)
			batch[i] = SetPolicy{EdgeID{c.SCID, uint8(rng.IntN(2))}, Policy{
				LastUpdate: 2, CLTVDelta: 40, Max: lnwire.FromSatoshis(c.Capacity), FeeRate: rng.Uint32N(1000),
			}}
		}
		g.Apply(batch)
	}
}
