package fake

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// blockTime is between two blocks, by the headers.
const blockTime = 10 * time.Minute

// Chain is a chain.Client that lives in memory. Safe for concurrent use.
type Chain struct {
	mu     sync.Mutex
	main   []*block // by height
	all    map[chainhash.Hash]*block
	made   uint64 // blocks and mints so far: makes each of them different
	coins  map[wire.OutPoint]coin
	minted map[chainhash.Hash]bool // transactions that Fund made
	pool   pool

	estimate  lnwire.FeePerKW
	minRate   lnwire.FeePerKW // to get into the mempool
	mineRate  lnwire.FeePerKW // to get out of it, into a block
	reason    string          // why out of step; empty: in step
	published chain.Tip
	listeners map[chan<- struct{}]struct{}
	sinks     []chain.TxSink
}

// block of the chain, with what its inputs consumed, to put back.
type block struct {
	msg    *wire.MsgBlock
	hash   chainhash.Hash
	height lnwire.Height
	spent  map[wire.OutPoint]coin
}

// coin is an unspent output.
type coin struct {
	out    *wire.TxOut
	height lnwire.Height
}

var _ chain.Client = (*Chain)(nil)

// New returns a chain with regtest's genesis block only.
func New() *Chain {
	genesis := chaincfg.RegressionNetParams.GenesisBlock
	b := &block{msg: genesis, hash: genesis.BlockHash()}
	c := &Chain{
		main: []*block{b}, all: map[chainhash.Hash]*block{b.hash: b}, coins: make(map[wire.OutPoint]coin),
		minted: make(map[chainhash.Hash]bool), pool: newPool(), estimate: chain.RegtestFeeRate, minRate: defaultMinRate,
		listeners: make(map[chan<- struct{}]struct{}),
	}
	c.publish()
	return c
}

func (c *Chain) tip() *block { return c.main[len(c.main)-1] }

// Mine makes n blocks and returns the new tip. The first takes what the mempool holds, as far as it pays the rate
// that SetMiningRate asks for.
func (c *Chain) Mine(n int) chain.Tip {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.connect(c.selected())
		c.revalidate()
	}
	c.publish()
	return c.published
}

// MineBlock makes one block of exactly txs, which need to be valid but not standard: what a miner might put into it.
// Conflicting transactions leave the mempool.
func (c *Chain) MineBlock(txs ...*wire.MsgTx) (chain.Tip, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := newPool()
	for _, tx := range txs {
		if _, err := c.check(tx, made, consensus); err != nil {
			return chain.Tip{}, fmt.Errorf("mine %v: %w", tx.TxHash(), err)
		}
		made.add(&entry{tx: tx, id: tx.TxHash()})
	}
	c.connect(txs)
	c.revalidate()
	c.publish()
	return c.published, nil
}

// Reorg replaces the last depth blocks by depth+1 new ones, empty; what they held returns to the mempool where still valid.
// It panics where the chain is not longer than depth.
func (c *Chain) Reorg(depth int) chain.Tip { return c.reorg(depth, false) }

// Remine is Reorg, but that the first new block takes what the old ones and the mempool held, as far as it is valid there:
// most of it confirms again, at another height.
func (c *Chain) Remine(depth int) chain.Tip { return c.reorg(depth, true) }

func (c *Chain) reorg(depth int, again bool) chain.Tip {
	c.mu.Lock()
	defer c.mu.Unlock()
	if depth >= len(c.main) {
		panic(fmt.Sprintf("fake: reorg of %d blocks in a chain of %d", depth, len(c.main)))
	}
	var back []*wire.MsgTx
	for range depth {
		back = append(c.disconnect(), back...)
	}
	c.pool.prepend(back)
	for i := range depth + 1 {
		c.revalidate()
		var txs []*wire.MsgTx
		if again && i == 0 {
			txs = c.selected()
		}
		c.connect(txs)
	}
	c.revalidate()
	c.publish()
	return c.published
}

