package gossip_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// one is a host that knows a network of one channel's worth of gossip, and a peer to play.
func one(t *testing.T) (*host, *gossiptest.Channel, lnwire.PubKey) {
	w := gossiptest.New(3, 3, 9)
	h := newHost(t, w, 1)
	return h, &w.Channels[0], h.stranger(1, nil)
}

func (h *host) numChannels() int { return h.graph.Snapshot().NumChannels() }

func (h *host) rate(c *gossiptest.Channel, d int) uint32 {
	g, ok := h.graph.Snapshot().Channel(c.SCID)
	if !ok || g.Policies[d] == nil {
		return 0
	}
	return g.Policies[d].FeeRate
}

func TestAnnouncementsThatMustBeIgnored(t *testing.T) {
	for name, spoil := range map[string]func(*host, *gossiptest.Channel, *lnwire.ChannelAnnouncement){
		"another chain": func(_ *host, c *gossiptest.Channel, m *lnwire.ChannelAnnouncement) {
			m.ChainHash[0] ^= 1
			c.Sign(m)
		},
		"nodes out of order": func(_ *host, c *gossiptest.Channel, m *lnwire.ChannelAnnouncement) {
			m.Node1, m.Node2 = m.Node2, m.Node1
			c.Sign(m)
		},
		"spent output": func(h *host, c *gossiptest.Channel, _ *lnwire.ChannelAnnouncement) {
			h.status[c.SCID] = gossip.Spent
		},
		"backend away": func(h *host, c *gossiptest.Channel, _ *lnwire.ChannelAnnouncement) {
			h.status[c.SCID] = gossip.Unavailable
		},
		"output of other keys": func(_ *host, c *gossiptest.Channel, m *lnwire.ChannelAnnouncement) {
			c.Funding[0] = gossiptest.NewSigner("another", 1)
			c.Sign(m)
			m.Bitcoin1 = c.Funding[0].NodeID()
			c.Sign(m)
			c.Funding[0] = gossiptest.NewSigner("yet another", 1) // what the chain answers with
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, peer := one(t)
			m := c.Announcement()
			spoil(h, c, m)
			h.tell(peer, m, c.Update(0, stamp0, 5))
			require.Zero(t, h.numChannels())
			require.Empty(t, h.punish, "none of these is worth a warning")
		})
	}
}

func TestEachWrongSignatureIsWarnedOf(t *testing.T) {
	flip := func(s *lnwire.Sig) { s[40] ^= 1 }
	for i := range 4 {
		h, c, peer := one(t)
		m := c.Announcement()
		flip([]*lnwire.Sig{&m.NodeSig1, &m.NodeSig2, &m.BitcoinSig1, &m.BitcoinSig2}[i])
		h.tell(peer, m)
		require.Zero(t, h.numChannels())
		require.Len(t, h.punish, 1)
		require.False(t, h.punish[0].Disconnect)
		// What was wrong says nothing against the true one.
		other := h.stranger(2, nil)
		h.tell(other, c.Announcement())
		require.Equal(t, 1, h.numChannels())
	}
	h, c, peer := one(t)
	h.tell(peer, c.Announcement())
	u := c.Update(0, stamp0, 5)
	flip(&u.Signature)
	h.tell(peer, u)
	require.Len(t, h.punish, 1)
	peer = h.stranger(2, nil)
	wrongEnd := c.Update(0, stamp0, 5)
	wrongEnd.ChannelFlags = 1
	h.tell(peer, wrongEnd)
	require.Len(t, h.punish, 2)
	peer = h.stranger(3, nil)
	n := c.Ends[0].Announce(stamp0, "x")
	flip(&n.Signature)
	h.tell(peer, n)
	require.Len(t, h.punish, 3)
	require.Zero(t, h.rate(c, 0))
}

