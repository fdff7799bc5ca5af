package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/node"
)

const (
	configFile = "fulmen.conf"
	maxAlias   = 32 // bytes: what a node_announcement holds
)

// readConfig sets from the configuration file what neither the command line nor the environment has set.
func readConfig(c *cli.Context) error {
	path := c.String(flagConfig)
	if path == "" {
		path = filepath.Join(c.String(flagDir), configFile)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !c.IsSet(flagConfig) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	values := make(map[string][]string)
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "[") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimLeft(strings.TrimSpace(name), "-"), strings.TrimSpace(value)
		if !ok {
			value = "true"
		}
		if !slices.ContainsFunc(c.App.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }) {
			return fmt.Errorf("%s, line %d: there is no option %q; `fulmend --help` lists them", path, n, name)
		}
		if !c.IsSet(name) || values[name] != nil {
			values[name] = append(values[name], value)
			if err := c.Set(name, value); err != nil {
				return fmt.Errorf("%s, line %d: %s: %w", path, n, name, err)
			}
		}
	}
	return lines.Err()
}

// configure turns flags into a node's configuration; each complaint names the flag.
func configure(c *cli.Context, log *slog.Logger) (node.Config, error) {
	params, ok := node.Networks[c.String(flagNetwork)]
	if !ok {
		return node.Config{}, fmt.Errorf("--%s=%q is none of mainnet, testnet4, signet, regtest", flagNetwork, c.String(flagNetwork))
	}
	if c.String(flagNetwork) == "mainnet" && !c.Bool(flagMainnet) {
		return node.Config{}, fmt.Errorf("mainnet asks for --%s: this software is young, and bugs in it can cost real money", flagMainnet)
	}
	cfg := node.Config{
		Dir: c.String(flagDir), Params: params, Alias: c.String(flagAlias), Listen: list(c, flagListen),
		Policy: node.DefaultPolicy, Channels: node.DefaultChannels, Keysend: c.Bool(flagKeysend), OlderCopy: c.Bool(flagOlderCopy), Log: log,
	}
	var errs []error
	cfg.Policy.FeeBase = uint32(atMost(c, flagBaseFee, math.MaxUint32, &errs))
	cfg.Policy.FeeRate = uint32(atMost(c, flagFeeRate, math.MaxUint32, &errs))
	cfg.Policy.CLTVDelta = uint16(atMost(c, flagDelta, 2016, &errs))
	cfg.Policy.Min = lnwire.MilliSatoshi(c.Uint64(flagMinHTLC))
	cfg.Channels.MinSize, cfg.Channels.MaxSize = btcutil.Amount(c.Int64(flagMinChan)), btcutil.Amount(c.Int64(flagMaxChan))
	cfg.Channels.MaxPending, cfg.Channels.Reject = c.Int(flagMaxPending), c.Bool(flagNoInbound)
	cfg.Channels.MinDepth = uint32(max(1, atMost(c, flagConfs, 144, &errs)))
	cfg.Channels.MaxDepth = max(cfg.Channels.MinDepth, cfg.Channels.MaxDepth)
	cfg.Channels.ToSelfDelay = uint16(atMost(c, flagDelay, 2016, &errs))
	if len(cfg.Alias) > maxAlias {
		errs = append(errs, fmt.Errorf("--%s=%q has %d bytes, more than %d", flagAlias, cfg.Alias, len(cfg.Alias), maxAlias))
	}
	if err := color(c.String(flagColor), &cfg.Color); err != nil {
		errs = append(errs, err)
	}
	for _, addr := range c.StringSlice(flagExternal) {
		a, err := lnwire.ParseAddress(addr)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s=%q: %w", flagExternal, addr, err))
			continue
		}
		cfg.External = append(cfg.External, a)
	}
	common := chain.Common{Params: params, FallbackFeeRate: lnwire.FeePerKW(atMost(c, flagFallback, uint(chain.DefaultMaxFeeRate), &errs))}
	backend, err := backendOf(c, common)
	cfg.Backend = backend
	return cfg, errors.Join(append(errs, err)...)
}

func atMost(c *cli.Context, name string, limit uint, errs *[]error) uint {
	v := c.Uint(name)
	if v > limit {
		*errs = append(*errs, fmt.Errorf("--%s=%d is more than %d", name, v, limit))
	}
	return v
}

// list is a repeated flag; "none" empties it.
func list(c *cli.Context, name string) []string {
	return slices.DeleteFunc(c.StringSlice(name), func(s string) bool { return s == "none" || s == "" })
}

func color(s string, into *[3]byte) error {
	b, err := hex.DecodeString(strings.TrimPrefix(s, "#"))
	if err != nil || len(b) != len(into) {
		return fmt.Errorf("--%s=%q is not of the form #rrggbb", flagColor, s)
	}
	copy(into[:], b)
	return nil
}

// bitcoind and btcd are node.Backends.
type (
	bitcoind chain.BitcoindConfig
	btcd     chain.BtcdConfig
)

func (b bitcoind) String() string { return "bitcoind at " + b.Host }
func (b btcd) String() string     { return "btcd at " + b.Host }

func (b bitcoind) Dial(ctx context.Context, known lnwire.Height) (node.Chain, error) {
	b.KnownHeight = known
	return chain.DialBitcoind(ctx, chain.BitcoindConfig(b))
}

func (b btcd) Dial(ctx context.Context, known lnwire.Height) (node.Chain, error) {
	b.KnownHeight = known
	return chain.DialBtcd(ctx, chain.BtcdConfig(b))
}

func backendOf(c *cli.Context, common chain.Common) (node.Backend, error) {
	switch c.String(flagChain) {
	case "bitcoind":
		b := bitcoind{Common: common, Host: c.String("bitcoind.rpchost"), User: c.String("bitcoind.rpcuser"), Pass: c.String("bitcoind.rpcpass"),
			CookieFile: c.String("bitcoind.rpccookie"), ZMQBlock: c.String("bitcoind.zmqpubrawblock"), ZMQTx: c.String("bitcoind.zmqpubrawtx")}
		if b.Host == "" {
			return nil, errors.New("--bitcoind.rpchost is missing: where is bitcoind's RPC server (host:port)?")
		}
		return b, nil
	case "btcd":
		b := btcd{Common: common, Host: c.String("btcd.rpchost"), User: c.String("btcd.rpcuser"), Pass: c.String("btcd.rpcpass"), CertFile: c.String("btcd.rpccert")}
		if b.Host == "" {
			return nil, errors.New("--btcd.rpchost is missing: where is btcd's RPC server (host:port)?")
		}
		return b, nil
	}
	return nil, fmt.Errorf("--%s=%q is none of bitcoind, btcd", flagChain, c.String(flagChain))
}
