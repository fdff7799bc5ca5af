package node

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// MaxPendingChannels bounds the channels in opening that strangers can make us hold, over all peers.
const MaxPendingChannels = 200

// Channels is what the operator chose for new channels.
type Channels struct {
	MinSize      btcutil.Amount
	MaxSize      btcutil.Amount
	MaxPending   int
	ToSelfDelay  uint16 // that we ask of the peer
	MaxHTLCs     uint16
	MinDepth     uint32 // of the smallest channel; grows to MaxDepth with the amount
	MaxDepth     uint32
	Reject       bool // no incoming channels
	MaxFeeRate   lnwire.FeePerKW
	MaxCommitFee lnwire.FeePerKW // of anchor commitments that we open
	DustExposure lnwire.MilliSatoshi
}

// DefaultChannels are careful, and accept what LND's defaults propose.
var DefaultChannels = Channels{
	MinSize: 20_000, MaxSize: 10 * btcutil.SatoshiPerBitcoin, MaxPending: MaxPendingChannels,
	ToSelfDelay: 144, MaxHTLCs: 483, MinDepth: 3, MaxDepth: 6,
	MaxFeeRate: 250_000, MaxCommitFee: 2_500, DustExposure: 500_000_000,
}

const (
	dustLimit      = 354 // satoshis: the least that every kind of output may be (BOLT 2, dust limit of anchors)
	maxSelfDelay   = 2016
	maxMinimumHTLC = 100_000 // msat
	maxDepthAsked  = 144
	reserveShare   = 100 // BOLT 2: "SHOULD set channel_reserve_satoshis" to 1 % of the capacity
)

var errNoInbound = errors.New("this node takes no channels from others")

// opening makes the parameters of new channels. It implements peer.Acceptor.
type opening struct {
	chain   chainhash.Hash
	want    Channels
	self    lnwire.PubKey
	node    channel.NodeSigner
	hello   lnwire.FeatureVector
	book    *book
	scripts scripts
	height  func() lnwire.Height
	linked  func(lnwire.PubKey) (lnwire.FeatureVector, bool)
	ready   func() error
}

// scripts hands out wallet addresses, for closes.
type scripts interface {
	NewScript() ([]byte, error)
}

// Accept decides about a proposal. The machine checks what BOLT 2 says; here is what the operator says.
func (o *opening) Accept(remote lnwire.PubKey, index uint64, m *lnwire.OpenChannel) (channel.AcceptParams, error) {
	if o.want.Reject {
		return channel.AcceptParams{}, errNoInbound
	}
	if err := o.ready(); err != nil {
		return channel.AcceptParams{}, err
	}
	pending := 0
	for _, p := range o.book.all() {
		if p.Phase < channel.PhaseOpen {
			pending++
		}
	}
	if pending >= o.want.MaxPending {
		return channel.AcceptParams{}, fmt.Errorf("%d channels are pending already", pending)
	}
	features, ok := o.linked(remote)
	if !ok {
		return channel.AcceptParams{}, errors.New("not connected")
	}
	script, err := o.scripts.NewScript()
	if err != nil {
		return channel.AcceptParams{}, errors.New("internal error: no address")
	}
	return channel.AcceptParams{
		ID: fmt.Sprint(index), ChainHash: o.chain, Alias: newAlias(), LocalNode: o.self, RemoteNode: remote,
		LocalFeatures: o.hello, RemoteFeatures: features, Limits: o.limits(m.Funding), Policy: o.policy(),
		MinimumDepth: o.depth(m.Funding), ShutdownScript: script, Height: o.height(), Node: o.node,
	}, nil
}

// limits that we ask for in a channel of this capacity.
func (o *opening) limits(capacity btcutil.Amount) channel.Limits {
	return channel.Limits{
		DustLimit: dustLimit, MaxInFlight: lnwire.FromSatoshis(max(capacity, 0)),
		Reserve: max(capacity/reserveShare, dustLimit), HTLCMinimum: 1,
		ToSelfDelay: o.want.ToSelfDelay, MaxAcceptedHTLCs: o.want.MaxHTLCs,
	}
}

func (o *opening) policy() channel.Policy {
	return channel.Policy{
		MinCapacity: o.want.MinSize, MaxCapacity: o.want.MaxSize, MaxToSelfDelay: maxSelfDelay, MaxHTLCMinimum: maxMinimumHTLC,
		MaxMinimumDepth: maxDepthAsked, MinFeeRate: lnwire.FeePerKWFloor, MaxFeeRate: o.want.MaxFeeRate, MaxDustExposure: o.want.DustExposure,
	}
}

// depth grows with what a reorganization could cost, as LND's does: MaxDepth from 0.16 bitcoin on.
func (o *opening) depth(capacity btcutil.Amount) uint32 {
	const most = 1 << 24
	span := o.want.MaxDepth - o.want.MinDepth
	return o.want.MinDepth + uint32(min(int64(capacity), most)*int64(span)/most)
}

// newAlias is a random short channel id in a range that no chain reaches: block 16,000,000 and up.
func newAlias() lnwire.ShortChannelID {
	var b [5]byte
	rand.Read(b[:]) // never fails
	return lnwire.NewShortChannelID(lnwire.Height(16_000_000+uint32(b[0])), uint32(binary.BigEndian.Uint16(b[1:])), binary.BigEndian.Uint16(b[3:]))
}
