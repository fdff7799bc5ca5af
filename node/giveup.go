package node

import (
	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/wallet"
)

// giveUpBefore: so many blocks before an incoming HTLC expires, and its sender would close the channel over it, a forward
// that is not worth its claim is given up.
const giveUpBefore = 6

// giveUp fails upstream the forwards of which the outgoing HTLC is an output that costs more to time out than it is worth,
// in a commitment that is buried. The peer could still take the output with the preimage, at the same fees: its amount is
// what we risk, and the channel upstream is what we would lose by waiting for an output that nobody spends. BOLT 5 asks to
// wait for the timeout's depth where there is one: "once the resolving transaction has reached reasonable depth: MUST fail
// the corresponding incoming HTLC"; where there will be none, the incoming expiry is the limit.
//
// The switch ignores what has ended already, and a restart asks again.
func (n *Node) giveUp() {
	var costly []wallet.Pending // asked for when it matters
	for _, c := range n.book.all() {
		if c.Info == nil || c.Phase != channel.PhaseOnchain || !n.buriedClose(c) {
			continue
		}
		for i := range c.HTLCs {
			h := &c.HTLCs[i]
			if h.Incoming || h.Preimage != nil || !n.urgent(h) {
				continue
			}
			if costly == nil {
				costly = n.costly()
			}
			if lost := unclaimed(costly, c.ChannelID, h); lost {
				n.log.Warn("a forward is failed back: its output on chain is not worth its fee", "chan", c.ChannelID, "htlc", h.ID, "amount", h.Amount)
				n.traffic.post(htlc.Ended{Outcome: channel.Outcome{Channel: c.ChannelID, ID: h.ID, Origin: h.Origin, Hash: h.Hash, Amount: h.Amount, Local: true}})
			}
		}
	}
}

// buriedClose says whether one of the two valid commitments closed c, for good.
func (n *Node) buriedClose(c page) bool {
	known := c.Close.Kind == resolve.LocalCommitment || c.Close.Kind == resolve.RemoteCommitment
	return known && c.Close.SpentHeight > 0 && n.Height() >= c.Close.SpentHeight+resolve.ReasonableDepth-1
}

// urgent says whether the incoming HTLC for which h was offered is about to expire.
func (n *Node) urgent(h *channel.HTLCInfo) bool {
	in, ok := n.book.find(h.Origin.Channel)
	if !ok || uint64(h.Expiry) > uint64(n.Height()) {
		return false
	}
	for i := range in.HTLCs {
		if x := &in.HTLCs[i]; x.Incoming && x.ID == h.Origin.ID {
			return uint64(n.Height())+giveUpBefore >= uint64(x.Expiry)
		}
	}
	return false
}

// costly lists the timeouts that cost more than they bring, as the sweeper found or at the present rate. Not nil.
func (n *Node) costly() []wallet.Pending {
	const soon = 2
	rate, err := n.chain.EstimateFee(n.ctx, soon)
	if err != nil {
		rate = lnwire.FeePerKWFloor
	}
	all := []wallet.Pending{}
	for _, p := range n.sweeper.sweeper.Pending() {
		k := p.Claim.Recipe.Kind
		if k != commitment.SpendHTLCTimeout && k != commitment.SpendTheirHTLCTimeout {
			continue
		}
		if p.Left == wallet.Uneconomical || p.Left == wallet.Refused || btcutil.Amount(p.Claim.Output.Value) <= rate.Fee(inputWeight+p.Claim.WitnessWeight) {
			all = append(all, p)
		}
	}
	return all
}

// inputWeight is that of an input without its witness: 32+4+1+4 bytes that count four times.
const inputWeight = 164

// unclaimed says whether h's output is among the costly ones. Outputs of one value and expiry are alike.
func unclaimed(costly []wallet.Pending, id lnwire.ChannelID, h *channel.HTLCInfo) bool {
	for i := range costly {
		c := &costly[i].Claim
		if c.Channel == id && c.LockTime == h.Expiry && c.Output.Value == int64(h.Amount.Satoshis()) {
			return true
		}
	}
	return false
}
