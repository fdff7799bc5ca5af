package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

var addressTypes = map[string]lnrpc.AddressType{
	"p2wkh": lnrpc.AddressType_WITNESS_PUBKEY_HASH, "np2wkh": lnrpc.AddressType_NESTED_PUBKEY_HASH, "p2tr": lnrpc.AddressType_TAPROOT_PUBKEY,
}

// feeFlags choose the fee of a transaction on the chain.
func feeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.UintFlag{Name: "conf_target", Usage: "confirm within about this many `blocks`"},
		&cli.Uint64Flag{Name: "sat_per_vbyte", Usage: "the fee `rate` itself, instead of conf_target"},
	}
}

func coinFlags() []cli.Flag {
	return append(feeFlags(),
		&cli.UintFlag{Name: "min_confs", Value: 1, Usage: "take coins of at least this many `confirmations`; 0 takes unconfirmed ones too"},
		&cli.StringSliceFlag{Name: "utxo", Usage: "take this coin, `txid:index`; may be repeated"},
	)
}

// chainCommands are about coins on the chain.
func chainCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "newaddress", Usage: "make an address to receive coins", ArgsUsage: "[p2wkh|np2wkh|p2tr]", Action: withNode(newAddress),
			Description: example("p2tr (taproot) is the default; np2wkh is for payers who know only old addresses.", "fulmen newaddress", "fulmen newaddress p2wkh"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "address_type", Usage: "the `type`, instead of the argument"}},
		},
		{
			Name: "walletbalance", Usage: "show the coins on the chain", Action: withNode(walletBalance),
			Description: example("What is in channels is not in here: see channelbalance.", "fulmen walletbalance"),
		},
		{
			Name: "sendcoins", Usage: "send coins on the chain", ArgsUsage: "ADDRESS AMOUNT", Action: withNode(sendCoins),
			Description: example("The amount is in satoshis, or with btc behind it. On a terminal it asks before it sends.",
				"fulmen sendcoins bcrt1q… 250000", "fulmen sendcoins bcrt1q… 0.01btc --sat_per_vbyte 3", "fulmen sendcoins bcrt1q… --sweepall"),
			Flags: append(coinFlags(),
				&cli.StringFlag{Name: "addr", Usage: "the `address`, instead of the argument"},
				&cli.StringFlag{Name: "amt", Usage: "the `amount`, instead of the argument"},
				&cli.BoolFlag{Name: "sweepall", Usage: "send everything; without an amount"},
				&cli.StringFlag{Name: "label", Usage: "a `note` on the transaction, for this wallet only"},
				&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "do not ask"}),
		},
		{
			Name: "listunspent", Usage: "list the coins", Action: withNode(listUnspent),
			Description: example("Each can be spent by name: sendcoins and openchannel have --utxo.", "fulmen listunspent --min_confs 1"),
			Flags: []cli.Flag{&cli.UintFlag{Name: "min_confs", Usage: "only those of at least this many `confirmations`"},
				&cli.UintFlag{Name: "max_confs", Value: 9_999_999, Usage: "only those of at most this many `confirmations`"}},
		},
		{
			Name: "listchaintxns", Usage: "list the wallet's transactions", Action: withNode(listTransactions),
			Description: example("Newest first; heights as in LND: end_height -1 includes the unconfirmed.", "fulmen listchaintxns", "fulmen listchaintxns --start_height 800000"),
			Flags: []cli.Flag{&cli.Int64Flag{Name: "start_height", Usage: "from this `block`"}, &cli.Int64Flag{Name: "end_height", Value: -1, Usage: "to this `block`"},
				&cli.UintFlag{Name: "max_transactions", Usage: "at most this `number`"}, &cli.UintFlag{Name: "index_offset", Usage: "leave out the first `number`"}},
		},
		{
			Name: "estimatefee", Usage: "tell what sendcoins would cost", ArgsUsage: "ADDRESS AMOUNT", Action: withNode(estimateFee),
			Description: example("Chooses coins as sendcoins would, and sends nothing.", "fulmen estimatefee bcrt1q… 250000 --conf_target 6"),
			Flags: []cli.Flag{&cli.UintFlag{Name: "conf_target", Value: 6, Usage: "confirm within about this many `blocks`"},
				&cli.StringFlag{Name: "addr", Usage: "the `address`, instead of the argument"}, &cli.StringFlag{Name: "amt", Usage: "the `amount`, instead of the argument"}},
		},
	}
}

