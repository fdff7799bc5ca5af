package htlc

import (
	"crypto/sha256"
	"slices"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// localRefusals is after how many refusals of one of our own channels a payment avoids it.
const localRefusals = 3

func (s *Switch) pay(o Order, out *Effects) error {
	if o.Total == 0 {
		o.Total = o.Amount
	}
	if o.Amount == 0 || o.Amount > lnwire.MaxMilliSatoshi || o.FeeLimit > lnwire.MaxMilliSatoshi || o.Total < o.Amount ||
		o.MaxParts < 1 || len(o.Request) > MaxRequest || !o.Deadline.After(s.now) ||
		o.Keysend != nil && sha256.Sum256(o.Keysend[:]) != o.Hash {
		return ErrPaymentInvalid
	}
	if _, ok := s.payments[o.Hash]; ok {
		return ErrInFlight
	}
	old, err := s.loadPayment(o.Hash)
	if err != nil {
		return err
	}
	if old != nil && old.Status != Failed {
		return ErrAlreadyPaid
	}
	if old != nil {
		s.erase(old, out)
	}
	s.counts.payment++
	p := &payment{
		Payment: Payment{
			Hash: o.Hash, Index: s.counts.payment, Dest: o.Dest, Amount: o.Amount, FeeLimit: o.FeeLimit, Created: s.now, Status: InFlight, Request: o.Request,
		},
		order: &o, part: o.Amount, locals: map[lnwire.ShortChannelID]int{},
	}
	p.expiry = s.timers.set(o.Deadline, paymentExpires, o.Hash)
	s.payments[o.Hash] = p
	s.writePayment(&p.Payment, out)
	out.Records = append(out.Records,
		Record{paymentIndexKey(p.Index), slices.Clone(o.Hash[:])}, Record{openPaymentKey(o.Hash), []byte{recordVersion}}, s.counts.record())
	out.Notices = append(out.Notices, PaymentChanged{p.Payment})
	s.advance(p, out)
	return nil
}

// erase deletes an ended payment with its attempts.
func (s *Switch) erase(p *Payment, out *Effects) {
	for _, id := range p.Attempts {
		out.Records = append(out.Records, Record{Key: attemptKey(p.Hash, id)})
	}
	out.Records = append(out.Records, Record{Key: paymentIndexKey(p.Index)}, Record{Key: paymentKey(p.Hash)})
}

// advance does what p needs next: another route, or its end.
func (s *Switch) advance(p *payment, out *Effects) {
	switch {
	case p.Preimage != nil || p.stop != NoReason || p.order == nil:
		if len(p.live) == 0 {
			s.finish(p, out)
		}
		return
	case p.seek != 0:
		return
	case p.order.Fixed && len(p.Attempts) > 0: // its one attempt is in flight, or failed and set stop
		return
	}
	sent, fees := s.sum(p)
	left, _ := p.order.Amount.Sub(sent)
	if left == 0 || p.order.Fixed {
		return
	}
	budget, ok := p.order.FeeLimit.Sub(fees)
	if len(p.Attempts) >= MaxAttempts || len(p.live) >= p.order.MaxParts || !ok {
		s.giveUp(p, NoRoute, out)
		return
	}
	p.asked = min(left, p.part)
	if len(p.live)+1 == p.order.MaxParts {
		p.asked = left
	}
	s.seek(p, budget, out)
}

func (s *Switch) seek(p *payment, budget lnwire.MilliSatoshi, out *Effects) {
	o := p.order
	s.seeks++
	p.seek = s.seeks
	maxCLTV := o.MaxCLTV
	if maxCLTV == 0 {
		maxCLTV = MaxCLTV
	}
	r := router.Request{
		Dest: o.Dest, Amount: p.asked, FeeLimit: &budget, Height: s.height, FinalCLTV: o.FinalCLTV, MaxCLTV: maxCLTV,
		FinalPayload: o.Details.size(), Hints: o.Hints, IgnoredEdges: slices.Clone(p.avoid), Outgoing: o.Outgoing, LastHop: o.LastHop,
		Features: o.Features, PaymentSecret: o.Secret != nil, MPP: p.asked != o.Total, TimePref: o.TimePref,
	}
	for _, id := range p.live {
		route := &s.attempts[id].Route
		for i := range route.Hops {
			r.InFlight = append(r.InFlight, router.Use{EdgeID: route.Edge(i), Amount: route.Hops[i].Amount})
		}
	}
	out.Seeks = append(out.Seeks, Seek{Hash: p.Hash, ID: p.seek, Request: r, Details: o.Details})
}

// size of the payee's records beside amount and expiry, for the router to leave room in the onion.
func (d *Details) size() int {
	pl := onion.Payload{Metadata: d.Metadata, Keysend: d.Keysend, Custom: d.Custom}
	if d.Secret != nil {
		pl.PaymentData = &onion.PaymentData{Total: lnwire.MaxMilliSatoshi}
	}
	return len(pl.Encode())
}

// giveUp makes no further attempt for p; it ends when none is in flight.
func (s *Switch) giveUp(p *payment, why Reason, out *Effects) {
	if p.stop == NoReason {
		p.stop = why
	}
	p.seek = 0
	s.advance(p, out)
}

// routed takes the answer to a Seek.
func (s *Switch) routed(ev Routed, out *Effects) {
	p, ok := s.payments[ev.Hash]
	if !ok || p.order == nil || p.stop != NoReason || p.Preimage != nil || ev.Seek != p.seek || ev.Seek == 0 && (!p.order.Fixed || len(p.Attempts) > 0) {
		return // too late: the payment ended, or went on otherwise
	}
	p.seek = 0
	if ev.Prepared == nil {
		s.unrouted(p, ev.Failed, ev.Hopeless, out)
		return
	}
	r := ev.Prepared.Route
	_, fees := s.sum(p)
	budget, _ := p.order.FeeLimit.Sub(fees)
	wrong := r.Amount != p.asked
	if p.order.Fixed {
		wrong = r.Amount > p.order.Amount
	}
	if consistent(r) != nil || len(ev.Prepared.Secrets) != len(r.Hops) || wrong || r.Fee > budget {
		s.giveUp(p, Error, out)
		return
	}
	l := s.byName(r.Hops[0].SCID)
	if l == nil || !l.Up || l.Peer != r.Hops[0].Node {
		s.localRefusal(p, r, out)
		return
	}
	s.attempt(p, l, ev.Prepared, out)
}

// unrouted halves what is asked for where parts are allowed, and gives up otherwise.
func (s *Switch) unrouted(p *payment, why Reason, hopeless bool, out *Effects) {
	half := (p.asked + 1) / 2
	if why != Error && !hopeless && half >= MinPart && len(p.live)+2 <= p.order.MaxParts && !p.order.Fixed {
		p.part = half
		s.advance(p, out)
		return
	}
	if why == NoReason {
		why = NoRoute
	}
	s.giveUp(p, why, out)
}

// attempt offers one HTLC. It is on record in the same batch in which it is commanded.
func (s *Switch) attempt(p *payment, l *Link, ready *Prepared, out *Effects) {
	s.counts.attempt++
	a := &Attempt{ID: s.counts.attempt, Hash: p.Hash, Status: InFlight, Started: s.now, Route: *ready.Route, Secrets: ready.Secrets}
	s.attempts[a.ID] = a
	p.live = append(p.live, a.ID)
	p.Attempts = append(p.Attempts, a.ID)
	s.writeAttempt(a, out)
	out.Records = append(out.Records, s.counts.record())
	out.Commands = append(out.Commands, Command{l.Channel, channel.Offer{
		Amount: a.Route.Total(), Hash: p.Hash, Expiry: a.Route.Expiry, Onion: ready.Onion, Origin: channel.Origin{ID: a.ID},
	}})
	out.Notices = append(out.Notices, AttemptChanged{*a})
	s.advance(p, out)
}

// localRefusal is a route that one of our own channels could not begin.
func (s *Switch) localRefusal(p *payment, r *router.Route, out *Effects) {
	out.Results = append(out.Results, Result{Route: r, Hop: router.LocalHop})
	first := r.Edge(0)
	p.locals[first.SCID]++
	if p.locals[first.SCID] == localRefusals {
		p.avoid = append(p.avoid, first)
	}
	if p.order.Fixed || len(p.avoid) == MaxAttempts {
		s.giveUp(p, InsufficientBalance, out)
		return
	}
	s.advance(p, out)
}

// attemptRefused ends an attempt that never left this node.
func (s *Switch) attemptRefused(id uint64, out *Effects) {
	a, ok := s.attempts[id]
	if !ok {
		return
	}
	a.Hop = router.LocalHop
	p := s.endAttempt(a, Failed, out)
	if p.order == nil {
		s.advance(p, out)
		return
	}
	s.localRefusal(p, &a.Route, out)
}

// attemptEnded takes what became of an attempt.
func (s *Switch) attemptEnded(o channel.Outcome, out *Effects) {
	a, ok := s.attempts[o.Origin.ID]
	if !ok {
		return // already ended: the same end may be seen again on chain
	}
	if o.Preimage != nil {
		s.attemptSettled(a, *o.Preimage, out)
		return
	}
	if o.Local {
		s.attemptRefused(a.ID, out)
		return
	}
	r := Result{Route: &a.Route}
	switch hop, f, err := onion.Decrypt(a.Secrets, o.Reason); {
	case o.Malformed != nil: // our peer could not read the onion, or says so
		r.Hop, r.Failure = 0, onion.Failure{Code: onion.Code(o.Malformed.Code), SHA256: o.Malformed.SHA256}
	case err != nil && hop < 0:
		r.Hop, r.Unreadable = router.UnknownHop, true
	default:
		r.Hop, r.Failure = hop, f
	}
	a.Hop, a.Failure = r.Hop, r.Failure
	out.Results = append(out.Results, r)
	p := s.endAttempt(a, Failed, out)
	if why := verdict(&r, p); why != NoReason {
		s.giveUp(p, why, out)
		return
	}
	s.advance(p, out)
}

// verdict says whether a failure ends the payment. BOLT 4: "if the _final node_ is returning the error: if the PERM bit is set: SHOULD fail the payment."
func verdict(r *Result, p *payment) Reason {
	final := r.Hop == len(r.Route.Hops)-1
	switch {
	case final && r.Failure.Code == onion.IncorrectOrUnknownPaymentDetails:
		return IncorrectDetails
	case final && r.Failure.Code.Permanent():
		return Error
	case p.order == nil || p.order.Fixed:
		return NoRoute
	}
	return NoReason
}

func (s *Switch) attemptSettled(a *Attempt, preimage lnwire.Preimage, out *Effects) {
	a.Preimage = &preimage
	out.Results = append(out.Results, Result{Route: &a.Route, Settled: true, Hop: len(a.Route.Hops) - 1})
	p := s.endAttempt(a, Succeeded, out)
	p.Fee += a.Route.Fee
	if p.Preimage == nil {
		p.Preimage, p.seek = &preimage, 0
		s.writePayment(&p.Payment, out) // the proof of payment is kept though other parts are still in flight
	}
	s.advance(p, out)
}

// endAttempt writes the end of a and returns its payment.
func (s *Switch) endAttempt(a *Attempt, status Status, out *Effects) *payment {
	p := s.payments[a.Hash]
	a.Status, a.Ended, a.Secrets = status, s.now, nil
	delete(s.attempts, a.ID)
	p.live = slices.DeleteFunc(p.live, func(id uint64) bool { return id == a.ID })
	s.writeAttempt(a, out)
	out.Notices = append(out.Notices, AttemptChanged{*a})
	return p
}

// finish records the one end of p.
func (s *Switch) finish(p *payment, out *Effects) {
	p.Ended = s.now
	switch {
	case p.Preimage != nil:
		p.Status, p.Reason = Succeeded, NoReason
	case p.stop == NoReason:
		p.Status, p.Reason = Failed, Error // a restart cut it short
	default:
		p.Status, p.Reason = Failed, p.stop
	}
	s.timers.stop(p.expiry)
	delete(s.payments, p.Hash)
	s.writePayment(&p.Payment, out)
	out.Records = append(out.Records, Record{Key: openPaymentKey(p.Hash)})
	out.Notices = append(out.Notices, PaymentChanged{p.Payment})
}

func (s *Switch) expirePayment(hash lnwire.Hash, out *Effects) {
	if p, ok := s.payments[hash]; ok {
		s.giveUp(p, Timeout, out)
	}
}

func (s *Switch) cancelPayment(hash lnwire.Hash, out *Effects) error {
	p, ok := s.payments[hash]
	if !ok {
		return ErrPaymentUnknown
	}
	s.giveUp(p, Canceled, out)
	return nil
}

func (s *Switch) forgetPayment(ev ForgetPayment, out *Effects) error {
	if _, ok := s.payments[ev.Hash]; ok {
		return ErrInFlight
	}
	p, err := s.loadPayment(ev.Hash)
	switch {
	case err != nil:
		return err
	case p == nil:
		return ErrPaymentUnknown
	case !ev.FailedAttempts:
		s.erase(p, out)
		return nil
	}
	var kept []uint64
	for _, id := range p.Attempts {
		a, err := loadAttempt(s.reader, p.Hash, id)
		if err != nil {
			return err
		}
		if a.Status == Succeeded {
			kept = append(kept, id)
		}
	}
	for _, id := range p.Attempts {
		if !slices.Contains(kept, id) {
			out.Records = append(out.Records, Record{Key: attemptKey(p.Hash, id)})
		}
	}
	p.Attempts = kept
	s.writePayment(p, out)
	return nil
}
