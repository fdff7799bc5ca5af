package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

func encode(tx *wire.MsgTx) (string, error) {
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		return "", fmt.Errorf("serialize transaction: %w", err)
	}
	return hex.EncodeToString(b.Bytes()), nil
}

func decode(b []byte) (*wire.MsgTx, error) {
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(b)); err != nil {
		return nil, fmt.Errorf("deserialize transaction: %w", err)
	}
	return tx, nil
}

// Broadcast hands tx to the daemon's mempool.
func (n *Node) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	raw, err := encode(tx)
	if err != nil {
		return err
	}
	err = n.rpc.Call(ctx, "sendrawtransaction", nil, raw, n.daemon.anyFee())
	if isCode(err, codeInTxOutSet) {
		return nil // confirmed
	}
	if isCode(err, codeTxRejected, codeTxError, codeUndecodableTx) {
		var answer *RPCError
		errors.As(err, &answer)
		return rejection(answer.Message)
	}
	if err != nil {
		return fmt.Errorf("broadcast %v: %w", tx.TxHash(), err)
	}
	return nil
}

// TestMempoolAccept returns what Broadcast would.
func (n *Node) TestMempoolAccept(ctx context.Context, tx *wire.MsgTx) error {
	raw, err := encode(tx)
	if err != nil {
		return err
	}
	var results []struct {
		Allowed bool   `json:"allowed"`
		Reason  string `json:"reject-reason"`
	}
	// Core takes rates below 1 BTC/kvB only; to btcd zero is not "any".
	err = n.rpc.Call(ctx, "testmempoolaccept", &results, []string{raw}, 0.999)
	switch {
	case isCode(err, codeNoSuchMethod):
		return fmt.Errorf("test %v: %w", tx.TxHash(), ErrUnsupported)
	case err != nil:
		return fmt.Errorf("test %v: %w", tx.TxHash(), err)
	case len(results) != 1:
		return fmt.Errorf("test %v: %d results", tx.TxHash(), len(results))
	case results[0].Allowed:
		return nil
	}
	return rejection(results[0].Reason)
}

// SubmitPackage hands in parents and, last, the child that pays for them. Where the daemon knows no packages, they go one
// by one, and the first refusal is the answer.
func (n *Node) SubmitPackage(ctx context.Context, txs ...*wire.MsgTx) error {
	raws := make([]string, len(txs))
	for i, tx := range txs {
		raw, err := encode(tx)
		if err != nil {
			return err
		}
		raws[i] = raw
	}
	var answer struct {
		Message string `json:"package_msg"`
		Results map[string]struct {
			Error string `json:"error"`
		} `json:"tx-results"`
	}
	err := n.rpc.Call(ctx, "submitpackage", &answer, raws, 0)
	if isCode(err, codeNoSuchMethod) {
		for _, tx := range txs {
			if err := n.Broadcast(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}
	if isCode(err, codeTxRejected, codeTxError) {
		var refused *RPCError
		errors.As(err, &refused)
		return rejection(refused.Message)
	}
	if err != nil {
		return fmt.Errorf("submit package: %w", err)
	}
	for _, tx := range txs { // in order: the answer is a map
		if r := answer.Results[tx.WitnessHash().String()]; r.Error != "" {
			if err := rejection(r.Error); err != nil {
				return err
			}
		}
	}
	if answer.Message != "success" {
		return rejection(answer.Message)
	}
	return nil
}

// EstimateFee is the rate that confirms within target blocks, within the configured bounds.
func (n *Node) EstimateFee(ctx context.Context, target uint32) (lnwire.FeePerKW, error) {
	fallback, ceiling := n.common.FallbackFeeRate, n.common.MaxFeeRate
	if ceiling == 0 {
		ceiling = DefaultMaxFeeRate
	}
	if n.regtest() {
		if fallback == 0 {
			fallback = RegtestFeeRate
		}
		return clamp(fallback, ceiling), nil
	}
	rate, err := n.daemon.feeRate(ctx, target)
	if err == nil && !(rate > 0) {
		err = ErrNoEstimate
	}
	if err != nil {
		if fallback != 0 {
			return clamp(fallback, ceiling), nil
		}
		return 0, fmt.Errorf("estimate fee: %w", err)
	}
	return clamp(perKW(rate), ceiling), nil
}

// perKW converts from BTC per 1000 virtual bytes, rounding up.
func perKW(btcPerKvB float64) lnwire.FeePerKW {
	return lnwire.FeePerKW(math.Min(math.Ceil(math.Round(btcPerKvB*1e8)/4), math.MaxUint32))
}

func clamp(rate, ceiling lnwire.FeePerKW) lnwire.FeePerKW {
	return max(lnwire.FeePerKWFloor, min(rate, ceiling))
}
