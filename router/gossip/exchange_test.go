package gossip_test

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

func TestNewNodeLearnsTheWholeGraphFromOnePeer(t *testing.T) {
	w := gossiptest.New(30, 60, 1)
	a, b := newHost(t, w, 1), newHost(t, w, 2)
	a.teach(a.stranger(1, nil), stamp0-100)
	require.Equal(t, 60, a.graph.Snapshot().NumChannels())
	connect(a, b)
	settle(t, a, b)
	require.True(t, b.engine.Synced())
	require.Equal(t, 60, b.graph.Snapshot().NumChannels())
	b.requireSame(a)
	require.Empty(t, a.punish)
	require.Empty(t, b.punish)
}

func TestThreeEnginesConvergeWhateverTheOrder(t *testing.T) {
	w := gossiptest.New(8, 16, 2)
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		hosts := []*host{newHost(t, w, 1), newHost(t, w, 2), newHost(t, w, 3)}
		connect(hosts[0], hosts[1])
		connect(hosts[1], hosts[2])
		var msgs []lnwire.Message
		for i := range w.Channels {
			c := &w.Channels[i]
			msgs = append(msgs, c.Announcement())
			for range 3 {
				msgs = append(msgs, c.Update(rng.IntN(2), stamp0-uint32(rng.IntN(1000)), rng.Uint32N(5000)))
			}
		}
		for _, n := range w.Nodes {
			msgs = append(msgs, n.Announce(stamp0-uint32(rng.IntN(1000)), "x"))
		}
		rng.Shuffle(len(msgs), func(i, j int) { msgs[i], msgs[j] = msgs[j], msgs[i] })
		peers := []lnwire.PubKey{hosts[0].stranger(1, nil), hosts[1].stranger(2, nil), hosts[2].stranger(3, nil)}
		for _, m := range msgs {
			k := rng.IntN(3)
			hosts[k].events = append(hosts[k].events, gossip.Received{Peer: peers[k], Msg: m})
			if rng.IntN(4) == 0 {
				settle(t, hosts...)
			}
		}
		// What was dropped for its order comes with the next full syncs.
		for range 4 {
			for _, h := range hosts {
				h.now = h.now.Add(2 * time.Hour)
				h.events = append(h.events, gossip.Tick{})
			}
			settle(t, hosts...)
		}
		hosts[0].requireChannelsOf(hosts[1])
		hosts[1].requireChannelsOf(hosts[2])
	}
}

// requireChannelsOf compares channels and policies. Channels without any policy are nobody's to tell of (BOLT 7), and
// nodes' announcements are not asked for again once missed.
func (h *host) requireChannelsOf(o *host) {
	h.t.Helper()
	c1, _ := h.view()
	c2, _ := o.view()
	for _, m := range []map[lnwire.ShortChannelID]router.Channel{c1, c2} {
		maps.DeleteFunc(m, func(_ lnwire.ShortChannelID, c router.Channel) bool {
			return c.Policies[0] == nil && c.Policies[1] == nil
		})
	}
	require.NotEmpty(h.t, c1)
	if !reflect.DeepEqual(c1, c2) { // require.Equal would print all of them
		h.t.Fatalf("the graphs differ: %d and %d channels with policies", len(c1), len(c2))
	}
}

func TestUpdateIsRelayedToThoseWhoAsked(t *testing.T) {
	w := gossiptest.New(4, 4, 3)
	h := newHost(t, w, 1)
	source, asked, mute := h.stranger(1, nil), h.stranger(2, nil), h.stranger(3, nil)
	h.teach(source, stamp0-100)
	h.tell(asked, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, First: stamp0, Range: 1000})
	h.sent = map[lnwire.PubKey][]lnwire.Message{}
	u := w.Channels[0].Update(0, stamp0, 99)
	h.tell(source, u, w.Channels[1].Update(0, stamp0-50, 98))
	require.Equal(t, []lnwire.Message{u}, h.sent[asked], "the other one is before the filter")
	require.Empty(t, h.sent[mute], "no filter, no gossip")
	require.Empty(t, h.sent[source], "it has it")
}

func TestFilterIntoThePastBringsTheWholeGraph(t *testing.T) {
	w := gossiptest.New(40, 300, 4)
	h := newHost(t, w, 1)
	h.teach(h.stranger(1, nil), stamp0-100)
	peer := h.stranger(2, nil)
	h.tell(peer, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, First: 0, Range: 1<<32 - 1})
	seen := map[lnwire.MsgType]int{}
	known := map[lnwire.ShortChannelID]bool{}
	for _, m := range h.sent[peer] {
		seen[m.Type()]++
		switch m := m.(type) {
		case *lnwire.ChannelAnnouncement:
			known[m.SCID] = true
		case *lnwire.ChannelUpdate:
			require.True(t, known[m.SCID], "the announcement comes before its updates")
		}
	}
	require.Equal(t, map[lnwire.MsgType]int{
		lnwire.TypeChannelAnnouncement: 300, lnwire.TypeChannelUpdate: 600, lnwire.TypeNodeAnnouncement: 40,
	}, seen)
}

