package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/internal/process"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

const (
	scenarioLimit = 5 * time.Minute
	patience      = 60 * time.Second
	capacity      = 5_000_000
	coins         = btcutil.Amount(20_000_000)
)

var (
	fulmend string // the daemon under test, built once
	lnd     string // its peer; empty where noLND says why
	noLND   error
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fulmen-interop-")
	if err == nil {
		fulmend = filepath.Join(dir, "fulmend")
		err = buildFulmend()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build fulmend:", err)
		os.Exit(1)
	}
	if lnd, noLND = findLND(); noLND != nil {
		fmt.Println("all scenarios are skipped, there is no LND:", noLND)
	} else {
		fmt.Println("scenarios run on", chainKind(), "with", lnd)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func buildFulmend() error {
	args := []string{"build", "-o", fulmend}
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

	clients map[string]*client.Client
}

// start runs a chain and nodes; each has coins. A name says whose daemon it is: fulmen, fulmen2, lnd, lnd2, …
func start(t *testing.T, names ...string) *network {
	t.Helper()
	if noLND != nil {
		t.Skip("no LND:", noLND)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
	t.Cleanup(cancel)
	l, err := lab.Up(ctx, folder(t), lab.Options{Chain: chainKind(), Binary: fulmend})
	require.NoError(t, err)
	n := &network{Lab: l, t: t, ctx: ctx, clients: make(map[string]*client.Client)}
	t.Cleanup(n.end)
	for _, name := range names {
		if isLND(name) {
			_, err = l.AddLND(ctx, name, lnd, "--accept-keysend")
		} else {
			_, err = l.Add(ctx, name, "--accept-keysend")
		}
		require.NoError(t, err)
	}
	require.NoError(t, n.Synced(ctx))
	for _, name := range names {
		require.NoError(t, l.Fund(ctx, name, coins))
	}
	return n
}

// folder of a scenario: $INTEROP_DIR keeps all logs, for those who look for a fault.
func folder(t *testing.T) string {
	t.Helper()
	keep := os.Getenv("INTEROP_DIR")
	if keep == "" {
		return t.TempDir()
	}
	dir := filepath.Join(keep, strings.ReplaceAll(t.Name(), "/", "-"))
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

func isLND(name string) bool { return strings.HasPrefix(name, "lnd") }

// end stops everything; a scenario that failed shows how its logs ended. No daemon may have reported a broken invariant.
func (n *network) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, node := range n.Nodes() {
		n.hangUp(node.Name)
		b, err := os.ReadFile(node.Log())
		require.NoError(n.t, err)
		for _, bad := range []string{"broken invariant", "panic:", "WARNING: DATA RACE"} {
			if strings.Contains(string(b), bad) {
				n.t.Errorf("%s reports: %s", node.Name, bad)
			}
		}
		if n.t.Failed() {
			n.t.Log(process.Tail(node.Log()))
		}
	}
	require.NoError(n.t, n.Halt(ctx))
}

// client of a node; it lives until the node restarts or the scenario ends.
func (n *network) client(name string) *client.Client {
	n.t.Helper()
	if c := n.clients[name]; c != nil {
		return c
	}
	c, err := n.Client(name)
	require.NoError(n.t, err)
	n.clients[name] = c
	return c
}

// hangUp closes the connection to a node that is about to end.
func (n *network) hangUp(name string) {
	n.t.Helper()
	if c := n.clients[name]; c != nil {
		require.NoError(n.t, c.Close())
		delete(n.clients, name)
	}
}

// channel as name sees it; nil where it has none that is open.
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
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			require.FailNow(n.t, "waited in vain until "+what)
		}
		<-tick.C
	}
}

// restart ends a node, as an operator or as a power cut would, and starts it again.
func (n *network) restart(name string, kill bool) {
	n.t.Helper()
	if kill {
		require.NoError(n.t, n.Kill(n.ctx, name))
	} else {
		require.NoError(n.t, n.Stop(n.ctx, name))
	}
	n.hangUp(name)
	require.NoError(n.t, n.Start(n.ctx, name))
}

// both runs a scenario in both roles: first is what opens, asks or pays.
func both(t *testing.T, scenario func(t *testing.T, first, second string)) {
	t.Helper()
	t.Run("fulmen", func(t *testing.T) {
		t.Parallel()
		scenario(t, "fulmen", "lnd")
	})
	t.Run("lnd", func(t *testing.T) {
		t.Parallel()
		scenario(t, "lnd", "fulmen")
	})
}
