package router

import (
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// UnknownHop says in Failed that the failure could not be decrypted: anyone on the route may have failed it.
const UnknownHop = -2

// LocalHop says in Failed that our own channel refused: nobody else has seen the payment.
const LocalHop = -1

// Failure is what the failing hop reported (BOLT 4). Code zero, with UnknownHop, where nothing could be read.
type Failure struct{ Code uint16 }

// Estimates is what payments taught about the liquidity of channels and the reliability of nodes. Its methods may be
// called from several goroutines: readers never wait.
type Estimates struct{ table *int }

// NewEstimates knows nothing.
func NewEstimates() *Estimates { panic("stub") }

// DecodeEstimates reads what Encode wrote.
func DecodeEstimates(b []byte) (*Estimates, error) { panic("stub") }

// Encode writes all that was learned, for DecodeEstimates.
func (e *Estimates) Encode() []byte { panic("stub") }

// At is the Estimator as of now. It does not see what is learned later.
func (e *Estimates) At(now time.Time) Estimator { panic("stub") }

// Succeeded learns that every hop passed its amount on.
func (e *Estimates) Succeeded(now time.Time, r *Route) { panic("stub") }

// Failed learns from a failure that r.Hops[hop].Node reported (the index that onion.Decrypt gives), or LocalHop,
// or UnknownHop.
func (e *Estimates) Failed(now time.Time, r *Route, hop int, f Failure) { panic("stub") }

// Reset forgets everything.
func (e *Estimates) Reset() { panic("stub") }

// EdgeHistory is what is known of one direction of a channel, for display.
type EdgeHistory struct {
	EdgeID
	From, To         lnwire.PubKey
	Lower, Upper     lnwire.MilliSatoshi // liquidity was at least Lower when LowerAt, less than Upper when UpperAt
	LowerAt, UpperAt time.Time
}

// History lists what was learned, ordered by channel.
func (e *Estimates) History() []EdgeHistory { panic("stub") }
