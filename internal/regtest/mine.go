package regtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/mining"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Blocks are made here, and not by the daemon: btcd mines to an address only that it was started with, and neither
// daemon mines next to its tip. So both are told the same way, and a reorganisation comes as it does from the network.

const (
	medianBlocks   = 11        // BIP 113
	maxBlockWeight = 3_900_000 // of the mempool's transactions in one block
	blockVersion   = 0x20000000
)

// branch is where the next block goes.
type branch struct {
	height lnwire.Height // of the parent
	hash   chainhash.Hash
	times  []int64 // of the last blocks, the parent's last
}

// Mine mines n blocks to the faucet, with what the mempool holds.
func (c *Chain) Mine(ctx context.Context, n int) ([]chainhash.Hash, error) {
	return c.mine(ctx, n, faucetScript)
}

// MineTo mines n blocks whose coinbases pay to.
func (c *Chain) MineTo(ctx context.Context, n int, to address.Address) ([]chainhash.Hash, error) {
	script, err := txscript.PayToAddrScript(to)
	if err != nil {
		return nil, err
	}
	return c.mine(ctx, n, script)
}

func (c *Chain) mine(ctx context.Context, n int, script []byte) ([]chainhash.Hash, error) {
	at, err := c.branchAt(ctx, 0)
	if err != nil {
		return nil, err
	}
	var hashes []chainhash.Hash
	for range n {
		txs, err := c.mempool(ctx)
		if err != nil {
			return hashes, err
		}
		if err := c.extend(ctx, at, txs, script); err != nil {
			return hashes, err
		}
		hashes = append(hashes, at.hash)
	}
	return hashes, nil
}

// Reorg replaces the last depth blocks by depth+1 empty ones.
func (c *Chain) Reorg(ctx context.Context, depth int) error {
	at, err := c.branchAt(ctx, depth)
	if err != nil {
		return err
	}
	for range depth + 1 {
		if err := c.extend(ctx, at, nil, faucetScript); err != nil {
			return err
		}
	}
	return nil
}

// branchAt is the block depth blocks below the tip, to build on.
func (c *Chain) branchAt(ctx context.Context, depth int) (*branch, error) {
	height, err := c.Height(ctx)
	if err != nil {
		return nil, err
	}
	if int(height) < depth {
		return nil, fmt.Errorf("reorganise %d blocks of a chain of %d", depth, height)
	}
	b := &branch{height: height - lnwire.Height(depth)}
	for h := int(b.height); h >= 0 && len(b.times) < medianBlocks; h-- {
		hash, header, err := c.header(ctx, lnwire.Height(h))
		if err != nil {
			return nil, err
		}
		if h == int(b.height) {
			b.hash = hash
		}
		b.times = append(b.times, header.Timestamp.Unix())
	}
	slices.Reverse(b.times)
	return b, nil
}

func (c *Chain) header(ctx context.Context, height lnwire.Height) (chainhash.Hash, *wire.BlockHeader, error) {
	var s, raw string
	if err := c.rpc.Call(ctx, "getblockhash", &s, height); err != nil {
		return chainhash.Hash{}, nil, err
	}
	hash, err := chainhash.NewHashFromStr(s)
	if err != nil {
		return chainhash.Hash{}, nil, err
	}
	if err := c.rpc.Call(ctx, "getblockheader", &raw, s, false); err != nil {
		return chainhash.Hash{}, nil, err
	}
	header := new(wire.BlockHeader)
	return *hash, header, header.Deserialize(hex.NewDecoder(strings.NewReader(raw)))
}

// extend makes a block on at, hands it in, and moves at on to it.
func (c *Chain) extend(ctx context.Context, at *branch, txs []*btcutil.Tx, script []byte) error {
	block, err := assemble(at, txs, script)
	if err != nil {
		return err
	}
	var raw bytes.Buffer
	if err := block.Serialize(&raw); err != nil {
		return err
	}
	if err := c.submit(ctx, hex.EncodeToString(raw.Bytes())); err != nil {
		return fmt.Errorf("block %d: %w", at.height+1, err)
	}
	if err := c.keep(raw.Bytes()); err != nil {
		return err
	}
	at.height++
	at.hash = block.BlockHash()
	at.times = append(at.times, block.Header.Timestamp.Unix())
	at.times = at.times[max(0, len(at.times)-medianBlocks):]
	return nil
}

