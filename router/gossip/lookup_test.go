package gossip_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/router/gossip"
)

// Load lets a host stand for graph.db.
func (h *host) Load(key []byte) ([]byte, error) { return h.records[string(key)], nil }

func TestRecordsAreReadOneByOne(t *testing.T) {
	h, c, peer := one(t)
	m, err := gossip.Announcement(h, c.SCID)
	require.NoError(t, err)
	require.Nil(t, m)
	h.tell(peer, c.Announcement(), c.Update(0, stamp0, 1))
	m, err = gossip.Announcement(h, c.SCID)
	require.NoError(t, err)
	require.Equal(t, c.Announcement().BitcoinSig1, m.BitcoinSig1)
	zombie, err := gossip.IsZombie(h, c.SCID)
	require.NoError(t, err)
	require.False(t, zombie)
	h.now = h.now.Add((gossip.StaleAfter + 1) * time.Second)
	h.step(gossip.Tick{})
	zombie, err = gossip.IsZombie(h, c.SCID)
	require.NoError(t, err)
	require.True(t, zombie)
}