func TestSlowReaderGetsOneBurstAtATime(t *testing.T) {
	w := gossiptest.New(40, 300, 4)
	h := newHost(t, w, 1)
	h.teach(h.stranger(1, nil), stamp0-100)
	peer := h.stranger(2, nil)
	for range 50 {
		h.step(gossip.Received{Peer: peer, Msg: &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, Range: 1<<32 - 1}})
	}
	require.Len(t, h.raw, 1, "nothing more before Drained")
	size := 0
	for _, m := range h.raw[0].Messages {
		size += len(m)
	}
	require.Less(t, size, gossip.BurstBytes+1000)
}

func TestNewsWaitForTheFlush(t *testing.T) {
	w := gossiptest.New(4, 4, 3)
	h := newHost(t, w, 1)
	h.engine = gossip.New(gossip.Options{Chain: gossiptest.Chain, FlushEvery: gossip.DefaultFlush}, h.signer, gossip.Cores(2))
	h.step(gossip.Block{Height: 1000}, gossip.Tick{})
	source, asked := h.stranger(1, nil), h.stranger(2, nil)
	h.tell(asked, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, First: stamp0 - 1000, Range: 10_000})
	c := &w.Channels[0]
	h.tell(source, c.Announcement(), c.Update(0, stamp0, 1), c.Update(0, stamp0+1, 2))
	h.now = epoch.Add(gossip.DefaultFlush - time.Second)
	h.events = append(h.events, gossip.Tick{})
	settle(t, h)
	require.Empty(t, h.sent[asked])
	h.now = epoch.Add(gossip.DefaultFlush)
	h.events = append(h.events, gossip.Tick{})
	settle(t, h)
	require.Len(t, h.sent[asked], 2, "the announcement, and the newer of the updates")
	require.EqualValues(t, 2, h.sent[asked][1].(*lnwire.ChannelUpdate).FeeRate)
}

func TestGraphSurvivesARestartAndDamage(t *testing.T) {
	w := gossiptest.New(10, 30, 5)
	a, b := newHost(t, w, 1), newHost(t, w, 2)
	a.teach(a.stranger(1, nil), stamp0-100)
	connect(a, b)
	settle(t, a, b)
	b.restart()
	b.requireSame(a)
	require.EqualValues(t, 1000, b.engine.LastBlock())
	n := 0
	for k, v := range b.records {
		if n++; n%5 == 0 {
			v = append([]byte(nil), v...)
			v[len(v)/2] ^= 1
			b.records[k] = v
		}
	}
	b.restart()
	require.Less(t, len(b.records), n, "what is damaged is deleted")
	a.step(gossip.Disconnected{Peer: b.id()})
	connect(a, b)
	settle(t, a, b)
	b.requireChannelsOf(a)
}

func TestRelayGoesOnAfterManyMessages(t *testing.T) {
	w := gossiptest.New(2, 1, 6)
	a, b := newHost(t, w, 1), newHost(t, w, 2)
	connect(a, b)
	source := a.stranger(1, nil)
	a.tell(source, w.Channels[0].Announcement())
	for i := range uint32(20) {
		a.now = a.now.Add(time.Minute)
		b.now = a.now
		a.events = append(a.events, gossip.Received{Peer: source, Msg: w.Channels[0].Update(0, stamp0+i, i)})
		settle(t, a, b)
	}
	u, ok := b.engine.Update(w.Channels[0].SCID, 0)
	require.True(t, ok)
	require.EqualValues(t, 19, u.FeeRate)
}

func TestPeerOfAnotherChainHearsNothing(t *testing.T) {
	w := gossiptest.New(2, 1, 3)
	h := newHost(t, w, 1)
	source := h.stranger(1, nil)
	other := gossiptest.NewSigner("stranger", 2).NodeID()
	h.step(gossip.Connected{Peer: other, Features: queries, OtherChain: true})
	h.tell(other, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, Range: 1<<32 - 1})
	h.tell(source, w.Channels[0].Announcement(), w.Channels[0].Update(0, stamp0, 1))
	require.Equal(t, 1, h.numChannels())
	require.Empty(t, h.sent[other])
}
