package node

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// apiChannels implements rpc.Channels.
type apiChannels struct{ *api }

// list is where LND's clients look for a channel.
type list uint8

const (
	shownNowhere list = iota // not funded
	shownOpening
	shownOpen
	shownWaiting // for a closing transaction to confirm
	shownForced  // a commitment is in the chain
	shownClosed  // an agreed closing transaction is in the chain
)

// shown sorts the phases into LND's lists.
func (p page) shown() list {
	switch p.Phase {
	case channel.PhasePending:
		return shownOpening
	case channel.PhaseOpen:
		return shownOpen
	case channel.PhaseClosing:
		if p.Close.ClosingTx == nil {
			return shownOpen
		}
		return shownWaiting
	case channel.PhaseOnchain:
		switch {
		case p.Close.SpentBy == nil:
			return shownWaiting
		case p.Close.Kind == resolve.Cooperative:
			return shownClosed
		}
		return shownForced
	}
	return shownNowhere
}

// Open lists the channels that payments use, and those that are about to close but have no closing transaction.
func (a apiChannels) Open(context.Context) ([]rpc.Channel, error) {
	v := a.viewer()
	var out []rpc.Channel
	for _, p := range v.pages {
		if p.shown() == shownOpen {
			out = append(out, v.channel(p))
		}
	}
	return out, nil
}

// viewer shows channels as of one moment.
type viewer struct {
	pages    []page
	graph    *router.Snapshot
	params   *chaincfg.Params
	now      time.Time
	started  time.Time
	link     func(lnwire.PubKey) *peer.Link
	outgoing map[channel.Origin]forwardRef // by the incoming HTLC
	names    map[lnwire.ChannelID]lnwire.ShortChannelID
}

// forwardRef is the outgoing half of a forward.
type forwardRef struct {
	scid lnwire.ShortChannelID
	id   uint64
}

func (a *api) viewer() *viewer {
	v := newViewer(a.book.all(), a.cfg.Params)
	v.graph, v.now, v.started, v.link = a.graph.Snapshot(), time.Now(), a.Started, a.linkOf
	return v
}

func newViewer(pages []page, params *chaincfg.Params) *viewer {
	v := &viewer{pages: pages, params: params, outgoing: make(map[channel.Origin]forwardRef),
		names: make(map[lnwire.ChannelID]lnwire.ShortChannelID, len(pages))}
	for _, p := range pages {
		v.names[p.ChannelID] = p.name()
		for i := range p.HTLCs {
			if h := &p.HTLCs[i]; !h.Incoming && h.Origin.Channel != (lnwire.ChannelID{}) {
				v.outgoing[h.Origin] = forwardRef{p.name(), h.ID}
			}
		}
	}
	return v
}

func (v *viewer) channel(p page) rpc.Channel {
	local, remote := displayed(p.Info)
	c := rpc.Channel{
		Point: p.Funding, ID: p.name(), PeerSCIDAlias: p.RemoteAlias, Peer: p.Peer, PeerAlias: nameOf(v.graph, p.Peer),
		Active: p.Active, Private: !p.Announce, Initiator: p.Opener, Type: lnrpc.CommitmentType_ANCHORS,
		Capacity: p.Capacity, LocalBalance: local, RemoteBalance: remote, CommitFee: p.CommitFee, CommitWeight: p.CommitWeight,
		FeeRate: p.FeeRate, Pushed: p.Push.Satoshis(), Updates: p.LocalNumber,
		Sent: p.Local.Paid, Received: p.Remote.Paid,
		Local: constraints(&p.Local, &p.Remote), Remote: constraints(&p.Remote, &p.Local),
		CloseAddress: addressOf(p.Local.UpfrontShutdown, v.params), Status: statusFlags(p.Info),
	}
	if p.Alias != 0 {
		c.Aliases = []lnwire.ShortChannelID{p.Alias}
	}
	for i := range p.HTLCs {
		if h := &p.HTLCs[i]; inOurs(h) {
			c.HTLCs = append(c.HTLCs, v.htlc(p, h))
		}
	}
	c.Lifetime = v.now.Sub(v.started)
	if l := v.link(p.Peer); l != nil {
		c.Uptime = min(v.now.Sub(l.Since), c.Lifetime)
	}
	return c
}

