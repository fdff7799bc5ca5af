package rpc

import (
	"context"
	"errors"
	"math"

	"github.com/btcsuite/btcd/btcutil/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// PendingSweeps implements walletrpc.WalletKitServer.
func (k *walletKit) PendingSweeps(ctx context.Context, _ *walletrpc.PendingSweepsRequest) (*walletrpc.PendingSweepsResponse, error) {
	sweeps, err := k.b.Sweeps.PendingSweeps(ctx)
	if err != nil {
		return nil, err
	}
	resp := &walletrpc.PendingSweepsResponse{}
	for _, s := range sweeps {
		p := &walletrpc.PendingSweep{
			Outpoint: newOutPoint(s.OutPoint), WitnessType: s.Witness, AmountSat: amount32(s.Amount), SatPerVbyte: perVByte(s.PerKW),
			RequestedSatPerVbyte: perVByte(s.Asked), Budget: uint64(s.Budget), DeadlineHeight: uint32(s.Deadline),
			MaturityHeight: uint32(s.Maturity),
		}
		if s.Sent {
			p.BroadcastAttempts = 1
		}
		resp.PendingSweeps = append(resp.PendingSweeps, p)
	}
	return resp, nil
}

// amount32 writes what the wire has in 32 bits: 42 bitcoin at most.
func amount32(a btcutil.Amount) uint32 { return uint32(min(a, math.MaxUint32)) }

// ListSweeps implements walletrpc.WalletKitServer. A start of -1 lists what is unconfirmed alone.
func (k *walletKit) ListSweeps(ctx context.Context, r *walletrpc.ListSweepsRequest) (*walletrpc.ListSweepsResponse, error) {
	if r.StartHeight < -1 {
		return nil, invalid("start_height cannot be below -1")
	}
	q := TransactionQuery{From: lnwire.Height(max(r.StartHeight, 0)), To: math.MaxUint32, Unconfirmed: true}
	if r.StartHeight == -1 {
		q.From = math.MaxUint32
	}
	txs, err := k.b.Sweeps.Swept(ctx, q)
	if err != nil {
		return nil, err
	}
	if !r.Verbose {
		ids := &walletrpc.ListSweepsResponse_TransactionIDs{}
		for i := range txs {
			ids.TransactionIds = append(ids.TransactionIds, txs[i].Tx.TxHash().String())
		}
		return &walletrpc.ListSweepsResponse{Sweeps: &walletrpc.ListSweepsResponse_TransactionIds{TransactionIds: ids}}, nil
	}
	details := &lnrpc.TransactionDetails{}
	for i := range txs {
		t, err := newTransaction(txs[i])
		if err != nil {
			return nil, err
		}
		details.Transactions = append(details.Transactions, t)
	}
	return &walletrpc.ListSweepsResponse{Sweeps: &walletrpc.ListSweepsResponse_TransactionDetails{TransactionDetails: details}}, nil
}

// parseBump reads by how much. A delta is LND's word for a target; a budget is the node's own to set.
func parseBump(target, delta uint32, rate, budget uint64) (FeeRate, error) {
	switch {
	case budget != 0:
		return FeeRate{}, status.Error(codes.Unimplemented, "budgets are not supported: what is at stake bounds the fee")
	case target != 0 && delta != 0 && target != delta:
		return FeeRate{}, invalid("either target_conf or deadline_delta should be set, but not both")
	}
	return parseFeeRate(int32(min(max(target, delta), math.MaxInt32)), rate, 0)
}

// BumpFee implements walletrpc.WalletKitServer. The outpoint is one of PendingSweeps, or an unconfirmed coin of the wallet.
func (k *walletKit) BumpFee(ctx context.Context, r *walletrpc.BumpFeeRequest) (*walletrpc.BumpFeeResponse, error) {
	op, err := parseOutPoint(r.Outpoint)
	if err != nil {
		return nil, err
	}
	fee, err := parseBump(r.TargetConf, r.DeadlineDelta, max(r.SatPerVbyte, uint64(r.SatPerByte)), r.Budget)
	if err != nil {
		return nil, err
	}
	err = k.b.Sweeps.BumpSweep(ctx, op, fee)
	if err == nil {
		return &walletrpc.BumpFeeResponse{Status: "Successfully registered rbf-tx with sweeper"}, nil
	}
	if !errors.Is(err, ErrSweepNotFound) {
		return nil, err
	}
	if err := k.b.Sweeps.BumpCoin(ctx, op, fee); err != nil {
		return nil, err
	}
	return &walletrpc.BumpFeeResponse{Status: "Successfully registered CPFP-tx with the sweeper"}, nil
}

// BumpForceCloseFee implements walletrpc.WalletKitServer.
func (k *walletKit) BumpForceCloseFee(ctx context.Context, r *walletrpc.BumpForceCloseFeeRequest) (*walletrpc.BumpForceCloseFeeResponse, error) {
	point, err := parsePoint(r.ChanPoint)
	if err != nil {
		return nil, err
	}
	fee, err := parseBump(r.TargetConf, r.DeadlineDelta, r.StartingFeerate, r.Budget)
	if err != nil {
		return nil, err
	}
	if err := k.b.Sweeps.BumpForceClose(ctx, point, fee); err != nil {
		return nil, err
	}
	return &walletrpc.BumpForceCloseFeeResponse{Status: "Successfully registered anchor-cpfp transaction to bump channel force close transaction"}, nil
}
