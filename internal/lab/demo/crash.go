package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

const (
	burst  = 40    // payments under way when bob dies
	small  = 1_000 // sat, of each
	giveUp = 90 * time.Second
)

// until polls as the lab does, for what nodes do in their own time.
func until(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok(ctx)
		if done && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain until %s", what), err)
		case <-tick.C:
		}
	}
}

// crash kills a router in the middle of its work.
func (s *show) crash(ctx context.Context) error {
	s.chapter("A router dies in mid-payment")
	s.say("alice sends many small payments to dave. In the middle of it bob's process is killed with signal 9, as by a power cut.",
		"What he owes and is owed was on his disk before he told anybody: when he is back, every payment ends, one way or the other.")
	requests := make([]string, burst)
	for i := range requests {
		var err error
		if requests[i], err = s.Invoice(ctx, dave, &lnrpc.Invoice{Value: small}); err != nil {
			return err
		}
	}
	ended := make(chan *lnrpc.Payment, burst)
	failed := make(chan error, burst)
	offered := make(chan struct{}, burst)
	for _, r := range requests {
		go func() {
			told := false
			p, err := s.Pay(ctx, alice, &routerrpc.SendPaymentRequest{PaymentRequest: r, FeeLimitSat: feeLimit, TimeoutSeconds: seconds},
				func(p *lnrpc.Payment) {
					if len(p.Htlcs) > 0 && !told {
						told = true
						offered <- struct{}{}
					}
				})
			if err != nil {
				failed <- err
				return
			}
			ended <- p
		}()
	}
	for range burst / 4 {
		select {
		case <-offered:
		case err := <-failed:
			return err
		}
	}
	if err := s.Kill(ctx, bob); err != nil {
		return err
	}
	s.fact("bob was killed with payments in flight")
	if err := s.Start(ctx, bob); err != nil {
		return err
	}
	s.fact("bob is back")
	count := make(map[lnrpc.Payment_PaymentStatus]int)
	for range burst {
		select {
		case p := <-ended:
			count[p.Status]++
		case err := <-failed:
			return err
		case <-time.After(giveUp):
			return fmt.Errorf("%d payments have not ended", burst-count[lnrpc.Payment_SUCCEEDED]-count[lnrpc.Payment_FAILED])
		}
	}
	s.fact("%d payments succeeded, %d failed and cost nothing, 0 are lost", count[lnrpc.Payment_SUCCEEDED], count[lnrpc.Payment_FAILED])
	for i, pair := range [][2]string{{alice, bob}, {bob, carol}, {carol, dave}} {
		if err := errors.Join(s.Active(ctx, pair[0], s.points[i]), s.Active(ctx, pair[1], s.points[i])); err != nil {
			return err
		}
	}
	if err := s.idle(ctx); err != nil {
		return err
	}
	return s.balances(ctx)
}
