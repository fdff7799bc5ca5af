package htlc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

var paySecret = [32]byte{5, 5}

func invoiceOf(n byte, amount lnwire.MilliSatoshi) Invoice {
	preimage, hash := preimageOf(n)
	return Invoice{Hash: hash, Preimage: &preimage, Secret: paySecret, Amount: amount, FinalCLTV: 40, Expires: start.Add(time.Hour), Memo: "tea", Request: "lnbcrt1"}
}

func holdInvoice(n byte, amount lnwire.MilliSatoshi) Invoice {
	inv := invoiceOf(n, amount)
	inv.Preimage, inv.Hold = nil, true
	return inv
}

// part is an HTLC of amount for invoice n, of a payment of total.
func (r *rig) part(n byte, amount, total lnwire.MilliSatoshi) Incoming {
	_, hash := preimageOf(n)
	expiry := uint32(r.height) + 40
	return r.incoming(hash, amount, expiry, onion.Payload{Amount: &amount, Expiry: &expiry, PaymentData: &onion.PaymentData{Secret: paySecret, Total: total}})
}

func TestAnInvoiceIsPaid(t *testing.T) {
	r := newRig(t)
	out := r.step(AddInvoice{invoiceOf(1, 1000)})
	added := noticesOf[InvoiceChanged](out)[0].Invoice
	require.Equal(t, InvoiceOpen, added.State)
	require.Equal(t, uint64(1), added.AddIndex)
	require.Equal(t, start, added.Created)

	preimage, hash := preimageOf(1)
	in := r.part(1, 1000, 1000)
	out = r.step(in)
	r.settled(out, preimage, in.HTLC.ID)
	got, err := LookupInvoice(r.store, hash)
	require.NoError(t, err)
	require.Equal(t, noticesOf[InvoiceChanged](out)[0].Invoice, *got)
	require.Equal(t, InvoiceSettled, got.State)
	require.Equal(t, uint64(1), got.SettleIndex)
	require.Equal(t, lnwire.MilliSatoshi(1000), got.Paid)
	require.Equal(t, []Part{{
		At: channel.Origin{Channel: chanA, ID: in.HTLC.ID}, SCID: scidA, Amount: 1000, Total: 1000, Expiry: in.HTLC.Expiry, Height: startHeight, Accepted: start,
	}}, got.Parts)
	require.Empty(t, r.s.invoices)
	require.NotContains(t, r.store, string(openInvoiceKey(hash)))

	again := r.part(1, 1000, 1000)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(again), again.HTLC.ID).Code, "the payment hash has already been paid")
}

func TestPaymentsThatDoNotFitTheirInvoiceAreRefused(t *testing.T) {
	unknown := func(in *Incoming) onion.Failure {
		return onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, Amount: in.HTLC.Amount, Height: startHeight}
	}
	for name, c := range map[string]struct {
		change func(in *Incoming)
		want   func(in *Incoming) onion.Failure
	}{
		"unknown hash":    {func(in *Incoming) { in.HTLC.Hash[0]++ }, unknown},
		"wrong secret":    {func(in *Incoming) { in.Peeled.Payload.PaymentData.Secret[31]++ }, unknown},
		"no secret":       {func(in *Incoming) { in.Peeled.Payload.PaymentData = nil }, unknown},
		"less than asked": {func(in *Incoming) { in.Peeled.Payload.PaymentData.Total = 999 }, unknown},
		"more than twice": {func(in *Incoming) { in.Peeled.Payload.PaymentData.Total = 2001 }, unknown},
		"too near":        {func(in *Incoming) { in.HTLC.Expiry--; *in.Peeled.Payload.Expiry = 0 }, unknown},
		"expiry below the onion's": {func(in *Incoming) { in.HTLC.Expiry-- }, func(in *Incoming) onion.Failure {
			return onion.Failure{Code: onion.FinalIncorrectCLTVExpiry, Expiry: in.HTLC.Expiry}
		}},
		"amount below the onion's": {func(in *Incoming) { in.HTLC.Amount-- }, func(in *Incoming) onion.Failure {
			return onion.Failure{Code: onion.FinalIncorrectHTLCAmount, Amount: 999}
		}},
		"more than there is, twice": {func(in *Incoming) { in.HTLC.Amount = lnwire.MaxMilliSatoshi + 1 }, func(in *Incoming) onion.Failure {
			return onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, Amount: lnwire.MaxMilliSatoshi + 1, Height: startHeight}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.step(AddInvoice{invoiceOf(1, 1000)})
			in := r.part(1, 1000, 1000)
			c.change(&in)
			f := r.failure(r.step(in), in.HTLC.ID)
			f.Extra = nil
			require.Equal(t, c.want(&in), f)
			good := r.part(1, 1000, 1000)
			preimage, _ := preimageOf(1)
			r.settled(r.step(good), preimage, good.HTLC.ID)
		})
	}
}

