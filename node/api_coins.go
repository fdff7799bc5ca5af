package node

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// apiCoins implements rpc.Leases, rpc.Publisher, rpc.PSBTs and rpc.Accounts.
type apiCoins struct{ *api }

// LeaseOutput holds a coin, or prolongs its lease for the same id.
func (a apiCoins) LeaseOutput(_ context.Context, id [32]byte, op wire.OutPoint, d time.Duration) (time.Time, error) {
	return a.wallet.Lease(id, op, d)
}

// ReleaseOutput ends a lease.
func (a apiCoins) ReleaseOutput(_ context.Context, id [32]byte, op wire.OutPoint) error {
	return a.wallet.Release(id, op)
}

// ListLeases lists the leases of all, the node's own too.
func (a apiCoins) ListLeases(context.Context) ([]rpc.Lease, error) {
	leases, err := a.wallet.Leases()
	return newLeases(leases), err
}

func newLeases(leases []wallet.Lease) []rpc.Lease {
	out := make([]rpc.Lease, len(leases))
	for i, l := range leases {
		out[i] = rpc.Lease{ID: l.ID, OutPoint: l.OutPoint, Amount: l.Amount, PkScript: l.Script, Expiry: l.Expiry}
	}
	return out
}

// SendOutputs pays to scripts.
func (a apiCoins) SendOutputs(ctx context.Context, r rpc.SendOutputs) (*wire.MsgTx, error) {
	if err := checkStrategy(r.Strategy); err != nil {
		return nil, err
	}
	tx, err := a.wallet.Send(ctx, wallet.SendRequest{Outputs: r.Outputs, Label: r.Label,
		Selection: selection(rpc.FeeRate{PerKW: r.PerKW}, r.MinConfs, nil)})
	return tx, fundsError(err)
}

// Publish broadcasts any transaction and keeps it among the wallet's.
func (a apiCoins) Publish(ctx context.Context, tx *wire.MsgTx, label string) error {
	if len(label) > wallet.MaxLabel {
		return wallet.ErrLongLabel
	}
	return a.wallet.Publish(ctx, tx, label)
}

// Label names a transaction of the wallet.
func (a apiCoins) Label(_ context.Context, txid chainhash.Hash, label string, overwrite bool) error {
	return a.wallet.Label(txid, label, overwrite)
}

// Transaction is one of the wallet's.
func (a apiCoins) Transaction(_ context.Context, txid chainhash.Hash) (rpc.Transaction, error) {
	t, err := a.wallet.Transaction(txid)
	if err != nil {
		return rpc.Transaction{}, err
	}
	return newTransaction(&t), nil
}

// FeePerKW asks the chain's estimator.
func (a apiCoins) FeePerKW(ctx context.Context, target uint32) (lnwire.FeePerKW, error) {
	return a.feeRate(ctx, rpc.FeeRate{Target: target})
}

// Reserve tells what anchors would need.
func (a apiCoins) Reserve(_ context.Context, more uint32) (btcutil.Amount, error) {
	return a.wallet.RequiredReserve(int(min(more, math.MaxInt32))), nil
}

// FundPSBT chooses coins, or takes those that were named.
func (a apiCoins) FundPSBT(ctx context.Context, r rpc.FundPSBT) (rpc.FundedPSBT, error) {
	if err := checkStrategy(r.Strategy); err != nil {
		return rpc.FundedPSBT{}, err
	}
	w := wallet.PSBTRequest{Packet: r.Packet, LockID: r.LockID, Lease: r.Lease, Selection: selection(r.Fee, r.MinConfs, r.Inputs)}
	for _, addr := range slices.Sorted(maps.Keys(r.Outputs)) {
		script, err := a.wallet.Script(addr)
		if err != nil {
			return rpc.FundedPSBT{}, err
		}
		w.Outputs = append(w.Outputs, wire.TxOut{Value: int64(r.Outputs[addr]), PkScript: script})
	}
	f, err := a.wallet.FundPSBT(ctx, w)
	if err != nil {
		return rpc.FundedPSBT{}, fundsError(err)
	}
	return rpc.FundedPSBT{Packet: f.Packet, Change: f.Change, Leases: newLeases(f.Leases)}, nil
}

// SignPSBT signs what is ours and has no signature.
func (a apiCoins) SignPSBT(_ context.Context, p *psbt.Packet) ([]uint32, error) {
	return a.wallet.SignPSBT(p)
}

// FinalizePSBT completes every input.
func (a apiCoins) FinalizePSBT(_ context.Context, p *psbt.Packet) (*wire.MsgTx, error) {
	return a.wallet.FinalizePSBT(p)
}

// NextAddress hands out an address that nobody had.
func (a apiCoins) NextAddress(ctx context.Context, kind lnrpc.AddressType, account string, change bool) (string, error) {
	if !change {
		return apiFunds(a).NewAddress(ctx, kind, account)
	}
	if err := checkAccount(account); err != nil {
		return "", err
	}
	switch kind {
	case lnrpc.AddressType_WITNESS_PUBKEY_HASH:
		return a.wallet.NewAddress(wallet.P2WPKH, true)
	case lnrpc.AddressType_TAPROOT_PUBKEY:
		return a.wallet.NewAddress(wallet.P2TR, true)
	}
	return "", fmt.Errorf("addresses of type %v are not supported: ask for p2wkh or p2tr", kind)
}

// ListAccounts shows the one account by its two derivations.
func (a apiCoins) ListAccounts(context.Context) ([]rpc.Account, error) {
	accounts, err := a.wallet.Accounts()
	if err != nil {
		return nil, err
	}
	out := make([]rpc.Account, len(accounts))
	for i, x := range accounts {
		kind := walletrpc.AddressType_WITNESS_PUBKEY_HASH
		if x.Type == wallet.P2TR {
			kind = walletrpc.AddressType_TAPROOT_PUBKEY
		}
		out[i] = rpc.Account{Name: x.Name, Kind: kind, PublicKey: x.PublicKey, Fingerprint: x.Fingerprint, Path: x.Path,
			External: x.External, Internal: x.Internal}
	}
	return out, nil
}