// Fund makes amount out of nothing, in a transaction that the next block confirms, paid to script.
func (c *Chain) Fund(script []byte, amount btcutil.Amount) (*wire.MsgTx, wire.OutPoint) {
	c.mu.Lock()
	c.made++
	tx := wire.NewMsgTx(2)
	from := chainhash.HashH(binary.BigEndian.AppendUint64([]byte("out of nothing"), c.made))
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: from}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(amount), script))
	id := tx.TxHash()
	c.minted[id] = true
	c.pool.add(&entry{tx: tx, id: id})
	c.mu.Unlock()
	c.seen(tx)
	return tx, wire.OutPoint{Hash: id}
}

// connect makes a block of txs, which are valid.
func (c *Chain) connect(txs []*wire.MsgTx) {
	parent := c.tip()
	b := &block{height: parent.height + 1, spent: make(map[wire.OutPoint]coin)}
	b.msg = c.assemble(parent, txs)
	b.hash = b.msg.BlockHash()
	for _, tx := range txs {
		for _, in := range tx.TxIn {
			if spent, ok := c.coins[in.PreviousOutPoint]; ok {
				b.spent[in.PreviousOutPoint] = spent
				delete(c.coins, in.PreviousOutPoint)
			}
		}
		id := tx.TxHash()
		for i, out := range tx.TxOut {
			if !txscript.IsUnspendable(out.PkScript) {
				c.coins[wire.OutPoint{Hash: id, Index: uint32(i)}] = coin{out, b.height}
			}
		}
	}
	c.main = append(c.main, b)
	c.all[b.hash] = b
}

func (c *Chain) assemble(parent *block, txs []*wire.MsgTx) *wire.MsgBlock {
	c.made++
	coinbase := wire.NewMsgTx(2)
	script := binary.BigEndian.AppendUint64([]byte{8}, c.made)
	coinbase.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, script, nil))
	coinbase.AddTxOut(wire.NewTxOut(0, []byte{txscript.OP_RETURN}))
	msg := wire.NewMsgBlock(&wire.BlockHeader{
		Version: 4, PrevBlock: parent.hash, Timestamp: parent.msg.Header.Timestamp.Add(blockTime),
		Bits: chaincfg.RegressionNetParams.PowLimitBits,
	})
	msg.Transactions = append([]*wire.MsgTx{coinbase}, txs...)
	utils := make([]*btcutil.Tx, len(msg.Transactions))
	for i, tx := range msg.Transactions {
		utils[i] = btcutil.NewTx(tx)
	}
	msg.Header.MerkleRoot = blockchain.CalcMerkleRoot(utils, false)
	return msg
}

// disconnect takes the tip off and returns its transactions.
func (c *Chain) disconnect() []*wire.MsgTx {
	b := c.tip()
	c.main = c.main[:len(c.main)-1]
	txs := b.msg.Transactions[1:]
	for _, tx := range txs {
		id := tx.TxHash()
		for i := range tx.TxOut {
			delete(c.coins, wire.OutPoint{Hash: id, Index: uint32(i)})
		}
	}
	for op, spent := range b.spent {
		if int(spent.height) < len(c.main) { // else its own block made it
			c.coins[op] = spent
		}
	}
	return slices.Clone(txs)
}

// publish makes the tip known, unless the backend is out of step.
func (c *Chain) publish() {
	if c.reason != "" {
		return
	}
	b := c.tip()
	c.published = chain.Tip{Height: b.height, Hash: b.hash, Time: b.msg.Header.Timestamp}
	c.signal()
}

func (c *Chain) signal() {
	for l := range c.listeners {
		select {
		case l <- struct{}{}:
		default:
		}
	}
}

// medianTime of the last eleven blocks up to height (BIP 113).
func (c *Chain) medianTime(height lnwire.Height) time.Time {
	var times []time.Time
	for h := int(height); h >= 0 && len(times) < 11; h-- {
		times = append(times, c.main[h].msg.Header.Timestamp)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times[len(times)/2]
}
