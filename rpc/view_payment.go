package rpc

import (
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// AddInvoice asks for an invoice. A nil Preimage is drawn by the node.
type AddInvoice struct {
	Preimage        *lnwire.Preimage
	Memo            string
	DescriptionHash []byte // 32 bytes, or empty
	Amount          lnwire.MilliSatoshi
	Expiry          time.Duration // 0: the node's own
	FinalCLTV       uint16        // 0: the node's own
	Fallback        string
	Hints           [][]HopHint
	Private         bool // add hints for our own unannounced channels
}

// HopHint is one hop of a route hint (BOLT 11, field r).
type HopHint struct {
	Node      lnwire.PubKey
	ID        lnwire.ShortChannelID
	BaseFee   uint32 // millisatoshis
	PPM       uint32
	CLTVDelta uint16
}

// Invoice is one of ours.
type Invoice struct {
	AddIndex        uint64
	SettleIndex     uint64 // 0: not settled
	Hash            lnwire.Hash
	Preimage        *lnwire.Preimage
	PaymentAddr     [32]byte
	Request         string
	Memo            string
	DescriptionHash []byte
	Amount          lnwire.MilliSatoshi // 0: any
	Paid            lnwire.MilliSatoshi
	Created         time.Time
	Settled         time.Time
	Expiry          time.Duration
	FinalCLTV       uint16
	Fallback        string
	Hints           [][]HopHint
	Private         bool
	Keysend         bool
	State           lnrpc.Invoice_InvoiceState
	Features        lnwire.FeatureVector
	HTLCs           []InvoiceHTLC
}

// InvoiceHTLC pays an invoice, or a part of it.
type InvoiceHTLC struct {
	Channel  lnwire.ShortChannelID
	ID       uint64
	Amount   lnwire.MilliSatoshi
	Total    lnwire.MilliSatoshi // of the set (BOLT 4, total_msat)
	Accepted time.Time
	Height   lnwire.Height // at acceptance
	Resolved time.Time
	Expiry   lnwire.Height
	State    lnrpc.InvoiceHTLCState
	Records  map[uint64][]byte
}

// Page asks for what lies behind After, or with Reversed before it (0: before the end). Max 0 is no limit.
type Page struct {
	After    uint64
	Max      uint64
	Reversed bool
}

// InvoiceQuery asks for a page of invoices by add index.
type InvoiceQuery struct {
	Page
	PendingOnly bool      // open or accepted
	From, To    time.Time // of creation, both included; zero: no bound
}

// PaymentQuery asks for a page of payments by index.
type PaymentQuery struct {
	Page
	Incomplete bool // also those that have failed or are on their way
	From, To   time.Time
	OmitHops   bool // routes of attempts without their hops
}

// PayReq is a decoded BOLT 11 invoice.
type PayReq struct {
	Destination     lnwire.PubKey
	Hash            lnwire.Hash
	PaymentAddr     []byte              // 32 bytes, or empty
	Amount          lnwire.MilliSatoshi // 0: any
	Created         time.Time
	Expiry          time.Duration
	Description     string
	DescriptionHash []byte
	Fallback        string
	FinalCLTV       uint16
	Hints           [][]HopHint
	Features        lnwire.FeatureVector
	Metadata        []byte
}

// SendPayment is a payment to make, all that a request or an invoice said.
type SendPayment struct {
	Request     string // the invoice, where there is one
	Dest        lnwire.PubKey
	Hash        lnwire.Hash
	Preimage    *lnwire.Preimage // keysend: among Records, key 5482373484
	PaymentAddr []byte
	Metadata    []byte
	Amount      lnwire.MilliSatoshi
	FeeLimit    lnwire.MilliSatoshi
	FinalCLTV   uint16
	CLTVLimit   uint32 // blocks; 0: the node's own
	Hints       [][]HopHint
	Features    lnwire.FeatureVector // of the destination
	Records     map[uint64][]byte    // for the destination
	Outgoing    []lnwire.ShortChannelID
	LastHop     *lnwire.PubKey
	MaxParts    uint32
	MaxPart     lnwire.MilliSatoshi // 0: no limit
	Timeout     time.Duration
	SelfPayment bool
	TimePref    float64
}

// Payment is an outgoing payment.
type Payment struct {
	Index    uint64
	Hash     lnwire.Hash
	Preimage *lnwire.Preimage
	Request  string
	Amount   lnwire.MilliSatoshi
	Fee      lnwire.MilliSatoshi // of what is settled or in flight
	Created  time.Time
	Status   lnrpc.Payment_PaymentStatus
	Reason   lnrpc.PaymentFailureReason
	Attempts []Attempt
}

// Final says whether nothing more will happen to the payment.
func (p *Payment) Final() bool {
	return p.Status == lnrpc.Payment_SUCCEEDED || p.Status == lnrpc.Payment_FAILED
}

// Attempt is one HTLC of a payment.
type Attempt struct {
	ID       uint64
	Status   lnrpc.HTLCAttempt_HTLCStatus
	Route    Route
	Started  time.Time
	Ended    time.Time
	Preimage *lnwire.Preimage
	Failure  *AttemptFailure
}

// AttemptFailure is what came back (BOLT 4). Source counts hops: 0 is this node, 1 the first peer.
type AttemptFailure struct {
	Code       lnrpc.Failure_FailureCode
	Source     uint32
	Update     *lnwire.ChannelUpdate
	Amount     lnwire.MilliSatoshi
	OnionHash  []byte
	CLTVExpiry uint32
	Flags      uint32
	Height     lnwire.Height
}

// Route begins at this node. Amount includes Fee; Expiry is that of the first HTLC.
type Route struct {
	Amount, Fee lnwire.MilliSatoshi
	Expiry      lnwire.Height
	Hops        []Hop
}

// Hop receives over channel ID. Amount and Expiry are of the HTLC that it passes on, or of the last where it is the last.
type Hop struct {
	ID          lnwire.ShortChannelID
	Node        lnwire.PubKey
	Capacity    btcutil.Amount
	Amount, Fee lnwire.MilliSatoshi
	Expiry      lnwire.Height
	PaymentAddr []byte // last hop, with Total (BOLT 4, payment_data)
	Total       lnwire.MilliSatoshi
	Records     map[uint64][]byte
	Metadata    []byte
	PathKey     []byte // blinded hops
	Encrypted   []byte
}

// SendToRoute is one attempt along a given route.
type SendToRoute struct {
	Hash  lnwire.Hash
	Route Route
	// SkipTempErr keeps the payment open for another attempt after a failure that may pass.
	SkipTempErr bool
}

// RouteQuery asks for a route.
type RouteQuery struct {
	Source           *lnwire.PubKey // nil: this node
	Dest             lnwire.PubKey
	Amount, FeeLimit lnwire.MilliSatoshi
	FinalCLTV        uint16
	CLTVLimit        uint32
	IgnoreNodes      []lnwire.PubKey
	IgnorePairs      []NodePair
	IgnoreEdges      []DirectedChannel
	LastHop          *lnwire.PubKey
	Outgoing         []lnwire.ShortChannelID
	Hints            [][]HopHint
	Features         lnwire.FeatureVector
	Records          map[uint64][]byte
	UseEstimates     bool // of what was learned from payments
	TimePref         float64
}

// NodePair is a direction between two nodes.
type NodePair struct{ From, To lnwire.PubKey }

// DirectedChannel is a direction of a channel (BOLT 7: 0 from the node whose key sorts first).
type DirectedChannel struct {
	ID        lnwire.ShortChannelID
	Direction uint8
}

// GraphNode is a node of the network. Known is false where channels mention it and no announcement came.
type GraphNode struct {
	ID        lnwire.PubKey
	Known     bool
	Updated   time.Time
	Alias     string
	Color     string
	Addresses []string
	Features  lnwire.FeatureVector
}

// GraphChannel is a channel of the network. Nodes and Policies are in BOLT 7's order; a nil policy was never seen.
type GraphChannel struct {
	ID       lnwire.ShortChannelID
	Point    wire.OutPoint
	Capacity btcutil.Amount
	Nodes    [2]lnwire.PubKey
	Policies [2]*GraphPolicy
	Proof    *[4]lnwire.Sig // node 1, bitcoin 1, node 2, bitcoin 2; nil: unannounced
}

// GraphPolicy is one end's policy.
type GraphPolicy struct {
	Updated       time.Time
	TimeLockDelta uint16
	MinHTLC       lnwire.MilliSatoshi
	MaxHTLC       lnwire.MilliSatoshi
	Fee           FeeSchedule
	Disabled      bool
}

// ChannelRef names a channel by ID or, where that is 0, by Point.
type ChannelRef struct {
	ID    lnwire.ShortChannelID
	Point wire.OutPoint
}
