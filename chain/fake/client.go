package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// SetState makes the backend be out of step, for the reason: its calls fail and Best stays. An empty reason heals it.
func (c *Chain) SetState(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reason = reason
	c.publish()
	c.signal()
}

// SetFeeRate sets the answer of EstimateFee; zero means ErrNoEstimate.
func (c *Chain) SetFeeRate(rate lnwire.FeePerKW) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.estimate = rate
}

// SetMinFeeRate sets the lowest rate that gets into the mempool; what is in it stays.
func (c *Chain) SetMinFeeRate(rate lnwire.FeePerKW) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.minRate = rate
}

// SetMiningRate sets the lowest rate that Mine takes into a block; zero, as at first, takes all.
func (c *Chain) SetMiningRate(rate lnwire.FeePerKW) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mineRate = rate
}

// reachable is the error of every call while the backend is out of step.
func (c *Chain) reachable() error {
	if c.reason != "" {
		return fmt.Errorf("%w: %s", chain.ErrUnreachable, c.reason)
	}
	return nil
}

// Best is the tip, or what it was when the backend fell out of step.
func (c *Chain) Best() chain.Tip {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.published
}

// Synced says whether the backend is in step.
func (c *Chain) Synced() bool {
	ok, _ := c.State()
	return ok
}

// State says whether the backend is in step, and if not, why.
func (c *Chain) State() (ok bool, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason == "", c.reason
}

// Notify makes the chain tell l of new tips and states.
func (c *Chain) Notify(l chan<- struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners[l] = struct{}{}
}

// Forget ends Notify.
func (c *Chain) Forget(l chan<- struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.listeners, l)
}

// WatchMempool hands sink every transaction that is accepted.
func (c *Chain) WatchMempool(sink chain.TxSink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sinks = append(c.sinks, sink)
}

// UnwatchMempool ends WatchMempool.
func (c *Chain) UnwatchMempool(sink chain.TxSink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sinks = slices.DeleteFunc(c.sinks, func(s chain.TxSink) bool { return s == sink })
}

// BlockHash of the chain at a height.
func (c *Chain) BlockHash(_ context.Context, height lnwire.Height) (chainhash.Hash, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(); err != nil {
		return chainhash.Hash{}, err
	}
	if int(height) >= len(c.main) {
		return chainhash.Hash{}, fmt.Errorf("height %d: %w", height, chain.ErrUnknownBlock)
	}
	return c.main[height].hash, nil
}

// Block by hash; stale ones too.
func (c *Chain) Block(_ context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(); err != nil {
		return nil, err
	}
	b := c.all[hash]
	if b == nil {
		return nil, fmt.Errorf("block %v: %w", hash, chain.ErrUnknownBlock)
	}
	return b.msg, nil
}

// Header of a block.
func (c *Chain) Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error) {
	b, err := c.Block(ctx, hash)
	if err != nil {
		return nil, err
	}
	header := b.Header
	return &header, nil
}

// Unspent returns the output from the confirmed set.
func (c *Chain) Unspent(_ context.Context, op wire.OutPoint) (*wire.TxOut, chainhash.Hash, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(); err != nil {
		return nil, chainhash.Hash{}, err
	}
	found, ok := c.coins[op]
	if !ok {
		return nil, chainhash.Hash{}, nil
	}
	return wire.NewTxOut(found.out.Value, slices.Clone(found.out.PkScript)), c.tip().hash, nil
}

// Output looks the unspent output of a short channel id up.
func (c *Chain) Output(ctx context.Context, id lnwire.ShortChannelID) (wire.OutPoint, wire.TxOut, error) {
	return chain.LookUp(ctx, c, id)
}

// EstimateFee is what SetFeeRate set.
func (c *Chain) EstimateFee(context.Context, uint32) (lnwire.FeePerKW, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(); err != nil {
		return 0, err
	}
	if c.estimate == 0 {
		return 0, chain.ErrNoEstimate
	}
	return c.estimate, nil
}

// Close does nothing.
func (c *Chain) Close() error { return nil }
