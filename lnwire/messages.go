package lnwire

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// MsgType is the two-byte type that opens every message (BOLT 1).
type MsgType uint16

// Message is one BOLT message. Marshal and Unmarshal turn it into bytes and back.
// Each keeps the TLV records that it does not know in Extra, so that what was read is written again unchanged.
type Message interface{ Type() MsgType }

// Types of BOLT 1, 2 and 7.
const (
	TypeWarning                 MsgType = 1
	TypeStfu                    MsgType = 2
	TypeInit                    MsgType = 16
	TypeError                   MsgType = 17
	TypePing                    MsgType = 18
	TypePong                    MsgType = 19
	TypeOpenChannel             MsgType = 32
	TypeAcceptChannel           MsgType = 33
	TypeFundingCreated          MsgType = 34
	TypeFundingSigned           MsgType = 35
	TypeChannelReady            MsgType = 36
	TypeShutdown                MsgType = 38
	TypeClosingSigned           MsgType = 39
	TypeUpdateAddHTLC           MsgType = 128
	TypeUpdateFulfillHTLC       MsgType = 130
	TypeUpdateFailHTLC          MsgType = 131
	TypeCommitmentSigned        MsgType = 132
	TypeRevokeAndAck            MsgType = 133
	TypeUpdateFee               MsgType = 134
	TypeUpdateFailMalformedHTLC MsgType = 135
	TypeChannelReestablish      MsgType = 136
	TypeChannelAnnouncement     MsgType = 256
	TypeNodeAnnouncement        MsgType = 257
	TypeChannelUpdate           MsgType = 258
	TypeAnnouncementSignatures  MsgType = 259
	TypeQueryShortChannelIDs    MsgType = 261
	TypeReplyShortChannelIDsEnd MsgType = 262
	TypeQueryChannelRange       MsgType = 263
	TypeReplyChannelRange       MsgType = 264
	TypeGossipTimestampFilter   MsgType = 265
)

// Extra holds unknown odd TLV records of a message, as one encoded, canonical stream.
type Extra []byte

// Init opens a connection (BOLT 1).
type Init struct {
	GlobalFeatures FeatureVector // legacy field: read and OR-ed, sent empty
	Features       FeatureVector
	Networks       []chainhash.Hash // TLV 1; nil where absent
	RemoteAddr     *NetAddress      // TLV 3; nil where absent
	Extra          Extra
}

// Error ends a channel, or the connection where ChannelID is zero; Warning does not (BOLT 1).
type Error struct {
	ChannelID ChannelID
	Data      []byte
	Extra     Extra
}

type Warning struct {
	ChannelID ChannelID
	Data      []byte
	Extra     Extra
}

type Ping struct {
	NumPongBytes uint16
	Ignored      []byte
	Extra        Extra
}

type Pong struct {
	Ignored []byte
	Extra   Extra
}

// OpenChannel proposes a channel (BOLT 2, version 1).
type OpenChannel struct {
	ChainHash           chainhash.Hash
	TempID              ChannelID
	Funding             btcutil.Amount
	Push                MilliSatoshi
	DustLimit           btcutil.Amount
	MaxInFlight         MilliSatoshi
	Reserve             btcutil.Amount
	HTLCMinimum         MilliSatoshi
	FeeRate             FeePerKW
	ToSelfDelay         uint16
	MaxAcceptedHTLCs    uint16
	FundingKey          PubKey
	RevocationBasepoint PubKey
	PaymentBasepoint    PubKey
	DelayedBasepoint    PubKey
	HTLCBasepoint       PubKey
	FirstPoint          PubKey
	Flags               byte          // bit 0: announce_channel
	UpfrontShutdown     []byte        // TLV 0; nil where absent, empty to opt out
	ChannelType         FeatureVector // TLV 1; nil where absent
	Extra               Extra
}

// AnnounceChannel is bit 0 of OpenChannel.Flags.
const AnnounceChannel byte = 1

type AcceptChannel struct {
	TempID              ChannelID
	DustLimit           btcutil.Amount
	MaxInFlight         MilliSatoshi
	Reserve             btcutil.Amount
	HTLCMinimum         MilliSatoshi
	MinimumDepth        uint32
	ToSelfDelay         uint16
	MaxAcceptedHTLCs    uint16
	FundingKey          PubKey
	RevocationBasepoint PubKey
	PaymentBasepoint    PubKey
	DelayedBasepoint    PubKey
	HTLCBasepoint       PubKey
	FirstPoint          PubKey
	UpfrontShutdown     []byte
	ChannelType         FeatureVector
	Extra               Extra
}

type FundingCreated struct {
	TempID        ChannelID
	FundingTxid   chainhash.Hash
	FundingOutput uint16
	Signature     Sig
	Extra         Extra
}

type FundingSigned struct {
	ChannelID ChannelID
	Signature Sig
	Extra     Extra
}

type ChannelReady struct {
	ChannelID ChannelID
	NextPoint PubKey         // second_per_commitment_point
	Alias     ShortChannelID // TLV 1; zero where absent
	Extra     Extra
}

type Shutdown struct {
	ChannelID ChannelID
	Script    []byte
	Extra     Extra
}

