package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// channelCommands show channels.
func channelCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "listchannels", Usage: "list the open channels", Action: withNode(listChannels),
			Description: example("\"Ours\" can be paid from, \"theirs\" received, each less a reserve that the channel keeps.", "fulmen listchannels", "fulmen listchannels --inactive_only"),
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "active_only", Usage: "whose peer is connected"}, &cli.BoolFlag{Name: "inactive_only", Usage: "whose peer is not"},
				&cli.BoolFlag{Name: "public_only", Usage: "announced ones"}, &cli.BoolFlag{Name: "private_only", Usage: "not announced ones"},
				&cli.StringFlag{Name: "peer", Usage: "with this `node`"},
			},
		},
		{
			Name: "channelbalance", Usage: "show what is in the channels", Action: withNode(channelBalance),
			Description: example("What is on the chain is not in here: see walletbalance.", "fulmen channelbalance"),
		},
		{
			Name: "pendingchannels", Usage: "list the channels that are opening or closing", Action: withNode(pendingChannels),
			Description: example("After a forced close funds wait for their time locks; \"blocks left\" says how long.", "fulmen pendingchannels"),
		},
		{
			Name: "closedchannels", Usage: "list the channels that are closed", Action: withNode(closedChannels),
			Description: example("All of them, or those of some kinds.", "fulmen closedchannels", "fulmen closedchannels --local_force --remote_force"),
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "cooperative", Usage: "closed together"}, &cli.BoolFlag{Name: "local_force", Usage: "forced by us"},
				&cli.BoolFlag{Name: "remote_force", Usage: "forced by the peer"}, &cli.BoolFlag{Name: "breach", Usage: "where the peer published an old state"},
				&cli.BoolFlag{Name: "funding_canceled", Usage: "never opened"}, &cli.BoolFlag{Name: "abandoned", Usage: "given up"},
			},
		},
		{
			Name: "subscribechannelevents", Usage: "print what happens to channels, until interrupted", Action: withNode(channelEvents),
			Description: example("One event a line.", "fulmen subscribechannelevents", "fulmen subscribechannelevents | jq -c .type"),
		},
	}
}

func listChannels(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.ListChannelsRequest{
		ActiveOnly: s.c.Bool("active_only"), InactiveOnly: s.c.Bool("inactive_only"), PublicOnly: s.c.Bool("public_only"),
		PrivateOnly: s.c.Bool("private_only"), Peer: option(w, "peer", parseKey), PeerAliasLookup: true,
	}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.ListChannels, r, func(p *page, a *lnrpc.ListChannelsResponse) {
		t := newTable("channel", "peer", "state", ">capacity sat", ">ours sat", ">theirs sat", ">in flight", "point")
		for _, c := range a.Channels {
			t.add(channelName(c.ChanId), peerName(c.PeerAlias, c.RemotePubkey), channelState(c), sats(c.Capacity),
				cell{sats(c.LocalBalance).String(), green}, sats(c.RemoteBalance), len(c.PendingHtlcs), c.ChannelPoint)
		}
		p.table(t, "There are no open channels. Open one: fulmen openchannel KEY SATOSHIS --connect HOST:PORT")
	})
}

func channelName(id uint64) string {
	if id == 0 {
		return "-"
	}
	return scid(id)
}

// peerName is what a person knows a node by.
func peerName(alias, key string) string {
	if alias == "" || strings.HasPrefix(key, alias) || strings.HasPrefix(alias, "unable to lookup") {
		return short(key)
	}
	return clip(alias, 20)
}

func channelState(c *lnrpc.Channel) cell {
	kind := ""
	if c.Private {
		kind = ", private"
	}
	if c.Active {
		return cell{"active" + kind, green}
	}
	return cell{"inactive" + kind, yellow}
}

func channelBalance(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.ChannelBalance, &lnrpc.ChannelBalanceRequest{}, func(p *page, r *lnrpc.ChannelBalanceResponse) {
		list := []fact{{"ours", cell{msats(r.LocalBalance.GetMsat()).String(), bold}}, {"theirs", msats(r.RemoteBalance.GetMsat())}}
		for _, more := range []struct {
			name   string
			amount *lnrpc.Amount
		}{
			{"ours, in flight", r.UnsettledLocalBalance}, {"theirs, in flight", r.UnsettledRemoteBalance},
			{"ours, in opening channels", r.PendingOpenLocalBalance}, {"theirs, in opening channels", r.PendingOpenRemoteBalance},
		} {
			if more.amount.GetMsat() != 0 {
				list = append(list, fact{more.name, msats(more.amount.GetMsat())})
			}
		}
		p.amounts(list...)
	})
}

