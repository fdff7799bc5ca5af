package htlc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

var carol = lnwire.NewPubKey(sessionKey(0x33).PubKey())

func orderOf(n byte, amount lnwire.MilliSatoshi) Order {
	_, hash := preimageOf(n)
	return Order{
		Details: Details{Hash: hash, Secret: &paySecret}, Dest: carol, Amount: amount, FeeLimit: 5000, Deadline: start.Add(time.Minute),
		FinalCLTV: 40, MaxParts: 1, Request: "lnbcrt1",
	}
}

// routeFor answers s by way of bob, who takes 1000 msat.
func routeFor(amount lnwire.MilliSatoshi) *router.Route {
	expiry := uint32(startHeight) + 40
	return &router.Route{Source: lnwire.PubKey{2}, Amount: amount, Fee: 1000, Expiry: expiry + 40, Hops: []router.Hop{
		{SCID: scidB, Node: bob, Amount: amount + 1000, Expiry: expiry + 40, Fee: 1000},
		{SCID: 0xcc, Node: carol, Amount: amount, Expiry: expiry},
	}}
}

var hopSecrets = []onion.Secret{{0xb0}, {0xca}}

func (r *rig) answer(s Seek) Effects {
	r.Helper()
	return r.step(Routed{Hash: s.Hash, Seek: s.ID, Prepared: &Prepared{Route: routeFor(s.Request.Amount), Onion: &onion.Packet{7}, Secrets: hopSecrets}})
}

// begin pays and answers the first question; it returns the attempt's origin.
func (r *rig) begin(o Order) channel.Origin {
	r.Helper()
	out := r.step(Pay{o})
	require.Len(r, out.Seeks, 1)
	_, offer := r.offered(r.answer(out.Seeks[0]))
	return offer.Origin
}

func (r *rig) payment(n byte) (*Payment, []*Attempt) {
	r.Helper()
	_, hash := preimageOf(n)
	p, attempts, err := LookupPayment(r.store, hash)
	require.NoError(r, err)
	return p, attempts
}

// failedBy is the end of an attempt that the hop failed.
func failedBy(origin channel.Origin, hop int, f onion.Failure) Ended {
	reason := onion.NewFailure(&hopSecrets[hop], &f)
	for i := hop - 1; i >= 0; i-- {
		reason = onion.Encrypt(&hopSecrets[i], reason)
	}
	return Ended{channel.Outcome{Channel: chanB, Origin: origin, Reason: reason}}
}

func TestAPaymentIsMade(t *testing.T) {
	r := newRig(t)
	preimage, hash := preimageOf(1)
	out := r.step(Pay{orderOf(1, 10_000)})
	seek := out.Seeks[0]
	require.Equal(t, lnwire.MilliSatoshi(10_000), seek.Details.Total)
	require.Equal(t, router.Request{
		Dest: carol, Amount: 10_000, FeeLimit: ptr(lnwire.MilliSatoshi(5000)), Height: startHeight, FinalCLTV: 40, MaxCLTV: MaxCLTV,
		FinalPayload: 42, PaymentSecret: true,
	}, seek.Request)
	out = r.answer(seek)
	at, offer := r.offered(out)
	require.Equal(t, chanB, at)
	require.Equal(t, channel.Offer{Amount: 11_000, Hash: hash, Expiry: uint32(startHeight) + 80, Onion: &onion.Packet{7}, Origin: channel.Origin{ID: 1}}, offer)
	_, attempts := r.payment(1)
	require.Equal(t, InFlight, attempts[0].Status, "on record with the offer")
	require.Equal(t, hopSecrets, attempts[0].Secrets)

	end := Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Preimage: &preimage}}
	out = r.step(end)
	require.True(t, out.Results[0].Settled)
	p, attempts := r.payment(1)
	require.Equal(t, &Payment{
		Hash: hash, Index: 1, Dest: carol, Amount: 10_000, FeeLimit: 5000, Created: start, Ended: start, Status: Succeeded, Preimage: &preimage, Fee: 1000,
		Request: "lnbcrt1", Attempts: []uint64{1},
	}, p)
	require.Equal(t, Succeeded, attempts[0].Status)
	require.Empty(t, attempts[0].Secrets)
	require.Empty(t, r.s.payments)
	require.Empty(t, r.step(end).Records)

	_, err := r.try(Pay{orderOf(1, 10_000)})
	require.ErrorIs(t, err, ErrAlreadyPaid)
	require.EqualError(t, err, "invoice is already paid")
}

