package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/internal/lab/demo"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

const (
	labDir       = "lab-dir"
	labFunds     = 2 * btcutil.SatoshiPerBitcoin // each node's wallet after `lab up`
	labCapacity  = btcutil.SatoshiPerBitcoin / 10
	labSeconds   = 60
	labMaxBlocks = 10_000
)

// labCommand is `fulmen lab`: networks for experiments.
func labCommand() *cli.Command {
	dir := &cli.StringFlag{Name: labDir, Value: defaultLabDir(), EnvVars: []string{"FULMEN_LAB"}, Usage: "`folder` of the lab"}
	return &cli.Command{
		Name: "lab", Action: unknownLab, Usage: "regtest networks of real nodes, for experiments",
		Description: "A lab is a chain and some nodes with channels, on this machine, below one folder. It keeps running between calls.\n\n" +
			"   fulmen lab up --nodes 4 --topology line\n   fulmen lab pay alice dave 1000\n   fulmen lab kill bob\n   fulmen lab down",
		Flags: []cli.Flag{dir},
		Subcommands: []*cli.Command{
			{Name: "up", Usage: "make a network and start it", Action: labUp, Flags: []cli.Flag{
				&cli.IntFlag{Name: "nodes", Value: 3, Usage: fmt.Sprintf("`number` of nodes, at most %d", lab.MaxNodes)},
				&cli.StringFlag{Name: "topology", Value: "line", Usage: "line, ring, star or mesh"},
				&cli.StringFlag{Name: "chain", Value: "auto", Usage: "bitcoind, btcd, or auto: bitcoind if it is found, else btcd"},
				&cli.Int64Flag{Name: "capacity", Value: int64(labCapacity), Usage: "of each channel, in `sat`"},
			}},
			{Name: "status", Usage: "show the nodes and their channels", Action: labStatus},
			{Name: "open", Usage: "open a channel", ArgsUsage: "FROM TO SAT", Action: labOpen, Flags: []cli.Flag{
				&cli.Int64Flag{Name: "push", Usage: "`sat` given to the peer"},
				&cli.BoolFlag{Name: "private", Usage: "not announced"},
			}},
			{Name: "pay", Usage: "pay from one node to another", ArgsUsage: "FROM TO SAT", Action: labPay},
			{Name: "mine", Usage: "mine blocks", ArgsUsage: "[BLOCKS]", Action: labMine},
			{Name: "fund", Usage: "pay a node from the miner", ArgsUsage: "NODE SAT", Action: labFund},
			{Name: "stop", Usage: "stop a node in order", ArgsUsage: "NODE", Action: labNode("has stopped", (*lab.Lab).Stop)},
			{Name: "kill", Usage: "kill a node as a power cut would (signal 9)", ArgsUsage: "NODE", Action: labNode("is dead; `fulmen lab start` brings it back", (*lab.Lab).Kill)},
			{Name: "start", Usage: "start a node again", ArgsUsage: "NODE", Action: labNode("runs", (*lab.Lab).Start)},
			{Name: "logs", Usage: "print a node's log", ArgsUsage: "NODE", Action: labLogs},
			{Name: "cli", Usage: "run any other command of fulmen against a node", ArgsUsage: "NODE COMMAND…", Action: labCLI, SkipFlagParsing: true},
			{Name: "down", Usage: "stop everything and remove it", Action: labDown},
			{Name: "demo", Usage: "a story to learn Lightning from: payments, fees, a crash, closes; the books balance", Action: labDemo, Flags: []cli.Flag{
				&cli.StringFlag{Name: "chain", Value: "auto", Usage: "bitcoind, btcd or auto"},
			}},
		},
	}
}

func defaultLabDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "fulmen-lab"
	}
	return filepath.Join(home, ".fulmen-lab")
}

func withLab(c *cli.Context, fn func(context.Context, *lab.Lab) error) error {
	l, err := lab.Attach(c.Context, c.String(labDir))
	if err != nil {
		return err
	}
	return fn(c.Context, l)
}

func labUp(c *cli.Context) error {
	topology, err := lab.ParseTopology(c.String("topology"))
	if err != nil {
		return err
	}
	dir := c.String(labDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	l, err := lab.Up(c.Context, dir, lab.Options{Nodes: c.Int("nodes"), Topology: topology, Chain: regtest.Kind(c.String("chain")), Detached: true})
	if err != nil {
		return err
	}
	if err := labChannels(c, l, topology); err != nil {
		return errors.Join(err, l.Down(context.WithoutCancel(c.Context)))
	}
	if err := overview(c, l); err != nil {
		return err
	}
	return labSay(c, func(p *page) {
		first, last := l.Nodes()[0].Name, l.Nodes()[len(l.Nodes())-1].Name
		p.line("\nNext: `fulmen lab pay %s %s 1000`, `fulmen lab cli %s listchannels`, and in the end `fulmen lab down`.", first, last, first)
	})
}

// labChannels funds the nodes and opens the topology's channels.
func labChannels(c *cli.Context, l *lab.Lab, t lab.Topology) error {
	nodes := l.Nodes()
	for _, n := range nodes {
		if err := l.Fund(c.Context, n.Name, labFunds); err != nil {
			return err
		}
	}
	edges := t.Edges(len(nodes))
	for _, e := range edges {
		r := &lnrpc.OpenChannelRequest{LocalFundingAmount: c.Int64("capacity"), PushSat: c.Int64("capacity") / 2}
		if _, err := l.Open(c.Context, nodes[e[0]].Name, nodes[e[1]].Name, r); err != nil {
			return err
		}
	}
	return l.Known(c.Context, len(edges))
}

func labOpen(c *cli.Context) error {
	from, to, sat, err := fromToAmount(c)
	if err != nil {
		return err
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		r := &lnrpc.OpenChannelRequest{LocalFundingAmount: sat, PushSat: c.Int64("push"), Private: c.Bool("private")}
		point, err := l.Open(ctx, from, to, r)
		if err != nil {
			return err
		}
		return labSay(c, func(p *page) { p.line("%s: channel %s", p.paint(green, "open"), point) })
	})
}

