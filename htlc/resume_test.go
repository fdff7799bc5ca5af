package htlc

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// learn writes what a peer loop would have, in the batch in which its channel learnt the preimage.
func (r *rig) learn(hash lnwire.Hash, preimage lnwire.Preimage) {
	rec, ok := PreimageRecord(&channel.Outcome{Hash: hash, Preimage: &preimage}, r.height)
	require.True(r, ok)
	r.store.apply([]Record{rec})
}

func outgoingOf(o channel.Offer) Outgoing {
	return Outgoing{Channel: chanB, Origin: o.Origin, Hash: o.Hash, Amount: o.Amount, Expiry: o.Expiry}
}

func TestAForwardSurvivesARestartAtEachOfItsSteps(t *testing.T) {
	preimage, hash := preimageOf(1)
	for name, c := range map[string]struct {
		out      bool // the outgoing HTLC exists
		shown    bool // its channel has the preimage
		learnt   bool // the preimage is on record
		recorded bool // the Switch had recorded the forward
		want     string
	}{
		"never offered":                           {want: "reject"},
		"in flight":                               {out: true, want: "wait"},
		"fulfilled, and the Switch did not know":  {out: true, shown: true, learnt: true, want: "settle"},
		"fulfilled and removed, but not recorded": {learnt: true, want: "settle"},
		"fulfilled, removed and recorded":         {learnt: true, recorded: true, want: "settle"},
		"fulfilled and recorded, not yet removed": {out: true, shown: true, learnt: true, recorded: true, want: "settle"},
		"fulfilled long ago, a period of heights": {learnt: true, want: "settle"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in := r.toForward(hash)
			_, offer := r.offered(r.step(in))
			if c.recorded {
				r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Preimage: &preimage}})
			}
			if c.learnt {
				r.learn(hash, preimage)
			}
			r.height += preimagePeriod / 3
			o := outgoingOf(offer)
			ev := Resume{Incoming: []Incoming{in}}
			if c.shown {
				o.Preimage = &preimage
			}
			if c.out {
				ev.Outgoing = []Outgoing{o}
			}
			out := r.restart(ev)
			forwards, err := Forwards(r.store, start, r.now.Add(1000), 0, 0)
			require.NoError(t, err)
			switch c.want {
			case "wait":
				require.Empty(t, out.Commands)
				out = r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Preimage: &preimage}})
				r.settled(out, preimage, in.HTLC.ID)
			case "settle":
				r.settled(out, preimage, in.HTLC.ID)
				require.Len(t, forwards, 1, "on record exactly once")
				require.Equal(t, scidB, forwards[0].OutSCID)
			default:
				require.Equal(t, onion.TemporaryChannelFailure, r.failure(out, in.HTLC.ID).Code)
				require.Empty(t, forwards)
			}
		})
	}
}

func TestAttemptsAreEndedByWhatTheChannelsKnow(t *testing.T) {
	preimage, hash := preimageOf(1)
	for name, c := range map[string]struct {
		out, shown, learnt bool
		want               Status
		hop                int
	}{
		"no channel has it":                {want: Failed, hop: router.LocalHop},
		"in flight":                        {out: true, want: InFlight},
		"fulfilled":                        {out: true, shown: true, want: Succeeded},
		"fulfilled, removed and on record": {learnt: true, want: Succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			seek := r.step(Pay{orderOf(1, 10_000)}).Seeks[0]
			_, offer := r.offered(r.answer(seek))
			o := outgoingOf(offer)
			ev := Resume{}
			if c.shown {
				o.Preimage = &preimage
			}
			if c.out {
				ev.Outgoing = []Outgoing{o}
			}
			if c.learnt {
				r.learn(hash, preimage)
			}
			out := r.restart(ev)
			require.Empty(t, out.Commands)
			require.Empty(t, out.Seeks)
			p, attempts := r.payment(1)
			require.Equal(t, c.want, p.Status)
			require.Equal(t, c.want, attempts[0].Status)
			switch c.want {
			case Failed:
				require.Equal(t, Error, p.Reason)
				require.Equal(t, c.hop, attempts[0].Hop)
			case InFlight:
				_, err := r.try(Pay{orderOf(1, 10_000)})
				require.ErrorIs(t, err, ErrInFlight)
				out = r.step(failedBy(offer.Origin, 1, onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails}))
				require.Equal(t, 1, out.Results[0].Hop, "the secrets were on record")
				p, _ = r.payment(1)
				require.Equal(t, IncorrectDetails, p.Reason)
			case Succeeded:
				require.Equal(t, &preimage, p.Preimage)
				require.Equal(t, lnwire.MilliSatoshi(1000), p.Fee)
			}
		})
	}
}

