package resolve

import (
	"crypto/sha256"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// outcomes of the HTLCs that we offered, as far as they are certain; all says whether that is each of them.
func (c *Contract) outcomes(f *Facts, x *closing, outputs []output) (list []Outcome, all bool) {
	preimages := c.revealed(f)
	all = true
	for i := range c.HTLCs {
		h := &c.HTLCs[i]
		if h.Offerer != commitment.Local {
			continue
		}
		if preimage := preimages[h.Hash]; h.Preimage != nil || preimage != nil {
			if h.Preimage != nil {
				preimage = h.Preimage
			}
			list = append(list, Outcome{ID: h.ID, Preimage: preimage})
		} else if x != nil && x.failed(f, &h.HTLC, outputs) {
			list = append(list, Outcome{ID: h.ID})
		} else {
			all = false
		}
	}
	return list, all
}

// revealed finds the preimages of our offers in the witnesses of all spends, confirmed or not: BOLT 5: "MUST extract the
// payment preimage from the transaction input witness." A preimage proves itself, so its place does not matter.
func (c *Contract) revealed(f *Facts) map[lnwire.Hash]*lnwire.Preimage {
	found := make(map[lnwire.Hash]*lnwire.Preimage)
	for i := range c.HTLCs {
		if h := &c.HTLCs[i]; h.Offerer == commitment.Local {
			found[h.Hash] = nil
		}
	}
	if len(found) == 0 {
		return nil
	}
	for i := range f.Spends {
		index, ok := f.Spends[i].input()
		if !ok {
			continue
		}
		for _, item := range f.Spends[i].Tx.TxIn[index].Witness {
			if len(item) != len(lnwire.Preimage{}) {
				continue
			}
			if hash := lnwire.Hash(sha256.Sum256(item)); wanted(found, hash) {
				preimage := lnwire.Preimage(item)
				found[hash] = &preimage
			}
		}
	}
	return found
}

func wanted(m map[lnwire.Hash]*lnwire.Preimage, hash lnwire.Hash) bool {
	_, ok := m[hash]
	return ok
}

// failed says whether an offer of ours without a known preimage can no longer be taken by the peer.
func (x *closing) failed(f *Facts, h *commitment.HTLC, outputs []output) bool {
	// BOLT 5: "for any committed HTLC that does NOT have an output in this commitment transaction: [...] once the
	// commitment transaction has reached reasonable depth: MUST fail the corresponding incoming HTLC".
	if f.depth(x.height) < ReasonableDepth {
		return false
	}
	for i := range outputs {
		o := &outputs[i]
		if x.mayBe(o, h) && (o.spend == nil || f.depth(o.spend.Height) < ReasonableDepth) {
			// Nothing is ours to time out in a commitment that we do not know: give up while upstream still waits.
			return o.idle && uint64(f.Tip) >= uint64(h.Expiry)+lossGrace
		}
	}
	return true
}

// mayBe says whether the output is, or may be, that of an HTLC that we offered.
func (x *closing) mayBe(o *output, h *commitment.HTLC) bool {
	switch {
	case o.idle:
		return o.claim.Output.Value == int64(h.Amount.Satoshis())
	case o.htlc == nil || o.htlc.offerer != commitment.Local:
		return false
	case x.kind == RevokedCommitment:
		return o.htlc.expiry == h.Expiry && o.claim.Output.Value == int64(h.Amount.Satoshis()) &&
			o.htlc.hash == commitment.HashOf(h.Hash)
	default:
		return o.htlc.id == h.ID
	}
}
