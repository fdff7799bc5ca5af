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
	if err := run(ctx, newApp(), os.Args); err != nil {
		if what := explain(err); what != "" {
			fmt.Fprintln(os.Stderr, "fulmen:", what)
		}
		if exit := cli.ExitCoder(nil); errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, app *cli.App, args []string) error {
	return app.RunContext(ctx, flagsFirst(app, args))
}

func newApp() *cli.App {
	cli.FlagStringer = flagText
	return &cli.App{
		Name:                 "fulmen",
		Usage:                "talk to a Lightning node",
		Version:              build.Version,
		EnableBashCompletion: true,
		Flags:                connectionFlags(),
		Commands:             polish(append(commands(), labCommand())),
		Action:               unknown,
		OnUsageError: func(c *cli.Context, err error, _ bool) error {
			return &usageError{text: err.Error(), command: c.App.Name, args: "[global options] COMMAND"}
		},
		ExitErrHandler: func(*cli.Context, error) {}, // main prints
		Description: "A node's address, certificate and macaroon are found in --dir.\n" +
			"Begin with `fulmen create`, or, to play first, with `fulmen lab up`.",
	}
}