func TestAPaymentThatItsChannelDoomedIsFailedByTheNode(t *testing.T) {
	r := newRig(t)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	in := r.part(1, 1000, 1000)
	in.HTLC.Doomed = true
	require.Equal(t, onion.TemporaryNodeFailure, r.failure(r.step(in), in.HTLC.ID).Code)
}

func TestTwiceTheAmountIsTakenAndAnyAmountWhereNoneIsAsked(t *testing.T) {
	preimage, _ := preimageOf(1)
	r := newRig(t)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	in := r.part(1, 2000, 2000)
	r.settled(r.step(in), preimage, in.HTLC.ID)

	r = newRig(t)
	r.step(AddInvoice{invoiceOf(1, 0)})
	in = r.part(1, 5, 5)
	r.settled(r.step(in), preimage, in.HTLC.ID)
}

func TestPartsAreSettledTogetherWhenTheLastOneIsHere(t *testing.T) {
	r := newRig(t)
	preimage, hash := preimageOf(1)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	a, b, c := r.part(1, 400, 1000), r.part(1, 400, 1000), r.part(1, 300, 1000)
	require.Empty(t, r.step(a).Commands)
	require.Empty(t, r.step(b).Commands)
	r.settled(r.step(c), preimage, a.HTLC.ID, b.HTLC.ID, c.HTLC.ID)
	got, err := LookupInvoice(r.store, hash)
	require.NoError(t, err)
	require.Equal(t, lnwire.MilliSatoshi(1100), got.Paid)
	require.Len(t, got.Parts, 3)
	require.Empty(t, r.later(2*SetTimeout).Commands)
}

func TestPartsWhoseRestDoesNotComeFailAfterAMinute(t *testing.T) {
	r := newRig(t)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	a := r.part(1, 400, 1000)
	r.step(a)
	r.later(SetTimeout / 2)
	b := r.part(1, 400, 1000)
	r.step(b)
	require.Empty(t, r.later(SetTimeout/2-1).Commands)
	out := r.later(1)
	require.Len(t, out.Commands, 2)
	require.Equal(t, onion.MPPTimeout, r.failureOf(out.Commands[0], a.HTLC.ID).Code)
	require.Equal(t, onion.MPPTimeout, r.failureOf(out.Commands[1], b.HTLC.ID).Code)

	preimage, _ := preimageOf(1)
	whole := r.part(1, 1000, 1000)
	r.settled(r.step(whole), preimage, whole.HTLC.ID)
}

func TestPartsThatDisagreeAboutTheTotalFailTogether(t *testing.T) {
	r := newRig(t)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	a, b := r.part(1, 400, 1000), r.part(1, 400, 1001)
	r.step(a)
	out := r.step(b)
	require.Len(t, out.Commands, 2)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failureOf(out.Commands[0], a.HTLC.ID).Code)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failureOf(out.Commands[1], b.HTLC.ID).Code)
}

func TestAPaymentHasAtMostMaxParts(t *testing.T) {
	r := newRig(t)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	for range MaxParts {
		require.Empty(t, r.step(r.part(1, 1, 1000)).Commands)
	}
	over := r.part(1, 1, 1000)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(over), over.HTLC.ID).Code)
}

