package rpc

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// paymentCalls show payments and decode requests for them.
type paymentCalls struct{ b *Backend }

// DecodePayReq implements lnrpc.LightningServer.
func (c paymentCalls) DecodePayReq(_ context.Context, r *lnrpc.PayReqString) (*lnrpc.PayReq, error) {
	p, err := c.b.PayReqs.DecodePayReq(trimScheme(r.PayReq))
	if err != nil {
		return nil, err
	}
	out := &lnrpc.PayReq{
		Destination: p.Destination.String(), PaymentHash: p.Hash.String(), NumSatoshis: int64(p.Amount.Satoshis()),
		NumMsat: int64(p.Amount), Timestamp: unix(p.Created), Expiry: int64(p.Expiry / time.Second),
		Description: p.Description, DescriptionHash: hex.EncodeToString(p.DescriptionHash), FallbackAddr: p.Fallback,
		CltvExpiry: int64(p.FinalCLTV), RouteHints: newHints(p.Hints), PaymentAddr: p.PaymentAddr, Features: newFeatures(p.Features),
	}
	return out, nil
}

// trimScheme takes the "lightning:" off that wallets put before an invoice.
func trimScheme(s string) string {
	const scheme = "lightning:"
	s = strings.TrimSpace(s)
	if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		return s[len(scheme):]
	}
	return s
}

// ListPayments implements lnrpc.LightningServer. A page is in ascending order in either direction.
func (c paymentCalls) ListPayments(ctx context.Context, r *lnrpc.ListPaymentsRequest) (*lnrpc.ListPaymentsResponse, error) {
	q := PaymentQuery{
		Page:       Page{After: r.IndexOffset, Max: r.MaxPayments, Reversed: r.Reversed},
		Incomplete: r.IncludeIncomplete, OmitHops: r.OmitHops,
	}
	var err error
	if q.From, q.To, err = parsePeriod(r.CreationDateStart, r.CreationDateEnd); err != nil {
		return nil, err
	}
	page, err := c.b.Ledger.PaymentPage(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ListPaymentsResponse{}
	for i := range page {
		resp.Payments = append(resp.Payments, newPayment(&page[i]))
	}
	if n := len(page); n > 0 {
		resp.FirstIndexOffset, resp.LastIndexOffset = page[0].Index, page[n-1].Index
	}
	if r.CountTotalPayments {
		resp.TotalNumPayments, err = c.b.Ledger.CountPayments(ctx)
	}
	return resp, err
}

func newPayment(p *Payment) *lnrpc.Payment {
	preimage := lnwire.Preimage{} // shown as zeros until it is known
	if p.Preimage != nil {
		preimage = *p.Preimage
	}
	out := &lnrpc.Payment{
		PaymentHash: p.Hash.String(), PaymentPreimage: hex.EncodeToString(preimage[:]), PaymentRequest: p.Request,
		Value: int64(p.Amount.Satoshis()), ValueSat: int64(p.Amount.Satoshis()), ValueMsat: int64(p.Amount),
		Fee: int64(p.Fee.Satoshis()), FeeSat: int64(p.Fee.Satoshis()), FeeMsat: int64(p.Fee),
		CreationDate: unix(p.Created), CreationTimeNs: unixNano(p.Created), Status: p.Status, FailureReason: p.Reason,
		PaymentIndex: p.Index,
	}
	for i := range p.Attempts {
		out.Htlcs = append(out.Htlcs, newAttempt(&p.Attempts[i]))
	}
	return out
}

func newAttempt(a *Attempt) *lnrpc.HTLCAttempt {
	out := &lnrpc.HTLCAttempt{
		AttemptId: a.ID, Status: a.Status, Route: newRoute(&a.Route), AttemptTimeNs: unixNano(a.Started), ResolveTimeNs: unixNano(a.Ended), Failure: newFailure(a.Failure),
	}
	if a.Preimage != nil {
		out.Preimage = a.Preimage[:]
	}
	return out
}

func newFailure(f *AttemptFailure) *lnrpc.Failure {
	if f == nil {
		return nil
	}
	out := &lnrpc.Failure{
		Code: f.Code, FailureSourceIndex: f.Source, HtlcMsat: uint64(f.Amount), OnionSha_256: f.OnionHash, CltvExpiry: f.CLTVExpiry,
		Flags: f.Flags, Height: uint32(f.Height),
	}
	if u := f.Update; u != nil {
		out.ChannelUpdate = &lnrpc.ChannelUpdate{
			Signature: u.Signature[:], ChainHash: u.ChainHash[:], ChanId: uint64(u.SCID), Timestamp: u.Timestamp,
			MessageFlags: uint32(u.MessageFlags), ChannelFlags: uint32(u.ChannelFlags), TimeLockDelta: uint32(u.CLTVDelta),
			HtlcMinimumMsat: uint64(u.HTLCMinimum), HtlcMaximumMsat: uint64(u.HTLCMaximum), BaseFee: u.FeeBase, FeeRate: u.FeeRate,
		}
	}
	return out
}
