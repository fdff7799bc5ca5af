package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Effects is what the caller owes the world after Step: make Records durable, then do all the rest.
// Steps append; a caller may collect many steps and pay once, in the order in which things were appended.
type Effects struct {
	Records    []Record
	Send       []lnwire.Message
	Fund       *FundRequest                // opener: pay Amount to Script, answer with Funded or FundingFailed
	Broadcast  []*wire.MsgTx               // publish: the funding transaction, our commitment, the closing transaction
	Offered    []Offered                   // ids given to Offers
	Incoming   []HTLC                      // locked in: decode and forward or receive
	Outcomes   []Outcome                   // of HTLCs that we offered
	Claims     []resolve.Claim             // with Claimed: all that the channel has to claim now, in place of what it told before
	Claimed    bool                        // Claims was told; it may be empty
	Watch      []resolve.Watch             // the funding output: confirmation and spend; others: spend
	Announce   *lnwire.ChannelAnnouncement // complete: both announcement_signatures are known
	Notices    []Notice
	Disconnect bool // after Send: drop the connection
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	clear(e.Records)
	clear(e.Send)
	clear(e.Broadcast)
	clear(e.Incoming)
	clear(e.Outcomes)
	clear(e.Claims)
	clear(e.Watch)
	*e = Effects{
		Records: e.Records[:0], Send: e.Send[:0], Broadcast: e.Broadcast[:0], Offered: e.Offered[:0],
		Incoming: e.Incoming[:0], Outcomes: e.Outcomes[:0], Claims: e.Claims[:0], Watch: e.Watch[:0], Notices: e.Notices[:0],
	}
}

// Record is one durable write. Key is relative to the channel; a nil Value deletes.
type Record struct{ Key, Value []byte }

// FundRequest asks the wallet for a transaction with an output of Amount to Script.
type FundRequest struct {
	Amount btcutil.Amount
	Script []byte
}

// Origin says for whom an HTLC was offered: an incoming HTLC of another channel, or (zero Channel) attempt ID of our own payment.
type Origin struct {
	Channel lnwire.ChannelID
	ID      uint64
}

// Offered tells the id that an Offer received.
type Offered struct {
	ID     uint64
	Origin Origin
}

// HTLC is an HTLC that the peer offered, committed irrevocably on both sides.
type HTLC struct {
	Channel  lnwire.ChannelID
	ID       uint64
	Amount   lnwire.MilliSatoshi
	Hash     lnwire.Hash
	Expiry   uint32
	Onion    *[lnwire.OnionPacketSize]byte
	Blinding *lnwire.PubKey
	// Doomed: fail it, do not forward it or reveal its preimage. BOLT 2: it exceeds max_dust_htlc_exposure_msat,
	// or was added after our shutdown.
	Doomed bool
}

// Outcome is how an HTLC that we offered ended. With a Preimage it is settled: told at once when a valid
// update_fulfill_htlc arrives (the caller writes the preimage in the same batch); otherwise it failed, told only when
// the removal is irrevocable. At most one Outcome with and one without a Preimage ever; the first one counts.
type Outcome struct {
	Channel   lnwire.ChannelID
	ID        uint64
	Origin    Origin
	Hash      lnwire.Hash
	Amount    lnwire.MilliSatoshi
	Preimage  *lnwire.Preimage
	Reason    []byte     // encrypted by the failing node (BOLT 4); nil with Malformed or Local
	Malformed *Malformed // update_fail_malformed_htlc
	Local     bool       // failed by ourselves: dropped before it was signed, or timed out or trimmed on chain
}

// Malformed is the content of update_fail_malformed_htlc.
type Malformed struct {
	Code   uint16
	SHA256 [32]byte
}

// NoticeKind is a change that subscribers hear about.
type NoticeKind uint8

// Notices, roughly in the order of a channel's life.
const (
	NoticeOpening      NoticeKind = iota + 1 // the proposal is made or accepted
	NoticePending                            // funding is signed; the channel is durable
	NoticeOpen                               // channel_ready was sent and received
	NoticeActive                             // HTLCs may be offered
	NoticeInactive                           // they may not: disconnected, or shutting down
	NoticeClosing                            // shutdown was sent or received
	NoticeClosingTx                          // the closing transaction is agreed
	NoticeForceClosing                       // our commitment is being published
	NoticeDataLoss                           // we are provably behind: nothing of ours may be published
	NoticeSpent                              // the funding output was spent on chain
	NoticeClosed                             // all is resolved; revoked-commitment records may be deleted
	NoticeAbandoned                          // ended before it was funded, or forgotten; all records may be deleted
	NoticeWarning                            // Text: what was wrong, theirs or ours
	NoticeError                              // Text: likewise
)

var noticeNames = [...]string{"none", "opening", "pending", "open", "active", "inactive", "closing", "closing transaction", "force closing",
	"data loss", "spent", "closed", "abandoned", "warning", "error"}

func (k NoticeKind) String() string {
	if int(k) < len(noticeNames) {
		return noticeNames[k]
	}
	return fmt.Sprintf("notice %d", uint8(k))
}

// Notice is news about the channel, to be published in the order of the commits.
type Notice struct {
	Kind NoticeKind
	Text string
}
