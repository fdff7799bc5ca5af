package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

var channelTypes = map[string]lnrpc.CommitmentType{
	"": lnrpc.CommitmentType_UNKNOWN_COMMITMENT_TYPE, "anchors": lnrpc.CommitmentType_ANCHORS, "tweakless": lnrpc.CommitmentType_STATIC_REMOTE_KEY,
}

// openCommands open channels.
func openCommands() []*cli.Command {
	return []*cli.Command{{
		Name: "openchannel", Usage: "open a channel with a node", ArgsUsage: "KEY AMOUNT [PUSH]", Action: withNode(openChannel),
		Description: example("The amount, in satoshis or with btc behind it, goes from the wallet into the channel; it can be spent through the channel, and\n"+
			"comes back when it is closed. What is pushed is a gift to the peer. The command returns when the funding transaction is\n"+
			"out; the channel can be used some confirmations later (--wait waits for that).",
			"fulmen openchannel 02ab… 500000 --connect 203.0.113.7:9735",
			"fulmen openchannel 02ab… 0.05btc --private --sat_per_vbyte 2 --wait"),
		Flags: append(coinFlags(), openFlags()...),
	}}
}

func openFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "node_key", Usage: "the `key`, instead of the argument"},
		&cli.StringFlag{Name: "local_amt", Usage: "the `amount`, instead of the argument"},
		&cli.StringFlag{Name: "push_amt", Usage: "`amount` that the peer begins with"},
		&cli.StringFlag{Name: "connect", Usage: "`host:port` of the node, where it is not connected"},
		&cli.BoolFlag{Name: "fundmax", Usage: "put everything into the channel, instead of an amount"},
		&cli.BoolFlag{Name: "wait", Aliases: []string{"block"}, Usage: "return when the channel can be used"},
		&cli.BoolFlag{Name: "private", Usage: "do not announce the channel; it forwards for nobody"},
		&cli.StringFlag{Name: "base_fee_msat", Usage: "fee for each payment forwarded, in `msat`"},
		&cli.StringFlag{Name: "fee_rate_ppm", Usage: "fee in `millionths` of what is forwarded"},
		&cli.Int64Flag{Name: "min_htlc_msat", Usage: "smallest payment that we take, in `msat`"},
		&cli.UintFlag{Name: "remote_csv_delay", Usage: "`blocks` that the peer waits for its funds after a forced close"},
		&cli.UintFlag{Name: "max_local_csv", Usage: "the most `blocks` that we accept to wait"},
		&cli.Uint64Flag{Name: "remote_max_value_in_flight_msat", Usage: "the most that the peer may have in flight, in `msat`"},
		&cli.UintFlag{Name: "remote_max_htlcs", Usage: "the most payments that the peer may have in flight, a `number`"},
		&cli.Uint64Flag{Name: "remote_reserve_sats", Usage: "what the peer must keep in the channel, in `sat`"},
		&cli.StringFlag{Name: "close_address", Usage: "`address` for our share at a close together; it cannot be changed later"},
		&cli.StringFlag{Name: "channel_type", Usage: "anchors or tweakless (default: the best that both know)"},
		&cli.BoolFlag{Name: "zero_conf", Usage: "use the channel before it confirms, if the peer trusts us so far"},
		&cli.BoolFlag{Name: "scid_alias", Usage: "call the channel by an alias only"},
		&cli.StringFlag{Name: "memo", Usage: "a `note` for ourselves"},
	}
}

