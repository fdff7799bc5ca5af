package regtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/internal/process"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Kind is which daemon runs the chain.
type Kind string

const (
	Auto     Kind = "auto" // bitcoind if it is found, else btcd
	Bitcoind Kind = "bitcoind"
	Btcd     Kind = "btcd"
)

var (
	// ErrNoDaemon: neither bitcoind nor btcd is here, and btcd cannot be built.
	ErrNoDaemon = errors.New("no chain daemon")
	// ErrNotRunning: no chain runs in the folder.
	ErrNotRunning = errors.New("no chain is running there")
	// ErrRunning: a chain runs in the folder already; Attach to it.
	ErrRunning = errors.New("a chain is running there already")
)

// Credentials are how to reach the daemon.
type Credentials struct {
	Kind            Kind
	Host            string // host:port of the RPC server
	P2P             string // host:port for other nodes
	User, Pass      string
	CertFile        string // btcd only
	ZMQBlock, ZMQTx string // bitcoind only
}

// state is what another process needs to find the daemon: the file chain.json.
type state struct {
	Credentials
	Binary   string
	Args     []string // beyond the usual ones
	Detached bool
	Process  process.ID
	Faucet   ledger
}

const stateFile = "chain.json"

// Chain is a running daemon. It is safe for concurrent use by one process; two processes must not mine at a time.
type Chain struct {
	Credentials
	dir     string
	rpc     *chain.RPC
	version string

	mu    sync.Mutex
	state state
	child *process.Child // nil where another process started the daemon
}

// Option changes how Start starts.
type Option func(*state)

// Detached lets the daemon outlive the process.
func Detached() Option { return func(s *state) { s.Detached = true } }

// Args are more arguments for the daemon.
func Args(args ...string) Option { return func(s *state) { s.Args = append(s.Args, args...) } }

// Start runs a chain in dir, which it creates, and returns when the daemon answers. A folder that holds a stopped chain is
// started again with its blocks, and its ports.
func Start(ctx context.Context, dir string, kind Kind, options ...Option) (*Chain, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := readState(dir)
	switch {
	case err == nil && s.Process.Alive():
		return nil, fmt.Errorf("start in %s: %w", dir, ErrRunning)
	case err == nil && kind != Auto && kind != s.Kind:
		return nil, fmt.Errorf("start in %s: the folder holds a chain of %s", dir, s.Kind)
	case errors.Is(err, os.ErrNotExist):
		if s, err = prepare(ctx, dir, kind); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	s.Detached, s.Args = false, nil
	for _, o := range options {
		o(&s)
	}
	c, err := open(dir, s)
	if err != nil {
		return nil, err
	}
	if err := c.launch(ctx); err != nil {
		return nil, err
	}
	height, err := c.Height(ctx)
	if err == nil && height == 0 {
		// A daemon that has only the genesis block takes itself for unsynced.
		_, err = c.Mine(ctx, 1)
	}
	if err != nil {
		return nil, errors.Join(err, c.Stop(ctx))
	}
	return c, nil
}

// prepare chooses the daemon, its ports and its password.
func prepare(ctx context.Context, dir string, kind Kind) (state, error) {
	kind, binary, err := find(ctx, kind)
	if err != nil {
		return state{}, err
	}
	addresses, err := process.FreeAddresses(4)
	if err != nil {
		return state{}, err
	}
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return state{}, err
	}
	s := state{Binary: binary, Credentials: Credentials{
		Kind: kind, Host: addresses[0], P2P: addresses[1], User: "fulmen", Pass: hex.EncodeToString(secret),
	}}
	if kind == Bitcoind {
		s.ZMQBlock, s.ZMQTx = "tcp://"+addresses[2], "tcp://"+addresses[3]
	} else {
		s.CertFile = filepath.Join(dir, "rpc.cert")
	}
	return s, nil
}

// open makes a Chain of a state, without looking for the daemon.
func open(dir string, s state) (*Chain, error) {
	rpc, err := chain.NewRPC(chain.Endpoint{Host: s.Host, User: s.User, Pass: s.Pass, CertFile: s.CertFile})
	if err != nil {
		return nil, err
	}
	return &Chain{Credentials: s.Credentials, dir: dir, rpc: rpc, state: s}, nil
}

// Attach finds the chain that another process started in dir; ErrNotRunning where there is none.
func Attach(ctx context.Context, dir string) (*Chain, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s, err := readState(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && !s.Process.Alive() {
		return nil, fmt.Errorf("attach to %s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return nil, err
	}
	c, err := open(dir, s)
	if err != nil {
		return nil, err
	}
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func readState(dir string) (s state, err error) {
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return state{}, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return state{}, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
	}
	return s, nil
}

// save writes the state file; c.mu is held.
func (c *Chain) save() error {
	b, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(c.dir, stateFile)
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// String names the daemon and its version.
func (c *Chain) String() string { return fmt.Sprintf("%s %s (regtest)", c.Kind, c.version) }

// Dir is the folder of the chain.
func (c *Chain) Dir() string { return c.dir }

// Call runs a method of the daemon, for what Chain has no name for.
func (c *Chain) Call(ctx context.Context, method string, out any, params ...any) error {
	return c.rpc.Call(ctx, method, out, params...)
}

// Dial opens a client of the daemon and waits until that is in step.
func (c *Chain) Dial(ctx context.Context) (*chain.Node, error) {
	node, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := node.Wait(ctx); err != nil {
		return nil, errors.Join(err, node.Close())
	}
	return node, nil
}

func (c *Chain) dial(ctx context.Context) (*chain.Node, error) {
	common := chain.Common{Params: &chaincfg.RegressionNetParams}
	if c.Kind == Bitcoind {
		return chain.DialBitcoind(ctx, chain.BitcoindConfig{Common: common, Host: c.Host, User: c.User, Pass: c.Pass,
			ZMQBlock: c.ZMQBlock, ZMQTx: c.ZMQTx})
	}
	return chain.DialBtcd(ctx, chain.BtcdConfig{Common: common, Host: c.Host, User: c.User, Pass: c.Pass, CertFile: c.CertFile})
}

// Height of the tip.
func (c *Chain) Height(ctx context.Context) (lnwire.Height, error) {
	var height lnwire.Height
	err := c.rpc.Call(ctx, "getblockcount", &height)
	return height, err
}

// Invalidate takes the block and all after it off the chain.
func (c *Chain) Invalidate(ctx context.Context, hash chainhash.Hash) error {
	return c.rpc.Call(ctx, "invalidateblock", nil, hash.String())
}

// arguments of the daemon.
func (c *Chain) arguments() []string {
	s := &c.state
	args := btcdArgs(c.dir, s)
	if s.Kind == Bitcoind {
		args = bitcoindArgs(c.dir, s)
	}
	return slices.Concat(args, s.Args)
}
