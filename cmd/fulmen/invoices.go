package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// invoiceCommands are about being paid.
func invoiceCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "addinvoice", Usage: "ask to be paid", ArgsUsage: "[AMOUNT] [PREIMAGE]", Action: withNode(addInvoice),
			Description: example("Prints the invoice, a text that the payer is given. Without an amount the payer chooses it.",
				"fulmen addinvoice 1500 --memo coffee", "fulmen addinvoice --amt_msat 1500500 --expiry 600", "fulmen addinvoice --memo tips"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "amt", Usage: "the `amount`, instead of the argument"},
				&cli.Int64Flag{Name: "amt_msat", Usage: "the amount in `msat`"},
				&cli.StringFlag{Name: "memo", Usage: "`text` for the payer: what it is for"},
				&cli.StringFlag{Name: "description_hash", Usage: "SHA-256 of a longer description, in `hex`, instead of the memo"},
				&cli.StringFlag{Name: "preimage", Usage: "32 bytes in `hex` that prove the payment (default: chosen by the node)"},
				&cli.StringFlag{Name: "fallback_addr", Usage: "`address` on the chain for payers without Lightning"},
				&cli.Int64Flag{Name: "expiry", Usage: "`seconds` for which it can be paid (default: the node's)"},
				&cli.Uint64Flag{Name: "cltv_expiry_delta", Usage: "`blocks` between the payment's arrival and its time limit"},
				&cli.BoolFlag{Name: "private", Usage: "tell the payer of channels that are not announced"},
			},
		},
		{
			Name: "lookupinvoice", Usage: "show an invoice", ArgsUsage: "HASH", Action: withNode(lookupInvoice),
			Description: example("By its payment hash, as addinvoice and listinvoices show it.", "fulmen lookupinvoice 3f8c…"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "rhash", Usage: "the `hash`, instead of the argument"}},
		},
		{
			Name: "listinvoices", Usage: "list invoices", Action: withNode(listInvoices),
			Description: example("The newest, or a page of all.", "fulmen listinvoices", "fulmen listinvoices --pending_only", "fulmen listinvoices --max_invoices 50 --index_offset 100 --paginate_forwards"),
			Flags: append(pageFlags("max_invoices", 100), &cli.BoolFlag{Name: "pending_only", Usage: "those that can be paid"},
				&cli.BoolFlag{Name: "paginate_forwards", Usage: "the oldest first, after index_offset"}),
		},
		{
			Name: "subscribeinvoices", Usage: "print invoices as they are made and paid, until interrupted", Action: withNode(subscribeInvoices),
			Description: example("From an index on, those in the past come first.", "fulmen subscribeinvoices", "fulmen subscribeinvoices --settle_index 41"),
			Flags:       []cli.Flag{&cli.Uint64Flag{Name: "add_index", Usage: "made after this `number`"}, &cli.Uint64Flag{Name: "settle_index", Usage: "paid after this `number`"}},
		},
		{
			Name: "decodepayreq", Usage: "show what an invoice says", ArgsUsage: "INVOICE", Action: withNode(decodePayReq),
			Description: example("Anybody's invoice; nothing is paid.", "fulmen decodepayreq lnbcrt15u1p…"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "pay_req", Usage: "the `invoice`, instead of the argument"}},
		},
	}
}

// pageFlags choose a page of a long list.
func pageFlags(maxName string, page uint64) []cli.Flag {
	return []cli.Flag{
		&cli.Uint64Flag{Name: "index_offset", Usage: "begin beside this `number`"},
		&cli.Uint64Flag{Name: maxName, Value: page, Usage: "at most this `number`"},
		&cli.Uint64Flag{Name: "creation_date_start", Usage: "made at or after this time, in `seconds` since 1970"},
		&cli.Uint64Flag{Name: "creation_date_end", Usage: "made at or before this time, in `seconds` since 1970"},
	}
}

func addInvoice(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	amount, _ := may(w, "amt", parseSat)
	preimage, _ := may(w, "preimage", parseHash)
	r := &lnrpc.Invoice{
		Value: int64(amount), ValueMsat: s.c.Int64("amt_msat"), Memo: s.c.String("memo"), RPreimage: preimage, FallbackAddr: s.c.String("fallback_addr"),
		DescriptionHash: option(w, "description_hash", parseHash), Expiry: s.c.Int64("expiry"), CltvExpiry: s.c.Uint64("cltv_expiry_delta"), Private: s.c.Bool("private"),
	}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.AddInvoice, r, func(p *page, a *lnrpc.AddInvoiceResponse) {
		p.line("%s", a.PaymentRequest)
		p.line("%s", p.paint(dim, "payment hash "+hexOf(a.RHash)))
	})
}

