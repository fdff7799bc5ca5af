package itest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/internal/process"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// daemon is a fulmend apart from the lab: with a folder, a wallet and arguments of the scenario's own.
type daemon struct {
	n         *network
	dir       string
	rpc, rest string
	child     *process.Child
}

// daemon makes a folder and finds ports; run starts it.
func (n *network) daemon() *daemon {
	n.t.Helper()
	addrs, err := process.FreeAddresses(2)
	require.NoError(n.t, err)
	return &daemon{n: n, dir: n.t.TempDir(), rpc: addrs[0], rest: addrs[1]}
}

// backend are the arguments that name the chain.
func backend(c *regtest.Chain, pass string) []string {
	name := string(c.Kind)
	args := []string{"--chain=" + name, "--" + name + ".rpchost=" + c.Host, "--" + name + ".rpcuser=" + c.User, "--" + name + ".rpcpass=" + pass}
	if c.Kind == regtest.Btcd {
		args = append(args, "--btcd.rpccert="+c.CertFile)
	}
	return args
}

func (d *daemon) log() string { return filepath.Join(d.dir, "log") }

func (d *daemon) run(args ...string) {
	d.n.t.Helper()
	all := append([]string{"--dir=" + d.dir, "--network=regtest", "--listen=none", "--rpclisten=" + d.rpc, "--restlisten=" + d.rest}, args...)
	child, err := process.Spawn(binary, append(all, backend(d.n.Chain, d.n.Chain.Pass)...), d.log(), false)
	require.NoError(d.n.t, err)
	d.child = child
	d.n.t.Cleanup(d.stop)
}

// stop ends it as an operator would.
func (d *daemon) stop() {
	d.child.Command.Process.Signal(os.Interrupt) // it may have ended
	select {
	case <-d.child.Ended:
	case <-time.After(patience):
		d.child.Command.Process.Kill()
		require.Fail(d.n.t, "the daemon does not stop", process.Tail(d.log()))
	}
}

// dial with a macaroon of the daemon's folder, or client.None.
func (d *daemon) dial(macaroon string) *client.Client {
	d.n.t.Helper()
	var t client.Target
	d.n.eventually("the daemon has written "+macaroon, func() (ok bool) {
		var err error
		t, err = client.FromDir(d.rpc, d.dir, &chaincfg.RegressionNetParams, macaroon)
		return err == nil
	})
	return d.with(t)
}

func (d *daemon) with(t client.Target) *client.Client {
	d.n.t.Helper()
	c, err := client.Dial(t)
	require.NoError(d.n.t, err)
	d.n.t.Cleanup(func() { require.NoError(d.n.t, c.Close()) })
	return c
}

// reaches waits for a state of the wallet.
func (d *daemon) reaches(s lnrpc.WalletState) {
	d.n.t.Helper()
	c := d.dial(client.None)
	d.n.eventually("the daemon is "+s.String(), func() bool {
		r, err := c.State.GetState(d.n.ctx, &lnrpc.GetStateRequest{})
		return err == nil && r.State == s
	})
}

// refuses runs the daemon with arguments that it must refuse, and returns what it prints on standard error.
func refuses(n *network, env []string, args ...string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.ctx, patience)
	defer cancel()
	var errs strings.Builder
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), &errs
	err := cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(n.t, err, &exit, "%v: %s", args, errs.String())
	require.Equal(n.t, 1, exit.ExitCode(), "%v: %s", args, errs.String())
	return errs.String()
}
