package gossip_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// The messages of bolt07/extended-queries, as a peer sends them: what is asked is answered, what is told is asked for.
func TestExtendedQueriesOfTheSpecification(t *testing.T) {
	const chain = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
	h := newHost(t, gossiptest.New(2, 0, 1), 1)
	raw, err := hex.DecodeString(chain)
	require.NoError(t, err)
	h.engine = gossip.New(gossip.Options{Chain: chainhash.Hash(raw)}, h.signer, gossip.Cores(1))
	h.now = time.Unix(950_000, 0) // of the timestamps in the vector, 948165 and older are fresh
	h.step(gossip.Block{Height: 1000})
	peer := h.stranger(1, queries)
	settle(t, h)
	require.IsType(t, &lnwire.QueryChannelRange{}, h.sent[peer][0])
	h.sent[peer] = nil

	parse := func(s string) lnwire.Message {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		m, err := lnwire.Unmarshal(b)
		require.NoError(t, err)
		return m
	}
	for vector, end := range map[string]uint32{
		"0107" + chain + "000186a0000005dc":            101_500,
		"0107" + chain + "000088b800000064" + "010103": 35_100,
	} {
		h.sent[peer] = nil
		h.tell(peer, parse(vector))
		require.Len(t, h.sent[peer], 1)
		r := h.sent[peer][0].(*lnwire.ReplyChannelRange)
		require.True(t, r.Complete)
		require.Equal(t, end, uint32(r.FirstBlock)+r.Blocks)
	}
	h.sent[peer] = nil
	h.tell(peer, parse("0105"+chain+"0019"+"00"+"000000000000008e0000000000003c69000000000045a6c4"))
	require.Equal(t, []lnwire.Message{&lnwire.ReplyShortChannelIDsEnd{ChainHash: chainhash.Hash(raw), Full: true}}, h.sent[peer])

	h.sent[peer] = nil
	h.tell(peer, parse("0108"+chain+"0001ddde"+"000005dc"+"01"+"0019"+"00"+
		"0000000000003043"+"00000000000778d6"+"000000000046e1c1"+
		"0119"+"00"+"000282c1000e77c5"+"000778ad00490ab0"+"0000b57800955bff"+
		"0318"+"00000457000008ae"+"00000d050000115c"+"000015b300001a0a"))
	require.Len(t, h.sent[peer], 1)
	q := h.sent[peer][0].(*lnwire.QueryShortChannelIDs)
	require.Equal(t, []lnwire.ShortChannelID{12355, 7<<16 + 30934, 70<<16 + 57793}, q.SCIDs)
	require.Len(t, q.Flags, 3)
}

// The checksum is computed on the encoded message; lnwire's on the fields.
func TestChecksumTellsContentFromDate(t *testing.T) {
	h, c, peer := one(t)
	u := c.Update(0, stamp0, 5)
	h.tell(peer, c.Announcement(), u)
	asker := h.stranger(2, nil)
	h.tell(asker, &lnwire.QueryChannelRange{ChainHash: gossiptest.Chain, Blocks: 1000, Options: 3})
	r := h.sent[asker][0].(*lnwire.ReplyChannelRange)
	require.Equal(t, []lnwire.ChannelChecksums{{Node1: u.Checksum()}}, r.Checksums)
	require.Equal(t, []lnwire.ChannelTimestamps{{Node1: stamp0}}, r.Timestamps)
	require.Equal(t, u.Checksum(), c.Update(0, stamp0+9, 5).Checksum())
	require.NotEqual(t, u.Checksum(), c.Update(0, stamp0, 6).Checksum())
}
