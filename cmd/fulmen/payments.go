package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// paymentCommands look at payments and routes.
func paymentCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "trackpayment", Usage: "follow a payment to its end", ArgsUsage: "HASH", Action: withNode(trackPayment),
			Description: example("Prints the attempts so far and to come. The exit code is 0 when it is paid.", "fulmen trackpayment 3f8c…"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "payment_hash", Usage: "the `hash`, instead of the argument"}},
		},
		{
			Name: "listpayments", Usage: "list payments that were made", Action: withNode(listPayments),
			Description: example("The newest, or a page of all.", "fulmen listpayments", "fulmen listpayments --include_incomplete --max_payments 10"),
			Flags: append(pageFlags("max_payments", 100), &cli.BoolFlag{Name: "include_incomplete", Usage: "with those that failed or are under way"},
				&cli.BoolFlag{Name: "paginate_forwards", Usage: "the oldest first, after index_offset"}),
		},
		{
			Name: "queryroutes", Usage: "find a route, without paying", ArgsUsage: "KEY AMOUNT", Action: withNode(queryRoutes),
			Description: example("Whether the money is there along the route is only known by paying.", "fulmen queryroutes 02ab… 1000", "fulmen queryroutes 02ab… 1000 --fee_limit 5"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "dest", Usage: "the `key`, instead of the argument"}, &cli.StringFlag{Name: "amt", Usage: "the `amount`, instead of the argument"},
				&cli.StringFlag{Name: "fee_limit", Usage: "pay at most this `amount` in fees"}, &cli.UintFlag{Name: "fee_limit_percent", Usage: "pay at most this `percentage` in fees"},
				&cli.UintFlag{Name: "final_cltv_delta", Usage: "`blocks` that the recipient asks for"}, &cli.UintFlag{Name: "cltv_limit", Usage: "the most `blocks` that the money may be locked"},
				&cli.StringSliceFlag{Name: "outgoing_chan_id", Usage: "leave by this `channel`; may be repeated"}, &cli.StringFlag{Name: "last_hop", Usage: "arrive through this `node`"},
				&cli.StringFlag{Name: "source", Usage: "begin at this `node` instead of ours"}, &cli.StringSliceFlag{Name: "ignore_node", Usage: "avoid this `node`; may be repeated"},
				&cli.BoolFlag{Name: "use_mc", Usage: "use what past payments have taught"},
			},
		},
	}
}

func trackPayment(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	hash := need(w, "payment_hash", parseHash)
	if err := w.end(); err != nil {
		return err
	}
	updates, err := s.Router.TrackPaymentV2(ctx, &routerrpc.TrackPaymentRequest{PaymentHash: hash})
	if err != nil {
		return err
	}
	return s.follow(ctx, updates)
}

func listPayments(ctx context.Context, s *session) error {
	r := &lnrpc.ListPaymentsRequest{
		IncludeIncomplete: s.c.Bool("include_incomplete"), IndexOffset: s.c.Uint64("index_offset"), MaxPayments: s.c.Uint64("max_payments"),
		Reversed: !s.c.Bool("paginate_forwards"), CreationDateStart: s.c.Uint64("creation_date_start"), CreationDateEnd: s.c.Uint64("creation_date_end"),
	}
	return ask(ctx, s, s.Lightning.ListPayments, r, func(p *page, a *lnrpc.ListPaymentsResponse) {
		t := newTable(">no", "made", "state", ">sat", ">fee sat", ">attempts", "hash")
		for _, pay := range a.Payments {
			t.add(pay.PaymentIndex, when(pay.CreationTimeNs/1e9), paymentState(pay), msats(pay.ValueMsat), msats(pay.FeeMsat), len(pay.Htlcs), pay.PaymentHash)
		}
		p.table(t, "No payments. Make one: fulmen pay INVOICE")
	})
}

func paymentState(p *lnrpc.Payment) cell {
	switch p.Status {
	case lnrpc.Payment_SUCCEEDED:
		return cell{"paid", green}
	case lnrpc.Payment_FAILED:
		reason := strings.TrimPrefix(p.FailureReason.String(), "FAILURE_REASON_")
		return cell{"failed: " + plainly(reason), red}
	}
	return cell{"under way", yellow}
}

func queryRoutes(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.QueryRoutesRequest{PubKey: hexOf(need(w, "dest", parseKey)), UseMissionControl: s.c.Bool("use_mc")}
	amount := lnwire.MilliSatoshi(need(w, "amt", parseSat)) * 1000
	r.AmtMsat, r.FinalCltvDelta, r.CltvLimit = int64(amount), int31(w, "final_cltv_delta"), uint32(int31(w, "cltv_limit"))
	r.FeeLimit = &lnrpc.FeeLimit{Limit: &lnrpc.FeeLimit_FixedMsat{FixedMsat: int64(feeLimit(w, amount))}}
	r.OutgoingChanIds, r.LastHopPubkey = options(w, "outgoing_chan_id", parseSCID), option(w, "last_hop", parseKey)
	r.IgnoredNodes = options(w, "ignore_node", parseKey)
	if source := option(w, "source", parseKey); source != nil {
		r.SourcePubKey = hexOf(source)
	}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.QueryRoutes, r, func(p *page, a *lnrpc.QueryRoutesResponse) {
		for _, route := range a.Routes {
			t := newTable(">hop", "channel", "to", ">forwards sat", ">fee sat", ">until block")
			for i, h := range route.Hops {
				t.add(i+1, scid(h.ChanId), s.alias(ctx, h.PubKey), msats(h.AmtToForwardMsat), msats(h.FeeMsat), h.Expiry)
			}
			p.table(t, "")
			p.line("\n%s sat leave, %s sat arrive, fee %s sat; locked until block %d at most", msats(route.TotalAmtMsat), msats(received(route)), msats(route.TotalFeesMsat), route.TotalTimeLock)
		}
		p.line("%s", p.paint(dim, fmt.Sprintf("chance of success: %.0f%%", a.SuccessProb*100)))
	})
}
