package router

import (
	"bytes"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Policy is what one end of a channel asks of HTLCs that it sends through it: a channel_update (BOLT 7).
type Policy struct {
	LastUpdate uint32 // timestamp of the channel_update
	Disabled   bool
	CLTVDelta  uint16
	Min, Max   lnwire.MilliSatoshi // of a single HTLC
	FeeBase    uint32              // msat
	FeeRate    uint32              // parts per million
	Inbound    lnwire.InboundFee   // taken, or given back where negative, for HTLCs that come in by this channel
}

// PolicyOf reads the policy out of a channel_update.
func PolicyOf(u *lnwire.ChannelUpdate) Policy {
	p := Policy{
		LastUpdate: u.Timestamp, Disabled: u.ChannelFlags&2 != 0, CLTVDelta: u.CLTVDelta,
		Min: u.HTLCMinimum, Max: u.HTLCMaximum, FeeBase: u.FeeBase, FeeRate: u.FeeRate,
	}
	if u.InboundFee != nil {
		p.Inbound = *u.InboundFee
	}
	return p
}

// Channel is what the graph knows of a channel. Policies[0] was set by Nodes[0], which has the lesser key, for HTLCs
// from Nodes[0] to Nodes[1]; Policies[1] is the other direction. Nil where no channel_update is known.
type Channel struct {
	SCID     lnwire.ShortChannelID
	Funding  wire.OutPoint
	Capacity btcutil.Amount
	Nodes    [2]lnwire.PubKey
	Policies [2]*Policy
	Features lnwire.FeatureVector
	Private  bool // one of our own that was never announced: only its ends may be source or destination
	Unusable bool // a feature that we do not know is required: kept, never routed through
}

// Node is what the graph knows of a node. Until a node_announcement came, LastUpdate is zero and only Key is set.
type Node struct {
	Key        lnwire.PubKey
	LastUpdate uint32
	Features   lnwire.FeatureVector
	Alias      [32]byte
	Color      [3]byte
	Addresses  []lnwire.NetAddress
}

// Name is the alias without its padding, with what is no UTF-8 replaced. Whoever shows it must escape it still.
func (n *Node) Name() string {
	return string(bytes.ToValidUTF8(bytes.TrimRight(n.Alias[:], "\x00"), []byte("?")))
}

// EdgeID is one direction of a channel: 0 from the node with the lesser key, 1 from the other.
type EdgeID struct {
	SCID      lnwire.ShortChannelID
	Direction uint8
}

// Direction in which from sends to another node.
func Direction(from, to lnwire.PubKey) uint8 {
	if bytes.Compare(from[:], to[:]) < 0 {
		return 0
	}
	return 1
}

// Change is one step of a batch for Graph.Apply.
type Change interface{ change() }

type (
	// AddChannel makes a channel known, or replaces all that is known of it. Policies in it are taken over.
	// It is dropped where Nodes are not in ascending order or Capacity is negative.
	AddChannel struct{ Channel }
	// RemoveChannel forgets a channel, and those of its ends that have no other.
	RemoveChannel struct{ SCID lnwire.ShortChannelID }
	// SetPolicy replaces the policy of one direction. It is dropped where the channel is unknown.
	SetPolicy struct {
		EdgeID
		Policy Policy
	}
	// SetNode replaces what is known of a node. It is dropped where the node has no channel.
	SetNode struct{ Node }
)

func (AddChannel) change()    {}
func (RemoveChannel) change() {}
func (SetPolicy) change()     {}
func (SetNode) change()       {}
