package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Node is a Client over a backend daemon. It asks for the tip whenever the daemon's feed says that something happened, and
// at an interval in any case.
type Node struct {
	rpc     *RPC
	daemon  daemon
	common  Common
	blocks  blockCache
	poke    chan struct{} // buffer of one: look at the tip now
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	best      Tip
	ok        bool
	reason    string
	verified  bool // the network is the right one
	listeners map[chan<- struct{}]struct{}
	sinks     map[TxSink]struct{}
}

// daemon is what bitcoind and btcd do differently.
type daemon interface {
	// outOfStep is why the daemon is not in step, beyond what info and its tip tell; empty when it is.
	outOfStep(ctx context.Context, info *chainInfo) (string, error)
	// feeRate is the estimate in BTC per 1000 virtual bytes, ErrNoEstimate where there is none.
	feeRate(ctx context.Context, target uint32) (float64, error)
	// feed pokes n for new blocks and hands it new transactions, until ctx ends.
	feed(ctx context.Context, n *Node)
	// anyFee is the argument after the transaction that lets sendrawtransaction take any fee.
	anyFee() any
	// refetch asks the network for a block that is pruned.
	refetch(ctx context.Context, hash chainhash.Hash) error
}

// chainInfo is getblockchaininfo.
type chainInfo struct {
	Blocks    lnwire.Height `json:"blocks"`
	Headers   lnwire.Height `json:"headers"`
	Best      string        `json:"bestblockhash"`
	Syncing   bool          `json:"initialblockdownload"` // bitcoind only
	ChainName string        `json:"chain"`
}

// Intervals of the follower.
const (
	defaultPoll = 2 * time.Second
	regtestPoll = 200 * time.Millisecond
	firstRetry  = 250 * time.Millisecond
	longestWait = 10 * time.Second
	// headersAhead is how many headers may come before their blocks in a daemon that is in step.
	headersAhead = 2
)

// start makes one attempt to reach the daemon, and then follows it in the background.
func start(ctx context.Context, rpc *RPC, d daemon, c Common) (*Node, error) {
	if c.Params == nil {
		return nil, errors.New("no network is configured")
	}
	n := &Node{rpc: rpc, daemon: d, common: c, poke: make(chan struct{}, 1), reason: "not asked yet",
		listeners: make(map[chan<- struct{}]struct{}), sinks: make(map[TxSink]struct{})}
	err := n.look(ctx)
	if errors.Is(err, ErrCredentials) || errors.Is(err, ErrWrongNetwork) {
		return nil, fmt.Errorf("dial %s: %w", rpc.at.Host, err)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("dial %s: %w", rpc.at.Host, ctx.Err())
	}
	// The follower outlives the dialling.
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	n.running.Go(func() { n.follow(background) })
	n.running.Go(func() { d.feed(background, n) })
	return n, nil
}

// Close stops following and waits for it.
func (n *Node) Close() error {
	n.cancel()
	n.running.Wait()
	n.rpc.close()
	return nil
}

func (n *Node) regtest() bool {
	return n.common.Params.Name == chaincfg.RegressionNetParams.Name || n.common.Params.Name == chaincfg.SimNetParams.Name
}

