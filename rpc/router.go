package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// Defaults of a payment.
const (
	defaultPaymentTimeout = time.Minute
	defaultMaxParts       = 16
)

// MaxParts is how many parts a client may ask for.
const MaxParts = 1000

// router serves routerrpc.Router.
type router struct {
	routerrpc.UnimplementedRouterServer
	b       *Backend
	streams *streams
}

// SendPaymentV2 implements routerrpc.RouterServer. The payment goes on when the client leaves, unless it is cancelable.
func (s *router) SendPaymentV2(r *routerrpc.SendPaymentRequest, stream routerrpc.Router_SendPaymentV2Server) error {
	ctx := stream.Context()
	p, err := s.parsePayment(r)
	if err != nil {
		return err
	}
	q := newQueue[Payment]()
	stop, err := s.b.Payments.SendPayment(ctx, p, q)
	if err != nil {
		return err
	}
	defer stop()
	err = s.follow(ctx, q, r.NoInflightUpdates, stream.Send)
	if r.Cancelable && ctx.Err() != nil {
		s.b.Payments.CancelPayment(p.Hash)
	}
	return err
}

// TrackPaymentV2 implements routerrpc.RouterServer.
func (s *router) TrackPaymentV2(r *routerrpc.TrackPaymentRequest, stream routerrpc.Router_TrackPaymentV2Server) error {
	hash, err := newHash(r.PaymentHash)
	if err != nil {
		return err
	}
	q := newQueue[Payment]()
	stop, err := s.b.Payments.TrackPayment(stream.Context(), hash, q)
	if err != nil {
		return err
	}
	defer stop()
	return s.follow(stream.Context(), q, r.NoInflightUpdates, stream.Send)
}

// follow writes a payment until its final state, which is the last of the stream.
func (s *router) follow(ctx context.Context, q *queue[Payment], finalOnly bool, send func(*lnrpc.Payment) error) error {
	return forward(s.streams, ctx, q, func(p Payment) (bool, error) {
		if finalOnly && !p.Final() {
			return false, nil
		}
		return p.Final(), send(newPayment(&p))
	})
}

// SendToRouteV2 implements routerrpc.RouterServer. A failed attempt is an answer, not an error.
func (s *router) SendToRouteV2(ctx context.Context, r *routerrpc.SendToRouteRequest) (*lnrpc.HTLCAttempt, error) {
	hash, err := newHash(r.PaymentHash)
	if err != nil {
		return nil, err
	}
	if len(r.FirstHopCustomRecords) > 0 {
		return nil, status.Error(codes.Unimplemented, "first_hop_custom_records are not supported")
	}
	route, err := parseRoute(r.Route)
	if err != nil {
		return nil, err
	}
	a, err := s.b.Payments.SendToRoute(ctx, SendToRoute{Hash: hash, Route: route, SkipTempErr: r.SkipTempErr})
	if err != nil {
		return nil, err
	}
	return newAttempt(&a), nil
}

func (s *router) parsePayment(r *routerrpc.SendPaymentRequest) (p SendPayment, err error) {
	if err = parsePaymentLimits(r, &p); err != nil {
		return p, err
	}
	if r.PaymentRequest != "" {
		err = s.fromInvoice(r, &p)
	} else {
		err = fromFields(r, &p)
	}
	if err != nil {
		return p, err
	}
	if p.CLTVLimit != 0 && p.CLTVLimit <= uint32(p.FinalCLTV) {
		return p, invalid("cltv limit %d should be greater than %d", p.CLTVLimit, p.FinalCLTV)
	}
	if len(p.PaymentAddr) == 0 {
		p.MaxParts = 1 // BOLT 4, of sets of HTLCs: "MUST include `payment_secret`."
	}
	if !p.SelfPayment && s.b.Keys.NodeID() == p.Dest {
		return p, invalid("self-payments not allowed")
	}
	return p, nil
}

