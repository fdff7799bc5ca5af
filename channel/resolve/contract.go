package resolve

import (
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

// Signed is our commitment with the peer's signatures. Commitment is nil where the peer has signed none.
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
	// Revoked returns the record of a revoked commitment of the peer; one without HTLC outputs needs none.
	Revoked(number uint64) (RevokedRecord, bool)
	// Point is our own per-commitment point.
	Point(number uint64) lnwire.PubKey
}

// Fact is the observed spend of an output: one fact for each output that a transaction spends.
type Fact struct {
	OutPoint wire.OutPoint
	Tx       *wire.MsgTx
	Height   lnwire.Height // of the block; 0 while unconfirmed: then it only tells preimages and asks for an anchor
}

// Facts are the spends observed on the best chain, in any order, and its height.
type Facts struct {
	Spends []Fact
	Tip    lnwire.Height
}

// input is the one of the transaction that spends OutPoint; false where it does not.
func (f *Fact) input() (int, bool) {
	for i, in := range f.Tx.TxIn {
		if in.PreviousOutPoint == f.OutPoint {
			return i, true
		}
	}
	return 0, false
}

// spends are the confirmed facts by outpoint. Of two that contradict each other, while a reorganisation is being
// reported, the higher one counts.
func (f *Facts) spends() map[wire.OutPoint]*Fact {
	m := make(map[wire.OutPoint]*Fact, len(f.Spends))
	for i := range f.Spends {
		s := &f.Spends[i]
		if _, ok := s.input(); !ok || s.Height == 0 {
			continue
		}
		if old := m[s.OutPoint]; old == nil || s.Height > old.Height {
			m[s.OutPoint] = s
		}
	}
	return m
}

// depth of a block: the tip has depth 1.
func (f *Facts) depth(h lnwire.Height) uint32 {
	if h >= f.Tip {
		return 1
	}
	return uint32(f.Tip-h) + 1
}
