package gossip_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// big is a host with so many channels that answers come in several messages. The channels are loaded, not verified.
func big(t *testing.T, n int) *host {
	w := gossiptest.New(2, 0, 1)
	h := newHost(t, w, 1)
	template := w.Add(0, 1, 1, 50_000)
	for i := range n {
		c := *template
		c.SCID = lnwire.NewShortChannelID(lnwire.Height(100+i/100), uint32(i%100), 0)
		m := &lnwire.ChannelAnnouncement{
			ChainHash: gossiptest.Chain, SCID: c.SCID, Node1: c.Ends[0].NodeID(), Node2: c.Ends[1].NodeID(),
		}
		gossip.SaveForTest(h.records, m, c.OutPoint(), c.Capacity)
	}
	h.restart()
	require.Equal(t, n, h.numChannels())
	return h
}

func TestRangeQueryIsAnsweredInContiguousReplies(t *testing.T) {
	for _, n := range []int{0, 1, gossip.MaxRangeIDs, gossip.MaxRangeIDs + 1, 3*gossip.MaxRangeIDs + 7} {
		h := big(t, n)
		peer := h.stranger(1, nil)
		h.tell(peer, &lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, FirstBlock: 50, Blocks: 10_000, Options: 3})
		var ids []lnwire.ShortChannelID
		next := lnwire.Height(50)
		for i, m := range h.sent[peer] {
			r := m.(*lnwire.ReplyChannelRange)
			require.LessOrEqual(t, r.FirstBlock, next)
			require.Len(t, r.Timestamps, len(r.SCIDs))
			require.Len(t, r.Checksums, len(r.SCIDs))
			next = r.FirstBlock + lnwire.Height(r.Blocks)
			require.Equal(t, i == len(h.sent[peer])-1, r.Complete)
			for _, id := range r.SCIDs {
				require.GreaterOrEqual(t, id.Block(), r.FirstBlock)
				require.Less(t, id.Block(), next)
			}
			ids = append(ids, r.SCIDs...)
		}
		require.EqualValues(t, 10_050, next)
		require.Len(t, ids, n)
		require.IsIncreasing(t, append(ids, 1<<63, 1<<63+1))
	}
}

func TestRangeQueryForPartOfTheChain(t *testing.T) {
	h := big(t, 1000)
	for _, row := range []struct {
		first  lnwire.Height
		blocks uint32
		want   int
	}{{100, 1, 100}, {101, 2, 200}, {0, 100, 0}, {109, 1 << 31, 100}, {1 << 24, 1, 0}, {1<<32 - 1, 1<<32 - 1, 0}, {0, 1<<32 - 1, 1000}, {0, 0, 0}} {
		peer := h.stranger(1, nil)
		h.sent = map[lnwire.PubKey][]lnwire.Message{}
		h.tell(peer, &lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, FirstBlock: row.first, Blocks: row.blocks})
		require.Len(t, h.sent[peer], 1)
		require.Len(t, h.sent[peer][0].(*lnwire.ReplyChannelRange).SCIDs, row.want)
	}
}

func TestQueryOfAnotherChainIsAnsweredWithNothing(t *testing.T) {
	h := big(t, 10)
	peer := h.stranger(1, nil)
	h.tell(peer, &lnwire.QueryChannelRange{Blocks: 1000}, &lnwire.QueryShortChannelIDs{SCIDs: []lnwire.ShortChannelID{1}})
	require.Len(t, h.sent[peer], 2)
	require.Empty(t, h.sent[peer][0].(*lnwire.ReplyChannelRange).SCIDs)
	require.False(t, h.sent[peer][1].(*lnwire.ReplyShortChannelIDsEnd).Full)
}

func TestQueryFlagsSelectWhatIsSent(t *testing.T) {
	h, c, source := one(t)
	h.tell(source, c.Announcement(), c.Update(0, stamp0, 5), c.Update(1, stamp0, 6),
		c.Ends[0].Announce(stamp0, "a"), c.Ends[1].Announce(stamp0, "b"))
	for flags := range 32 {
		peer := h.stranger(2, nil)
		h.sent = map[lnwire.PubKey][]lnwire.Message{}
		h.tell(peer, &lnwire.QueryShortChannelIDs{
			ChainHash: gossiptest.Chain, SCIDs: []lnwire.ShortChannelID{c.SCID}, Flags: []byte{byte(flags)},
		})
		got := 0
		for _, m := range h.sent[peer] {
			switch m := m.(type) {
			case *lnwire.ChannelAnnouncement:
				got |= 1
			case *lnwire.ChannelUpdate:
				got |= 2 << m.Direction()
			case *lnwire.NodeAnnouncement:
				if m.NodeID == c.Ends[0].NodeID() {
					got |= 8
				} else {
					got |= 16
				}
			}
		}
		require.Equal(t, flags, got)
		require.IsType(t, &lnwire.ReplyShortChannelIDsEnd{}, h.sent[peer][len(h.sent[peer])-1])
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	h, c, _ := one(t)
	q := func(ids ...lnwire.ShortChannelID) *lnwire.QueryShortChannelIDs {
		return &lnwire.QueryShortChannelIDs{ChainHash: gossiptest.Chain, SCIDs: ids}
	}
	twoFlags := q(c.SCID)
	twoFlags.Flags = []byte{1, 2}
	for i, msgs := range [][]lnwire.Message{
		{q(c.SCID, c.SCID)},
		{q(c.SCID, c.SCID-1)},
		{twoFlags},
		{q(c.SCID), q(c.SCID)},
		{&lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, Blocks: 1}, q(c.SCID)},
	} {
		h.punish = nil
		h.tell(h.stranger(10+i, nil), msgs...)
		require.Len(t, h.punish, 1, "%d", i)
		require.False(t, h.punish[0].Disconnect)
	}
}