func TestAPaymentInFlightIsNotMadeTwice(t *testing.T) {
	r := newRig(t)
	r.begin(orderOf(1, 10_000))
	_, err := r.try(Pay{orderOf(1, 10_000)})
	require.ErrorIs(t, err, ErrInFlight)
	require.EqualError(t, err, "payment is in transition")
	_, err = r.try(ForgetPayment{Hash: orderOf(1, 1).Hash})
	require.ErrorIs(t, err, ErrInFlight)
}

func TestAFailureOnTheWayIsLearntFromAndRetried(t *testing.T) {
	r := newRig(t)
	origin := r.begin(orderOf(1, 10_000))
	f := onion.Failure{Code: onion.FeeInsufficient, Amount: 11_000, Update: []byte{1}}
	out := r.step(failedBy(origin, 0, f))
	require.Equal(t, 0, out.Results[0].Hop)
	require.Equal(t, onion.FeeInsufficient, out.Results[0].Failure.Code)
	require.Len(t, out.Seeks, 1)
	_, offer := r.offered(r.answer(out.Seeks[0]))
	require.Equal(t, uint64(2), offer.Origin.ID)
	preimage, hash := preimageOf(1)
	r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Preimage: &preimage}})
	p, attempts := r.payment(1)
	require.Equal(t, Succeeded, p.Status)
	require.Equal(t, []Status{Failed, Succeeded}, []Status{attempts[0].Status, attempts[1].Status})
	require.Equal(t, onion.FeeInsufficient, attempts[0].Failure.Code)

	r.step(ForgetPayment{Hash: hash, FailedAttempts: true})
	p, attempts = r.payment(1)
	require.Len(t, attempts, 1)
	require.Equal(t, []uint64{2}, p.Attempts)
	r.step(ForgetPayment{Hash: hash})
	_, _, err := LookupPayment(r.store, hash)
	require.ErrorIs(t, err, ErrPaymentUnknown)
	_, err = r.try(ForgetPayment{Hash: hash})
	require.ErrorIs(t, err, ErrPaymentUnknown)
	for k := range r.store {
		require.NotContains(t, k, string(hash[:]))
	}
}

func TestWhatEndsAPayment(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(channel.Origin) Ended
		reason Reason // NoReason: it is tried again
		hop    int
	}{
		"unknown to the payee": {func(o channel.Origin) Ended {
			return failedBy(o, 1, onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails})
		}, IncorrectDetails, 1},
		"the payee's node failed": {func(o channel.Origin) Ended { return failedBy(o, 1, onion.Failure{Code: onion.PermanentNodeFailure}) }, Error, 1},
		"parts came too late":     {func(o channel.Origin) Ended { return failedBy(o, 1, onion.Failure{Code: onion.MPPTimeout}) }, NoReason, 1},
		"a hop pretends to be payee": {func(o channel.Origin) Ended {
			return failedBy(o, 0, onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails})
		}, NoReason, 0},
		"a permanent failure of a hop": {func(o channel.Origin) Ended {
			return failedBy(o, 0, onion.Failure{Code: onion.PermanentChannelFailure})
		}, NoReason, 0},
		"unreadable": {func(o channel.Origin) Ended {
			return Ended{channel.Outcome{Channel: chanB, Origin: o, Reason: []byte("?")}}
		}, NoReason, router.UnknownHop},
		"malformed": {func(o channel.Origin) Ended {
			return Ended{channel.Outcome{Channel: chanB, Origin: o, Malformed: &channel.Malformed{Code: uint16(onion.InvalidOnionHMAC)}}}
		}, NoReason, 0},
		"local": {func(o channel.Origin) Ended { return Ended{channel.Outcome{Channel: chanB, Origin: o, Local: true}} }, NoReason, router.LocalHop},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			out := r.step(c.end(r.begin(orderOf(1, 10_000))))
			require.Equal(t, c.hop, out.Results[0].Hop)
			_, attempts := r.payment(1)
			require.Equal(t, c.hop, attempts[0].Hop)
			if c.reason == NoReason {
				require.Len(t, out.Seeks, 1)
				return
			}
			p, _ := r.payment(1)
			require.Equal(t, Failed, p.Status)
			require.Equal(t, c.reason, p.Reason)
			require.Empty(t, out.Seeks)
		})
	}
}

