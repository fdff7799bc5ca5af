package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// usageError is a command line that cannot be understood.
type usageError struct{ text, command, args string }

func (e *usageError) Error() string {
	how := strings.TrimSpace(e.command + " " + e.args)
	return fmt.Sprintf("%s\nusage: %s\n`%s --help` has more", e.text, how, e.command)
}

// noCertError is a node's folder without a certificate.
type noCertError struct {
	path string
	err  error
}

func (e *noCertError) Error() string { return "read the node's certificate: " + e.err.Error() }
func (e *noCertError) Unwrap() error { return e.err }

// callError is a call that failed, with what was used for it.
type callError struct {
	err                     error
	address, cert, macaroon string
	noMacaroon              bool // there was no file at macaroon
}

func (e *callError) Error() string { return e.err.Error() }
func (e *callError) Unwrap() error { return e.err }

// explain says what went wrong, and what to do about it where we know.
func explain(err error) string {
	if cert := (*noCertError)(nil); errors.As(err, &cert) {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Sprintf("there is no certificate at %s\nIs this the node's folder? fulmend writes tls.cert there at its first start; "+
				"give another with --dir, or the file with --tlscertpath.", cert.path)
		}
		return cert.Error()
	}
	call := (*callError)(nil)
	if !errors.As(err, &call) {
		return text(err)
	}
	what := text(err)
	if status.Code(call.err) == codes.Unavailable {
		return call.unavailable(what) // gRPC's own text is about its transports
	}
	if do := call.advice(what); do != "" {
		return what + "\n" + do
	}
	return what
}

// text is an error without gRPC's ornaments.
func text(err error) string {
	var answer interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &answer) {
		if errors.Is(err, context.Canceled) {
			return "interrupted"
		}
		return err.Error()
	}
	s := answer.GRPCStatus()
	if s.Code() == codes.Canceled {
		return "interrupted"
	}
	return strings.ReplaceAll(err.Error(), s.Err().Error(), s.Message())
}

// hints lists what the node says, and what to do then.
var hints = []struct{ says, do string }{
	{"wallet locked", "Open it with `fulmen unlock`."},
	{"wallet not created", "Make a wallet with `fulmen create`."},
	{"wallet not found", "Make a wallet with `fulmen create`."},
	{"wallet already exists", "Open it with `fulmen unlock`."},
	{"wallet already unlocked", "There is nothing to do: the wallet is open. A password can only be changed while it is locked, after a restart."},
	{"in the process of starting", "Try again in a moment; `fulmen state` shows how far it is."},
	{"waiting to start", "Try again in a moment; `fulmen state` shows how far it is."},
	{"server not active yet", "The node is catching up with the chain; `fulmen getinfo` shows how far it is."},
	{"fully synced", "The node is catching up with the chain; `fulmen getinfo` shows how far it is."},
	{"invalid passphrase", "That is not the wallet's password."},
	{"is not online", "Connect first: fulmen connect KEY@HOST:PORT"},
	{"is not connected", "`fulmen listpeers` shows who is."},
	{"not enough witness outputs", "`fulmen walletbalance` shows what there is; --min_confs 0 takes unconfirmed coins too."},
	{"insufficient funds", "`fulmen walletbalance` shows what there is; channels keep a reserve for fees."},
	{"unable to find channel", "`fulmen listchannels` and `fulmen pendingchannels` show what there is."},
	{"invoice is already paid", "`fulmen listpayments` shows the payment."},
	{"payment is in transition", "Follow it with `fulmen trackpayment HASH`."},
	{"payment isn't initiated", "`fulmen listpayments --include_incomplete` shows what there is."},
	{"unable to locate invoice", "`fulmen listinvoices` shows what there is."},
	{"invoice expired", "Ask for a new invoice."},
}

// advice is what to do about an answer; empty where we do not know.
func (e *callError) advice(what string) string {
	if status.Code(e.err) == codes.Unimplemented {
		return fmt.Sprintf("The node at %s does not have this call, or not this option of it.", e.address)
	}
	lower := strings.ToLower(what)
	switch {
	case e.noMacaroon && strings.Contains(lower, "macaroon"):
		return fmt.Sprintf("There is no macaroon at %s: is it another --dir or --network? A macaroon can be given with --macaroonpath.", e.macaroon)
	case strings.Contains(lower, "permission denied"):
		return fmt.Sprintf("The macaroon %s does not allow this. Take one that does with --macaroonpath; admin.macaroon allows everything.", e.macaroon)
	case strings.Contains(lower, "verification failed"), strings.Contains(lower, "cannot get macaroon"):
		return fmt.Sprintf("The macaroon %s is not of this node: is it another --dir or --network?", e.macaroon)
	}
	for _, h := range hints {
		if strings.Contains(lower, h.says) {
			return h.do
		}
	}
	return ""
}

func (e *callError) unavailable(what string) string {
	switch {
	case strings.Contains(what, "refused"):
		return fmt.Sprintf("nobody listens at %s\nIs fulmend running? Another address is given with --rpcserver.", e.address)
	case strings.Contains(what, "certificate"):
		return fmt.Sprintf("the node at %s does not show the certificate %s\nIs it another --dir, or another --rpcserver?", e.address, e.cert)
	case strings.Contains(what, "lookup"), strings.Contains(what, "no such host"):
		return fmt.Sprintf("%s is not found\nThe address is given with --rpcserver host:port.", e.address)
	case strings.Contains(what, "shutting down"):
		return "the node is stopping"
	}
	return fmt.Sprintf("the node at %s cannot be reached, or stopped meanwhile: %s\nIs fulmend running?", e.address, what)
}

// isEnd reports the ordinary end of a stream.
func isEnd(err error) bool { return errors.Is(err, io.EOF) }