func TestAPaymentWithoutAnAttemptEndsWithTheRestart(t *testing.T) {
	r := newRig(t)
	r.step(Pay{orderOf(1, 10_000)})
	r.restart(Resume{})
	p, _ := r.payment(1)
	require.Equal(t, Failed, p.Status)
	require.Equal(t, Error, p.Reason)
}

func TestPartsOfASettledPaymentAreSettledAgain(t *testing.T) {
	r := newRig(t)
	preimage, _ := preimageOf(1)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	a, b := r.part(1, 500, 1000), r.part(1, 500, 1000)
	r.step(a)
	r.step(b)
	stranger := r.part(1, 1000, 1000)
	out := r.restart(Resume{Incoming: []Incoming{a, b, stranger}})
	require.Len(t, out.Commands, 3)
	require.Equal(t, channel.Settle{ID: a.HTLC.ID, Preimage: preimage}, out.Commands[0].Event)
	require.Equal(t, channel.Settle{ID: b.HTLC.ID, Preimage: preimage}, out.Commands[1].Event)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failureOf(out.Commands[2], stranger.HTLC.ID).Code, "it was no part of it")
}

func TestAPartialPaymentWaitsAnewAfterARestart(t *testing.T) {
	r := newRig(t)
	preimage, _ := preimageOf(1)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	a := r.part(1, 500, 1000)
	r.step(a)
	require.Empty(t, r.restart(Resume{Incoming: []Incoming{a}}).Commands)
	b := r.part(1, 500, 1000)
	r.settled(r.step(b), preimage, a.HTLC.ID, b.HTLC.ID)
}

func TestAHeldPaymentIsHeldOnUnlessAPartIsGone(t *testing.T) {
	preimage, _ := preimageOf(1)
	for _, torn := range []bool{false, true} {
		r := newRig(t)
		r.step(AddInvoice{holdInvoice(1, 1000)})
		a, b := r.part(1, 500, 1000), r.part(1, 500, 1000)
		r.step(a)
		r.step(b)
		r.height += 10 // by now a new HTLC with this expiry would be refused
		if torn {
			out := r.restart(Resume{Incoming: []Incoming{a}})
			require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(out, a.HTLC.ID).Code)
			require.Equal(t, InvoiceCanceled, noticesOf[InvoiceChanged](out)[0].Invoice.State)
			continue
		}
		require.Empty(t, r.restart(Resume{Incoming: []Incoming{a, b}}).Commands)
		r.settled(r.step(SettleInvoice{preimage}), preimage, a.HTLC.ID, b.HTLC.ID)
	}
}

func TestPreimagesAreForgottenWhenNoForwardCanNeedThem(t *testing.T) {
	r := newRig(t)
	preimage, hash := preimageOf(1)
	r.learn(hash, preimage)
	kept := len(r.store)
	r.height += 2 * MaxCLTV
	r.step(Tick{r.now, r.height})
	require.Len(t, r.store, kept)
	r.height += 2 * preimagePeriod
	r.step(Tick{r.now, r.height})
	require.Len(t, r.store, kept-1)
	_, ok := PreimageRecord(&channel.Outcome{Hash: hash}, r.height)
	require.False(t, ok)
}

func TestTheOverlayShowsWhatIsQueuedUntilTheStoreDoes(t *testing.T) {
	store := memory{"a": []byte("old")}
	o := NewOverlay(store)
	load := func(k string) string {
		v, err := o.Load([]byte(k))
		require.NoError(t, err)
		return string(v)
	}
	first := o.Queued([]Record{{[]byte("a"), []byte("one")}, {[]byte("b"), []byte("one")}})
	second := o.Queued([]Record{{[]byte("a"), []byte("two")}, {[]byte("b"), nil}})
	require.Equal(t, []string{"two", ""}, []string{load("a"), load("b")})
	store.apply([]Record{{[]byte("a"), []byte("one")}, {[]byte("b"), []byte("one")}})
	o.Durable(first)
	require.Equal(t, []string{"two", ""}, []string{load("a"), load("b")}, "the newer write still counts")
	store.apply([]Record{{[]byte("a"), []byte("two")}, {[]byte("b"), nil}})
	o.Durable(second)
	require.Empty(t, o.queued)
	require.Empty(t, o.fifo)
	require.Equal(t, []string{"two", ""}, []string{load("a"), load("b")})
}