func labPay(c *cli.Context) error {
	from, to, sat, err := fromToAmount(c)
	if err != nil {
		return err
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		request, err := l.Invoice(ctx, to, &lnrpc.Invoice{Value: sat})
		if err != nil {
			return err
		}
		p, err := l.Pay(ctx, from, &routerrpc.SendPaymentRequest{PaymentRequest: request, FeeLimitSat: max(sat/10, 10), TimeoutSeconds: labSeconds}, nil)
		if err != nil {
			return err
		}
		if p.Status != lnrpc.Payment_SUCCEEDED {
			return fmt.Errorf("%w: %s", errPaymentFailed, failureText(p.FailureReason))
		}
		return labSay(c, func(out *page) { showEnd(out, p) })
	})
}

func fromToAmount(c *cli.Context) (from, to string, sat int64, err error) {
	w := wordsOf(c)
	from, to, sat = need(w, "the first node", anyText), need(w, "the second node", anyText), int64(need(w, "the amount", parseSat))
	return from, to, sat, w.end()
}

func labMine(c *cli.Context) error {
	w := wordsOf(c)
	blocks, given := may(w, "the number of blocks", parseUint)
	if !given {
		blocks = 1
	}
	if blocks < 1 || blocks > labMaxBlocks {
		w.fail("the number of blocks is between 1 and %d", labMaxBlocks)
	}
	if err := w.end(); err != nil {
		return err
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		if err := l.Mine(ctx, int(blocks)); err != nil {
			return err
		}
		height, err := l.Chain.Height(ctx)
		if err != nil {
			return err
		}
		return labSay(c, func(p *page) { p.line("The chain is at height %d, and all running nodes are level with it.", height) })
	})
}

func labFund(c *cli.Context) error {
	w := wordsOf(c)
	name, amount := need(w, "the node", anyText), need(w, "the amount", parseSat)
	if err := w.end(); err != nil {
		return err
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		if err := l.Fund(ctx, name, amount); err != nil {
			return err
		}
		return labSay(c, func(p *page) { p.line("%s has %s sat more, confirmed.", name, sats(amount)) })
	})
}

// labNode is a command for one node.
func labNode(now string, do func(*lab.Lab, context.Context, string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		w := wordsOf(c)
		name := need(w, "the node", anyText)
		if err := w.end(); err != nil {
			return err
		}
		return withLab(c, func(ctx context.Context, l *lab.Lab) error {
			if err := do(l, ctx, name); err != nil {
				return err
			}
			return labSay(c, func(p *page) { p.line("%s %s.", name, now) })
		})
	}
}

func labLogs(c *cli.Context) error {
	w := wordsOf(c)
	name := need(w, "the node", anyText)
	if err := w.end(); err != nil {
		return err
	}
	return withLab(c, func(_ context.Context, l *lab.Lab) error {
		n, err := l.Node(name)
		if err != nil {
			return err
		}
		f, err := os.Open(n.Log())
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(c.App.Writer, f)
		return err
	})
}

// labCLI runs this program again, pointed at a node.
func labCLI(c *cli.Context) error {
	if c.NArg() < 2 {
		return errors.New("`fulmen lab cli` takes a node and a command, as in: fulmen lab cli alice getinfo")
	}
	return withLab(c, func(_ context.Context, l *lab.Lab) error {
		n, err := l.Node(c.Args().First())
		if err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		args := append([]string{"--rpcserver=" + n.RPC, "--dir=" + n.Dir, "--network=regtest"}, c.Args().Tail()...)
		cmd := exec.CommandContext(c.Context, self, args...)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it has something to say, and a terminal to restore
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err = cmd.Run()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			if s, ok := exit.Sys().(syscall.WaitStatus); ok {
				return cli.Exit("", s.ExitStatus())
			}
		}
		return err
	})
}

func labDown(c *cli.Context) error {
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		if err := l.Down(ctx); err != nil {
			return err
		}
		return labSay(c, func(p *page) { p.line("Everything has stopped, and %s is removed.", l.Dir()) })
	})
}

func labDemo(c *cli.Context) error {
	dir, err := os.MkdirTemp("", "fulmen-demo-")
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the story is told on standard output
	err = demo.Run(c.Context, c.App.Writer, dir, regtest.Kind(c.String("chain")))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the logs are in", dir)
		return err
	}
	return os.RemoveAll(dir)
}