func TestQueriesWithoutEndRunDry(t *testing.T) {
	h := big(t, 2000)
	peer := h.stranger(1, nil)
	for range 3 * gossip.ServeBurst / gossip.ServeStart {
		h.tell(peer, &lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, Blocks: 1})
	}
	require.LessOrEqual(t, len(h.sent[peer]), gossip.ServeBurst/gossip.ServeStart)
	require.NotZero(t, h.engine.Stats().Limited)
	h.sent = map[lnwire.PubKey][]lnwire.Message{}
	h.now = h.now.Add(time.Minute)
	h.tell(peer, &lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, Blocks: 1})
	require.Len(t, h.sent[peer], 1)
}

func TestRangeReplyThatGoesNowhereEndsTheConnection(t *testing.T) {
	for name, replies := range map[string][]*lnwire.ReplyChannelRange{
		"backwards":     {{FirstBlock: 0, Blocks: 500}, {FirstBlock: 0, Blocks: 499}},
		"standing":      {{FirstBlock: 0, Blocks: 500}, {FirstBlock: 500, Blocks: 0}},
		"odd stamps":    {{FirstBlock: 0, Blocks: 5, SCIDs: []lnwire.ShortChannelID{1}, Timestamps: make([]lnwire.ChannelTimestamps, 2)}},
		"odd checksums": {{FirstBlock: 0, Blocks: 5, SCIDs: []lnwire.ShortChannelID{1}, Checksums: []lnwire.ChannelChecksums{}}},
	} {
		t.Run(name, func(t *testing.T) {
			h, _, _ := one(t)
			peer := h.stranger(5, queries)
			for _, r := range replies {
				r.ChainHash = gossiptest.Chain
				h.tell(peer, r)
			}
			require.Len(t, h.punish, 1)
			require.True(t, h.punish[0].Disconnect)
		})
	}
}

func TestSilentPeerIsGivenUpAndTheNextOneAsked(t *testing.T) {
	w := gossiptest.New(2, 1, 1)
	a, b := newHost(t, w, 1), newHost(t, w, 2)
	b.teach(b.stranger(1, nil), stamp0)
	mute := a.stranger(1, queries)
	settle(t, a)
	require.IsType(t, &lnwire.QueryChannelRange{}, a.sent[mute][0])
	connect(a, b)
	settle(t, a, b)
	require.False(t, a.engine.Synced(), "it is the mute one's turn")
	a.now = a.now.Add(gossip.AnswerWithin * time.Second)
	a.events = append(a.events, gossip.Tick{})
	settle(t, a, b)
	require.True(t, a.engine.Synced())
	require.Equal(t, 1, a.numChannels())
}

func TestThreePeersRelayAndOneOfThemChanges(t *testing.T) {
	h, _, _ := one(t)
	var peers []lnwire.PubKey
	for i := range 5 {
		peers = append(peers, h.stranger(10+i, queries))
	}
	filters := func() (on []int) {
		for i, p := range peers {
			for _, m := range h.sent[p] {
				if f, ok := m.(*lnwire.GossipTimestampFilter); ok && f.Range != 0 {
					on = append(on, i)
				}
			}
		}
		return on
	}
	settle(t, h)
	require.Equal(t, []int{0, 1, 2}, filters())
	h.tell(peers[0], &lnwire.ReplyChannelRange{ChainHash: gossiptest.Chain, Blocks: 1<<32 - 1, Complete: true})
	require.True(t, h.engine.Synced())
	require.Equal(t, gossip.DefaultActive, h.engine.Stats().Active)
	h.sent = map[lnwire.PubKey][]lnwire.Message{}
	h.now = h.now.Add(gossip.RotateEvery * time.Second)
	h.events = append(h.events, gossip.Tick{})
	settle(t, h)
	require.Equal(t, []int{3}, filters())
	require.Equal(t, gossip.DefaultActive, h.engine.Stats().Active)
	h.step(gossip.Disconnected{Peer: peers[3]})
	require.Equal(t, gossip.DefaultActive, h.engine.Stats().Active)
}

func TestOrphanUpdateMakesUsAskForItsChannel(t *testing.T) {
	w := gossiptest.New(2, 1, 1)
	a, b := newHost(t, w, 1), newHost(t, w, 2)
	connect(a, b)
	settle(t, a, b)
	c := &w.Channels[0]
	b.tell(b.stranger(1, nil), c.Announcement(), c.Update(0, stamp0, 5), c.Update(1, stamp0, 6))
	require.Zero(t, a.numChannels())
	// The relay of the announcement was lost; the update's comes.
	b.raw = nil
	a.events = append(a.events, gossip.Received{Peer: b.id(), Msg: c.Update(0, stamp0, 5)})
	b.events = append(b.events, gossip.Drained{Peer: a.id()})
	settle(t, a, b)
	require.Equal(t, 1, a.numChannels())
}

func TestUpdatesOfInventedChannelsFillNothing(t *testing.T) {
	h, c, _ := one(t)
	peer := h.stranger(2, queries)
	u := c.Update(0, stamp0, 5)
	for i := range gossip.MaxOrphans + 5000 {
		v := *u
		v.SCID = lnwire.ShortChannelID(1<<40 + i)
		h.step(gossip.Received{Peer: peer, Msg: &v})
	}
	require.LessOrEqual(t, h.engine.Stats().Held, gossip.MaxOrphans)
}
