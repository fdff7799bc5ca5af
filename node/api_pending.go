package node

import (
	"context"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

// Pending lists channels that open, and those that close until all of them that is ours has come home.
func (a apiChannels) Pending(ctx context.Context) (rpc.PendingChannels, error) {
	var out rpc.PendingChannels
	var published map[chainhash.Hash]*wire.MsgTx
	waiting, known := a.claims()
	height := a.Height()
	for _, p := range a.book.all() {
		switch p.shown() {
		case shownOpening:
			out.Opening = append(out.Opening, newPendingOpen(p, height))
		case shownWaiting:
			if published == nil {
				var err error
				if published, err = a.outside.published(ctx); err != nil {
					return out, err
				}
			}
			out.WaitingClose = append(out.WaitingClose, newWaitingClose(p, published))
		case shownForced:
			if !a.recovered(p, waiting, known) {
				out.ForceClosing = append(out.ForceClosing, newForceClosing(p, waiting[p.ChannelID], height))
			}
		}
	}
	return out, nil
}

// claims that wait to be swept or for their sweep to confirm, by channel. known is false before the sweeper has looked.
func (a *api) claims() (waiting map[lnwire.ChannelID][]wallet.Pending, known bool) {
	pending := a.sweeper.sweeper.Pending()
	waiting = make(map[lnwire.ChannelID][]wallet.Pending)
	for i := range pending {
		id := pending[i].Claim.Channel
		waiting[id] = append(waiting[id], pending[i])
	}
	return waiting, pending != nil
}

// recovered tells that nothing is left to claim of a channel whose commitment has confirmed. The claims come a moment after
// the news of the commitment, so that no conclusion is drawn before that one is a few blocks deep.
func (a *api) recovered(p page, waiting map[lnwire.ChannelID][]wallet.Pending, known bool) bool {
	if !known || a.Height() < p.Close.SpentHeight+resolve.ReasonableDepth {
		return false
	}
	for i := range waiting[p.ChannelID] {
		if w := &waiting[p.ChannelID][i]; w.Claim.Recipe.Kind != commitment.SpendAnchor && w.Left != wallet.Uneconomical {
			return false
		}
	}
	return true
}

// published asks for the transactions that are broadcast until they have confirmed.
func (o *outside) published(ctx context.Context) (map[chainhash.Hash]*wire.MsgTx, error) {
	answer := make(chan map[chainhash.Hash]*wire.MsgTx, 1)
	o.do(func() {
		txs := make(map[chainhash.Hash]*wire.MsgTx, len(o.unseen))
		for id, u := range o.unseen {
			txs[id] = u.tx
		}
		answer <- txs
	})
	select {
	case txs := <-answer:
		return txs, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-o.ctx.Done():
		return nil, o.ctx.Err()
	}
}

func newPending(p page) rpc.PendingChannel {
	local, remote := displayed(p.Info)
	return rpc.PendingChannel{
		Point: p.Funding, Peer: p.Peer, Capacity: p.Capacity, LocalBalance: local.Satoshis(), RemoteBalance: remote.Satoshis(),
		LocalReserve: p.Remote.Reserve, RemoteReserve: p.Local.Reserve, Initiator: initiator(p.Opener),
		Type: lnrpc.CommitmentType_ANCHORS, Private: !p.Announce, Status: statusFlags(p.Info),
	}
}

func newPendingOpen(p page, height lnwire.Height) rpc.PendingOpen {
	out := rpc.PendingOpen{
		PendingChannel: newPending(p), CommitFee: p.CommitFee, CommitWeight: p.CommitWeight, FeeRate: p.FeeRate,
		ConfsLeft: p.MinimumDepth - min(p.MinimumDepth, p.Confirmations),
	}
	if p.Confirmations > 0 {
		out.Confirmed = p.SCID.Block()
		return out
	}
	out.BlocksToForget = int32(int64(p.Created) + int64(channel.ForgetAfter) - int64(height))
	return out
}

func newWaitingClose(p page, published map[chainhash.Hash]*wire.MsgTx) rpc.WaitingClose {
	out := rpc.WaitingClose{PendingChannel: newPending(p), LocalTxid: p.Close.Commitment}
	out.Limbo = out.LocalBalance
	switch {
	case p.Close.ClosingTx != nil:
		out.ClosingTx = published[*p.Close.ClosingTx]
	case p.Close.Commitment != nil:
		out.ClosingTx, out.LocalFee = published[*p.Close.Commitment], p.CommitFee
	}
	return out
}

func newForceClosing(p page, waiting []wallet.Pending, height lnwire.Height) rpc.ForceClosing {
	out := rpc.ForceClosing{PendingChannel: newPending(p), ClosingTxid: *p.Close.SpentBy,
		Anchor: lnrpc.PendingChannelsResponse_ForceClosedChannel_LOST}
	var own btcutil.Amount // of the limbo, what is no HTLC
	for i := range waiting {
		w := &waiting[i]
		amount := btcutil.Amount(w.Claim.Output.Value)
		first := w.Claim.OutPoint.Hash == out.ClosingTxid
		switch kind := w.Claim.Recipe.Kind; {
		case kind == commitment.SpendAnchor:
			out.Anchor = lnrpc.PendingChannelsResponse_ForceClosedChannel_LIMBO
			continue
		case first && !ofHTLC(kind):
			own += amount
			if kind == commitment.SpendDelayed {
				out.Maturity, out.BlocksLeft = w.MatureAt, blocksTo(w.MatureAt, height)
			}
		default:
			out.HTLCs = append(out.HTLCs, newPendingHTLC(w, first, height))
		}
		out.Limbo += amount
	}
	if out.LocalBalance >= p.Local.DustLimit && out.LocalBalance > own {
		out.Recovered = out.LocalBalance - own
	}
	return out
}

// ofHTLC tells kinds that spend an HTLC's output.
func ofHTLC(k commitment.Kind) bool {
	switch k {
	case commitment.SpendHTLCTimeout, commitment.SpendHTLCSuccess, commitment.SpendTheirHTLCTimeout,
		commitment.SpendTheirHTLCSuccess, commitment.SpendRevokedHTLC:
		return true
	}
	return false
}

func newPendingHTLC(w *wallet.Pending, first bool, height lnwire.Height) rpc.PendingHTLC {
	kind := w.Claim.Recipe.Kind
	h := rpc.PendingHTLC{
		Incoming: kind == commitment.SpendHTLCSuccess || kind == commitment.SpendTheirHTLCSuccess,
		Amount:   btcutil.Amount(w.Claim.Output.Value), OutPoint: w.Claim.OutPoint, Maturity: w.MatureAt,
		BlocksLeft: blocksTo(w.MatureAt, height), Stage: 1,
	}
	if !first {
		h.Stage = 2
	}
	return h
}

func blocksTo(at, height lnwire.Height) int32 { return int32(int64(at) - int64(height)) }
