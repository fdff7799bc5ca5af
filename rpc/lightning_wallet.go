package rpc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"math"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// walletCalls are about funds on the chain.
type walletCalls struct{ b *Backend }

// NewAddress implements lnrpc.LightningServer.
func (c walletCalls) NewAddress(ctx context.Context, r *lnrpc.NewAddressRequest) (*lnrpc.NewAddressResponse, error) {
	if _, ok := lnrpc.AddressType_name[int32(r.Type)]; !ok {
		return nil, invalid("unknown address type: %v", r.Type)
	}
	addr, err := c.b.Funds.NewAddress(ctx, r.Type, r.Account)
	if err != nil {
		return nil, err
	}
	return &lnrpc.NewAddressResponse{Address: addr}, nil
}

// WalletBalance implements lnrpc.LightningServer.
func (c walletCalls) WalletBalance(ctx context.Context, r *lnrpc.WalletBalanceRequest) (*lnrpc.WalletBalanceResponse, error) {
	minConfs := r.MinConfs
	if minConfs == 0 {
		minConfs = 1
	}
	bal, err := c.b.Funds.Balance(ctx, r.Account, minConfs)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.WalletBalanceResponse{
		TotalBalance:              int64(bal.Confirmed + bal.Unconfirmed),
		ConfirmedBalance:          int64(bal.Confirmed),
		UnconfirmedBalance:        int64(bal.Unconfirmed),
		LockedBalance:             int64(bal.Locked),
		ReservedBalanceAnchorChan: int64(bal.Reserved),
		AccountBalance:            make(map[string]*lnrpc.WalletAccountBalance),
	}
	for name, a := range bal.Accounts {
		resp.AccountBalance[name] = &lnrpc.WalletAccountBalance{
			ConfirmedBalance: int64(a.Confirmed), UnconfirmedBalance: int64(a.Unconfirmed),
		}
	}
	return resp, nil
}

