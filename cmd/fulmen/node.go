package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/internal/build"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
)

// nodeCommands are about the node as a whole.
func nodeCommands() []*cli.Command {
	return []*cli.Command{
		{
			Name: "getinfo", Usage: "show who the node is and how it does", Action: withNode(getInfo),
			Description: example("The first command for a running node: key, addresses, channels, and whether it is level with the chain.", "fulmen getinfo", "fulmen getinfo --json | jq -r .identity_pubkey"),
		},
		{
			Name: "signmessage", Usage: "sign a text with the node's key", ArgsUsage: "TEXT", Action: withNode(signMessage),
			Description: example("Whoever has the text and the signature can find the node's key with verifymessage.", `fulmen signmessage "I run this node"`),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "msg", Usage: "the `text`, instead of the argument"}},
		},
		{
			Name: "verifymessage", Usage: "tell who signed a text", ArgsUsage: "TEXT SIGNATURE", Action: withNode(verifyMessage),
			Description: example("Valid is a signature by a node with an announced channel. Exits with 1 where it is not.", `fulmen verifymessage "I run this node" d7m…`),
			Flags:       []cli.Flag{&cli.StringFlag{Name: "msg", Usage: "the `text`, instead of the argument"}, &cli.StringFlag{Name: "sig", Usage: "the `signature`, instead of the argument"}},
		},
		{
			Name: "debuglevel", Usage: "show or set how much the node logs", Action: withNode(debugLevel),
			Description: example("A level for all, or for single parts: trace, debug, info, warn, error.",
				"fulmen debuglevel --show", "fulmen debuglevel --level debug", "fulmen debuglevel --level PEER=debug,CHAN=info"),
			Flags: []cli.Flag{&cli.BoolFlag{Name: "show", Usage: "list the parts"}, &cli.StringFlag{Name: "level", Usage: "`level`, or PART=level,PART=level"}},
		},
		{
			Name: "stop", Usage: "stop the node in order", Action: withNode(stop),
			Description: example("Channels stay open: their peers wait for the node to come back.", "fulmen stop"),
		},
		{
			Name: "version", Usage: "show the versions of this program and of the node", Action: withNode(version),
			Description: example("The node's version is LND's whose API it speaks; its commit names Fulmen's own.", "fulmen version"),
		},
	}
}

func getInfo(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.GetInfo, &lnrpc.GetInfoRequest{}, func(p *page, r *lnrpc.GetInfoResponse) {
		network := ""
		for _, c := range r.Chains {
			network = c.Network
		}
		list := []fact{{"node", cell{r.Alias, bold}}, {"key", r.IdentityPubkey}}
		for _, uri := range r.Uris {
			list = append(list, fact{"address", uri})
		}
		p.facts(append(list,
			fact{"network", network},
			fact{"chain", chainState(r)},
			fact{"graph", map[bool]cell{true: {"level with the network", green}, false: {"learning the network", yellow}}[r.SyncedToGraph]},
			fact{"channels", fmt.Sprintf("%d active, %d inactive, %d pending", r.NumActiveChannels, r.NumInactiveChannels, r.NumPendingChannels)},
			fact{"peers", r.NumPeers},
			fact{"version", r.Version},
		)...)
	})
}

func chainState(r *lnrpc.GetInfoResponse) cell {
	at := fmt.Sprintf("block %s of %s", group(int64(r.BlockHeight)), when(r.BestHeaderTimestamp))
	if r.SyncedToChain {
		return cell{at + ", synced", green}
	}
	return cell{at + ", behind; catching up", yellow}
}

func signMessage(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	msg := need(w, "msg", anyText)
	if err := w.end(); err != nil {
		return err
	}
	return ask(ctx, s, s.Lightning.SignMessage, &lnrpc.SignMessageRequest{Msg: []byte(msg)}, func(p *page, r *lnrpc.SignMessageResponse) {
		p.line("%s", r.Signature)
	})
}

func verifyMessage(ctx context.Context, s *session) error {
	w := wordsOf(s.c)
	r := &lnrpc.VerifyMessageRequest{Msg: []byte(need(w, "msg", anyText)), Signature: need(w, "sig", anyText)}
	if err := w.end(); err != nil {
		return err
	}
	a, err := s.Lightning.VerifyMessage(ctx, r)
	if err != nil {
		return err
	}
	err = s.print(a, func(p *page) {
		if a.Valid {
			p.line("%s by %s", p.paint(green, "signed"), a.Pubkey)
		} else {
			p.line("%s: the signer (%s) is no node that we know", p.paint(red, "not valid"), orDash(a.Pubkey))
		}
	})
	if err == nil && !a.Valid {
		err = cli.Exit("", 1)
	}
	return err
}

func debugLevel(ctx context.Context, s *session) error {
	r := &lnrpc.DebugLevelRequest{Show: s.c.Bool("show"), LevelSpec: s.c.String("level")}
	if r.LevelSpec == "" {
		r.Show = true
	}
	return ask(ctx, s, s.Lightning.DebugLevel, r, func(p *page, a *lnrpc.DebugLevelResponse) {
		p.line("%s", orDone(a.SubSystems, "set"))
	})
}

func stop(ctx context.Context, s *session) error {
	return ask(ctx, s, s.Lightning.StopDaemon, &lnrpc.StopRequest{}, func(p *page, r *lnrpc.StopResponse) {
		p.line("%s", orDash(r.Status))
	})
}

func version(ctx context.Context, s *session) error {
	r, err := s.Version.GetVersion(ctx, &verrpc.VersionRequest{})
	if err != nil {
		return err
	}
	both := map[string]any{"fulmen": map[string]string{"version": build.Version}, "node": map[string]string{"version": r.Version, "commit": r.Commit}}
	return s.printValue(both, func(p *page) {
		p.facts(fact{"fulmen", build.Version}, fact{"node", r.Version}, fact{"commit", r.Commit})
	})
}

// ago is for times that matter by their distance.
func ago(t time.Time) string {
	d := time.Since(t)
	if d < 0 {
		return "in " + about(-d)
	}
	return about(d) + " ago"
}

// about writes a time to the second, or from an hour on to the minute.
func about(d time.Duration) string {
	if d < time.Hour {
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
