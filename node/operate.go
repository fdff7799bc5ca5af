package node

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/wallet"
)

// ErrUnknownChannel: there is no live channel with that funding output.
var ErrUnknownChannel = errors.New("channel not found")

// Opening is what the operator asks for in a new channel. Zero values leave the choice to the node.
type Opening struct {
	Peer           lnwire.PubKey
	Capacity       btcutil.Amount
	Push           lnwire.MilliSatoshi
	Private        bool
	Selection      wallet.Selection // of coins and fee for the funding transaction
	CloseScript    []byte           // upfront shutdown script; nil: not committed
	HTLCMinimum    lnwire.MilliSatoshi
	RemoteDelay    uint16 // to_self_delay asked of the peer
	MaxLocalDelay  uint16 // the longest that we accept
	RemoteInFlight lnwire.MilliSatoshi
	RemoteHTLCs    uint16
	RemoteReserve  btcutil.Amount
	FeeBase        *uint32 // of our policy for it
	FeeRate        *uint32
}

// Open proposes a channel to a connected peer. News of the channel come through the subscription, under the answered name.
func (n *Node) Open(r Opening) (peer.Ref, error) {
	if err := n.ready(); err != nil {
		return peer.Ref{}, err
	}
	p := n.peers.Peer(r.Peer)
	if p == nil {
		return peer.Ref{}, peer.ErrOffline
	}
	fee, err := n.commitFee()
	if err != nil {
		return peer.Ref{}, fmt.Errorf("fee rate of the commitment: %w", err)
	}
	script := r.CloseScript
	if script == nil {
		if script, err = n.wallet.NewScript(); err != nil {
			return peer.Ref{}, fmt.Errorf("address for the close: %w", err)
		}
	}
	return p.Open(func(index uint64, l *peer.Link, height lnwire.Height) (channel.OpenParams, error) {
		n.outside.ordered(index, order{r.Selection})
		if r.FeeBase != nil || r.FeeRate != nil {
			n.policies.change(index, n.policies.with(r.FeeBase, r.FeeRate), nil)
		}
		o := channel.OpenParams{
			ID: fmt.Sprint(index), ChainHash: *n.cfg.Params.GenesisHash, TempID: newTempID(), Alias: newAlias(),
			LocalNode: n.ID, RemoteNode: r.Peer, LocalFeatures: n.hello, RemoteFeatures: l.Features,
			Capacity: r.Capacity, Push: r.Push, FeeRate: fee, Limits: n.opening.asked(&r), Policy: n.opening.policy(),
			UpfrontShutdown: r.CloseScript, ShutdownScript: script, Announce: !r.Private, Height: height, Node: n.custody,
		}
		if r.MaxLocalDelay != 0 {
			o.Policy.MaxToSelfDelay = r.MaxLocalDelay
		}
		return o, nil
	})
}

// asked are the limits of the defaults with the operator's choices.
func (o *opening) asked(r *Opening) channel.Limits {
	l := o.limits(r.Capacity)
	if r.HTLCMinimum != 0 {
		l.HTLCMinimum = r.HTLCMinimum
	}
	if r.RemoteDelay != 0 {
		l.ToSelfDelay = r.RemoteDelay
	}
	if r.RemoteInFlight != 0 {
		l.MaxInFlight = r.RemoteInFlight
	}
	if r.RemoteHTLCs != 0 {
		l.MaxAcceptedHTLCs = r.RemoteHTLCs
	}
	if r.RemoteReserve != 0 {
		l.Reserve = r.RemoteReserve
	}
	return l
}

func newTempID() (id lnwire.ChannelID) {
	rand.Read(id[:]) // never fails
	return id
}

// Close ends a channel: by agreement, to script (nil: the wallet) at the fee rate, or by force.
func (n *Node) Close(point wire.OutPoint, shut channel.Shut) (peer.Ref, error) {
	c, ok := n.book.funded(point)
	if !ok {
		return peer.Ref{}, ErrUnknownChannel
	}
	p := n.peers.Peer(c.Peer)
	if p == nil {
		return peer.Ref{}, ErrUnknownChannel
	}
	return c.Ref, p.Ask(c.Index, shut)
}

// SetPolicy changes what we ask for in one channel, and tells the network. It returns when that is durable.
func (n *Node) SetPolicy(c page, pol router.Policy) {
	done := make(chan struct{})
	n.policies.change(c.Index, pol, func() { close(done) })
	<-done
	if c.carries() {
		n.links.link(c)
		n.talk.post(gossip.LocalPolicy{SCID: c.name(), Policy: n.policies.of(c)})
	}
}

// noticed does for a channel's news what is the node's own to do, before subscribers hear of it.
func (n *Node) noticed(ref peer.Ref, kind channel.NoticeKind) {
	switch kind {
	case channel.NoticePending, channel.NoticeOpen, channel.NoticeClosed:
	default:
		return
	}
	if kind == channel.NoticePending {
		if err := n.keep(ref.Peer); err != nil {
			n.log.Error("peer will not be called back", "peer", ref.Peer, "err", err)
		}
	}
	open := 0
	for _, c := range n.book.all() {
		if c.Phase >= channel.PhasePending && c.Phase < channel.PhaseClosed {
			open++
		}
	}
	n.wallet.SetAnchorChannels(open)
}
