package router

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// SplitLimits bound the parts of a payment.
type SplitLimits struct {
	Parts   int                 // most parts; 0: DefaultParts
	MinPart lnwire.MilliSatoshi // parts are no smaller than this or half of it, unless the amount is; 0: DefaultMinPart
	MaxPart lnwire.MilliSatoshi // nor larger; 0: no limit
}

// Defaults of SplitLimits.
const (
	DefaultParts   = 16
	DefaultMinPart = 10_000_000 // 10,000 sat: below, fees and time cost more than the chance is worth
)

// Split finds routes whose amounts add up to r.Amount, as few as it can: what finds no way is halved, and what is on
// its way already (r.InFlight and earlier parts) keeps its liquidity. FeeLimit is for all of them together. It fails
// as FindRoute does. More than one route come back only where r.MPP is set.
//
// The parts are found one after the other, each the best for what is left. The signature allows for a flow over all
// of them at once.
func Split(s *Snapshot, r *Request, est Estimator, limits SplitLimits) ([]*Route, error) {
	if limits.Parts == 0 {
		limits.Parts = DefaultParts
	}
	if !r.MPP {
		limits.Parts = 1
	}
	if limits.MinPart == 0 {
		limits.MinPart = DefaultMinPart
	}
	if limits.MaxPart == 0 {
		limits.MaxPart = lnwire.MaxMilliSatoshi
	}
	part := *r
	part.InFlight = slices.Clone(r.InFlight)
	if r.FeeLimit != nil {
		budget := *r.FeeLimit
		part.FeeLimit = &budget
	}
	var routes []*Route
	left, try := r.Amount, min(r.Amount, limits.MaxPart)
	for left > 0 {
		// The parts still allowed must be able to carry what is left.
		if free := lnwire.MilliSatoshi(limits.Parts - len(routes)); free == 0 || (left+free-1)/free > try {
			return nil, fmt.Errorf("%w: %v of %v in %d parts", ErrNoRoute, r.Amount-left, r.Amount, len(routes))
		}
		part.Amount = try
		route, err := FindRoute(s, &part, est)
		if err == nil {
			routes = append(routes, route)
			part.take(route)
			left -= try
			try = min(left, limits.MaxPart)
			continue
		}
		if !errors.Is(err, ErrNoRoute) && !errors.Is(err, ErrInsufficient) || try/2 < min(limits.MinPart, r.Amount)/2 ||
			limits.Parts == 1 {
			return nil, err
		}
		try = (try + 1) / 2
	}
	return routes, nil
}

// take leaves to the parts that follow what route does not use.
func (r *Request) take(route *Route) {
	if r.FeeLimit != nil {
		*r.FeeLimit -= min(*r.FeeLimit, route.Fee)
	}
	for i := range route.Hops {
		r.InFlight = append(r.InFlight, Use{route.Edge(i), route.Hops[i].Amount})
	}
}
