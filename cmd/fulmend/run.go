package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/internal/build"
	"github.com/fulmen-ln/fulmen/internal/logs"
	"github.com/fulmen-ln/fulmen/node"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// stopLimit is how long calls that are under way may take once the daemon is to stop.
const stopLimit = 5 * time.Second

// run is the daemon's life: the API first, so that a wallet can be unlocked, then the node.
func run(c *cli.Context) error {
	if c.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: fulmend takes flags only, see --help", c.Args().First())
	}
	levels := logs.New()
	if err := levels.SetLevel(c.String(flagDebug)); err != nil {
		return fmt.Errorf("--%s: %w", flagDebug, err)
	}
	log := levels.Logger(os.Stdout)
	slog.SetDefault(log.With(logs.Key, "CHNB")) // of package chain, and of libraries
	cfg, err := configure(c, log)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("--%s: %w", flagDir, err)
	}
	ctx, quit := context.WithCancel(c.Context)
	defer quit()
	log.Info("fulmend", "version", build.Version, "network", c.String(flagNetwork), "dir", cfg.Dir, "backend", cfg.Backend.String())
	vault := node.NewVault(cfg.Dir, cfg.Params)
	server, err := rpc.NewServer(rpc.Options{
		GRPC: list(c, flagRPC), REST: list(c, flagREST), Dir: cfg.Dir, Network: cfg.Params, TLSExtraIPs: c.StringSlice(flagTLSIP),
		TLSExtraDomains: c.StringSlice(flagTLSDomain), NoMacaroons: c.Bool(flagNoMac), Log: log.With(logs.Key, "RPCS"),
	}, vault, vault)
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	err = serve(ctx, server, vault, cfg, c.Bool(flagNoSeed), levels, quit)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil // asked to stop
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if err := server.Stop(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Warn("stop the API", "err", err)
	}
	log.Info("fulmend has stopped")
	return err
}

// serve waits for the wallet, runs the node until ctx ends, and stops it.
func serve(ctx context.Context, server *rpc.Server, vault *node.Vault, cfg node.Config, noSeed bool, levels *logs.Logs, quit func()) error {
	opened, err := open(ctx, server, vault, noSeed, cfg.Log)
	if err != nil {
		return err
	}
	cfg.RecoveryWindow = opened.RecoveryWindow
	n, err := node.Start(ctx, cfg, opened.Seed)
	opened.Seed.Wipe()
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	server.Activate(n.Backend(levels, quit))
	cfg.Log.Info("the node is up", "id", n.ID, "peers", n.Bound, "height", n.Height())
	if err := n.WaitSynced(ctx); err == nil {
		server.Ready()
		cfg.Log.Info("the node is in step with the chain")
	}
	<-ctx.Done()
	cfg.Log.Info("stopping")
	return n.Stop()
}

// open waits until somebody unlocks the wallet, or opens it without a password.
func open(ctx context.Context, server *rpc.Server, vault *node.Vault, noSeed bool, log *slog.Logger) (node.Opened, error) {
	if noSeed {
		keeper, err := vault.NoBackup(time.Now())
		if errors.Is(err, wallet.ErrWrongPassword) {
			return node.Opened{}, fmt.Errorf("--%s: the wallet in this folder has a password: leave the flag out and use `fulmen unlock`", flagNoSeed)
		}
		if err != nil {
			return node.Opened{}, err
		}
		if _, err := server.Unlocked(ctx, keeper); err != nil {
			return node.Opened{}, err
		}
	} else if exists, err := vault.WalletExists(); err != nil {
		return node.Opened{}, err
	} else if exists {
		log.Info("the wallet is locked: waiting for `fulmen unlock`")
	} else {
		log.Info("there is no wallet yet: waiting for `fulmen create`")
	}
	select {
	case o := <-vault.Opened():
		return o, nil
	case <-ctx.Done():
		return node.Opened{}, ctx.Err()
	}
}
