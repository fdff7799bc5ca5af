package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/invoice"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// Defaults of an invoice, LND's.
const (
	defaultExpiry    = 24 * time.Hour
	defaultFinalCLTV = 80
	maxPrivateHints  = 20
)

// apiInvoices implements rpc.Invoices and rpc.PayReqs.
type apiInvoices struct{ *api }

// AddInvoice answers when the invoice is durable.
func (a apiInvoices) AddInvoice(_ context.Context, r rpc.AddInvoice) (rpc.Invoice, error) {
	now := time.Now()
	rec := htlc.Invoice{
		Preimage: r.Preimage, Amount: r.Amount, FinalCLTV: uint32(cmp.Or(r.FinalCLTV, defaultFinalCLTV)), Created: now, Memo: r.Memo,
	}
	if rec.FinalCLTV > htlc.MaxFinalCLTV {
		return rpc.Invoice{}, fmt.Errorf("CLTV delta of %d is too large, max accepted is: %d", rec.FinalCLTV, htlc.MaxFinalCLTV)
	}
	if rec.Preimage == nil {
		rec.Preimage = new(lnwire.Preimage)
		rand.Read(rec.Preimage[:]) // never fails
	}
	rec.Hash = sha256.Sum256(rec.Preimage[:])
	rand.Read(rec.Secret[:])
	inv, err := a.request(&r, &rec)
	if err != nil {
		return rpc.Invoice{}, err
	}
	if rec.Request, err = inv.Encode(invoice.SignWith(a.custody.node)); err != nil {
		return rpc.Invoice{}, err
	}
	rec.Expires = inv.ExpiresAt()
	x := newExtras(inv)
	a.extras.put(rec.Hash, x)
	if err := a.traffic.ask(htlc.AddInvoice{Invoice: rec}); err != nil {
		return rpc.Invoice{}, invoiceError(err)
	}
	stored, err := htlc.LookupInvoice(a.ledger, rec.Hash)
	if err != nil {
		return rpc.Invoice{}, invoiceError(err)
	}
	return newInvoice(stored, x), nil
}

// request is the invoice as the payer sees it.
func (a *api) request(r *rpc.AddInvoice, rec *htlc.Invoice) (*invoice.Invoice, error) {
	inv := invoice.New(a.cfg.Params, rec.Created, rec.Hash, rec.Secret)
	inv.Expiry, inv.MinFinalCLTV = cmp.Or(r.Expiry, defaultExpiry), rec.FinalCLTV
	inv.Description, inv.Features = r.Memo, invoiceFeatures()
	if r.Amount != 0 {
		inv.Amount = &r.Amount
	}
	if len(r.DescriptionHash) > 0 {
		if len(r.DescriptionHash) != len(lnwire.Hash{}) {
			return nil, fmt.Errorf("description hash is %d bytes, must be 32", len(r.DescriptionHash))
		}
		h := lnwire.Hash(r.DescriptionHash)
		inv.DescriptionHash = &h
	}
	if r.Fallback != "" {
		f, err := invoice.NewFallback(r.Fallback, a.cfg.Params)
		if err != nil {
			return nil, err
		}
		inv.Fallbacks = []invoice.Fallback{f}
	}
	for _, hops := range r.Hints {
		var hint []invoice.Hop
		for _, h := range hops {
			hint = append(hint, invoice.Hop{Node: h.Node, SCID: h.ID, FeeBase: h.BaseFee, FeeRate: h.PPM, CLTVDelta: h.CLTVDelta})
		}
		inv.Hints = append(inv.Hints, hint)
	}
	if r.Private {
		inv.Hints = append(inv.Hints, a.privateHints()...)
	}
	return inv, nil
}

// privateHints are the ways to us by channels that nobody else knows of. One whose peer has not said what it asks is no way.
func (a *api) privateHints() [][]invoice.Hop {
	var hints [][]invoice.Hop
	for _, p := range a.book.all() {
		u := a.links.policyOfPeer(p.name())
		if p.Announce || !p.Active || u == nil || len(hints) == maxPrivateHints {
			continue
		}
		h := invoice.Hop{Node: p.Peer, SCID: cmp.Or(p.RemoteAlias, p.SCID), FeeBase: u.FeeBase, FeeRate: u.FeeRate, CLTVDelta: u.CLTVDelta}
		if h.SCID != 0 {
			hints = append(hints, []invoice.Hop{h})
		}
	}
	return hints
}

func invoiceError(err error) error {
	switch {
	case errors.Is(err, htlc.ErrInvoiceExists):
		return rpc.ErrInvoiceExists
	case errors.Is(err, htlc.ErrInvoiceUnknown):
		return rpc.ErrInvoiceNotFound
	}
	return err
}

// LookupInvoice shows what is durable.
func (a apiInvoices) LookupInvoice(_ context.Context, hash lnwire.Hash) (rpc.Invoice, error) {
	inv, err := htlc.LookupInvoice(a.ledger, hash)
	if err != nil {
		return rpc.Invoice{}, invoiceError(err)
	}
	return a.invoice(inv), nil
}