func TestWrongSignaturesEndTheConnectionWhenThereAreTooMany(t *testing.T) {
	h, c, peer := one(t)
	h.tell(peer, c.Announcement())
	for i := range uint32(gossip.MaxInvalid) {
		require.Equal(t, 1, h.engine.Stats().Peers)
		u := c.Update(0, stamp0+i, 5)
		u.Signature[40] ^= 1
		h.tell(peer, u)
	}
	require.Len(t, h.punish, gossip.MaxInvalid)
	require.True(t, h.punish[gossip.MaxInvalid-1].Disconnect)
	require.Zero(t, h.engine.Stats().Peers)
	h.tell(peer, c.Update(0, stamp0, 5))
	require.Zero(t, h.rate(c, 0), "it is not listened to any more")
}

func TestKeyThatIsNoPointIsAWrongSignature(t *testing.T) {
	h, c, peer := one(t)
	m := c.Announcement()
	m.Bitcoin1 = lnwire.PubKey{2, 0xff, 0xff}
	h.tell(peer, m)
	require.Len(t, h.punish, 1)
}

func TestUpdateTimestamps(t *testing.T) {
	for _, row := range []struct {
		name  string
		stamp uint32
		taken bool
	}{
		{"zero", 0, false},
		{"one", 1, false},
		{"two weeks and a second ago", stamp0 - gossip.StaleAfter - 1, false},
		{"two weeks ago", stamp0 - gossip.StaleAfter, true},
		{"now", stamp0, true},
		{"in a day", stamp0 + gossip.MaxFuture, true},
		{"in a day and a second", stamp0 + gossip.MaxFuture + 1, false},
		{"the end of time", 1<<32 - 1, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			h, c, peer := one(t)
			h.tell(peer, c.Announcement(), c.Update(0, row.stamp, 7))
			require.Equal(t, row.taken, h.rate(c, 0) == 7)
			require.Empty(t, h.punish)
		})
	}
}

func TestOlderAndEqualUpdatesAreIgnored(t *testing.T) {
	h, c, peer := one(t)
	h.tell(peer, c.Announcement(), c.Update(0, stamp0, 5))
	h.tell(peer, c.Update(0, stamp0, 6), c.Update(0, stamp0-1, 7))
	require.EqualValues(t, 5, h.rate(c, 0))
	h.tell(peer, c.Update(0, stamp0+1, 8))
	require.EqualValues(t, 8, h.rate(c, 0))
	require.Zero(t, h.rate(c, 1), "the other direction has its own")
}

func TestUpdateThatMustNotBeForwardedIsNotTaken(t *testing.T) {
	h, c, peer := one(t)
	u := c.Update(0, stamp0, 5)
	u.MessageFlags |= lnwire.MessageDontForward
	u.Signature = c.Ends[0].SignDigest(u.Digest())
	h.tell(peer, c.Announcement(), u)
	require.Zero(t, h.rate(c, 0))
}

func TestUpdatesOfOneDirectionAreLimited(t *testing.T) {
	h, c, peer := one(t)
	h.tell(peer, c.Announcement())
	for i := range uint32(gossip.UpdateBurst + 1) {
		h.tell(peer, c.Update(0, stamp0+i, i+1))
	}
	require.EqualValues(t, gossip.UpdateBurst, h.rate(c, 0), "one past the burst is dropped")
	h.tell(peer, c.Update(1, stamp0, 77))
	require.EqualValues(t, 77, h.rate(c, 1))
	h.now = h.now.Add(gossip.UpdateInterval * time.Second)
	h.tell(peer, c.Update(0, stamp0+100, 99))
	require.EqualValues(t, 99, h.rate(c, 0))
}

func TestUpdatesAndNodesMayComeBeforeTheirChannel(t *testing.T) {
	h, c, peer := one(t)
	h.muted = true
	h.tell(peer, c.Update(0, stamp0, 5), c.Announcement(), c.Update(1, stamp0, 6), c.Ends[0].Announce(stamp0, "early"))
	require.Zero(t, h.numChannels())
	require.Equal(t, []lnwire.ShortChannelID{c.SCID}, h.lookups)
	h.events = append(h.events, h.answer(c.SCID))
	settle(t, h)
	require.EqualValues(t, 5, h.rate(c, 0))
	require.EqualValues(t, 6, h.rate(c, 1))
	n, ok := h.graph.Snapshot().Node(c.Ends[0].NodeID())
	require.True(t, ok)
	require.Equal(t, "early", n.Name())
}

