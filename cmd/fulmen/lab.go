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
	"strconv"
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
	labDir      = "lab-dir"
	labFunds    = 2 * btcutil.SatoshiPerBitcoin // each node's wallet after `lab up`
	labCapacity = btcutil.SatoshiPerBitcoin / 10
	labSeconds  = 60
)

// labCommand is `fulmen lab`: networks for experiments.
func labCommand() *cli.Command {
	dir := &cli.StringFlag{Name: labDir, Value: defaultLabDir(), EnvVars: []string{"FULMEN_LAB"}, Usage: "`folder` of the lab"}
	return &cli.Command{
		Name:  "lab",
		Usage: "regtest networks of real nodes, for experiments",
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
			{Name: "stop", Usage: "stop a node in order", ArgsUsage: "NODE", Action: labNode((*lab.Lab).Stop)},
			{Name: "kill", Usage: "kill a node as a power cut would (signal 9)", ArgsUsage: "NODE", Action: labNode((*lab.Lab).Kill)},
			{Name: "start", Usage: "start a node again", ArgsUsage: "NODE", Action: labNode((*lab.Lab).Start)},
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
	return overview(c.Context, c.App.Writer, l)
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

func labStatus(c *cli.Context) error {
	return withLab(c, func(ctx context.Context, l *lab.Lab) error { return overview(ctx, c.App.Writer, l) })
}

// overview prints the chain, and each node with its channels.
func overview(ctx context.Context, w io.Writer, l *lab.Lab) error {
	height, err := l.Chain.Height(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%v at height %d, in %s\n", l.Chain, height, l.Dir())
	names := make(map[string]string)
	for _, n := range l.Nodes() {
		if n.Running() {
			if key, err := l.Key(ctx, n.Name); err == nil {
				names[key] = n.Name
			}
		}
	}
	for _, n := range l.Nodes() {
		if !n.Running() {
			fmt.Fprintf(w, "\n%-8s stopped\n", n.Name)
			continue
		}
		if err := nodeStatus(ctx, w, l, n, names); err != nil {
			fmt.Fprintf(w, "\n%-8s does not answer: %v\n", n.Name, err)
		}
	}
	return nil
}

func nodeStatus(ctx context.Context, w io.Writer, l *lab.Lab, n *lab.Node, names map[string]string) error {
	node, err := l.Client(n.Name)
	if err != nil {
		return err
	}
	defer node.Close()
	coins, err := node.Lightning.WalletBalance(ctx, &lnrpc.WalletBalanceRequest{})
	if err != nil {
		return err
	}
	list, err := node.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%-8s gRPC %s  REST %s  peers %s  wallet %d sat\n", n.Name, n.RPC, n.REST, n.Peer, coins.TotalBalance)
	for _, ch := range list.Channels {
		state := ""
		if !ch.Active {
			state = "  (inactive)"
		}
		peer := names[ch.RemotePubkey]
		if peer == "" {
			peer = ch.RemotePubkey[:16] + "…"
		}
		fmt.Fprintf(w, "   %-8s %12d sat ours %12d sat theirs%s\n", peer, ch.LocalBalance, ch.RemoteBalance, state)
	}
	return nil
}

func labOpen(c *cli.Context) error {
	from, to, sat, err := fromToAmount(c)
	if err != nil {
		return err
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		r := &lnrpc.OpenChannelRequest{LocalFundingAmount: sat, PushSat: c.Int64("push"), Private: c.Bool("private")}
		point, err := l.Open(ctx, from, to, r)
		if err == nil {
			fmt.Fprintln(c.App.Writer, point)
		}
		return err
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
			return fmt.Errorf("the payment failed: %v", p.FailureReason)
		}
		fmt.Fprintf(c.App.Writer, "paid %d sat, fee %d.%03d sat, %d parts\n", p.ValueSat, p.FeeMsat/1000, p.FeeMsat%1000, len(p.Htlcs))
		return nil
	})
}

func fromToAmount(c *cli.Context) (from, to string, sat int64, err error) {
	if c.NArg() != 3 {
		return "", "", 0, fmt.Errorf("`fulmen lab %s` takes %s", c.Command.Name, c.Command.ArgsUsage)
	}
	sat, err = strconv.ParseInt(c.Args().Get(2), 10, 64)
	if err != nil || sat <= 0 {
		return "", "", 0, fmt.Errorf("%q is no amount in satoshis", c.Args().Get(2))
	}
	return c.Args().Get(0), c.Args().Get(1), sat, nil
}

func labMine(c *cli.Context) error {
	blocks := 1
	if c.NArg() > 0 {
		var err error
		if blocks, err = strconv.Atoi(c.Args().First()); err != nil || blocks < 1 {
			return fmt.Errorf("%q is no number of blocks", c.Args().First())
		}
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error {
		if err := l.Mine(ctx, blocks); err != nil {
			return err
		}
		height, err := l.Chain.Height(ctx)
		fmt.Fprintln(c.App.Writer, "height", height)
		return err
	})
}

func labFund(c *cli.Context) error {
	sat, err := strconv.ParseInt(c.Args().Get(1), 10, 64)
	if c.NArg() != 2 || err != nil || sat <= 0 {
		return fmt.Errorf("`fulmen lab fund` takes %s", c.Command.ArgsUsage)
	}
	return withLab(c, func(ctx context.Context, l *lab.Lab) error { return l.Fund(ctx, c.Args().First(), btcutil.Amount(sat)) })
}

// labNode is a command for one node.
func labNode(do func(*lab.Lab, context.Context, string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.NArg() != 1 {
			return fmt.Errorf("`fulmen lab %s` takes the name of a node", c.Command.Name)
		}
		return withLab(c, func(ctx context.Context, l *lab.Lab) error { return do(l, ctx, c.Args().First()) })
	}
}

func labLogs(c *cli.Context) error {
	return withLab(c, func(_ context.Context, l *lab.Lab) error {
		n, err := l.Node(c.Args().First())
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
	return withLab(c, func(ctx context.Context, l *lab.Lab) error { return l.Down(ctx) })
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