func TestAFailedPaymentMayBeMadeAnew(t *testing.T) {
	r := newRig(t)
	r.step(failedBy(r.begin(orderOf(1, 10_000)), 1, onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails}))
	r.begin(orderOf(1, 10_000))
	p, attempts := r.payment(1)
	require.Equal(t, uint64(2), p.Index)
	require.Len(t, attempts, 1, "the old attempts went with the old payment")
	all, err := Payments(r.store, Page{}, true)
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestWithoutARouteAPaymentIsSplitAsFarAsItMayBe(t *testing.T) {
	r := newRig(t)
	o := orderOf(1, 4*MinPart)
	o.MaxParts = 4
	seek := r.step(Pay{o}).Seeks[0]
	require.False(t, seek.Request.MPP)
	seek = r.step(Routed{Hash: o.Hash, Seek: seek.ID, Failed: NoRoute}).Seeks[0]
	require.Equal(t, lnwire.MilliSatoshi(2*MinPart), seek.Request.Amount)
	require.True(t, seek.Request.MPP)
	out := r.answer(seek)
	require.Len(t, out.Commands, 1)
	seek = out.Seeks[0]
	require.Equal(t, lnwire.MilliSatoshi(2*MinPart), seek.Request.Amount)
	require.Equal(t, lnwire.MilliSatoshi(4000), *seek.Request.FeeLimit, "what the part in flight leaves of it")
	require.Equal(t, lnwire.MilliSatoshi(2*MinPart+1000), seek.Request.InFlight[0].Amount)
	seek = r.step(Routed{Hash: o.Hash, Seek: seek.ID, Failed: InsufficientBalance}).Seeks[0]
	require.Equal(t, lnwire.MilliSatoshi(MinPart), seek.Request.Amount)
	out = r.step(Routed{Hash: o.Hash, Seek: seek.ID, Failed: NoRoute})
	require.Empty(t, out.Seeks, "no part is smaller")
	require.Contains(t, r.s.payments, o.Hash, "one part is in flight")

	out = r.step(failedBy(channel.Origin{ID: 1}, 1, onion.Failure{Code: onion.MPPTimeout}))
	require.Empty(t, out.Seeks)
	p, _ := r.payment(1)
	require.Equal(t, NoRoute, p.Reason)
}

func TestTheLastPartIsTheWholeRest(t *testing.T) {
	r := newRig(t)
	o := orderOf(1, 8*MinPart)
	o.MaxParts = 3
	seek := r.step(Pay{o}).Seeks[0]
	for _, want := range []lnwire.MilliSatoshi{4 * MinPart, 2 * MinPart} {
		seek = r.step(Routed{Hash: o.Hash, Seek: seek.ID, Failed: NoRoute}).Seeks[0]
		require.Equal(t, want, seek.Request.Amount)
	}
	seek = r.answer(seek).Seeks[0]
	require.Equal(t, lnwire.MilliSatoshi(2*MinPart), seek.Request.Amount)
	seek = r.answer(seek).Seeks[0]
	require.Equal(t, lnwire.MilliSatoshi(4*MinPart), seek.Request.Amount)
	require.Empty(t, r.answer(seek).Seeks)
	preimage, hash := preimageOf(1)
	for id := range uint64(3) {
		r.step(Ended{channel.Outcome{Channel: chanB, Origin: channel.Origin{ID: id + 1}, Hash: hash, Preimage: &preimage}})
		p, _ := r.payment(1)
		require.Equal(t, &preimage, p.Preimage)
		require.Equal(t, map[bool]Status{false: InFlight, true: Succeeded}[id == 2], p.Status)
	}
	p, _ := r.payment(1)
	require.Equal(t, lnwire.MilliSatoshi(3000), p.Fee)
}