func (c *Chain) submit(ctx context.Context, block string) error {
	var refused *string
	if err := c.rpc.Call(ctx, "submitblock", &refused, block); err != nil {
		return err
	}
	// Core: "inconclusive" is a valid block that is not on the best chain, yet; "duplicate" one that it has.
	if refused != nil && *refused != "inconclusive" && !strings.HasPrefix(*refused, "duplicate") {
		return fmt.Errorf("refused: %s", *refused)
	}
	return nil
}

// assemble makes a block that pays the subsidy to script, and solves it.
func assemble(at *branch, txs []*btcutil.Tx, script []byte) (*wire.MsgBlock, error) {
	params := &chaincfg.RegressionNetParams
	height := int32(at.height) + 1
	extra := make([]byte, 8) // no two coinbases are the same
	if _, err := rand.Read(extra); err != nil {
		return nil, err
	}
	in, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddData(extra).Script() // BIP 34
	if err != nil {
		return nil, err
	}
	coinbase := wire.NewMsgTx(2)
	coinbase.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, in, nil))
	coinbase.AddTxOut(wire.NewTxOut(blockchain.CalcBlockSubsidy(height, params), script))
	all := append([]*btcutil.Tx{btcutil.NewTx(coinbase)}, txs...)
	mining.AddWitnessCommitment(all[0], all)

	times := slices.Sorted(slices.Values(at.times))
	block := wire.NewMsgBlock(&wire.BlockHeader{
		Version: blockVersion, PrevBlock: at.hash, Bits: params.PowLimitBits,
		MerkleRoot: blockchain.CalcMerkleRoot(all, false),
		Timestamp:  time.Unix(max(times[len(times)/2]+1, time.Now().Unix()), 0),
	})
	for _, tx := range all {
		if err := block.AddTransaction(tx.MsgTx()); err != nil {
			return nil, err
		}
	}
	target := blockchain.CompactToBig(block.Header.Bits)
	for hash := block.BlockHash(); blockchain.HashToBig(&hash).Cmp(target) > 0; hash = block.BlockHash() {
		block.Header.Nonce++
	}
	return block, nil
}

// mempool returns the daemon's unconfirmed transactions, parents before their children.
func (c *Chain) mempool(ctx context.Context) ([]*btcutil.Tx, error) {
	var ids []string
	if err := c.rpc.Call(ctx, "getrawmempool", &ids); err != nil {
		return nil, err
	}
	slices.Sort(ids)
	pool := make(map[chainhash.Hash]*btcutil.Tx, len(ids))
	var order []*btcutil.Tx
	for _, id := range ids {
		var raw string
		if err := c.rpc.Call(ctx, "getrawtransaction", &raw, id); err != nil {
			continue // it has been replaced since
		}
		b, err := hex.DecodeString(raw)
		if err != nil {
			return nil, err
		}
		tx, err := btcutil.NewTxFromBytes(b)
		if err != nil {
			return nil, err
		}
		pool[*tx.Hash()] = tx
		order = append(order, tx)
	}
	return sortTopologically(order, pool), nil
}

func sortTopologically(txs []*btcutil.Tx, pool map[chainhash.Hash]*btcutil.Tx) (sorted []*btcutil.Tx) {
	var weight int64
	visited := make(map[chainhash.Hash]bool)
	var visit func(tx *btcutil.Tx)
	visit = func(tx *btcutil.Tx) {
		if visited[*tx.Hash()] {
			return
		}
		visited[*tx.Hash()] = true
		for _, in := range tx.MsgTx().TxIn {
			if parent := pool[in.PreviousOutPoint.Hash]; parent != nil {
				visit(parent)
			}
		}
		// Once the block is full, nothing follows: a child never comes without its parent.
		if weight += blockchain.GetTransactionWeight(tx); weight <= maxBlockWeight {
			sorted = append(sorted, tx)
		}
	}
	for _, tx := range txs {
		visit(tx)
	}
	return sorted
}
