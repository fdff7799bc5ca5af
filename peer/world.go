package peer

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/store"
)

// Ref names a channel from its first record to its last. Index is also the number of its keys in the wallet.
type Ref struct {
	Index uint64
	Peer  lnwire.PubKey
}

// Incoming is an HTLC that a peer offered and that is irrevocably ours to answer, with its layer of the onion removed.
type Incoming struct {
	channel.HTLC
	Peer   lnwire.PubKey
	Peeled *onion.Peeled // nil with Err
	Err    error         // *onion.PeelError
}

// Switch is what lies above the channels. It is told as soon as the batch that a matter depends on is queued, in order
// per channel, on the peer's loop: its methods only append to a mailbox.
type Switch interface {
	Locked(htlcs []Incoming)
	Ended(outcomes []channel.Outcome)
	// Preimage is a record that goes into the batch in which the channel reports o, so that a preimage is durable no later
	// than the removal of the HTLC that brought it; ok is false where o has none.
	Preimage(o *channel.Outcome) (put store.Put, ok bool)
	// Refused: the channel did not take an Offer; nothing was sent.
	Refused(o channel.Origin, id lnwire.ChannelID, err error)
	// Changed follows every burst that touched the channel; the Info is shared and not written again.
	Changed(ref Ref, info *channel.Info)
}

// Outside is what the loop's channels need of the world, released when the records that it depends on are durable.
// It is called on the committer: its methods only append to mailboxes.
type Outside interface {
	Publish(ref Ref, txs []*wire.MsgTx)
	Watch(ref Ref, id lnwire.ChannelID, watches []resolve.Watch)
	// Claim says what the channel has to claim on chain, in place of what it said before.
	Claim(ref Ref, id lnwire.ChannelID, claims []resolve.Claim)
	Fund(ref Ref, r channel.FundRequest)
	Announce(ref Ref, a *lnwire.ChannelAnnouncement)
	Notice(ref Ref, info *channel.Info, n channel.Notice)
}

// Gossip takes what BOLT 7 is about. Message is called on a connection's reader and may block it: that is the
// back-pressure on a flood. It keeps nothing of raw messages but what it decodes.
type Gossip interface {
	Connected(peer lnwire.PubKey, features lnwire.FeatureVector, otherChain bool)
	Message(peer lnwire.PubKey, msg lnwire.Message)
	Disconnected(peer lnwire.PubKey)
}

// Custody holds what channels sign with.
type Custody interface {
	channel.NodeSigner
	// Peel removes a layer of an onion with the node key.
	Peel(h *channel.HTLC) (*onion.Peeled, error)
	// Signer of channel number index, enforcing (channel.Enforce).
	Signer(index uint64) channel.Signer
	// NextIndex hands out a number that no channel had.
	NextIndex() uint64
}

// Acceptor decides about proposals: parameters, or an error whose text is for the peer.
type Acceptor interface {
	Accept(peer lnwire.PubKey, index uint64, m *lnwire.OpenChannel) (channel.AcceptParams, error)
}

// Ledger is the part of store.DB that loops use.
type Ledger interface {
	Commit(store.Batch)
	Sync() error
	Load(key []byte) ([]byte, error)
}
