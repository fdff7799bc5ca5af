package htlc

import (
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// counters number what there is, from one up.
type counters struct{ add, settle, payment, attempt uint64 }

func (c *counters) record() Record {
	w := newWriter()
	w.num(c.add)
	w.num(c.settle)
	w.num(c.payment)
	w.num(c.attempt)
	return Record{[]byte(keyCounters), w.b}
}

func (c *counters) decode(b []byte) error {
	r := newReader(b)
	*c = counters{r.num(), r.num(), r.num(), r.num()}
	return r.done("counters")
}

func (s *Switch) writeInvoice(inv *Invoice, out *Effects) {
	out.Records = append(out.Records, Record{invoiceKey(inv.Hash), inv.encode()})
}

func (inv *Invoice) encode() []byte {
	w := newWriter()
	w.raw(inv.Hash[:])
	w.preimage(inv.Preimage)
	w.raw(inv.Secret[:])
	w.msat(inv.Amount)
	w.num(uint64(inv.FinalCLTV))
	w.flag(inv.Hold)
	w.flag(inv.Keysend)
	w.time(inv.Created)
	w.time(inv.Expires)
	w.bytes([]byte(inv.Memo))
	w.bytes([]byte(inv.Request))
	w.num(uint64(inv.State))
	w.num(inv.AddIndex)
	w.num(inv.SettleIndex)
	w.time(inv.Ended)
	w.msat(inv.Paid)
	w.num(uint64(len(inv.Parts)))
	for i := range inv.Parts {
		p := &inv.Parts[i]
		w.raw(p.At.Channel[:])
		w.num(p.At.ID)
		w.num(uint64(p.SCID))
		w.msat(p.Amount)
		w.msat(p.Total)
		w.num(uint64(p.Expiry))
		w.num(uint64(p.Height))
		w.time(p.Accepted)
		w.num(uint64(len(p.Custom)))
		for _, c := range p.Custom {
			w.num(c.Type)
			w.bytes(c.Value)
		}
	}
	return w.b
}

func decodeInvoice(b []byte) (*Invoice, error) {
	r := newReader(b)
	inv := &Invoice{}
	r.raw(inv.Hash[:])
	inv.Preimage = r.preimage()
	r.raw(inv.Secret[:])
	inv.Amount = r.msat()
	inv.FinalCLTV = r.u32()
	inv.Hold, inv.Keysend = r.flag(), r.flag()
	inv.Created, inv.Expires = r.time(), r.time()
	inv.Memo, inv.Request = string(r.bytes()), string(r.bytes())
	inv.State = InvoiceState(r.small(uint64(InvoiceExpired)))
	inv.AddIndex, inv.SettleIndex = r.num(), r.num()
	inv.Ended = r.time()
	inv.Paid = r.msat()
	for range r.small(MaxParts) {
		p := Part{}
		r.raw(p.At.Channel[:])
		p.At.ID = r.num()
		p.SCID = lnwire.ShortChannelID(r.num())
		p.Amount, p.Total = r.msat(), r.msat()
		p.Expiry, p.Height = r.u32(), lnwire.Height(r.u32())
		p.Accepted = r.time()
		for range r.small(MaxCustomSize) {
			p.Custom = append(p.Custom, onion.CustomRecord{Type: r.num(), Value: r.bytes()})
			if r.err != nil {
				break
			}
		}
		if r.err != nil {
			break
		}
		inv.Parts = append(inv.Parts, p)
	}
	if err := r.done("invoice"); err != nil {
		return nil, err
	}
	return inv, nil
}

func (s *Switch) writePayment(p *Payment, out *Effects) {
	out.Records = append(out.Records, Record{paymentKey(p.Hash), p.encode()})
}

func (p *Payment) encode() []byte {
	w := newWriter()
	w.raw(p.Hash[:])
	w.num(p.Index)
	w.raw(p.Dest[:])
	w.msat(p.Amount)
	w.msat(p.FeeLimit)
	w.time(p.Created)
	w.time(p.Ended)
	w.num(uint64(p.Status))
	w.num(uint64(p.Reason))
	w.preimage(p.Preimage)
	w.msat(p.Fee)
	w.bytes([]byte(p.Request))
	w.num(uint64(len(p.Attempts)))
	for _, id := range p.Attempts {
		w.num(id)
	}
	return w.b
}

func decodePayment(b []byte) (*Payment, error) {
	r := newReader(b)
	p := &Payment{}
	r.raw(p.Hash[:])
	p.Index = r.num()
	r.raw(p.Dest[:])
	p.Amount, p.FeeLimit = r.msat(), r.msat()
	p.Created, p.Ended = r.time(), r.time()
	p.Status = Status(r.small(uint64(Failed)))
	p.Reason = Reason(r.small(uint64(Canceled)))
	p.Preimage = r.preimage()
	p.Fee = r.msat()
	p.Request = string(r.bytes())
	for range r.small(MaxAttempts) {
		p.Attempts = append(p.Attempts, r.num())
	}
	if err := r.done("payment"); err != nil {
		return nil, err
	}
	return p, nil
}

func (s *Switch) writeAttempt(a *Attempt, out *Effects) {
	out.Records = append(out.Records, Record{attemptKey(a.Hash, a.ID), a.encode()})
}

func (a *Attempt) encode() []byte {
	w := newWriter()
	w.num(a.ID)
	w.raw(a.Hash[:])
	w.num(uint64(a.Status))
	w.time(a.Started)
	w.time(a.Ended)
	w.preimage(a.Preimage)
	w.num(uint64(a.Hop - router.UnknownHop)) // the least there is
	w.bytes(a.Failure.Encode())
	r := &a.Route
	w.raw(r.Source[:])
	w.msat(r.Amount)
	w.msat(r.Fee)
	w.num(uint64(r.Expiry))
	w.num(uint64(len(r.Hops)))
	for i := range r.Hops {
		h := &r.Hops[i]
		w.num(uint64(h.SCID))
		w.raw(h.Node[:])
		w.msat(h.Amount)
		w.num(uint64(h.Expiry))
		w.msat(h.Fee)
		w.msat(h.Capacity)
	}
	w.num(uint64(len(a.Secrets)))
	for i := range a.Secrets {
		w.raw(a.Secrets[i][:])
	}
	return w.b
}

func decodeAttempt(b []byte) (*Attempt, error) {
	r := newReader(b)
	a := &Attempt{ID: r.num()}
	r.raw(a.Hash[:])
	a.Status = Status(r.small(uint64(Failed)))
	a.Started, a.Ended = r.time(), r.time()
	a.Preimage = r.preimage()
	a.Hop = int(r.small(onion.MaxHops+2)) + router.UnknownHop
	if f, err := onion.DecodeFailure(r.bytes()); err == nil {
		a.Failure = f
	} else {
		a.Failure.Code = f.Code
	}
	t := &a.Route
	r.raw(t.Source[:])
	t.Amount, t.Fee, t.Expiry = r.msat(), r.msat(), r.u32()
	for range r.small(onion.MaxHops) {
		h := router.Hop{SCID: lnwire.ShortChannelID(r.num())}
		r.raw(h.Node[:])
		h.Amount, h.Expiry, h.Fee, h.Capacity = r.msat(), r.u32(), r.msat(), r.msat()
		t.Hops = append(t.Hops, h)
	}
	for range r.small(onion.MaxHops) {
		var secret onion.Secret
		r.raw(secret[:])
		a.Secrets = append(a.Secrets, secret)
	}
	if err := r.done("attempt"); err != nil {
		return nil, err
	}
	return a, nil
}

// Forward is the record of a forward that was settled.
type Forward struct {
	Time            time.Time // of its own: no two have the same
	In              channel.Origin
	InSCID, OutSCID lnwire.ShortChannelID
	AmountIn        lnwire.MilliSatoshi
	AmountOut       lnwire.MilliSatoshi
}

// Fee is what was earned. It may be negative only in the sense of an inbound discount, which never exceeds the outbound fee.
func (f *Forward) Fee() lnwire.MilliSatoshi { return f.AmountIn - f.AmountOut }

func (f *Forward) encode() []byte {
	w := newWriter()
	w.raw(f.In.Channel[:])
	w.num(f.In.ID)
	w.num(uint64(f.InSCID))
	w.num(uint64(f.OutSCID))
	w.msat(f.AmountIn)
	w.msat(f.AmountOut)
	return w.b
}

func decodeForward(nanos uint64, b []byte) (*Forward, error) {
	r := newReader(b)
	f := &Forward{Time: time.Unix(0, int64(nanos)).UTC()}
	r.raw(f.In.Channel[:])
	f.In.ID = r.num()
	f.InSCID, f.OutSCID = lnwire.ShortChannelID(r.num()), lnwire.ShortChannelID(r.num())
	f.AmountIn, f.AmountOut = r.msat(), r.msat()
	if err := r.done("forward"); err != nil {
		return nil, err
	}
	return f, nil
}

// recordForward appends f to the history and marks its onion, so that a restart does not append it again.
func (s *Switch) recordForward(f *forward, out *Effects) {
	t := s.now
	if !t.After(s.lastForward) {
		t = s.lastForward.Add(1)
	}
	s.lastForward = t
	rec := Forward{
		Time: t, In: f.at, InSCID: s.links[f.at.Channel].name(), OutSCID: s.links[f.out].name(),
		AmountIn: f.amount, AmountOut: f.request.amount,
	}
	out.Records = append(out.Records,
		Record{forwardKey(uint64(t.UnixNano())), rec.encode()},
		Record{replayKey(f.replay, replayID(&f.secret)), []byte{recordVersion, 1}})
}
