package fake

import (
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// rules are how strictly a transaction is looked at.
type rules uint8

const (
	standard  rules = iota // what a mempool takes
	consensus              // what a block may hold
	recheck                // what was valid before: its scripts are still
)

// maxStandardWeight is that of the largest transaction which is relayed.
const maxStandardWeight = 400_000

// check validates tx against the chain and the unconfirmed outputs of unconfirmed, for the next block, and returns its fee.
func (c *Chain) check(tx *wire.MsgTx, unconfirmed pool, r rules) (btcutil.Amount, error) {
	if err := blockchain.CheckTransactionSanity(btcutil.NewTx(tx)); err != nil {
		return 0, reject(chain.Invalid, "%v", err)
	}
	if c.minted[tx.TxHash()] {
		return 0, nil
	}
	if r == standard {
		if err := checkStandard(tx); err != nil {
			return 0, err
		}
	}
	coins, err := c.inputs(tx, unconfirmed, r)
	if err != nil {
		return 0, err
	}
	fee, err := feeOf(tx, coins)
	if err != nil {
		return 0, err
	}
	if err := c.checkLocks(tx, coins); err != nil {
		return 0, err
	}
	if r == recheck {
		return fee, nil
	}
	return fee, checkScripts(tx, coins, r)
}

// inputs finds the outputs that tx spends.
func (c *Chain) inputs(tx *wire.MsgTx, unconfirmed pool, r rules) ([]coin, error) {
	coins := make([]coin, len(tx.TxIn))
	for i, in := range tx.TxIn {
		op := in.PreviousOutPoint
		if found, ok := c.coins[op]; ok {
			coins[i] = found
		} else if parent := unconfirmed.byID[op.Hash]; parent != nil && int(op.Index) < len(parent.tx.TxOut) {
			coins[i] = coin{parent.tx.TxOut[op.Index], c.tip().height + 1}
		} else {
			return nil, reject(chain.MissingInputs, "bad-txns-inputs-missingorspent: %v", op)
		}
		if r == consensus && unconfirmed.spender[op] != nil {
			return nil, reject(chain.MissingInputs, "bad-txns-inputs-missingorspent: %v", op)
		}
	}
	return coins, nil
}

func feeOf(tx *wire.MsgTx, coins []coin) (btcutil.Amount, error) {
	var in, out int64 // no sum of existing outputs overflows; CheckTransactionSanity has bounded the new ones
	for i := range coins {
		in += coins[i].out.Value
	}
	for _, o := range tx.TxOut {
		out += o.Value
	}
	if in < out {
		return 0, reject(chain.Invalid, "bad-txns-in-belowout: %d < %d", in, out)
	}
	return btcutil.Amount(in - out), nil
}

// checkLocks checks lock time (BIP 113) and relative locks (BIP 68) for the next block.
func (c *Chain) checkLocks(tx *wire.MsgTx, coins []coin) error {
	tip := c.tip().height
	next, now := tip+1, c.medianTime(tip)
	if !blockchain.IsFinalizedTransaction(btcutil.NewTx(tx), int32(next), now) {
		return reject(chain.NotFinal, "non-final: lock time %d at height %d", tx.LockTime, next)
	}
	if tx.Version < 2 {
		return nil
	}
	for i, in := range tx.TxIn {
		if in.Sequence&wire.SequenceLockTimeDisabled != 0 {
			continue
		}
		value := in.Sequence & wire.SequenceLockTimeMask
		if in.Sequence&wire.SequenceLockTimeIsSeconds == 0 {
			if next < coins[i].height+lnwire.Height(value) {
				return reject(chain.NotFinal, "non-BIP68-final: input %d has %d of %d blocks", i, next-coins[i].height, value)
			}
			continue
		}
		since := c.medianTime(min(max(coins[i].height, 1)-1, tip))
		if now.Before(since.Add(time.Duration(value) << wire.SequenceLockTimeGranularity * time.Second)) {
			return reject(chain.NotFinal, "non-BIP68-final: input %d is too young", i)
		}
	}
	return nil
}

func checkScripts(tx *wire.MsgTx, coins []coin, r rules) error {
	flags := txscript.StandardVerifyFlags
	if r == consensus {
		flags = txscript.ScriptBip16 | txscript.ScriptVerifyWitness | txscript.ScriptVerifyTaproot | txscript.ScriptVerifyDERSignatures |
			txscript.ScriptVerifyCheckLockTimeVerify | txscript.ScriptVerifyCheckSequenceVerify | txscript.ScriptStrictMultiSig
	}
	prevouts := make(map[wire.OutPoint]*wire.TxOut, len(coins))
	for i, in := range tx.TxIn {
		prevouts[in.PreviousOutPoint] = coins[i].out
	}
	fetcher := txscript.NewMultiPrevOutFetcher(prevouts)
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i := range tx.TxIn {
		engine, err := txscript.NewEngine(coins[i].out.PkScript, tx, i, flags, nil, hashes, coins[i].out.Value, fetcher)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return reject(chain.BadScript, "mempool-script-verify-flag-failed: input %d: %v", i, err)
		}
	}
	return nil
}

// checkStandard is what relaying asks for beyond validity.
func checkStandard(tx *wire.MsgTx) error {
	if tx.Version < 1 || tx.Version > 3 {
		return reject(chain.Other, "version: %d", tx.Version)
	}
	if w := blockchain.GetTransactionWeight(btcutil.NewTx(tx)); w > maxStandardWeight {
		return reject(chain.Invalid, "tx-size: weight %d", w)
	}
	for i, out := range tx.TxOut {
		if limit := DustLimit(out.PkScript); btcutil.Amount(out.Value) < limit {
			return reject(chain.Dust, "dust: output %d has %d of %v", i, out.Value, limit)
		}
	}
	return nil
}

// DustLimit is the smallest output to script that Core relays, at its dust rate of 3 sat/vB (BOLT 3, "Dust Limits").
func DustLimit(script []byte) btcutil.Amount {
	if txscript.IsUnspendable(script) {
		return 0
	}
	size := wire.NewTxOut(0, script).SerializeSize()
	if txscript.IsWitnessProgram(script) {
		return btcutil.Amount(3 * (size + 67))
	}
	return btcutil.Amount(3 * (size + 148))
}
