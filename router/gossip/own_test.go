package gossip_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

var ourPolicy = router.Policy{CLTVDelta: 80, Min: 1000, Max: 900_000_000, FeeBase: 1000, FeeRate: 1}

// ours is a channel between the host and a peer, which is the second signer.
func ours(h *host, scid lnwire.ShortChannelID) (gossip.LocalChannel, *gossiptest.Channel, *gossiptest.Signer) {
	peer := gossiptest.NewSigner("peer", 1)
	c := &gossiptest.Channel{
		SCID: scid, Capacity: 1_000_000, Ends: [2]*gossiptest.Signer{h.signer, peer},
		Funding: [2]*gossiptest.Signer{gossiptest.NewSigner("f", 1), gossiptest.NewSigner("f", 2)},
	}
	if router.Direction(h.id(), peer.NodeID()) == 1 {
		c.Ends[0], c.Ends[1] = c.Ends[1], c.Ends[0]
	}
	h.world.Channels = append(h.world.Channels, *c)
	return gossip.LocalChannel{Local: gossip.Local{
		SCID: scid, Peer: peer.NodeID(), Capacity: c.Capacity, Funding: c.OutPoint(),
	}}, c, peer
}

func TestPrivateChannelIsOursAndThePeersAlone(t *testing.T) {
	h := newHost(t, gossiptest.New(2, 0, 1), 1)
	local, c, peer := ours(h, lnwire.NewShortChannelID(16_000_000, 1, 0))
	local.Remote = lnwire.NewShortChannelID(16_000_001, 7, 7)
	local.Aliases = []lnwire.ShortChannelID{lnwire.NewShortChannelID(16_000_002, 8, 8)}
	h.step(gossip.Connected{Peer: peer.NodeID()})
	other := h.stranger(1, nil)
	h.tell(other, &lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, Range: 1<<32 - 1})
	h.events = append(h.events, local, gossip.LocalPolicy{SCID: local.SCID, Policy: ourPolicy})
	settle(t, h)
	require.Empty(t, h.sent[other])
	require.Len(t, h.sent[peer.NodeID()], 1)
	u := h.sent[peer.NodeID()][0].(*lnwire.ChannelUpdate)
	require.Equal(t, local.Remote, u.SCID, "the peer's alias")
	require.NotZero(t, u.MessageFlags&lnwire.MessageDontForward)
	require.Equal(t, router.Direction(h.id(), peer.NodeID()), uint8(u.Direction()))
	require.Len(t, h.updates, 1)

	// The peer's own word about it, under another name that we gave it.
	back := c.Update(1-u.Direction(), stamp0, 44)
	back.SCID, back.MessageFlags = local.Aliases[0], back.MessageFlags|lnwire.MessageDontForward
	back.Signature = peer.SignDigest(back.Digest())
	h.tell(other, back)
	require.Empty(t, h.remote, "nobody but the peer tells us")
	h.tell(peer.NodeID(), back)
	require.Len(t, h.remote, 1)
	require.Equal(t, local.SCID, h.remote[0].SCID)
	g, ok := h.graph.Snapshot().Channel(local.SCID)
	require.True(t, ok)
	require.True(t, g.Private)
	require.EqualValues(t, 44, g.Policies[1-u.Direction()].FeeRate)
	require.EqualValues(t, 80, g.Policies[u.Direction()].CLTVDelta)

	// The peer's word is remembered, the channel itself is the node's to tell.
	h.restart()
	require.Zero(t, h.numChannels())
	h.remote = nil
	h.step(local)
	require.Len(t, h.remote, 1)
	h.step(gossip.LocalClosed{SCID: local.SCID})
	require.Zero(t, h.numChannels())
	require.Len(t, h.records, 1, "the height")
}

func TestPolicyOfAChannelThatWillBePublicWaitsForTheAnnouncement(t *testing.T) {
	h := newHost(t, gossiptest.New(2, 0, 1), 1)
	local, c, peer := ours(h, lnwire.NewShortChannelID(500, 1, 0))
	local.Public = true
	h.step(gossip.Connected{Peer: peer.NodeID()})
	h.events = append(h.events, local, gossip.LocalPolicy{SCID: local.SCID, Policy: ourPolicy})
	settle(t, h)
	require.Len(t, h.updates, 1, "for failures of forwards")
	require.Empty(t, h.sent[peer.NodeID()])
	h.step(gossip.Disconnected{Peer: peer.NodeID()})
	h.step(gossip.Connected{Peer: peer.NodeID()})
	settle(t, h)
	require.Empty(t, h.sent[peer.NodeID()])
	h.events = append(h.events, gossip.LocalAnnouncement{Msg: c.Announcement()})
	settle(t, h)
	require.Len(t, h.sent[peer.NodeID()], 2)
	u := h.sent[peer.NodeID()][1].(*lnwire.ChannelUpdate)
	require.Zero(t, u.MessageFlags&lnwire.MessageDontForward)
}