func lookupInvoice(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	hash := need(w, "rhash", parseHash)
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.LookupInvoice, &lnrpc.PaymentHash{RHash: hash}, showInvoice)
}

func showInvoice(p *page, i *lnrpc.Invoice) {
	paid := ""
	if i.AmtPaidMsat != 0 {
		paid = msats(i.AmtPaidMsat).String() + " sat, " + when(i.SettleDate)
	}
	p.facts(
		fact{"state", invoiceState(i)}, fact{"amount", invoiceAmount(i)}, fact{"paid", paid}, fact{"memo", i.Memo},
		fact{"made", when(i.CreationDate)}, fact{"expires", when(i.CreationDate + i.Expiry)},
		fact{"hash", hexOf(i.RHash)}, fact{"preimage", hexOf(i.RPreimage)}, fact{"invoice", i.PaymentRequest},
	)
}

func invoiceAmount(i *lnrpc.Invoice) string {
	if i.ValueMsat == 0 {
		return "any"
	}
	return msats(i.ValueMsat).String() + " sat"
}

func invoiceState(i *lnrpc.Invoice) cell {
	switch i.State {
	case lnrpc.Invoice_SETTLED:
		return cell{"paid", green}
	case lnrpc.Invoice_CANCELED:
		return cell{"canceled", red}
	case lnrpc.Invoice_ACCEPTED:
		return cell{"arriving", yellow}
	}
	if i.CreationDate != 0 && time.Now().After(time.Unix(i.CreationDate+i.Expiry, 0)) {
		return cell{"expired", dim}
	}
	return cell{"open", yellow}
}

func listInvoices(ctx context.Context, s *session) error {
	r := &lnrpc.ListInvoiceRequest{
		PendingOnly: s.c.Bool("pending_only"), IndexOffset: s.c.Uint64("index_offset"), NumMaxInvoices: s.c.Uint64("max_invoices"),
		Reversed: !s.c.Bool("paginate_forwards"), CreationDateStart: s.c.Uint64("creation_date_start"), CreationDateEnd: s.c.Uint64("creation_date_end"),
	}
	return ask(ctx, s, s.Lightning.ListInvoices, r, func(p *page, a *lnrpc.ListInvoiceResponse) {
		t := newTable(">no", "made", "state", ">sat", ">paid sat", "memo", "hash")
		for _, i := range a.Invoices {
			amount := "any"
			if i.ValueMsat != 0 {
				amount = msats(i.ValueMsat).String()
			}
			t.add(i.AddIndex, when(i.CreationDate), invoiceState(i), amount, msats(i.AmtPaidMsat), clip(i.Memo, 30), hexOf(i.RHash))
		}
		p.table(t, "There are no invoices. Make one: fulmen addinvoice 1000")
	})
}

func subscribeInvoices(ctx context.Context, s *session) error {
	invoices, err := s.Lightning.SubscribeInvoices(ctx, &lnrpc.InvoiceSubscription{AddIndex: s.c.Uint64("add_index"), SettleIndex: s.c.Uint64("settle_index")})
	if err != nil {
		return err
	}
	return each(invoices, func(i *lnrpc.Invoice) (bool, error) {
		return false, s.print(i, func(p *page) {
			state := invoiceState(i)
			p.line("%s  %s  %s  %s", p.paint(state.style, fmt.Sprintf("%-8s", state.text)), invoiceAmount(i), hexOf(i.RHash), clip(i.Memo, 40))
		})
	})
}

func decodePayReq(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	request := need(w, "pay_req", anyText)
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.DecodePayReq, &lnrpc.PayReqString{PayReq: request}, func(p *page, r *lnrpc.PayReq) {
		amount := "any"
		if r.NumMsat != 0 {
			amount = msats(r.NumMsat).String() + " sat"
		}
		p.facts(
			fact{"to", r.Destination}, fact{"amount", amount}, fact{"for", r.Description}, fact{"description hash", r.DescriptionHash},
			fact{"made", when(r.Timestamp)}, fact{"expires", expiry(r)}, fact{"hash", r.PaymentHash},
			fact{"fallback address", r.FallbackAddr}, fact{"final delta", count(int(r.CltvExpiry), "block")}, fact{"payment secret", hexOf(r.PaymentAddr)}, fact{"private routes", len(r.RouteHints)},
		)
	})
}

func expiry(r *lnrpc.PayReq) cell {
	end := time.Unix(r.Timestamp+r.Expiry, 0)
	c := cell{end.Format(time.DateTime) + ", " + ago(end), plain}
	if time.Now().After(end) {
		c.style = red
	}
	return c
}
