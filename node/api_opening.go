package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// planOpening checks a request and makes the node's order of it.
func (a *api) planOpening(ctx context.Context, r *rpc.OpenChannel) (o Opening, err error) {
	if err := a.mayOpen(r); err != nil {
		return o, err
	}
	o = Opening{
		Peer: r.Peer, Capacity: r.Amount, Push: lnwire.FromSatoshis(r.Push), Private: r.Private,
		Selection: selection(r.Fee, r.MinConfs, r.Inputs), HTLCMinimum: r.MinHTLC, RemoteDelay: r.RemoteCSVDelay,
		MaxLocalDelay: r.MaxLocalCSVDelay, RemoteInFlight: r.RemoteMaxInFlight, RemoteHTLCs: r.RemoteMaxHTLCs,
		RemoteReserve: r.RemoteReserve, FeeRate: r.FeeRatePPM,
	}
	if r.BaseFee != nil {
		base := uint32(*r.BaseFee) // rpc has checked that it fits
		o.FeeBase = &base
	}
	if r.CloseAddress != "" {
		if o.CloseScript, err = a.wallet.Script(r.CloseAddress); err != nil {
			return o, err
		}
	}
	if r.FundMax {
		return o, a.fundMax(ctx, r, &o)
	}
	if most := a.cfg.Channels.MaxSize; r.Amount > most {
		return o, fmt.Errorf("funding amount is too large, the max channel size is: %v", most)
	}
	return o, a.affordable(ctx, &o)
}

// mayOpen refuses what does not depend on coins.
func (a *api) mayOpen(r *rpc.OpenChannel) error {
	switch {
	case r.Type != lnrpc.CommitmentType_UNKNOWN_COMMITMENT_TYPE && r.Type != lnrpc.CommitmentType_ANCHORS:
		return status.Errorf(codes.Unimplemented, "channels of type %v are not supported", r.Type)
	case r.ZeroConf:
		return status.Error(codes.Unimplemented, "zero-conf channels are not supported")
	case r.SCIDAlias:
		return status.Error(codes.Unimplemented, "channels of type scid-alias are not supported")
	case a.linkOf(r.Peer) == nil:
		return &rpc.PeerOffline{ID: r.Peer}
	}
	pending := 0
	for _, p := range a.book.all() {
		if p.Peer == r.Peer && p.Phase < channel.PhaseOpen {
			pending++
		}
	}
	if pending >= peer.MaxPending {
		return rpc.ErrTooManyPending
	}
	return nil
}

// anyFunding stands for a funding output before its keys are known: a script of the same length.
var anyFunding = append([]byte{0x00, 0x20}, make([]byte, 32)...)

// affordable answers at once what the wallet would refuse when the peer has accepted.
func (a *api) affordable(ctx context.Context, o *Opening) error {
	_, err := a.wallet.Quote(ctx, wallet.SendRequest{Outputs: []wire.TxOut{{Value: int64(o.Capacity), PkScript: anyFunding}}, Selection: o.Selection})
	return a.fundingError(err, o.Capacity)
}

// fundingError words the wallet's refusals as clients match them.
func (a *api) fundingError(err error, need btcutil.Amount) error {
	if errors.Is(err, wallet.ErrInsufficientFunds) {
		b, berr := a.wallet.Balance(1)
		if berr != nil {
			return berr
		}
		return fmt.Errorf("not enough witness outputs to create funding transaction, need %v only have %v available", need, b.Confirmed)
	}
	if err != nil {
		return fundsError(err)
	}
	return nil
}

// fundMax finds the largest channel that the wallet can pay for, by making its transaction and giving it up. The real one
// spends the same coins at the same rate.
func (a *api) fundMax(ctx context.Context, r *rpc.OpenChannel, o *Opening) error {
	rate, err := a.feeRate(ctx, r.Fee)
	if err != nil {
		return err
	}
	o.Selection.FeeRate, o.Selection.Target = rate, 0
	f, err := a.wallet.Fund(ctx, wallet.FundRequest{Script: anyFunding, All: true, Max: a.cfg.Channels.MaxSize, Selection: o.Selection})
	if err != nil {
		return a.fundingError(err, rpc.MinChannel)
	}
	if err := a.wallet.Unfund(f); err != nil {
		return err
	}
	o.Capacity, o.Selection.Coins = f.Amount, nil
	for _, in := range f.Tx.TxIn {
		o.Selection.Coins = append(o.Selection.Coins, in.PreviousOutPoint)
	}
	switch {
	case o.Capacity < rpc.MinChannel:
		return fmt.Errorf("available balance(%v) below minimum amount(%v)", o.Capacity, rpc.MinChannel)
	case r.Push >= o.Capacity:
		return errors.New("amount pushed to remote peer for initial state must be below the local funding amount")
	}
	return nil
}

// closed is the last update of a closing. The outputs of an agreed one are told apart by the scripts that were agreed on;
// where nothing of it was ours, the wallet does not know it.
func (w *closeWatch) closed(i *channel.Info) rpc.CloseUpdate {
	u := rpc.CloseUpdate{Txid: *i.Close.SpentBy, Closed: true}
	if i.Close.Kind != resolve.Cooperative {
		return u
	}
	t, err := w.wallet.Transaction(u.Txid)
	if err != nil {
		w.log.Debug("outputs of a closing transaction are not shown", "txid", u.Txid, "err", err)
		return u
	}
	for _, out := range t.Tx.TxOut {
		switch {
		case u.Local == nil && bytes.Equal(out.PkScript, i.Local.Shutdown):
			u.Local = out
		case u.Remote == nil && bytes.Equal(out.PkScript, i.Remote.Shutdown):
			u.Remote = out
		}
	}
	return u
}
