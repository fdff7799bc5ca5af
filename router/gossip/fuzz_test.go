package gossip_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// FuzzHandlers feeds a peer's bytes to an engine: a length of two bytes and a message, again and again. Between them a
// byte says what else happens. Whatever comes, the engine stands, and what it holds stays within its limits.
func FuzzHandlers(f *testing.F) {
	w := gossiptest.New(3, 3, 1)
	c := &w.Channels[0]
	seed := func(msgs ...lnwire.Message) {
		var b []byte
		for i, m := range msgs {
			raw, err := lnwire.Marshal(m)
			require.NoError(f, err)
			b = append(b, byte(i), byte(len(raw)>>8), byte(len(raw)))
			b = append(b, raw...)
		}
		f.Add(b)
	}
	ids := []lnwire.ShortChannelID{c.SCID, c.SCID + 1}
	seed(c.Announcement(), c.Update(0, stamp0, 1), c.Update(1, 0, 1), c.Ends[0].Announce(stamp0, "x"))
	seed(c.Update(0, 1<<32-1, 1), c.Announcement(), &lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, Blocks: 1<<32 - 1, FirstBlock: 1<<32 - 1, Options: 3})
	seed(&lnwire.GossipTimestampFilter{ChainHash: gossiptest.Chain, Range: 1<<32 - 1}, &lnwire.QueryShortChannelIDs{ChainHash: gossiptest.Chain, SCIDs: ids, Flags: []byte{31, 1}})
	seed(&lnwire.ReplyChannelRange{ChainHash: gossiptest.Chain, Blocks: 1<<32 - 1, SCIDs: ids, Timestamps: make([]lnwire.ChannelTimestamps, 2), Complete: true}, &lnwire.ReplyShortChannelIDsEnd{ChainHash: gossiptest.Chain})
	f.Fuzz(func(t *testing.T, b []byte) {
		h := newHost(t, w, 1)
		peer := h.stranger(1, queries)
		for len(b) >= 3 {
			op, n := b[0], min(int(b[1])<<8|int(b[2]), len(b)-3)
			raw := b[3 : 3+n]
			b = b[3+n:]
			if m, err := lnwire.Unmarshal(raw); err == nil {
				h.events = append(h.events, gossip.Received{Peer: peer, Msg: m})
			}
			switch op % 8 {
			case 1:
				h.now = h.now.Add(time.Duration(op) * time.Hour)
				h.events = append(h.events, gossip.Tick{})
			case 2:
				h.events = append(h.events, gossip.Block{Height: 1000 + lnwire.Height(op), Spent: outpoints(c)})
			case 3:
				h.events = append(h.events, gossip.Reorg{Height: 990 + lnwire.Height(op)})
			case 4:
				h.events = append(h.events, gossip.Disconnected{Peer: peer}, gossip.Connected{Peer: peer, Features: queries})
			}
			settle(t, h)
		}
		s := h.engine.Stats()
		require.LessOrEqual(t, s.Pending, gossip.MaxPending)
		require.LessOrEqual(t, s.Early, gossip.MaxEarly)
		require.LessOrEqual(t, s.Held, gossip.MaxOrphans+gossip.MaxHeldNodes)
		before, _ := h.view()
		h.restart()
		after, _ := h.view()
		require.Equal(t, len(before), len(after), "what was learned is in the records")
	})
}

// FuzzLoad reads records of any content.
func FuzzLoad(f *testing.F) {
	w := gossiptest.New(2, 1, 1)
	f.Add([]byte("a12345678"), []byte{1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		h := newHost(t, w, 1)
		h.records[string(key)] = value
		h.restart()
		h.records[string(key)] = gossip.SealForTest(value)
		h.restart()
	})
}