func TestHoldInvoicesWaitForTheirPreimage(t *testing.T) {
	r := newRig(t)
	preimage, hash := preimageOf(1)
	r.step(AddInvoice{holdInvoice(1, 1000)})
	_, err := r.try(SettleInvoice{preimage})
	require.ErrorIs(t, err, ErrInvoiceOpen)
	a, b := r.part(1, 400, 1000), r.part(1, 600, 1000)
	r.step(a)
	_, err = r.try(SettleInvoice{preimage})
	require.ErrorIs(t, err, ErrInvoiceOpen)
	out := r.step(b)
	require.Empty(t, out.Commands)
	require.Equal(t, InvoiceAccepted, noticesOf[InvoiceChanged](out)[0].Invoice.State)
	require.Empty(t, r.later(24*time.Hour).Commands, "accepted is neither expired nor timed out")
	late := r.part(1, 1, 1000)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(late), late.HTLC.ID).Code)

	r.settled(r.step(SettleInvoice{preimage}), preimage, a.HTLC.ID, b.HTLC.ID)
	got, err := LookupInvoice(r.store, hash)
	require.NoError(t, err)
	require.Equal(t, &preimage, got.Preimage)
	for _, ev := range []Event{SettleInvoice{preimage}, CancelInvoice{hash}} {
		_, err = r.try(ev)
		require.ErrorIs(t, err, ErrInvoiceSettled)
		require.ErrorIs(t, err, ErrRefused)
	}
}

func TestAHeldPaymentIsGivenBackOnCommandAndBeforeItEndangersItsChannel(t *testing.T) {
	for _, near := range []bool{false, true} {
		r := newRig(t)
		_, hash := preimageOf(1)
		r.step(AddInvoice{holdInvoice(1, 1000)})
		in := r.part(1, 1000, 1000)
		r.step(in)
		var out Effects
		if near {
			for r.height+HoldMargin < lnwire.Height(in.HTLC.Expiry) {
				require.Empty(t, r.block().Commands)
			}
			out = r.block()
		} else {
			out = r.step(CancelInvoice{hash})
		}
		require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(out, in.HTLC.ID).Code)
		require.Equal(t, InvoiceCanceled, noticesOf[InvoiceChanged](out)[0].Invoice.State)
		_, err := r.try(CancelInvoice{hash})
		require.ErrorIs(t, err, ErrInvoiceCanceled)
	}
}

func TestAnInvoiceExpiresUnlessPartsAreHere(t *testing.T) {
	r := newRig(t)
	_, hash := preimageOf(1)
	r.step(AddInvoice{invoiceOf(1, 1000)})
	r.step(AddInvoice{invoiceOf(2, 1000)})
	r.later(time.Hour - 2)
	part := r.part(2, 400, 1000)
	r.step(part)
	r.later(1)
	require.Len(t, r.s.invoices, 2)
	out := r.later(1)
	require.Empty(t, out.Commands)
	require.Equal(t, InvoiceExpired, noticesOf[InvoiceChanged](out)[0].Invoice.State)
	in := r.part(1, 1000, 1000)
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(in), in.HTLC.ID).Code)
	_, err := r.try(CancelInvoice{hash})
	require.ErrorIs(t, err, ErrInvoiceCanceled)

	preimage, _ := preimageOf(2)
	rest := r.part(2, 600, 1000)
	r.settled(r.step(rest), preimage, part.HTLC.ID, rest.HTLC.ID)
}

