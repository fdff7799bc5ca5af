package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commands lists all but the lab, in the order of --help.
func commands() []*cli.Command {
	var all []*cli.Command
	for _, g := range []struct {
		name string
		list []*cli.Command
	}{
		{"Wallet", startupCommands()},
		{"Node", nodeCommands()},
		{"On-chain", chainCommands()},
		{"Peers", peerCommands()},
		{"Channels", slices.Concat(channelCommands(), openCommands(), closeCommands())},
		{"Invoices", invoiceCommands()},
		{"Payments", slices.Concat(payCommands(), sendCommands(), paymentCommands())},
		{"Graph", graphCommands()},
		{"Forwarding", policyCommands()},
	} {
		for _, c := range g.list {
			c.Category = g.name
			c.Flags = append(c.Flags, outputFlags()...)
			all = append(all, c)
		}
	}
	return append(all, completionCommand())
}

// example writes a Description: what the command is for, and lines to copy.
func example(what string, lines ...string) string {
	return what + "\n\nExamples:\n   " + strings.Join(lines, "\n   ")
}

// polish gives every command what urfave leaves to each: one form of complaint.
func polish(list []*cli.Command) []*cli.Command {
	for _, c := range list {
		c.OnUsageError = func(ctx *cli.Context, err error, _ bool) error {
			return &usageError{text: err.Error(), command: ctx.Command.HelpName, args: ctx.Command.ArgsUsage}
		}
		polish(c.Subcommands)
	}
	return list
}

// urfaveText describes a flag as urfave does.
var urfaveText = cli.FlagStringer

// flagText leaves out the defaults that say nothing.
func flagText(f cli.Flag) string {
	return strings.NewReplacer(" (default: false)", "", " (default: 0)", "").Replace(urfaveText(f))
}

// unknown is the answer to a command that there is not.
func unknown(c *cli.Context) error {
	if c.NArg() == 0 {
		return cli.ShowAppHelp(c)
	}
	name := c.Args().First()
	hint := ""
	// Some command is always the nearest; it is meant where it begins as what was typed.
	if near := cli.SuggestCommand(c.App.Commands, name); strings.Contains(near, `"`+name[:min(len(name), 2)]) {
		hint = "; " + strings.ToLower(near[:1]) + near[1:]
	}
	return fmt.Errorf("there is no command %q%s\n`fulmen help` lists them", name, hint)
}

// flagsFirst moves the flags behind a command's words before them, because urfave stops at the first word:
// `fulmen pay INVOICE --force` is then what it looks like. After -- all is left as it is.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	out := args[:1:1]
	list, known := app.Commands, app.Flags
	var flags, rest []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if arg == "--" || arg == "--generate-bash-completion" {
			rest = append(rest, args[i:]...)
			break
		}
		if strings.HasPrefix(arg, "-") && len(arg) > 1 && !isNumber(arg) {
			flags = append(flags, arg)
			if takesValue(known, arg) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
			continue
		}
		if c := named(list, arg); c != nil && len(rest) == 0 {
			out = append(append(out, flags...), arg)
			flags, known, list = nil, c.Flags, c.Subcommands
			if c.SkipFlagParsing {
				return append(out, args[i+1:]...)
			}
			continue
		}
		rest = append(rest, arg)
	}
	return slices.Concat(out, flags, rest)
}

func isNumber(s string) bool {
	return strings.Trim(s, "-0123456789.") == ""
}

func named(list []*cli.Command, name string) *cli.Command {
	for _, c := range list {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue reports whether the flag's value is the next word.
func takesValue(flags []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			doc, ok := f.(cli.DocGenerationFlag)
			return ok && doc.TakesValue()
		}
	}
	return false
}
