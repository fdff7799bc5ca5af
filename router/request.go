package router

import (
	"errors"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Limits of a search.
const (
	MaxHops    = 20   // BOLT 4: what fits into an onion of full-sized payloads
	MaxHints   = 100  // chains of hops in Request.Hints
	MaxHintLen = 20   // hops in one of them
	OnionSpace = 1300 // bytes for all hops' payloads (BOLT 4: hop_payloads)
)

// HopHint is one hop of a BOLT 11 "r" field: the channel that leaves Node.
type HopHint struct {
	Node      lnwire.PubKey
	SCID      lnwire.ShortChannelID
	FeeBase   uint32
	FeeRate   uint32
	CLTVDelta uint16
}

// LocalChannel is one of the source's own channels, as the switch knows it at this moment.
type LocalChannel struct {
	SCID      lnwire.ShortChannelID // as it stands in the graph: real, or the alias
	Peer      lnwire.PubKey
	Spendable lnwire.MilliSatoshi // the largest HTLC that the channel would take now
	Min       lnwire.MilliSatoshi // the smallest
	Inbound   lnwire.InboundFee   // what Peer takes for HTLCs that arrive by this channel
}

// Pair names all channels from one node to another.
type Pair struct{ From, To lnwire.PubKey }

// Use is an amount on its way through a channel that the search must leave room for.
type Use struct {
	EdgeID
	Amount lnwire.MilliSatoshi
}

// Request asks for a route. The zero value of each optional field means no constraint.
type Request struct {
	Source, Dest lnwire.PubKey // equal for a payment to ourselves (rebalancing)
	Amount       lnwire.MilliSatoshi
	FeeLimit     *lnwire.MilliSatoshi // nil: none
	Height       lnwire.Height        // of the chain now
	FinalCLTV    uint32               // blocks that Dest asks for (min_final_cltv_expiry_delta, with any padding)
	MaxCLTV      uint32               // most blocks between Height and the first HTLC's expiry; 0: none
	MaxHops      int                  // 0: MaxHops
	FinalPayload int                  // bytes of Dest's onion payload beyond amount and expiry; 0: payment_data's 44

	Hints [][]HopHint    // each leads to Dest
	Local []LocalChannel // non-nil: the only first hops; nil: the graph's (a route from another node)

	IgnoredNodes []lnwire.PubKey
	IgnoredEdges []EdgeID
	IgnoredPairs []Pair
	Outgoing     []lnwire.ShortChannelID // first hops allowed; empty: all
	LastHop      *lnwire.PubKey          // the node that must hand over to Dest
	InFlight     []Use

	// Features of Dest, from its invoice; nil takes them from its node_announcement.
	Features      lnwire.FeatureVector
	PaymentSecret bool // the payment carries payment_data: Dest must know payment_secret
	MPP           bool // it is one of several parts: Dest must know basic_mpp

	// TimePref trades fee against reliability: -1 the cheapest, 0 balanced, 1 the most reliable.
	TimePref float64
}

// Why there is no route. Wrapped with the detail; test with errors.Is.
var (
	ErrNoRoute      = errors.New("unable to find a path to destination")
	ErrUnknownNode  = errors.New("node is not in the graph")
	ErrFeatures     = errors.New("destination lacks, or requires, a feature")
	ErrBadRequest   = errors.New("bad route request")
	ErrFeeLimit     = errors.New("every route costs more than the fee limit")
	ErrInsufficient = errors.New("not enough outbound liquidity in the local channels")
)

// Estimator judges reliability. Its values are surprisals, -ln of a probability: 0 is certain, +Inf impossible,
// and along a route they add up. It is called from many searches at once.
type Estimator interface {
	// Edge is the surprisal of amount passing; capacity is zero where it is unknown.
	Edge(id EdgeID, capacity, amount lnwire.MilliSatoshi) float64
	// Node is the surprisal of the node forwarding anything at all.
	Node(node lnwire.PubKey) float64
}
