package rpc_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

func TestPaymentIsFollowedToItsEnd(t *testing.T) {
	f := running(t)
	s, err := f.dial(client.Admin).Router.SendPaymentV2(f.ctx, &routerrpc.SendPaymentRequest{
		PaymentRequest: " LIGHTNING:lnbcrt-coffee", FeeLimitSat: 10, OutgoingChanIds: []uint64{4}, CltvLimit: 41,
	})
	require.NoError(t, err)
	<-f.node.paid.came
	require.Equal(t, rpc.SendPayment{
		Request: "lnbcrt-coffee", Dest: key(9), Hash: lnwire.Hash{9}, PaymentAddr: bytes.Repeat([]byte{5}, 32), Amount: 21_000,
		FeeLimit: 10_000, FinalCLTV: 40, CLTVLimit: 41, Outgoing: []lnwire.ShortChannelID{4}, MaxParts: 16, Timeout: time.Minute,
		Features: lnwire.NewFeatures(lnwire.FeatureBasicMPP.Optional()),
	}, f.node.asked.payment)

	preimage := lnwire.Preimage{6}
	p := rpc.Payment{Index: 3, Hash: lnwire.Hash{9}, Amount: 21_999, Fee: 1_001, Status: lnrpc.Payment_IN_FLIGHT}
	f.node.paid.send(p)
	first := recv(t, s)
	require.Equal(t, lnrpc.Payment_IN_FLIGHT, first.Status)
	require.Equal(t, "0000000000000000000000000000000000000000000000000000000000000000", first.PaymentPreimage)
	p.Status, p.Preimage = lnrpc.Payment_SUCCEEDED, &preimage
	p.Attempts = []rpc.Attempt{{ID: 1, Status: lnrpc.HTLCAttempt_SUCCEEDED, Preimage: &preimage, Route: rpc.Route{
		Amount: 23_000, Fee: 1_001, Expiry: 900, Hops: []rpc.Hop{{Node: key(9), Amount: 21_999, PaymentAddr: make([]byte, 32), Total: 21_999}},
	}}}
	f.node.paid.send(p)
	last := recv(t, s)
	require.Equal(t, "06", last.PaymentPreimage[:2])
	require.EqualValues(t, 21, last.ValueSat)
	require.EqualValues(t, 1, last.FeeSat)
	require.EqualValues(t, 21_999, last.Htlcs[0].Route.Hops[0].MppRecord.TotalAmtMsat)
	ended(t, s)
}

func TestPaymentMayTellItsEndAlone(t *testing.T) {
	f := running(t)
	s, err := f.dial(client.Admin).Router.SendPaymentV2(f.ctx, &routerrpc.SendPaymentRequest{
		PaymentRequest: "lnbcrt-coffee", NoInflightUpdates: true,
	})
	require.NoError(t, err)
	<-f.node.paid.came
	f.node.paid.send(rpc.Payment{Status: lnrpc.Payment_IN_FLIGHT},
		rpc.Payment{Status: lnrpc.Payment_FAILED, Reason: lnrpc.PaymentFailureReason_FAILURE_REASON_NO_ROUTE})
	p := recv(t, s)
	require.Equal(t, lnrpc.Payment_FAILED, p.Status)
	require.Equal(t, lnrpc.PaymentFailureReason_FAILURE_REASON_NO_ROUTE, p.FailureReason)
	ended(t, s)
}

