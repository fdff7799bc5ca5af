package gossiptest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router/gossip"
)

// Chain of all networks made here.
var Chain = *chaincfg.RegressionNetParams.GenesisHash

// Signer is a key pair that implements gossip.NodeSigner.
type Signer struct {
	key *btcec.PrivateKey
	id  lnwire.PubKey
}

// NewSigner derives a key pair from a purpose and a number.
func NewSigner(purpose string, n int) *Signer {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(purpose), uint64(n)))
	key, pub := btcec.PrivKeyFromBytes(seed[:])
	return &Signer{key, lnwire.NewPubKey(pub)}
}

func (s *Signer) NodeID() lnwire.PubKey { return s.id }

// SignDigest signs deterministically (RFC 6979).
func (s *Signer) SignDigest(d chainhash.Hash) lnwire.Sig {
	return lnwire.NewSig(ecdsa.Sign(s.key, d[:]))
}

// Network is a set of nodes and channels between them.
type Network struct {
	Nodes    []*Signer // in ascending order of their ids
	Channels []Channel
}

// Channel of a Network: Ends and Funding are in BOLT 7's order.
type Channel struct {
	SCID     lnwire.ShortChannelID
	Capacity btcutil.Amount
	Ends     [2]*Signer
	Funding  [2]*Signer
}

// New makes a network where every node has a channel, the rest of them between nodes at random. Funding outputs are in
// blocks from 100 on, ten to a block.
func New(nodes, channels int, seed uint64) *Network {
	rng := rand.New(rand.NewPCG(seed, 7))
	w := &Network{}
	for i := range nodes {
		w.Nodes = append(w.Nodes, NewSigner(fmt.Sprint("node", seed), i))
	}
	slices.SortFunc(w.Nodes, func(a, b *Signer) int { return bytes.Compare(a.id[:], b.id[:]) })
	for i := range channels {
		a, b := (i+1)%nodes, rng.IntN(nodes)
		if a == b {
			b = (a + 1) % nodes
		}
		w.Add(a, b, lnwire.NewShortChannelID(lnwire.Height(100+i/10), uint32(i%10+1), 0), 1_000_000+btcutil.Amount(rng.IntN(1e7)))
	}
	return w
}

// Add makes a channel between two nodes, by their index in Nodes.
func (w *Network) Add(a, b int, scid lnwire.ShortChannelID, capacity btcutil.Amount) *Channel {
	if a > b {
		a, b = b, a
	}
	w.Channels = append(w.Channels, Channel{
		SCID: scid, Capacity: capacity, Ends: [2]*Signer{w.Nodes[a], w.Nodes[b]},
		Funding: [2]*Signer{NewSigner("funding 1", int(scid)), NewSigner("funding 2", int(scid))},
	})
	return &w.Channels[len(w.Channels)-1]
}

// OutPoint is made up from the short_channel_id.
func (c *Channel) OutPoint() wire.OutPoint {
	return wire.OutPoint{
		Hash:  sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(c.SCID))),
		Index: uint32(c.SCID.Output()),
	}
}

// Output is how a chain would answer for the funding output.
func (c *Channel) Output() gossip.Answered {
	a, b := c.Funding[0].id, c.Funding[1].id
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	script, err := txscript.NewScriptBuilder().AddOp(txscript.OP_2).AddData(a[:]).AddData(b[:]).
		AddOp(txscript.OP_2).AddOp(txscript.OP_CHECKMULTISIG).Script()
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(script)
	return gossip.Answered{
		SCID: c.SCID, Status: gossip.Unspent, Funding: c.OutPoint(), Amount: c.Capacity,
		Script: append([]byte{txscript.OP_0, txscript.OP_DATA_32}, sum[:]...),
	}
}

// Announcement is the channel_announcement with all four signatures.
func (c *Channel) Announcement() *lnwire.ChannelAnnouncement {
	m := &lnwire.ChannelAnnouncement{
		ChainHash: Chain, SCID: c.SCID, Node1: c.Ends[0].id, Node2: c.Ends[1].id,
		Bitcoin1: c.Funding[0].id, Bitcoin2: c.Funding[1].id,
	}
	c.Sign(m)
	return m
}

// Sign makes the signatures anew after m was changed.
func (c *Channel) Sign(m *lnwire.ChannelAnnouncement) {
	d := m.Digest()
	m.NodeSig1, m.NodeSig2 = c.Ends[0].SignDigest(d), c.Ends[1].SignDigest(d)
	m.BitcoinSig1, m.BitcoinSig2 = c.Funding[0].SignDigest(d), c.Funding[1].SignDigest(d)
}

// Update is a channel_update of one direction whose fee rate tells it apart from others.
func (c *Channel) Update(direction int, stamp, feeRate uint32) *lnwire.ChannelUpdate {
	m := &lnwire.ChannelUpdate{
		ChainHash: Chain, SCID: c.SCID, Timestamp: stamp, MessageFlags: lnwire.MessageMustBeOne,
		ChannelFlags: byte(direction), CLTVDelta: 40, HTLCMinimum: 1000, FeeBase: 1000, FeeRate: feeRate,
		HTLCMaximum: lnwire.FromSatoshis(c.Capacity) / 100 * 99,
	}
	m.Signature = c.Ends[direction].SignDigest(m.Digest())
	return m
}

// Announce is a node_announcement of s.
func (s *Signer) Announce(stamp uint32, alias string) *lnwire.NodeAnnouncement {
	m := &lnwire.NodeAnnouncement{Timestamp: stamp, NodeID: s.id, Color: [3]byte{1, 2, 3}}
	copy(m.Alias[:], alias)
	m.Signature = s.SignDigest(m.Digest())
	return m
}

// Find is the channel with this id.
func (w *Network) Find(scid lnwire.ShortChannelID) *Channel {
	for i := range w.Channels {
		if w.Channels[i].SCID == scid {
			return &w.Channels[i]
		}
	}
	return nil
}
