package main

import (
	"context"
	"math"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// The fee that is allowed where nothing is said, as lncli's: all of a small payment, where one hop's base fee is a large
// share, and a twentieth of a larger one.
const (
	smallPayment   = 1_000_000 * lnwire.MilliSatoshi(1)
	defaultPercent = 5
	payTimeout     = time.Minute
)

// payCommands pay invoices.
func payCommands() []*cli.Command {
	return []*cli.Command{{
		Name: "payinvoice", Aliases: []string{"pay"}, Usage: "pay an invoice", ArgsUsage: "INVOICE", Action: withNode(payInvoice),
		Description: example("Shows the invoice and asks; then every attempt, and what it cost. The exit code is 0 when it is paid.\n"+
			"The fee is at most 5% (of up to 1,000 sat: 100%) where no limit is given. An interrupt ends the watching, not the payment:\n"+
			"see trackpayment.",
			"fulmen pay lnbcrt15u1p…", "fulmen pay lnbcrt1p… --amt 2500", "fulmen pay lnbcrt15u1p… --force --fee_limit 10 --timeout 30s"),
		Flags: append(paymentFlags(),
			&cli.StringFlag{Name: "pay_req", Usage: "the `invoice`, instead of the argument"},
			&cli.StringFlag{Name: "amt", Usage: "the `amount`, for an invoice without one"}),
	}}
}

// paymentFlags are common to all that pays.
func paymentFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "do not ask"},
		&cli.StringFlag{Name: "fee_limit", Usage: "pay at most this `amount` in fees"},
		&cli.UintFlag{Name: "fee_limit_percent", Usage: "pay at most this `percentage` in fees"},
		&cli.DurationFlag{Name: "timeout", Value: payTimeout, Usage: "begin no attempts after this `time`"},
		&cli.UintFlag{Name: "cltv_limit", Usage: "the most `blocks` that the money may be locked"},
		&cli.StringSliceFlag{Name: "outgoing_chan_id", Usage: "leave by this `channel`; may be repeated"},
		&cli.StringFlag{Name: "last_hop", Usage: "arrive through this `node`"},
		&cli.UintFlag{Name: "max_parts", Usage: "split the payment into at most this `number` (default: the node's)"},
		&cli.StringFlag{Name: "max_shard_size", Usage: "the largest part, an `amount`"},
		&cli.BoolFlag{Name: "allow_self_payment", Usage: "also to ourselves, in a circle"},
	}
}

// paymentRequest reads the common flags; the caller adds what is paid, and checks w.
func paymentRequest(w *words) *routerrpc.SendPaymentRequest {
	c := w.c
	r := &routerrpc.SendPaymentRequest{
		TimeoutSeconds: int32(min(math.MaxInt32, math.Ceil(c.Duration("timeout").Seconds()))), CltvLimit: int31(w, "cltv_limit"),
		OutgoingChanIds: options(w, "outgoing_chan_id", parseSCID), LastHopPubkey: option(w, "last_hop", parseKey), MaxParts: uint32(c.Uint("max_parts")),
		MaxShardSizeMsat: uint64(option(w, "max_shard_size", parseSat)) * 1000, AllowSelfPayment: c.Bool("allow_self_payment"),
	}
	if r.TimeoutSeconds <= 0 {
		w.fail("--timeout must be positive")
	}
	return r
}

// feeLimit is the most that the fees of a payment may be.
func feeLimit(w *words, amount lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	switch {
	case w.c.IsSet("fee_limit") && w.c.IsSet("fee_limit_percent"):
		w.fail("give either --fee_limit or --fee_limit_percent")
	case w.c.IsSet("fee_limit"):
		return lnwire.MilliSatoshi(option(w, "fee_limit", parseSat)) * 1000
	case w.c.IsSet("fee_limit_percent"):
		return percent(amount, uint64(w.c.Uint("fee_limit_percent")))
	case amount > smallPayment:
		return percent(amount, defaultPercent)
	}
	return amount
}

// percent is a share of an amount, and at most all the bitcoin there is.
func percent(amount lnwire.MilliSatoshi, n uint64) lnwire.MilliSatoshi {
	return lnwire.MilliSatoshi(min(float64(amount)/100*float64(n), 21e6*1e11))
}

func payInvoice(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := paymentRequest(w)
	r.PaymentRequest = need(w, "pay_req", anyText)
	chosen := lnwire.MilliSatoshi(option(w, "amt", parseSat)) * 1000
	if err := w.end(); err != nil {
		return err
	}
	inv, err := s.Lightning.DecodePayReq(ctx, &lnrpc.PayReqString{PayReq: r.PaymentRequest})
	if err != nil {
		return err
	}
	amount := lnwire.MilliSatoshi(inv.NumMsat)
	switch {
	case inv.NumMsat == 0 && chosen == 0:
		w.fail("the invoice leaves the amount to you: give it with --amt")
	case inv.NumMsat == 0:
		amount, r.AmtMsat = chosen, int64(chosen)
	case chosen != 0 && chosen != amount:
		w.fail("the invoice is over %s sat; --amt is for invoices without an amount", msats(amount))
	}
	limit := feeLimit(w, amount)
	if err := w.end(); err != nil {
		return err
	}
	r.FeeLimitMsat = int64(limit)
	if !s.json {
		if err := s.printPage(func(p *page) { announcePayment(p, s.alias(ctx, inv.Destination), inv, amount, limit) }); err != nil {
			return err
		}
	}
	if err := confirm(ctx, s.c, "Pay?"); err != nil {
		return err
	}
	return s.pay(ctx, r)
}

func announcePayment(p *page, to string, inv *lnrpc.PayReq, amount, limit lnwire.MilliSatoshi) {
	p.facts(
		fact{"to", to}, fact{"amount", cell{msats(amount).String() + " sat", bold}}, fact{"for", inv.Description},
		fact{"expires", expiry(inv)}, fact{"fee", "at most " + msats(limit).String() + " sat"},
	)
}

// pay sends a payment and follows it to its end.
func (s *session) pay(ctx context.Context, r *routerrpc.SendPaymentRequest) error {
	updates, err := s.Router.SendPaymentV2(ctx, r)
	if err != nil {
		return err
	}
	return s.follow(ctx, updates)
}