// SubscribeInvoices tells every durable change. What the view needs of the request may have to be decoded, which is too much
// work for the loop that brings the news: a goroutine does it.
func (a apiInvoices) SubscribeInvoices(_ context.Context, s rpc.Sink[rpc.Invoice]) (func(), error) {
	box := mailbox.New[*htlc.Invoice]()
	unsubscribe := a.traffic.news.invoices.subscribe(sinkFunc[*htlc.Invoice](func(inv *htlc.Invoice) {
		if box.Len() >= rpc.MaxQueued {
			box.Close()
			return
		}
		box.Put(inv)
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		var news []*htlc.Invoice
		for {
			<-box.Ready()
			var ok bool
			if news, ok = box.Take(news); !ok {
				s.Close(errSlowSubscriber)
				return
			}
			for _, inv := range news {
				s.Send(a.invoice(inv))
			}
			clear(news)
		}
	}()
	return func() {
		unsubscribe()
		box.Close()
		<-done
	}, nil
}

var errSlowSubscriber = fmt.Errorf("more than %d invoices wait to be shown: subscribe again from the last index", rpc.MaxQueued)

// DecodePayReq reads an invoice of this network.
func (a apiInvoices) DecodePayReq(s string) (rpc.PayReq, error) {
	inv, err := invoice.Decode(s, a.cfg.Params)
	if err != nil {
		return rpc.PayReq{}, err
	}
	x := newExtras(inv)
	p := rpc.PayReq{
		Destination: inv.Payee, Hash: inv.Hash, PaymentAddr: inv.Secret[:], Created: inv.Timestamp, Expiry: inv.Expiry,
		Description: inv.Description, DescriptionHash: x.descriptionHash, Fallback: x.fallback,
		FinalCLTV: uint16(min(inv.MinFinalCLTV, 1<<16-1)), Hints: x.hints, Features: inv.Features, Metadata: inv.Metadata,
	}
	if inv.Amount != nil {
		p.Amount = *inv.Amount
	}
	return p, nil
}

// invoice shows a record, with what only its request says.
func (a *api) invoice(inv *htlc.Invoice) rpc.Invoice {
	x, ok := a.extras.get(inv.Hash)
	if !ok && inv.Request != "" {
		decoded, err := invoice.Decode(inv.Request, a.cfg.Params)
		if err != nil {
			a.log.Error("an invoice of ours does not decode", "hash", inv.Hash, "err", err)
			return newInvoice(inv, extras{})
		}
		x = newExtras(decoded)
		a.extras.put(inv.Hash, x)
	}
	return newInvoice(inv, x)
}

func newInvoice(inv *htlc.Invoice, x extras) rpc.Invoice {
	out := rpc.Invoice{
		AddIndex: inv.AddIndex, SettleIndex: inv.SettleIndex, Hash: inv.Hash, Preimage: inv.Preimage, PaymentAddr: inv.Secret,
		Request: inv.Request, Memo: inv.Memo, DescriptionHash: x.descriptionHash, Amount: inv.Amount, Paid: inv.Paid,
		Created: inv.Created, Expiry: inv.Expires.Sub(inv.Created.Truncate(time.Second)), FinalCLTV: uint16(inv.FinalCLTV),
		Fallback: x.fallback, Hints: x.hints, Private: len(x.hints) > 0, Keysend: inv.Keysend, State: invoiceState(inv.State),
		Features: x.features,
	}
	if inv.State == htlc.InvoiceSettled {
		out.Settled = inv.Ended
	}
	for i := range inv.Parts {
		out.HTLCs = append(out.HTLCs, newInvoiceHTLC(inv, &inv.Parts[i]))
	}
	return out
}

func newInvoiceHTLC(inv *htlc.Invoice, p *htlc.Part) rpc.InvoiceHTLC {
	h := rpc.InvoiceHTLC{
		Channel: p.SCID, ID: p.At.ID, Amount: p.Amount, Total: p.Total, Accepted: p.Accepted, Height: p.Height,
		Expiry: lnwire.Height(p.Expiry), State: lnrpc.InvoiceHTLCState_ACCEPTED,
	}
	switch inv.State {
	case htlc.InvoiceSettled:
		h.State, h.Resolved = lnrpc.InvoiceHTLCState_SETTLED, inv.Ended
	case htlc.InvoiceCanceled, htlc.InvoiceExpired:
		h.State, h.Resolved = lnrpc.InvoiceHTLCState_CANCELED, inv.Ended
	}
	keysend := inv.Keysend && inv.Preimage != nil
	if len(p.Custom) == 0 && !keysend {
		return h
	}
	h.Records = make(map[uint64][]byte, len(p.Custom)+1)
	for _, c := range p.Custom {
		h.Records[c.Type] = c.Value
	}
	if keysend {
		h.Records[onion.TypeKeysend] = inv.Preimage[:]
	}
	return h
}

func invoiceState(s htlc.InvoiceState) lnrpc.Invoice_InvoiceState {
	switch s {
	case htlc.InvoiceAccepted:
		return lnrpc.Invoice_ACCEPTED
	case htlc.InvoiceSettled:
		return lnrpc.Invoice_SETTLED
	case htlc.InvoiceCanceled, htlc.InvoiceExpired:
		return lnrpc.Invoice_CANCELED
	}
	return lnrpc.Invoice_OPEN
}