func TestAPreimageIsSuccessWhateverBecomesOfTheOtherParts(t *testing.T) {
	r := newRig(t)
	o := orderOf(1, 2*MinPart)
	o.MaxParts = 2
	seek := r.step(Pay{o}).Seeks[0]
	seek = r.step(Routed{Hash: o.Hash, Seek: seek.ID, Failed: NoRoute}).Seeks[0]
	seek = r.answer(seek).Seeks[0]
	r.answer(seek)
	preimage, _ := preimageOf(1)
	r.step(Ended{channel.Outcome{Channel: chanB, Origin: channel.Origin{ID: 1}, Hash: o.Hash, Preimage: &preimage}})
	out := r.step(failedBy(channel.Origin{ID: 2}, 1, onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails}))
	require.Empty(t, out.Seeks)
	p, _ := r.payment(1)
	require.Equal(t, Succeeded, p.Status)
	require.Equal(t, NoReason, p.Reason)
}

func TestTimeAndCommandStopAttemptsButNotTheOnesInFlight(t *testing.T) {
	for _, flying := range []bool{false, true} {
		for _, command := range []bool{false, true} {
			r := newRig(t)
			o := orderOf(1, 10_000)
			want := Timeout
			if flying {
				r.begin(o)
			} else {
				r.step(Pay{o})
			}
			if command {
				want = Canceled
				r.step(CancelPayment{o.Hash})
			} else {
				require.Empty(t, r.later(time.Minute-1).Records)
				r.later(1)
			}
			if flying {
				p, _ := r.payment(1)
				require.Equal(t, InFlight, p.Status)
				require.Empty(t, r.step(failedBy(channel.Origin{ID: 1}, 0, onion.Failure{Code: onion.TemporaryNodeFailure})).Seeks)
			}
			p, _ := r.payment(1)
			require.Equal(t, Failed, p.Status)
			require.Equal(t, want, p.Reason)
			require.Empty(t, r.step(Routed{Hash: o.Hash, Seek: 1, Failed: NoRoute}).Records, "an answer that comes too late")
			_, err := r.try(CancelPayment{o.Hash})
			require.ErrorIs(t, err, ErrPaymentUnknown)
		}
	}
}

func TestAChannelOfOursThatRefusesThriceIsAvoided(t *testing.T) {
	r := newRig(t)
	o := orderOf(1, 10_000)
	seek := r.step(Pay{o}).Seeks[0]
	for i := range localRefusals {
		require.Empty(t, seek.Request.IgnoredEdges)
		_, offer := r.offered(r.answer(seek))
		out := r.step(Refused{chanB, offer.Origin})
		require.Equal(t, router.LocalHop, out.Results[0].Hop)
		seek = out.Seeks[0]
		require.Equal(t, uint64(i+1), offer.Origin.ID)
	}
	require.Equal(t, []router.EdgeID{routeFor(1).Edge(0)}, seek.Request.IgnoredEdges)
	b := linkB()
	b.Up = false
	r.step(Linked{b})
	out := r.answer(seek)
	require.Empty(t, out.Commands, "a channel that went down meanwhile")
	require.Len(t, out.Seeks, 1)
}

func TestAPaymentHasAtMostMaxAttempts(t *testing.T) {
	r := newRig(t)
	seek := r.step(Pay{orderOf(1, 10_000)}).Seeks[0]
	for i := range MaxAttempts {
		_, offer := r.offered(r.answer(seek))
		out := r.step(failedBy(offer.Origin, 0, onion.Failure{Code: onion.TemporaryChannelFailure}))
		if i == MaxAttempts-1 {
			require.Empty(t, out.Seeks)
			break
		}
		seek = out.Seeks[0]
	}
	p, attempts := r.payment(1)
	require.Equal(t, NoRoute, p.Reason)
	require.Len(t, attempts, MaxAttempts)
}

func TestARouteThatBreaksItsOrderFailsThePayment(t *testing.T) {
	for name, change := range map[string]func(*Prepared){
		"fee above the limit":  func(p *Prepared) { p.Route.Fee += 5000; p.Route.Hops[0].Fee += 5000; p.Route.Hops[0].Amount += 5000 },
		"another amount":       func(p *Prepared) { p.Route = routeFor(10_001) },
		"sums that do not fit": func(p *Prepared) { p.Route.Hops[0].Amount++ },
		"an expiry that grows": func(p *Prepared) { p.Route.Hops[1].Expiry = p.Route.Hops[0].Expiry + 1 },
		"a secret is missing":  func(p *Prepared) { p.Secrets = p.Secrets[:1] },
		"no hops":              func(p *Prepared) { p.Route.Hops = nil },
	} {
		r := newRig(t)
		seek := r.step(Pay{orderOf(1, 10_000)}).Seeks[0]
		ready := &Prepared{Route: routeFor(10_000), Onion: &onion.Packet{}, Secrets: hopSecrets}
		change(ready)
		out := r.step(Routed{Hash: seek.Hash, Seek: seek.ID, Prepared: ready})
		require.Empty(t, out.Commands, name)
		p, _ := r.payment(1)
		require.Equal(t, Error, p.Reason, name)
	}
}

