package htlc

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

// receive takes an HTLC that ends here. BOLT 4: "An _intermediate hop_ MUST NOT, but the _final node_".
func (s *Switch) receive(h *held, p *onion.Peeled, out *Effects) {
	pl := p.Payload
	switch {
	case h.expiry < *pl.Expiry:
		// "if the cltv_expiry from the final node's HTLC is below outgoing_cltv_value: MUST return final_incorrect_cltv_expiry error."
		s.fail(h, onion.Failure{Code: onion.FinalIncorrectCLTVExpiry, Expiry: h.expiry}, out)
		return
	case h.amount < *pl.Amount:
		// "if amount_msat from the final node's HTLC is below amt_to_forward: MUST return a final_incorrect_htlc_amount error."
		s.fail(h, onion.Failure{Code: onion.FinalIncorrectHTLCAmount, Amount: h.amount}, out)
		return
	}
	o, total, ok := s.payee(h, p, out)
	if !ok || !s.join(o, h, pl, total, out) {
		s.fail(h, s.unknownDetails(h), out)
	}
}

// unknownDetails is the one answer to all that a prober might want to tell apart.
func (s *Switch) unknownDetails(h *held) onion.Failure {
	return onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, Amount: h.amount, Height: s.height}
}

// payee finds the invoice that p proves to know, and what the whole payment comes to.
func (s *Switch) payee(h *held, p *onion.Peeled, out *Effects) (*openInvoice, lnwire.MilliSatoshi, bool) {
	pl := p.Payload
	var secret []byte
	var total lnwire.MilliSatoshi
	switch {
	case p.Blinded != nil:
		// The recipient made the path: path_id is its proof, as payment_secret is elsewhere.
		if p.Blinded.Check(h.amount, h.expiry) != nil {
			return nil, 0, false
		}
		secret, total = p.Blinded.Data.PathID, *pl.Total
	case pl.PaymentData != nil:
		secret, total = pl.PaymentData.Secret[:], pl.PaymentData.Total
	case pl.Keysend != nil && s.options.Keysend:
		o, ok := s.keysend(h, pl, out)
		return o, *pl.Amount, ok
	default:
		return nil, 0, false // "payment_secret is required and is not present"
	}
	o, ok := s.invoices[h.hash]
	if !ok || subtle.ConstantTimeCompare(secret, o.Secret[:]) != 1 {
		return nil, 0, false
	}
	return o, total, true
}

// keysend makes the invoice of a payment that brings its own preimage.
func (s *Switch) keysend(h *held, pl *onion.Payload, out *Effects) (*openInvoice, bool) {
	if sha256.Sum256(pl.Keysend[:]) != h.hash {
		return nil, false
	}
	inv := Invoice{
		Hash: h.hash, Preimage: pl.Keysend, Amount: *pl.Amount, FinalCLTV: MinFinalCLTV, Keysend: true,
		Created: s.now, Expires: s.now.Add(SetTimeout),
	}
	if inv.Amount == 0 || uint64(h.expiry) < uint64(s.height)+MinFinalCLTV || s.addInvoice(inv, out) != nil {
		return nil, false
	}
	return s.invoices[h.hash], true
}

// join adds h to the payment of o and completes it where it can be. False leaves all unchanged.
func (s *Switch) join(o *openInvoice, h *held, pl *onion.Payload, total lnwire.MilliSatoshi, out *Effects) bool {
	switch {
	case o.State != InvoiceOpen, len(o.parts) == MaxParts:
		return false
	case total < o.Amount, o.Amount != 0 && total > 2*o.Amount, total == 0:
		// "if the amount paid is less than the amount expected: MUST fail the HTLC"; "if the amount paid is more than twice the amount
		// expected: SHOULD fail the HTLC". Note: "amount paid" specified there is the total_msat field.
		return false
	case uint64(h.expiry) < uint64(s.height)+uint64(o.FinalCLTV):
		// "incoming cltv_expiry < current_block_height + min_final_cltv_expiry_delta"
		return false
	case len(o.parts) > 0 && total != o.total:
		// "SHOULD fail the entire HTLC set if total_msat is not the same for all HTLCs in the set."
		s.rejectSet(o, onion.IncorrectOrUnknownPaymentDetails, out)
		return false
	}
	sum, ok := o.sum.Add(*pl.Amount)
	paid, fits := o.paid.Add(h.amount)
	if !ok || !fits {
		return false
	}
	o.parts = append(o.parts, waiting{held: *h, Part: Part{
		At: h.at, SCID: s.links[h.at.Channel].name(), Amount: h.amount, Total: total, Expiry: h.expiry,
		Height: s.height, Accepted: s.now, Custom: slices.Clone(pl.Custom),
	}})
	o.sum, o.paid, o.total = sum, paid, total
	s.advanceSet(o, out)
	return true
}

// advanceSet settles or accepts o when its parts come to what they promised, and waits for the rest otherwise.
func (s *Switch) advanceSet(o *openInvoice, out *Effects) {
	if o.sum < o.total {
		// "MUST NOT fulfill any HTLCs in the HTLC set"
		if o.wait == nil {
			o.wait = s.timers.set(s.now.Add(SetTimeout), setExpires, o.Hash)
		}
		return
	}
	s.timers.stop(o.wait)
	o.wait = nil
	if !o.Hold {
		s.settleSet(o, out)
		return
	}
	s.takeParts(o)
	s.timers.stop(o.expiry)
	o.State = InvoiceAccepted
	s.writeInvoice(&o.Invoice, out)
	out.Notices = append(out.Notices, InvoiceChanged{o.Invoice})
}
