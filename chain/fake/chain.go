package fake

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Chain is a chain.Client that lives in memory. Safe for concurrent use.
type Chain struct{ chain.Client }

// New returns a chain with a genesis block only.
func New() *Chain { return &Chain{} }

// Mine puts the mempool into the first of n new blocks and returns the new tip.
func (c *Chain) Mine(n int) chain.Tip { panic("not yet") }

// Reorg replaces the last depth blocks by depth+1 new ones, empty; what they held returns to the mempool where still valid.
func (c *Chain) Reorg(depth int) chain.Tip { panic("not yet") }

// Fund makes amount out of nothing, in a transaction that the next block confirms, paid to script.
func (c *Chain) Fund(script []byte, amount btcutil.Amount) (*wire.MsgTx, wire.OutPoint) { panic("not yet") }

// SubmitPackage accepts parents and their child together, the fee rate being that of the whole.
func (c *Chain) SubmitPackage(txs ...*wire.MsgTx) error { panic("not yet") }

// Mempool lists the unconfirmed transactions in the order of their acceptance.
func (c *Chain) Mempool() []*wire.MsgTx { panic("not yet") }

// SetFeeRate sets the answer of EstimateFee.
func (c *Chain) SetFeeRate(rate lnwire.FeePerKW) { panic("not yet") }

// SetMinFeeRate sets the lowest rate that the mempool takes.
func (c *Chain) SetMinFeeRate(rate lnwire.FeePerKW) { panic("not yet") }

// SetState makes the backend be out of step, for the reason, or, with an empty one, in step again.
func (c *Chain) SetState(reason string) { panic("not yet") }
