package htlc

import (
	"bytes"
	"crypto/sha256"
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

// InvoiceState is how far an invoice is. The last three are ends.
type InvoiceState uint8

const (
	InvoiceOpen     InvoiceState = iota + 1
	InvoiceAccepted              // a hold invoice whose whole payment is here
	InvoiceSettled
	InvoiceCanceled
	InvoiceExpired
)

func (s InvoiceState) String() string {
	return [...]string{"none", "open", "accepted", "settled", "canceled", "expired"}[s]
}

// Limits of an invoice.
const (
	MinFinalCLTV  = 18   // BOLT 2: "the minimum cltv_expiry accepted for terminal payments"
	MaxFinalCLTV  = 2016 // no sender could serve more
	MaxMemo       = 1024
	MaxRequest    = 16384 // bytes of a payment request
	MaxCustomSize = 1300  // an onion holds no more
	MaxParts      = 483   // of one payment that arrives
)

// HoldMargin is how many blocks before a held HTLC expires its invoice is canceled: BOLT 2's deadline for received HTLCs, "2R+G+S blocks".
const HoldMargin = 18

// SetTimeout is how long the first part waits for the rest. BOLT 4: "SHOULD wait for at least 60 seconds after the initial HTLC."
const SetTimeout = 60 * time.Second

// Invoice is what somebody may pay to us, and what became of it.
type Invoice struct {
	Hash      lnwire.Hash
	Preimage  *lnwire.Preimage    // nil while only a SettleInvoice will tell
	Secret    [32]byte            // payment_secret
	Amount    lnwire.MilliSatoshi // zero: the payer chooses
	FinalCLTV uint32              // min_final_cltv_expiry_delta
	Hold      bool                // accept, and settle only on command
	Keysend   bool                // it was made by a payment that nobody asked for
	Created   time.Time
	Expires   time.Time
	Memo      string
	Request   string // the payment request (BOLT 11)

	State       InvoiceState
	AddIndex    uint64
	SettleIndex uint64    // zero until settled
	Ended       time.Time // settled, canceled or expired
	Paid        lnwire.MilliSatoshi
	Parts       []Part // once accepted or settled
}

// Part is one HTLC of the payment of an invoice.
type Part struct {
	At       channel.Origin
	SCID     lnwire.ShortChannelID
	Amount   lnwire.MilliSatoshi
	Total    lnwire.MilliSatoshi // of the payment, as the payer promised it
	Expiry   uint32
	Height   lnwire.Height // when it came
	Accepted time.Time
	Custom   []onion.CustomRecord
}

// openInvoice is an invoice that can still be paid, with the parts that are here.
type openInvoice struct {
	Invoice
	parts  []waiting
	total  lnwire.MilliSatoshi // what the parts promise to come to
	sum    lnwire.MilliSatoshi // of their amt_to_forward
	paid   lnwire.MilliSatoshi // of their amounts
	expiry *timer
	wait   *timer // for the rest of the parts
}

// waiting is a part that is neither settled nor rejected yet.
type waiting struct {
	held
	Part
}

func (s *Switch) addInvoice(inv Invoice, out *Effects) error {
	if err := s.checkInvoice(&inv); err != nil {
		return err
	}
	exists, err := s.invoiceExists(inv.Hash)
	if err != nil {
		return err
	}
	if exists {
		return ErrInvoiceExists
	}
	s.counts.add++
	inv.State, inv.AddIndex = InvoiceOpen, s.counts.add
	inv.SettleIndex, inv.Ended, inv.Paid, inv.Parts = 0, time.Time{}, 0, nil
	o := &openInvoice{Invoice: inv}
	s.track(o)
	s.writeInvoice(&o.Invoice, out)
	out.Records = append(out.Records,
		Record{addIndexKey(inv.AddIndex), inv.Hash[:]},
		Record{openInvoiceKey(inv.Hash), []byte{recordVersion}},
		s.counts.record())
	out.Notices = append(out.Notices, InvoiceChanged{o.Invoice})
	return nil
}

func (s *Switch) checkInvoice(inv *Invoice) error {
	switch {
	case inv.Preimage == nil && !inv.Hold,
		inv.Preimage != nil && sha256.Sum256(inv.Preimage[:]) != inv.Hash,
		inv.Amount > lnwire.MaxMilliSatoshi/2, // twice the amount is taken
		inv.FinalCLTV < MinFinalCLTV, inv.FinalCLTV > MaxFinalCLTV,
		len(inv.Memo) > MaxMemo, len(inv.Request) > MaxRequest,
		!inv.Expires.After(s.now):
		return ErrInvoiceInvalid
	}
	if inv.Created.IsZero() {
		inv.Created = s.now
	}
	return nil
}

// track keeps an open or accepted invoice in memory.
func (s *Switch) track(o *openInvoice) {
	s.invoices[o.Hash] = o
	if o.State == InvoiceOpen {
		o.expiry = s.timers.set(o.Expires, invoiceExpires, o.Hash)
	}
}

func (s *Switch) invoiceExists(hash lnwire.Hash) (bool, error) {
	if _, ok := s.invoices[hash]; ok {
		return true, nil
	}
	v, err := s.reader.Load(invoiceKey(hash))
	return v != nil, err
}

// ended invoices are in the store only; the error says how one ended.
func (s *Switch) endedInvoice(hash lnwire.Hash) error {
	inv, err := LookupInvoice(s.reader, hash)
	switch {
	case err != nil:
		return err
	case inv.State == InvoiceSettled:
		return ErrInvoiceSettled
	default:
		return ErrInvoiceCanceled
	}
}

func (s *Switch) settleInvoice(preimage lnwire.Preimage, out *Effects) error {
	hash := lnwire.Hash(sha256.Sum256(preimage[:]))
	o, ok := s.invoices[hash]
	if !ok {
		return s.endedInvoice(hash)
	}
	if o.State != InvoiceAccepted {
		return ErrInvoiceOpen
	}
	o.Preimage = &preimage
	s.settleSet(o, out)
	return nil
}

func (s *Switch) cancelInvoice(hash lnwire.Hash, out *Effects) error {
	o, ok := s.invoices[hash]
	if !ok {
		return s.endedInvoice(hash)
	}
	s.cancel(o, InvoiceCanceled, out)
	return nil
}

// cancel ends o without payment and rejects what is held for it.
func (s *Switch) cancel(o *openInvoice, end InvoiceState, out *Effects) {
	s.rejectSet(o, onion.IncorrectOrUnknownPaymentDetails, out)
	o.Parts, o.Paid = nil, 0
	s.close(o, end, out)
}

// close writes how o ended and forgets it.
func (s *Switch) close(o *openInvoice, end InvoiceState, out *Effects) {
	o.State, o.Ended = end, s.now
	s.timers.stop(o.expiry)
	s.timers.stop(o.wait)
	delete(s.invoices, o.Hash)
	s.writeInvoice(&o.Invoice, out)
	out.Records = append(out.Records, Record{Key: openInvoiceKey(o.Hash)})
	out.Notices = append(out.Notices, InvoiceChanged{o.Invoice})
}

// rejectSet fails all parts that are here.
func (s *Switch) rejectSet(o *openInvoice, code onion.Code, out *Effects) {
	for i := range o.parts {
		p := &o.parts[i]
		f := onion.Failure{Code: code}
		if code == onion.IncorrectOrUnknownPaymentDetails {
			f.Amount, f.Height = p.held.amount, s.height
		}
		s.fail(&p.held, f, out)
	}
	s.clearSet(o)
}

func (s *Switch) clearSet(o *openInvoice) {
	o.parts, o.total, o.sum, o.paid = nil, 0, 0, 0
	s.timers.stop(o.wait)
	o.wait = nil
}

// settleSet releases the preimage: every part is here, locked in and valid.
func (s *Switch) settleSet(o *openInvoice, out *Effects) {
	s.counts.settle++
	o.SettleIndex = s.counts.settle
	s.takeParts(o)
	parts, preimage := o.parts, *o.Preimage
	out.Records = append(out.Records, Record{settleIndexKey(o.SettleIndex), bytes.Clone(o.Hash[:])}, s.counts.record())
	s.close(o, InvoiceSettled, out)
	// BOLT 4: "if it fulfills any HTLCs in the HTLC set: MUST fulfill the entire HTLC set."
	for i := range parts {
		s.settle(&parts[i].held, preimage, out)
	}
}

// takeParts copies what is here into the invoice's record.
func (s *Switch) takeParts(o *openInvoice) {
	o.Parts, o.Paid = make([]Part, len(o.parts)), o.paid
	for i := range o.parts {
		o.Parts[i] = o.parts[i].Part
	}
}

// expireInvoice ends an invoice that nobody paid in time. Parts that came in time have their own time to be completed.
func (s *Switch) expireInvoice(hash lnwire.Hash, out *Effects) {
	o, ok := s.invoices[hash]
	if !ok || o.State != InvoiceOpen {
		return
	}
	if len(o.parts) > 0 {
		o.expiry = s.timers.set(s.now.Add(SetTimeout), invoiceExpires, hash)
		return
	}
	s.cancel(o, InvoiceExpired, out)
}

// expireSet gives up on parts whose rest did not come. BOLT 4: "MUST fail all HTLCs in the HTLC set after some reasonable timeout ...
// SHOULD use mpp_timeout for the failure message."
func (s *Switch) expireSet(hash lnwire.Hash, out *Effects) {
	if o, ok := s.invoices[hash]; ok && o.State == InvoiceOpen {
		s.rejectSet(o, onion.MPPTimeout, out)
	}
}

// cancelNearExpiry gives up on held payments that nobody claimed before they would endanger their channels.
func (s *Switch) cancelNearExpiry(out *Effects) {
	var near []*openInvoice
	for _, o := range s.invoices {
		if o.State != InvoiceAccepted {
			continue // SetTimeout is sooner
		}
		for i := range o.parts {
			if uint64(o.parts[i].Part.Expiry) < uint64(s.height)+HoldMargin {
				near = append(near, o)
				break
			}
		}
	}
	sortByHash(near)
	for _, o := range near {
		s.cancel(o, InvoiceCanceled, out)
	}
}