func (v *viewer) htlc(p page, h *channel.HTLCInfo) rpc.ChannelHTLC {
	out := rpc.ChannelHTLC{Incoming: h.Incoming, ID: h.ID, Amount: h.Amount, Hash: h.Hash, Expiry: lnwire.Height(h.Expiry),
		LockedIn: h.Stage >= channel.Locked}
	if !h.Incoming {
		if h.Origin.Channel != (lnwire.ChannelID{}) {
			out.ForwardSCID, out.ForwardHTLC = v.names[h.Origin.Channel], h.Origin.ID
		}
		return out
	}
	if f, ok := v.outgoing[channel.Origin{Channel: p.ChannelID, ID: h.ID}]; ok {
		out.ForwardSCID, out.ForwardHTLC = f.scid, f.id
	}
	return out
}

// inOurs tells whether our latest commitment has the HTLC, so that neither balance does. Updates reach the receiver's
// commitment first.
func inOurs(h *channel.HTLCInfo) bool {
	if h.Incoming {
		return channel.AddSigned <= h.Stage && h.Stage <= channel.RmRevoked
	}
	return channel.AddAcked <= h.Stage && h.Stage <= channel.RmSent
}

// displayed are the balances as outputs of our commitment: the opener's is less by the fee and both anchors.
func displayed(i *channel.Info) (local, remote lnwire.MilliSatoshi) {
	local, remote = i.Local.Balance, i.Remote.Balance
	cost := lnwire.FromSatoshis(i.CommitFee + commitment.AnchorsCost(commitment.Anchors))
	payer := &remote
	if i.Opener {
		payer = &local
	}
	*payer -= min(*payer, cost)
	return local, remote
}

// constraints that bind one side: what the other imposes on it, and the dust limit of its own commitment.
func constraints(own, imposed *channel.PartyInfo) rpc.Constraints {
	return rpc.Constraints{
		CSVDelay: imposed.ToSelfDelay, Reserve: imposed.Reserve, DustLimit: own.DustLimit, MaxInFlight: imposed.MaxInFlight,
		MinHTLC: imposed.HTLCMinimum, MaxHTLCs: imposed.MaxAcceptedHTLCs,
	}
}

// statusFlags is LND's word for what is unusual about a channel.
func statusFlags(i *channel.Info) string {
	switch {
	case i.DataLoss:
		return "ChanStatusLocalDataLoss"
	case i.Close.ClosingTx != nil:
		return "ChanStatusCoopBroadcasted"
	case i.Close.Forced:
		return "ChanStatusCommitBroadcasted"
	}
	return ""
}

func nameOf(s *router.Snapshot, id lnwire.PubKey) string {
	if n, ok := s.Node(id); ok {
		return n.Name()
	}
	return ""
}

// addressOf is the address that a script pays to, empty where there is none.
func addressOf(script []byte, params *chaincfg.Params) string {
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(script, params)
	if err != nil || len(addrs) != 1 {
		return ""
	}
	return addrs[0].EncodeAddress()
}

// Closed lists channels of which a closing transaction has confirmed, those that were opened first first. One that was
// closed by a commitment is here when all of it that is ours has come home.
func (a apiChannels) Closed(context.Context) ([]rpc.ClosedChannel, error) {
	ended, err := closedChannels(a.ledger)
	if err != nil {
		return nil, err
	}
	v := a.viewer()
	waiting, known := a.claims()
	for _, p := range v.pages {
		if at := p.shown(); at == shownClosed || at == shownForced && a.recovered(p, waiting, known) {
			x := newClosed(p.Ref, p.Info)
			ended = append(ended, x)
		}
	}
	slices.SortStableFunc(ended, func(x, y Closed) int { return cmp.Compare(x.Index, y.Index) })
	out := make([]rpc.ClosedChannel, 0, len(ended))
	for i := range ended {
		if i == 0 || ended[i].Index != ended[i-1].Index { // one may have ended in between
			out = append(out, a.closed(&ended[i]))
		}
	}
	return out, nil
}

