package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// anchorValue is what a commitment's anchors hold (BOLT 3); too little to be worth sweeping.
const anchorValue = 330

// sums of the whole chain.
type sums struct {
	fees    btcutil.Amount // of all transactions that are not the miner's own
	anchors btcutil.Amount // left behind
}

// books adds up every satoshi: what the miner gave must be in the wallets, in fees, or in anchors that nobody sweeps.
func (s *show) books(ctx context.Context) error {
	s.chapter("The books")
	total, err := s.audit(ctx)
	if err != nil {
		return err
	}
	var wallets btcutil.Amount
	for _, n := range s.Nodes() {
		c, err := s.Client(n.Name)
		if err != nil {
			return err
		}
		b, err := c.Lightning.WalletBalance(ctx, &lnrpc.WalletBalanceRequest{})
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
		s.fact("%-24s %12d sat", n.Name+"'s wallet", b.TotalBalance)
		wallets += btcutil.Amount(b.TotalBalance)
	}
	s.fact("%-24s %12d sat", "fees to miners", int64(total.fees))
	s.fact("%-24s %12d sat", "anchors left behind", int64(total.anchors))
	sum := wallets + total.fees + total.anchors
	s.fact("%-24s %12d sat", "together", int64(sum))
	s.fact("%-24s %12d sat", "brought in", int64(s.funded))
	if sum != s.funded {
		return fmt.Errorf("the books do not balance: %d sat are missing", int64(s.funded-sum))
	}
	s.say("", "The books balance to the satoshi.")
	return nil
}

// audit reads the chain from its beginning.
func (s *show) audit(ctx context.Context) (total sums, err error) {
	client, err := s.Chain.Dial(ctx)
	if err != nil {
		return total, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := client.Wait(ctx); err != nil {
		return total, err
	}
	miner, err := txscript.PayToAddrScript(regtest.FaucetAddress())
	if err != nil {
		return total, err
	}
	unspent := make(map[wire.OutPoint]*wire.TxOut)
	for h := lnwire.Height(0); h <= client.Best().Height; h++ {
		hash, err := client.BlockHash(ctx, h)
		if err != nil {
			return total, err
		}
		block, err := client.Block(ctx, hash)
		if err != nil {
			return total, err
		}
		for i, tx := range block.Transactions {
			total.take(tx, i == 0, string(miner), unspent)
		}
	}
	for _, out := range unspent {
		if out.Value == anchorValue && txscript.IsPayToWitnessScriptHash(out.PkScript) {
			total.anchors += anchorValue
		}
	}
	return total, nil
}

// take follows one transaction.
func (t *sums) take(tx *wire.MsgTx, coinbase bool, miner string, unspent map[wire.OutPoint]*wire.TxOut) {
	fee, mined := int64(0), coinbase
	for _, in := range tx.TxIn {
		if out := unspent[in.PreviousOutPoint]; out != nil {
			fee += out.Value
			mined = mined || string(out.PkScript) == miner
			delete(unspent, in.PreviousOutPoint)
		}
	}
	id := tx.TxHash()
	for i, out := range tx.TxOut {
		fee -= out.Value
		unspent[wire.OutPoint{Hash: id, Index: uint32(i)}] = out
	}
	if !mined {
		t.fees += btcutil.Amount(fee)
	}
}
