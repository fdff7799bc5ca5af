package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// graphCommands are about what the node knows of the network.
func graphCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "describegraph", Usage: "print all nodes and channels that are known", Action: withNode(describeGraph),
			Description: example("Much on mainnet: JSON for programs, the largest nodes for people.", "fulmen describegraph", "fulmen describegraph --json > graph.json"),
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "include_unannounced", Usage: "with our own channels that are not announced"}, &cli.IntFlag{Name: "top", Value: 25, Usage: "`nodes` in the table"}},
		},
		{
			Name: "getnodeinfo", Usage: "show a node", ArgsUsage: "KEY", Action: withNode(getNodeInfo),
			Description: example("What the node has announced.", "fulmen getnodeinfo 02ab…", "fulmen getnodeinfo 02ab… --include_channels"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "pub_key", Usage: "the `key`, instead of the argument"}, &cli.BoolFlag{Name: "include_channels", Usage: "with its channels"}},
		},
		{
			Name: "getchaninfo", Usage: "show a channel of the network", ArgsUsage: "NUMBER|POINT", Action: withNode(getChanInfo),
			Description: example("By its number (103x1x0, or as one integer) or its point: both ends and what they charge.", "fulmen getchaninfo 103x1x0"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "chan_id", Usage: "the `number`, instead of the argument"}, &cli.StringFlag{Name: "chan_point", Usage: "the `point`, instead of the argument"}},
		},
		{
			Name: "getnetworkinfo", Usage: "count nodes, channels and capacity", Action: withNode(getNetworkInfo),
			Description: example("Of the part of the network that the node has heard of.", "fulmen getnetworkinfo"),
		},
	}
}

func describeGraph(ctx context.Context, s *session) error {
	r := &lnrpc.ChannelGraphRequest{IncludeUnannounced: s.c.Bool("include_unannounced")}
	return ask(ctx, s, s.Lightning.DescribeGraph, r, func(p *page, g *lnrpc.ChannelGraph) {
		type size struct {
			channels int
			capacity int64
		}
		sizes := make(map[string]size)
		for _, e := range g.Edges {
			for _, key := range []string{e.Node1Pub, e.Node2Pub} {
				n := sizes[key]
				sizes[key] = size{n.channels + 1, n.capacity + e.Capacity}
			}
		}
		slices.SortStableFunc(g.Nodes, func(a, b *lnrpc.LightningNode) int {
			return int(sizes[b.PubKey].capacity - sizes[a.PubKey].capacity)
		})
		t := newTable("node", "key", ">channels", ">capacity sat")
		top := min(len(g.Nodes), max(0, s.c.Int("top")))
		for _, n := range g.Nodes[:top] {
			t.add(orDash(clip(n.Alias, 32)), n.PubKey, sizes[n.PubKey].channels, sats(sizes[n.PubKey].capacity))
		}
		p.table(t, "No node is known yet. The graph comes from peers: fulmen connect KEY@HOST:PORT")
		p.line("\n%s and %s are known.", count(len(g.Nodes), "node"), count(len(g.Edges), "channel"))
	})
}

func getNodeInfo(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	key := need(w, "pub_key", parseKey)
	if err := w.end(); err != nil {
		return err
	}
	r := &lnrpc.NodeInfoRequest{PubKey: hexOf(key), IncludeChannels: s.c.Bool("include_channels")}
	return ask(ctx, s, s.Lightning.GetNodeInfo, r, func(p *page, a *lnrpc.NodeInfo) {
		n := a.Node
		list := []fact{{"node", cell{n.GetAlias(), bold}}, {"key", n.GetPubKey()}}
		for _, addr := range n.GetAddresses() {
			list = append(list, fact{"address", n.GetPubKey() + "@" + addr.Addr})
		}
		p.facts(append(list,
			fact{"channels", a.NumChannels}, fact{"capacity", sats(a.TotalCapacity).String() + " sat"}, fact{"announced", when(int64(n.GetLastUpdate()))})...)
		if s.c.Bool("include_channels") {
			p.line("")
			t := newTable("channel", "with", ">capacity sat")
			for _, e := range a.Channels {
				other := e.Node1Pub
				if other == n.GetPubKey() {
					other = e.Node2Pub
				}
				t.add(scid(e.ChannelId), other, sats(e.Capacity))
			}
			p.table(t, "It has announced no channels.")
		}
	})
}

func getChanInfo(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.ChanInfoRequest{ChanPoint: s.c.String("chan_point")}
	if r.ChanPoint == "" {
		name := need(w, "chan_id", anyText)
		if op, err := parsePoint(name); err == nil {
			r.ChanPoint = fmt.Sprintf("%s:%d", op.TxidStr, op.OutputIndex)
		} else {
			r.ChanId = parsed(w, "chan_id", name, parseSCID)
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.GetChanInfo, r, func(p *page, e *lnrpc.ChannelEdge) {
		p.facts(fact{"channel", cell{scid(e.ChannelId), bold}}, fact{"point", e.ChanPoint}, fact{"capacity", sats(e.Capacity).String() + " sat"})
		p.line("")
		t := newTable("from", ">base fee sat", ">fee ppm", ">delta", ">smallest sat", ">largest sat", "state", "updated")
		for _, end := range []struct {
			key    string
			policy *lnrpc.RoutingPolicy
		}{{e.Node1Pub, e.Node1Policy}, {e.Node2Pub, e.Node2Policy}} {
			addPolicy(t, end.key, end.policy)
		}
		p.table(t, "")
	})
}

func addPolicy(t *table, key string, r *lnrpc.RoutingPolicy) {
	if r == nil {
		t.add(key, "-", "-", "-", "-", "-", cell{"unknown", dim}, "-")
		return
	}
	state := cell{"enabled", green}
	if r.Disabled {
		state = cell{"disabled", yellow}
	}
	t.add(key, msats(r.FeeBaseMsat), r.FeeRateMilliMsat, r.TimeLockDelta, msats(r.MinHtlc), msats(r.MaxHtlcMsat), state, when(int64(r.LastUpdate)))
}

func getNetworkInfo(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.GetNetworkInfo, &lnrpc.NetworkInfoRequest{}, func(p *page, r *lnrpc.NetworkInfo) {
		p.facts(
			fact{"nodes", group(int64(r.NumNodes))}, fact{"channels", group(int64(r.NumChannels))},
			fact{"capacity", sats(r.TotalNetworkCapacity).String() + " sat"},
			fact{"channel size", fmt.Sprintf("%s to %s sat, median %s, mean %s", sats(r.MinChannelSize), sats(r.MaxChannelSize), sats(r.MedianChannelSizeSat), sats(r.AvgChannelSize))},
			fact{"channels of a node", fmt.Sprintf("%.1f on average, at most %d", r.AvgOutDegree, r.MaxOutDegree)},
			fact{"diameter", diameter(r)},
		)
	})
}

// diameter is empty where the node has not reckoned it.
func diameter(r *lnrpc.NetworkInfo) string {
	if r.GraphDiameter == 0 {
		return ""
	}
	return count(int(r.GraphDiameter), "hop")
}
