// Command fulmend is a Lightning node.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/internal/build"
)

func main() {
	app := &cli.App{
		Name:            "fulmend",
		Usage:           "a Lightning Network node",
		Version:         build.Version,
		HideHelpCommand: true,
		Flags:           flags(),
		Before:          readConfig,
		Action:          run,
		Description: "fulmend needs a chain backend (bitcoind or btcd) and keeps all it has in --dir.\n" +
			"The first start waits for `fulmen create`, later ones for `fulmen unlock`; see also --noseedbackup.",
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app.RunContext(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "fulmend:", err)
		os.Exit(1)
	}
}