// ListUnspent implements lnrpc.LightningServer.
func (c walletCalls) ListUnspent(ctx context.Context, r *lnrpc.ListUnspentRequest) (*lnrpc.ListUnspentResponse, error) {
	q := UnspentQuery{MinConfs: r.MinConfs, MaxConfs: r.MaxConfs, Account: r.Account}
	switch {
	case q.MinConfs < 0:
		return nil, invalid("min_confs (%d) must be >= 0", q.MinConfs)
	case q.MaxConfs == 0 && q.MinConfs > 0:
		q.MaxConfs = math.MaxInt32
	case q.MinConfs > q.MaxConfs:
		return nil, invalid("max_confs (%d) must be >= min_confs (%d)", q.MaxConfs, q.MinConfs)
	}
	utxos, err := c.b.Funds.Unspent(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ListUnspentResponse{}
	for _, u := range utxos {
		resp.Utxos = append(resp.Utxos, &lnrpc.Utxo{
			AddressType: u.Kind, Address: u.Address, AmountSat: int64(u.Amount), PkScript: hex.EncodeToString(u.PkScript),
			Outpoint: newOutPoint(u.OutPoint), Confirmations: u.Confirmations,
		})
	}
	return resp, nil
}

// GetTransactions implements lnrpc.LightningServer. Newest first, unconfirmed before all; a start above the end turns
// the order round.
func (c walletCalls) GetTransactions(ctx context.Context, r *lnrpc.GetTransactionsRequest) (*lnrpc.TransactionDetails, error) {
	q, reversed, err := transactionQuery(r)
	if err != nil {
		return nil, err
	}
	txs, err := c.b.Funds.Transactions(ctx, q)
	if err != nil {
		return nil, err
	}
	order := func(t Transaction) int64 { // unconfirmed last
		if t.Height == 0 {
			return math.MaxInt64
		}
		return int64(t.Height)
	}
	slices.SortStableFunc(txs, func(a, b Transaction) int { return cmp.Compare(order(a), order(b)) })
	if !reversed {
		slices.Reverse(txs)
	}
	resp := &lnrpc.TransactionDetails{}
	from := min(int(r.IndexOffset), len(txs))
	txs = txs[from:]
	if r.MaxTransactions != 0 && int(r.MaxTransactions) < len(txs) {
		txs = txs[:r.MaxTransactions]
	}
	for _, t := range txs {
		tx, err := newTransaction(t)
		if err != nil {
			return nil, err
		}
		resp.Transactions = append(resp.Transactions, tx)
	}
	if len(txs) > 0 {
		resp.FirstIndex, resp.LastIndex = uint64(from), uint64(from+len(txs)-1)
	}
	return resp, nil
}

func transactionQuery(r *lnrpc.GetTransactionsRequest) (q TransactionQuery, reversed bool, err error) {
	from, to := r.StartHeight, r.EndHeight
	if from == 0 && to == 0 {
		to = -1 // no bounds given: everything
	}
	if from < -1 || to < -1 {
		return q, false, invalid("a height cannot be negative, except for -1, which is what is unconfirmed")
	}
	if to != -1 && (from == -1 || from > to) {
		from, to, reversed = to, from, true
	}
	q = TransactionQuery{From: lnwire.Height(max(from, 0)), To: lnwire.Height(max(to, 0)), Account: r.Account}
	if to == -1 {
		q.To, q.Unconfirmed = math.MaxUint32, true
		if from == -1 {
			q.From = math.MaxUint32 // nothing but what is unconfirmed
		}
	}
	return q, reversed, nil
}

func newTransaction(t Transaction) (*lnrpc.Transaction, error) {
	var raw bytes.Buffer
	if err := t.Tx.Serialize(&raw); err != nil {
		return nil, err
	}
	out := &lnrpc.Transaction{
		TxHash: t.Tx.TxHash().String(), Amount: int64(t.Amount), NumConfirmations: t.Confirmations, BlockHeight: int32(t.Height),
		TimeStamp: unix(t.Time), TotalFees: int64(t.Fee), RawTxHex: hex.EncodeToString(raw.Bytes()), Label: t.Label,
	}
	if t.BlockHash != (chainhash.Hash{}) {
		out.BlockHash = t.BlockHash.String()
	}
	for i, o := range t.Outputs {
		if i >= len(t.Tx.TxOut) {
			break
		}
		if o.Address != "" {
			out.DestAddresses = append(out.DestAddresses, o.Address)
		}
		out.OutputDetails = append(out.OutputDetails, &lnrpc.OutputDetail{
			OutputType: o.Kind, Address: o.Address, PkScript: hex.EncodeToString(t.Tx.TxOut[i].PkScript), OutputIndex: int64(i),
			Amount: t.Tx.TxOut[i].Value, IsOurAddress: o.Ours,
		})
	}
	for i, in := range t.Tx.TxIn {
		out.PreviousOutpoints = append(out.PreviousOutpoints, &lnrpc.PreviousOutPoint{
			Outpoint: in.PreviousOutPoint.String(), IsOurOutput: i < len(t.OurInputs) && t.OurInputs[i],
		})
	}
	return out, nil
}

// SendCoins implements lnrpc.LightningServer.
func (c walletCalls) SendCoins(ctx context.Context, r *lnrpc.SendCoinsRequest) (*lnrpc.SendCoinsResponse, error) {
	fee, err := parseFeeRate(r.TargetConf, r.SatPerVbyte, r.SatPerByte)
	if err != nil {
		return nil, err
	}
	amount, err := parseSatoshis("amount", r.Amount)
	if err != nil {
		return nil, err
	}
	switch {
	case r.SendAll && amount != 0:
		return nil, invalid("amount set while SendAll is active")
	case !r.SendAll && amount == 0:
		return nil, invalid("amount must be greater than zero")
	}
	minConfs, err := parseMinConfs(r.MinConfs, r.SpendUnconfirmed)
	if err != nil {
		return nil, err
	}
	inputs, err := parseOutPoints(r.Outpoints)
	if err != nil {
		return nil, err
	}
	txid, err := c.b.Spender.SendCoins(ctx, SendCoins{
		Address: r.Addr, Amount: amount, All: r.SendAll, Fee: fee, MinConfs: minConfs, SpendUnconfirmed: r.SpendUnconfirmed,
		Label: r.Label, Strategy: r.CoinSelectionStrategy, Inputs: inputs,
	})
	if err != nil {
		return nil, err
	}
	return &lnrpc.SendCoinsResponse{Txid: txid.String()}, nil
}

// parseMinConfs fills in the default of one confirmation.
func parseMinConfs(minConfs int32, unconfirmed bool) (int32, error) {
	switch {
	case minConfs < 0:
		return 0, invalid("min_confs cannot be negative")
	case unconfirmed && minConfs > 0:
		return 0, invalid("min_confs must be zero when spend_unconfirmed is set")
	case minConfs == 0 && !unconfirmed:
		return 1, nil
	}
	return minConfs, nil
}

// EstimateFee implements lnrpc.LightningServer.
func (c walletCalls) EstimateFee(ctx context.Context, r *lnrpc.EstimateFeeRequest) (*lnrpc.EstimateFeeResponse, error) {
	if r.TargetConf < 0 {
		return nil, invalid("fee rate and confirmation target cannot be negative")
	}
	minConfs, err := parseMinConfs(r.MinConfs, r.SpendUnconfirmed)
	if err != nil {
		return nil, err
	}
	inputs, err := parseOutPoints(r.Inputs)
	if err != nil {
		return nil, err
	}
	q := FeeQuery{
		Outputs: make(map[string]btcutil.Amount, len(r.AddrToAmount)), Target: uint32(r.TargetConf), MinConfs: minConfs,
		SpendUnconfirmed: r.SpendUnconfirmed, Strategy: r.CoinSelectionStrategy, Inputs: inputs,
	}
	for addr, sat := range r.AddrToAmount {
		if q.Outputs[addr], err = parseSatoshis("AddrToAmount", sat); err != nil {
			return nil, err
		}
	}
	e, err := c.b.Spender.EstimateFee(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.EstimateFeeResponse{
		FeeSat: int64(e.Fee), SatPerVbyte: perVByte(e.PerKW), FeerateSatPerByte: int64(perVByte(e.PerKW)),
	}
	for _, in := range e.Inputs {
		resp.Inputs = append(resp.Inputs, newOutPoint(in))
	}
	return resp, nil
}
