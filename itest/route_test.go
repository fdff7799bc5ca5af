package itest

import (
	"encoding/hex"
	"math/rand/v2"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// target is what a payer knows of an invoice.
type target struct {
	request string
	*lnrpc.PayReq
	hash []byte
}

// target makes an invoice at a node and decodes it.
func (n *network) target(name string, in *lnrpc.Invoice) *target {
	n.t.Helper()
	request, err := n.Invoice(n.ctx, name, in)
	require.NoError(n.t, err)
	p, err := n.client(name).Lightning.DecodePayReq(n.ctx, &lnrpc.PayReqString{PayReq: request})
	require.NoError(n.t, err)
	hash, err := hex.DecodeString(p.PaymentHash)
	require.NoError(n.t, err)
	return &target{request, p, hash}
}

// route asks from's node for a route that pays the invoice.
func (n *network) route(from string, to *target) *lnrpc.Route {
	n.t.Helper()
	r, err := n.client(from).Lightning.QueryRoutes(n.ctx, &lnrpc.QueryRoutesRequest{
		PubKey: to.Destination, AmtMsat: to.NumMsat, FinalCltvDelta: int32(to.CltvExpiry),
	})
	require.NoError(n.t, err)
	require.NotEmpty(n.t, r.Routes)
	last := r.Routes[0].Hops[len(r.Routes[0].Hops)-1]
	last.MppRecord = &lnrpc.MPPRecord{PaymentAddr: to.PaymentAddr, TotalAmtMsat: to.NumMsat}
	return r.Routes[0]
}

// attempt sends along a route and returns what became of it.
func (n *network) attempt(from string, hash []byte, r *lnrpc.Route) *lnrpc.HTLCAttempt {
	n.t.Helper()
	a, err := n.client(from).Router.SendToRouteV2(n.ctx, &routerrpc.SendToRouteRequest{PaymentHash: hash, Route: r})
	require.NoError(n.t, err)
	return a
}

// resize makes r pay amount to the payee, at the fee that it has; both in millisatoshis.
func resize(r *lnrpc.Route, amount int64) {
	fee := r.TotalFeesMsat
	for _, h := range r.Hops {
		fee -= h.FeeMsat
		h.AmtToForwardMsat, h.AmtToForward = amount+fee, 0
	}
	r.TotalAmtMsat, r.TotalAmt = amount+r.TotalFeesMsat, 0
}

// key of a node, as bytes.
func (n *network) key(name string) []byte {
	n.t.Helper()
	s, err := n.Key(n.ctx, name)
	require.NoError(n.t, err)
	b, err := hex.DecodeString(s)
	require.NoError(n.t, err)
	return b
}

// height of the chain as a node sees it.
func (n *network) height(name string) uint32 {
	n.t.Helper()
	info, err := n.client(name).Lightning.GetInfo(n.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(n.t, err)
	return info.BlockHeight
}

// bytes32 is drawn from rng.
func bytes32(rng *rand.Rand) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}
