package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// peerCommands are about connections.
func peerCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "connect", Usage: "connect to a node", ArgsUsage: "KEY@HOST[:PORT]", Action: withNode(connect),
			Description: example("The address is what the other node's getinfo shows. Nodes with whom there is a channel are connected to without being told.",
				"fulmen connect 02ab…@203.0.113.7:9735", "fulmen connect 02ab…@abc…xyz.onion --perm"),
			Flags: []cli.Flag{&cli.BoolFlag{Name: "perm", Usage: "keep trying, also after a restart"},
				&cli.DurationFlag{Name: "timeout", Usage: "give up after this `time`, as in 30s"}},
		},
		{
			Name: "disconnect", Usage: "end a connection", ArgsUsage: "KEY", Action: withNode(disconnect),
			Description: example("With a channel open the connection soon comes back.", "fulmen disconnect 02ab…"),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "node_key", Usage: "the `key`, instead of the argument"}},
		},
		{
			Name: "listpeers", Usage: "list the connected nodes", Action: withNode(listPeers),
			Description: example("Nodes that are connected now; for channels see listchannels.", "fulmen listpeers"),
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "list_errors", Usage: "with the latest errors, in JSON"}},
		},
	}
}

func connect(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.ConnectPeerRequest{Addr: need(w, "address", parseNode), Perm: s.c.Bool("perm"), Timeout: uint64(s.c.Duration("timeout") / time.Second)}
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.ConnectPeer, r, func(p *page, a *lnrpc.ConnectPeerResponse) {
		p.line("%s", orDone(a.Status, "connected to "+r.Addr.Pubkey))
	})
}

// orDone is the node's own word, where it has one.
func orDone(status, otherwise string) string {
	if status == "" {
		return otherwise
	}
	return status
}

func disconnect(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	key := need(w, "node_key", parseKey)
	if err := w.end(); err != nil {
		return err
	}
	r := &lnrpc.DisconnectPeerRequest{PubKey: fmt.Sprintf("%x", key)}
	return ask(ctx, s, s.Lightning.DisconnectPeer, r, func(p *page, a *lnrpc.DisconnectPeerResponse) {
		p.line("%s", orDone(a.Status, "disconnected"))
	})
}

func listPeers(ctx context.Context, s *session) error {
	r := &lnrpc.ListPeersRequest{LatestError: !s.c.Bool("list_errors")}
	return ask(ctx, s, s.Lightning.ListPeers, r, func(p *page, a *lnrpc.ListPeersResponse) {
		t := newTable("node", "address", "direction", ">ping ms", ">sent sat", ">received sat")
		for _, peer := range a.Peers {
			direction := "outbound"
			if peer.Inbound {
				direction = "inbound"
			}
			t.add(peer.PubKey, peer.Address, direction, fmt.Sprintf("%.1f", float64(peer.PingTime)/1000), sats(peer.SatSent), sats(peer.SatRecv))
		}
		p.table(t, "There are no connections. Make one: fulmen connect KEY@HOST:PORT")
	})
}
