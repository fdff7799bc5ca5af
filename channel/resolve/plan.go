package resolve

import (
	"math"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	// ReasonableDepth is where an on-chain event is taken as final for the other channel of a forwarded HTLC. BOLT 5:
	// "once the resolving transaction has reached reasonable depth: MUST fail the corresponding incoming HTLC".
	ReasonableDepth = 6
	// IrrevocableDepth is where a transaction is final for the channel itself. BOLT 5: "irrevocably resolved once the
	// remote's resolving transaction is included in a block at least 100 deep".
	IrrevocableDepth = 100
	// confirmationTime is S of BOLT 2's cltv_expiry_delta: blocks between a broadcast and its block.
	confirmationTime = 12
	// lossGrace: blocks after its expiry at which an HTLC that may be in a commitment unknown to us is given up.
	lossGrace = confirmationTime + ReasonableDepth
)

// Plan is what follows from a contract and the facts.
type Plan struct {
	Close    Close
	Height   lnwire.Height // of the block that spends the funding output; 0 where NotClosed
	Claims   []Claim       // outputs of ours that are unspent
	Watch    []Watch       // outputs whose spends must be reported as facts
	Outcomes []Outcome     // of HTLCs that we offered, in the contract's order; the same again at each call
	Done     bool          // all is irrevocably resolved: the channel may be forgotten
}

// Close is the way in which the funding output was spent.
type Close uint8

const (
	NotClosed   Close = iota // not spent in a block
	Cooperative              // by a closing transaction
	LocalCommitment
	RemoteCommitment  // current or next
	RevokedCommitment // the peer's: all of it is ours
	// FutureCommitment is a commitment of the peer that we do not know: we have lost data. to_remote is ours.
	FutureCommitment
	// OutdatedCommitment is a commitment of ours that we have revoked: an older copy of this node published it.
	OutdatedCommitment
	// Unknown: BOLT 5: "MUST warn the user of potentially lost funds."
	Unknown
)

func (c Close) String() string {
	return [...]string{
		NotClosed: "not closed", Cooperative: "cooperative", LocalCommitment: "local commitment",
		RemoteCommitment: "remote commitment", RevokedCommitment: "revoked commitment",
		FutureCommitment: "future commitment", OutdatedCommitment: "outdated commitment", Unknown: "unknown",
	}[c]
}

// LossPossible says whether the user must be told that funds may be lost.
func (c Close) LossPossible() bool {
	return c == FutureCommitment || c == OutdatedCommitment || c == Unknown
}

// Claim is an output that is ours to spend. Its transaction has version 2.
type Claim struct {
	Channel  lnwire.ChannelID
	OutPoint wire.OutPoint
	Output   wire.TxOut
	// Sequence of the input: a relative lock in blocks where it is below 2^16.
	Sequence uint32
	// LockTime of the transaction, a height: exactly this where Paired is set, for the peer has signed it; at least this
	// otherwise.
	LockTime      uint32
	WitnessWeight int64
	Confirmed     lnwire.Height // of the output's transaction; 0 while unconfirmed
	// Paired is the output at the input's own index that the peer's signature demands (HTLC-timeout, HTLC-success).
	Paired *wire.TxOut
	// Sealed: the transaction consists of this input and Paired, and takes nothing else.
	Sealed bool
	// Deadline is the height by which the claim should be confirmed, lest another takes the output or upstream expires;
	// 0: there is no hurry.
	Deadline lnwire.Height
	// Parent is set for an anchor of an unconfirmed commitment: what the child pays for.
	Parent *Parent
	Recipe commitment.Recipe
}

// Parent is the unconfirmed commitment transaction of an anchor.
type Parent struct {
	Weight int64
	Fee    btcutil.Amount
	// Tx is the signed transaction, where it is ours: a mempool that finds it too cheap takes it together with the child.
	Tx *wire.MsgTx
}

// MatureAt is the lowest height of the chain's tip at which a transaction with the claim may be published: the next
// block may contain it. A relative lock on an unconfirmed output never matures.
func (c *Claim) MatureAt() lnwire.Height {
	at := lnwire.Height(c.LockTime)
	if c.Sequence&wire.SequenceLockTimeDisabled != 0 {
		return at
	}
	blocks := lnwire.Height(c.Sequence & wire.SequenceLockTimeMask)
	if blocks == 0 {
		return at
	}
	if c.Confirmed == 0 {
		return math.MaxUint32
	}
	return max(at, c.Confirmed+blocks-1)
}

// Watch is an output whose spend matters.
type Watch struct {
	OutPoint   wire.OutPoint
	PkScript   []byte
	HeightHint lnwire.Height // no spend is below it
}

// Outcome of an HTLC that we offered. The first one counts: after a failure the preimage may still become known, by
// another HTLC of the same payment.
type Outcome struct {
	ID       uint64
	Preimage *lnwire.Preimage // settled; nil: failed, irreversibly
}