func openRequest(s *session) (*lnrpc.OpenChannelRequest, error) {
	w := wordsOf(s.c)
	r := &lnrpc.OpenChannelRequest{
		NodePubkey: need(w, "node_key", parseKey), FundMax: s.c.Bool("fundmax"),
		TargetConf: int31(w, "conf_target"), SatPerVbyte: s.c.Uint64("sat_per_vbyte"), MinConfs: int31(w, "min_confs"), Outpoints: options(w, "utxo", parsePoint),
		Private: s.c.Bool("private"), MinHtlcMsat: s.c.Int64("min_htlc_msat"), RemoteCsvDelay: uint32(s.c.Uint("remote_csv_delay")),
		MaxLocalCsv: uint32(s.c.Uint("max_local_csv")), RemoteMaxValueInFlightMsat: s.c.Uint64("remote_max_value_in_flight_msat"),
		RemoteMaxHtlcs: uint32(s.c.Uint("remote_max_htlcs")), RemoteChanReserveSat: s.c.Uint64("remote_reserve_sats"),
		CloseAddress: s.c.String("close_address"), ZeroConf: s.c.Bool("zero_conf"), ScidAlias: s.c.Bool("scid_alias"), Memo: s.c.String("memo"),
	}
	r.SpendUnconfirmed = r.MinConfs == 0
	if !r.FundMax {
		r.LocalFundingAmount = int64(need(w, "local_amt", parseSat))
	}
	push, _ := may(w, "push_amt", parseSat)
	r.PushSat = int64(push)
	r.BaseFee, r.UseBaseFee = uint64(option(w, "base_fee_msat", parseUint)), s.c.IsSet("base_fee_msat")
	r.FeeRate, r.UseFeeRate = uint64(option(w, "fee_rate_ppm", parseUint)), s.c.IsSet("fee_rate_ppm")
	kind, ok := channelTypes[s.c.String("channel_type")]
	if !ok {
		w.fail("channel_type: %q is none of anchors, tweakless", s.c.String("channel_type"))
	}
	r.CommitmentType = kind
	return r, w.end()
}

func openChannel(ctx context.Context, s *session) error {
	r, err := openRequest(s)
	if err != nil {
		return err
	}
	if host := s.c.String("connect"); host != "" {
		if err := ensureConnected(ctx, s, hexOf(r.NodePubkey), host); err != nil {
			return err
		}
	}
	updates, err := s.Lightning.OpenChannel(ctx, r)
	if err != nil {
		return err
	}
	seen := false
	err = each(updates, func(u *lnrpc.OpenStatusUpdate) (bool, error) {
		seen = true
		switch u := u.Update.(type) {
		case *lnrpc.OpenStatusUpdate_ChanPending:
			return !s.c.Bool("wait"), s.opening(u.ChanPending)
		case *lnrpc.OpenStatusUpdate_ChanOpen:
			point := pointText(u.ChanOpen.ChannelPoint)
			return true, s.printValue(map[string]string{"channel_point": point}, func(p *page) {
				p.line("%s: channel %s can be used", p.paint(green, "open"), point)
			})
		}
		return false, nil
	})
	if err == nil && !seen {
		err = errors.New("the node ended the opening without a word; its log may say why")
	}
	return err
}

// opening says that the funding transaction is out.
func (s *session) opening(u *lnrpc.PendingUpdate) error {
	id := txid(u.Txid)
	return s.printValue(map[string]any{"funding_txid": id, "output_index": u.OutputIndex}, func(p *page) {
		p.line("%s: channel %s:%d waits for its funding transaction to confirm", p.paint(yellow, "opening"), id, u.OutputIndex)
		if s.c.Bool("wait") {
			p.line("waiting; an interrupt ends the waiting, not the opening")
		} else {
			p.line("`fulmen pendingchannels` shows how far it is")
		}
	})
}

// ensureConnected connects to a node, if that is not so already.
func ensureConnected(ctx context.Context, s *session, key, host string) error {
	addr, err := parseNode(key + "@" + host)
	if err != nil {
		return err
	}
	_, err = s.Lightning.ConnectPeer(ctx, &lnrpc.ConnectPeerRequest{Addr: addr})
	if err != nil && !strings.Contains(err.Error(), "already connected") {
		return fmt.Errorf("connect to %s: %w", addr.Host, err)
	}
	return nil
}