func TestNodeWithoutChannelIsIgnored(t *testing.T) {
	h, _, peer := one(t)
	h.tell(peer, gossiptest.NewSigner("nobody", 1).Announce(stamp0, "x"))
	require.Zero(t, h.engine.Stats().Held)
	require.EqualValues(t, 1, h.engine.Stats().Ignored)
}

func TestSecondHostnameStopsTheRelay(t *testing.T) {
	h, c, peer := one(t)
	asked := h.stranger(2, nil)
	h.tell(asked, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, First: 1, Range: 1<<32 - 1})
	n := c.Ends[0].Announce(stamp0, "x")
	for _, s := range []string{"a.example:9735", "b.example:9735"} {
		a, err := lnwire.ParseAddress(s)
		require.NoError(t, err)
		n.Addresses = append(n.Addresses, a)
	}
	n.Signature = c.Ends[0].SignDigest(n.Digest())
	h.tell(peer, c.Announcement(), n)
	g, _ := h.graph.Snapshot().Node(n.NodeID)
	require.Len(t, g.Addresses, 1)
	require.Empty(t, h.sent[asked])
}

func TestAnnouncementBeforeItsBlockWaitsForIt(t *testing.T) {
	for _, row := range []struct {
		name   string
		block  lnwire.Height
		atOnce bool
		later  bool
	}{
		{"six confirmations", 995, true, true},
		{"five confirmations", 996, false, true},
		{"far ahead", 1000 + gossip.MaxAhead, false, true},
		{"too far ahead", 1001 + gossip.MaxAhead, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := gossiptest.New(2, 0, 1)
			c := w.Add(0, 1, lnwire.NewShortChannelID(row.block, 1, 0), 100_000)
			h := newHost(t, w, 1)
			h.tell(h.stranger(1, nil), c.Announcement(), c.Update(0, stamp0, 5))
			require.Equal(t, row.atOnce, h.numChannels() == 1)
			h.events = append(h.events, gossip.Block{Height: row.block + gossip.MinConfirmations - 1})
			settle(t, h)
			require.Equal(t, row.later, h.numChannels() == 1)
			require.Equal(t, row.later, h.rate(c, 0) == 5)
		})
	}
}

func TestSpentChannelIsForgottenAfterItsDelay(t *testing.T) {
	h, c, peer := one(t)
	h.tell(peer, c.Announcement(), c.Update(0, stamp0, 5))
	h.step(gossip.Block{Height: 1001, Spent: outpoints(c)})
	h.tell(peer, c.Update(0, stamp0+1, 6))
	require.EqualValues(t, 5, h.rate(c, 0), "only a disabling update counts now")
	off := c.Update(0, stamp0+2, 7)
	off.ChannelFlags |= lnwire.ChannelDisabled
	off.Signature = c.Ends[0].SignDigest(off.Digest())
	h.tell(peer, off)
	g, _ := h.graph.Snapshot().Channel(c.SCID)
	require.True(t, g.Policies[0].Disabled)
	asked := h.stranger(2, nil)
	h.tell(asked, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, First: 1, Range: 1<<32 - 1})
	require.Empty(t, h.sent[asked], "a spent channel is not announced any more")
	h.step(gossip.Block{Height: 1000 + gossip.ForgetAfter})
	require.Equal(t, 1, h.numChannels())
	h.step(gossip.Block{Height: 1001 + gossip.ForgetAfter})
	require.Zero(t, h.numChannels())
	h.lookups = nil
	h.tell(peer, c.Announcement())
	require.Empty(t, h.lookups, "it is not looked up again")
	require.Empty(t, slices.DeleteFunc(keysOf(h.records), func(k string) bool { return k[0] == 'z' || k[0] == 'b' }))
}