func TestAFixedRouteIsTriedOnce(t *testing.T) {
	r := newRig(t)
	o := orderOf(1, 10_000)
	o.Fixed = true
	require.Empty(t, r.step(Pay{o}).Seeks)
	ready := &Prepared{Route: routeFor(10_000), Onion: &onion.Packet{}, Secrets: hopSecrets}
	_, offer := r.offered(r.step(Routed{Hash: o.Hash, Prepared: ready}))
	require.Empty(t, r.step(Routed{Hash: o.Hash, Prepared: ready}).Commands)
	require.Empty(t, r.step(failedBy(offer.Origin, 0, onion.Failure{Code: onion.TemporaryChannelFailure})).Seeks)
	p, _ := r.payment(1)
	require.Equal(t, Failed, p.Status)
}

func TestOrdersThatMakeNoSenseAreRefused(t *testing.T) {
	r := newRig(t)
	for name, change := range map[string]func(*Order){
		"nothing":          func(o *Order) { o.Amount = 0 },
		"too much":         func(o *Order) { o.Amount = lnwire.MaxMilliSatoshi + 1 },
		"fee":              func(o *Order) { o.FeeLimit = lnwire.MaxMilliSatoshi + 1 },
		"total below":      func(o *Order) { o.Total = 9_999 },
		"no parts":         func(o *Order) { o.MaxParts = 0 },
		"deadline is past": func(o *Order) { o.Deadline = start },
		"keysend":          func(o *Order) { o.Keysend = &lnwire.Preimage{1} },
		"request":          func(o *Order) { o.Request = string(make([]byte, MaxRequest+1)) },
	} {
		o := orderOf(1, 10_000)
		change(&o)
		_, err := r.try(Pay{o})
		require.ErrorIs(t, err, ErrPaymentInvalid, name)
	}
}

func TestPrepareBuildsWhatTheHopsAndThePayeeExpect(t *testing.T) {
	preimage, hash := preimageOf(1)
	route := routeFor(10_000)
	route.Hops[0].Node = lnwire.NewPubKey(sessionKey(0x22).PubKey())
	d := Details{Hash: hash, Secret: &paySecret, Total: 30_000, Metadata: []byte("m"), Keysend: &preimage, Custom: []onion.CustomRecord{{Type: 70000, Value: []byte{1}}}}
	ready, err := Prepare(&d, route, sessionKey(9))
	require.NoError(t, err)
	p, err := onion.Peel(sessionKey(0x22), ready.Onion, hash, nil)
	require.NoError(t, err)
	require.Equal(t, onion.NewForward(0xcc, 10_000, uint32(startHeight)+40), *p.Payload)
	require.Equal(t, ready.Secrets[0], p.Secret)
	p, err = onion.Peel(sessionKey(0x33), p.Next, hash, nil)
	require.NoError(t, err)
	require.True(t, p.Final())
	require.Equal(t, &onion.Payload{
		Amount: ptr(lnwire.MilliSatoshi(10_000)), Expiry: ptr(uint32(startHeight) + 40), PaymentData: &onion.PaymentData{Secret: paySecret, Total: 30_000},
		Metadata: []byte("m"), Keysend: &preimage, Custom: d.Custom,
	}, p.Payload)
	route.Hops[1].Amount++
	_, err = Prepare(&d, route, sessionKey(9))
	require.ErrorIs(t, err, ErrRoute)
}

func TestHopelessPaymentIsNotSplit(t *testing.T) {
	r := newRig(t)
	o := orderOf(1, 4*MinPart)
	o.MaxParts = 4
	seek := r.step(Pay{o}).Seeks[0]
	out := r.step(Routed{Hash: o.Hash, Seek: seek.ID, Failed: InsufficientBalance, Hopeless: true})
	require.Empty(t, out.Seeks)
	p, _ := r.payment(1)
	require.Equal(t, InsufficientBalance, p.Reason)
}
