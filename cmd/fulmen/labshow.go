package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// labSay prints for people: what the lab says is for nobody else.
func labSay(c *cli.Context, show func(*page)) error { return newPrinter(c).printPage(show) }

// unknownLab is the answer to a command that the lab does not have.
func unknownLab(c *cli.Context) error {
	if c.NArg() == 0 {
		return cli.ShowSubcommandHelp(c)
	}
	return fmt.Errorf("the lab has no command %q\n`fulmen lab --help` lists them", c.Args().First())
}

func labStatus(c *cli.Context) error {
	return withLab(c, func(_ context.Context, l *lab.Lab) error { return overview(c, l) })
}

// overview prints the chain, the nodes, and the channels, each once.
func overview(c *cli.Context, l *lab.Lab) error {
	height, err := l.Chain.Height(c.Context)
	if err != nil {
		return err
	}
	o := labTables{
		nodes:    newTable("node", "state", ">wallet sat", "gRPC", "REST", "peers"),
		channels: newTable("channel", "between", "and", "state", ">first has sat", ">second has sat"),
		seen:     make(map[string]bool),
	}
	for _, n := range l.Nodes() {
		state, coins := cell{"stopped", yellow}, "-"
		if n.Running() {
			state = cell{"running", green}
			total, err := o.ask(c.Context, l, n.Name)
			if coins = sats(total).String(); err != nil {
				state, coins = cell{"does not answer: " + text(err), red}, "-"
			}
		}
		o.nodes.add(n.Name, state, coins, n.RPC, n.REST, n.Peer)
	}
	return labSay(c, func(p *page) {
		p.line("%v at height %d, in %s\n", l.Chain, height, l.Dir())
		p.table(o.nodes, "")
		p.line("")
		p.table(o.channels, "No channels are to be seen. Open one: fulmen lab open alice bob 1000000")
	})
}

// labTables collects what overview prints.
type labTables struct {
	nodes, channels *table
	seen            map[string]bool // points of the channels
}

// ask adds a node's channels, and answers with its coins.
func (o *labTables) ask(ctx context.Context, l *lab.Lab, name string) (coins int64, err error) {
	node, err := l.Client(name)
	if err != nil {
		return 0, err
	}
	defer node.Close()
	balance, err := node.Lightning.WalletBalance(ctx, &lnrpc.WalletBalanceRequest{})
	if err != nil {
		return 0, err
	}
	list, err := node.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{PeerAliasLookup: true})
	if err != nil {
		return 0, err
	}
	for _, c := range list.Channels {
		if o.seen[c.ChannelPoint] {
			continue
		}
		o.seen[c.ChannelPoint] = true
		o.channels.add(channelName(c.ChanId), name, peerName(c.PeerAlias, c.RemotePubkey), channelState(c), sats(c.LocalBalance), sats(c.RemoteBalance))
	}
	return balance.TotalBalance, nil
}
