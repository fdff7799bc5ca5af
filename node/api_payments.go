package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// cltvPadding is added to what the payee asks for, so that a block or two may come before the payment arrives, as in LND.
const cltvPadding = 3

// apiPayments implements rpc.Payments.
type apiPayments struct{ *api }

// SendPayment begins a payment and tells each durable step of it.
func (a apiPayments) SendPayment(_ context.Context, r rpc.SendPayment, s rpc.Sink[rpc.Payment]) (func(), error) {
	o, err := newOrder(&r, time.Now())
	if err != nil {
		return nil, err
	}
	w := &follower{sink: s, seeded: true}
	stop := a.payments.follow(r.Hash, w)
	if err := a.traffic.ask(htlc.Pay{Order: o}); err != nil {
		stop()
		return nil, paymentError(err)
	}
	return stop, nil
}

func newOrder(r *rpc.SendPayment, now time.Time) (htlc.Order, error) {
	if r.MaxPart != 0 && r.MaxPart < r.Amount {
		return htlc.Order{}, status.Error(codes.Unimplemented, "max_shard_size_msat below the amount is not supported")
	}
	o := htlc.Order{
		Details: htlc.Details{Hash: r.Hash, Metadata: r.Metadata, Keysend: r.Preimage, Custom: customRecords(r.Records)},
		Dest:    r.Dest, Amount: r.Amount, FeeLimit: r.FeeLimit, Deadline: now.Add(r.Timeout), FinalCLTV: uint32(r.FinalCLTV) + cltvPadding,
		MaxCLTV: r.CLTVLimit, MaxParts: int(max(r.MaxParts, 1)), Request: r.Request, Hints: newHints(r.Hints),
		Outgoing: r.Outgoing, LastHop: r.LastHop, TimePref: r.TimePref,
	}
	if !r.Features.IsEmpty() {
		o.Features = r.Features
		if !r.Features.Supports(lnwire.FeatureBasicMPP) {
			o.MaxParts = 1
		}
	}
	var err error
	o.Secret, err = newSecret(r.PaymentAddr)
	return o, err
}

func newSecret(addr []byte) (*[32]byte, error) {
	switch len(addr) {
	case 0:
		return nil, nil
	case 32:
		s := [32]byte(addr)
		return &s, nil
	}
	return nil, errors.New("payment address must be exactly 32 bytes")
}

// customRecords are in the order of the onion, without what travels as a field of its own.
func customRecords(in map[uint64][]byte) []onion.CustomRecord {
	var out []onion.CustomRecord
	for _, t := range slices.Sorted(maps.Keys(in)) {
		if t != onion.TypeKeysend {
			out = append(out, onion.CustomRecord{Type: t, Value: in[t]})
		}
	}
	return out
}

func newHints(in [][]rpc.HopHint) [][]router.HopHint {
	var out [][]router.HopHint
	for _, hops := range in {
		var hint []router.HopHint
		for _, h := range hops {
			hint = append(hint, router.HopHint{Node: h.Node, SCID: h.ID, FeeBase: h.BaseFee, FeeRate: h.PPM, CLTVDelta: h.CLTVDelta})
		}
		out = append(out, hint)
	}
	return out
}

func paymentError(err error) error {
	switch {
	case errors.Is(err, htlc.ErrAlreadyPaid):
		return rpc.ErrAlreadyPaid
	case errors.Is(err, htlc.ErrInFlight):
		return rpc.ErrPaymentInFlight
	case errors.Is(err, htlc.ErrPaymentUnknown):
		return rpc.ErrPaymentNotFound
	}
	return err
}

// TrackPayment shows the payment as the ledger has it, and follows it.
func (a apiPayments) TrackPayment(_ context.Context, hash lnwire.Hash, s rpc.Sink[rpc.Payment]) (func(), error) {
	w := &follower{sink: s}
	stop := a.payments.follow(hash, w)
	p, attempts, err := htlc.LookupPayment(a.ledger, hash)
	if err != nil {
		stop()
		return nil, paymentError(err)
	}
	w.seed(p, attempts)
	return stop, nil
}

// CancelPayment lets no further attempt begin.
func (a apiPayments) CancelPayment(hash lnwire.Hash) { a.traffic.post(htlc.CancelPayment{Hash: hash}) }

// SendToRoute makes one attempt, and answers when it has ended.
func (a apiPayments) SendToRoute(ctx context.Context, r rpc.SendToRoute) (rpc.Attempt, error) {
	o, route, err := a.fixedOrder(&r)
	if err != nil {
		return rpc.Attempt{}, err
	}
	ready, err := prepare(&o.Details, route)
	if err != nil {
		return rpc.Attempt{}, err
	}
	ended := make(finalSink, 1)
	stop := a.payments.follow(r.Hash, &follower{sink: ended, seeded: true})
	defer stop()
	if err := a.traffic.ask(htlc.Pay{Order: o}); err != nil {
		return rpc.Attempt{}, paymentError(err)
	}
	a.traffic.post(htlc.Routed{Hash: r.Hash, Prepared: ready})
	select {
	case p := <-ended:
		if n := len(p.Attempts); n > 0 {
			return p.Attempts[n-1], nil
		}
		// None of our channels could take it: there is no record of an attempt.
		return rpc.Attempt{
			Status: lnrpc.HTLCAttempt_FAILED, Route: r.Route, Started: p.Created, Ended: time.Now(),
			Failure: &rpc.AttemptFailure{Code: lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE},
		}, nil
	case <-ctx.Done():
		return rpc.Attempt{}, ctx.Err()
	case <-a.ctx.Done():
		return rpc.Attempt{}, a.ctx.Err()
	}
}

// finalSink keeps the end of a payment.
type finalSink chan rpc.Payment

func (s finalSink) Send(p rpc.Payment) {
	if p.Final() {
		select {
		case s <- p:
		default: // it has one end
		}
	}
}

func (s finalSink) Close(error) {}

// fixedOrder makes an order for a given route.
func (a *api) fixedOrder(r *rpc.SendToRoute) (o htlc.Order, route *router.Route, err error) {
	if route, err = givenRoute(a.ID, &r.Route); err != nil {
		return o, nil, err
	}
	last := &r.Route.Hops[len(r.Route.Hops)-1]
	o = htlc.Order{
		Details: htlc.Details{Hash: r.Hash, Total: max(last.Total, route.Amount), Metadata: last.Metadata, Custom: customRecords(last.Records)},
		Dest:    last.Node, Amount: route.Amount, FeeLimit: route.Fee, Deadline: time.Now().Add(time.Minute), MaxParts: 1, Fixed: true,
	}
	if o.Secret, err = newSecret(last.PaymentAddr); err != nil {
		return o, nil, err
	}
	if raw, ok := last.Records[onion.TypeKeysend]; ok {
		if len(raw) != len(lnwire.Preimage{}) {
			return o, nil, errors.New("keysend preimage is not of 32 bytes")
		}
		preimage := lnwire.Preimage(raw)
		o.Keysend = &preimage
	}
	return o, route, nil
}
