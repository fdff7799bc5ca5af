package sim

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Oracle replays messages by the text of BOLT 2: "these updates apply to the other node's commitment transaction; the node
// only adds those updates to its own commitment transaction when the remote node acknowledges it has applied them via
// revoke_and_ack." It knows nothing of stages.
type Oracle struct {
	pair    *Pair
	opener  *party
	parties map[*Node]*party
	// Checked counts the commitments that were compared; Err is the first that was wrong.
	Checked int
	Err     error
}

// party is what one side has said.
type party struct {
	node    *Node
	other   *party
	balance lnwire.MilliSatoshi // at the beginning
	dust    btcutil.Amount
	rate    lnwire.FeePerKW
	log     []said // updates that it proposed, in order
	signed  int    // how many of them its last commitment_signed covers
	before  int    // how many the commitment_signed before that one covered
	acked   int    // how many of them the other acknowledged with revoke_and_ack
	unacked int    // how many it had acknowledged before its last revoke_and_ack
	commits uint64 // number of its last commitment_signed
	revoked uint64 // how many revoke_and_ack it has sent
}

// said is one update: exactly one of its fields is set.
type said struct {
	add     *lnwire.UpdateAddHTLC
	fulfill *lnwire.UpdateFulfillHTLC
	fail    *uint64
	fee     lnwire.FeePerKW
}

// NewOracle watches p from its first commitments on.
func NewOracle(p *Pair, s Setup) *Oracle {
	a, b := p.A.Machine.Info(), p.B.Machine.Info()
	pa := &party{node: p.A, balance: lnwire.FromSatoshis(s.Capacity) - s.Push, dust: a.Local.DustLimit, rate: s.FeeRate}
	pb := &party{node: p.B, balance: s.Push, dust: b.Local.DustLimit, other: pa}
	pa.other = pb
	o := &Oracle{pair: p, opener: pa, parties: map[*Node]*party{p.A: pa, p.B: pb}}
	p.A.Released, p.B.Released = o.released, o.released
	return o
}

func (o *Oracle) released(from *Node, msg lnwire.Message) {
	p := o.parties[from]
	switch m := msg.(type) {
	case *lnwire.UpdateAddHTLC:
		p.log = append(p.log, said{add: m})
	case *lnwire.UpdateFulfillHTLC:
		p.log = append(p.log, said{fulfill: m})
	case *lnwire.UpdateFailHTLC:
		p.log = append(p.log, said{fail: &m.ID})
	case *lnwire.UpdateFailMalformedHTLC:
		p.log = append(p.log, said{fail: &m.ID})
	case *lnwire.UpdateFee:
		p.log = append(p.log, said{fee: m.FeeRate})
	case *lnwire.CommitmentSigned:
		p.commits++
		p.before, p.signed = p.signed, len(p.log)
		o.compare(p, m)
	case *lnwire.RevokeAndAck:
		// "This message also implicitly serves as an acknowledgment of receipt of the commitment_signed".
		p.revoked++
		p.other.unacked, p.other.acked = p.other.acked, p.other.signed
	case *lnwire.ChannelReestablish:
		o.reestablish(p, m)
	case *lnwire.Error:
		o.fail("%s sends error %q", from.Name, m.Data)
	case *lnwire.Warning:
		o.fail("%s sends warning %q", from.Name, m.Data)
	}
}

// reestablish: what p tells by its counters that it has not got will be sent again, and is forgotten until then.
// "MUST reverse any uncommitted updates sent by the other side (i.e. all messages beginning with update_ for which no
// commitment_signed has been received)."
func (o *Oracle) reestablish(p *party, m *lnwire.ChannelReestablish) {
	q := p.other
	switch m.NextCommitment {
	case q.commits + 1: // it has the last commitment_signed
	case q.commits:
		q.commits--
		q.signed = q.before
	default:
		o.fail("%s expects commitment_signed %d, the last one sent is %d", p.node.Name, m.NextCommitment, q.commits)
	}
	switch m.NextRevocation {
	case q.revoked:
	case q.revoked - 1:
		q.revoked--
		p.acked = p.unacked
	default:
		o.fail("%s expects revoke_and_ack %d, the last one sent is %d", p.node.Name, m.NextRevocation, q.revoked)
	}
	q.log = q.log[:q.signed]
}

func (o *Oracle) fail(format string, args ...any) {
	if o.Err == nil {
		o.Err = fmt.Errorf(format, args...)
	}
}

// content is what a commitment must say.
type content struct {
	balances map[*party]lnwire.MilliSatoshi
	rate     lnwire.FeePerKW
	adds     []offered
}

type offered struct {
	by *party
	*lnwire.UpdateAddHTLC
}