// parsePaymentLimits reads what does not depend on where the request comes from.
func parsePaymentLimits(r *routerrpc.SendPaymentRequest, p *SendPayment) (err error) {
	switch {
	case r.Amp:
		return status.Error(codes.Unimplemented, "AMP payments are not supported")
	case len(r.FirstHopCustomRecords) > 0:
		return status.Error(codes.Unimplemented, "first_hop_custom_records are not supported")
	case r.TimeoutSeconds < 0:
		return invalid("timeout_seconds cannot be negative")
	case r.CltvLimit < 0:
		return invalid("cltv_limit cannot be negative")
	case r.MaxParts > MaxParts:
		return invalid("max_parts (%d) must not exceed %d", r.MaxParts, MaxParts)
	}
	if p.FeeLimit, err = parseLimit(r.FeeLimitSat, r.FeeLimitMsat); err != nil {
		return err
	}
	p.MaxPart = limit(r.MaxShardSizeMsat)
	if p.LastHop, err = parseLastHop(r.LastHopPubkey); err != nil {
		return err
	}
	if p.Hints, err = parseHints(r.RouteHints); err != nil {
		return err
	}
	if p.Records, err = parseRecords(r.DestCustomRecords); err != nil {
		return err
	}
	if err = checkTimePref(r.TimePref); err != nil {
		return err
	}
	p.CLTVLimit, p.Outgoing, p.SelfPayment, p.TimePref = uint32(r.CltvLimit), parseSCIDs(r.OutgoingChanIds), r.AllowSelfPayment, r.TimePref
	if p.MaxParts = r.MaxParts; p.MaxParts == 0 {
		p.MaxParts = defaultMaxParts
	}
	if p.Timeout = time.Duration(r.TimeoutSeconds) * time.Second; p.Timeout == 0 {
		p.Timeout = defaultPaymentTimeout
	}
	return nil
}

func (s *router) fromInvoice(r *routerrpc.SendPaymentRequest, p *SendPayment) error {
	const together = "%s and payment_request cannot appear together"
	switch {
	case len(r.Dest) > 0:
		return invalid(together, "dest")
	case len(r.PaymentHash) > 0:
		return invalid(together, "payment_hash")
	case r.FinalCltvDelta != 0:
		return invalid(together, "final_cltv_delta")
	case len(r.PaymentAddr) > 0:
		return invalid(together, "payment_addr")
	case len(r.DestFeatures) > 0:
		return invalid(together, "dest_features")
	}
	amount, err := parseAmount(r.Amt, r.AmtMsat)
	if err != nil {
		return err
	}
	p.Request = trimScheme(r.PaymentRequest)
	inv, err := s.b.PayReqs.DecodePayReq(p.Request)
	if err != nil {
		return err
	}
	switch until := inv.Created.Add(inv.Expiry); {
	case time.Now().After(until):
		return invalid("invoice expired. Valid until %v", until.UTC())
	case inv.Amount != 0 && amount != 0:
		return invalid("amount must not be specified when paying a non-zero amount invoice")
	case inv.Amount == 0 && amount == 0:
		return invalid("amount must be specified when paying a zero amount invoice")
	}
	p.Amount = amount + inv.Amount // one of them is 0
	p.Dest, p.Hash, p.PaymentAddr, p.Metadata = inv.Destination, inv.Hash, inv.PaymentAddr, inv.Metadata
	p.FinalCLTV, p.Features = inv.FinalCLTV, inv.Features
	p.Hints = append(p.Hints, inv.Hints...)
	// BOLT 4: "if the invoice offers the `basic_mpp` feature: MAY send more than one HTLC to pay the invoice."
	if !inv.Features.Supports(lnwire.FeatureBasicMPP) {
		p.MaxParts = 1
	}
	return nil
}

// keysendRecord carries the preimage of a payment that nobody asked for.
const keysendRecord = 5482373484

