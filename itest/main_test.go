package itest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/internal/process"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

const (
	scenarioLimit = 5 * time.Minute
	patience      = 60 * time.Second
	capacity      = 5_000_000
	coins         = btcutil.Amount(20_000_000)
)

// binary is the daemon under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fulmen-itest-")
	if err == nil {
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build fulmend:", err)
		os.Exit(1)
	}
	fmt.Println("scenarios run on", chainKind())
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func build(dir string) error {
	binary = filepath.Join(dir, "fulmend")
	args := []string{"build", "-o", binary}
	if os.Getenv("RACE") != "" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/fulmen-ln/fulmen/cmd/fulmend")...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func chainKind() regtest.Kind {
	if kind := os.Getenv("CHAIN"); kind != "" {
		return regtest.Kind(kind)
	}
	return regtest.Auto
}

// network is a lab for one scenario.
type network struct {
	*lab.Lab
	t   *testing.T
	ctx context.Context
}

// start runs a chain and n nodes, alice, bob, …; each has coins.
func start(t *testing.T, n int, args ...string) *network {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
	t.Cleanup(cancel)
	l, err := lab.Up(ctx, t.TempDir(), lab.Options{Nodes: n, Chain: chainKind(), Binary: binary, Args: args})
	require.NoError(t, err)
	net := &network{Lab: l, t: t, ctx: ctx}
	t.Cleanup(net.end)
	for _, node := range l.Nodes() {
		require.NoError(t, l.Fund(ctx, node.Name, coins))
	}
	return net
}

// end stops everything; a scenario that failed shows how its logs ended. No daemon may have reported a broken invariant.
func (n *network) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, node := range n.Nodes() {
		b, err := os.ReadFile(node.Log())
		require.NoError(n.t, err)
		for _, bad := range []string{"broken invariant", "panic:", "WARNING: DATA RACE"} {
			require.NotContains(n.t, string(b), bad, node.Name)
		}
		if n.t.Failed() {
			n.t.Log(process.Tail(node.Log()))
			if dir := os.Getenv("LOGS"); dir != "" {
				require.NoError(n.t, os.WriteFile(filepath.Join(dir, n.t.Name()+"."+node.Name+".log"), b, 0o600))
			}
		}
	}
	require.NoError(n.t, n.Halt(ctx))
}

// client of a node, closed with the scenario.
func (n *network) client(name string) *client.Client {
	n.t.Helper()
	c, err := n.Client(name)
	require.NoError(n.t, err)
	n.t.Cleanup(func() { require.NoError(n.t, c.Close()) })
	return c
}

// open opens an announced channel.
func (n *network) open(from, to string) string {
	n.t.Helper()
	return n.openWith(from, to, &lnrpc.OpenChannelRequest{LocalFundingAmount: capacity})
}

func (n *network) openWith(from, to string, r *lnrpc.OpenChannelRequest) string {
	n.t.Helper()
	point, err := n.Open(n.ctx, from, to, r)
	require.NoError(n.t, err)
	return point
}

// line opens alice–bob–carol–… and waits until all know of it.
func (n *network) line() (points []string) {
	n.t.Helper()
	nodes := n.Nodes()
	for _, e := range lab.Line.Edges(len(nodes)) {
		points = append(points, n.open(nodes[e[0]].Name, nodes[e[1]].Name))
	}
	require.NoError(n.t, n.Known(n.ctx, len(points)))
	return points
}

func (n *network) invoice(name string, sat int64) string {
	n.t.Helper()
	r, err := n.Invoice(n.ctx, name, &lnrpc.Invoice{Value: sat})
	require.NoError(n.t, err)
	return r
}

// pay sends and waits for the end, whatever it is.
func (n *network) pay(from, request string) *lnrpc.Payment {
	n.t.Helper()
	p, err := n.Pay(n.ctx, from, &routerrpc.SendPaymentRequest{PaymentRequest: request, FeeLimitSat: 10_000, TimeoutSeconds: 60}, nil)
	require.NoError(n.t, err)
	return p
}

// paid sends what must arrive.
func (n *network) paid(from, to string, sat int64) *lnrpc.Payment {
	n.t.Helper()
	p := n.pay(from, n.invoice(to, sat))
	require.Equal(n.t, lnrpc.Payment_SUCCEEDED, p.Status, p.FailureReason)
	return p
}

// channel as name sees it.
func (n *network) channel(name, point string) *lnrpc.Channel {
	n.t.Helper()
	list, err := n.client(name).Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
	require.NoError(n.t, err)
	for _, c := range list.Channels {
		if c.ChannelPoint == point {
			return c
		}
	}
	return nil
}

// eventually waits for what daemons do in their own time.
func (n *network) eventually(what string, ok func() bool) {
	n.t.Helper()
	require.Eventually(n.t, ok, patience, 50*time.Millisecond, what)
}

// quiet waits until no channel of any running node holds an HTLC.
func (n *network) quiet() {
	n.t.Helper()
	for _, node := range n.Nodes() {
		if !node.Running() {
			continue
		}
		c := n.client(node.Name)
		n.eventually(node.Name+" has nothing in flight", func() bool {
			list, err := c.Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
			if err != nil {
				return false
			}
			for _, ch := range list.Channels {
				if len(ch.PendingHtlcs) > 0 {
					return false
				}
			}
			return true
		})
	}
}
