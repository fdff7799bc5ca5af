package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// closeCommands close channels.
func closeCommands() []*cli.Command {
	flags := func(more ...cli.Flag) []cli.Flag {
		return append(append(feeFlags(),
			&cli.BoolFlag{Name: "force", Usage: "do not ask the peer: publish our commitment; our funds are locked for a time"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask before a forced close"}), more...)
	}
	return []*cli.Command{
		{
			Name: "closechannel", Usage: "close a channel", ArgsUsage: "POINT|NUMBER", Action: withNode(closeChannel),
			Description: example("Together with the peer, which must be connected; our share is in the wallet when the closing transaction has\n"+
				"confirmed. --force is for peers that are gone: it costs more, and takes days on mainnet.\n"+
				"The channel is named by its point or its number, as listchannels shows them.",
				"fulmen closechannel 103x1x0", "fulmen closechannel 5f3a…:0 --sat_per_vbyte 2 --wait", "fulmen closechannel 103x1x0 --force"),
			Flags: flags(
				&cli.StringFlag{Name: "chan_point", Usage: "the `channel`, instead of the argument"},
				&cli.BoolFlag{Name: "wait", Aliases: []string{"block"}, Usage: "return when the closing transaction has confirmed"},
				&cli.Uint64Flag{Name: "max_fee_rate", Usage: "the highest fee `rate` that we agree to, in sat/vbyte"},
				&cli.StringFlag{Name: "delivery_addr", Usage: "`address` for our share, instead of a new one of the wallet"}),
		},
		{
			Name: "closeallchannels", Usage: "close all channels", Action: withNode(closeAll),
			Description: example("Together with the peers that are connected; with --force, by force where the peer is not. It goes on where one fails.",
				"fulmen closeallchannels", "fulmen closeallchannels --inactive_only --force"),
			Flags: flags(&cli.BoolFlag{Name: "inactive_only", Usage: "only those whose peer is not connected"}),
		},
	}
}

// confirmForce asks before a forced close.
func confirmForce(ctx context.Context, s *session, what string) error {
	p := newPrompt(s.c)
	if !s.c.Bool("force") || s.c.Bool("yes") || !p.interactive() {
		return nil
	}
	ok, err := p.yes(ctx, fmt.Sprintf("Force-close %s? Our funds are locked for a time and the fees are higher.", what))
	if err == nil && !ok {
		err = errors.New("nothing was done")
	}
	return err
}

func closeChannel(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	name := need(w, "chan_point", anyText)
	r := &lnrpc.CloseChannelRequest{
		Force: s.c.Bool("force"), TargetConf: int31(w, "conf_target"), SatPerVbyte: s.c.Uint64("sat_per_vbyte"),
		MaxFeePerVbyte: s.c.Uint64("max_fee_rate"), DeliveryAddress: s.c.String("delivery_addr"),
	}
	if err := w.end(); err != nil {
		return err
	}
	point, err := findPoint(ctx, s, name)
	if err != nil {
		return err
	}
	if err := confirmForce(ctx, s, "channel "+name); err != nil {
		return err
	}
	r.ChannelPoint = point
	return s.close(ctx, r, s.c.Bool("wait"))
}

// close closes a channel and tells how it goes, until the closing transaction is out or has confirmed.
func (s *session) close(ctx context.Context, r *lnrpc.CloseChannelRequest, wait bool) error {
	updates, err := s.Lightning.CloseChannel(ctx, r)
	if err != nil {
		return err
	}
	seen := false
	err = each(updates, func(u *lnrpc.CloseStatusUpdate) (bool, error) {
		switch u := u.Update.(type) {
		case *lnrpc.CloseStatusUpdate_ClosePending:
			seen = true
			return !wait, s.closing(txid(u.ClosePending.Txid), u.ClosePending.FeePerVbyte, wait)
		case *lnrpc.CloseStatusUpdate_ChanClose:
			seen = true
			return true, s.closed(u.ChanClose)
		}
		return false, nil
	})
	if err == nil && !seen {
		err = errors.New("the node ended the close without a word; its log may say why")
	}
	return err
}

func (s *session) closing(id string, rate int64, wait bool) error {
	return s.printValue(map[string]string{"closing_txid": id}, func(p *page) {
		fee := ""
		if rate > 0 {
			fee = fmt.Sprintf(", fee %d sat/vbyte", rate)
		}
		p.line("%s: transaction %s is out%s", p.paint(yellow, "closing"), id, fee)
		if wait {
			p.line("waiting for it to confirm; an interrupt ends the waiting, not the close")
		}
	})
}

func (s *session) closed(u *lnrpc.ChannelCloseUpdate) error {
	id := txid(u.ClosingTxid)
	return s.printValue(map[string]any{"closing_txid": id, "success": u.Success}, func(p *page) {
		p.line("%s: transaction %s has confirmed", p.paint(green, "closed"), id)
		if u.LocalCloseOutput != nil {
			p.line("%s sat come back to the wallet", sats(u.LocalCloseOutput.AmountSat))
		}
	})
}

func closeAll(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	force, target := s.c.Bool("force"), int31(w, "conf_target")
	if err := w.end(); err != nil {
		return err
	}
	list, err := s.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{InactiveOnly: s.c.Bool("inactive_only")})
	if err != nil {
		return err
	}
	alone := 0
	for _, c := range list.Channels {
		if !c.Active {
			alone++
		}
	}
	if alone > 0 {
		if err := confirmForce(ctx, s, count(alone, "channel")+" whose peer is not connected"); err != nil {
			return err
		}
	}
	var failed []string
	for _, c := range list.Channels {
		op, err := parsePoint(c.ChannelPoint)
		if err != nil {
			return err
		}
		r := &lnrpc.CloseChannelRequest{ChannelPoint: channelPoint(op), Force: force && !c.Active}
		if !r.Force {
			r.TargetConf, r.SatPerVbyte = target, s.c.Uint64("sat_per_vbyte")
		}
		if err := s.close(ctx, r, false); err != nil {
			failed = append(failed, fmt.Sprintf("%s with %s: %s", c.ChannelPoint, short(c.RemotePubkey), text(err)))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if failed != nil {
		return fmt.Errorf("%s could not be closed:\n%s", count(len(failed), "channel"), strings.Join(failed, "\n"))
	}
	if len(list.Channels) == 0 && !s.json {
		return s.printPage(func(p *page) { p.line("There are no channels to close.") })
	}
	return nil
}