func fromFields(r *routerrpc.SendPaymentRequest, p *SendPayment) (err error) {
	if p.Dest, err = newKey(r.Dest); err != nil {
		return err
	}
	if p.Hash, err = newHash(r.PaymentHash); err != nil {
		return err
	}
	if p.Amount, err = parseAmount(r.Amt, r.AmtMsat); err != nil {
		return err
	}
	if p.Amount == 0 {
		return invalid("amount must be specified")
	}
	if len(r.PaymentAddr) != 0 && len(r.PaymentAddr) != 32 {
		return invalid("payment address must be exactly 32 bytes, is instead %d", len(r.PaymentAddr))
	}
	if p.FinalCLTV, err = parseFinalCLTV(r.FinalCltvDelta); err != nil {
		return err
	}
	if p.Features, err = parseFeatureBits(r.DestFeatures); err != nil {
		return err
	}
	if raw, ok := r.DestCustomRecords[keysendRecord]; ok {
		if len(raw) != len(lnwire.Preimage{}) {
			return invalid("keysend preimage is %d bytes, not 32", len(raw))
		}
		preimage := lnwire.Preimage(raw)
		p.Preimage = &preimage
	}
	p.PaymentAddr = r.PaymentAddr
	return nil
}

// QueryRoutes implements lnrpc.LightningServer.
func (c graphCalls) QueryRoutes(ctx context.Context, r *lnrpc.QueryRoutesRequest) (*lnrpc.QueryRoutesResponse, error) {
	q, err := parseRouteQuery(r)
	if err != nil {
		return nil, err
	}
	route, probability, err := c.b.Routes.QueryRoute(ctx, q)
	if err != nil {
		return nil, err
	}
	return &lnrpc.QueryRoutesResponse{Routes: []*lnrpc.Route{newRoute(&route)}, SuccessProb: probability}, nil
}

func parseRouteQuery(r *lnrpc.QueryRoutesRequest) (q RouteQuery, err error) {
	if len(r.BlindedPaymentPaths) > 0 {
		return q, status.Error(codes.Unimplemented, "blinded payment paths are not supported")
	}
	if q.Dest, err = parseKey(r.PubKey); err != nil {
		return q, err
	}
	if q.Amount, err = parseAmount(r.Amt, r.AmtMsat); err != nil {
		return q, err
	}
	if q.FeeLimit, err = parseFeeLimit(r.FeeLimit, q.Amount); err != nil {
		return q, err
	}
	if q.FinalCLTV, err = parseFinalCLTV(r.FinalCltvDelta); err != nil {
		return q, err
	}
	if r.CltvLimit != 0 && r.CltvLimit <= uint32(q.FinalCLTV) {
		return q, invalid("cltv limit %d should be greater than %d", r.CltvLimit, q.FinalCLTV)
	}
	if r.SourcePubKey != "" {
		source, err := parseKey(r.SourcePubKey)
		if err != nil {
			return q, err
		}
		q.Source = &source
	}
	if q.LastHop, err = parseLastHop(r.LastHopPubkey); err != nil {
		return q, err
	}
	if q.Hints, err = parseHints(r.RouteHints); err != nil {
		return q, err
	}
	if q.Features, err = parseFeatureBits(r.DestFeatures); err != nil {
		return q, err
	}
	if q.Records, err = parseRecords(r.DestCustomRecords); err != nil {
		return q, err
	}
	if err = checkTimePref(r.TimePref); err != nil {
		return q, err
	}
	q.CLTVLimit, q.Outgoing, q.UseEstimates, q.TimePref = r.CltvLimit, parseSCIDs(r.OutgoingChanIds), r.UseMissionControl, r.TimePref
	return q, parseIgnored(r, &q)
}

func parseIgnored(r *lnrpc.QueryRoutesRequest, q *RouteQuery) error {
	for _, raw := range r.IgnoredNodes {
		k, err := newKey(raw)
		if err != nil {
			return err
		}
		q.IgnoreNodes = append(q.IgnoreNodes, k)
	}
	for _, p := range r.IgnoredPairs {
		from, err := newKey(p.GetFrom())
		if err != nil {
			return err
		}
		to, err := newKey(p.GetTo())
		if err != nil {
			return err
		}
		q.IgnorePairs = append(q.IgnorePairs, NodePair{from, to})
	}
	for _, e := range r.IgnoredEdges {
		d := DirectedChannel{ID: lnwire.ShortChannelID(e.GetChannelId())}
		if e.GetDirectionReverse() {
			d.Direction = 1
		}
		q.IgnoreEdges = append(q.IgnoreEdges, d)
	}
	return nil
}
