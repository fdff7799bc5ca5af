package regtest

import (
	"context"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Kind is which daemon runs the chain.
type Kind string

const (
	Auto     Kind = "auto" // bitcoind if it is found, else btcd
	Bitcoind Kind = "bitcoind"
	Btcd     Kind = "btcd"
)

// Credentials are how to reach the daemon.
type Credentials struct {
	Kind            Kind
	Host            string // host:port of the RPC server
	User, Pass      string
	CertFile        string // btcd only
	ZMQBlock, ZMQTx string // bitcoind only
}

// Chain is a running daemon.
type Chain struct{ Credentials }

// Option changes how Start starts.
type Option interface{ apply(*settings) }

type settings struct{}

// Detached lets the daemon outlive the process.
func Detached() Option { panic("not yet") }

// Args are more arguments for the daemon.
func Args(args ...string) Option { panic("not yet") }

// Start runs a chain in dir, which it creates, and returns when the daemon answers.
func Start(ctx context.Context, dir string, kind Kind, options ...Option) (*Chain, error) {
	panic("not yet")
}

// Attach finds the chain that another process started in dir; ErrNotRunning where there is none.
func Attach(ctx context.Context, dir string) (*Chain, error) { panic("not yet") }

// String names the daemon and its version.
func (c *Chain) String() string { panic("not yet") }

// Dial opens a client of the daemon.
func (c *Chain) Dial(ctx context.Context) (*chain.Node, error) { panic("not yet") }

// Height of the tip.
func (c *Chain) Height(ctx context.Context) (lnwire.Height, error) { panic("not yet") }

// Mine mines n blocks to the faucet, with what the mempool holds.
func (c *Chain) Mine(ctx context.Context, n int) ([]chainhash.Hash, error) { panic("not yet") }

// MineTo mines n blocks whose coinbases pay to.
func (c *Chain) MineTo(ctx context.Context, n int, to address.Address) ([]chainhash.Hash, error) {
	panic("not yet")
}

// Fund pays amount from the faucet; the payment is in the mempool when it returns. It mines where the faucet has nothing
// that is mature.
func (c *Chain) Fund(ctx context.Context, to address.Address, amount btcutil.Amount) (wire.OutPoint, error) {
	panic("not yet")
}

// Reorg replaces the last depth blocks by depth+1 empty ones.
func (c *Chain) Reorg(ctx context.Context, depth int) error { panic("not yet") }

// Invalidate takes the block and all after it off the chain.
func (c *Chain) Invalidate(ctx context.Context, hash chainhash.Hash) error { panic("not yet") }

// Stop ends the daemon and waits for it. Restart starts it again on the same ports and data.
func (c *Chain) Stop(ctx context.Context) error    { panic("not yet") }
func (c *Chain) Restart(ctx context.Context) error { panic("not yet") }
