package channel

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Phase is where a channel is in its life.
type Phase uint8

const (
	PhaseOpening Phase = iota + 1 // not funded yet; forgotten on disconnect
	PhasePending                  // funded, waiting for depth and channel_ready
	PhaseOpen                     // normal operation
	PhaseClosing                  // shutdown was sent or received
	PhaseOnchain                  // failed, or the funding output is spent: resolved on chain
	PhaseClosed
)

func (p Phase) String() string {
	return [...]string{"none", "opening", "pending", "open", "closing", "onchain", "closed"}[p]
}

// Info is a copy of what others may know about a channel.
type Info struct {
	ID                    string
	Phase                 Phase
	Linked                bool // connected and reestablished
	Active                bool // HTLCs may be offered
	Opener, Announce      bool
	DataLoss              bool // we are provably behind; nothing of ours may be published
	ChannelID             lnwire.ChannelID
	TempID                lnwire.ChannelID
	SCID                  lnwire.ShortChannelID // zero until confirmed
	Alias, RemoteAlias    lnwire.ShortChannelID // ours, by which the peer's HTLCs name the channel; theirs, for invoices
	LocalNode, RemoteNode lnwire.PubKey
	Funding               wire.OutPoint
	FundingScript         []byte
	Capacity              btcutil.Amount
	Push                  lnwire.MilliSatoshi
	MinimumDepth          uint32
	Confirmations         uint32
	Created               lnwire.Height
	Local, Remote         PartyInfo
	FeeRate               lnwire.FeePerKW // of our commitment
	CommitFee             btcutil.Amount  // of our commitment
	CommitWeight          int64
	LocalNumber           uint64              // of our latest commitment
	RemoteNumber          uint64              // of the latest one that we signed
	Spendable             lnwire.MilliSatoshi // the largest Offer that succeeds now; zero while not Active
	Receivable            lnwire.MilliSatoshi // the largest update_add_htlc that is accepted now; likewise
	HTLCs                 []HTLCInfo
	Close                 CloseInfo
	LastError             string
}

// Points are both sides' basepoints, ours first, as RecoverParams has them.
func (i *Info) Points() [2]commitment.Basepoints {
	return [2]commitment.Basepoints{i.Local.Basepoints, i.Remote.Basepoints}
}

// PartyInfo is one side's part.
type PartyInfo struct {
	Limits
	Basepoints      commitment.Basepoints
	Balance         lnwire.MilliSatoshi // in our commitment, before fee and anchors, pending HTLCs deducted
	Paid            lnwire.MilliSatoshi // all that this side's HTLCs moved over the channel's life
	UpfrontShutdown []byte
	Shutdown        []byte // script of the shutdown sent (by Local) or received; nil before
}

// HTLCInfo is one live HTLC.
type HTLCInfo struct {
	HTLC
	Incoming bool
	Stage    Stage
	Origin   Origin // of outgoing ones
	Preimage *lnwire.Preimage
	Failing  bool
}

// CloseInfo tells how the channel ends.
type CloseInfo struct {
	Forced      bool            // we failed the channel
	Commitment  *chainhash.Hash // our commitment, where it was signed for publishing
	ClosingTx   *chainhash.Hash // the agreed closing transaction
	SpentBy     *chainhash.Hash // what spent the funding output
	SpentHeight lnwire.Height
	Kind        resolve.Close // how it was spent
}
