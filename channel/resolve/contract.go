package resolve

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Contract is what the channel knew when its funding output was spent. Nothing in it changes once it is: only more
// preimages may become known.
type Contract struct {
	Channel  lnwire.ChannelID
	Fundings []Funding // one as a rule; several while a splice or a replacement is unconfirmed
	HTLCs    []HTLC    // of both sides, all that have not irrevocably ended
	Archive  Archive
	Secrets  *commitment.Shachain // revealed by the peer
	Scripts  [2][]byte            // of both shutdowns, by Side; nil where none was sent
	// Published: our latest commitment has been broadcast, so that it may need its anchor to get confirmed.
	Published bool
}

// Funding is one funding output with the commitments that spend it.
type Funding struct {
	Params *commitment.Params
	Local  Signed                   // our latest commitment
	Remote []*commitment.Commitment // the peer's: current, then next where it is signed and the current one not revoked yet
	Height lnwire.Height            // where the funding transaction was confirmed, or a lower bound: where to begin to look
}

// Signed is our commitment with the peer's signatures.
type Signed struct {
	Commitment *commitment.Commitment
	Sig        lnwire.Sig
	HTLCSigs   []lnwire.Sig // in the order of Commitment.HTLCs
}

// HTLC is one of the channel's HTLCs with what is known of its preimage.
//
// Preimage of an HTLC that the peer offered is set where we are entitled to it and want it claimed (the channel was told
// to settle it), not wherever we happen to know it. BOLT 5: "MUST NOT reveal its own preimage when it's not the final
// recipient." Preimage of an HTLC that we offered is set once the peer has revealed it: its outcome is settled.
type HTLC struct {
	commitment.HTLC
	Preimage *lnwire.Preimage
}

// Archive is what is known beyond the latest commitments.
type Archive interface {
	// Revoked returns the record of a revoked commitment of the peer.
	Revoked(number uint64) (RevokedRecord, bool)
	// Point is our own per-commitment point.
	Point(number uint64) lnwire.PubKey
}

// Fact is the observed spend of an output.
type Fact struct {
	OutPoint wire.OutPoint
	Tx       *wire.MsgTx
	Height   lnwire.Height // of the block; 0 while unconfirmed
}

// Facts are the spends observed on the best chain, in any order, and its height.
type Facts struct {
	Spends []Fact
	Tip    lnwire.Height
}

// Plan is what follows from a contract and the facts.
type Plan struct {
	Close    Close
	Claims   []Claim   // outputs of ours that are unspent, in output order
	Watch    []Watch   // outputs whose spends must be reported as facts
	Outcomes []Outcome // of HTLCs that we offered; the same again at each call
	Done     bool      // all is irrevocably resolved: the channel may be forgotten
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

// Claim is an output that is ours to spend.
type Claim struct {
	Channel       lnwire.ChannelID
	OutPoint      wire.OutPoint
	Output        wire.TxOut
	Sequence      uint32 // of the input: a relative lock in blocks where it is below 2^16
	LockTime      uint32 // of the transaction, at least: a height, 0 for none
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

// Parent is an unconfirmed commitment transaction, complete with witness where it is ours.
type Parent struct {
	Tx     *wire.MsgTx
	Weight int64
	Fee    btcutil.Amount
}

// Watch is an output whose spend matters.
type Watch struct {
	OutPoint   wire.OutPoint
	PkScript   []byte
	HeightHint lnwire.Height // no spend is below it
}

// Outcome of an HTLC that we offered.
type Outcome struct {
	ID       uint64
	Preimage *lnwire.Preimage // settled; nil: failed, irreversibly
}

// RevokedRecord is all that a penalty needs of a revoked commitment beside the revealed secret.
type RevokedRecord struct{ HTLCs []RevokedHTLC }

// RevokedHTLC is an HTLC output of a revoked commitment.
type RevokedHTLC struct {
	Offerer commitment.Side
	Hash    [20]byte // commitment.HashOf the payment hash
	Expiry  uint32
}

// NewRevokedRecord records the HTLC outputs of a commitment of the peer.
func NewRevokedRecord(c *commitment.Commitment) RevokedRecord { panic("soon") }

// Encode writes 25 bytes for each HTLC after a version byte.
func (r RevokedRecord) Encode() []byte { panic("soon") }

// DecodeRevokedRecord reads what Encode wrote.
func DecodeRevokedRecord(b []byte) (RevokedRecord, error) { panic("soon") }

// MatureAt is the lowest height of the chain's tip at which a transaction with the claim may be published.
func (c *Claim) MatureAt() lnwire.Height { panic("soon") }

// Next says what is to be done. It is a pure function: a restart or a reorganisation asks again.
func Next(c *Contract, f Facts) Plan { panic("soon") }
