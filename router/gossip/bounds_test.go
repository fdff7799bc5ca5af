package gossip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// trusting finds every signature good, so that limits can be reached in no time.
type trusting struct{}

func (trusting) Verify(checks []gossip.Check) {
	for i := range checks {
		checks[i].OK = true
	}
}

func trustingHost(t *testing.T) *host {
	h := newHost(t, gossiptest.New(2, 1, 1), 1)
	h.engine = gossip.New(gossip.Options{Chain: gossiptest.Chain}, h.signer, trusting{})
	h.muted = true
	h.step(gossip.Block{Height: 1000})
	return h
}

func TestLookupsUnderWayAreLimited(t *testing.T) {
	h := trustingHost(t)
	c := &h.world.Channels[0]
	scid := lnwire.ShortChannelID(1 << 40)
	announce := func(peer lnwire.PubKey, n int) {
		for range n {
			scid++
			h.step(gossip.Received{Peer: peer, Msg: &lnwire.ChannelAnnouncement{
				ChainHash: gossiptest.Chain, SCID: scid, Node1: c.Ends[0].NodeID(), Node2: c.Ends[1].NodeID(),
			}})
		}
	}
	first := h.stranger(1, nil)
	announce(first, gossip.MaxPendingPeer)
	require.Equal(t, gossip.MaxPendingPeer, h.engine.Stats().Pending)
	announce(first, 1)
	require.Equal(t, gossip.MaxPendingPeer, h.engine.Stats().Pending, "one past the peer's share")
	announce(h.stranger(2, nil), gossip.MaxPendingPeer)
	third := h.stranger(3, nil)
	announce(third, gossip.MaxPending-2*gossip.MaxPendingPeer)
	require.Equal(t, gossip.MaxPending, h.engine.Stats().Pending)
	announce(third, 1)
	require.Equal(t, gossip.MaxPending, h.engine.Stats().Pending, "one past all")
	require.EqualValues(t, 2, h.engine.Stats().Limited)
	// An answer makes room.
	h.step(gossip.Answered{SCID: 1<<40 + 1, Status: gossip.Unavailable})
	announce(third, 1)
	require.Equal(t, gossip.MaxPending, h.engine.Stats().Pending)
}

func TestUpdatesThatWaitForOneChannelAreLimited(t *testing.T) {
	h := trustingHost(t)
	c := &h.world.Channels[0]
	peer := h.stranger(1, nil)
	h.tell(peer, c.Announcement())
	for i := range uint32(gossip.MaxHeldUpdates + 1) {
		h.tell(peer, c.Update(0, stamp0+i, i+1))
	}
	h.events = append(h.events, c.Output())
	settle(t, h)
	require.EqualValues(t, gossip.MaxHeldUpdates, h.rate(c, 0))
}

func TestSignaturesThatAPeerMakesUsCheckAreLimited(t *testing.T) {
	h := trustingHost(t)
	peer := h.stranger(1, nil)
	m := &lnwire.NodeAnnouncement{Timestamp: stamp0}
	for range gossip.ChecksBurst {
		h.step(gossip.Received{Peer: peer, Msg: m})
	}
	require.Zero(t, h.engine.Stats().Limited)
	h.step(gossip.Received{Peer: peer, Msg: m})
	require.EqualValues(t, 1, h.engine.Stats().Limited)
}

func TestChannelsThatWeMeanToAskForAreLimited(t *testing.T) {
	h := trustingHost(t)
	peer := h.stranger(1, queries) // it is asked for the range first, so that wishes wait
	for i := range gossip.MaxWishes + 1 {
		u := *h.world.Channels[0].Update(0, stamp0, 1)
		u.SCID = lnwire.ShortChannelID(1<<40 + i)
		h.step(gossip.Received{Peer: peer, Msg: &u})
	}
	settle(t, h)
	h.sent = map[lnwire.PubKey][]lnwire.Message{}
	h.tell(peer, &lnwire.ReplyChannelRange{ChainHash: gossiptest.Chain, Blocks: 1<<32 - 1, Complete: true})
	require.Len(t, h.sent[peer], 1)
	require.Len(t, h.sent[peer][0].(*lnwire.QueryShortChannelIDs).SCIDs, gossip.MaxWishes)
}
