package node

import (
	"context"
	"errors"
	"time"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/rpc"
)

var errLocalBalance = errors.New("insufficient local balance")

// apiRoutes implements rpc.Routes.
type apiRoutes struct{ *api }

// QueryRoute finds the route that a payment would take first.
func (a apiRoutes) QueryRoute(_ context.Context, q rpc.RouteQuery) (rpc.Route, float64, error) {
	r := routeRequest(&q, a.ID, a.Height())
	if r.Source == a.ID {
		r.Local = a.book.locals()
	}
	var est router.Estimator = router.Prior{}
	if q.UseEstimates {
		est = a.estimates.At(time.Now())
	}
	s := a.graph.Snapshot()
	found, err := router.FindRoute(s, r, est)
	if err != nil {
		return rpc.Route{}, 0, routeError(err, s, q.Dest)
	}
	out := newRoute(found)
	out.Hops[len(out.Hops)-1].Records = q.Records
	return out, found.Probability, nil
}

func routeRequest(q *rpc.RouteQuery, self lnwire.PubKey, height lnwire.Height) *router.Request {
	r := &router.Request{
		Source: self, Dest: q.Dest, Amount: q.Amount, FeeLimit: &q.FeeLimit, Height: height, FinalCLTV: uint32(q.FinalCLTV),
		MaxCLTV: q.CLTVLimit, Hints: newHints(q.Hints), IgnoredNodes: q.IgnoreNodes, Outgoing: q.Outgoing, LastHop: q.LastHop,
		TimePref: q.TimePref,
	}
	if q.Source != nil {
		r.Source = *q.Source
	}
	if r.MaxCLTV == 0 {
		r.MaxCLTV = htlc.MaxCLTV
	}
	if !q.Features.IsEmpty() {
		r.Features = q.Features
	}
	for _, p := range q.IgnorePairs {
		r.IgnoredPairs = append(r.IgnoredPairs, router.Pair{From: p.From, To: p.To})
	}
	for _, e := range q.IgnoreEdges {
		r.IgnoredEdges = append(r.IgnoredEdges, router.EdgeID{SCID: e.ID, Direction: e.Direction})
	}
	if len(q.Records) > 0 {
		p := onion.Payload{PaymentData: &onion.PaymentData{Total: lnwire.MaxMilliSatoshi}, Custom: customRecords(q.Records)}
		if raw := q.Records[onion.TypeKeysend]; len(raw) == len(lnwire.Preimage{}) {
			preimage := lnwire.Preimage(raw)
			p.Keysend = &preimage
		}
		r.FinalPayload = len(p.Encode())
	}
	return r
}

// routeError words why there is no route as LND does.
func routeError(err error, s *router.Snapshot, dest lnwire.PubKey) error {
	switch {
	case errors.Is(err, router.ErrUnknownNode):
		if _, ok := s.Node(dest); !ok {
			return rpc.ErrTargetUnknown
		}
		return err
	case errors.Is(err, router.ErrInsufficient):
		return errLocalBalance
	case errors.Is(err, router.ErrNoRoute):
		return rpc.ErrNoRoute
	}
	return err
}