// follow looks at the tip until ctx ends.
func (n *Node) follow(ctx context.Context) {
	poll := n.common.PollInterval
	if poll == 0 {
		poll = defaultPoll
		if n.regtest() {
			poll = regtestPoll
		}
	}
	retry := firstRetry
	for {
		pause := poll
		if err := n.look(ctx); err != nil {
			pause = retry
			retry = min(2*retry, longestWait)
		} else {
			retry = firstRetry
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-n.poke:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// look asks the daemon how it is and takes its tip over when it is in step. The error is that of the calls.
func (n *Node) look(ctx context.Context) error {
	tip, reason, err := n.status(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		reason = err.Error()
		if isCode(err, codeWarmup) {
			reason = "starting: " + reason
		}
	}
	n.mu.Lock()
	if err != nil {
		n.verified = false // what answers next may be another one
	}
	changed := n.reason != reason || n.ok != (reason == "") || reason == "" && n.best != tip
	was := n.ok
	n.ok, n.reason = reason == "", reason
	if n.ok {
		n.best = tip
	}
	if changed {
		for c := range n.listeners {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
	n.mu.Unlock()
	if was != n.ok || changed && !n.ok {
		slog.Info("chain backend", "host", n.rpc.at.Host, "in_step", reason == "", "reason", reason)
	}
	return err
}

// status is the daemon's tip, or the reason why that is not to be acted on.
func (n *Node) status(ctx context.Context) (tip Tip, reason string, err error) {
	if err := n.verify(ctx); err != nil {
		return Tip{}, "", err
	}
	var info chainInfo
	if err := n.rpc.Call(ctx, "getblockchaininfo", &info); err != nil {
		return Tip{}, "", err
	}
	best := n.Best()
	known := max(best.Height, n.common.KnownHeight)
	switch {
	case info.Headers > info.Blocks+headersAhead:
		return Tip{}, fmt.Sprintf("syncing: block %d of %d", info.Blocks, info.Headers), nil
	case info.Syncing && !n.regtest():
		return Tip{}, fmt.Sprintf("syncing: block %d, in initial block download", info.Blocks), nil
	case info.Blocks < known:
		// Even a reorganisation does not make a chain shorter in the end.
		return Tip{}, fmt.Sprintf("behind: at block %d, was at %d", info.Blocks, known), nil
	}
	if reason, err := n.daemon.outOfStep(ctx, &info); reason != "" || err != nil {
		return Tip{}, reason, err
	}
	if best.Hash.String() == info.Best && best.Height == info.Blocks {
		tip = best
	} else if tip, err = n.tip(ctx, info.Best); err != nil {
		return Tip{}, "", err
	}
	if age := time.Since(tip.Time); !n.regtest() && age > n.oldestTip() {
		return Tip{}, fmt.Sprintf("behind: the latest block is %v old", age.Round(time.Minute)), nil
	}
	return tip, "", nil
}

// oldestTip is the age of a latest block past which the daemon has probably lost touch with its network: on mainnet
// a gap of three hours comes once in a thousand years.
func (n *Node) oldestTip() time.Duration {
	if n.common.Params.Net == wire.MainNet {
		return 3 * time.Hour
	}
	return 24 * time.Hour
}

// verify checks, once for each connection, that the daemon is on the right network.
func (n *Node) verify(ctx context.Context) error {
	n.mu.Lock()
	done := n.verified
	n.mu.Unlock()
	if done {
		return nil
	}
	var genesis string
	if err := n.rpc.Call(ctx, "getblockhash", &genesis, 0); err != nil {
		return err
	}
	if genesis != n.common.Params.GenesisHash.String() {
		return fmt.Errorf("%w than %s: its first block is %s", ErrWrongNetwork, n.common.Params.Name, genesis)
	}
	n.mu.Lock()
	n.verified = true
	n.mu.Unlock()
	return nil
}

func (n *Node) tip(ctx context.Context, hash string) (Tip, error) {
	var header struct {
		Height lnwire.Height `json:"height"`
		Time   int64         `json:"time"`
	}
	if err := n.rpc.Call(ctx, "getblockheader", &header, hash, true); err != nil {
		return Tip{}, err
	}
	h, err := chainhash.NewHashFromStr(hash)
	if err != nil {
		return Tip{}, fmt.Errorf("tip: %w", err)
	}
	return Tip{Height: header.Height, Hash: *h, Time: time.Unix(header.Time, 0)}, nil
}

// Best is the last tip that was seen in step.
func (n *Node) Best() Tip {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.best
}

// Synced says whether the daemon is in step.
func (n *Node) Synced() bool {
	ok, _ := n.State()
	return ok
}

// State says whether the daemon is in step, and if not, why.
func (n *Node) State() (ok bool, reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ok, n.reason
}

// Notify makes the node tell c of every change of Best or State.
func (n *Node) Notify(c chan<- struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[c] = struct{}{}
}

// Forget ends Notify.
func (n *Node) Forget(c chan<- struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, c)
}

// Wait returns when the daemon is in step, or with ctx's error and the reason why it is not.
func (n *Node) Wait(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	n.Notify(changed)
	defer n.Forget(changed)
	for {
		ok, reason := n.State()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the chain backend at %s (%s): %w", n.rpc.at.Host, reason, ctx.Err())
		}
	}
}

// WatchMempool hands sink what the daemon's feed of transactions brings.
func (n *Node) WatchMempool(sink TxSink) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sinks[sink] = struct{}{}
}

// UnwatchMempool ends WatchMempool.
func (n *Node) UnwatchMempool(sink TxSink) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sinks, sink)
}

// look soon: the feed has brought a block.
func (n *Node) wake() {
	select {
	case n.poke <- struct{}{}:
	default:
	}
}

// unconfirmed passes a transaction on. Parse is not called when nobody listens.
func (n *Node) unconfirmed(parse func() (*wire.MsgTx, error)) {
	n.mu.Lock()
	sinks := make([]TxSink, 0, len(n.sinks))
	for s := range n.sinks {
		sinks = append(sinks, s)
	}
	n.mu.Unlock()
	if len(sinks) == 0 {
		return
	}
	tx, err := parse()
	if err != nil {
		slog.Warn("transaction from the chain backend", "err", err)
		return
	}
	for _, s := range sinks {
		s.Unconfirmed(tx)
	}
}