func TestReorgBringsASpentChannelBack(t *testing.T) {
	h, c, peer := one(t)
	h.tell(peer, c.Announcement(), c.Update(0, stamp0, 5))
	h.step(gossip.Block{Height: 1001, Spent: outpoints(c)}, gossip.Reorg{Height: 1000})
	h.step(gossip.Block{Height: 1001 + gossip.ForgetAfter})
	require.Equal(t, 1, h.numChannels())
}

func keysOf(m map[string][]byte) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestStaleChannelIsPrunedAndComesBackWithNewsOfBothEnds(t *testing.T) {
	w := gossiptest.New(2, 1, 3)
	a, b := newHost(t, w, 1), newHost(t, w, 2)
	c := &w.Channels[0]
	a.tell(a.stranger(1, nil), c.Announcement(), c.Update(0, stamp0, 5), c.Update(1, stamp0, 6))
	a.now = a.now.Add(gossip.StaleAfter * time.Second)
	a.events = append(a.events, gossip.Tick{})
	settle(t, a)
	require.Equal(t, 1, a.numChannels(), "two weeks are not more than two weeks")
	a.now = a.now.Add(gossip.PruneEvery * time.Second)
	a.events = append(a.events, gossip.Tick{})
	settle(t, a)
	require.Zero(t, a.numChannels())
	require.Equal(t, 1, a.engine.Stats().Zombies)

	fresh := uint32(a.now.Unix())
	b.now = a.now
	source := b.stranger(1, nil)
	b.tell(source, c.Announcement(), c.Update(0, fresh, 7))
	connect(a, b)
	settle(t, a, b)
	require.Zero(t, a.numChannels(), "one end alone does not bring it back")
	b.tell(source, c.Update(1, fresh, 8))
	a.now = a.now.Add(2 * gossip.FullEvery * time.Second)
	b.now = a.now
	a.events = append(a.events, gossip.Tick{})
	settle(t, a, b)
	require.Equal(t, 1, a.numChannels())
	require.EqualValues(t, 7, a.rate(c, 0))
	require.Zero(t, a.engine.Stats().Zombies)
}

func TestTwoAnnouncementsOfOneOutputBanTheirNodes(t *testing.T) {
	w := gossiptest.New(4, 0, 3)
	w.Add(0, 1, lnwire.NewShortChannelID(100, 1, 0), 1_000_000)
	bystander := *w.Add(1, 2, lnwire.NewShortChannelID(100, 2, 0), 1_000_000)
	unconcerned := *w.Add(2, 3, lnwire.NewShortChannelID(100, 3, 0), 1_000_000)
	c := &w.Channels[0]
	h := newHost(t, w, 1)
	peer := h.stranger(1, nil)
	h.tell(peer, c.Announcement(), bystander.Announcement(), unconcerned.Announcement())
	require.Equal(t, 3, h.numChannels())
	other := *c
	other.Ends[1] = w.Nodes[1]
	if other.Ends[0] = gossiptest.NewSigner("leaked", 1); lessThan(w.Nodes[1].NodeID(), other.Ends[0].NodeID()) {
		other.Ends[0], other.Ends[1] = other.Ends[1], other.Ends[0]
	}
	h.tell(peer, other.Announcement())
	require.Equal(t, 1, h.numChannels(), "all channels of the three nodes are gone")
	h.tell(peer, c.Announcement())
	require.Equal(t, 1, h.numChannels())
}

func lessThan(a, b lnwire.PubKey) bool { return slices.Compare(a[:], b[:]) < 0 }

func TestChannelThatNeedsAnUnknownFeatureIsKeptAndNotUsed(t *testing.T) {
	h, c, peer := one(t)
	m := c.Announcement()
	m.Features = lnwire.NewFeatures(200)
	c.Sign(m)
	h.tell(peer, m)
	g, ok := h.graph.Snapshot().Channel(c.SCID)
	require.True(t, ok)
	require.True(t, g.Unusable)
}
