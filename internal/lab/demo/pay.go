package demo

import (
	"context"
	"fmt"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

const (
	amount   = 250_000 // sat, of the first payment
	feeLimit = 5_000   // sat
	seconds  = 60
)

// sides of a channel as its opener sees it, in satoshis.
func (s *show) sides(ctx context.Context, name, point string) (local, remote int64, err error) {
	c, err := s.channel(ctx, name, point)
	if err != nil {
		return 0, 0, err
	}
	return c.LocalBalance, c.RemoteBalance, nil
}

func (s *show) channel(ctx context.Context, name, point string) (*lnrpc.Channel, error) {
	c, err := s.Client(name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{})
	if err != nil {
		return nil, err
	}
	for _, ch := range list.Channels {
		if ch.ChannelPoint == point {
			return ch, nil
		}
	}
	return nil, fmt.Errorf("%s has no channel %s", name, point)
}

// payments sends over three hops, and shows what the routers earned.
func (s *show) payments(ctx context.Context) error {
	s.chapter("A payment over three hops")
	s.say("dave writes an invoice. alice has no channel with him, but finds a way: through bob and carol. Each of them locks the",
		"amount under dave's secret, and gets it back, plus a small fee, the moment dave reveals the secret to be paid.")
	request, err := s.Invoice(ctx, dave, &lnrpc.Invoice{Memo: "a lightning conductor", Value: amount})
	if err != nil {
		return err
	}
	s.fact("invoice: %s…", request[:72])
	before, err := s.earned(ctx)
	if err != nil {
		return err
	}
	p, err := s.settle(ctx, alice, request)
	if err != nil {
		return err
	}
	s.route(p)
	if err := s.idle(ctx); err != nil {
		return err
	}
	after, err := s.earned(ctx)
	if err != nil {
		return err
	}
	var sum int64
	for _, name := range []string{bob, carol} {
		fee := after[name] - before[name]
		sum += fee
		s.fact("%s earned %d.%03d sat for passing it on", name, fee/1000, fee%1000)
	}
	if sum != p.FeeMsat || sum == 0 {
		return fmt.Errorf("alice paid %d msat in fees, the routers earned %d", p.FeeMsat, sum)
	}
	return s.balances(ctx)
}

// settle pays an invoice that can be paid.
func (s *show) settle(ctx context.Context, from, request string) (*lnrpc.Payment, error) {
	p, err := s.Pay(ctx, from, &routerrpc.SendPaymentRequest{PaymentRequest: request, FeeLimitSat: feeLimit, TimeoutSeconds: seconds}, nil)
	if err != nil {
		return nil, err
	}
	if p.Status != lnrpc.Payment_SUCCEEDED {
		return nil, fmt.Errorf("the payment failed: %v", p.FailureReason)
	}
	return p, nil
}

// route prints what the payment's attempts looked like.
func (s *show) route(p *lnrpc.Payment) {
	names := map[string]string{}
	for _, n := range s.Nodes() {
		names[n.Key] = n.Name
	}
	for _, h := range p.Htlcs {
		if h.Status != lnrpc.HTLCAttempt_SUCCEEDED {
			continue
		}
		line := alice
		for _, hop := range h.Route.Hops {
			line += fmt.Sprintf(" ─(%d sat)→ %s", hop.AmtToForwardMsat/1000, names[hop.PubKey])
		}
		s.fact("%s", line)
	}
	s.fact("settled %d sat for a fee of %d.%03d sat; proof of payment %s…", p.ValueSat, p.FeeMsat/1000, p.FeeMsat%1000, p.PaymentPreimage[:16])
}

// earned sums each node's forwarding fees, in msat.
func (s *show) earned(ctx context.Context) (map[string]int64, error) {
	sums := make(map[string]int64)
	for _, n := range s.Nodes() {
		if !n.Running() {
			continue
		}
		c, err := s.Client(n.Name)
		if err != nil {
			return nil, err
		}
		h, err := c.Lightning.ForwardingHistory(ctx, &lnrpc.ForwardingHistoryRequest{StartTime: 1, NumMaxEvents: 10_000})
		if err != nil {
			return nil, err
		}
		for _, e := range h.ForwardingEvents {
			sums[n.Name] += int64(e.FeeMsat)
		}
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// idle waits until no channel of a running node holds an HTLC.
func (s *show) idle(ctx context.Context) error {
	for _, n := range s.Nodes() {
		if !n.Running() {
			continue
		}
		c, err := s.Client(n.Name)
		if err != nil {
			return err
		}
		err = until(ctx, n.Name+" has nothing in flight", func(ctx context.Context) (bool, error) { return nothingInFlight(ctx, c) })
		if err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

func nothingInFlight(ctx context.Context, c *client.Client) (bool, error) {
	list, err := c.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{})
	if err != nil {
		return false, err
	}
	for _, ch := range list.Channels {
		if len(ch.PendingHtlcs) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// failure asks for more than there is.
func (s *show) failure(ctx context.Context) error {
	s.chapter("A payment that fails")
	s.say("Money can only move where there is some. dave asks for more than any channel holds; alice learns at once that it cannot",
		"work, and nothing has left her.")
	request, err := s.Invoice(ctx, dave, &lnrpc.Invoice{Memo: "a cathedral", Value: int64(capacity) * 2})
	if err != nil {
		return err
	}
	p, err := s.Pay(ctx, alice, &routerrpc.SendPaymentRequest{PaymentRequest: request, FeeLimitSat: feeLimit, TimeoutSeconds: seconds}, nil)
	if err != nil {
		return err
	}
	if p.Status != lnrpc.Payment_FAILED || p.FailureReason == lnrpc.PaymentFailureReason_FAILURE_REASON_NONE {
		return fmt.Errorf("the payment of more than there is ended as %v", p.Status)
	}
	s.fact("failed: %v", p.FailureReason)
	return s.balances(ctx)
}
