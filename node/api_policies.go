package node

import (
	"context"
	"fmt"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// apiPolicies implements rpc.Policies.
type apiPolicies struct{ *api }

// ChannelPolicies lists what we ask for, channel by channel.
func (a apiPolicies) ChannelPolicies(context.Context) ([]rpc.ChannelPolicy, error) {
	var out []rpc.ChannelPolicy
	for _, p := range a.book.all() {
		if p.carries() {
			pol := a.policies.of(p)
			out = append(out, rpc.ChannelPolicy{ID: p.name(), Point: p.Funding, Fee: feeSchedule(&pol)})
		}
	}
	return out, nil
}

// UpdatePolicy answers when the new policies are durable. They are changed side by side: the ledger makes one write of many.
func (a apiPolicies) UpdatePolicy(_ context.Context, point *wire.OutPoint, c rpc.PolicyChange) ([]rpc.FailedPolicy, error) {
	pages, failed := a.targets(point)
	var wg sync.WaitGroup
	for _, p := range pages {
		pol := a.policies.of(p)
		most := pol.Max
		if f := changePolicy(&pol, p, &c); f != nil {
			failed = append(failed, *f)
			continue
		}
		if pol.Max > most {
			if ceiling := a.ceiling(p); pol.Max > ceiling {
				failed = append(failed, invalidPolicy(p, "max htlc of %v exceeds the channel's %v", pol.Max, ceiling))
				continue
			}
		}
		wg.Go(func() { a.SetPolicy(p, pol) })
	}
	wg.Wait()
	return failed, nil
}

// ceiling is the largest HTLC that the channel can carry.
func (a *api) ceiling(p page) lnwire.MilliSatoshi {
	most := lnwire.FromSatoshis(p.Capacity - p.Remote.Reserve)
	if p.Remote.MaxInFlight > 0 {
		most = min(most, p.Remote.MaxInFlight)
	}
	return most
}

// targets of a change: one channel, or all that carry payments.
func (a *api) targets(point *wire.OutPoint) (pages []page, failed []rpc.FailedPolicy) {
	if point == nil {
		for _, p := range a.book.all() {
			if p.carries() {
				pages = append(pages, p)
			}
		}
		return pages, nil
	}
	p, ok := a.book.funded(*point)
	switch {
	case !ok:
		return nil, []rpc.FailedPolicy{{Point: *point, Reason: lnrpc.UpdateFailure_UPDATE_FAILURE_NOT_FOUND, Text: "not found"}}
	case p.shown() == shownOpening:
		return nil, []rpc.FailedPolicy{{Point: *point, Reason: lnrpc.UpdateFailure_UPDATE_FAILURE_PENDING, Text: "not yet confirmed"}}
	case !p.carries():
		return nil, []rpc.FailedPolicy{{Point: *point, Reason: lnrpc.UpdateFailure_UPDATE_FAILURE_NOT_FOUND, Text: "the channel is closing"}}
	}
	return []page{p}, nil
}

// changePolicy applies what c names, or says why it cannot be.
func changePolicy(pol *router.Policy, p page, c *rpc.PolicyChange) *rpc.FailedPolicy {
	pol.FeeBase, pol.FeeRate, pol.CLTVDelta = uint32(c.Base), c.PPM, c.TimeLockDelta
	if c.MaxHTLC != 0 {
		pol.Max = c.MaxHTLC
	}
	if c.MinHTLC != nil {
		pol.Min = *c.MinHTLC
	}
	if c.InboundBase != nil {
		pol.Inbound.Base = *c.InboundBase
	}
	if c.InboundPPM != nil {
		pol.Inbound.Rate = *c.InboundPPM
	}
	switch {
	case pol.Min < p.Remote.HTLCMinimum:
		f := invalidPolicy(p, "min htlc amount=%v is below min htlc parameter of %v for channel", pol.Min, p.Remote.HTLCMinimum)
		return &f
	case pol.Min > pol.Max:
		f := invalidPolicy(p, "min htlc amount=%v exceeds max htlc of %v", pol.Min, pol.Max)
		return &f
	}
	return nil
}

func invalidPolicy(p page, format string, args ...any) rpc.FailedPolicy {
	return rpc.FailedPolicy{Point: p.Funding, Reason: lnrpc.UpdateFailure_UPDATE_FAILURE_INVALID_PARAMETER, Text: fmt.Sprintf(format, args...)}
}
