package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// policyCommands are about what forwarding costs and brings.
func policyCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "feereport", Usage: "show what forwarding costs, and what it has brought", Action: withNode(feeReport),
			Description: example("The price of each channel, and what was earned in a day, a week, a month.", "fulmen feereport"),
		},
		{
			Name: "updatechanpolicy", Usage: "set what forwarding costs", ArgsUsage: "BASE_FEE_MSAT FEE_RATE_PPM TIME_LOCK_DELTA [CHANNEL]", Action: withNode(updatePolicy),
			Description: example("For one channel, or for all and those to come. A payment of A msat costs base + A * rate / 1,000,000.\n"+
				"The time lock delta is the margin in blocks to claim on the chain what the next node has claimed from us.",
				"fulmen updatechanpolicy 1000 100 40", "fulmen updatechanpolicy 0 250 40 103x1x0", "fulmen updatechanpolicy --base_fee_msat 1000 --fee_rate_ppm 100 --time_lock_delta 40"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "base_fee_msat", Usage: "the base fee in `msat`, instead of the argument"},
				&cli.StringFlag{Name: "fee_rate_ppm", Usage: "the fee in `millionths`, instead of the argument"},
				&cli.StringFlag{Name: "fee_rate", Usage: "the fee as a `fraction`, as in 0.0001, instead of millionths"},
				&cli.StringFlag{Name: "time_lock_delta", Usage: "the `blocks`, instead of the argument"},
				&cli.StringFlag{Name: "chan_point", Usage: "the `channel`, instead of the argument (default: all)"},
				&cli.Uint64Flag{Name: "max_htlc_msat", Usage: "largest payment to forward, in `msat` (default: unchanged)"},
				&cli.Uint64Flag{Name: "min_htlc_msat", Usage: "smallest payment to forward, in `msat` (default: unchanged)"},
				&cli.Int64Flag{Name: "inbound_base_fee_msat", Usage: "a discount in `msat`, not above 0, for what comes in here"},
				&cli.Int64Flag{Name: "inbound_fee_rate_ppm", Usage: "a discount in `millionths`, not above 0, for what comes in here"},
			},
		},
		{
			Name: "fwdinghistory", Usage: "list the payments that were forwarded", Action: withNode(forwardingHistory),
			Description: example("Of the last day, or between two times: seconds since 1970, or as far back as -7d, -12h.",
				"fulmen fwdinghistory", "fulmen fwdinghistory --start_time -7d --max_events 1000"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "start_time", Value: "-1d", Usage: "the earliest `time`"}, &cli.StringFlag{Name: "end_time", Usage: "the latest `time` (default: now)"},
				&cli.UintFlag{Name: "index_offset", Usage: "leave out the first `number`"}, &cli.UintFlag{Name: "max_events", Value: 100, Usage: "at most this `number`"},
			},
		},
	}
}

func feeReport(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.FeeReport, &lnrpc.FeeReportRequest{}, func(p *page, r *lnrpc.FeeReportResponse) {
		t := newTable("channel", ">base fee sat", ">fee ppm", ">inbound base sat", ">inbound ppm", "point")
		for _, c := range r.ChannelFees {
			t.add(channelName(c.ChanId), msats(c.BaseFeeMsat), c.FeePerMil, discount(c.InboundBaseFeeMsat), c.InboundFeePerMil, c.ChannelPoint)
		}
		p.table(t, "There are no channels.")
		p.line("")
		p.amounts(fact{"earned in a day", sats(r.DayFeeSum)}, fact{"in a week", sats(r.WeekFeeSum)}, fact{"in a month", sats(r.MonthFeeSum)})
	})
}

func policyRequest(w *words) *lnrpc.PolicyUpdateRequest {
	c := w.c
	r := &lnrpc.PolicyUpdateRequest{
		BaseFeeMsat: int64(need(w, "base_fee_msat", parseUint)), MaxHtlcMsat: c.Uint64("max_htlc_msat"),
		MinHtlcMsat: c.Uint64("min_htlc_msat"), MinHtlcMsatSpecified: c.IsSet("min_htlc_msat"),
	}
	if c.IsSet("fee_rate") {
		r.FeeRate = option(w, "fee_rate", parseFraction)
	} else {
		r.FeeRatePpm = need(w, "fee_rate_ppm", parseUint)
	}
	r.TimeLockDelta = need(w, "time_lock_delta", parseUint)
	if c.IsSet("inbound_base_fee_msat") || c.IsSet("inbound_fee_rate_ppm") {
		r.InboundFee = &lnrpc.InboundFee{BaseFeeMsat: int32(c.Int64("inbound_base_fee_msat")), FeeRatePpm: int32(c.Int64("inbound_fee_rate_ppm"))}
	}
	return r
}