func pendingChannels(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.PendingChannels, &lnrpc.PendingChannelsRequest{}, func(p *page, r *lnrpc.PendingChannelsResponse) {
		t := newTable("state", "peer", ">capacity sat", ">ours sat", ">blocks left", "point", "closing transaction")
		add := func(state cell, c *lnrpc.PendingChannelsResponse_PendingChannel, ours int64, left, closing string) {
			t.add(state, short(c.GetRemoteNodePub()), sats(c.GetCapacity()), sats(ours), left, c.GetChannelPoint(), orDash(closing))
		}
		for _, c := range r.PendingOpenChannels {
			add(cell{"opening", yellow}, c.Channel, c.Channel.GetLocalBalance(), fmt.Sprint(c.ConfirmationsUntilActive), "")
		}
		for _, c := range r.WaitingCloseChannels {
			add(cell{"closing", yellow}, c.Channel, c.LimboBalance, fmt.Sprint(c.BlocksTilCloseConfirmed), c.ClosingTxid)
		}
		for _, c := range r.PendingForceClosingChannels {
			add(cell{"force closing", red}, c.Channel, c.LimboBalance, fmt.Sprint(max(0, c.BlocksTilMaturity)), c.ClosingTxid)
		}
		p.table(t, "No channel is opening or closing.")
		if r.TotalLimboBalance != 0 {
			p.line("\n%s sat of ours come back to the wallet.", sats(r.TotalLimboBalance))
		}
	})
}

func closedChannels(ctx context.Context, s *session) error {
	r := &lnrpc.ClosedChannelsRequest{
		Cooperative: s.c.Bool("cooperative"), LocalForce: s.c.Bool("local_force"), RemoteForce: s.c.Bool("remote_force"),
		Breach: s.c.Bool("breach"), FundingCanceled: s.c.Bool("funding_canceled"), Abandoned: s.c.Bool("abandoned"),
	}
	return ask(ctx, s, s.Lightning.ClosedChannels, r, func(p *page, a *lnrpc.ClosedChannelsResponse) {
		t := newTable("channel", "peer", "how", ">height", ">capacity sat", ">ours sat", "closing transaction")
		for _, c := range a.Channels {
			t.add(channelName(c.ChanId), short(c.RemotePubkey), closeKind(c.CloseType), c.CloseHeight, sats(c.Capacity), sats(c.SettledBalance), c.ClosingTxHash)
		}
		p.table(t, "No channel has been closed.")
	})
}

func closeKind(k lnrpc.ChannelCloseSummary_ClosureType) cell {
	switch k {
	case lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE:
		return cell{"together", green}
	case lnrpc.ChannelCloseSummary_BREACH_CLOSE:
		return cell{"breach", red}
	}
	return cell{plainly(k.String()), yellow}
}

// plainly makes a constant's name readable: LOCAL_FORCE_CLOSE is "local force close".
func plainly(constant string) string { return strings.ToLower(strings.ReplaceAll(constant, "_", " ")) }

func channelEvents(ctx context.Context, s *session) error {
	events, err := s.Lightning.SubscribeChannelEvents(ctx, &lnrpc.ChannelEventSubscription{})
	if err != nil {
		return err
	}
	return each(events, func(e *lnrpc.ChannelEventUpdate) (bool, error) {
		return false, s.print(e, func(p *page) { p.line("%-22s %s", plainly(e.Type.String()), eventChannel(e)) })
	})
}

// eventChannel is the point of the channel that an event is about.
func eventChannel(e *lnrpc.ChannelEventUpdate) string {
	switch c := e.Channel.(type) {
	case *lnrpc.ChannelEventUpdate_OpenChannel:
		return c.OpenChannel.ChannelPoint
	case *lnrpc.ChannelEventUpdate_ClosedChannel:
		return c.ClosedChannel.ChannelPoint
	case *lnrpc.ChannelEventUpdate_PendingOpenChannel:
		return fmt.Sprintf("%s:%d", txid(c.PendingOpenChannel.Txid), c.PendingOpenChannel.OutputIndex)
	case *lnrpc.ChannelEventUpdate_ActiveChannel:
		return pointText(c.ActiveChannel)
	case *lnrpc.ChannelEventUpdate_InactiveChannel:
		return pointText(c.InactiveChannel)
	case *lnrpc.ChannelEventUpdate_FullyResolvedChannel:
		return pointText(c.FullyResolvedChannel)
	case *lnrpc.ChannelEventUpdate_ChannelFundingTimeout:
		return pointText(c.ChannelFundingTimeout)
	}
	return ""
}

func pointText(p *lnrpc.ChannelPoint) string {
	id := p.GetFundingTxidStr()
	if raw := p.GetFundingTxidBytes(); raw != nil {
		id = txid(raw)
	}
	return fmt.Sprintf("%s:%d", id, p.GetOutputIndex())
}

// findPoint turns what a person calls an open channel into its point: the point itself, or its number.
func findPoint(ctx context.Context, s *session, name string) (*lnrpc.ChannelPoint, error) {
	if op, err := parsePoint(name); err == nil {
		return channelPoint(op), nil
	}
	id, err := parseSCID(name)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a channel's point (txid:index) nor its number (103x1x0); `fulmen listchannels` shows both", name)
	}
	list, err := s.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{})
	if err != nil {
		return nil, err
	}
	for _, c := range list.Channels {
		if c.ChanId == id {
			op, err := parsePoint(c.ChannelPoint)
			if err != nil {
				return nil, err
			}
			return channelPoint(op), nil
		}
	}
	return nil, fmt.Errorf("there is no open channel %s; `fulmen listchannels` shows what there is", scid(id))
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
