package wallet

import (
	"context"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	btcchain "github.com/btcsuite/btcwallet/chain"
	"github.com/btcsuite/btcwallet/waddrmgr"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// This file is the rest of what btcwallet asks of a chain client: questions, which the follower passes on.
var _ btcchain.Interface = (*follower)(nil)

func (f *follower) question() (context.Context, context.CancelFunc) {
	return context.WithTimeout(f.ctx, stepTimeout)
}

func (f *follower) Start(context.Context) error { return nil }
func (f *follower) BackEnd() string             { return "fulmen" }
func (f *follower) Notifications() <-chan any   { return f.notes }
func (f *follower) NotifyBlocks() error         { return nil }
func (f *follower) IsCurrent() bool             { return f.chain.Synced() }
func (f *follower) MapRPCErr(err error) error   { return err }

func (f *follower) GetBestBlock() (*chainhash.Hash, int32, error) {
	tip := f.chain.Best()
	return &tip.Hash, int32(tip.Height), nil
}

func (f *follower) BlockStamp() (*waddrmgr.BlockStamp, error) {
	at := f.position()
	return &at, nil
}

func (f *follower) GetBlockHash(height int64) (*chainhash.Hash, error) {
	ctx, cancel := f.question()
	defer cancel()
	hash, err := f.chain.BlockHash(ctx, lnwire.Height(height))
	return &hash, err
}

func (f *follower) GetBlock(hash *chainhash.Hash) (*wire.MsgBlock, error) {
	ctx, cancel := f.question()
	defer cancel()
	return f.chain.Block(ctx, *hash)
}

func (f *follower) GetBlockHeader(hash *chainhash.Hash) (*wire.BlockHeader, error) {
	ctx, cancel := f.question()
	defer cancel()
	return f.chain.Header(ctx, *hash)
}

// FilterBlocks finds the first of the blocks that pays to, or spends from, what a restore looks for.
func (f *follower) FilterBlocks(r *btcchain.FilterBlocksRequest) (*btcchain.FilterBlocksResponse, error) {
	filter := btcchain.NewBlockFilterer(f.params, r)
	for i, b := range r.Blocks {
		block, err := f.GetBlock(&b.Hash)
		if err != nil {
			return nil, fmt.Errorf("fetch block %d: %w", b.Height, err)
		}
		if filter.FilterBlock(block) {
			return &btcchain.FilterBlocksResponse{
				BatchIndex: uint32(i), BlockMeta: b, RelevantTxns: filter.RelevantTxns,
				FoundExternalAddrs: filter.FoundExternal, FoundInternalAddrs: filter.FoundInternal,
				FoundOutPoints: filter.FoundOutPoints,
			}, nil
		}
	}
	return nil, nil
}

// Rescan only notes what to look for: the follower starts from the wallet's last block anyway.
func (f *follower) Rescan(_ *chainhash.Hash, addrs []address.Address, ops map[wire.OutPoint]address.Address) error {
	for op := range ops {
		f.watchOutput(op)
	}
	return f.NotifyReceived(addrs)
}

// NotifyReceived makes the follower look for payments to the addresses.
func (f *follower) NotifyReceived(addrs []address.Address) error {
	for _, a := range addrs {
		script, err := txscript.PayToAddrScript(a)
		if err != nil {
			return fmt.Errorf("watch %v: %w", a, err)
		}
		f.watchScript(script)
	}
	return nil
}

// SendRawTransaction does nothing: Wallet.Publish and Wallet.resend publish, and know when to give a transaction up.
func (f *follower) SendRawTransaction(tx *wire.MsgTx, _ bool) (*chainhash.Hash, error) {
	hash := tx.TxHash()
	return &hash, nil
}

// TestMempoolAccept and SubmitPackage are not used by the parts of btcwallet that we use.
func (f *follower) TestMempoolAccept([]*wire.MsgTx, float64) ([]*btcjson.TestMempoolAcceptResult, error) {
	return nil, btcchain.ErrUnimplemented
}

func (f *follower) SubmitPackage([]*wire.MsgTx, *float64) (*btcjson.SubmitPackageResult, error) {
	return nil, btcchain.ErrUnimplemented
}
