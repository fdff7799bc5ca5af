package rpc

import (
	"context"
	"math"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// Limits of a forwarding policy and of a page of its history.
const (
	MinTimeLockDelta   = 18
	MaxForwardEvents   = 50_000
	defaultEvents      = 100
	millionth          = 1e-6
	forwardingLookback = 24 * time.Hour
)

// policyCalls are about forwarding.
type policyCalls struct{ b *Backend }

// FeeReport implements lnrpc.LightningServer.
func (c policyCalls) FeeReport(ctx context.Context, _ *lnrpc.FeeReportRequest) (*lnrpc.FeeReportResponse, error) {
	policies, err := c.b.Policies.ChannelPolicies(ctx)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.FeeReportResponse{}
	for _, p := range policies {
		resp.ChannelFees = append(resp.ChannelFees, &lnrpc.ChannelFeeReport{
			ChanId: uint64(p.ID), ChannelPoint: p.Point.String(), BaseFeeMsat: int64(p.Fee.Base), FeePerMil: int64(p.Fee.PPM),
			FeeRate: float64(p.Fee.PPM) / 1_000_000, InboundBaseFeeMsat: p.Fee.InboundBase, InboundFeePerMil: p.Fee.InboundPPM,
		})
	}
	now := time.Now()
	for _, sum := range []struct {
		days int
		into *uint64
	}{{1, &resp.DayFeeSum}, {7, &resp.WeekFeeSum}, {30, &resp.MonthFeeSum}} {
		earned, err := c.b.Forwarding.EarnedSince(ctx, now.AddDate(0, 0, -sum.days))
		if err != nil {
			return nil, err
		}
		*sum.into = uint64(earned)
	}
	return resp, nil
}

// UpdateChannelPolicy implements lnrpc.LightningServer.
func (c policyCalls) UpdateChannelPolicy(ctx context.Context, r *lnrpc.PolicyUpdateRequest) (*lnrpc.PolicyUpdateResponse, error) {
	change, err := parsePolicy(r)
	if err != nil {
		return nil, err
	}
	var point *wire.OutPoint
	switch scope := r.Scope.(type) {
	case *lnrpc.PolicyUpdateRequest_Global:
		if !scope.Global {
			return nil, invalid("global must be true where it is given")
		}
	case *lnrpc.PolicyUpdateRequest_ChanPoint:
		op, err := parsePoint(scope.ChanPoint)
		if err != nil {
			return nil, err
		}
		point = &op
	default:
		return nil, invalid("unknown scope: %v", scope)
	}
	failed, err := c.b.Policies.UpdatePolicy(ctx, point, change)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.PolicyUpdateResponse{}
	for _, f := range failed {
		resp.FailedUpdates = append(resp.FailedUpdates, &lnrpc.FailedUpdate{
			Outpoint: newOutPoint(f.Point), Reason: f.Reason, UpdateError: f.Text,
		})
	}
	return resp, nil
}

func parsePolicy(r *lnrpc.PolicyUpdateRequest) (p PolicyChange, err error) {
	switch {
	case r.FeeRate != 0 && r.FeeRatePpm != 0:
		return p, invalid("cannot set both FeeRate and FeeRatePpm")
	case r.FeeRate != 0 && !(r.FeeRate >= millionth):
		return p, invalid("fee rate of %g is too small, min fee rate is %g", r.FeeRate, millionth)
	case r.FeeRate*1_000_000 > math.MaxUint32:
		return p, invalid("fee rate of %g is too large", r.FeeRate)
	case r.TimeLockDelta < MinTimeLockDelta:
		return p, invalid("time lock delta of %d is too small, minimum supported is %d", r.TimeLockDelta, MinTimeLockDelta)
	case r.TimeLockDelta > math.MaxUint16:
		return p, invalid("time lock delta of %d is too big, maximum supported is %d", r.TimeLockDelta, math.MaxUint16)
	case r.BaseFeeMsat < 0 || r.BaseFeeMsat > math.MaxUint32: // BOLT 7: fee_base_msat has four bytes
		return p, invalid("base fee of %d msat is not between 0 and %d", r.BaseFeeMsat, uint32(math.MaxUint32))
	}
	p.Base, p.PPM, p.TimeLockDelta = lnwire.MilliSatoshi(r.BaseFeeMsat), r.FeeRatePpm, uint16(r.TimeLockDelta)
	if r.FeeRate != 0 {
		p.PPM = uint32(math.Round(r.FeeRate * 1_000_000))
	}
	p.MaxHTLC = limit(r.MaxHtlcMsat)
	if r.MinHtlcMsatSpecified {
		least, err := parseMillisatoshis("min_htlc_msat", r.MinHtlcMsat)
		if err != nil {
			return p, err
		}
		p.MinHTLC = &least
	}
	if f := r.InboundFee; f != nil {
		if f.BaseFeeMsat > 0 || f.FeeRatePpm > 0 {
			return p, invalid("an inbound fee can only be negative: a discount")
		}
		p.InboundBase, p.InboundPPM = &f.BaseFeeMsat, &f.FeeRatePpm
	}
	return p, nil
}

// ForwardingHistory implements lnrpc.LightningServer.
func (c policyCalls) ForwardingHistory(ctx context.Context, r *lnrpc.ForwardingHistoryRequest) (*lnrpc.ForwardingHistoryResponse, error) {
	q := ForwardQuery{
		Offset: r.IndexOffset, Max: r.NumMaxEvents, In: parseSCIDs(r.IncomingChanIds), Out: parseSCIDs(r.OutgoingChanIds),
	}
	if q.Max == 0 {
		q.Max = defaultEvents
	}
	if q.Max > MaxForwardEvents {
		return nil, invalid("num_max_events (%d) must not exceed %d", q.Max, MaxForwardEvents)
	}
	now := time.Now()
	switch {
	case r.StartTime == 0 && r.EndTime == 0:
		q.From, q.To = now.Add(-forwardingLookback), now
	case r.EndTime == 0:
		q.From, q.To = unixTime(r.StartTime), now
	default:
		q.From, q.To = unixTime(r.StartTime), unixTime(r.EndTime)
	}
	forwards, err := c.b.Forwarding.Forwards(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ForwardingHistoryResponse{LastOffsetIndex: q.Offset + uint32(len(forwards))}
	for i := range forwards {
		resp.ForwardingEvents = append(resp.ForwardingEvents, newForward(&forwards[i], r.PeerAliasLookup))
	}
	return resp, nil
}

func newForward(f *Forward, aliases bool) *lnrpc.ForwardingEvent {
	// A discount for the incoming channel may make the fee negative; the wire has no sign, so it is shown as none.
	fee, ok := f.AmountIn.Sub(f.AmountOut)
	if !ok {
		fee = 0
	}
	out := &lnrpc.ForwardingEvent{
		Timestamp: uint64(unix(f.Time)), TimestampNs: uint64(unixNano(f.Time)), ChanIdIn: uint64(f.In), ChanIdOut: uint64(f.Out),
		AmtIn: uint64(f.AmountIn.Satoshis()), AmtOut: uint64(f.AmountOut.Satoshis()), Fee: uint64(fee.Satoshis()),
		AmtInMsat: uint64(f.AmountIn), AmtOutMsat: uint64(f.AmountOut), FeeMsat: uint64(fee),
		IncomingHtlcId: &f.HTLCIn, OutgoingHtlcId: &f.HTLCOut,
	}
	if aliases {
		out.PeerAliasIn, out.PeerAliasOut = f.PeerIn, f.PeerOut
	}
	return out
}