func TestPublicChannelIsToldToEverybody(t *testing.T) {
	h := newHost(t, gossiptest.New(2, 0, 1), 1)
	local, c, peer := ours(h, lnwire.NewShortChannelID(500, 1, 0))
	h.step(gossip.Connected{Peer: peer.NodeID()})
	other := h.stranger(1, nil)
	h.events = append(h.events,
		gossip.LocalNode{Alias: [32]byte{'m', 'e'}}, local, gossip.LocalPolicy{SCID: local.SCID, Policy: ourPolicy})
	settle(t, h)
	require.Empty(t, h.sent[other], "no channel, no node, no news")
	h.events = append(h.events, gossip.LocalAnnouncement{Msg: c.Announcement()})
	settle(t, h)
	types := func(ms []lnwire.Message) (out []lnwire.MsgType) {
		for _, m := range ms {
			out = append(out, m.Type())
		}
		return out
	}
	all := []lnwire.MsgType{lnwire.TypeChannelAnnouncement, lnwire.TypeChannelUpdate, lnwire.TypeNodeAnnouncement}
	require.Equal(t, all, types(h.sent[other]), "without a filter: it is our own")
	u := h.sent[other][1].(*lnwire.ChannelUpdate)
	require.Zero(t, u.MessageFlags&lnwire.MessageDontForward)
	late := h.stranger(2, nil)
	settle(t, h)
	require.Equal(t, all, types(h.sent[late]))

	// The same policy again is no news, another one is, with a later timestamp though the clock stands still.
	h.sent = map[lnwire.PubKey][]lnwire.Message{}
	h.events = append(h.events, gossip.LocalPolicy{SCID: local.SCID, Policy: ourPolicy})
	settle(t, h)
	require.Empty(t, h.sent)
	changed := ourPolicy
	changed.FeeRate = 2
	h.events = append(h.events, gossip.LocalPolicy{SCID: local.SCID, Policy: changed})
	settle(t, h)
	require.Len(t, h.sent[other], 1)
	require.Greater(t, h.sent[other][0].(*lnwire.ChannelUpdate).Timestamp, u.Timestamp)

	// After a restart nothing is said twice.
	h.restart()
	h.updates = nil
	h.step(local, gossip.LocalPolicy{SCID: local.SCID, Policy: changed})
	require.Empty(t, h.updates)
	// Halfway to being stale, everything is signed anew.
	h.now = h.now.Add((gossip.RefreshAfter + 10) * time.Second)
	h.step(gossip.Tick{})
	require.Len(t, h.updates, 1)
}

func TestOwnUpdateFromALostPastIsOutdone(t *testing.T) {
	h := newHost(t, gossiptest.New(2, 0, 1), 1)
	local, c, _ := ours(h, lnwire.NewShortChannelID(500, 1, 0))
	h.step(local, gossip.LocalAnnouncement{Msg: c.Announcement()}, gossip.LocalPolicy{SCID: local.SCID, Policy: ourPolicy})
	d := int(router.Direction(h.id(), local.Peer))
	h.tell(h.stranger(1, nil), c.Update(d, stamp0+1000, 12345))
	u, ok := h.engine.Update(local.SCID, uint8(d))
	require.True(t, ok)
	require.EqualValues(t, stamp0+1001, u.Timestamp)
	require.EqualValues(t, 1, u.FeeRate)
}

func TestPolicyOutOfAFailureIsTaken(t *testing.T) {
	h, c, peer := one(t)
	h.tell(peer, c.Announcement(), c.Update(0, stamp0, 5))
	h.step(gossip.Learned{Update: c.Update(0, stamp0+1, 6)}, gossip.Learned{})
	require.EqualValues(t, 6, h.rate(c, 0))
	bad := c.Update(0, stamp0+2, 7)
	bad.FeeRate++
	h.step(gossip.Learned{Update: bad})
	require.EqualValues(t, 6, h.rate(c, 0))
	require.Empty(t, h.punish, "there is nobody to blame")
}

func TestPeersWordBeforeWeKnowTheChannelIsNotLost(t *testing.T) {
	h := newHost(t, gossiptest.New(2, 0, 1), 1)
	local, c, peer := ours(h, lnwire.NewShortChannelID(16_000_000, 1, 0))
	h.step(gossip.Connected{Peer: peer.NodeID()})
	early := c.Update(int(1-router.Direction(h.id(), peer.NodeID())), stamp0, 44)
	early.MessageFlags |= lnwire.MessageDontForward
	early.Signature = peer.SignDigest(early.Digest())
	h.tell(peer.NodeID(), early)
	require.Empty(t, h.remote)
	h.step(local)
	require.Len(t, h.remote, 1)
	require.Equal(t, local.SCID, h.remote[0].SCID)
}
