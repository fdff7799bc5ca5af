package resolve

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const startHeight lnwire.Height = 1000

type utxo struct {
	op     wire.OutPoint
	out    *wire.TxOut
	height lnwire.Height
	spent  *Fact
}

// chain is a best chain that accepts what Bitcoin's consensus would: unspent inputs, scripts, absolute and relative lock
// times, amounts.
type chain struct {
	blocks []([]*wire.MsgTx) // the first one is at startHeight
	outs   map[wire.OutPoint]*utxo
	faucet []*utxo
}

// newChain has the funding output, and outputs that anybody may spend as a wallet's inputs.
func newChain(funding wire.OutPoint, out *wire.TxOut) *chain {
	c := &chain{outs: map[wire.OutPoint]*utxo{}}
	c.outs[funding] = &utxo{op: funding, out: out, height: startHeight - 10}
	for i := range 400 {
		op := wire.OutPoint{Hash: chainhash.Hash{0xfa}, Index: uint32(i)}
		u := &utxo{op: op, out: wire.NewTxOut(10_000, []byte{txscript.OP_TRUE}), height: startHeight - 10}
		c.outs[op] = u
		c.faucet = append(c.faucet, u)
	}
	return c
}

func (c *chain) tip() lnwire.Height { return startHeight + lnwire.Height(len(c.blocks)) - 1 }

// coin is an unspent output of the faucet, not taken before.
func (c *chain) coin() *utxo {
	for len(c.faucet) > 0 {
		u := c.faucet[0]
		c.faucet = c.faucet[1:]
		if u.spent == nil {
			return u
		}
	}
	return nil
}

// mine adds a block with those of the transactions that are valid, in order, and returns why others are not.
func (c *chain) mine(txs ...*wire.MsgTx) (refused error) {
	height := c.tip() + 1
	var block []*wire.MsgTx
	for _, tx := range txs {
		if err := c.check(tx, height); err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		block = append(block, tx)
		c.apply(tx, height)
	}
	c.blocks = append(c.blocks, block)
	return refused
}

func (c *chain) apply(tx *wire.MsgTx, height lnwire.Height) {
	for _, in := range tx.TxIn {
		c.outs[in.PreviousOutPoint].spent = &Fact{OutPoint: in.PreviousOutPoint, Tx: tx, Height: height}
	}
	txid := tx.TxHash()
	for i, out := range tx.TxOut {
		op := wire.OutPoint{Hash: txid, Index: uint32(i)}
		c.outs[op] = &utxo{op: op, out: out, height: height}
	}
}

// reorganise takes the last n blocks away.
func (c *chain) reorganise(n int) {
	for range n {
		last := c.blocks[len(c.blocks)-1]
		for i := len(last) - 1; i >= 0; i-- {
			txid := last[i].TxHash()
			for k := range last[i].TxOut {
				delete(c.outs, wire.OutPoint{Hash: txid, Index: uint32(k)})
			}
			for _, in := range last[i].TxIn {
				c.outs[in.PreviousOutPoint].spent = nil
			}
		}
		c.blocks = c.blocks[:len(c.blocks)-1]
	}
}

func (c *chain) check(tx *wire.MsgTx, height lnwire.Height) error {
	prevouts := txscript.NewMultiPrevOutFetcher(nil)
	var sum int64
	final := true
	for _, in := range tx.TxIn {
		u := c.outs[in.PreviousOutPoint]
		if u == nil || u.spent != nil {
			return fmt.Errorf("input %v is missing or spent", in.PreviousOutPoint)
		}
		if in.Sequence&wire.SequenceLockTimeDisabled == 0 {
			if height < u.height+lnwire.Height(in.Sequence&wire.SequenceLockTimeMask) {
				return fmt.Errorf("input %v is locked for %d blocks", in.PreviousOutPoint, in.Sequence)
			}
		}
		final = final && in.Sequence == wire.MaxTxInSequenceNum
		prevouts.AddPrevOut(u.op, u.out)
		sum += u.out.Value
	}
	isCommitment := tx.LockTime >= txscript.LockTimeThreshold // a time long ago
	if !final && !isCommitment && lnwire.Height(tx.LockTime) >= height {
		return fmt.Errorf("not final before %d", tx.LockTime+1)
	}
	for _, out := range tx.TxOut {
		sum -= out.Value
	}
	if sum < 0 {
		return errors.New("outputs exceed inputs")
	}
	hashes := txscript.NewTxSigHashes(tx, prevouts)
	for i, in := range tx.TxIn {
		out := c.outs[in.PreviousOutPoint].out
		engine, err := txscript.NewEngine(out.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, out.Value, prevouts)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return fmt.Errorf("script of input %d: %w", i, err)
		}
	}
	return nil
}

// observe asks Next until no watched output has a spend that it does not know: what a watcher and a machine do together.
// The facts are given in a random order, as after a restart.
func (c *chain) observe(contract *Contract, rnd *rand.Rand) (Facts, Plan) {
	facts := Facts{Tip: c.tip()}
	reported := map[wire.OutPoint]bool{}
	for {
		plan := Next(contract, facts)
		more := false
		for _, w := range plan.Watch {
			if u := c.outs[w.OutPoint]; u != nil && u.spent != nil && !reported[w.OutPoint] {
				if string(u.out.PkScript) != string(w.PkScript) || u.spent.Height < w.HeightHint {
					panic("a watch with a wrong script or height")
				}
				reported[w.OutPoint] = true
				facts.Spends = append(facts.Spends, *u.spent)
				more = true
			}
		}
		if !more {
			return facts, plan
		}
		if rnd != nil {
			rnd.Shuffle(len(facts.Spends), func(i, j int) {
				facts.Spends[i], facts.Spends[j] = facts.Spends[j], facts.Spends[i]
			})
		}
	}
}

// paid sums what has arrived at a script and what is lost to fees is not counted.
func (c *chain) paid(pkScript []byte) (sum int64) {
	for _, u := range c.outs {
		if string(u.out.PkScript) == string(pkScript) {
			sum += u.out.Value
		}
	}
	return sum
}
