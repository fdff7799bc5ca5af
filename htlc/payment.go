package htlc

import (
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// Status is how far a payment or an attempt is.
type Status uint8

const (
	InFlight Status = iota + 1
	Succeeded
	Failed
)

func (s Status) String() string {
	return [...]string{"none", "in flight", "succeeded", "failed"}[s]
}

// Reason is why a payment failed. The numbers are those of LND's PaymentFailureReason.
type Reason uint8

const (
	NoReason Reason = iota
	Timeout
	NoRoute
	Error
	IncorrectDetails // the payee knows no such payment, or refuses it
	InsufficientBalance
	Canceled
)

func (r Reason) String() string {
	return [...]string{"none", "timeout", "no route", "error", "incorrect payment details", "insufficient balance", "canceled"}[r]
}

// Limits of a payment.
const (
	MaxAttempts = 128
	MinPart     = 10_000_000 // msat: no payment is split into less
)

// Order is what to pay, and within which bounds.
type Order struct {
	Details
	Dest      lnwire.PubKey
	Amount    lnwire.MilliSatoshi
	FeeLimit  lnwire.MilliSatoshi
	Deadline  time.Time // no attempt begins later
	FinalCLTV uint32
	MaxCLTV   uint32 // blocks; 0: the most that anybody forwards
	MaxParts  int    // 1 where the payee does not take parts
	Request   string // the payment request, for the record
	// Fixed: the route is given, by a Routed with Seek 0; there is one attempt and no Seek.
	Fixed bool

	Hints    [][]router.HopHint
	Outgoing []lnwire.ShortChannelID
	LastHop  *lnwire.PubKey
	Features lnwire.FeatureVector // of Dest, from its invoice
	TimePref float64
}

// Details is what the payee is told.
type Details struct {
	Hash     lnwire.Hash
	Secret   *[32]byte           // payment_secret; nil where there is none
	Total    lnwire.MilliSatoshi // of all parts; Pay sets it to the order's Amount where it is zero
	Metadata []byte
	Keysend  *lnwire.Preimage
	Custom   []onion.CustomRecord
}

// Payment is the record of an Order.
type Payment struct {
	Hash     lnwire.Hash
	Index    uint64
	Dest     lnwire.PubKey
	Amount   lnwire.MilliSatoshi
	FeeLimit lnwire.MilliSatoshi
	Created  time.Time
	Ended    time.Time
	Status   Status
	Reason   Reason
	Preimage *lnwire.Preimage
	Fee      lnwire.MilliSatoshi // of the attempts that settled
	Request  string
	Attempts []uint64 // complete once the payment ended
}

// Attempt is one HTLC of a payment.
type Attempt struct {
	ID       uint64
	Hash     lnwire.Hash
	Status   Status
	Started  time.Time
	Ended    time.Time
	Route    router.Route
	Preimage *lnwire.Preimage
	Hop      int            // that failed it, as in Result
	Failure  onion.Failure  // zero where nobody can tell, or where this node failed it
	Secrets  []onion.Secret // while it is in flight
}

// payment is one that has not ended.
type payment struct {
	Payment
	order  *Order // nil after a restart: attempts in flight are waited for, and none is made
	live   []uint64
	seek   uint64                        // the question that is open; 0: none
	asked  lnwire.MilliSatoshi           // in it
	part   lnwire.MilliSatoshi           // no attempt is larger
	stop   Reason                        // no attempt is made any more
	locals map[lnwire.ShortChannelID]int // refusals by our own channels
	avoid  []router.EdgeID
	expiry *timer
}

// sum of the attempts in flight: what they deliver, and their fees.
func (s *Switch) sum(p *payment) (amount, fee lnwire.MilliSatoshi) {
	for _, id := range p.live {
		a := s.attempts[id]
		amount += a.Route.Amount
		fee += a.Route.Fee
	}
	return amount, fee
}
