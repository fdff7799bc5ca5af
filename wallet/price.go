package wallet

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// p2trDust is the smallest output to the wallet that is relayed.
const p2trDust btcutil.Amount = 330

// price settles a sweep's fee and coins, and returns it where it is to be published now. Claims that are not worth
// their part of the fee are left out of one that was not published yet.
func (p *planner) price(g *sweep) []*sweep {
	rate := p.wanted(g)
	switch {
	case g.sealed():
		return p.seal(g)
	case g.tx == nil:
		if weak := p.prune(g, rate); len(weak) > 0 {
			var todo []*sweep
			for _, c := range weak {
				todo = append(todo, p.price(&sweep{claims: []resolve.Claim{c}})...)
			}
			if len(g.claims) > 0 {
				todo = append(p.price(g), todo...)
			}
			return todo
		}
		if len(g.claims) == 0 {
			return nil
		}
	case rate == g.rate:
		return nil // as it is
	}
	if g.child() && g.tx == nil && !p.childNeeded(g, rate) {
		p.leave(g, Unneeded)
		return nil
	}
	if why := p.settle(g, rate); why != Swept {
		if g.tx == nil {
			p.leave(g, why)
		}
		return nil // a running one stays as it is
	}
	if g.tx != nil && g.fee < g.paid+feeUp(relayStep, g.weight(g.rest > 0)) {
		return nil // no node would relay the replacement
	}
	g.height = p.height
	for _, c := range g.coins {
		p.take(c.OutPoint)
	}
	return []*sweep{g}
}

// seal publishes a transaction that is complete already, once.
func (p *planner) seal(g *sweep) []*sweep {
	g.fee = g.surplus()
	if g.tx != nil {
		return nil
	}
	g.height = p.height
	return []*sweep{g}
}

// prune leaves the claims that cost more than they bring. At a deadline there is no waiting for lower rates: claims that
// are not worth the rate of their batch, but are worth some relayed rate, are returned, to be swept one by one.
func (p *planner) prune(g *sweep, rate lnwire.FeePerKW) (weak []resolve.Claim) {
	if g.child() {
		return nil
	}
	alone := len(g.claims) == 1
	var good []resolve.Claim
	for _, c := range g.claims {
		worth, weight := btcutil.Amount(c.Output.Value), inputWeight+c.WitnessWeight
		if c.Paired != nil {
			worth, weight = btcutil.Amount(c.Paired.Value), weight+outputWeight(c.Paired)
		}
		switch {
		case worth > feeUp(rate, weight):
			good = append(good, c)
		case c.Deadline == 0 || worth <= feeUp(lnwire.FeePerKWFloor, weight):
			p.left[c.OutPoint] = Uneconomical
		case alone:
			good = append(good, c)
		default:
			weak = append(weak, c)
		}
	}
	g.claims = good
	return weak
}

// childNeeded: the commitment alone pays less than the wanted rate.
func (p *planner) childNeeded(g *sweep, rate lnwire.FeePerKW) bool {
	parent := g.claims[0].Parent
	return parent.Fee < feeUp(rate, parent.Weight)
}

// fees of a sweep at a rate: a child pays for its parent too, and for itself at least what is relayed.
func (g *sweep) fees(rate lnwire.FeePerKW, rest bool) btcutil.Amount {
	w := g.weight(rest)
	if !g.child() {
		return feeUp(rate, w)
	}
	parent := g.claims[0].Parent
	return max(feeUp(rate, parent.Weight+w)-parent.Fee, feeUp(lnwire.FeePerKWFloor, w))
}

// settle works out fee, coins and rest at the rate, or at what the budget allows where that is less.
func (p *planner) settle(g *sweep, wanted lnwire.FeePerKW) Left {
	kept := g.coins
	for free := p.spare(g); ; {
		rate, ok := affordable(g, wanted) // less with each coin that has to be paid for
		if !ok {
			g.coins = kept
			return Uneconomical
		}
		if g.balance(rate) {
			g.rate = rate
			return Swept
		}
		short := g.fees(rate, true) - g.surplus() + p2trDust
		next, ok := pickCoin(free, short, rate)
		if !ok {
			break
		}
		g.coins = append(slices.Clip(g.coins), free[next])
		free = slices.Delete(free, next, next+1)
	}
	// Without more coins it pays what it can.
	g.coins = kept
	if lower := rateOf(g, min(g.surplus()-p2trDust, g.budget())); lower > g.rate && lower >= lnwire.FeePerKWFloor && g.balance(lower) {
		g.rate = lower
		return Swept
	}
	if g.paired() || g.child() {
		return NoCoins
	}
	return Uneconomical
}

// spare are the coins that g may use. Claims that bring their own fee use none.
func (p *planner) spare(g *sweep) []Coin {
	if g.paired() || g.child() {
		return slices.Clone(p.free)
	}
	return nil
}

// affordable lowers the rate to what the budget pays for.
func affordable(g *sweep, rate lnwire.FeePerKW) (lnwire.FeePerKW, bool) {
	if budget := g.budget(); g.fees(rate, true) > budget {
		rate = rateOf(g, budget)
	}
	return rate, rate >= lnwire.FeePerKWFloor && rate >= g.rate
}

// rateOf is the highest rate whose fee is within the amount.
func rateOf(g *sweep, fee btcutil.Amount) lnwire.FeePerKW {
	w := g.weight(true)
	if g.child() {
		w += g.claims[0].Parent.Weight
		fee += g.claims[0].Parent.Fee
	}
	if fee <= 0 {
		return 0
	}
	return lnwire.FeePerKW(min(int64(fee)*1000/w, int64(maxSweepRate)))
}

// balance sets fee and rest where the inputs reach for the rate. A rest too small to be relayed goes to the fee, if
// there is another output.
func (g *sweep) balance(rate lnwire.FeePerKW) bool {
	have := g.surplus()
	if rest := have - g.fees(rate, true); rest >= p2trDust {
		g.rest, g.fee = rest, have-rest
		return true
	}
	if !g.paired() || have < g.fees(rate, false) || have > g.budget() {
		return false
	}
	g.rest, g.fee = 0, have
	return true
}

// pickCoin is the smallest coin that covers what is short, else the most valuable one, if that is worth its own fee.
func pickCoin(free []Coin, short btcutil.Amount, rate lnwire.FeePerKW) (at int, ok bool) {
	best := -1
	for i, c := range free {
		if c.worth(rate) >= short && (best < 0 || cmp.Or(cmp.Compare(c.Amount, free[best].Amount), compareOutPoints(c.OutPoint, free[best].OutPoint)) < 0) {
			best = i
		}
	}
	if best >= 0 {
		return best, true
	}
	for i, c := range free {
		if c.worth(rate) > 0 && (best < 0 || c.Amount > free[best].Amount) {
			best = i
		}
	}
	return best, best >= 0
}
