package rpc

import (
	"bytes"
	"context"
	"errors"
	"math"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// MinChannel is the smallest channel that a client may open, as in LND.
const MinChannel btcutil.Amount = 20_000

// openCalls open and close channels.
type openCalls struct {
	b       *Backend
	streams *streams
}

// OpenChannel implements lnrpc.LightningServer: chan_pending when the funding transaction is out, chan_open when the
// channel can be used, and then the stream ends.
func (c openCalls) OpenChannel(r *lnrpc.OpenChannelRequest, stream lnrpc.Lightning_OpenChannelServer) error {
	q, stop, err := c.open(stream.Context(), r)
	if err != nil {
		return err
	}
	defer stop()
	return forward(c.streams, stream.Context(), q, func(u OpenUpdate) (bool, error) {
		out := &lnrpc.OpenStatusUpdate{PendingChanId: bytes.Clone(u.PendingID[:])}
		if u.Open {
			out.Update = &lnrpc.OpenStatusUpdate_ChanOpen{ChanOpen: &lnrpc.ChannelOpenUpdate{ChannelPoint: newChannelPoint(u.Point)}}
		} else {
			out.Update = &lnrpc.OpenStatusUpdate_ChanPending{ChanPending: &lnrpc.PendingUpdate{
				Txid: bytes.Clone(u.Point.Hash[:]), OutputIndex: u.Point.Index,
			}}
		}
		return u.Open, stream.Send(out)
	})
}

// OpenChannelSync implements lnrpc.LightningServer: it answers when the funding transaction is out.
func (c openCalls) OpenChannelSync(ctx context.Context, r *lnrpc.OpenChannelRequest) (*lnrpc.ChannelPoint, error) {
	q, stop, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer stop()
	var point *lnrpc.ChannelPoint
	err = q.each(ctx, func(u OpenUpdate) (bool, error) {
		point = newChannelPoint(u.Point)
		return true, nil
	})
	if err == nil && point == nil {
		err = errors.New("the opening ended without a channel")
	}
	return point, err
}

func (c openCalls) open(ctx context.Context, r *lnrpc.OpenChannelRequest) (*queue[OpenUpdate], func(), error) {
	req, err := parseOpen(r)
	if err != nil {
		return nil, nil, err
	}
	info, err := c.b.Node.Info(ctx)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case !info.WalletSynced || !info.SyncedToChain:
		return nil, nil, ErrNotSynced
	case c.b.Keys.NodeID() == req.Peer:
		return nil, nil, invalid("cannot open channel to self")
	}
	q := newQueue[OpenUpdate]()
	stop, err := c.b.Lifecycle.OpenChannel(ctx, req, q)
	return q, stop, err
}

func parseOpen(r *lnrpc.OpenChannelRequest) (o OpenChannel, err error) {
	if r.FundingShim != nil {
		return o, status.Error(codes.Unimplemented, "funding shims are not supported")
	}
	if o.Peer, err = parseOpenPeer(r); err != nil {
		return o, err
	}
	if err = parseOpenAmounts(r, &o); err != nil {
		return o, err
	}
	if o.Fee, err = parseFeeRate(r.TargetConf, r.SatPerVbyte, r.SatPerByte); err != nil {
		return o, err
	}
	if o.MinConfs, err = parseMinConfs(r.MinConfs, r.SpendUnconfirmed); err != nil {
		return o, err
	}
	if o.Inputs, err = parseOutPoints(r.Outpoints); err != nil {
		return o, err
	}
	if err = parseOpenLimits(r, &o); err != nil {
		return o, err
	}
	if len(r.Memo) > maxMemo {
		return o, invalid("provided memo (%s) is of length %d, exceeds %d", r.Memo, len(r.Memo), maxMemo)
	}
	if r.ZeroConf && !r.ScidAlias {
		o.SCIDAlias = true // an unconfirmed channel has no other name
	}
	o.SpendUnconfirmed, o.Private, o.ZeroConf = r.SpendUnconfirmed, r.Private, r.ZeroConf
	o.SCIDAlias = o.SCIDAlias || r.ScidAlias
	o.Type, o.CloseAddress, o.Memo = r.CommitmentType, r.CloseAddress, r.Memo
	return o, nil
}

// maxMemo is the length of the longest note that a channel carries, in bytes.
const maxMemo = 500

func parseOpenPeer(r *lnrpc.OpenChannelRequest) (lnwire.PubKey, error) {
	switch {
	case len(r.NodePubkey) > 0 && r.NodePubkeyString != "":
		return lnwire.PubKey{}, invalid("NodePubkey and NodePubkeyString are mutually exclusive")
	case len(r.NodePubkey) > 0:
		return newKey(r.NodePubkey)
	case r.NodePubkeyString != "":
		return parseKey(r.NodePubkeyString)
	}
	return lnwire.PubKey{}, invalid("NodePubkey is not set")
}

func parseOpenAmounts(r *lnrpc.OpenChannelRequest, o *OpenChannel) (err error) {
	if o.Amount, err = parseSatoshis("local_funding_amount", r.LocalFundingAmount); err != nil {
		return err
	}
	if o.Push, err = parseSatoshis("push_sat", r.PushSat); err != nil {
		return err
	}
	o.FundMax = r.FundMax
	switch {
	case o.FundMax && o.Amount != 0:
		return invalid("local_funding_amount and fund_max are mutually exclusive")
	case o.FundMax:
		return nil
	case o.Amount < MinChannel:
		return invalid("channel is too small, the minimum channel size is: %d SAT", int64(MinChannel))
	case o.Push >= o.Amount:
		return invalid("amount pushed to remote peer for initial state must be below the local funding amount")
	}
	return nil
}

