package node

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// newRoute shows a route LND's way: each hop with what it passes on, where the router has what it is sent.
func newRoute(r *router.Route) rpc.Route {
	if len(r.Hops) == 0 {
		return rpc.Route{}
	}
	out := rpc.Route{Amount: r.Total(), Fee: r.Fee, Expiry: lnwire.Height(r.Expiry), Hops: make([]rpc.Hop, len(r.Hops))}
	for i := range r.Hops {
		h := &r.Hops[i]
		_, amount, expiry := r.Forward(i)
		out.Hops[i] = rpc.Hop{ID: h.SCID, Node: h.Node, Capacity: h.Capacity.Satoshis(), Amount: amount, Fee: h.Fee, Expiry: lnwire.Height(expiry)}
	}
	return out
}

var errLastHop = errors.New("amount and expiry of the last hop must be those of the HTLC that it gets")

// givenRoute is the inverse of newRoute, for routes that clients make.
func givenRoute(source lnwire.PubKey, r *rpc.Route) (*router.Route, error) {
	n := len(r.Hops)
	if n == 0 || n > router.MaxHops {
		return nil, errors.New("a route has between one hop and twenty")
	}
	out := &router.Route{Source: source, Amount: r.Hops[n-1].Amount, Fee: r.Fee, Expiry: uint32(r.Expiry), Hops: make([]router.Hop, n)}
	amount, expiry := r.Amount, r.Expiry
	for i := range r.Hops {
		h := &r.Hops[i]
		if len(h.PathKey) > 0 || len(h.Encrypted) > 0 || i < n-1 && len(h.Records) > 0 {
			return nil, status.Error(codes.Unimplemented, "blinded hops, and custom records before the last hop, are not supported")
		}
		out.Hops[i] = router.Hop{SCID: h.ID, Node: h.Node, Amount: amount, Expiry: uint32(expiry), Fee: h.Fee,
			Capacity: lnwire.FromSatoshis(max(h.Capacity, 0))}
		amount, expiry = h.Amount, h.Expiry
	}
	if last := &out.Hops[n-1]; last.Amount != amount || last.Expiry != uint32(expiry) {
		return nil, errLastHop
	}
	return out, nil
}

// newPayment shows a payment with its attempts.
func newPayment(p *htlc.Payment, attempts []*htlc.Attempt) rpc.Payment {
	out := rpc.Payment{
		Index: p.Index, Hash: p.Hash, Preimage: p.Preimage, Request: p.Request, Amount: p.Amount, Created: p.Created,
		Status: paymentStatus(p.Status), Reason: lnrpc.PaymentFailureReason(p.Reason), Attempts: make([]rpc.Attempt, len(attempts)),
	}
	for i, a := range attempts {
		out.Attempts[i] = newAttempt(a)
		if a.Status != htlc.Failed {
			out.Fee += a.Route.Fee
		}
	}
	return out
}

func paymentStatus(s htlc.Status) lnrpc.Payment_PaymentStatus {
	switch s {
	case htlc.Succeeded:
		return lnrpc.Payment_SUCCEEDED
	case htlc.Failed:
		return lnrpc.Payment_FAILED
	}
	return lnrpc.Payment_IN_FLIGHT
}

func newAttempt(a *htlc.Attempt) rpc.Attempt {
	out := rpc.Attempt{ID: a.ID, Route: newRoute(&a.Route), Started: a.Started, Ended: a.Ended, Preimage: a.Preimage}
	switch a.Status {
	case htlc.Succeeded:
		out.Status = lnrpc.HTLCAttempt_SUCCEEDED
	case htlc.Failed:
		out.Status, out.Failure = lnrpc.HTLCAttempt_FAILED, newFailure(a)
	default:
		out.Status = lnrpc.HTLCAttempt_IN_FLIGHT
	}
	return out
}

// newFailure says who failed an attempt: this node is hop 0.
func newFailure(a *htlc.Attempt) *rpc.AttemptFailure {
	f := &a.Failure
	switch {
	case a.Hop == router.UnknownHop:
		return &rpc.AttemptFailure{Code: lnrpc.Failure_UNREADABLE_FAILURE}
	case a.Hop < 0:
		return &rpc.AttemptFailure{Code: lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE}
	}
	out := &rpc.AttemptFailure{
		Code: lnrpc.Failure_UNKNOWN_FAILURE, Source: uint32(a.Hop) + 1, Amount: f.Amount, CLTVExpiry: f.Expiry,
		Flags: uint32(f.Flags), Height: f.Height,
	}
	if c, ok := failureCodes[f.Code]; ok {
		out.Code = c
	}
	if f.Code.BadOnion() {
		out.OnionHash = f.SHA256[:]
	}
	if len(f.Update) > 0 {
		// A stranger wrote it: what does not decode is not shown.
		if m, err := lnwire.Unmarshal(f.Update); err == nil {
			out.Update, _ = m.(*lnwire.ChannelUpdate)
		}
	}
	return out
}

// failureCodes are LND's numbers for BOLT 4's.
var failureCodes = map[onion.Code]lnrpc.Failure_FailureCode{
	onion.TemporaryNodeFailure:             lnrpc.Failure_TEMPORARY_NODE_FAILURE,
	onion.PermanentNodeFailure:             lnrpc.Failure_PERMANENT_NODE_FAILURE,
	onion.RequiredNodeFeatureMissing:       lnrpc.Failure_REQUIRED_NODE_FEATURE_MISSING,
	onion.InvalidOnionVersion:              lnrpc.Failure_INVALID_ONION_VERSION,
	onion.InvalidOnionHMAC:                 lnrpc.Failure_INVALID_ONION_HMAC,
	onion.InvalidOnionKey:                  lnrpc.Failure_INVALID_ONION_KEY,
	onion.TemporaryChannelFailure:          lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE,
	onion.PermanentChannelFailure:          lnrpc.Failure_PERMANENT_CHANNEL_FAILURE,
	onion.RequiredChannelFeatureMissing:    lnrpc.Failure_REQUIRED_CHANNEL_FEATURE_MISSING,
	onion.UnknownNextPeer:                  lnrpc.Failure_UNKNOWN_NEXT_PEER,
	onion.AmountBelowMinimum:               lnrpc.Failure_AMOUNT_BELOW_MINIMUM,
	onion.FeeInsufficient:                  lnrpc.Failure_FEE_INSUFFICIENT,
	onion.IncorrectCLTVExpiry:              lnrpc.Failure_INCORRECT_CLTV_EXPIRY,
	onion.ExpiryTooSoon:                    lnrpc.Failure_EXPIRY_TOO_SOON,
	onion.IncorrectOrUnknownPaymentDetails: lnrpc.Failure_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS,
	onion.FinalIncorrectCLTVExpiry:         lnrpc.Failure_FINAL_INCORRECT_CLTV_EXPIRY,
	onion.FinalIncorrectHTLCAmount:         lnrpc.Failure_FINAL_INCORRECT_HTLC_AMOUNT,
	onion.ChannelDisabled:                  lnrpc.Failure_CHANNEL_DISABLED,
	onion.ExpiryTooFar:                     lnrpc.Failure_EXPIRY_TOO_FAR,
	onion.InvalidOnionPayload:              lnrpc.Failure_INVALID_ONION_PAYLOAD,
	onion.MPPTimeout:                       lnrpc.Failure_MPP_TIMEOUT,
	onion.InvalidOnionBlinding:             lnrpc.Failure_INVALID_ONION_BLINDING,
}
