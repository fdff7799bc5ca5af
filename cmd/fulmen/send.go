package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

const (
	keysendRecord = 5482373484 // the custom record that carries the preimage
	firstRecord   = 65536      // BOLT 1: smaller types are the specification's
	maxRouteJSON  = 1 << 20
)

// sendCommands pay without an invoice.
func sendCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "sendpayment", Usage: "pay a node without an invoice", ArgsUsage: "KEY AMOUNT [HASH]", Action: withNode(sendPayment),
			Description: example("With --keysend the node need not know of the payment before; it must accept such.\n"+
				"Without it, the hash is one whose preimage the recipient has.",
				"fulmen sendpayment 02ab… 1000 --keysend", "fulmen sendpayment 02ab… 1000 --keysend --data 696969=68656c6c6f"),
			Flags: append(paymentFlags(),
				&cli.StringFlag{Name: "dest", Usage: "the `key`, instead of the argument"},
				&cli.StringFlag{Name: "amt", Usage: "the `amount`, instead of the argument"},
				&cli.StringFlag{Name: "payment_hash", Usage: "the `hash`, instead of the argument"},
				&cli.StringFlag{Name: "payment_addr", Usage: "the recipient's payment secret, in `hex`"},
				&cli.UintFlag{Name: "final_cltv_delta", Usage: "`blocks` that the recipient asks for"},
				&cli.BoolFlag{Name: "keysend", Usage: "send the preimage along"},
				&cli.StringSliceFlag{Name: "data", Usage: "`type=hex`, a record for the recipient, type at least 65536; may be repeated"}),
		},
		{
			Name: "sendtoroute", Usage: "pay over a given route", ArgsUsage: "ROUTE", Action: withNode(sendToRoute),
			Description: example("The route is JSON as queryroutes prints it, in the argument or, for -, on standard input. One attempt; the exit code is\n"+
				"0 when it arrived. For an invoice, the route needs its final delta and the payment its secret: decodepayreq shows both.",
				"fulmen queryroutes 02ab… 1000 --final_cltv_delta 80 | fulmen sendtoroute - --payment_hash 3f8c… --payment_addr 77d0…"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "routes", Usage: "the `route`, instead of the argument"},
				&cli.StringFlag{Name: "payment_hash", Usage: "the `hash`", Required: true},
				&cli.StringFlag{Name: "payment_addr", Usage: "the recipient's payment secret, in `hex`, for the last hop"},
				&cli.BoolFlag{Name: "skip_temp_err", Usage: "do not count temporary failures as the payment's"},
			},
		},
	}
}

func sendPayment(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := paymentRequest(w)
	r.Dest = need(w, "dest", parseKey)
	amount := lnwire.MilliSatoshi(need(w, "amt", parseSat)) * 1000
	r.AmtMsat, r.FeeLimitMsat = int64(amount), int64(feeLimit(w, amount))
	r.FinalCltvDelta, r.PaymentAddr = int31(w, "final_cltv_delta"), option(w, "payment_addr", parseHash)
	r.DestCustomRecords = make(map[uint64][]byte)
	for _, d := range options(w, "data", parseRecord) {
		r.DestCustomRecords[d.kind] = d.value
	}
	hash, given := may(w, "payment_hash", parseHash)
	if given == s.c.Bool("keysend") {
		w.fail("give either a payment hash or --keysend")
	}
	if err := w.end(); err != nil {
		return err
	}
	if r.PaymentHash = hash; !given {
		preimage := make([]byte, 32)
		rand.Read(preimage) // never fails
		sum := sha256.Sum256(preimage)
		r.PaymentHash, r.DestCustomRecords[keysendRecord] = sum[:], preimage
	}
	question := fmt.Sprintf("Pay %s sat to %s, fee at most %s sat?", msats(amount), s.alias(ctx, hexOf(r.Dest)), msats(r.FeeLimitMsat))
	if err := confirm(ctx, s.c, question); err != nil {
		return err
	}
	return s.pay(ctx, r)
}

type record struct {
	kind  uint64
	value []byte
}

func parseRecord(s string) (r record, err error) {
	kind, value, ok := strings.Cut(s, "=")
	if r.kind, err = strconv.ParseUint(kind, 10, 64); err != nil || !ok || r.kind < firstRecord {
		return r, fmt.Errorf("%q has not the form type=hex with a type of at least %d", s, firstRecord)
	}
	if r.value, err = hex.DecodeString(value); err != nil {
		return r, fmt.Errorf("%q: the value is not hex", s)
	}
	return r, nil
}

func sendToRoute(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	source := need(w, "routes", anyText)
	r := &routerrpc.SendToRouteRequest{PaymentHash: option(w, "payment_hash", parseHash), SkipTempErr: s.c.Bool("skip_temp_err")}
	secret := option(w, "payment_addr", parseHash)
	if err := w.end(); err != nil {
		return err
	}
	raw := []byte(source)
	if source == "-" {
		var err error
		if raw, err = io.ReadAll(io.LimitReader(s.c.App.Reader, maxRouteJSON)); err != nil {
			return err
		}
	}
	route, err := parseRoute(raw)
	if err != nil {
		return err
	}
	if secret != nil {
		last := route.Hops[len(route.Hops)-1]
		last.MppRecord = &lnrpc.MPPRecord{PaymentAddr: secret, TotalAmtMsat: last.AmtToForwardMsat}
	}
	r.Route = route
	a, err := s.Router.SendToRouteV2(ctx, r)
	if err != nil {
		return err
	}
	f := &follower{session: s, names: make(map[string]string), shown: make(map[uint64]lnrpc.HTLCAttempt_HTLCStatus)}
	if s.json {
		err = s.printJSON(marshal(a))
	} else {
		err = f.attempt(ctx, a)
	}
	if err == nil && a.Status != lnrpc.HTLCAttempt_SUCCEEDED {
		err = fmt.Errorf("%w: %s", errPaymentFailed, f.why(ctx, a))
	}
	return err
}

// parseRoute reads a route, or the first of queryroutes' answer.
func parseRoute(raw []byte) (*lnrpc.Route, error) {
	var answer struct{ Routes []json.RawMessage }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("the route is not JSON: %w", err)
	}
	if len(answer.Routes) > 0 {
		raw = answer.Routes[0]
	}
	route := new(lnrpc.Route)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, route); err != nil {
		return nil, fmt.Errorf("this is no route: %w", err)
	}
	if len(route.Hops) == 0 {
		return nil, fmt.Errorf("the route has no hops; `fulmen queryroutes` prints such routes")
	}
	return route, nil
}
