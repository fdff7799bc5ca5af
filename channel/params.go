package channel

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Limits are what one side imposes on the other's HTLCs and balance, as open_channel and accept_channel carry them.
// DustLimit is of the side's own commitment.
type Limits struct {
	DustLimit        btcutil.Amount
	MaxInFlight      lnwire.MilliSatoshi
	Reserve          btcutil.Amount
	HTLCMinimum      lnwire.MilliSatoshi
	ToSelfDelay      uint16
	MaxAcceptedHTLCs uint16
}

// Policy is what we put up with; none of it is told to the peer.
type Policy struct {
	MinCapacity     btcutil.Amount
	MaxCapacity     btcutil.Amount      // above MaxSmallCapacity: large channels, if the peer offers them
	MaxToSelfDelay  uint16              // the longest that we would wait for our own funds
	MaxHTLCMinimum  lnwire.MilliSatoshi // the largest htlc_minimum_msat of the peer
	MaxMinimumDepth uint32
	MinFeeRate      lnwire.FeePerKW // of commitments, proposed by an opener
	MaxFeeRate      lnwire.FeePerKW
	MaxDustExposure lnwire.MilliSatoshi // max_dust_htlc_exposure_msat
}

// OpenParams is what the opener decides, with the entropy that the machine may not draw itself.
type OpenParams struct {
	ID                    string // the driver's name for the channel
	ChainHash             chainhash.Hash
	TempID                lnwire.ChannelID      // random
	Alias                 lnwire.ShortChannelID // random, unique on this node; zero for none
	LocalNode, RemoteNode lnwire.PubKey
	LocalFeatures         lnwire.FeatureVector // of our init
	RemoteFeatures        lnwire.FeatureVector // of the peer's
	Capacity              btcutil.Amount
	Push                  lnwire.MilliSatoshi
	FeeRate               lnwire.FeePerKW
	Limits                Limits
	Policy                Policy
	UpfrontShutdown       []byte // nil or empty: not committed
	ShutdownScript        []byte // where our funds go when a close names no script: an address of the wallet
	Announce              bool
	Height                lnwire.Height
	Node                  NodeSigner
	Records               Records
}

// AcceptParams is what the accepter decides.
type AcceptParams struct {
	ID                    string
	ChainHash             chainhash.Hash
	Alias                 lnwire.ShortChannelID
	LocalNode, RemoteNode lnwire.PubKey
	LocalFeatures         lnwire.FeatureVector
	RemoteFeatures        lnwire.FeatureVector
	Limits                Limits // Reserve zero: one percent of the capacity
	Policy                Policy
	MinimumDepth          uint32 // at least 1
	UpfrontShutdown       []byte
	ShutdownScript        []byte
	Height                lnwire.Height
	Node                  NodeSigner
	Records               Records
}
