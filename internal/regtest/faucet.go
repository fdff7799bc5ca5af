package regtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// The faucet is a key that everybody knows. Blocks pay to it, and Fund pays from it.
var faucetKey, faucetScript = newFaucet()

func newFaucet() (*btcec.PrivateKey, []byte) {
	secret := chainhash.HashB([]byte("the regtest faucet of Fulmen"))
	key, public := btcec.PrivKeyFromBytes(secret)
	hash := address.Hash160(public.SerializeCompressed())
	return key, append([]byte{txscript.OP_0, txscript.OP_DATA_20}, hash...)
}

const (
	maturity = 100 // blocks until a coinbase can be spent
	// reserve is how many coinbases are made spendable at once.
	reserve       = 10
	feePerVByte   = 10 // satoshis
	faucetDust    = 1000
	txOverhead    = 11 // virtual bytes, with counts
	inputSize     = 68
	outputSize    = 43 // the largest standard one
	fundingRounds = 8
)

// ledger is what the faucet owns in the blocks up to Height. It is kept in the state file.
type ledger struct {
	Height lnwire.Height
	Hash   string
	Coins  []coin
}

// coin is an output to the faucet.
type coin struct {
	TxID     string
	Index    uint32
	Value    btcutil.Amount
	Height   lnwire.Height // 0: unconfirmed
	Coinbase bool
}

// Fund pays amount from the faucet; the payment is in the mempool when it returns. It mines where the faucet has nothing
// that is mature.
func (c *Chain) Fund(ctx context.Context, to address.Address, amount btcutil.Amount) (wire.OutPoint, error) {
	script, err := txscript.PayToAddrScript(to)
	if err != nil {
		return wire.OutPoint{}, err
	}
	return c.FundScript(ctx, script, amount)
}

// FundScript is Fund for any output script.
func (c *Chain) FundScript(ctx context.Context, script []byte, amount btcutil.Amount) (wire.OutPoint, error) {
	for range fundingRounds {
		coins, err := c.spendable(ctx)
		if err != nil {
			return wire.OutPoint{}, fmt.Errorf("fund: %w", err)
		}
		tx, err := pay(coins, script, amount)
		if err == nil {
			return wire.OutPoint{Hash: tx.TxHash()}, c.send(ctx, tx)
		}
		if !errors.Is(err, errShort) {
			return wire.OutPoint{}, fmt.Errorf("fund: %w", err)
		}
		height, err := c.Height(ctx)
		if err != nil {
			return wire.OutPoint{}, err
		}
		n := reserve
		if height < maturity+reserve {
			n = int(maturity + reserve - height)
		}
		if _, err := c.Mine(ctx, n); err != nil {
			return wire.OutPoint{}, err
		}
	}
	return wire.OutPoint{}, fmt.Errorf("fund: the faucet does not have %v", amount)
}

func (c *Chain) send(ctx context.Context, tx *wire.MsgTx) error {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return err
	}
	return c.rpc.Call(ctx, "sendrawtransaction", nil, hex.EncodeToString(raw.Bytes()))
}

// errShort: the coins do not suffice.
var errShort = errors.New("not enough coins")

// pay makes and signs a transaction of coins, taken in order: output 0 is the payment, what is left goes back.
func pay(coins []coin, script []byte, amount btcutil.Amount) (*wire.MsgTx, error) {
	tx := wire.NewMsgTx(2)
	tx.AddTxOut(wire.NewTxOut(int64(amount), script))
	prevouts := make(map[wire.OutPoint]*wire.TxOut)
	var sum, need btcutil.Amount
	for _, coin := range coins {
		hash, err := chainhash.NewHashFromStr(coin.TxID)
		if err != nil {
			return nil, err
		}
		op := wire.OutPoint{Hash: *hash, Index: coin.Index}
		tx.AddTxIn(wire.NewTxIn(&op, nil, nil))
		prevouts[op] = wire.NewTxOut(int64(coin.Value), faucetScript)
		sum += coin.Value
		need = amount + btcutil.Amount(feePerVByte*(txOverhead+2*outputSize+inputSize*len(tx.TxIn)))
		if sum >= need {
			break
		}
	}
	if need == 0 || sum < need {
		return nil, errShort
	}
	if change := sum - need; change > faucetDust {
		tx.AddTxOut(wire.NewTxOut(int64(change), faucetScript))
	}
	fetcher := txscript.NewMultiPrevOutFetcher(prevouts)
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i, in := range tx.TxIn {
		witness, err := txscript.WitnessSignature(tx, hashes, i, prevouts[in.PreviousOutPoint].Value, faucetScript, txscript.SigHashAll, faucetKey, true)
		if err != nil {
			return nil, err
		}
		in.Witness = witness
	}
	return tx, nil
}

