package htlc

import (
	"bytes"
	"errors"
	"slices"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

// resume joins what the channels hold with what is on record (see the package documentation).
func (s *Switch) resume(ev Resume, out *Effects) error {
	outgoing := map[channel.Origin]*Outgoing{}
	for i := range ev.Outgoing {
		outgoing[ev.Outgoing[i].Origin] = &ev.Outgoing[i]
	}
	preimages, err := s.knownPreimages(&ev)
	if err != nil {
		return err
	}
	marks, settled, err := s.knownEnds(&ev)
	if err != nil {
		return err
	}
	for i := range ev.Incoming {
		in := &ev.Incoming[i]
		h, ok := s.hold(in, out)
		if !ok {
			continue
		}
		h.replay = marks[h.at].until
		if h.replay == 0 { // locked in, and the crash came before the Switch knew of it
			s.remember(h, out)
		}
		if in.Peeled.Final() {
			s.resumeFinal(h, in, settled[h.hash], out)
			continue
		}
		s.resumeForward(h, in.Peeled, outgoing[h.at], preimages[h.hash], marks[h.at].recorded, out)
	}
	s.cancelTorn(out)
	s.resumePayments(outgoing, preimages, out)
	return nil
}

// resumeForward settles a forward whose preimage is known, goes on waiting for one that is out, and rejects any other.
func (s *Switch) resumeForward(h *held, p *onion.Peeled, o *Outgoing, known *lnwire.Preimage, recorded bool, out *Effects) {
	f := &forward{held: *h}
	s.instructions(f, p) // only for what the onion says
	if o != nil {
		f.out, f.request = o.Channel, forwardRequest{o.Amount, o.Expiry}
		if o.Preimage != nil {
			known = o.Preimage
		}
	} else if l := s.byName(f.named); l != nil {
		f.out = l.Channel
	}
	switch {
	case known != nil && recorded:
		s.settle(h, *known, out)
	case known != nil:
		s.settleForward(f, *known, out)
	case o != nil:
		s.forwards[h.at] = f
	default:
		s.notice(f, ForwardRejected, onion.TemporaryChannelFailure, nil, out)
		s.fail(h, onion.Failure{Code: onion.TemporaryChannelFailure}, out)
	}
}

// resumeFinal settles a part of a settled payment, holds on to one of an accepted payment, and treats any other as new.
func (s *Switch) resumeFinal(h *held, in *Incoming, settled *Invoice, out *Effects) {
	if settled != nil && slices.ContainsFunc(settled.Parts, func(p Part) bool { return p.At == h.at }) {
		s.settle(h, *settled.Preimage, out)
		return
	}
	if o, ok := s.invoices[h.hash]; ok && o.State == InvoiceAccepted {
		for _, p := range o.Parts {
			if p.At == h.at {
				o.parts = append(o.parts, waiting{held: *h, Part: p})
				o.total, o.sum, o.paid = p.Total, o.sum+p.Amount, o.paid+p.Amount
				return
			}
		}
	}
	s.dispatch(h, in, out)
}

// cancelTorn cancels accepted invoices of which a part is gone: their channel resolved it on chain meanwhile.
func (s *Switch) cancelTorn(out *Effects) {
	var torn []*openInvoice
	for _, o := range s.invoices {
		if o.State == InvoiceAccepted && len(o.parts) != len(o.Parts) {
			torn = append(torn, o)
		}
	}
	sortByHash(torn)
	for _, o := range torn {
		s.cancel(o, InvoiceCanceled, out)
	}
}

func sortByHash(invoices []*openInvoice) {
	slices.SortFunc(invoices, func(a, b *openInvoice) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
}

// resumePayments ends attempts of which no channel knows, and payments without any.
func (s *Switch) resumePayments(outgoing map[channel.Origin]*Outgoing, preimages map[lnwire.Hash]*lnwire.Preimage, out *Effects) {
	ids := make([]uint64, 0, len(s.attempts))
	for id := range s.attempts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		a := s.attempts[id]
		o := outgoing[channel.Origin{ID: id}]
		switch {
		case o != nil && o.Preimage != nil:
			s.attemptSettled(a, *o.Preimage, out)
		case o != nil: // in flight
		case preimages[a.Hash] != nil:
			s.attemptSettled(a, *preimages[a.Hash], out)
		default:
			s.attemptRefused(id, out)
		}
	}
	var rest []lnwire.Hash
	for hash := range s.payments {
		rest = append(rest, hash)
	}
	slices.SortFunc(rest, func(a, b lnwire.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, hash := range rest {
		s.advance(s.payments[hash], out)
	}
}

// knownPreimages looks up what channels learnt, for the hashes that matter now.
func (s *Switch) knownPreimages(ev *Resume) (map[lnwire.Hash]*lnwire.Preimage, error) {
	known := map[lnwire.Hash]*lnwire.Preimage{}
	look := func(hash lnwire.Hash) error {
		if _, done := known[hash]; done {
			return nil
		}
		p, err := s.loadPreimage(hash)
		known[hash] = p
		return err
	}
	for i := range ev.Incoming {
		if err := look(ev.Incoming[i].HTLC.Hash); err != nil {
			return nil, err
		}
	}
	for hash := range s.payments {
		if err := look(hash); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// mark is what the replay record of an incoming HTLC says.
type mark struct {
	until    uint32
	recorded bool // its forward is in the history
}

// knownEnds reads the records of incoming HTLCs, and the settled invoices that they may belong to.
func (s *Switch) knownEnds(ev *Resume) (map[channel.Origin]mark, map[lnwire.Hash]*Invoice, error) {
	marks, settled := map[channel.Origin]mark{}, map[lnwire.Hash]*Invoice{}
	for i := range ev.Incoming {
		in := &ev.Incoming[i]
		if in.Peeled == nil {
			continue
		}
		if until, ok := s.replays.known[replayID(&in.Peeled.Secret)]; ok {
			v, err := s.reader.Load(replayKey(until, replayID(&in.Peeled.Secret)))
			if err != nil {
				return nil, nil, err
			}
			marks[channel.Origin{Channel: in.HTLC.Channel, ID: in.HTLC.ID}] = mark{until, len(v) > 1 && v[1] != 0}
		}
		if !in.Peeled.Final() {
			continue
		}
		inv, err := LookupInvoice(s.reader, in.HTLC.Hash)
		switch {
		case err == nil && inv.State == InvoiceSettled:
			settled[in.HTLC.Hash] = inv
		case err != nil && !errors.Is(err, ErrInvoiceUnknown):
			return nil, nil, err
		}
	}
	return marks, settled, nil
}