// expect replays what the commitment of owner, signed by the other, contains: all that the other proposed, and what the
// owner proposed as far as the other has acknowledged it.
func (o *Oracle) expect(owner *party) content {
	c := content{balances: map[*party]lnwire.MilliSatoshi{o.opener: o.opener.balance, o.opener.other: o.opener.other.balance}, rate: o.opener.rate}
	signer := owner.other
	parts := map[*party][]said{signer: signer.log, owner: owner.log[:owner.acked]}
	credit := map[*party]lnwire.MilliSatoshi{}
	for _, by := range []*party{signer, owner} {
		for _, u := range parts[by] {
			if u.add != nil {
				c.balances[by] -= u.add.Amount
				c.adds = append(c.adds, offered{by, u.add})
			}
			if u.fee != 0 {
				c.rate = u.fee
			}
		}
	}
	for _, by := range []*party{signer, owner} {
		for _, u := range parts[by] {
			switch {
			case u.fulfill != nil:
				credit[by] += c.take(o, by.other, u.fulfill.ID)
			case u.fail != nil:
				credit[by.other] += c.take(o, by.other, *u.fail)
			}
		}
	}
	for by, sum := range credit {
		c.balances[by] += sum
	}
	return c
}

// take removes an HTLC and returns what it carried.
func (c *content) take(o *Oracle, by *party, id uint64) lnwire.MilliSatoshi {
	i := slices.IndexFunc(c.adds, func(a offered) bool { return a.by == by && a.ID == id })
	if i < 0 {
		o.fail("HTLC %d of %s is removed but was not there", id, by.node.Name)
		return 0
	}
	amount := c.adds[i].Amount
	c.adds = slices.Delete(c.adds, i, i+1)
	return amount
}

// compare holds the commitment that p signed against the replay.
func (o *Oracle) compare(p *party, m *lnwire.CommitmentSigned) {
	got := p.node.Signer.Signed[p.commits]
	if got == nil {
		o.fail("%s never signed number %d", p.node.Name, p.commits)
		return
	}
	o.Checked++
	owner := p.other
	want := o.expect(owner)
	outputs := o.outputs(owner, want)
	var have []int64
	for _, out := range got.Tx.TxOut {
		have = append(have, out.Value)
	}
	slices.Sort(have)
	slices.Sort(outputs)
	if !slices.Equal(have, outputs) {
		o.fail("commitment %d of %s has outputs %v, not %v (rate %d)", p.commits, owner.node.Name, have, outputs, want.rate)
	}
	o.compareHTLCs(p, got, want)
	if len(m.HTLCSigs) != len(got.HTLCs) {
		o.fail("%d HTLC signatures for %d HTLCs", len(m.HTLCSigs), len(got.HTLCs))
	}
}

func (o *Oracle) compareHTLCs(p *party, got *commitment.Commitment, want content) {
	all := append([]commitment.HTLC{}, got.Trimmed...)
	for i := range got.HTLCs {
		all = append(all, got.HTLCs[i].HTLC)
	}
	if len(all) != len(want.adds) {
		o.fail("commitment %d signed by %s has %d HTLCs, not %d", p.commits, p.node.Name, len(all), len(want.adds))
		return
	}
	for _, a := range want.adds {
		side := commitment.Remote
		if a.by == p {
			side = commitment.Local
		}
		h := commitment.HTLC{Offerer: side, ID: a.ID, Amount: a.Amount, Hash: a.Hash, Expiry: a.Expiry}
		if !slices.Contains(all, h) {
			o.fail("commitment %d signed by %s lacks HTLC %d of %s", p.commits, p.node.Name, a.ID, a.by.node.Name)
		}
	}
}

// outputs are the values that BOLT 3 gives the commitment: "option_anchors" figures, written down once more.
func (o *Oracle) outputs(owner *party, c content) (values []int64) {
	const weight, perHTLC, anchor = 1124, 172, 330
	untrimmed := int64(0)
	for _, a := range c.adds {
		if sat := int64(a.Amount / 1000); sat >= int64(owner.dust) {
			untrimmed++
			values = append(values, sat)
		}
	}
	cost := lnwire.MilliSatoshi((int64(c.rate)*(weight+perHTLC*untrimmed)/1000 + 2*anchor) * 1000)
	for _, p := range []*party{owner, owner.other} {
		b := c.balances[p]
		if p == o.opener {
			b -= min(b, cost)
		}
		sat := int64(b / 1000)
		if sat >= int64(owner.dust) {
			values = append(values, sat)
		} else {
			sat = 0
		}
		if sat > 0 || untrimmed > 0 {
			values = append(values, anchor)
		}
	}
	return values
}