func parseOpenLimits(r *lnrpc.OpenChannelRequest, o *OpenChannel) (err error) {
	if r.MinHtlcMsat < 0 {
		return invalid("min_htlc_msat cannot be negative")
	}
	if o.MinHTLC, err = parseMillisatoshis("min_htlc_msat", uint64(r.MinHtlcMsat)); err != nil {
		return err
	}
	o.RemoteMaxInFlight = limit(r.RemoteMaxValueInFlightMsat)
	if r.RemoteChanReserveSat > uint64(btcutil.MaxSatoshi) {
		return invalid("remote_chan_reserve_sat is more than there is")
	}
	o.RemoteReserve = btcutil.Amount(r.RemoteChanReserveSat)
	if max(r.RemoteCsvDelay, r.MaxLocalCsv, r.RemoteMaxHtlcs) > math.MaxUint16 {
		return invalid("delays and numbers of HTLCs are at most %d", math.MaxUint16)
	}
	o.RemoteCSVDelay, o.MaxLocalCSVDelay, o.RemoteMaxHTLCs = uint16(r.RemoteCsvDelay), uint16(r.MaxLocalCsv), uint16(r.RemoteMaxHtlcs)
	if r.UseBaseFee {
		if r.BaseFee > math.MaxUint32 {
			return invalid("base_fee is at most %d", uint32(math.MaxUint32))
		}
		base := lnwire.MilliSatoshi(r.BaseFee)
		o.BaseFee = &base
	}
	if r.UseFeeRate {
		if r.FeeRate > math.MaxUint32 {
			return invalid("fee_rate is at most %d", uint32(math.MaxUint32))
		}
		rate := uint32(r.FeeRate)
		o.FeeRatePPM = &rate
	}
	return nil
}

// CloseChannel implements lnrpc.LightningServer: close_pending when a closing transaction is out, chan_close when it
// has confirmed, and then the stream ends. no_wait is answered at once with close_instant.
func (c openCalls) CloseChannel(r *lnrpc.CloseChannelRequest, stream lnrpc.Lightning_CloseChannelServer) error {
	req, err := parseClose(r)
	if err != nil {
		return err
	}
	q := newQueue[CloseUpdate]()
	stop, err := c.b.Lifecycle.CloseChannel(stream.Context(), req, q)
	if err != nil {
		return err
	}
	defer stop()
	if r.NoWait {
		instant := &lnrpc.CloseStatusUpdate{Update: &lnrpc.CloseStatusUpdate_CloseInstant{CloseInstant: &lnrpc.InstantUpdate{
			NumPendingHtlcs: c.inFlight(stream.Context(), req.Point),
		}}}
		if err := stream.Send(instant); err != nil {
			return err
		}
	}
	return forward(c.streams, stream.Context(), q, func(u CloseUpdate) (bool, error) {
		return u.Closed, stream.Send(newCloseUpdate(&u))
	})
}

// inFlight counts the HTLCs of a channel for the client's information; 0 where they cannot be told.
func (c openCalls) inFlight(ctx context.Context, point wire.OutPoint) int32 {
	channels, err := c.b.Channels.Open(ctx)
	if err != nil {
		return 0
	}
	for i := range channels {
		if channels[i].Point == point {
			return int32(len(channels[i].HTLCs))
		}
	}
	return 0
}

func parseClose(r *lnrpc.CloseChannelRequest) (c CloseChannel, err error) {
	if r.ChannelPoint == nil {
		return c, invalid("must specify channel point in close channel request")
	}
	if c.Point, err = parsePoint(r.ChannelPoint); err != nil {
		return c, err
	}
	if c.Fee, err = parseFeeRate(r.TargetConf, r.SatPerVbyte, r.SatPerByte); err != nil {
		return c, err
	}
	if c.MaxFee, err = perKW(r.MaxFeePerVbyte); err != nil {
		return c, err
	}
	switch {
	case r.Force && (r.TargetConf != 0 || r.SatPerVbyte != 0 || r.SatPerByte != 0):
		return c, invalid("force closing a channel uses a pre-defined fee")
	case r.Force && r.DeliveryAddress != "":
		return c, invalid("a delivery address cannot be given for a force close")
	case c.MaxFee != 0 && c.Fee.PerKW > c.MaxFee:
		return c, invalid("max_fee_per_vbyte is lower than sat_per_vbyte")
	}
	c.Force, c.Address, c.NoWait = r.Force, r.DeliveryAddress, r.NoWait
	return c, nil
}

func newCloseUpdate(u *CloseUpdate) *lnrpc.CloseStatusUpdate {
	if u.Closed {
		return &lnrpc.CloseStatusUpdate{Update: &lnrpc.CloseStatusUpdate_ChanClose{ChanClose: &lnrpc.ChannelCloseUpdate{
			ClosingTxid: bytes.Clone(u.Txid[:]), Success: true,
			LocalCloseOutput: newCloseOutput(u.Local, true), RemoteCloseOutput: newCloseOutput(u.Remote, false),
		}}}
	}
	return &lnrpc.CloseStatusUpdate{Update: &lnrpc.CloseStatusUpdate_ClosePending{ClosePending: &lnrpc.PendingUpdate{
		Txid: bytes.Clone(u.Txid[:]), OutputIndex: u.Output, FeePerVbyte: int64(perVByte(u.PerKW)), LocalCloseTx: u.LocalTx,
	}}}
}

func newCloseOutput(o *wire.TxOut, local bool) *lnrpc.CloseOutput {
	if o == nil {
		return nil
	}
	return &lnrpc.CloseOutput{AmountSat: o.Value, PkScript: o.PkScript, IsLocal: local}
}
