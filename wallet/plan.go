package wallet

import (
	"cmp"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Limits and policy of the sweeper.
const (
	// maxBatch bounds the claims of one transaction.
	maxBatch = 100
	// calmTarget is the confirmation target, in blocks, of what is in no hurry.
	calmTarget = 72
	// nearDeadline: from so many blocks before its deadline on, a sweep's fee rises with every block by a quarter.
	nearDeadline = 12
	// calmShare: a sweep that is in no hurry may cost this part of its value at most.
	calmShare = 2
	// childBudget and calmChildBudget bound what a child may pay for its commitment: what the reserve is made for.
	childBudget, calmChildBudget btcutil.Amount = 100_000, 10_000
	// maxSweepRate is a bound against a mad estimate: 1000 sat/vB.
	maxSweepRate lnwire.FeePerKW = 250_000
	// relayStep is the rate by which a replacement must pay more than what it replaces (BIP 125, rule 4).
	relayStep = lnwire.FeePerKWFloor
)

// Rates is what the fee estimator said: the rate of the smallest target that is not below the wanted one counts.
type Rates []Rate

// Rate that confirms within Target blocks.
type Rate struct {
	Target uint32
	Rate   lnwire.FeePerKW
}

func (r Rates) within(blocks uint32) lnwire.FeePerKW {
	rate := lnwire.FeePerKWFloor
	for _, e := range r { // ascending targets: the last one that is not slower
		if e.Target <= blocks || rate == lnwire.FeePerKWFloor {
			rate = max(lnwire.FeePerKWFloor, e.Rate)
		}
	}
	return min(rate, maxSweepRate)
}

// sweep is a transaction of claims: claims[i] is input i, and its Paired output, where it has one, output i. Coins of
// the wallet follow, and pay the fee where the claims cannot. What is left goes to script.
type sweep struct {
	claims []resolve.Claim
	coins  []Coin
	script []byte // nil until the edge draws one
	rest   btcutil.Amount
	fee    btcutil.Amount
	rate   lnwire.FeePerKW
	tx     *wire.MsgTx // as published last; nil: not yet
	paid   btcutil.Amount
	height lnwire.Height // at which fee was decided
}

// Left says why a claim is in no transaction at present.
type Left uint8

const (
	Swept        Left = iota // it is in one
	Immature                 // its lock has not ended
	Uneconomical             // it costs more than it is worth, at present rates
	NoCoins                  // the wallet has no confirmed coins for its fee
	Unneeded                 // an anchor whose commitment pays enough by itself
	Refused                  // the mempool does not take it for what it may cost
)

func (l Left) String() string {
	return [...]string{"swept", "immature", "uneconomical", "no coins for the fee", "not needed", "refused by the mempool"}[l]
}

// situation is all that a plan depends on.
type situation struct {
	height  lnwire.Height
	rates   Rates
	floors  map[wire.OutPoint]lnwire.FeePerKW // what the operator, or a refusal, asks for
	apart   map[wire.OutPoint]bool            // claims that share with none: one of them is contested
	claims  []resolve.Claim                   // unspent ones
	coins   []Coin                            // confirmed and free
	running []*sweep                          // published before, with claims that are still unspent
}

// plan decides what to publish now: new sweeps, and running ones with a higher fee. It is a pure function of s, whose
// sweeps it does not change. Claims of no sweep are left for the reasons returned.
func plan(s situation) (todo []*sweep, left map[wire.OutPoint]Left) {
	p := planner{situation: s, left: map[wire.OutPoint]Left{}, free: slices.Clone(s.coins)}
	busy := map[wire.OutPoint]bool{}
	for _, r := range s.running {
		for _, c := range r.claims {
			busy[c.OutPoint] = true
		}
		for _, c := range r.coins {
			p.take(c.OutPoint)
		}
	}
	groups := make([]*sweep, 0, len(s.running))
	for _, r := range s.running {
		again := *r
		groups = append(groups, &again)
	}
	var fresh []resolve.Claim
	for _, c := range s.claims {
		switch {
		case busy[c.OutPoint]:
		case c.MatureAt() > s.height:
			p.left[c.OutPoint] = Immature
		default:
			fresh = append(fresh, c)
		}
	}
	groups = append(groups, group(fresh, s.apart)...)
	slices.SortStableFunc(groups, func(a, b *sweep) int { return cmp.Compare(urgency(a), urgency(b)) })
	for _, g := range groups { // the most urgent choose their coins first
		todo = append(todo, p.price(g)...)
	}
	return todo, p.left
}

type planner struct {
	situation
	left map[wire.OutPoint]Left
	free []Coin
}

func (p *planner) take(op wire.OutPoint) {
	p.free = slices.DeleteFunc(p.free, func(c Coin) bool { return c.OutPoint == op })
}

func (p *planner) leave(g *sweep, why Left) {
	for _, c := range g.claims {
		p.left[c.OutPoint] = why
	}
}

// dissolve parts the running sweeps whose claims are all still there from those that lost one: to the peer, to a
// reorganisation, or because the channel no longer wants it. The others' claims of those are free for the next plan.
func dissolve(running []*sweep, claims []resolve.Claim) (whole, broken []*sweep) {
	there := make(map[wire.OutPoint]bool, len(claims))
	for _, c := range claims {
		there[c.OutPoint] = true
	}
	for _, r := range running {
		if slices.ContainsFunc(r.claims, func(c resolve.Claim) bool { return !there[c.OutPoint] }) {
			broken = append(broken, r)
		} else {
			whole = append(whole, r)
		}
	}
	return whole, broken
}

// batch is what claims must share to be swept together.
//
//   - A sealed claim is a transaction by itself; the child of a commitment is, so that its fee is the commitment's alone.
//   - Paired claims' signatures cover the lock time, which must be the same for all of them.
//   - A hurried claim shares with its own channel only: a peer that spends one of them first, and so undoes the
//     transaction, must not hold up what other channels owe us.
type batch struct {
	alone    wire.OutPoint
	channel  lnwire.ChannelID
	hurried  bool
	paired   bool
	lockTime uint32
}

func batchOf(c *resolve.Claim) (b batch) {
	switch {
	case c.Sealed, c.Parent != nil:
		b.alone = c.OutPoint
	case c.Paired != nil:
		b.channel, b.paired, b.lockTime, b.hurried = c.Channel, true, c.LockTime, c.Deadline > 0
	case c.Deadline > 0:
		b.channel, b.hurried = c.Channel, true
	}
	return b
}

// group puts claims together, in their order, maxBatch at most.
func group(claims []resolve.Claim, apart map[wire.OutPoint]bool) []*sweep {
	var groups []*sweep
	open := map[batch]*sweep{}
	for _, c := range claims {
		k := batchOf(&c)
		if apart[c.OutPoint] {
			k = batch{alone: c.OutPoint}
		}
		g := open[k]
		if g == nil || len(g.claims) == maxBatch {
			g = new(sweep)
			open[k] = g
			groups = append(groups, g)
		}
		g.claims = append(g.claims, c)
	}
	return groups
}

// deadline is the earliest of the claims', 0: none.
func (g *sweep) deadline() (d lnwire.Height) {
	for _, c := range g.claims {
		if c.Deadline > 0 && (d == 0 || c.Deadline < d) {
			d = c.Deadline
		}
	}
	return d
}

func urgency(g *sweep) uint64 {
	if d := g.deadline(); d > 0 {
		return uint64(d)
	}
	return 1 << 40
}

func (g *sweep) sealed() bool { return g.claims[0].Sealed }
func (g *sweep) child() bool  { return g.claims[0].Parent != nil }
func (g *sweep) paired() bool { return g.claims[0].Paired != nil }

// wanted is the fee rate that g should pay at this height: what the estimator says, more near the deadline, and never
// less than before.
func (p *planner) wanted(g *sweep) lnwire.FeePerKW {
	blocks := uint32(calmTarget)
	d := g.deadline()
	if d > 0 {
		blocks = 1
		if d > p.height {
			blocks = uint32(d - p.height)
		}
	}
	rate := p.rates.within(blocks)
	for _, c := range g.claims {
		rate = max(rate, p.floors[c.OutPoint])
	}
	if g.rate == 0 {
		return min(rate, maxSweepRate)
	}
	if d > 0 && blocks <= nearDeadline && g.height < p.height {
		rate = max(rate, g.rate+g.rate/4+1)
	}
	return min(max(rate, g.rate), maxSweepRate)
}

// weight of the transaction, with or without an output to the wallet.
func (g *sweep) weight(rest bool) int64 {
	outputs := 0
	w := int64(0)
	for _, c := range g.claims {
		w += inputWeight + c.WitnessWeight
		if c.Paired != nil {
			w += outputWeight(c.Paired)
			outputs++
		}
	}
	for _, c := range g.coins {
		w += c.weight()
	}
	if rest {
		w += p2trOutput
		outputs++
	}
	return w + baseWeight(len(g.claims)+len(g.coins), outputs)
}

// surplus is what the inputs have beyond the paired outputs.
func (g *sweep) surplus() (sum btcutil.Amount) {
	for _, c := range g.claims {
		sum += btcutil.Amount(c.Output.Value)
		if c.Paired != nil {
			sum -= btcutil.Amount(c.Paired.Value)
		}
	}
	for _, c := range g.coins {
		sum += c.Amount
	}
	return sum
}

// budget is the most that g may pay: what is at stake at a deadline, a part of it where there is no hurry.
func (g *sweep) budget() (stake btcutil.Amount) {
	hurried := g.deadline() > 0
	if g.child() {
		if hurried {
			return childBudget
		}
		return calmChildBudget
	}
	for _, c := range g.claims {
		if c.Paired != nil {
			stake += btcutil.Amount(c.Paired.Value)
		} else {
			stake += btcutil.Amount(c.Output.Value)
		}
	}
	if hurried {
		return stake
	}
	return stake / calmShare
}