func parseFraction(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return 0, fmt.Errorf("%q is no fraction between 0 and 1", s)
	}
	return f, nil
}

func updatePolicy(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := policyRequest(w)
	name, one := may(w, "chan_point", anyText)
	if err := w.end(); err != nil {
		return err
	}
	r.Scope = &lnrpc.PolicyUpdateRequest_Global{Global: true}
	if one {
		point, err := findPoint(ctx, s, name)
		if err != nil {
			return err
		}
		r.Scope = &lnrpc.PolicyUpdateRequest_ChanPoint{ChanPoint: point}
	}
	a, err := s.Lightning.UpdateChannelPolicy(ctx, r)
	if err != nil {
		return err
	}
	err = s.print(a, func(p *page) {
		for _, f := range a.FailedUpdates {
			p.line("%s: %s: %s", p.paint(red, "not changed"), pointOf(f.Outpoint), f.UpdateError)
		}
		if len(a.FailedUpdates) == 0 {
			p.line("The policy is changed; the network hears of it within some minutes.")
		}
	})
	if err == nil && len(a.FailedUpdates) > 0 {
		err = fmt.Errorf("%s could not be changed", count(len(a.FailedUpdates), "channel"))
	}
	return err
}

func pointOf(op *lnrpc.OutPoint) string {
	return fmt.Sprintf("%s:%d", op.GetTxidStr(), op.GetOutputIndex())
}

// parseTime reads seconds since 1970, or a time before now: -90s, -30m, -12h, -7d, -4w, -1y.
func parseTime(s string, now time.Time) (uint64, error) {
	if n, err := strconv.ParseUint(s, 10, 63); err == nil {
		return n, nil
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}
	if len(s) > 2 && s[0] == '-' {
		n, err := strconv.ParseUint(s[1:len(s)-1], 10, 32)
		if unit := units[s[len(s)-1]]; err == nil && unit > 0 && n <= uint64(math.MaxInt64/unit) {
			return uint64(max(0, now.Add(-time.Duration(n)*unit).Unix())), nil
		}
	}
	return 0, fmt.Errorf("%q is no time: give seconds since 1970, or -7d, -12h, -30m", s)
}

func forwardingHistory(ctx context.Context, s *session) error {
	w, now := wordsOf(s.c), time.Now()
	at := func(text string) (uint64, error) { return parseTime(text, now) }
	r := &lnrpc.ForwardingHistoryRequest{
		StartTime: parsed(w, "start_time", s.c.String("start_time"), at), EndTime: uint64(now.Unix()) + 1, PeerAliasLookup: true,
		IndexOffset: uint32(s.c.Uint("index_offset")), NumMaxEvents: uint32(s.c.Uint("max_events")),
	}
	if s.c.IsSet("end_time") {
		r.EndTime = option(w, "end_time", at)
	}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.ForwardingHistory, r, func(p *page, a *lnrpc.ForwardingHistoryResponse) {
		t := newTable("time", "from", "in", "out", "to", ">sat", ">fee sat")
		var amount, fee uint64
		for _, e := range a.ForwardingEvents {
			amount, fee = amount+e.AmtOutMsat, fee+e.FeeMsat
			t.add(when(int64(e.TimestampNs/1e9)), orDash(clip(e.PeerAliasIn, 16)), scid(e.ChanIdIn), scid(e.ChanIdOut), orDash(clip(e.PeerAliasOut, 16)), msats(e.AmtOutMsat), msats(e.FeeMsat))
		}
		p.table(t, "Nothing was forwarded in that time.")
		if len(a.ForwardingEvents) > 1 {
			p.line("\n%s, %s sat, fees %s sat", count(len(a.ForwardingEvents), "payment"), msats(amount), msats(fee))
		}
	})
}

// discount writes an inbound fee, which is not above 0.
func discount(msat int32) string {
	if msat < 0 {
		return "-" + msats(-int64(msat)).String()
	}
	return msats(msat).String()
}
