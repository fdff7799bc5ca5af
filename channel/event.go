package channel

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Event is what happens to a channel. All events are values; Step applies one.
type Event interface{ event() }

// Received is a message of the peer for this channel, or an Error or Warning for all channels (zero ChannelID).
type Received struct{ Msg lnwire.Message }

// Linked says that the connection came up, after both init messages, or went down.
// Features are the peer's, of its init. The first event after Load is Linked{Up: false}: its effects
// repeat what the chain must know (broadcasts, watches, claims).
type Linked struct {
	Up       bool
	Features lnwire.FeatureVector
}

// Offer asks for an HTLC towards the peer. Effects.Offered tells its id.
// The outcome arrives once, as an Outcome with the same Origin.
type Offer struct {
	Amount   lnwire.MilliSatoshi
	Hash     lnwire.Hash
	Expiry   uint32
	Onion    *[lnwire.OnionPacketSize]byte
	Blinding *lnwire.PubKey
	Origin   Origin
}

// Settle fulfills incoming HTLC ID. It is accepted in every phase in which the HTLC exists, connected or not, and
// remembered until the peer has it; not across a restart before it is signed (the start-up rule settles again).
type Settle struct {
	ID       uint64
	Preimage lnwire.Preimage
}

// Reject fails incoming HTLC ID with an encrypted reason (BOLT 4).
type Reject struct {
	ID     uint64
	Reason []byte
}

// RejectMalformed fails incoming HTLC ID whose onion could not be read; Code carries the BADONION bit.
type RejectMalformed struct {
	ID     uint64
	SHA256 [32]byte
	Code   uint16
}

// SetFee asks for a new commitment fee rate. Only the opener may.
type SetFee struct{ FeeRate lnwire.FeePerKW }

// Flush ends a burst of events: the machine signs where something is to be signed and no signature is outstanding.
type Flush struct{}

// Block is a new tip of the chain.
type Block struct{ Height lnwire.Height }

// Funded answers Effects.Fund: Tx, signed but not published, pays the channel in output Output.
type Funded struct {
	Tx     *wire.MsgTx
	Output uint32
}

// FundingFailed answers Effects.Fund when the wallet could not.
type FundingFailed struct{ Err string }

// Confirmed says where the funding output is in the chain, what it is, and how high the chain stands.
type Confirmed struct {
	SCID   lnwire.ShortChannelID
	Output wire.TxOut
	Height lnwire.Height
}

// Unconfirmed takes Confirmed back: a reorganization removed the block.
type Unconfirmed struct{}

// Spent says that a watched output was spent; Unspent takes it back after a reorganization.
type Spent struct{ Fact resolve.Fact }

// Unspent names the output whose spend was reorganized away.
type Unspent struct{ OutPoint wire.OutPoint }

// Shut closes the channel: by negotiation, paying to Script at FeeRate, or by Force with our commitment.
// A zero FeeRate means the commitment's rate.
type Shut struct {
	Script  []byte
	FeeRate lnwire.FeePerKW
	Force   bool
}

// Outdated, as the first event after Load, says that the records are known to be an older copy: the channel publishes
// nothing, and asks the peer to close whenever it connects.
type Outdated struct{}

func (Received) event()        {}
func (Linked) event()          {}
func (Offer) event()           {}
func (Settle) event()          {}
func (Reject) event()          {}
func (RejectMalformed) event() {}
func (SetFee) event()          {}
func (Flush) event()           {}
func (Block) event()           {}
func (Funded) event()          {}
func (FundingFailed) event()   {}
func (Confirmed) event()       {}
func (Unconfirmed) event()     {}
func (Spent) event()           {}
func (Unspent) event()         {}
func (Shut) event()            {}
func (Outdated) event()        {}
