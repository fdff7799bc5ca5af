package rpc

import (
	"context"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// channelCalls show channels.
type channelCalls struct {
	b         *Backend
	streams   *streams
	chainHash string
}

// ListChannels implements lnrpc.LightningServer.
func (c channelCalls) ListChannels(ctx context.Context, r *lnrpc.ListChannelsRequest) (*lnrpc.ListChannelsResponse, error) {
	switch {
	case r.ActiveOnly && r.InactiveOnly:
		return nil, invalid("either `active_only` or `inactive_only` can be set, but not both")
	case r.PublicOnly && r.PrivateOnly:
		return nil, invalid("either `public_only` or `private_only` can be set, but not both")
	}
	var peer lnwire.PubKey
	if len(r.Peer) > 0 {
		var err error
		if peer, err = newKey(r.Peer); err != nil {
			return nil, err
		}
	}
	channels, err := c.b.Channels.Open(ctx)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ListChannelsResponse{}
	for i := range channels {
		ch := &channels[i]
		if r.ActiveOnly && !ch.Active || r.InactiveOnly && ch.Active ||
			r.PublicOnly && ch.Private || r.PrivateOnly && !ch.Private || !peer.IsZero() && peer != ch.Peer {
			continue
		}
		out := newChannel(ch)
		if !r.PeerAliasLookup {
			out.PeerAlias = ""
		}
		resp.Channels = append(resp.Channels, out)
	}
	return resp, nil
}

func newChannel(c *Channel) *lnrpc.Channel {
	out := &lnrpc.Channel{
		Active: c.Active, RemotePubkey: c.Peer.String(), PeerAlias: c.PeerAlias, ChannelPoint: c.Point.String(), ChanId: uint64(c.ID),
		Capacity: int64(c.Capacity), LocalBalance: int64(c.LocalBalance.Satoshis()), RemoteBalance: int64(c.RemoteBalance.Satoshis()),
		CommitFee: int64(c.CommitFee), CommitWeight: c.CommitWeight, FeePerKw: int64(c.FeeRate),
		TotalSatoshisSent: int64(c.Sent.Satoshis()), TotalSatoshisReceived: int64(c.Received.Satoshis()), NumUpdates: c.Updates,
		CsvDelay: uint32(c.Local.CSVDelay), Private: c.Private, Initiator: c.Initiator, ChanStatusFlags: statusFlags(c.Status),
		LocalChanReserveSat: int64(c.Local.Reserve), RemoteChanReserveSat: int64(c.Remote.Reserve),
		StaticRemoteKey: c.Type == lnrpc.CommitmentType_STATIC_REMOTE_KEY, CommitmentType: c.Type,
		Lifetime: int64(c.Lifetime.Seconds()), Uptime: int64(c.Uptime.Seconds()), CloseAddress: c.CloseAddress,
		PushAmountSat: uint64(c.Pushed), LocalConstraints: newConstraints(&c.Local), RemoteConstraints: newConstraints(&c.Remote),
		AliasScids: newSCIDs(c.Aliases), ZeroConf: c.ZeroConf, ZeroConfConfirmedScid: uint64(c.Confirmed),
		PeerScidAlias: uint64(c.PeerSCIDAlias), Memo: c.Memo,
	}
	for _, h := range c.HTLCs {
		out.UnsettledBalance += int64(h.Amount.Satoshis())
		out.PendingHtlcs = append(out.PendingHtlcs, &lnrpc.HTLC{
			Incoming: h.Incoming, Amount: int64(h.Amount.Satoshis()), HashLock: h.Hash[:], ExpirationHeight: uint32(h.Expiry),
			HtlcIndex: h.ID, ForwardingChannel: uint64(h.ForwardSCID), ForwardingHtlcIndex: h.ForwardHTLC, LockedIn: h.LockedIn,
		})
	}
	return out
}

// statusFlags fills in LND's word for a channel that nothing is the matter with.
func statusFlags(s string) string {
	if s == "" {
		return "ChanStatusDefault"
	}
	return s
}

func newConstraints(c *Constraints) *lnrpc.ChannelConstraints {
	return &lnrpc.ChannelConstraints{
		CsvDelay: uint32(c.CSVDelay), ChanReserveSat: uint64(c.Reserve), DustLimitSat: uint64(c.DustLimit),
		MaxPendingAmtMsat: uint64(c.MaxInFlight), MinHtlcMsat: uint64(c.MinHTLC), MaxAcceptedHtlcs: uint32(c.MaxHTLCs),
	}
}

func newSCIDs(ids []lnwire.ShortChannelID) (out []uint64) {
	for _, id := range ids {
		out = append(out, uint64(id))
	}
	return out
}

func parseSCIDs(ids []uint64) (out []lnwire.ShortChannelID) {
	for _, id := range ids {
		out = append(out, lnwire.ShortChannelID(id))
	}
	return out
}

// ClosedChannels implements lnrpc.LightningServer.
func (c channelCalls) ClosedChannels(ctx context.Context, r *lnrpc.ClosedChannelsRequest) (*lnrpc.ClosedChannelsResponse, error) {
	wanted := map[lnrpc.ChannelCloseSummary_ClosureType]bool{
		lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE:  r.Cooperative,
		lnrpc.ChannelCloseSummary_LOCAL_FORCE_CLOSE:  r.LocalForce,
		lnrpc.ChannelCloseSummary_REMOTE_FORCE_CLOSE: r.RemoteForce,
		lnrpc.ChannelCloseSummary_BREACH_CLOSE:       r.Breach,
		lnrpc.ChannelCloseSummary_FUNDING_CANCELED:   r.FundingCanceled,
		lnrpc.ChannelCloseSummary_ABANDONED:          r.Abandoned,
	}
	all := !(r.Cooperative || r.LocalForce || r.RemoteForce || r.Breach || r.FundingCanceled || r.Abandoned)
	closed, err := c.b.Channels.Closed(ctx)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ClosedChannelsResponse{}
	for i := range closed {
		if all || wanted[closed[i].Kind] {
			resp.Channels = append(resp.Channels, c.newSummary(&closed[i]))
		}
	}
	return resp, nil
}

func (c channelCalls) newSummary(ch *ClosedChannel) *lnrpc.ChannelCloseSummary {
	out := &lnrpc.ChannelCloseSummary{
		ChannelPoint: ch.Point.String(), ChanId: uint64(ch.ID), ChainHash: c.chainHash, ClosingTxHash: ch.ClosingTxid.String(),
		RemotePubkey: ch.Peer.String(), Capacity: int64(ch.Capacity), CloseHeight: uint32(ch.Height),
		SettledBalance: int64(ch.Settled), TimeLockedBalance: int64(ch.TimeLocked), CloseType: ch.Kind,
		OpenInitiator: ch.OpenInitiator, CloseInitiator: ch.CloseInitiator,
		AliasScids: newSCIDs(ch.Aliases), ZeroConfConfirmedScid: uint64(ch.Confirmed),
	}
	for _, r := range ch.Resolutions {
		res := &lnrpc.Resolution{
			ResolutionType: r.Kind, Outcome: r.Outcome, Outpoint: newOutPoint(r.Output), AmountSat: uint64(r.Amount),
		}
		if r.Sweep != nil {
			res.SweepTxid = r.Sweep.String()
		}
		out.Resolutions = append(out.Resolutions, res)
	}
	return out
}

// ChannelBalance implements lnrpc.LightningServer.
func (c channelCalls) ChannelBalance(ctx context.Context, _ *lnrpc.ChannelBalanceRequest) (*lnrpc.ChannelBalanceResponse, error) {
	channels, err := c.b.Channels.Open(ctx)
	if err != nil {
		return nil, err
	}
	pending, err := c.b.Channels.Pending(ctx)
	if err != nil {
		return nil, err
	}
	var local, remote, unsettledLocal, unsettledRemote, openingLocal, openingRemote lnwire.MilliSatoshi
	for i := range channels {
		local += channels[i].LocalBalance
		remote += channels[i].RemoteBalance
		for _, h := range channels[i].HTLCs {
			if h.Incoming {
				unsettledRemote += h.Amount
			} else {
				unsettledLocal += h.Amount
			}
		}
	}
	for i := range pending.Opening {
		openingLocal += lnwire.FromSatoshis(pending.Opening[i].LocalBalance)
		openingRemote += lnwire.FromSatoshis(pending.Opening[i].RemoteBalance)
	}
	return &lnrpc.ChannelBalanceResponse{
		Balance: int64(local.Satoshis()), PendingOpenBalance: int64(openingLocal.Satoshis()),
		LocalBalance: newAmount(local), RemoteBalance: newAmount(remote),
		UnsettledLocalBalance: newAmount(unsettledLocal), UnsettledRemoteBalance: newAmount(unsettledRemote),
		PendingOpenLocalBalance: newAmount(openingLocal), PendingOpenRemoteBalance: newAmount(openingRemote),
	}, nil
}

func newAmount(m lnwire.MilliSatoshi) *lnrpc.Amount {
	return &lnrpc.Amount{Sat: uint64(m.Satoshis()), Msat: uint64(m)}
}

// SubscribeChannelEvents implements lnrpc.LightningServer.
func (c channelCalls) SubscribeChannelEvents(_ *lnrpc.ChannelEventSubscription, stream lnrpc.Lightning_SubscribeChannelEventsServer) error {
	q := newQueue[ChannelEvent]()
	stop, err := c.b.Channels.SubscribeChannels(stream.Context(), q)
	if err != nil {
		return err
	}
	defer stop()
	return forward(c.streams, stream.Context(), q, func(e ChannelEvent) (bool, error) {
		update := c.newEvent(&e)
		if update == nil {
			return false, nil
		}
		return false, stream.Send(update)
	})
}

// newEvent returns nil where e lacks what its kind shows.
func (c channelCalls) newEvent(e *ChannelEvent) *lnrpc.ChannelEventUpdate {
	out := &lnrpc.ChannelEventUpdate{Type: e.Kind}
	point := newChannelPoint(e.Point)
	switch e.Kind {
	case lnrpc.ChannelEventUpdate_PENDING_OPEN_CHANNEL:
		out.Channel = &lnrpc.ChannelEventUpdate_PendingOpenChannel{PendingOpenChannel: &lnrpc.PendingUpdate{
			Txid: e.Point.Hash[:], OutputIndex: e.Point.Index,
		}}
	case lnrpc.ChannelEventUpdate_OPEN_CHANNEL:
		if e.Opened == nil {
			return nil
		}
		out.Channel = &lnrpc.ChannelEventUpdate_OpenChannel{OpenChannel: newChannel(e.Opened)}
	case lnrpc.ChannelEventUpdate_CHANNEL_UPDATE:
		if e.Opened == nil {
			return nil
		}
		out.Channel = &lnrpc.ChannelEventUpdate_UpdatedChannel{UpdatedChannel: &lnrpc.ChannelCommitUpdate{Channel: newChannel(e.Opened)}}
	case lnrpc.ChannelEventUpdate_CLOSED_CHANNEL:
		if e.Closed == nil {
			return nil
		}
		out.Channel = &lnrpc.ChannelEventUpdate_ClosedChannel{ClosedChannel: c.newSummary(e.Closed)}
	case lnrpc.ChannelEventUpdate_ACTIVE_CHANNEL:
		out.Channel = &lnrpc.ChannelEventUpdate_ActiveChannel{ActiveChannel: point}
	case lnrpc.ChannelEventUpdate_INACTIVE_CHANNEL:
		out.Channel = &lnrpc.ChannelEventUpdate_InactiveChannel{InactiveChannel: point}
	case lnrpc.ChannelEventUpdate_FULLY_RESOLVED_CHANNEL:
		out.Channel = &lnrpc.ChannelEventUpdate_FullyResolvedChannel{FullyResolvedChannel: point}
	case lnrpc.ChannelEventUpdate_CHANNEL_FUNDING_TIMEOUT:
		out.Channel = &lnrpc.ChannelEventUpdate_ChannelFundingTimeout{ChannelFundingTimeout: point}
	}
	return out
}

// sumLimbo adds up what is ours and has not come back yet.
func sumLimbo(p *PendingChannels) (sum btcutil.Amount) {
	for i := range p.WaitingClose {
		sum += p.WaitingClose[i].Limbo
	}
	for i := range p.ForceClosing {
		sum += p.ForceClosing[i].Limbo
	}
	return sum
}