type ClosingSigned struct {
	ChannelID ChannelID
	Fee       btcutil.Amount
	Signature Sig
	FeeRange  *FeeRange // TLV 1; nil where absent
	Extra     Extra
}

// FeeRange of closing_signed, both inclusive.
type FeeRange struct{ Min, Max btcutil.Amount }

// OnionPacketSize of update_add_htlc (BOLT 4).
const OnionPacketSize = 1366

type UpdateAddHTLC struct {
	ChannelID     ChannelID
	ID            uint64
	Amount        MilliSatoshi
	Hash          Hash
	Expiry        uint32 // cltv_expiry
	Onion         [OnionPacketSize]byte
	BlindingPoint *PubKey // TLV 0 (path_key); nil where absent
	Extra         Extra
}

type UpdateFulfillHTLC struct {
	ChannelID ChannelID
	ID        uint64
	Preimage  Preimage
	Extra     Extra
}

type UpdateFailHTLC struct {
	ChannelID ChannelID
	ID        uint64
	Reason    []byte
	Extra     Extra
}

type UpdateFailMalformedHTLC struct {
	ChannelID   ChannelID
	ID          uint64
	OnionSHA256 [32]byte
	FailureCode uint16
	Extra       Extra
}

type CommitmentSigned struct {
	ChannelID ChannelID
	Signature Sig
	HTLCSigs  []Sig
	Extra     Extra
}

type RevokeAndAck struct {
	ChannelID ChannelID
	Secret    Secret // per_commitment_secret
	NextPoint PubKey
	Extra     Extra
}

type UpdateFee struct {
	ChannelID ChannelID
	FeeRate   FeePerKW
	Extra     Extra
}

type ChannelReestablish struct {
	ChannelID      ChannelID
	NextCommitment uint64 // next_commitment_number
	NextRevocation uint64 // next_revocation_number
	LastSecret     Secret // your_last_per_commitment_secret
	CurrentPoint   PubKey // my_current_per_commitment_point
	Extra          Extra
}

type Stfu struct {
	ChannelID ChannelID
	Initiator bool
	Extra     Extra
}

// AnnouncementSignatures are the halves that make a channel public (BOLT 7).
type AnnouncementSignatures struct {
	ChannelID  ChannelID
	SCID       ShortChannelID
	NodeSig    Sig
	BitcoinSig Sig
	Extra      Extra
}

type ChannelAnnouncement struct {
	NodeSig1, NodeSig2       Sig
	BitcoinSig1, BitcoinSig2 Sig
	Features                 FeatureVector
	ChainHash                chainhash.Hash
	SCID                     ShortChannelID
	Node1, Node2             PubKey
	Bitcoin1, Bitcoin2       PubKey
	Extra                    Extra
}

type NodeAnnouncement struct {
	Signature Sig
	Features  FeatureVector
	Timestamp uint32
	NodeID    PubKey
	Color     [3]byte
	Alias     [32]byte
	Addresses []NetAddress
	Extra     Extra
}

type ChannelUpdate struct {
	Signature    Sig
	ChainHash    chainhash.Hash
	SCID         ShortChannelID
	Timestamp    uint32
	MessageFlags byte // bit 0 must be one
	ChannelFlags byte // bit 0: direction, bit 1: disabled
	CLTVDelta    uint16
	HTLCMinimum  MilliSatoshi
	FeeBase      uint32 // msat
	FeeRate      uint32 // parts per million
	HTLCMaximum  MilliSatoshi
	InboundFee   *InboundFee // TLV 55555; nil where absent
	Extra        Extra
}

// InboundFee is a discount or surcharge that a node takes for the channel a payment comes in by.
type InboundFee struct{ Base, Rate int32 }

type QueryShortChannelIDs struct {
	ChainHash chainhash.Hash
	SCIDs     []ShortChannelID
	Flags     []byte // TLV 1: one query_flag per id; nil where absent
	Extra     Extra
}

type ReplyShortChannelIDsEnd struct {
	ChainHash chainhash.Hash
	Full      bool // full_information
	Extra     Extra
}

type QueryChannelRange struct {
	ChainHash  chainhash.Hash
	FirstBlock Height
	Blocks     uint32
	Options    uint64 // TLV 1 query_option_flags: bit 0 timestamps, bit 1 checksums
	Extra      Extra
}

type ReplyChannelRange struct {
	ChainHash  chainhash.Hash
	FirstBlock Height
	Blocks     uint32
	Complete   bool // sync_complete
	SCIDs      []ShortChannelID
	Timestamps []ChannelTimestamps // TLV 1, one per id; nil where absent
	Checksums  []ChannelChecksums  // TLV 3, one per id; nil where absent
	Extra      Extra
}

type (
	ChannelTimestamps struct{ Node1, Node2 uint32 }
	ChannelChecksums  struct{ Node1, Node2 uint32 }
)

type GossipTimestampFilter struct {
	ChainHash chainhash.Hash
	First     uint32
	Range     uint32
	Extra     Extra
}

// Unknown is a message of an odd type that this version has no name for.
type Unknown struct {
	MsgType MsgType
	Payload []byte
}
