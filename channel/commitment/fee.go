package commitment

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// CommitmentWeight is the expected weight of a commitment with so many untrimmed HTLCs (BOLT 3: Fee Calculation).
func CommitmentWeight(f Format, numHTLCs int) int64 {
	return f.traits().weight + HTLCOutputWeight*int64(numHTLCs)
}

// CommitmentFee is the base fee of a commitment with so many untrimmed HTLCs.
func CommitmentFee(f Format, rate lnwire.FeePerKW, numHTLCs int) btcutil.Amount {
	return rate.Fee(CommitmentWeight(f, numHTLCs))
}

// AnchorsCost is what the opener pays for both anchors, whether they exist or not.
func AnchorsCost(f Format) btcutil.Amount {
	if !f.traits().anchors {
		return 0
	}
	return 2 * AnchorAmount
}

// Trimmed says whether h has no output in owner's commitment at that rate.
// BOLT 3: "If this amount, minus the fees for the HTLC transaction, is less than the dust_limit_satoshis set by the owner
// of the commitment transaction, the output MUST NOT be produced".
func Trimmed(p *Params, owner Side, rate lnwire.FeePerKW, h *HTLC) bool {
	return h.Amount.Satoshis()-p.Format.HTLCFee(rate, h.Offerer == owner) < p.Parties[owner].DustLimit
}

// Untrimmed counts the HTLCs that have an output in owner's commitment.
func Untrimmed(p *Params, owner Side, rate lnwire.FeePerKW, hs []HTLC) (n int) {
	for i := range hs {
		if !Trimmed(p, owner, rate, &hs[i]) {
			n++
		}
	}
	return n
}

// OpenerBalance is what s leaves to the opener after fee and anchors of owner's commitment. The flag is false where the
// opener cannot pay them; Build then gives all that it has to the miners.
func OpenerBalance(p *Params, owner Side, s *State) (lnwire.MilliSatoshi, bool) {
	cost := CommitmentFee(p.Format, s.FeeRate, Untrimmed(p, owner, s.FeeRate, s.HTLCs)) + AnchorsCost(p.Format)
	return s.Balances[p.Opener].Sub(lnwire.FromSatoshis(cost))
}

// spikeFactor: BOLT 2: "It is recommended that this "fee spike buffer" can handle twice the current feerate_per_kw".
const spikeFactor = 2

// SpikeFee is the fee, anchors included, that an opener with numHTLCs untrimmed HTLCs should still afford for one more
// of them at twice the rate.
func SpikeFee(f Format, rate lnwire.FeePerKW, numHTLCs int) btcutil.Amount {
	weight := CommitmentWeight(f, numHTLCs+1)
	return btcutil.Amount(spikeFactor*int64(rate)*weight/1000) + AnchorsCost(f)
}

// DustExposure is the sum of the HTLCs that owner's commitment trims at rate: what a unilateral close gives to miners.
// For formats whose HTLC transactions pay a fee it grows with the rate, so a caller passes the rate that it must survive.
func DustExposure(p *Params, owner Side, rate lnwire.FeePerKW, hs []HTLC) (sum lnwire.MilliSatoshi) {
	for i := range hs {
		if Trimmed(p, owner, rate, &hs[i]) {
			sum += hs[i].Amount
		}
	}
	return sum
}
