package chain

import (
	"context"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Common is what every backend's configuration has.
type Common struct {
	Params *chaincfg.Params // the network that the backend must be on
	// KnownHeight is the height that the node has acted on in an earlier run: a backend below it is behind.
	KnownHeight lnwire.Height
	// PollInterval is how often the backend is asked for its tip, however good its feed; zero means two seconds, or a
	// fifth of one on regtest.
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
	CookieFile string // read again for each call
	// ZMQBlock and ZMQTx are tcp://host:port of rawblock or hashblock, and of rawtx. Empty: what bitcoind says of itself,
	// and polling where it offers none.
	ZMQBlock, ZMQTx string
}

// BtcdConfig says how to reach btcd.
type BtcdConfig struct {
	Common
	Host       string // host:port of the RPC server
	User, Pass string
	CertFile   string // btcd's rpc.cert; empty where btcd runs with --notls
}

// DialBitcoind follows a bitcoind. It fails at once upon ErrCredentials, ErrWrongNetwork or a configuration that cannot
// work; a daemon that is down or busy is waited for in the background (State, Wait).
func DialBitcoind(ctx context.Context, c BitcoindConfig) (*Node, error) {
	rpc, err := NewRPC(Endpoint{Host: c.Host, User: c.User, Pass: c.Pass, CookieFile: c.CookieFile})
	if err != nil {
		return nil, err
	}
	return start(ctx, rpc, &bitcoind{rpc: rpc, zmqBlock: c.ZMQBlock, zmqTx: c.ZMQTx}, c.Common)
}

// DialBtcd is DialBitcoind for btcd.
func DialBtcd(ctx context.Context, c BtcdConfig) (*Node, error) {
	rpc, err := NewRPC(Endpoint{Host: c.Host, User: c.User, Pass: c.Pass, CertFile: c.CertFile})
	if err != nil {
		return nil, err
	}
	return start(ctx, rpc, &btcd{rpc: rpc}, c.Common)
}
