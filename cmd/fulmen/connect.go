package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/urfave/cli/v2"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
)

// Flags that say which node, and how to print; main's before the command, the last two also after it.
const (
	flagServer   = "rpcserver"
	flagDir      = "dir"
	flagNetwork  = "network"
	flagCert     = "tlscertpath"
	flagMacaroon = "macaroonpath"
	flagJSON     = "json"
	flagTable    = "table"
)

var networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams, "testnet4": &chaincfg.TestNet4Params,
	"signet": &chaincfg.SigNetParams, "regtest": &chaincfg.RegressionNetParams,
}

func connectionFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: flagServer, Value: "localhost:10009", EnvVars: []string{"FULMEN_RPCSERVER"}, Usage: "`host:port` of the node's gRPC API"},
		&cli.StringFlag{Name: flagDir, Value: homeDir(".fulmen"), EnvVars: []string{"FULMEN_DIR"}, Usage: "the node's `folder`: certificate and macaroons are found there"},
		&cli.StringFlag{Name: flagNetwork, Value: "regtest", EnvVars: []string{"FULMEN_NETWORK"}, Usage: "mainnet, testnet4, signet or regtest"},
		&cli.StringFlag{Name: flagCert, EnvVars: []string{"FULMEN_TLSCERTPATH"}, Usage: "the node's certificate `file` (default: tls.cert in --dir)"},
		&cli.StringFlag{Name: flagMacaroon, EnvVars: []string{"FULMEN_MACAROONPATH"}, Usage: "the macaroon `file` to show (default: the network's admin.macaroon in --dir)"},
	}, outputFlags()...)
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: flagJSON, Usage: "print JSON; the default when the output is not a terminal"},
		&cli.BoolFlag{Name: flagTable, Usage: "print for people, also when the output is not a terminal"},
	}
}

func homeDir(name string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return name
	}
	return filepath.Join(home, name)
}

// session is a command's connection to the node, and where it prints.
type session struct {
	*client.Client
	*printer
	c *cli.Context
}

// action is what a command does with a node.
type action func(context.Context, *session) error

// withNode makes an action a command's: it connects, and adds to an error what explain wants to know.
func withNode(do action) cli.ActionFunc { return connected(do, true) }

// withoutMacaroon is withNode for the calls before the wallet is open, when there may be no macaroons yet.
func withoutMacaroon(do action) cli.ActionFunc { return connected(do, false) }

func connected(do action, macaroon bool) cli.ActionFunc {
	return func(c *cli.Context) (err error) {
		t, missing, err := target(c, macaroon)
		if err != nil {
			return err
		}
		node, err := client.Dial(t)
		if err != nil {
			return &callError{err: err, address: t.Address, cert: certPath(c)}
		}
		defer func() { err = errors.Join(err, node.Close()) }()
		if err := do(c.Context, &session{Client: node, printer: newPrinter(c), c: c}); err != nil {
			return &callError{err: err, address: t.Address, cert: certPath(c), macaroon: macaroonPath(c), noMacaroon: missing}
		}
		return nil
	}
}

func certPath(c *cli.Context) string {
	if path := c.String(flagCert); path != "" {
		return path
	}
	return filepath.Join(c.String(flagDir), rpc.TLSCertFile)
}

func macaroonPath(c *cli.Context) string {
	if path := c.String(flagMacaroon); path != "" {
		return path
	}
	return filepath.Join(rpc.MacaroonDir(c.String(flagDir), networks[c.String(flagNetwork)]), client.Admin)
}

// target reads certificate and macaroon. A macaroon that is not there is no error yet: before the wallet is made there
// is none, and the node's answer says more than we could.
func target(c *cli.Context, macaroon bool) (t client.Target, missing bool, err error) {
	if networks[c.String(flagNetwork)] == nil {
		return t, false, fmt.Errorf("--%s=%q is none of %s", flagNetwork, c.String(flagNetwork),
			strings.Join(slices.Sorted(maps.Keys(networks)), ", "))
	}
	t.Address = c.String(flagServer)
	if t.Cert, err = os.ReadFile(certPath(c)); err != nil {
		return t, false, &noCertError{path: certPath(c), err: err}
	}
	if !macaroon {
		return t, false, nil
	}
	t.Macaroon, err = os.ReadFile(macaroonPath(c))
	if errors.Is(err, fs.ErrNotExist) && c.String(flagMacaroon) == "" {
		return t, true, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("read the macaroon: %w", err)
	}
	return t, false, nil
}

// ask makes a call and prints the answer: show for people, JSON for programs.
func ask[Q, A proto.Message](
	ctx context.Context, s *session, call func(context.Context, Q, ...grpc.CallOption) (A, error), q Q, show func(*page, A),
) error {
	a, err := call(ctx, q)
	if err != nil {
		return err
	}
	return s.print(a, func(p *page) { show(p, a) })
}

// stream is the client's end of a subscription.
type stream[T any] interface{ Recv() (T, error) }

// each hands over what comes from a stream until fn says that it is done, or the stream ends.
func each[T any](s stream[T], fn func(T) (done bool, err error)) error {
	for {
		v, err := s.Recv()
		if isEnd(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if done, err := fn(v); done || err != nil {
			return err
		}
	}
}
