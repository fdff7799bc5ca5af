package node

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/store"
	"github.com/fulmen-ln/fulmen/wallet"
)

// custody signs and peels with the keys of the seed.
type custody struct {
	keys *wallet.Keys
	node *btcec.PrivateKey
	id   lnwire.PubKey
	db   *store.DB

	mu   sync.Mutex
	next uint64 // index of the next channel
}

// nextIndexKey holds the lowest channel index that was never handed out, in eight bytes.
const nextIndexKey = "n/k"

func newCustody(k *wallet.Keys, db *store.DB) (*custody, error) {
	c := &custody{keys: k, node: k.NodeKey(), id: lnwire.NewPubKey(k.NodeKey().PubKey()), db: db}
	v, err := db.Load([]byte(nextIndexKey))
	if err != nil {
		return nil, err
	}
	if v == nil {
		c.next = firstIndex(time.Now())
		return c, nil
	}
	if len(v) != 8 {
		return nil, fmt.Errorf("record of the next channel index has %d bytes", len(v))
	}
	c.next = binary.BigEndian.Uint64(v)
	return c, nil
}

// firstIndex of a new ledger. The seed may have had another ledger before, which is lost: by the clock, its indexes are all
// below, unless it opened 61,000 channels a second. A backup that is restored raises it further, whatever the clock says.
func firstIndex(now time.Time) uint64 { return uint64(max(now.UnixNano(), 0)) >> 14 }

// upcoming is an index above all that were handed out.
func (c *custody) upcoming() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// skipTo makes sure that no index below to is handed out any more.
func (c *custody) skipTo(to uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if to > c.next {
		c.next = to
		c.db.Commit(store.Batch{Puts: []store.Put{{Key: []byte(nextIndexKey), Value: binary.BigEndian.AppendUint64(nil, c.next)}}})
	}
}

// NextIndex hands out a channel index, once for ever: two channels with the same keys would reveal each other's secrets.
// The record is queued before anything that the keys sign can be, so that it is durable first.
func (c *custody) NextIndex() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	c.db.Commit(store.Batch{Puts: []store.Put{{Key: []byte(nextIndexKey), Value: binary.BigEndian.AppendUint64(nil, c.next)}}})
	return c.next - 1
}

// skip leaves out the numbers that a newer copy of the ledger may have handed out.
func (c *custody) skip() {
	const plenty = 1 << 20
	c.mu.Lock()
	c.next += plenty
	c.mu.Unlock()
	c.NextIndex()
}

// Signer of channel index refuses whatever would lose money.
func (c *custody) Signer(index uint64) channel.Signer { return channel.Enforce(c.keys.Channel(index)) }

// NodeID is the node's public key.
func (c *custody) NodeID() lnwire.PubKey { return c.id }

// SignNode signs a digest of BOLT 7 with the node key.
func (c *custody) SignNode(d chainhash.Hash) lnwire.Sig {
	return curve.Sign(c.node, (*[32]byte)(&d))
}

// SignDigest is SignNode, as gossip calls it.
func (c *custody) SignDigest(d chainhash.Hash) lnwire.Sig { return c.SignNode(d) }

// SignCompact signs recoverably: header byte 31 and up, r, s.
func (c *custody) SignCompact(d chainhash.Hash) (sig [65]byte, err error) {
	const header = 27 + 4 // of a compressed key
	rs, id := curve.SignRecoverable(c.node, (*[32]byte)(&d))
	sig[0] = header + id
	copy(sig[1:], rs[:])
	return sig, nil
}

// Peel takes our layer off h's onion.
func (c *custody) Peel(h *channel.HTLC) (*onion.Peeled, error) {
	return onion.Peel(c.node, h.Onion, h.Hash, h.Blinding)
}
