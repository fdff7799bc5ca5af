// Command fulmen is the command line of a Fulmen node, and of LND: it speaks LND's API.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/internal/build"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newApp().RunContext(ctx, os.Args); err != nil {
		if exit := cli.ExitCoder(nil); errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "fulmen:", explain(err))
		os.Exit(1)
	}
}

func newApp() *cli.App {
	return &cli.App{
		Name:                 "fulmen",
		Usage:                "talk to a Lightning node",
		Version:              build.Version,
		EnableBashCompletion: true,
		Flags:                connectionFlags(),
		Commands:             append(commands(), labCommand()),
		ExitErrHandler:       func(*cli.Context, error) {}, // main prints
		Description: "A node's address, certificate and macaroon are found in --dir.\n" +
			"Begin with `fulmen create`, or, to play first, with `fulmen lab up`.",
	}
}
