package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// cachedBlocks is how many blocks are kept, of at most 4 MB each.
const cachedBlocks = 8

// blockCache keeps the blocks that were asked for last.
type blockCache struct {
	mu     sync.Mutex
	hashes []chainhash.Hash // the most recent last
	blocks map[chainhash.Hash]*wire.MsgBlock
}

func (c *blockCache) lookup(hash chainhash.Hash) *wire.MsgBlock {
	c.mu.Lock()
	defer c.mu.Unlock()
	block := c.blocks[hash]
	if block != nil {
		c.touch(hash)
	}
	return block
}

func (c *blockCache) add(hash chainhash.Hash, block *wire.MsgBlock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocks == nil {
		c.blocks = make(map[chainhash.Hash]*wire.MsgBlock)
	}
	c.blocks[hash] = block
	c.touch(hash)
	for len(c.hashes) > cachedBlocks {
		delete(c.blocks, c.hashes[0])
		c.hashes = c.hashes[1:]
	}
}

// touch moves hash to the end.
func (c *blockCache) touch(hash chainhash.Hash) {
	for i, h := range c.hashes {
		if h == hash {
			c.hashes = append(c.hashes[:i], c.hashes[i+1:]...)
			break
		}
	}
	c.hashes = append(c.hashes, hash)
}

// BlockHash of the best chain at a height.
func (n *Node) BlockHash(ctx context.Context, height lnwire.Height) (chainhash.Hash, error) {
	var s string
	err := n.rpc.Call(ctx, "getblockhash", &s, height)
	if isCode(err, codeOutOfRange, codeMisc) {
		return chainhash.Hash{}, fmt.Errorf("height %d: %w", height, ErrUnknownBlock)
	}
	if err != nil {
		return chainhash.Hash{}, err
	}
	h, err := chainhash.NewHashFromStr(s)
	if err != nil {
		return chainhash.Hash{}, fmt.Errorf("getblockhash: %w", err)
	}
	return *h, nil
}

// Block by hash. A pruned one is asked for from the network, where the daemon can, for a later call.
func (n *Node) Block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	if block := n.blocks.lookup(hash); block != nil {
		return block, nil
	}
	var s string
	err := n.rpc.Call(ctx, "getblock", &s, hash.String(), 0)
	switch {
	case isCode(err, codeNotFound):
		return nil, fmt.Errorf("block %v: %w", hash, ErrUnknownBlock)
	case isCode(err, codeMisc) && strings.Contains(err.Error(), "prune"),
		isCode(err, codeMisc) && strings.Contains(err.Error(), "not fully downloaded"):
		if err := n.daemon.refetch(ctx, hash); err != nil {
			slog.Warn("ask for a pruned block", "block", hash, "err", err)
		}
		return nil, fmt.Errorf("block %v: %w", hash, ErrPruned)
	case err != nil:
		return nil, err
	}
	block := new(wire.MsgBlock)
	if err := block.Deserialize(hex.NewDecoder(strings.NewReader(s))); err != nil {
		return nil, fmt.Errorf("block %v: %w", hash, err)
	}
	if block.BlockHash() != hash {
		return nil, fmt.Errorf("asked for block %v, got %v", hash, block.BlockHash())
	}
	n.blocks.add(hash, block)
	return block, nil
}

// Header of a block.
func (n *Node) Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error) {
	var s string
	err := n.rpc.Call(ctx, "getblockheader", &s, hash.String(), false)
	if isCode(err, codeNotFound) {
		return nil, fmt.Errorf("block %v: %w", hash, ErrUnknownBlock)
	}
	if err != nil {
		return nil, err
	}
	header := new(wire.BlockHeader)
	if err := header.Deserialize(hex.NewDecoder(strings.NewReader(s))); err != nil {
		return nil, fmt.Errorf("header %v: %w", hash, err)
	}
	return header, nil
}

// Unspent returns the output from the confirmed set. btcd reads the output and its own tip one after the other, so that the
// answer holds of the tip only if that was the same before.
func (n *Node) Unspent(ctx context.Context, op wire.OutPoint) (*wire.TxOut, chainhash.Hash, error) {
	var before string
	if err := n.rpc.Call(ctx, "getbestblockhash", &before); err != nil {
		return nil, chainhash.Hash{}, err
	}
	var answer *struct {
		Best   string  `json:"bestblock"`
		Value  float64 `json:"value"`
		Script struct {
			Hex string `json:"hex"`
		} `json:"scriptPubKey"`
	}
	if err := n.rpc.Call(ctx, "gettxout", &answer, op.Hash.String(), op.Index, false); err != nil {
		return nil, chainhash.Hash{}, err
	}
	if answer == nil {
		return nil, chainhash.Hash{}, nil
	}
	if answer.Best != before {
		return nil, chainhash.Hash{}, fmt.Errorf("gettxout: %w", errMoved)
	}
	at, err := chainhash.NewHashFromStr(answer.Best)
	if err != nil {
		return nil, chainhash.Hash{}, fmt.Errorf("gettxout: %w", err)
	}
	value, err := btcutil.NewAmount(answer.Value)
	if err != nil {
		return nil, chainhash.Hash{}, fmt.Errorf("gettxout: %w", err)
	}
	script, err := hex.DecodeString(answer.Script.Hex)
	if err != nil {
		return nil, chainhash.Hash{}, fmt.Errorf("gettxout: %w", err)
	}
	return wire.NewTxOut(int64(value), script), *at, nil
}

// Output looks the unspent output of a short channel id up.
func (n *Node) Output(ctx context.Context, id lnwire.ShortChannelID) (wire.OutPoint, wire.TxOut, error) {
	return LookUp(ctx, n, id)
}

// LookUp is Client.Output for any source: block by height, transaction by index, output, and then whether it is unspent.
func LookUp(ctx context.Context, s Source, id lnwire.ShortChannelID) (wire.OutPoint, wire.TxOut, error) {
	fail := func(err error) (wire.OutPoint, wire.TxOut, error) {
		return wire.OutPoint{}, wire.TxOut{}, fmt.Errorf("output %v: %w", id, err)
	}
	if !s.Synced() {
		return fail(fmt.Errorf("%w, or not in step", ErrUnreachable)) // what it does not have may be on its way
	}
	if tip := s.Best(); id.Block() > tip.Height {
		return fail(fmt.Errorf("%w: the chain is at block %d", ErrUnknownOutput, tip.Height))
	}
	hash, err := s.BlockHash(ctx, id.Block())
	if err != nil {
		return fail(err)
	}
	block, err := s.Block(ctx, hash)
	if err != nil {
		return fail(err)
	}
	if int(id.Tx()) >= len(block.Transactions) || int(id.Output()) >= len(block.Transactions[id.Tx()].TxOut) {
		return fail(ErrUnknownOutput)
	}
	tx := block.Transactions[id.Tx()]
	out := tx.TxOut[id.Output()]
	op := wire.OutPoint{Hash: tx.TxHash(), Index: uint32(id.Output())}
	unspent, _, err := s.Unspent(ctx, op)
	switch {
	case err != nil:
		return fail(err)
	case unspent == nil:
		return fail(ErrSpent)
	case unspent.Value != out.Value || !bytes.Equal(unspent.PkScript, out.PkScript):
		return fail(fmt.Errorf("the backend has two opinions of %v", op))
	}
	return op, *out, nil
}
