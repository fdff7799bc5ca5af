package resolve

import (
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Next says what is to be done. It is a pure function of its arguments and changes neither; a restart or a
// reorganisation asks again.
func Next(c *Contract, f Facts) Plan {
	spent := f.spends()
	x := findClosing(c, spent)
	if x == nil {
		return c.open(&f)
	}
	outputs := x.outputs(c, spent)
	plan := Plan{Close: x.kind, Height: x.height, Done: f.depth(x.height) >= IrrevocableDepth}
	if !plan.Done {
		plan.Watch = c.fundingWatches()
	}
	for i := range outputs {
		o := &outputs[i]
		if o.resolved(&f) {
			continue
		}
		plan.Watch = append(plan.Watch, Watch{OutPoint: o.claim.OutPoint, PkScript: o.pkScript, HeightHint: o.confirmed})
		if o.spend == nil && o.claim.Recipe.Kind != 0 {
			plan.Claims = append(plan.Claims, o.claim)
		}
		if !o.idle && !o.leftToPeer(&f) {
			plan.Done = false
		}
	}
	var known bool
	plan.Outcomes, known = c.outcomes(&f, x, outputs)
	plan.Done = plan.Done && known
	return plan
}

// resolved says whether the output is spent, irrevocably.
func (o *output) resolved(f *Facts) bool {
	return o.spend != nil && f.depth(o.spend.Height) >= IrrevocableDepth
}

// leftToPeer says whether an unspent output is the peer's to resolve, since its expiry has passed without a preimage.
func (o *output) leftToPeer(f *Facts) bool {
	return o.claim.Recipe.Kind == 0 && o.until > 0 && f.Tip >= o.until
}

// open is the plan while no funding output is spent in a block: watch, learn preimages from the mempool, and help a
// commitment that is waiting there.
func (c *Contract) open(f *Facts) Plan {
	plan := Plan{Close: NotClosed, Watch: c.fundingWatches()}
	plan.Outcomes, _ = c.outcomes(f, nil, nil)
	for i := range c.Fundings {
		funding := &c.Fundings[i]
		k := funding.unconfirmed(f)
		if k == nil && c.Published {
			k = funding.Local.Commitment
		}
		if k != nil && k.Anchors[commitment.Local].Exists() {
			plan.Claims = append(plan.Claims, c.anchor(funding.Params, k))
		}
	}
	return plan
}

func (c *Contract) fundingWatches() (all []Watch) {
	for i := range c.Fundings {
		f := &c.Fundings[i]
		pkScript, _ := commitment.FundingScript(f.Params.Parties[commitment.Local].Funding, f.Params.Parties[commitment.Remote].Funding)
		all = append(all, Watch{OutPoint: f.Params.Funding, PkScript: pkScript, HeightHint: f.Height})
	}
	return all
}

// unconfirmed returns the known commitment that was seen unconfirmed.
func (f *Funding) unconfirmed(facts *Facts) *commitment.Commitment {
	for i := range facts.Spends {
		s := &facts.Spends[i]
		if _, ok := s.input(); ok && s.Height == 0 && s.OutPoint == f.Params.Funding {
			if k := f.find(s.Tx); k != nil {
				return k
			}
		}
	}
	return nil
}

// anchor is the claim of our anchor on an unconfirmed commitment. BOLT 5: "MUST spend any to_local_anchor output,
// providing sufficient fees as incentive to include the commitment transaction in a block."
func (c *Contract) anchor(p *commitment.Params, k *commitment.Commitment) Claim {
	a := k.Anchors[commitment.Local]
	recipe := commitment.Recipe{Kind: commitment.SpendAnchor, Format: p.Format, Script: a.Script}
	return Claim{
		Channel:       c.Channel,
		OutPoint:      wire.OutPoint{Hash: k.Tx.TxHash(), Index: uint32(a.Index)},
		Output:        *k.Tx.TxOut[a.Index],
		Sequence:      replaceable,
		WitnessWeight: recipe.WitnessWeight(),
		Deadline:      c.commitBy(k),
		Parent:        &Parent{Weight: k.Weight(), Fee: k.Fee},
		Recipe:        recipe,
	}
}

// commitBy is the height by which a commitment must be confirmed so that its HTLCs can be resolved in time; 0 where
// none of them is ours to resolve.
func (c *Contract) commitBy(k *commitment.Commitment) lnwire.Height {
	var by lnwire.Height
	for i := range k.HTLCs {
		h := &k.HTLCs[i].HTLC
		deadline := lnwire.Height(h.Expiry)
		if h.Offerer == commitment.Remote {
			if c.preimage(h) == nil {
				continue
			}
			deadline = max(deadline, confirmationTime+1) - confirmationTime
		}
		if by == 0 || deadline < by {
			by = deadline
		}
	}
	return by
}
