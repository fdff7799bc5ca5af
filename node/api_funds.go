package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// onlyAccount is the name of the wallet's one account.
const onlyAccount = "default"

// errReserved is wallet.ErrReserved as LND words it.
var errReserved = errors.New("reserved wallet balance invalidated: transaction would leave insufficient funds for fee bumping " +
	"anchor channel closings (see debug log for details)")

// apiFunds implements rpc.Funds and rpc.Spender.
type apiFunds struct{ *api }

func checkAccount(name string) error {
	if name != "" && name != onlyAccount {
		return fmt.Errorf("account %q not found: the wallet has one account, %q", name, onlyAccount)
	}
	return nil
}

// NewAddress hands out P2WPKH and P2TR addresses.
func (a apiFunds) NewAddress(_ context.Context, kind lnrpc.AddressType, account string) (string, error) {
	if err := checkAccount(account); err != nil {
		return "", err
	}
	switch kind {
	case lnrpc.AddressType_WITNESS_PUBKEY_HASH:
		return a.wallet.NewAddress(wallet.P2WPKH, false)
	case lnrpc.AddressType_UNUSED_WITNESS_PUBKEY_HASH:
		return a.wallet.UnusedAddress(wallet.P2WPKH)
	case lnrpc.AddressType_TAPROOT_PUBKEY:
		return a.wallet.NewAddress(wallet.P2TR, false)
	case lnrpc.AddressType_UNUSED_TAPROOT_PUBKEY:
		return a.wallet.UnusedAddress(wallet.P2TR)
	}
	return "", fmt.Errorf("addresses of type %v are not supported: ask for p2wkh or p2tr", kind)
}

func addressType(t wallet.AddressType) lnrpc.AddressType {
	if t == wallet.P2TR {
		return lnrpc.AddressType_TAPROOT_PUBKEY
	}
	return lnrpc.AddressType_WITNESS_PUBKEY_HASH
}

// Balance counts coins with fewer than minConfs confirmations as unconfirmed.
func (a apiFunds) Balance(_ context.Context, account string, minConfs int32) (rpc.WalletBalance, error) {
	if err := checkAccount(account); err != nil {
		return rpc.WalletBalance{}, err
	}
	b, err := a.wallet.Balance(minConfs)
	if err != nil {
		return rpc.WalletBalance{}, err
	}
	return rpc.WalletBalance{
		Confirmed: b.Confirmed, Unconfirmed: b.Unconfirmed, Locked: b.Locked, Reserved: b.ReservedAnchor,
		Accounts: map[string]rpc.AccountBalance{onlyAccount: {Confirmed: b.Confirmed, Unconfirmed: b.Unconfirmed}},
	}, nil
}

// Unspent lists coins that may be spent.
func (a apiFunds) Unspent(_ context.Context, q rpc.UnspentQuery) ([]rpc.UTXO, error) {
	if err := checkAccount(q.Account); err != nil {
		return nil, err
	}
	coins, err := a.wallet.ListUnspent(q.MinConfs, q.MaxConfs)
	if err != nil {
		return nil, err
	}
	out := make([]rpc.UTXO, len(coins))
	for i, c := range coins {
		out[i] = rpc.UTXO{OutPoint: c.OutPoint, Amount: c.Amount, PkScript: c.Script, Address: c.Address,
			Kind: addressType(c.Type), Confirmations: int64(c.Confs)}
	}
	return out, nil
}

// Transactions lists the wallet's history.
func (a apiFunds) Transactions(_ context.Context, q rpc.TransactionQuery) ([]rpc.Transaction, error) {
	if err := checkAccount(q.Account); err != nil {
		return nil, err
	}
	from, to := q.From, q.To
	unconfirmedOnly := q.Unconfirmed && from == math.MaxUint32
	if unconfirmedOnly {
		from = a.wallet.Sync().Height + 1
	}
	if q.Unconfirmed {
		to = wallet.Latest
	} else {
		to = min(to, math.MaxInt32)
	}
	txs, err := a.wallet.Transactions(from, to)
	if err != nil {
		return nil, err
	}
	out := make([]rpc.Transaction, 0, len(txs))
	for i := range txs {
		t := &txs[i]
		if t.Height != 0 && (unconfirmedOnly || t.Height > q.To) || t.Height == 0 && !q.Unconfirmed {
			continue
		}
		out = append(out, newTransaction(t))
	}
	return out, nil
}