func TestInvoicesThatMakeNoSenseAreRefused(t *testing.T) {
	r := newRig(t)
	for name, change := range map[string]func(*Invoice){
		"another preimage": func(i *Invoice) { i.Preimage[0]++ },
		"no preimage":      func(i *Invoice) { i.Preimage = nil },
		"delta too short":  func(i *Invoice) { i.FinalCLTV = MinFinalCLTV - 1 },
		"delta too long":   func(i *Invoice) { i.FinalCLTV = MaxFinalCLTV + 1 },
		"too much":         func(i *Invoice) { i.Amount = lnwire.MaxMilliSatoshi/2 + 1 },
		"expired":          func(i *Invoice) { i.Expires = start },
		"memo too long":    func(i *Invoice) { i.Memo = string(make([]byte, MaxMemo+1)) },
		"request too long": func(i *Invoice) { i.Request = string(make([]byte, MaxRequest+1)) },
	} {
		inv := invoiceOf(1, 1000)
		change(&inv)
		_, err := r.try(AddInvoice{inv})
		require.ErrorIs(t, err, ErrInvoiceInvalid, name)
	}
	edge := invoiceOf(1, lnwire.MaxMilliSatoshi/2)
	edge.FinalCLTV, edge.Memo, edge.Request = MinFinalCLTV, string(make([]byte, MaxMemo)), string(make([]byte, MaxRequest))
	r.step(AddInvoice{edge})
	_, err := r.try(AddInvoice{invoiceOf(1, 1000)})
	require.ErrorIs(t, err, ErrInvoiceExists)
	_, hash := preimageOf(1)
	r.step(CancelInvoice{hash})
	_, err = r.try(AddInvoice{invoiceOf(1, 1000)})
	require.ErrorIs(t, err, ErrInvoiceExists, "also once it ended")
	_, err = r.try(CancelInvoice{lnwire.Hash{3}})
	require.ErrorIs(t, err, ErrInvoiceUnknown)
	_, err = r.try(SettleInvoice{lnwire.Preimage{3}})
	require.ErrorIs(t, err, ErrInvoiceUnknown)
}

func TestKeysendIsTakenWithTheRightPreimageOnly(t *testing.T) {
	r := newRig(t)
	preimage, hash := preimageOf(1)
	make := func() Incoming {
		in := r.part(1, 1000, 1000)
		in.Peeled.Payload.PaymentData, in.Peeled.Payload.Keysend = nil, &preimage
		in.Peeled.Payload.Custom = []onion.CustomRecord{{Type: 7629169, Value: []byte("hello")}}
		return in
	}
	wrong := make()
	wrong.Peeled.Payload.Keysend = &lnwire.Preimage{1}
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(wrong), wrong.HTLC.ID).Code)
	near := make()
	near.HTLC.Expiry, near.Peeled.Payload.Expiry = uint32(r.height)+MinFinalCLTV-1, ptr(uint32(1))
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(near), near.HTLC.ID).Code)

	in := make()
	r.settled(r.step(in), preimage, in.HTLC.ID)
	got, err := LookupInvoice(r.store, hash)
	require.NoError(t, err)
	require.True(t, got.Keysend)
	require.Equal(t, in.Peeled.Payload.Custom, got.Parts[0].Custom)
	again := make()
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(again), again.HTLC.ID).Code)

	r.s.options.Keysend = false
	_, other := preimageOf(2)
	off := make()
	off.HTLC.Hash = other
	require.Equal(t, onion.IncorrectOrUnknownPaymentDetails, r.failure(r.step(off), off.HTLC.ID).Code)
}

func TestThePathIDProvesABlindedPayment(t *testing.T) {
	preimage, _ := preimageOf(1)
	for _, c := range []struct {
		id   []byte
		data onion.RecipientData
		good bool
	}{
		{paySecret[:], onion.RecipientData{}, true},
		{paySecret[:31], onion.RecipientData{}, false},
		{nil, onion.RecipientData{}, false},
		{paySecret[:], onion.RecipientData{Constraints: &onion.Constraints{MaxExpiry: 1}}, false},
	} {
		r := newRig(t)
		r.step(AddInvoice{invoiceOf(1, 1000)})
		in := r.part(1, 1000, 0)
		in.HTLC.Blinding = &lnwire.PubKey{2}
		in.Peeled.Payload.PaymentData, in.Peeled.Payload.Total = nil, ptr(lnwire.MilliSatoshi(1000))
		c.data.PathID = c.id
		in.Peeled.Blinded = &onion.Blinded{Data: c.data}
		out := r.step(in)
		if c.good {
			r.settled(out, preimage, in.HTLC.ID)
			continue
		}
		require.Equal(t, uint16(onion.InvalidOnionBlinding), out.Commands[0].Event.(channel.RejectMalformed).Code)
	}
}
