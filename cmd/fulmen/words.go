package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// words hands out a command's arguments. Each is the flag of its name where that is set, else the next word of the
// command line. The first error stays and is end's answer.
type words struct {
	c    *cli.Context
	rest []string
	err  error
}

func wordsOf(c *cli.Context) *words { return &words{c: c, rest: c.Args().Slice()} }

// next is the text of an argument.
func (w *words) next(name string) (string, bool) {
	if w.c.IsSet(name) {
		return w.c.String(name), true
	}
	if len(w.rest) == 0 {
		return "", false
	}
	text := w.rest[0]
	w.rest = w.rest[1:]
	return text, true
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = &usageError{text: fmt.Sprintf(format, args...), command: commandPath(w.c), args: w.c.Command.ArgsUsage}
	}
}

// end complains about what is left over.
func (w *words) end() error {
	if len(w.rest) > 0 {
		w.fail("there is one argument too many: %q", w.rest[0])
	}
	return w.err
}

// need is an argument that must be there.
func need[T any](w *words, name string, parse func(string) (T, error)) T {
	v, ok := may(w, name, parse)
	if !ok {
		w.fail("%s is missing", name)
	}
	return v
}

// may is an argument that can be left out.
func may[T any](w *words, name string, parse func(string) (T, error)) (v T, ok bool) {
	text, ok := w.next(name)
	if !ok {
		return v, false
	}
	return parsed(w, name, text, parse), true
}

// option is a flag that is no argument; its zero where it is not set.
func option[T any](w *words, name string, parse func(string) (T, error)) (v T) {
	if !w.c.IsSet(name) {
		return v
	}
	return parsed(w, name, w.c.String(name), parse)
}

// options is a repeated flag; each value may be several, with commas.
func options[T any](w *words, name string, parse func(string) (T, error)) (all []T) {
	for _, text := range w.c.StringSlice(name) {
		all = append(all, parsed(w, name, text, parse))
	}
	return all
}

func parsed[T any](w *words, name, text string, parse func(string) (T, error)) T {
	v, err := parse(text)
	if err != nil {
		w.fail("%s: %v", name, err)
	}
	return v
}

func commandPath(c *cli.Context) string { return c.Command.HelpName }

func anyText(s string) (string, error) { return s, nil }

// parseSat reads an amount in satoshis; a suffix btc is understood, and _ between digits.
func parseSat(s string) (btcutil.Amount, error) {
	text := strings.ToLower(strings.ReplaceAll(s, "_", ""))
	decimals := 0
	if number, ok := strings.CutSuffix(text, "btc"); ok {
		text, decimals = number, 8
	}
	text = strings.TrimSuffix(text, "sat")
	n, err := parseDecimal(strings.TrimSpace(text), decimals)
	if err != nil || n > uint64(btcutil.MaxSatoshi) {
		return 0, fmt.Errorf("%q is no amount: give satoshis, as in 100000, or bitcoins, as in 0.001btc", s)
	}
	return btcutil.Amount(n), nil
}

var errDecimal = errors.New("no decimal number")

// parseDecimal reads a number with at most the given decimals, as an integer of the smallest unit.
func parseDecimal(s string, decimals int) (uint64, error) {
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > decimals || whole == "" {
		return 0, errDecimal
	}
	digits := whole + part + strings.Repeat("0", decimals-len(part))
	if strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, errDecimal
	}
	return strconv.ParseUint(digits, 10, 64)
}

func parseKey(s string) ([]byte, error) {
	key, err := hex.DecodeString(s)
	if err != nil || len(key) != len(lnwire.PubKey{}) || key[0] != 2 && key[0] != 3 {
		return nil, fmt.Errorf("%q is no node's key: 66 hex digits that begin with 02 or 03", s)
	}
	return key, nil
}

func parseHash(s string) ([]byte, error) {
	hash, err := hex.DecodeString(s)
	if err != nil || len(hash) != chainhash.HashSize {
		return nil, fmt.Errorf("%q is not 32 bytes in hex", s)
	}
	return hash, nil
}

const peerPort = "9735"

// parseNode reads key@host, with a port where it is not 9735.
func parseNode(s string) (*lnrpc.LightningAddress, error) {
	key, host, ok := strings.Cut(s, "@")
	if !ok || host == "" {
		return nil, fmt.Errorf("%q has not the form key@host:port", s)
	}
	if _, err := parseKey(key); err != nil {
		return nil, err
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), peerPort)
	}
	return &lnrpc.LightningAddress{Pubkey: key, Host: host}, nil
}

// parsePoint reads a transaction's id and an index, txid:index.
func parsePoint(s string) (*lnrpc.OutPoint, error) {
	txid, index, ok := strings.Cut(s, ":")
	if _, err := parseHash(txid); err != nil || !ok {
		return nil, fmt.Errorf("%q has not the form txid:index", s)
	}
	n, err := strconv.ParseUint(index, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%q has not the form txid:index", s)
	}
	return &lnrpc.OutPoint{TxidStr: txid, OutputIndex: uint32(n)}, nil
}

func channelPoint(op *lnrpc.OutPoint) *lnrpc.ChannelPoint {
	return &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidStr{FundingTxidStr: op.TxidStr}, OutputIndex: op.OutputIndex}
}

// parseSCID reads a channel's number, as one integer or as block x transaction x output: 103x1x0.
func parseSCID(s string) (uint64, error) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == 'x' || r == ':' })
	if len(parts) == 1 {
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return n, nil
		}
	}
	bits := [3]int{24, 24, 16}
	var id uint64
	for i, part := range parts {
		if len(parts) != len(bits) {
			break
		}
		n, err := strconv.ParseUint(part, 10, bits[i])
		if err != nil {
			parts = nil
			break
		}
		id = id<<bits[i] | n
	}
	if len(parts) != len(bits) {
		return 0, fmt.Errorf("%q is no channel's number, as in 103x1x0", s)
	}
	return id, nil
}

func scid(id uint64) string { return lnwire.ShortChannelID(id).String() }

func parseUint(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no whole number", s)
	}
	return uint32(n), nil
}

// txid writes the bytes of a transaction's id as people know it, in reverse.
func txid(raw []byte) string {
	raw = slices.Clone(raw)
	slices.Reverse(raw)
	return hex.EncodeToString(raw)
}

// int31 keeps a flag within the API's int32.
func int31(w *words, name string) int32 {
	n := w.c.Uint(name)
	if n > math.MaxInt32 {
		w.fail("--%s is too large", name)
		return 0
	}
	return int32(n)
}
