package router

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// contents is a snapshot in a form that can be compared: what RPC shows, and what searches see.
func contents(s *Snapshot) (cs map[lnwire.ShortChannelID]Channel, ns map[lnwire.PubKey]Node, es map[EdgeID]edge) {
	cs, ns, es = map[lnwire.ShortChannelID]Channel{}, map[lnwire.PubKey]Node{}, map[EdgeID]edge{}
	s.Channels(func(c Channel) bool { cs[c.SCID] = c; return true })
	s.Nodes(func(n Node) bool { ns[n.Key] = n; return true })
	for i := range uint32(s.nodeSlots) {
		for _, e := range s.vertex(i).in {
			e.from, e.ch = 0, e.ch&1 // indices may differ
			es[e.id()] = e
		}
	}
	return cs, ns, es
}

// However a graph came about, it is the one that its last words make.
func TestBatchesMakeTheSameGraphAsOneLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, known := NewGraph(), map[lnwire.ShortChannelID]Channel{}
		var olds []*Snapshot
		var before []map[lnwire.ShortChannelID]Channel
		for range rapid.IntRange(1, 8).Draw(t, "batches") {
			var batch []Change
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				scid := lnwire.ShortChannelID(rapid.IntRange(1, 8).Draw(t, "scid"))
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0:
					a := rapid.IntRange(0, 4).Draw(t, "a")
					c := link(uint64(scid), a, a+1+rapid.IntRange(0, 3).Draw(t, "b"), 1000, nil, nil)
					known[scid] = c.Channel
					batch = append(batch, c)
				case 1:
					delete(known, scid)
					batch = append(batch, RemoveChannel{scid})
				default:
					p := Policy{FeeBase: rapid.Uint32Range(0, 3).Draw(t, "fee"), Max: 1000}
					d := rapid.Uint8Range(0, 2).Draw(t, "direction")
					if c, ok := known[scid]; ok && d < 2 {
						c.Policies[d] = &p
						known[scid] = c
					}
					batch = append(batch, SetPolicy{EdgeID{scid, d}, p})
				}
			}
			s := g.Apply(batch)
			cs, _, _ := contents(s)
			olds, before = append(olds, s), append(before, cs)
		}
		var all []Change
		for _, c := range known {
			all = append(all, AddChannel{c})
		}
		want := NewGraph().Apply(all)
		c1, n1, e1 := contents(g.Snapshot())
		c2, n2, e2 := contents(want)
		require.Equal(t, c2, c1)
		require.Equal(t, n2, n1)
		require.Equal(t, e2, e1)
		require.Equal(t, want.NumChannels(), g.Snapshot().NumChannels())
		require.Equal(t, want.NumNodes(), g.Snapshot().NumNodes())
		for i, s := range olds {
			cs, _, _ := contents(s)
			require.Equal(t, before[i], cs, "an old snapshot has changed")
		}
	})
}

func TestLookups(t *testing.T) {
	g := NewGraph()
	s := g.Apply([]Change{
		link(12, 1, 2, 1000, flat(1), nil), link(13, 1, 3, 3000, nil, nil), link(24, 2, 4, 8000, nil, nil),
		SetNode{Node{Key: key(1), LastUpdate: 5, Alias: [32]byte{'a', 0xff}}}, SetNode{Node{Key: key(9)}},
		SetPolicy{EdgeID{99, 0}, Policy{}},
		link(14, 3, 3, 5, nil, nil), link(15, 1, 2, -1, nil, nil),
	})
	n, ok := s.Node(key(1))
	require.True(t, ok)
	require.Equal(t, "a?", n.Name())
	_, ok = s.Node(key(9))
	require.False(t, ok, "a node without channels is not kept")
	require.Len(t, s.ChannelsOf(key(1)), 2)
	require.Empty(t, s.ChannelsOf(key(9)))
	_, ok = s.Channel(99)
	require.False(t, ok)
	require.Equal(t, Stats{
		Nodes: 4, Channels: 3, MaxDegree: 2, Capacity: 12_000, MinCapacity: 1000, MaxCapacity: 8000, MedianCapacity: 3000, Diameter: 3,
	}, s.Stats())
	require.Equal(t, Stats{}, NewGraph().Snapshot().Stats())
	require.InDelta(t, 0.485, Probability(NewGraph().Apply([]Change{link(12, 1, 2, 1000, &Policy{Max: 1_000_000}, nil)}), key(1), key(2), 500_000, Prior{}), 0.01)
	count := 0
	s.Channels(func(Channel) bool { count++; return false })
	s.Nodes(func(Node) bool { count++; return false })
	require.Equal(t, 2, count)
}

func TestSearchesGoOnWhileTheGraphChanges(t *testing.T) {
	cs := generated(300, 1000)
	g := NewGraph()
	g.Apply(cs)
	keys := core(g.Snapshot())
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for seed := range uint64(2) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := g.Snapshot()
				r := &Request{Source: keys[rng.IntN(len(keys))], Dest: keys[rng.IntN(len(keys))], Amount: 10_000}
				if route, err := FindRoute(s, r, Prior{}); err == nil {
					if err := route.Check(s); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for range 100 {
		c := cs[rng.IntN(len(cs))].(AddChannel)
		if rng.IntN(2) == 0 {
			g.Apply([]Change{RemoveChannel{c.SCID}})
		} else {
			c.Policies = [2]*Policy{{FeeBase: rng.Uint32N(1000), Max: 1_000_000}, nil}
			g.Apply([]Change{c})
		}
	}
	close(stop)
	wg.Wait()
}

func TestHeapGivesTheLeastFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		costs := rapid.SliceOf(rapid.Float64Range(0, 100)).Draw(t, "costs")
		var h heap
		for i, c := range costs {
			h.push(heapItem{c, uint32(i)})
		}
		slices.Sort(costs)
		for _, c := range costs {
			if got := h.pop(); got.cost != c {
				t.Fatalf("%v, not %v", got.cost, c)
			}
		}
	})
}