func TestPaymentRequestIsCheckedBeforeAnythingIsSent(t *testing.T) {
	f := running(t)
	self, dest := f.node.id(), key(9)
	c := f.dial(client.Admin).Router
	send := func(r *routerrpc.SendPaymentRequest) error {
		s, err := c.SendPaymentV2(f.ctx, r)
		require.NoError(t, err)
		_, err = s.Recv()
		return err
	}
	hash := make([]byte, 32)
	for _, bad := range []struct {
		want string
		r    *routerrpc.SendPaymentRequest
	}{
		{"amount must not be specified when paying a non-zero amount invoice", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", Amt: 1}},
		{"amount must be specified when paying a zero amount invoice", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-any"}},
		{"invoice expired. Valid until 2020-09-13", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-old"}},
		{"self-payments not allowed", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-self"}},
		{"invalid bech32 string", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbc"}},
		{"dest and payment_request cannot appear together", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", Dest: dest[:]}},
		{"payment_hash and payment_request cannot appear together", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", PaymentHash: hash}},
		{"cltv limit 40 should be greater than 40", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", CltvLimit: 40}},
		{"sat and msat arguments are mutually exclusive", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", FeeLimitSat: 1, FeeLimitMsat: 1}},
		{"amount cannot be negative", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", FeeLimitSat: -1}},
		{"amount is more than there is", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-any", Amt: 21_000_000*100_000_000 + 1}},
		{"max_parts (1001) must not exceed 1000", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", MaxParts: rpc.MaxParts + 1}},
		{"custom records entry with TLV type 65535", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", DestCustomRecords: map[uint64][]byte{65535: nil}}},
		{"time preference out of range", &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", TimePref: 1.1}},
		{"amount must be specified", &routerrpc.SendPaymentRequest{Dest: dest[:], PaymentHash: hash}},
		{"invalid public key", &routerrpc.SendPaymentRequest{Dest: []byte{2}, PaymentHash: hash, Amt: 1}},
		{"payment hash must be exactly 32 bytes, is instead 31", &routerrpc.SendPaymentRequest{Dest: dest[:], PaymentHash: hash[1:], Amt: 1}},
		{"self-payments not allowed", &routerrpc.SendPaymentRequest{Dest: self[:], PaymentHash: hash, Amt: 1}},
		{"keysend preimage is 31 bytes", &routerrpc.SendPaymentRequest{Dest: dest[:], PaymentHash: hash, Amt: 1, DestCustomRecords: map[uint64][]byte{5482373484: hash[1:]}}},
	} {
		refused(t, send(bad.r), codes.Unknown, bad.want)
	}
	refused(t, send(&routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", Amp: true}), codes.Unimplemented, "AMP")
	f.node.err = rpc.ErrAlreadyPaid
	refused(t, send(&routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", MaxParts: rpc.MaxParts}), codes.AlreadyExists, "invoice is already paid")
	f.node.err = rpc.ErrPaymentInFlight
	refused(t, send(&routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee"}), codes.AlreadyExists, "payment is in transition")
}

func TestKeysendGoesInOnePartWithItsPreimage(t *testing.T) {
	f := running(t)
	dest := key(9)
	_, err := f.dial(client.Admin).Router.SendPaymentV2(f.ctx, &routerrpc.SendPaymentRequest{
		Dest: dest[:], PaymentHash: make([]byte, 32), AmtMsat: 1_500, DestCustomRecords: map[uint64][]byte{5482373484: make([]byte, 32)},
		DestFeatures: []lnrpc.FeatureBit{lnrpc.FeatureBit_TLV_ONION_OPT},
	})
	require.NoError(t, err)
	<-f.node.paid.came
	p := f.node.asked.payment
	require.NotNil(t, p.Preimage)
	require.EqualValues(t, 1, p.MaxParts)
	require.EqualValues(t, 18, p.FinalCLTV)
	require.True(t, p.Features.Has(9))
}

func TestInvoiceWithoutBasicMPPIsPaidInOnePart(t *testing.T) {
	f := running(t)
	_, err := f.dial(client.Admin).Router.SendPaymentV2(f.ctx, &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-whole", MaxParts: 8})
	require.NoError(t, err)
	<-f.node.paid.came
	require.EqualValues(t, 1, f.node.asked.payment.MaxParts)
}

func TestTrackingBeginsWithThePaymentAsItIs(t *testing.T) {
	f := running(t)
	hash := lnwire.Hash{5}
	f.node.payments = []rpc.Payment{{Hash: hash, Status: lnrpc.Payment_SUCCEEDED}}
	c := f.dial(client.ReadOnly).Router
	s, err := c.TrackPaymentV2(f.ctx, &routerrpc.TrackPaymentRequest{PaymentHash: hash[:]})
	require.NoError(t, err)
	require.Equal(t, lnrpc.Payment_SUCCEEDED, recv(t, s).Status)
	ended(t, s)
	s, err = c.TrackPaymentV2(f.ctx, &routerrpc.TrackPaymentRequest{PaymentHash: make([]byte, 32)})
	require.NoError(t, err)
	_, err = s.Recv()
	refused(t, err, codes.NotFound, "payment isn't initiated")
}

func TestRouteIsSentAlongAndItsFailureIsAnAnswer(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Router
	hop := func(i byte, amount int64, expiry uint32) *lnrpc.Hop {
		return &lnrpc.Hop{PubKey: key(i).String(), ChanId: uint64(i), AmtToForwardMsat: amount, Expiry: expiry}
	}
	r := &routerrpc.SendToRouteRequest{PaymentHash: make([]byte, 32), Route: &lnrpc.Route{
		TotalAmtMsat: 1_010, TotalTimeLock: 200, Hops: []*lnrpc.Hop{hop(2, 1_000, 160), hop(3, 1_000, 160)},
	}}
	a, err := c.SendToRouteV2(f.ctx, r)
	require.NoError(t, err)
	require.Equal(t, lnrpc.HTLCAttempt_FAILED, a.Status)
	require.Equal(t, lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE, a.Failure.Code)
	require.EqualValues(t, 77, a.Failure.ChannelUpdate.ChanId)
	require.EqualValues(t, 10, f.node.asked.toRoute.Route.Fee)
	require.EqualValues(t, 10, f.node.asked.toRoute.Route.Hops[0].Fee)

	bad := func(want string, hops ...*lnrpc.Hop) {
		r.Route.Hops = hops
		_, err := c.SendToRouteV2(f.ctx, r)
		refused(t, err, codes.Unknown, want)
	}
	bad("at least one hop")
	bad("sends on more", hop(2, 1_011, 160))
	bad("sends on more", hop(2, 1_000, 201))
	bad("sends on more", hop(2, 1_000, 160), hop(3, 1_001, 160))
	bad("the last hop gets nothing", hop(2, 0, 160))
	var long []*lnrpc.Hop
	for range rpc.MaxHops {
		long = append(long, hop(2, 1_000, 160))
	}
	r.Route.Hops = long
	_, err = c.SendToRouteV2(f.ctx, r)
	require.NoError(t, err)
	bad("more than 27", append(long, hop(2, 1_000, 160))...)
}

func TestRouteIsQueriedWithItsLimits(t *testing.T) {
	f := running(t)
	f.node.route = rpc.Route{Amount: 2_000_000, Hops: []rpc.Hop{{Node: key(9), Amount: 2_000_000}}}
	c := f.dial(client.ReadOnly).Lightning
	ignore, last := key(4), key(5)
	resp, err := c.QueryRoutes(f.ctx, &lnrpc.QueryRoutesRequest{
		PubKey: key(9).String(), Amt: 2_000, IgnoredNodes: [][]byte{ignore[:]}, LastHopPubkey: last[:], UseMissionControl: true,
		IgnoredPairs: []*lnrpc.NodePair{{From: ignore[:], To: last[:]}}, SourcePubKey: key(6).String(),
	})
	require.NoError(t, err)
	require.InDelta(t, 0.5, resp.SuccessProb, 0)
	require.Len(t, resp.Routes, 1)
	q, source := f.node.asked.route, key(6)
	require.Equal(t, rpc.RouteQuery{
		Source: &source, Dest: key(9), Amount: 2_000_000, FeeLimit: 100_000, FinalCLTV: 18, IgnoreNodes: []lnwire.PubKey{ignore},
		IgnorePairs: []rpc.NodePair{{From: ignore, To: last}}, LastHop: &last, UseEstimates: true,
	}, q, "5%% of an amount above 1,000 sat")
	_, err = c.QueryRoutes(f.ctx, &lnrpc.QueryRoutesRequest{PubKey: key(9).String(), AmtMsat: 150, FeeLimit: &lnrpc.FeeLimit{
		Limit: &lnrpc.FeeLimit_Percent{Percent: 10},
	}})
	require.NoError(t, err)
	require.EqualValues(t, 15, f.node.asked.route.FeeLimit)
	f.node.err = rpc.ErrNoRoute
	_, err = c.QueryRoutes(f.ctx, &lnrpc.QueryRoutesRequest{PubKey: key(9).String(), Amt: 1})
	refused(t, err, codes.Unknown, "unable to find a path to destination")
}

func TestPaymentsAreListedInPages(t *testing.T) {
	f := running(t)
	for i := range uint64(5) {
		p := rpc.Payment{Index: i + 1, Created: time.Unix(int64(1000+i), 0), Status: lnrpc.Payment_SUCCEEDED}
		if i == 2 {
			p.Status = lnrpc.Payment_FAILED
		}
		f.node.payments = append(f.node.payments, p)
	}
	c := f.dial(client.ReadOnly).Lightning
	list := func(r *lnrpc.ListPaymentsRequest) (out []uint64, resp *lnrpc.ListPaymentsResponse) {
		resp, err := c.ListPayments(f.ctx, r)
		require.NoError(t, err)
		for _, p := range resp.Payments {
			out = append(out, p.PaymentIndex)
		}
		return out, resp
	}
	got, resp := list(&lnrpc.ListPaymentsRequest{CountTotalPayments: true})
	require.Equal(t, []uint64{1, 2, 4, 5}, got)
	require.EqualValues(t, 5, resp.TotalNumPayments)
	require.EqualValues(t, 1, resp.FirstIndexOffset)
	require.EqualValues(t, 5, resp.LastIndexOffset)
	got, _ = list(&lnrpc.ListPaymentsRequest{IncludeIncomplete: true, Reversed: true, MaxPayments: 2})
	require.Equal(t, []uint64{4, 5}, got, "ascending in either direction")
	got, _ = list(&lnrpc.ListPaymentsRequest{IncludeIncomplete: true, Reversed: true, IndexOffset: 4, MaxPayments: 2})
	require.Equal(t, []uint64{2, 3}, got)
	got, _ = list(&lnrpc.ListPaymentsRequest{IncludeIncomplete: true, CreationDateStart: 1001, CreationDateEnd: 1003})
	require.Equal(t, []uint64{2, 3, 4}, got)
	_, err := c.ListPayments(f.ctx, &lnrpc.ListPaymentsRequest{CreationDateStart: 2, CreationDateEnd: 2})
	refused(t, err, codes.Unknown, "must be before end date")
}

func TestInvoiceIsDecoded(t *testing.T) {
	f := running(t)
	p, err := f.dial(client.ReadOnly).Lightning.DecodePayReq(f.ctx, &lnrpc.PayReqString{PayReq: "lightning:lnbcrt-coffee"})
	require.NoError(t, err)
	require.EqualValues(t, 21, p.NumSatoshis)
	require.EqualValues(t, 3600, p.Expiry)
	require.Equal(t, key(9).String(), p.Destination)
}
