package chain

import (
	"context"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Node is a Client over a backend daemon.
type Node struct{ Client }

// Common is what every backend's configuration has.
type Common struct {
	Params *chaincfg.Params // the network that the backend must be on
	// KnownHeight is the height that the node has acted on in an earlier run: a backend below it is behind.
	KnownHeight lnwire.Height
	// PollInterval is how often the backend is asked for its tip where it does not tell by itself; zero means a default.
	PollInterval time.Duration
	// MaxFeeRate caps EstimateFee; zero means DefaultMaxFeeRate.
	MaxFeeRate lnwire.FeePerKW
	// FallbackFeeRate is the estimate where the backend has none; zero means ErrNoEstimate. On regtest it is the answer
	// always, RegtestFeeRate when zero.
	FallbackFeeRate lnwire.FeePerKW
}

const (
	// DefaultMaxFeeRate is 1000 sat/vB.
	DefaultMaxFeeRate lnwire.FeePerKW = 250_000
	// RegtestFeeRate is 10 sat/vB: on regtest there is nothing to estimate from.
	RegtestFeeRate lnwire.FeePerKW = 2_500
)

// BitcoindConfig says how to reach bitcoind.
type BitcoindConfig struct {
	Common
	Host       string // host:port of the RPC server
	User, Pass string // or
	CookieFile string // read again whenever bitcoind refuses what it said before
	// ZMQBlock and ZMQTx are tcp://host:port of rawblock or hashblock, and of rawtx. Empty: what bitcoind says of itself,
	// and polling where it offers none.
	ZMQBlock, ZMQTx string
}

// BtcdConfig says how to reach btcd.
type BtcdConfig struct {
	Common
	Host       string // host:port of the RPC server
	User, Pass string
	CertFile   string // btcd's rpc.cert
}

// DialBitcoind follows a bitcoind. It fails at once upon ErrCredentials, ErrWrongNetwork or a configuration that cannot
// work; a daemon that is down or busy is waited for in the background (State).
func DialBitcoind(ctx context.Context, c BitcoindConfig) (*Node, error) { panic("not yet") }

// DialBtcd is DialBitcoind for btcd.
func DialBtcd(ctx context.Context, c BtcdConfig) (*Node, error) { panic("not yet") }

// Wait returns when the backend is in step, or with ctx's error and the reason why it is not.
func (n *Node) Wait(ctx context.Context) error { panic("not yet") }
