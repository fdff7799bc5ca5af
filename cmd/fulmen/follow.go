package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// errPaymentFailed makes the exit code that of a failure; what happened has been printed.
var errPaymentFailed = errors.New("the payment failed")

// follow prints a payment's attempts as they come, and how it ends.
func (s *session) follow(ctx context.Context, updates stream[*lnrpc.Payment]) error {
	f := &follower{session: s, names: make(map[string]string), shown: make(map[uint64]lnrpc.HTLCAttempt_HTLCStatus)}
	var last *lnrpc.Payment
	err := each(updates, func(p *lnrpc.Payment) (bool, error) {
		last = p
		if !s.json {
			for _, h := range p.Htlcs {
				if err := f.attempt(ctx, h); err != nil {
					return false, err
				}
			}
		}
		return ended(p), nil
	})
	switch {
	case err != nil && ctx.Err() != nil && last != nil:
		return fmt.Errorf("stopped watching; the payment goes on: fulmen trackpayment %s", last.PaymentHash)
	case err != nil:
		return err
	case last == nil:
		return errors.New("the node said nothing about the payment; `fulmen listpayments --include_incomplete` may")
	}
	if err := s.print(last, func(p *page) { showEnd(p, last) }); err != nil {
		return err
	}
	if last.Status == lnrpc.Payment_FAILED {
		return fmt.Errorf("%w: %s", errPaymentFailed, failureText(last.FailureReason))
	}
	return nil
}

func ended(p *lnrpc.Payment) bool {
	return p.Status == lnrpc.Payment_SUCCEEDED || p.Status == lnrpc.Payment_FAILED
}

// follower remembers what it has said.
type follower struct {
	*session
	names map[string]string
	shown map[uint64]lnrpc.HTLCAttempt_HTLCStatus
}

// attempt prints an attempt when it is new and when it has ended.
func (f *follower) attempt(ctx context.Context, h *lnrpc.HTLCAttempt) error {
	was, known := f.shown[h.AttemptId]
	if known && was == h.Status {
		return nil
	}
	f.shown[h.AttemptId] = h.Status
	number := len(f.shown)
	return f.printPage(func(p *page) {
		if !known {
			p.line("attempt %d: %s sat over %s, fee %s sat", number, msats(received(h.Route)), f.path(ctx, h.Route), msats(h.Route.GetTotalFeesMsat()))
		}
		took := ""
		if h.ResolveTimeNs > h.AttemptTimeNs {
			took = " " + time.Duration(h.ResolveTimeNs-h.AttemptTimeNs).Round(time.Millisecond).String()
		}
		switch h.Status {
		case lnrpc.HTLCAttempt_SUCCEEDED:
			p.line("   %s%s", p.paint(green, "arrived"), p.paint(dim, took))
		case lnrpc.HTLCAttempt_FAILED:
			p.line("   %s: %s%s", p.paint(yellow, "failed"), f.why(ctx, h), p.paint(dim, took))
		}
	})
}

// received is what a route brings to its end.
func received(r *lnrpc.Route) int64 { return r.GetTotalAmtMsat() - r.GetTotalFeesMsat() }

func (f *follower) path(ctx context.Context, r *lnrpc.Route) string {
	var names []string
	for _, h := range r.GetHops() {
		names = append(names, f.name(ctx, h.PubKey))
	}
	return strings.Join(names, " → ")
}

// why says what failed, and where.
func (f *follower) why(ctx context.Context, h *lnrpc.HTLCAttempt) string {
	hops, at := h.Route.GetHops(), int(h.Failure.GetFailureSourceIndex())
	what := plainly(h.Failure.GetCode().String())
	switch {
	case h.Failure == nil:
		return "no reason is known"
	case at == 0:
		return what + ", at ourselves"
	case at <= len(hops):
		return what + ", says " + f.name(ctx, hops[at-1].PubKey)
	}
	return what
}

func (f *follower) name(ctx context.Context, key string) string {
	name, ok := f.names[key]
	if !ok {
		name = f.alias(ctx, key)
		f.names[key] = name
	}
	return name
}

// alias is a node's name where the graph has it, else the beginning of its key.
func (s *session) alias(ctx context.Context, key string) string {
	info, err := s.Lightning.GetNodeInfo(ctx, &lnrpc.NodeInfoRequest{PubKey: key})
	if err != nil {
		return short(key) // a name is a comfort, not worth an error
	}
	return peerName(info.Node.GetAlias(), key)
}

func showEnd(p *page, last *lnrpc.Payment) {
	switch last.Status {
	case lnrpc.Payment_SUCCEEDED:
		parts, over := 0, ""
		for _, h := range last.Htlcs {
			if h.Status == lnrpc.HTLCAttempt_SUCCEEDED {
				parts++
			}
		}
		if parts > 1 {
			over = fmt.Sprintf(" in %d parts", parts)
		}
		p.line("%s %s sat%s, fee %s sat", p.paint(green, "paid"), msats(last.ValueMsat), over, msats(last.FeeMsat))
		p.facts(fact{"preimage", last.PaymentPreimage}, fact{"hash", last.PaymentHash})
	case lnrpc.Payment_FAILED:
		p.line("%s after %s", p.paint(red, "failed"), count(len(last.Htlcs), "attempt"))
		p.facts(fact{"hash", last.PaymentHash})
	default:
		p.line("%s", p.paint(yellow, "under way"))
	}
}

// failureText says why a payment failed, and what might help.
func failureText(r lnrpc.PaymentFailureReason) string {
	switch r {
	case lnrpc.PaymentFailureReason_FAILURE_REASON_TIMEOUT:
		return "the time for attempts is over; --timeout gives more"
	case lnrpc.PaymentFailureReason_FAILURE_REASON_NO_ROUTE:
		return "there is no route with enough money on it within the fee limit; --fee_limit may allow more, --max_parts splits more"
	case lnrpc.PaymentFailureReason_FAILURE_REASON_INCORRECT_PAYMENT_DETAILS:
		return "the recipient does not know this payment: the invoice is paid, canceled or expired, or the amount is wrong; or it takes no payments without an invoice"
	case lnrpc.PaymentFailureReason_FAILURE_REASON_INSUFFICIENT_BALANCE:
		return "our channels have not enough to send; `fulmen channelbalance` shows it"
	case lnrpc.PaymentFailureReason_FAILURE_REASON_CANCELED:
		return "it was canceled"
	}
	return plainly(strings.TrimPrefix(r.String(), "FAILURE_REASON_"))
}
