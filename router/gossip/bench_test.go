package gossip_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// BenchmarkLoad reads a graph of mainnet's size (50,000 channels with both updates) from its records into the engine
// and the router's graph, and reports the memory of both.
func BenchmarkLoad(b *testing.B) {
	const channels = 50_000
	w := gossiptest.New(300, 0, 1)
	records := map[string][]byte{}
	for i := range channels {
		scid := lnwire.NewShortChannelID(lnwire.Height(100+i/100), uint32(i%100), 0)
		a := i % 299
		m := &lnwire.ChannelAnnouncement{
			ChainHash: gossiptest.Chain, SCID: scid, Node1: w.Nodes[a].NodeID(), Node2: w.Nodes[a+1].NodeID(),
		}
		c := gossiptest.Channel{SCID: scid}
		gossip.SaveForTest(records, m, c.OutPoint(), 1_000_000)
		for d := range 2 {
			gossip.SaveUpdateForTest(records, &lnwire.ChannelUpdate{
				ChainHash: gossiptest.Chain, SCID: scid, Timestamp: stamp0, ChannelFlags: byte(d), HTLCMaximum: 1_000_000,
			})
		}
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		e := gossip.New(gossip.Options{Chain: gossiptest.Chain}, gossiptest.NewSigner("host", 1), gossip.Cores(1))
		for k, v := range records {
			require.NoError(b, e.Load([]byte(k), v))
		}
		g, out := router.NewGraph(), gossip.Effects{}
		e.Loaded(epoch, 1000, &out)
		g.Apply(out.Changes)
		out = gossip.Effects{}
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.Equal(b, channels, g.Snapshot().NumChannels())
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		runtime.KeepAlive(e)
	}
}

// BenchmarkAnnouncement takes a channel and its two updates from the wire to the graph: six signatures.
func BenchmarkAnnouncement(b *testing.B) {
	w := gossiptest.New(10, 64, 1)
	var events []gossip.Event
	peer := gossiptest.NewSigner("peer", 1).NodeID()
	for i := range w.Channels {
		c := &w.Channels[i]
		events = append(events, gossip.Received{Peer: peer, Msg: c.Announcement()},
			gossip.Received{Peer: peer, Msg: c.Update(0, stamp0, 1)}, gossip.Received{Peer: peer, Msg: c.Update(1, stamp0, 1)})
	}
	for b.Loop() {
		e := gossip.New(gossip.Options{Chain: gossiptest.Chain}, gossiptest.NewSigner("host", 1), gossip.Cores(0))
		var out gossip.Effects
		e.Step(epoch, append([]gossip.Event{gossip.Block{Height: 1000}, gossip.Connected{Peer: peer}}, events...), &out)
		var answers []gossip.Event
		for _, scid := range out.Lookups {
			answers = append(answers, w.Find(scid).Output())
		}
		e.Step(epoch, answers, &out)
		require.Equal(b, len(w.Channels), e.Stats().Channels)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(w.Channels)), "µs/channel")
}