// spendable lists the faucet's coins that the next transaction may use: confirmed and large first.
func (c *Chain) spendable(ctx context.Context) ([]coin, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.readBlocks(ctx); err != nil {
		return nil, err
	}
	after := ledger{Height: c.state.Faucet.Height, Coins: slices.Clone(c.state.Faucet.Coins)}
	unconfirmed, err := c.mempool(ctx)
	if err != nil {
		return nil, err
	}
	for _, tx := range unconfirmed {
		after.apply(tx.MsgTx(), 0, false)
	}
	coins := slices.DeleteFunc(after.Coins, func(coin coin) bool {
		return coin.Coinbase && after.Height+1 < coin.Height+maturity
	})
	slices.SortStableFunc(coins, func(a, b coin) int {
		switch {
		case a.Height == 0 && b.Height != 0:
			return 1
		case a.Height != 0 && b.Height == 0:
			return -1
		}
		return int(b.Value - a.Value)
	})
	return coins, nil
}

// readBlocks brings the ledger up to the tip; from the start where the chain has changed below it.
func (c *Chain) readBlocks(ctx context.Context) error {
	l := &c.state.Faucet
	tip, err := c.Height(ctx)
	if err != nil {
		return err
	}
	if l.Hash != "" {
		var hash string
		if l.Height <= tip {
			if err := c.rpc.Call(ctx, "getblockhash", &hash, l.Height); err != nil {
				return err
			}
		}
		if hash != l.Hash {
			*l = ledger{}
		}
	}
	if l.Height == tip {
		return nil
	}
	for height := l.Height + 1; height <= tip; height++ {
		var hash, raw string
		if err := c.rpc.Call(ctx, "getblockhash", &hash, height); err != nil {
			return err
		}
		if err := c.rpc.Call(ctx, "getblock", &raw, hash, 0); err != nil {
			return err
		}
		block := new(wire.MsgBlock)
		if err := block.Deserialize(hex.NewDecoder(strings.NewReader(raw))); err != nil {
			return err
		}
		for i, tx := range block.Transactions {
			l.apply(tx, height, i == 0)
		}
		l.Height, l.Hash = height, hash
	}
	return c.save()
}

// apply takes what tx spends out and what it pays in.
func (l *ledger) apply(tx *wire.MsgTx, height lnwire.Height, coinbase bool) {
	if !coinbase {
		for _, in := range tx.TxIn {
			id, index := in.PreviousOutPoint.Hash.String(), in.PreviousOutPoint.Index
			l.Coins = slices.DeleteFunc(l.Coins, func(c coin) bool { return c.Index == index && c.TxID == id })
		}
	}
	for i, out := range tx.TxOut {
		if bytes.Equal(out.PkScript, faucetScript) && out.Value > 0 {
			l.Coins = append(l.Coins, coin{TxID: tx.TxHash().String(), Index: uint32(i), Value: btcutil.Amount(out.Value), Height: height, Coinbase: coinbase})
		}
	}
}

// FaucetAddress is where Mine pays to.
func FaucetAddress() address.Address {
	a, err := address.NewAddressWitnessPubKeyHash(faucetScript[2:], &chaincfg.RegressionNetParams)
	if err != nil {
		panic(err) // twenty bytes
	}
	return a
}
