package rpc

import (
	"context"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// Limits of an invoice.
const (
	MaxInvoiceMemo   = 639 // bytes: what BOLT 11's field d holds
	MaxInvoiceExpiry = 365 * 24 * time.Hour
	MinFinalCLTV     = 18 // BOLT 2: the least that leaves time to claim on the chain
	MaxRouteHints    = 20
	MaxHintHops      = 20
)

// defaultInvoices is the size of a page of invoices when the client does not say.
const defaultInvoices = 100

// invoiceCalls make and show invoices.
type invoiceCalls struct {
	b       *Backend
	streams *streams
}

// AddInvoice implements lnrpc.LightningServer.
func (c invoiceCalls) AddInvoice(ctx context.Context, r *lnrpc.Invoice) (*lnrpc.AddInvoiceResponse, error) {
	req, err := parseInvoice(r)
	if err != nil {
		return nil, err
	}
	inv, err := c.b.Invoices.AddInvoice(ctx, req)
	if err != nil {
		return nil, err
	}
	return &lnrpc.AddInvoiceResponse{
		RHash: inv.Hash[:], PaymentRequest: inv.Request, AddIndex: inv.AddIndex, PaymentAddr: inv.PaymentAddr[:],
	}, nil
}

func parseInvoice(r *lnrpc.Invoice) (a AddInvoice, err error) {
	if a.Amount, err = parseAmount(r.Value, r.ValueMsat); err != nil {
		return a, err
	}
	switch {
	case r.IsAmp:
		return a, status.Error(codes.Unimplemented, "AMP invoices are not supported")
	case r.IsBlinded || r.BlindedPathConfig != nil:
		return a, status.Error(codes.Unimplemented, "invoices with blinded paths are not supported")
	case len(r.RPreimage) != 0 && len(r.RPreimage) != len(lnwire.Preimage{}):
		return a, invalid("invalid preimage length of %d, want 32", len(r.RPreimage))
	case len(r.Memo) > MaxInvoiceMemo:
		return a, invalid("memo too large: %d bytes (maxsize=%d)", len(r.Memo), MaxInvoiceMemo)
	case len(r.DescriptionHash) != 0 && len(r.DescriptionHash) != 32:
		return a, invalid("description hash is %d bytes, must be 32", len(r.DescriptionHash))
	case r.Expiry < 0:
		return a, invalid("expiry of %d seconds is negative", r.Expiry)
	case r.Expiry > int64(MaxInvoiceExpiry/time.Second):
		return a, invalid("expiry of %d seconds greater than max expiry of %d seconds", r.Expiry, int64(MaxInvoiceExpiry/time.Second))
	case r.CltvExpiry > math.MaxUint16:
		return a, invalid("CLTV delta of %d is too large, max accepted is: %d", r.CltvExpiry, math.MaxUint16)
	case r.CltvExpiry != 0 && r.CltvExpiry < MinFinalCLTV:
		return a, invalid("CLTV delta of %d must be greater than minimum of %d", r.CltvExpiry, MinFinalCLTV)
	}
	if a.Hints, err = parseHints(r.RouteHints); err != nil {
		return a, err
	}
	if len(r.RPreimage) != 0 {
		p := lnwire.Preimage(r.RPreimage)
		a.Preimage = &p
	}
	a.Memo, a.DescriptionHash, a.Fallback, a.Private = r.Memo, r.DescriptionHash, r.FallbackAddr, r.Private
	a.Expiry, a.FinalCLTV = time.Duration(r.Expiry)*time.Second, uint16(r.CltvExpiry)
	return a, nil
}

func parseHints(in []*lnrpc.RouteHint) ([][]HopHint, error) {
	if len(in) > MaxRouteHints {
		return nil, invalid("number of routing hints must not exceed maximum of %d", MaxRouteHints)
	}
	var out [][]HopHint
	for _, h := range in {
		if len(h.GetHopHints()) > MaxHintHops {
			return nil, invalid("a routing hint has at most %d hops", MaxHintHops)
		}
		var hops []HopHint
		for _, hop := range h.GetHopHints() {
			id, err := parseKey(hop.GetNodeId())
			if err != nil {
				return nil, err
			}
			if hop.CltvExpiryDelta > math.MaxUint16 {
				return nil, invalid("cltv_expiry_delta of %d is too large", hop.CltvExpiryDelta)
			}
			hops = append(hops, HopHint{
				Node: id, ID: lnwire.ShortChannelID(hop.ChanId), BaseFee: hop.FeeBaseMsat, PPM: hop.FeeProportionalMillionths,
				CLTVDelta: uint16(hop.CltvExpiryDelta),
			})
		}
		out = append(out, hops)
	}
	return out, nil
}

func newHints(hints [][]HopHint) (out []*lnrpc.RouteHint) {
	for _, hops := range hints {
		h := &lnrpc.RouteHint{}
		for _, hop := range hops {
			h.HopHints = append(h.HopHints, &lnrpc.HopHint{
				NodeId: hop.Node.String(), ChanId: uint64(hop.ID), FeeBaseMsat: hop.BaseFee, FeeProportionalMillionths: hop.PPM,
				CltvExpiryDelta: uint32(hop.CLTVDelta),
			})
		}
		out = append(out, h)
	}
	return out
}

func newInvoice(i *Invoice) *lnrpc.Invoice {
	out := &lnrpc.Invoice{
		Memo: i.Memo, RHash: i.Hash[:], Value: int64(i.Amount.Satoshis()), ValueMsat: int64(i.Amount),
		Settled: i.State == lnrpc.Invoice_SETTLED, CreationDate: unix(i.Created), SettleDate: unix(i.Settled), PaymentRequest: i.Request,
		DescriptionHash: i.DescriptionHash, Expiry: int64(i.Expiry / time.Second), FallbackAddr: i.Fallback,
		CltvExpiry: uint64(i.FinalCLTV), RouteHints: newHints(i.Hints), Private: i.Private, AddIndex: i.AddIndex,
		SettleIndex: i.SettleIndex, AmtPaid: int64(i.Paid), AmtPaidSat: int64(i.Paid.Satoshis()), AmtPaidMsat: int64(i.Paid),
		State: i.State, Features: newFeatures(i.Features), IsKeysend: i.Keysend, PaymentAddr: i.PaymentAddr[:],
	}
	if i.Preimage != nil {
		out.RPreimage = i.Preimage[:]
	}
	for _, h := range i.HTLCs {
		out.Htlcs = append(out.Htlcs, &lnrpc.InvoiceHTLC{
			ChanId: uint64(h.Channel), HtlcIndex: h.ID, AmtMsat: uint64(h.Amount), AcceptHeight: int32(h.Height),
			AcceptTime: unix(h.Accepted), ResolveTime: unix(h.Resolved), ExpiryHeight: int32(h.Expiry), State: h.State, CustomRecords: h.Records,
			MppTotalAmtMsat: uint64(h.Total),
		})
	}
	return out
}

// LookupInvoice implements lnrpc.LightningServer.
func (c invoiceCalls) LookupInvoice(ctx context.Context, r *lnrpc.PaymentHash) (*lnrpc.Invoice, error) {
	raw := r.RHash
	if r.RHashStr != "" {
		var err error
		if raw, err = decodeHex(r.RHashStr); err != nil {
			return nil, err
		}
	}
	hash, err := newHash(raw)
	if err != nil {
		return nil, err
	}
	inv, err := c.b.Invoices.LookupInvoice(ctx, hash)
	if err != nil {
		return nil, err
	}
	return newInvoice(&inv), nil
}

// ListInvoices implements lnrpc.LightningServer. A page is in ascending order in either direction.
func (c invoiceCalls) ListInvoices(ctx context.Context, r *lnrpc.ListInvoiceRequest) (*lnrpc.ListInvoiceResponse, error) {
	q := InvoiceQuery{
		Page:        Page{After: r.IndexOffset, Max: r.NumMaxInvoices, Reversed: r.Reversed},
		PendingOnly: r.PendingOnly,
	}
	if q.Max == 0 {
		q.Max = defaultInvoices
	}
	var err error
	if q.From, q.To, err = parsePeriod(r.CreationDateStart, r.CreationDateEnd); err != nil {
		return nil, err
	}
	page, err := c.b.Ledger.InvoicePage(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ListInvoiceResponse{}
	for i := range page {
		resp.Invoices = append(resp.Invoices, newInvoice(&page[i]))
	}
	if n := len(page); n > 0 {
		resp.FirstIndexOffset, resp.LastIndexOffset = page[0].AddIndex, page[n-1].AddIndex
	}
	return resp, nil
}

// parsePeriod reads two times in seconds; 0 is no bound.
func parsePeriod(start, end uint64) (from, to time.Time, err error) {
	if end != 0 && start >= end {
		return from, to, invalid("start date(%d) must be before end date(%d)", start, end)
	}
	if start != 0 {
		from = unixTime(start)
	}
	if end != 0 {
		to = unixTime(end)
	}
	return from, to, nil
}

// backlogPage is how much of the past is read at a time.
const backlogPage = 500

// SubscribeInvoices implements lnrpc.LightningServer: first, where the client gave its indices, what it has missed, then
// each invoice as it is made and as it is settled. Other changes are not told here, as in LND.
func (c invoiceCalls) SubscribeInvoices(r *lnrpc.InvoiceSubscription, stream lnrpc.Lightning_SubscribeInvoicesServer) error {
	ctx := stream.Context()
	newest, err := c.b.Ledger.InvoicePage(ctx, InvoiceQuery{Page: Page{Max: 1, Reversed: true}})
	if err != nil {
		return err
	}
	w := invoiceWriter{stream: stream}
	if len(newest) > 0 {
		w.added = newest[0].AddIndex
	}
	q := newQueue[Invoice]()
	stop, err := c.b.Invoices.SubscribeInvoices(ctx, q)
	if err != nil {
		return err
	}
	defer stop()
	// The past is read while the queue already collects what happens; what is in both is told once.
	return c.streams.run(ctx, q.overflow, func() error {
		if err := c.missed(ctx, r, &w); err != nil {
			return err
		}
		return q.each(ctx, w.live)
	})
}

func (c invoiceCalls) missed(ctx context.Context, r *lnrpc.InvoiceSubscription, w *invoiceWriter) error {
	read := func(after uint64, index func(*Invoice) uint64, told *uint64, page func(Page) ([]Invoice, error)) error {
		for after != 0 {
			missed, err := page(Page{After: after, Max: backlogPage})
			if err != nil {
				return err
			}
			for i := range missed {
				if err := w.stream.Send(newInvoice(&missed[i])); err != nil {
					return err
				}
				after = index(&missed[i])
				*told = max(*told, after)
			}
			if len(missed) < backlogPage {
				return nil
			}
		}
		return nil
	}
	err := read(r.AddIndex, func(i *Invoice) uint64 { return i.AddIndex }, &w.added, func(p Page) ([]Invoice, error) {
		return c.b.Ledger.InvoicePage(ctx, InvoiceQuery{Page: p})
	})
	if err != nil {
		return err
	}
	return read(r.SettleIndex, func(i *Invoice) uint64 { return i.SettleIndex }, &w.settled, func(p Page) ([]Invoice, error) {
		return c.b.Ledger.SettledPage(ctx, p)
	})
}

// invoiceWriter tells each making and each settling once.
type invoiceWriter struct {
	stream         lnrpc.Lightning_SubscribeInvoicesServer
	added, settled uint64 // the highest indices that are told or lie before the subscription
}

func (w *invoiceWriter) live(i Invoice) (bool, error) {
	switch {
	case i.State == lnrpc.Invoice_OPEN && i.AddIndex > w.added:
		w.added = i.AddIndex
	case i.State == lnrpc.Invoice_SETTLED && i.SettleIndex > w.settled:
		w.settled = i.SettleIndex
	default:
		return false, nil
	}
	return false, w.stream.Send(newInvoice(&i))
}
