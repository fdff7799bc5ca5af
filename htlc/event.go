package htlc

import (
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// Event is something that Step takes.
type Event interface{ event() }

type (
	// Tick brings the time and the height. The driver steps one before each burst of events, and every second when idle.
	Tick struct {
		Now    time.Time
		Height lnwire.Height
	}

	// Linked says that a channel can be used, or that something about it changed.
	Linked struct{ Link Link }

	// Unlinked says that a channel is gone for good: closing or closed. One that is merely offline is Linked with Up false.
	Unlinked struct{ Channel lnwire.ChannelID }

	// Incoming is an HTLC that was locked in, with the result of peeling its onion: one of Peeled and Err.
	Incoming struct {
		HTLC   channel.HTLC
		Peeled *onion.Peeled
		Err    *onion.PeelError
	}

	// Ended is what came of an HTLC that was offered.
	Ended struct{ Outcome channel.Outcome }

	// Refused says that a channel could not take an Offer.
	Refused struct {
		Channel lnwire.ChannelID
		Origin  channel.Origin
	}

	// AddInvoice opens an invoice. State, indices, times of settlement and parts are the Switch's to set.
	AddInvoice struct{ Invoice Invoice }

	// SettleInvoice releases the preimage of a hold invoice whose payment is complete.
	SettleInvoice struct{ Preimage lnwire.Preimage }

	// CancelInvoice closes an invoice that is not settled; HTLCs that are held for it fail.
	CancelInvoice struct{ Hash lnwire.Hash }

	// Pay begins a payment.
	Pay struct{ Order Order }

	// Routed answers a Seek: Prepared, or why there is none. Seek is the number of the question, or zero for the route of an Order that is Fixed.
	Routed struct {
		Hash     lnwire.Hash
		Seek     uint64
		Prepared *Prepared
		Failed   Reason // NoRoute, InsufficientBalance or Error where Prepared is nil
		Hopeless bool   // with Failed: no smaller part would do better
	}

	// CancelPayment makes no further attempt for a payment; those in flight are waited for.
	CancelPayment struct{ Hash lnwire.Hash }

	// ForgetPayment deletes the record of a payment that ended, or of its failed attempts only.
	ForgetPayment struct {
		Hash           lnwire.Hash
		FailedAttempts bool
	}

	// Resume is the first event after New and one Tick: all that the channels hold. Every channel must have been asked.
	Resume struct {
		Incoming []Incoming // locked in, without a removal by us
		Outgoing []Outgoing
	}
)

// Outgoing is an HTLC that a channel holds, offered by us.
type Outgoing struct {
	Channel  lnwire.ChannelID
	Origin   channel.Origin
	Hash     lnwire.Hash
	Amount   lnwire.MilliSatoshi
	Expiry   uint32
	Preimage *lnwire.Preimage // where the peer fulfilled it already
}

func (Tick) event()          {}
func (Linked) event()        {}
func (Unlinked) event()      {}
func (Incoming) event()      {}
func (Ended) event()         {}
func (Refused) event()       {}
func (AddInvoice) event()    {}
func (SettleInvoice) event() {}
func (CancelInvoice) event() {}
func (Pay) event()           {}
func (Routed) event()        {}
func (CancelPayment) event() {}
func (ForgetPayment) event() {}
func (Resume) event()        {}

// Effects is what the driver owes after Step, in this order: make Records durable (queue them), hand on Commands, Seeks and
// Results at once, and show Notices when the records are on disk.
type Effects struct {
	Records  []Record
	Commands []Command
	Seeks    []Seek
	Results  []Result
	Notices  []Notice
}

// Reset empties the lists and keeps their memory.
func (e *Effects) Reset() {
	e.Records, e.Commands, e.Seeks = e.Records[:0], e.Commands[:0], e.Seeks[:0]
	e.Results, e.Notices = e.Results[:0], e.Notices[:0]
}

// Record is to be written under Key, below the prefix Prefix; a nil Value deletes.
type Record struct{ Key, Value []byte }

// Command is for one channel: channel.Offer, Settle, Reject or RejectMalformed. An Offer that the channel cannot take comes back as Refused.
type Command struct {
	Channel lnwire.ChannelID
	Event   channel.Event
}

// Seek asks for a route. Source and local channels of the request are the worker's to fill in; it then calls Prepare and answers with Routed.
type Seek struct {
	Hash    lnwire.Hash
	ID      uint64
	Request router.Request
	Details Details
}

// Result is what an attempt taught about its route. Hop is the position in Route.Hops of the node that failed, -1 where it was this
// node or where nobody can tell; Settled means that all of the route worked.
type Result struct {
	Route      *router.Route
	Settled    bool
	Hop        int
	Failure    onion.Failure
	Unreadable bool // the failure's origin cannot be told
}

// Notice is for subscribers; it is shown only when the records of its Step are durable.
type Notice interface{ notice() }

type (
	// InvoiceChanged: an invoice was added, accepted, settled, canceled or expired.
	InvoiceChanged struct{ Invoice Invoice }
	// PaymentChanged: a payment began or ended.
	PaymentChanged struct{ Payment Payment }
	// AttemptChanged: an attempt was offered, or ended.
	AttemptChanged struct{ Attempt Attempt }
	// Forwarding is one step in the life of a forward.
	Forwarding struct {
		Kind    ForwardKind
		Time    time.Time
		In      channel.Origin
		InSCID  lnwire.ShortChannelID
		Out     lnwire.ChannelID // zero where no channel was found
		OutSCID lnwire.ShortChannelID
		Hash    lnwire.Hash

		AmountIn, AmountOut lnwire.MilliSatoshi
		ExpiryIn, ExpiryOut uint32
		Code                onion.Code       // of a forward that this node failed
		Preimage            *lnwire.Preimage // of a forward that was settled
	}
)

// ForwardKind is what happened to a forward.
type ForwardKind uint8

const (
	ForwardOffered  ForwardKind = iota + 1
	ForwardSettled              // downstream gave the preimage
	ForwardFailed               // downstream failed it
	ForwardRejected             // this node failed it
)

func (InvoiceChanged) notice() {}
func (PaymentChanged) notice() {}
func (AttemptChanged) notice() {}
func (Forwarding) notice()     {}
