package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/internal/process"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 60 * time.Second
	pollEvery    = 20 * time.Millisecond
)

// Node is one daemon of a lab.
type Node struct {
	Name            string
	Dir             string
	Peer, RPC, REST string   // host:port
	Key             string   // identity, in hex; known from the first start on
	LND             string   `json:",omitempty"` // the binary of an LND; empty: fulmend
	Args            []string `json:",omitempty"` // more arguments for this node
	Process         process.ID
}

// Log is the file that the node's output goes to.
func (n *Node) Log() string {
	if n.LND != "" {
		return filepath.Join(n.Dir, "lnd.log")
	}
	return filepath.Join(n.Dir, "fulmend.log")
}

// Running says whether its process lives.
func (n *Node) Running() bool { return n.Process.Alive() }

// Add makes a node, with more arguments than all have, and starts it.
func (l *Lab) Add(ctx context.Context, name string, args ...string) (*Node, error) {
	return l.add(ctx, &Node{Name: name, Args: args})
}

func (l *Lab) add(ctx context.Context, n *Node) (*Node, error) {
	addrs, err := process.FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	n.Dir, n.Peer, n.RPC, n.REST = filepath.Join(l.dir, n.Name), addrs[0], addrs[1], addrs[2]
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return nil, err
	}
	l.state.Nodes = append(l.state.Nodes, n)
	return n, l.Start(ctx, n.Name)
}

// Start runs a node that does not run, and returns when its API serves.
func (l *Lab) Start(ctx context.Context, name string) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	if n.Running() {
		return fmt.Errorf("%s runs already", name)
	}
	binary, args := l.state.Binary, l.arguments(n)
	if n.LND != "" {
		binary, args = n.LND, l.lndArguments(n)
	}
	child, err := process.Spawn(binary, slices.Concat(args, n.Args), n.Log(), l.state.Detached)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	n.Process = process.Of(child.Command.Process.Pid)
	l.children[name] = child
	if err := l.save(); err != nil {
		return err
	}
	if err := l.ready(ctx, n, child); err != nil || n.Key != "" {
		return err
	}
	return l.learnKey(ctx, n)
}

// learnKey asks a node who it is, once.
func (l *Lab) learnKey(ctx context.Context, n *Node) error {
	c, err := n.dial(client.Admin)
	if err != nil {
		return err
	}
	info, err := c.Lightning.GetInfo(ctx, &lnrpc.GetInfoRequest{})
	if err := errors.Join(err, c.Close()); err != nil {
		return err
	}
	n.Key = info.IdentityPubkey
	return l.save()
}

// Arguments of the daemon for a node: what `fulmend --help` explains.
func (l *Lab) arguments(n *Node) []string {
	c := l.Chain.Credentials
	args := []string{
		"--dir=" + n.Dir, "--network=regtest", "--chain=" + string(c.Kind), "--listen=" + n.Peer, "--externalip=" + n.Peer,
		"--rpclisten=" + n.RPC, "--restlisten=" + n.REST, "--noseedbackup", "--alias=" + n.Name, "--debuglevel=debug",
	}
	name := string(c.Kind)
	args = append(args, "--"+name+".rpchost="+c.Host, "--"+name+".rpcuser="+c.User, "--"+name+".rpcpass="+c.Pass)
	if c.Kind == regtest.Btcd {
		args = append(args, "--btcd.rpccert="+c.CertFile)
	}
	if c.ZMQBlock != "" {
		args = append(args, "--bitcoind.zmqpubrawblock="+c.ZMQBlock, "--bitcoind.zmqpubrawtx="+c.ZMQTx)
	}
	return append(args, l.state.Args...)
}

// ready waits until the node says that it serves, or has ended.
func (l *Lab) ready(ctx context.Context, n *Node, child *process.Child) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if n.serves(ctx) {
			return nil
		}
		select {
		case <-child.Ended:
			return fmt.Errorf("%s ended at its start: %w\n%s", n.Name, child.Err, process.Tail(n.Log()))
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve: %w\n%s", n.Name, ctx.Err(), process.Tail(n.Log()))
		case <-tick.C:
		}
	}
}

func (n *Node) serves(ctx context.Context) bool {
	c, err := n.dial(client.None)
	if err != nil {
		return false
	}
	defer c.Close()
	s, err := c.State.GetState(ctx, &lnrpc.GetStateRequest{})
	return err == nil && s.State == lnrpc.WalletState_SERVER_ACTIVE
}

func (n *Node) dial(macaroon string) (*client.Client, error) {
	t, err := client.FromDir(n.RPC, n.Dir, &chaincfg.RegressionNetParams, macaroon)
	if err != nil {
		return nil, err
	}
	return client.Dial(t)
}

// Client dials a node with its admin macaroon.
func (l *Lab) Client(name string) (*client.Client, error) {
	n, err := l.Node(name)
	if err != nil {
		return nil, err
	}
	if !n.Running() {
		return nil, fmt.Errorf("%s does not run; `fulmen lab start %s` starts it", name, name)
	}
	return n.dial(client.Admin)
}

// Stop ends a node as an operator would, and waits for it. One that does not run is no error.
func (l *Lab) Stop(ctx context.Context, name string) error {
	return l.end(ctx, name, syscall.SIGTERM)
}

// Kill ends a node as a power cut would.
func (l *Lab) Kill(ctx context.Context, name string) error {
	return l.end(ctx, name, syscall.SIGKILL)
}

func (l *Lab) end(ctx context.Context, name string, s syscall.Signal) error {
	n, err := l.Node(name)
	if err != nil {
		return err
	}
	n.Process.Signal(s)
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for n.Running() {
		select {
		case <-ctx.Done():
			n.Process.Signal(syscall.SIGKILL)
			return fmt.Errorf("%s did not stop: %w\n%s", name, ctx.Err(), process.Tail(n.Log()))
		case <-tick.C:
		}
	}
	delete(l.children, name)
	return nil
}