func parseAddressType(s string) (lnrpc.AddressType, error) {
	t, ok := addressTypes[s]
	if !ok {
		return 0, fmt.Errorf("%q is none of %s", s, strings.Join(slices.Sorted(maps.Keys(addressTypes)), ", "))
	}
	return t, nil
}

func newAddress(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	kind, ok := may(w, "address_type", parseAddressType)
	if !ok {
		kind = lnrpc.AddressType_TAPROOT_PUBKEY
	}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.NewAddress, &lnrpc.NewAddressRequest{Type: kind}, func(p *page, r *lnrpc.NewAddressResponse) {
		p.line("%s", r.Address)
	})
}

func walletBalance(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.WalletBalance, &lnrpc.WalletBalanceRequest{}, func(p *page, r *lnrpc.WalletBalanceResponse) {
		list := []fact{{"confirmed", sats(r.ConfirmedBalance)}, {"unconfirmed", sats(r.UnconfirmedBalance)}}
		if r.LockedBalance != 0 {
			list = append(list, fact{"in use by a transaction", sats(r.LockedBalance)})
		}
		if r.ReservedBalanceAnchorChan != 0 {
			list = append(list, fact{"of it kept for the channels' fees", sats(r.ReservedBalanceAnchorChan)})
		}
		p.amounts(append(list, fact{"total", cell{sats(r.TotalBalance).String(), bold}})...)
	})
}

func sendCoins(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.SendCoinsRequest{
		Addr: need(w, "addr", anyText), SendAll: s.c.Bool("sweepall"), Label: s.c.String("label"),
		TargetConf: int31(w, "conf_target"), SatPerVbyte: s.c.Uint64("sat_per_vbyte"),
		MinConfs: int31(w, "min_confs"), Outpoints: options(w, "utxo", parsePoint),
	}
	r.SpendUnconfirmed = r.MinConfs == 0
	amount, ok := may(w, "amt", parseSat)
	r.Amount = int64(amount)
	if ok == r.SendAll {
		w.fail("give either an amount or --sweepall")
	}
	if err := w.end(); err != nil {
		return err
	}
	what := sats(amount).String() + " sat"
	if r.SendAll {
		what = "everything"
	}
	if err := confirm(ctx, s.c, fmt.Sprintf("Send %s to %s?", what, r.Addr)); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.SendCoins, r, func(p *page, a *lnrpc.SendCoinsResponse) {
		p.line("sent in transaction %s", a.Txid)
	})
}

func listUnspent(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.ListUnspentRequest{MinConfs: int31(w, "min_confs"), MaxConfs: int31(w, "max_confs")}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.ListUnspent, r, func(p *page, a *lnrpc.ListUnspentResponse) {
		t := newTable(">sat", ">confirmations", "address", "coin")
		for _, u := range a.Utxos {
			t.add(sats(u.AmountSat), u.Confirmations, u.Address, fmt.Sprintf("%s:%d", u.Outpoint.GetTxidStr(), u.Outpoint.GetOutputIndex()))
		}
		p.table(t, "There are no coins. `fulmen newaddress` makes an address to receive some.")
	})
}

func listTransactions(ctx context.Context, s *session) error {
	r := &lnrpc.GetTransactionsRequest{
		StartHeight: int32(s.c.Int64("start_height")), EndHeight: int32(s.c.Int64("end_height")),
		MaxTransactions: uint32(s.c.Uint("max_transactions")), IndexOffset: uint32(s.c.Uint("index_offset")),
	}
	return ask(ctx, s, s.Lightning.GetTransactions, r, func(p *page, a *lnrpc.TransactionDetails) {
		t := newTable("time", ">sat", ">fee sat", ">confirmations", "transaction", "note")
		for _, tx := range a.Transactions {
			amount := cell{sats(tx.Amount).String(), plain}
			if tx.Amount > 0 {
				amount.style = green
			}
			t.add(when(tx.TimeStamp), amount, sats(tx.TotalFees), tx.NumConfirmations, tx.TxHash, clip(tx.Label, 40))
		}
		p.table(t, "There are no transactions.")
	})
}

func estimateFee(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	addr, amount := need(w, "addr", anyText), need(w, "amt", parseSat)
	r := &lnrpc.EstimateFeeRequest{AddrToAmount: map[string]int64{addr: int64(amount)}, TargetConf: int31(w, "conf_target")}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.EstimateFee, r, func(p *page, a *lnrpc.EstimateFeeResponse) {
		p.facts(fact{"fee", sats(a.FeeSat).String() + " sat"}, fact{"rate", fmt.Sprintf("%d sat/vbyte", a.SatPerVbyte)})
	})
}