func (a apiChannels) closed(x *Closed) rpc.ClosedChannel {
	out := rpc.ClosedChannel{
		Point: x.Funding, ID: x.SCID, Peer: x.Peer, Capacity: x.Capacity, ClosingTxid: x.Txid, Height: x.Height,
		Kind: closureType(x), OpenInitiator: initiator(x.Opener),
	}
	switch out.Kind {
	case lnrpc.ChannelCloseSummary_LOCAL_FORCE_CLOSE:
		out.CloseInitiator, out.TimeLocked = lnrpc.Initiator_INITIATOR_LOCAL, x.Balance
	case lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE:
		out.Settled = x.Balance
	default:
		out.CloseInitiator, out.Settled = lnrpc.Initiator_INITIATOR_REMOTE, x.Balance
	}
	return out
}

// closureType: who published what.
func closureType(x *Closed) lnrpc.ChannelCloseSummary_ClosureType {
	switch x.Kind {
	case resolve.Cooperative:
		return lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE
	case resolve.LocalCommitment, resolve.OutdatedCommitment:
		return lnrpc.ChannelCloseSummary_LOCAL_FORCE_CLOSE
	case resolve.RevokedCommitment:
		return lnrpc.ChannelCloseSummary_BREACH_CLOSE
	}
	return lnrpc.ChannelCloseSummary_REMOTE_FORCE_CLOSE
}

func initiator(local bool) lnrpc.Initiator {
	if local {
		return lnrpc.Initiator_INITIATOR_LOCAL
	}
	return lnrpc.Initiator_INITIATOR_REMOTE
}

// SubscribeChannels tells what became durable, from now.
func (a apiChannels) SubscribeChannels(_ context.Context, s rpc.Sink[rpc.ChannelEvent]) (func(), error) {
	return a.news.subscribe(sinkFunc[channelNews](func(x channelNews) {
		for _, e := range a.events(&x) {
			s.Send(e)
		}
	})), nil
}

// events are what LND would tell of a notice.
func (a apiChannels) events(x *channelNews) []rpc.ChannelEvent {
	p := page{x.Ref, x.Info}
	e := rpc.ChannelEvent{Point: p.Funding}
	switch x.Notice.Kind {
	case channel.NoticePending:
		e.Kind = lnrpc.ChannelEventUpdate_PENDING_OPEN_CHANNEL
	case channel.NoticeOpen:
		c := a.viewer().channel(p)
		e.Kind, e.Opened = lnrpc.ChannelEventUpdate_OPEN_CHANNEL, &c
	case channel.NoticeActive:
		e.Kind = lnrpc.ChannelEventUpdate_ACTIVE_CHANNEL
	case channel.NoticeInactive:
		e.Kind = lnrpc.ChannelEventUpdate_INACTIVE_CHANNEL
	case channel.NoticeSpent:
		ended := newClosed(p.Ref, p.Info)
		c := a.closed(&ended)
		e.Kind, e.Closed = lnrpc.ChannelEventUpdate_CLOSED_CHANNEL, &c
		if p.shown() == shownClosed {
			return []rpc.ChannelEvent{e, {Kind: lnrpc.ChannelEventUpdate_FULLY_RESOLVED_CHANNEL, Point: p.Funding}}
		}
	case channel.NoticeClosed:
		if p.Close.Kind == resolve.Cooperative {
			return nil // told when the closing transaction confirmed
		}
		e.Kind = lnrpc.ChannelEventUpdate_FULLY_RESOLVED_CHANNEL
	case channel.NoticeAbandoned:
		if p.ChannelID == (lnwire.ChannelID{}) {
			return nil // it never was one
		}
		e.Kind = lnrpc.ChannelEventUpdate_CHANNEL_FUNDING_TIMEOUT
	default:
		return nil
	}
	return []rpc.ChannelEvent{e}
}
