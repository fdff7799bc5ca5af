package gossip

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// Event is something that happened outside.
type Event interface{ event() }

type (
	// Connected: the init messages were exchanged. OtherChain is true where the peer's networks leave ours out.
	Connected struct {
		Peer       lnwire.PubKey
		Features   lnwire.FeatureVector
		OtherChain bool
	}
	// Disconnected drops all that concerns the connection.
	Disconnected struct{ Peer lnwire.PubKey }
	// Received is a message of BOLT 7 other than announcement_signatures, which belongs to the channel.
	Received struct {
		Peer lnwire.PubKey
		Msg  lnwire.Message
	}
	// Drained: the messages of the last Send to this peer were written, or are about to be.
	Drained struct{ Peer lnwire.PubKey }
	// Learned is a channel_update out of a payment's failure message.
	Learned struct{ Update *lnwire.ChannelUpdate }

	// Answered ends a lookup of Effects.Lookups.
	Answered struct {
		SCID   lnwire.ShortChannelID
		Status OutputStatus
		// The rest is set where Status is Unspent.
		Funding wire.OutPoint
		Script  []byte
		Amount  btcutil.Amount
	}
	// Block was connected; Spent lists the outpoints of all its inputs (or at least those of channels).
	Block struct {
		Height lnwire.Height
		Spent  []wire.OutPoint
	}
	// Reorg: the blocks above Height are no longer of the chain.
	Reorg struct{ Height lnwire.Height }
	// Tick lets time act: flushes, timeouts, rotation, pruning. Once a second is plenty.
	Tick struct{}

	// LocalChannel makes one of our own channels known, or replaces what is known of it but for its announcement.
	LocalChannel struct{ Local }
	// LocalPolicy sets our policy for it; a signed channel_update follows. LastUpdate is ignored.
	LocalPolicy struct {
		SCID   lnwire.ShortChannelID
		Policy router.Policy
	}
	// LocalAnnouncement is the complete announcement of a local channel (channel.Effects.Announce).
	LocalAnnouncement struct{ Msg *lnwire.ChannelAnnouncement }
	// LocalClosed: the channel will carry nothing any more.
	LocalClosed struct{ SCID lnwire.ShortChannelID }
	// LocalNode sets what our node_announcement says.
	LocalNode struct {
		Alias     [32]byte
		Color     [3]byte
		Addresses []lnwire.NetAddress
		Features  lnwire.FeatureVector
	}
)

// Local describes one of our own channels.
type Local struct {
	SCID     lnwire.ShortChannelID   // by which the router knows it: real, or our alias until it confirms
	Aliases  []lnwire.ShortChannelID // others by which the peer may name it in its channel_update
	Remote   lnwire.ShortChannelID   // what our channel_update to the peer calls it: the peer's alias, or zero for SCID
	Peer     lnwire.PubKey
	Capacity btcutil.Amount
	Funding  wire.OutPoint
	Public   bool // it is announced, or will be
}

// OutputStatus is what became of a lookup.
type OutputStatus uint8

const (
	Unspent     OutputStatus = iota
	Spent                    // it was spent, or was never there
	Unavailable              // the backend cannot say now: the announcement is dropped, and asked for again at a later sync
)

func (Connected) event()         {}
func (Disconnected) event()      {}
func (Received) event()          {}
func (Drained) event()           {}
func (Learned) event()           {}
func (Answered) event()          {}
func (Block) event()             {}
func (Reorg) event()             {}
func (Tick) event()              {}
func (LocalChannel) event()      {}
func (LocalPolicy) event()       {}
func (LocalAnnouncement) event() {}
func (LocalClosed) event()       {}
func (LocalNode) event()         {}

// Effects is what the caller owes the world after Step: apply Changes, store Records, then the rest, in this order.
type Effects struct {
	Changes []router.Change
	Records []Record
	Lookups []lnwire.ShortChannelID // each is to be answered by Answered, in any order
	Send    []Send
	Punish  []Punish
	// Updates are our own new channel_updates, for failure messages.
	Updates []OwnUpdate
	// Remote are the policies that peers set for channels with us, public or not: for hints in invoices.
	Remote []RemotePolicy
}

// Send is a burst of encoded messages (type and payload) for one peer; Drained is to follow.
// No further Send for this peer comes before that.
type Send struct {
	Peer     lnwire.PubKey
	Messages [][]byte
}

// Punish asks for a warning, and for an end of the connection where Disconnect is set.
type Punish struct {
	Peer       lnwire.PubKey
	Reason     string
	Disconnect bool
}

// OwnUpdate is our signed policy of the local channel SCID; the update itself may name it by the peer's alias.
type OwnUpdate struct {
	SCID   lnwire.ShortChannelID
	Update *lnwire.ChannelUpdate
}

// RemotePolicy is the peer's policy of the local channel SCID (its Local.SCID).
type RemotePolicy struct {
	SCID   lnwire.ShortChannelID
	Update *lnwire.ChannelUpdate
}

// Record is one entry of graph.db; a nil Value deletes.
type Record struct{ Key, Value []byte }

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	*e = Effects{
		Changes: e.Changes[:0], Records: e.Records[:0], Lookups: e.Lookups[:0], Send: e.Send[:0],
		Punish: e.Punish[:0], Updates: e.Updates[:0], Remote: e.Remote[:0],
	}
}
