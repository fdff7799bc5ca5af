package chain

import (
	"context"
	"errors"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Client is a backend. *Node (bitcoind, btcd) and *fake.Chain are one; consumers declare the part that they need.
type Client interface {
	Source
	Publisher

	// State tells whether the backend is in step with its network, and if not, why, for the operator.
	State() (ok bool, reason string)
	// Output looks the unspent output of a short channel id up (BOLT 7). ErrUnknownOutput: there is none in the
	// chain; ErrSpent: there was. Any other error says nothing about the output.
	Output(ctx context.Context, id lnwire.ShortChannelID) (wire.OutPoint, wire.TxOut, error)
	// Close stops following. The client is of no use afterwards.
	Close() error
}

// Source is what a Watcher follows.
type Source interface {
	// Best is the last tip that was seen while the backend was in step; zero before the first.
	Best() Tip
	// Synced is State without the reason.
	Synced() bool
	// Notify makes the client send on c, without blocking, whenever Best or State have changed.
	// A channel with a buffer of one misses nothing. Forget ends it.
	Notify(c chan<- struct{})
	Forget(c chan<- struct{})
	// BlockHash of the best chain at a height; ErrUnknownBlock past the tip.
	BlockHash(ctx context.Context, height lnwire.Height) (chainhash.Hash, error)
	// Block by hash; ErrUnknownBlock, ErrPruned. The block is shared: do not write to it.
	Block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error)
	// Header of a block by hash; ErrUnknownBlock. Pruned blocks have theirs.
	Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error)
	// Unspent returns the output from the confirmed set of unspent outputs as of the block at, the tip at that moment;
	// nil where it is not in the set.
	Unspent(ctx context.Context, op wire.OutPoint) (out *wire.TxOut, at chainhash.Hash, err error)
	// WatchMempool hands every transaction that enters the backend's mempool to sink, best effort. It does nothing on a
	// backend without a feed. UnwatchMempool ends it.
	WatchMempool(sink TxSink)
	UnwatchMempool(sink TxSink)
}

// Publisher brings transactions into the network.
type Publisher interface {
	// Broadcast hands tx to the mempool. A transaction that is known already, confirmed or not, is a success.
	// Refusals are *Rejected; any other error says nothing about the transaction.
	Broadcast(ctx context.Context, tx *wire.MsgTx) error
	// TestMempoolAccept returns what Broadcast would, without doing it; ErrUnsupported where the backend cannot tell.
	TestMempoolAccept(ctx context.Context, tx *wire.MsgTx) error
	// SubmitPackage is Broadcast for parents and, last, the child that pays for them: their fee rate counts as a whole.
	SubmitPackage(ctx context.Context, txs ...*wire.MsgTx) error
	// EstimateFee is the rate that confirms within target blocks, between the floor and the ceiling of the client.
	// ErrNoEstimate where the backend does not know.
	EstimateFee(ctx context.Context, target uint32) (lnwire.FeePerKW, error)
}

// TxSink takes unconfirmed transactions. It must not block.
type TxSink interface{ Unconfirmed(tx *wire.MsgTx) }

// Tip is a block at the end of the best chain.
type Tip struct {
	Height lnwire.Height
	Hash   chainhash.Hash
	Time   time.Time // of the block's header
}

var (
	// ErrUnknownOutput: no such output in the chain.
	ErrUnknownOutput = errors.New("no such output")
	// ErrSpent: the output existed and is spent.
	ErrSpent = errors.New("output is spent")
	// ErrUnknownBlock: the backend has no such block.
	ErrUnknownBlock = errors.New("no such block")
	// ErrPruned: the backend no longer has the block's transactions.
	ErrPruned = errors.New("block is pruned")
	// ErrUnsupported: the backend cannot do it.
	ErrUnsupported = errors.New("not supported by the chain backend")
	// ErrNoEstimate: the backend has seen too little to estimate a fee.
	ErrNoEstimate = errors.New("no fee estimate yet")
	// ErrCredentials: the backend refused user and password.
	ErrCredentials = errors.New("the chain backend refused the credentials")
	// ErrWrongNetwork: the backend is on another network.
	ErrWrongNetwork = errors.New("the chain backend is on another network")
	// ErrUnreachable: no answer from the backend; it may be down or starting.
	ErrUnreachable = errors.New("the chain backend is not reachable")
)
