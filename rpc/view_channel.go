package rpc

import (
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// Peer is a connected peer.
type Peer struct {
	ID                lnwire.PubKey
	Address           string // host:port
	Inbound           bool
	BytesIn, BytesOut uint64
	Sent, Received    lnwire.MilliSatoshi
	Ping              time.Duration
	Sync              lnrpc.Peer_SyncType
	Features          lnwire.FeatureVector
	Flaps             int32
	LastFlap          time.Time
	LastPing          []byte // payload
	Errors            []PeerError
}

// PeerError is an error that the peer sent or caused.
type PeerError struct {
	Time time.Time
	Text string
}

// Channel is an open channel.
type Channel struct {
	Point         wire.OutPoint
	ID            lnwire.ShortChannelID
	Aliases       []lnwire.ShortChannelID
	PeerSCIDAlias lnwire.ShortChannelID
	Peer          lnwire.PubKey
	PeerAlias     string
	Active        bool
	Private       bool
	Initiator     bool
	ZeroConf      bool
	Confirmed     lnwire.ShortChannelID // of a zero-conf channel, once known
	Type          lnrpc.CommitmentType

	Capacity      btcutil.Amount
	LocalBalance  lnwire.MilliSatoshi // less the commitment's fee and anchors where we pay them
	RemoteBalance lnwire.MilliSatoshi
	CommitFee     btcutil.Amount
	CommitWeight  int64
	FeeRate       lnwire.FeePerKW
	Pushed        btcutil.Amount
	Sent          lnwire.MilliSatoshi // settled over the channel's life
	Received      lnwire.MilliSatoshi
	Updates       uint64
	HTLCs         []ChannelHTLC

	Local, Remote Constraints // Local: what binds us
	Lifetime      time.Duration
	Uptime        time.Duration
	CloseAddress  string
	Memo          string
	Status        string // empty: the ordinary one
}

// Constraints are the limits that bind one side.
type Constraints struct {
	CSVDelay    uint16
	Reserve     btcutil.Amount
	DustLimit   btcutil.Amount
	MaxInFlight lnwire.MilliSatoshi
	MinHTLC     lnwire.MilliSatoshi
	MaxHTLCs    uint16
}

// ChannelHTLC is in flight.
type ChannelHTLC struct {
	Incoming    bool
	ID          uint64
	Amount      lnwire.MilliSatoshi
	Hash        lnwire.Hash
	Expiry      lnwire.Height
	ForwardSCID lnwire.ShortChannelID // the other channel of a forward
	ForwardHTLC uint64
	LockedIn    bool
}

// PendingChannel is what all pending channels have.
type PendingChannel struct {
	Point         wire.OutPoint
	Peer          lnwire.PubKey
	Capacity      btcutil.Amount
	LocalBalance  btcutil.Amount
	RemoteBalance btcutil.Amount
	LocalReserve  btcutil.Amount
	RemoteReserve btcutil.Amount
	Initiator     lnrpc.Initiator
	Type          lnrpc.CommitmentType
	Private       bool
	Memo          string
	Status        string
}

// PendingChannels are all channels that are neither open nor closed.
type PendingChannels struct {
	Opening      []PendingOpen
	WaitingClose []WaitingClose // no closing transaction has confirmed
	ForceClosing []ForceClosing // a commitment has
}

// PendingOpen waits for its funding to confirm.
type PendingOpen struct {
	PendingChannel
	CommitFee      btcutil.Amount
	CommitWeight   int64
	FeeRate        lnwire.FeePerKW
	ConfsLeft      uint32
	Confirmed      lnwire.Height // 0: not yet
	BlocksToForget int32         // until an unconfirmed funding is given up
}

// WaitingClose waits for a closing transaction to confirm.
type WaitingClose struct {
	PendingChannel
	Limbo      btcutil.Amount
	ClosingTx  *wire.MsgTx // nil: none of ours
	LocalTxid  *chainhash.Hash
	RemoteTxid *chainhash.Hash
	NextRemote *chainhash.Hash // signed, the former not yet revoked
	LocalFee   btcutil.Amount
	RemoteFee  btcutil.Amount
	NextFee    btcutil.Amount
}

// ForceClosing has a commitment on the chain.
type ForceClosing struct {
	PendingChannel
	ClosingTxid chainhash.Hash
	Limbo       btcutil.Amount
	Recovered   btcutil.Amount
	Maturity    lnwire.Height // 0: nothing to wait for
	BlocksLeft  int32
	HTLCs       []PendingHTLC
	Anchor      lnrpc.PendingChannelsResponse_ForceClosedChannel_AnchorState
}

// PendingHTLC is on the chain.
type PendingHTLC struct {
	Incoming   bool
	Amount     btcutil.Amount
	OutPoint   wire.OutPoint
	Maturity   lnwire.Height
	BlocksLeft int32
	Stage      uint32 // 1, and 2 behind a second-level transaction
}

// ClosedChannel is history.
type ClosedChannel struct {
	Point          wire.OutPoint
	ID             lnwire.ShortChannelID
	Aliases        []lnwire.ShortChannelID
	Confirmed      lnwire.ShortChannelID
	Peer           lnwire.PubKey
	Capacity       btcutil.Amount
	ClosingTxid    chainhash.Hash
	Height         lnwire.Height
	Settled        btcutil.Amount // ours at once
	TimeLocked     btcutil.Amount // ours after a delay
	Kind           lnrpc.ChannelCloseSummary_ClosureType
	OpenInitiator  lnrpc.Initiator
	CloseInitiator lnrpc.Initiator
	Resolutions    []Resolution
}

// Resolution is how one output of a closed channel ended.
type Resolution struct {
	Kind    lnrpc.ResolutionType
	Outcome lnrpc.ResolutionOutcome
	Output  wire.OutPoint
	Amount  btcutil.Amount
	Sweep   *chainhash.Hash
}

// ChannelEvent is something that happened to a channel. Opened is set with OPEN_CHANNEL and CHANNEL_UPDATE, Closed with
// CLOSED_CHANNEL; Point always.
type ChannelEvent struct {
	Kind   lnrpc.ChannelEventUpdate_UpdateType
	Point  wire.OutPoint
	Opened *Channel
	Closed *ClosedChannel
}

// OpenChannel asks for a channel with a connected peer. Zero values leave the choice to the node.
type OpenChannel struct {
	Peer             lnwire.PubKey
	Amount           btcutil.Amount
	Push             btcutil.Amount
	FundMax          bool
	Inputs           []wire.OutPoint
	Fee              FeeRate
	MinConfs         int32
	SpendUnconfirmed bool
	Private          bool
	ZeroConf         bool
	SCIDAlias        bool
	Type             lnrpc.CommitmentType
	CloseAddress     string
	Memo             string

	MinHTLC           lnwire.MilliSatoshi // that we accept
	RemoteCSVDelay    uint16
	MaxLocalCSVDelay  uint16
	RemoteMaxInFlight lnwire.MilliSatoshi
	RemoteMaxHTLCs    uint16
	RemoteReserve     btcutil.Amount
	BaseFee           *lnwire.MilliSatoshi
	FeeRatePPM        *uint32
}

// OpenUpdate is a step of an opening: first with Open false, once the funding transaction is out, then with true.
type OpenUpdate struct {
	Point     wire.OutPoint
	PendingID [32]byte
	Open      bool
}

// CloseChannel asks to close a channel.
type CloseChannel struct {
	Point   wire.OutPoint
	Force   bool
	Fee     FeeRate
	MaxFee  lnwire.FeePerKW // 0: the node's own limit
	Address string
	NoWait  bool // HTLCs may be in flight: take it up, and close when they are gone
}

// CloseUpdate is a step of a closing: with Closed false each time a closing transaction is out, then once with true.
type CloseUpdate struct {
	Txid    chainhash.Hash
	Output  uint32
	PerKW   lnwire.FeePerKW
	LocalTx bool
	Closed  bool
	Local   *wire.TxOut // outputs of a cooperative close
	Remote  *wire.TxOut
}

// ChannelPolicy is what we ask for forwarding through one of our channels.
type ChannelPolicy struct {
	ID    lnwire.ShortChannelID
	Point wire.OutPoint
	Fee   FeeSchedule
}

// FeeSchedule is base plus rate; the inbound part may be negative.
type FeeSchedule struct {
	Base        lnwire.MilliSatoshi
	PPM         uint32
	InboundBase int32 // millisatoshis
	InboundPPM  int32
}

// PolicyChange sets a policy whole, except for what is nil.
type PolicyChange struct {
	Base          lnwire.MilliSatoshi
	PPM           uint32
	TimeLockDelta uint16
	MaxHTLC       lnwire.MilliSatoshi // 0: unchanged
	MinHTLC       *lnwire.MilliSatoshi
	InboundBase   *int32
	InboundPPM    *int32
}

// FailedPolicy is a channel that UpdatePolicy could not change.
type FailedPolicy struct {
	Point  wire.OutPoint
	Reason lnrpc.UpdateFailure
	Text   string
}

// ForwardQuery asks for forwards settled in [From, To], behind the first Offset of them.
type ForwardQuery struct {
	From, To time.Time
	Offset   uint32
	Max      uint32
	In, Out  []lnwire.ShortChannelID // empty: any
}

// Forward is a settled forward.
type Forward struct {
	Time                time.Time
	In, Out             lnwire.ShortChannelID
	AmountIn, AmountOut lnwire.MilliSatoshi
	HTLCIn, HTLCOut     uint64
	PeerIn, PeerOut     string // aliases
}