func newTransaction(t *wallet.Tx) rpc.Transaction {
	out := rpc.Transaction{
		Tx: t.Tx, Amount: t.Amount, Fee: t.Fee, Confirmations: t.Confs, BlockHash: t.Block, Height: t.Height, Time: t.Time,
		Label: t.Label, OurInputs: make([]bool, len(t.Tx.TxIn)),
	}
	for _, o := range t.Outputs {
		out.Outputs = append(out.Outputs, rpc.TransactionOutput{Kind: scriptKind(o.Script), Address: o.Address, Ours: o.Mine})
	}
	for i, in := range t.Tx.TxIn {
		out.OurInputs[i] = slices.Contains(t.Spent, in.PreviousOutPoint)
	}
	return out
}

func scriptKind(script []byte) lnrpc.OutputScriptType {
	switch txscript.GetScriptClass(script) {
	case txscript.PubKeyHashTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_PUBKEY_HASH
	case txscript.ScriptHashTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_SCRIPT_HASH
	case txscript.WitnessV0PubKeyHashTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_WITNESS_V0_PUBKEY_HASH
	case txscript.WitnessV0ScriptHashTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_WITNESS_V0_SCRIPT_HASH
	case txscript.PubKeyTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_PUBKEY
	case txscript.MultiSigTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_MULTISIG
	case txscript.NullDataTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_NULLDATA
	case txscript.WitnessUnknownTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_WITNESS_UNKNOWN
	case txscript.WitnessV1TaprootTy:
		return lnrpc.OutputScriptType_SCRIPT_TYPE_WITNESS_V1_TAPROOT
	}
	return lnrpc.OutputScriptType_SCRIPT_TYPE_NON_STANDARD
}

// SendCoins pays to one address.
func (a apiFunds) SendCoins(ctx context.Context, p rpc.SendCoins) (chainhash.Hash, error) {
	if err := checkStrategy(p.Strategy); err != nil {
		return chainhash.Hash{}, err
	}
	script, err := a.wallet.Script(p.Address)
	if err != nil {
		return chainhash.Hash{}, err
	}
	tx, err := a.wallet.Send(ctx, wallet.SendRequest{
		Outputs: []wire.TxOut{{Value: int64(p.Amount), PkScript: script}}, All: p.All, Label: p.Label,
		Selection: selection(p.Fee, p.MinConfs, p.Inputs),
	})
	if err != nil {
		return chainhash.Hash{}, fundsError(err)
	}
	return tx.TxHash(), nil
}

// EstimateFee says what a payment would cost.
func (a apiFunds) EstimateFee(ctx context.Context, q rpc.FeeQuery) (rpc.FeeEstimate, error) {
	if err := checkStrategy(q.Strategy); err != nil {
		return rpc.FeeEstimate{}, err
	}
	r := wallet.SendRequest{Selection: selection(rpc.FeeRate{Target: q.Target}, q.MinConfs, q.Inputs)}
	for _, addr := range slices.Sorted(maps.Keys(q.Outputs)) {
		script, err := a.wallet.Script(addr)
		if err != nil {
			return rpc.FeeEstimate{}, err
		}
		r.Outputs = append(r.Outputs, wire.TxOut{Value: int64(q.Outputs[addr]), PkScript: script})
	}
	quote, err := a.wallet.Quote(ctx, r)
	if err != nil {
		return rpc.FeeEstimate{}, fundsError(err)
	}
	return rpc.FeeEstimate{Fee: quote.Fee, PerKW: quote.FeeRate, Inputs: quote.Inputs}, nil
}

func selection(fee rpc.FeeRate, minConfs int32, coins []wire.OutPoint) wallet.Selection {
	return wallet.Selection{FeeRate: fee.PerKW, Target: fee.Target, MinConfs: minConfs, Coins: coins}
}

// checkStrategy: the wallet spends the smallest coin that suffices, else the largest ones.
func checkStrategy(s lnrpc.CoinSelectionStrategy) error {
	if s == lnrpc.CoinSelectionStrategy_STRATEGY_RANDOM {
		return errors.New("random coin selection is not supported")
	}
	return nil
}

// fundsError words the wallet's refusals as clients match them.
func fundsError(err error) error {
	switch {
	case errors.Is(err, wallet.ErrInsufficientFunds):
		return rpc.ErrInsufficientFunds
	case errors.Is(err, wallet.ErrReserved):
		return errReserved
	}
	return err
}

// feeRate is what the operator chose, or the estimate for the target, six blocks where there is none.
func (a *api) feeRate(ctx context.Context, f rpc.FeeRate) (lnwire.FeePerKW, error) {
	if f.PerKW != 0 {
		return f.PerKW, nil
	}
	rate, err := a.chain.EstimateFee(ctx, cmp.Or(f.Target, wallet.DefaultTarget))
	if err != nil {
		return 0, fmt.Errorf("estimate fee: %w", err)
	}
	return rate, nil
}
