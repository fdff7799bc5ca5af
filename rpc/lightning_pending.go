package rpc

import (
	"bytes"
	"context"
	"encoding/hex"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// PendingChannels implements lnrpc.LightningServer.
func (c channelCalls) PendingChannels(ctx context.Context, r *lnrpc.PendingChannelsRequest) (*lnrpc.PendingChannelsResponse, error) {
	p, err := c.b.Channels.Pending(ctx)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.PendingChannelsResponse{TotalLimboBalance: int64(sumLimbo(&p))}
	for i := range p.Opening {
		resp.PendingOpenChannels = append(resp.PendingOpenChannels, newPendingOpen(&p.Opening[i]))
	}
	for i := range p.WaitingClose {
		w, err := newWaitingClose(&p.WaitingClose[i], r.IncludeRawTx)
		if err != nil {
			return nil, err
		}
		resp.WaitingCloseChannels = append(resp.WaitingCloseChannels, w)
	}
	for i := range p.ForceClosing {
		resp.PendingForceClosingChannels = append(resp.PendingForceClosingChannels, newForceClosing(&p.ForceClosing[i]))
	}
	return resp, nil
}

func newPending(p *PendingChannel) *lnrpc.PendingChannelsResponse_PendingChannel {
	return &lnrpc.PendingChannelsResponse_PendingChannel{
		RemoteNodePub: p.Peer.String(), ChannelPoint: p.Point.String(), Capacity: int64(p.Capacity),
		LocalBalance: int64(p.LocalBalance), RemoteBalance: int64(p.RemoteBalance),
		LocalChanReserveSat: int64(p.LocalReserve), RemoteChanReserveSat: int64(p.RemoteReserve),
		Initiator: p.Initiator, CommitmentType: p.Type, ChanStatusFlags: statusFlags(p.Status), Private: p.Private, Memo: p.Memo,
	}
}

func newPendingOpen(p *PendingOpen) *lnrpc.PendingChannelsResponse_PendingOpenChannel {
	return &lnrpc.PendingChannelsResponse_PendingOpenChannel{
		Channel: newPending(&p.PendingChannel), CommitFee: int64(p.CommitFee), CommitWeight: p.CommitWeight,
		FeePerKw: int64(p.FeeRate), FundingExpiryBlocks: p.BlocksToForget, ConfirmationsUntilActive: p.ConfsLeft,
		ConfirmationHeight: uint32(p.Confirmed),
	}
}

func newWaitingClose(w *WaitingClose, raw bool) (*lnrpc.PendingChannelsResponse_WaitingCloseChannel, error) {
	out := &lnrpc.PendingChannelsResponse_WaitingCloseChannel{
		Channel: newPending(&w.PendingChannel), LimboBalance: int64(w.Limbo),
		Commitments: &lnrpc.PendingChannelsResponse_Commitments{
			LocalTxid: txidOrEmpty(w.LocalTxid), RemoteTxid: txidOrEmpty(w.RemoteTxid), RemotePendingTxid: txidOrEmpty(w.NextRemote),
			LocalCommitFeeSat: uint64(w.LocalFee), RemoteCommitFeeSat: uint64(w.RemoteFee), RemotePendingCommitFeeSat: uint64(w.NextFee),
		},
	}
	if w.ClosingTx == nil {
		return out, nil
	}
	out.ClosingTxid = w.ClosingTx.TxHash().String()
	if raw {
		var buf bytes.Buffer
		if err := w.ClosingTx.Serialize(&buf); err != nil {
			return nil, err
		}
		out.ClosingTxHex = hex.EncodeToString(buf.Bytes())
	}
	return out, nil
}

func txidOrEmpty(h *chainhash.Hash) string {
	if h == nil {
		return ""
	}
	return h.String()
}

func newForceClosing(f *ForceClosing) *lnrpc.PendingChannelsResponse_ForceClosedChannel {
	out := &lnrpc.PendingChannelsResponse_ForceClosedChannel{
		Channel: newPending(&f.PendingChannel), ClosingTxid: f.ClosingTxid.String(), LimboBalance: int64(f.Limbo),
		MaturityHeight: uint32(f.Maturity), BlocksTilMaturity: f.BlocksLeft, RecoveredBalance: int64(f.Recovered), Anchor: f.Anchor,
	}
	for _, h := range f.HTLCs {
		out.PendingHtlcs = append(out.PendingHtlcs, &lnrpc.PendingHTLC{
			Incoming: h.Incoming, Amount: int64(h.Amount), Outpoint: h.OutPoint.String(), MaturityHeight: uint32(h.Maturity),
			BlocksTilMaturity: h.BlocksLeft, Stage: h.Stage,
		})
	}
	return out
}
