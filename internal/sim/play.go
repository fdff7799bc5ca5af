package sim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Play is a random schedule on a pair: payments both ways, fees, lost connections, crashes at any point.
type Play struct {
	Pair     *Pair
	rng      *rand.Rand
	payments []*payment
	incoming map[*Node][]channel.HTLC // locked in, not decided
	fresh    map[*Node]bool           // no crash since the start: each effect comes once
	start    [2]lnwire.MilliSatoshi
	Err      error
	Counts   struct{ Settled, Failed, Dropped, Crashes, Disconnects, Fees, Refused int }
}

type payment struct {
	from     *Node
	amount   lnwire.MilliSatoshi
	preimage lnwire.Preimage
	hash     lnwire.Hash
	fate     int // how the receiver decides
	result   result
}

type result uint8

const (
	open result = iota
	settled
	failed
)

// NewPlay begins on a channel in normal operation.
func NewPlay(s Setup, seed uint64) *Play {
	p := &Play{Pair: Ready(s), rng: rand.New(rand.NewPCG(seed, 1)), incoming: map[*Node][]channel.HTLC{}, fresh: map[*Node]bool{}}
	for i, n := range p.nodes() {
		n.Handler = func(out *channel.Effects) { p.handle(n, out) }
		p.fresh[n] = true
		p.start[i] = n.Machine.Info().Local.Balance
	}
	return p
}

func (p *Play) nodes() []*Node { return []*Node{p.Pair.A, p.Pair.B} }

func (p *Play) fail(format string, args ...any) {
	if p.Err == nil {
		p.Err = fmt.Errorf(format, args...)
	}
}

func (p *Play) node() *Node { return p.nodes()[p.rng.IntN(2)] }

// handle is the world above a node.
func (p *Play) handle(n *Node, out *channel.Effects) {
	for _, h := range out.Incoming {
		if slices.ContainsFunc(p.incoming[n], func(o channel.HTLC) bool { return o.ID == h.ID }) {
			p.fail("%s: HTLC %d locked in twice", n.Name, h.ID)
		}
		p.incoming[n] = append(p.incoming[n], h)
	}
	for _, o := range out.Outcomes {
		p.outcome(n, o)
	}
}

func (p *Play) outcome(n *Node, o channel.Outcome) {
	pay := p.payments[o.Origin.ID]
	switch {
	case pay.from != n || pay.amount != o.Amount || pay.hash != o.Hash:
		p.fail("%s: outcome of another payment: %+v", n.Name, o)
	case pay.result != open && p.fresh[n]:
		p.fail("%s: payment %d ends twice", n.Name, o.Origin.ID)
	case o.Preimage != nil && sha256.Sum256(o.Preimage[:]) != o.Hash:
		p.fail("%s: wrong preimage", n.Name)
	case o.Preimage != nil && pay.result == failed, o.Preimage == nil && pay.result == settled:
		p.fail("%s: payment %d ends both ways", n.Name, o.Origin.ID)
	case o.Preimage != nil:
		pay.result = settled
		p.Counts.Settled++
	case o.Local:
		pay.result = failed
		p.Counts.Dropped++
	default:
		if o.Malformed == nil && string(o.Reason) != fmt.Sprint("reason ", o.ID) {
			p.fail("%s: reason %q of HTLC %d", n.Name, o.Reason, o.ID)
		}
		pay.result = failed
		p.Counts.Failed++
	}
}

// Step does one random thing.
func (p *Play) Step() {
	n := p.node()
	switch x := p.rng.IntN(1000); {
	case x < 380:
		n.Deliver()
	case x < 620:
		n.Commit()
	case x < 760:
		n.Must(channel.Flush{})
	case x < 860:
		p.offer(n)
	case x < 960:
		p.decide(n)
	case x < 968:
		p.fee()
	case x < 976:
		p.spendable(n)
	case x < 984:
		p.check(n)
	case x < 988:
		p.Counts.Disconnects++
		if n.Up {
			Disconnect(n, n.Peer)
		}
	case x < 991:
		p.crash(n)
	default:
		if !n.Up {
			Connect(n, n.Peer)
		}
	}
	if !n.Up && p.rng.IntN(20) == 0 {
		Connect(n, n.Peer)
	}
	if p.Err == nil {
		p.Err = p.Pair.Oracle.Err
	}
}

func (p *Play) amount(n *Node) lnwire.MilliSatoshi {
	switch p.rng.IntN(4) {
	case 0:
		return lnwire.MilliSatoshi(1 + p.rng.Uint64N(360_000)) // about the dust limit
	case 1:
		return lnwire.MilliSatoshi(1 + p.rng.Uint64N(20_000_000))
	case 2:
		return lnwire.MilliSatoshi(1 + p.rng.Uint64N(300_000_000))
	default:
		return lnwire.MilliSatoshi(1 + p.rng.Uint64N(uint64(n.Machine.Info().Spendable)+1_000_000))
	}
}

func (p *Play) newPayment(n *Node, amount lnwire.MilliSatoshi) (*payment, channel.Offer) {
	pay := &payment{from: n, amount: amount, fate: p.rng.IntN(5)}
	for i := range pay.preimage {
		pay.preimage[i] = byte(p.rng.Uint32())
	}
	pay.hash = sha256.Sum256(pay.preimage[:])
	return pay, channel.Offer{Amount: amount, Hash: pay.hash, Expiry: uint32(n.Height) + 100 + uint32(p.rng.IntN(10)),
		Onion: &[lnwire.OnionPacketSize]byte{1}, Origin: channel.Origin{ID: uint64(len(p.payments))}}
}

func (p *Play) offer(n *Node) {
	pay, o := p.newPayment(n, p.amount(n))
	before := p.dump(n, 8)
	if err := n.Step(o); err != nil {
		p.refused(n, err, before)
		return
	}
	p.payments = append(p.payments, pay)
}

// dump is the whole state, one time in so many.
func (p *Play) dump(n *Node, oneIn int) string {
	if p.rng.IntN(oneIn) != 0 {
		return ""
	}
	return channel.Dump(n.Machine)
}

// refused: "error: state untouched".
func (p *Play) refused(n *Node, err error, before string) {
	p.Counts.Refused++
	if !errors.Is(err, channel.ErrRefused) {
		p.fail("%s: %v is no refusal", n.Name, err)
	}
	if before != "" && before != channel.Dump(n.Machine) {
		p.fail("%s: refused with %v, but the state changed", n.Name, err)
	}
}

// spendable offers exactly what Info promises, after one msat more was refused.
func (p *Play) spendable(n *Node) {
	i := n.Machine.Info()
	if !i.Active || i.Spendable == 0 {
		return
	}
	_, o := p.newPayment(n, i.Spendable+1)
	if err := n.Step(o); err == nil {
		p.fail("%s: an offer of one msat more than %d is taken", n.Name, i.Spendable)
	}
	pay, o := p.newPayment(n, i.Spendable)
	if err := n.Step(o); err != nil {
		p.fail("%s: an offer of the spendable %d: %v", n.Name, i.Spendable, err)
		return
	}
	p.payments = append(p.payments, pay)
}

func (p *Play) decide(n *Node) {
	waiting := p.incoming[n]
	if len(waiting) == 0 {
		return
	}
	at := p.rng.IntN(len(waiting))
	h := waiting[at]
	p.incoming[n] = slices.Delete(waiting, at, at+1)
	pay := p.payments[slices.IndexFunc(p.payments, func(x *payment) bool { return x.hash == h.Hash })]
	var ev channel.Event
	switch {
	case pay.fate < 3:
		ev = channel.Settle{ID: h.ID, Preimage: pay.preimage}
	case pay.fate == 3:
		ev = channel.Reject{ID: h.ID, Reason: fmt.Append(nil, "reason ", h.ID)}
	default:
		ev = channel.RejectMalformed{ID: h.ID, Code: 0x8005, SHA256: [32]byte{1}}
	}
	n.Must(ev)
	if err := n.Step(ev); err == nil {
		p.fail("%s: HTLC %d removed twice", n.Name, h.ID)
	}
}

func (p *Play) fee() {
	before := p.dump(p.Pair.A, 8)
	if err := p.Pair.A.Step(channel.SetFee{FeeRate: lnwire.FeePerKW(253 + p.rng.IntN(4000))}); err != nil {
		p.refused(p.Pair.A, err, before)
		return
	}
	p.Counts.Fees++
}

// crash loses memory; the start-up rule of the layers above follows.
func (p *Play) crash(n *Node) {
	p.Counts.Crashes++
	p.fresh[n] = false
	n.Crash()
	incoming, outgoing := n.Machine.Live()
	p.incoming[n] = incoming
	for id, pay := range p.payments {
		if pay.from == n && pay.result == open &&
			!slices.ContainsFunc(outgoing, func(h channel.HTLCInfo) bool { return h.Origin.ID == uint64(id) }) {
			pay.result = failed
			p.Counts.Dropped++
		}
	}
}

// check holds a committed machine against its disk.
func (p *Play) check(n *Node) {
	n.Commit()
	for _, r := range n.Machine.Snapshot() {
		if have := n.Disk[string(r.Key)]; !bytes.Equal(have, r.Value) {
			p.fail("%s: record %q is %x on disk, %x in memory", n.Name, r.Key, have, r.Value)
		}
	}
	p.conserved(n)
	p.known(n)
}

// known: what may be published by the peer is what was signed for it, to the byte.
func (p *Play) known(n *Node) {
	for _, c := range n.Machine.Contract().Fundings[0].Remote {
		signed := n.Signer.Signed[c.Number]
		if signed == nil || signed.Tx.TxHash() != c.Tx.TxHash() {
			p.fail("%s: commitment %d of the peer is not the one that was signed", n.Name, c.Number)
		}
	}
}

func (p *Play) conserved(n *Node) {
	i := n.Machine.Info()
	sum := i.Local.Balance + i.Remote.Balance
	for _, h := range i.HTLCs {
		if in := h.Stage.InLocal(h.Incoming); in {
			sum += h.Amount
		}
	}
	if sum != lnwire.FromSatoshis(i.Capacity) {
		p.fail("%s: balances and HTLCs are %d, not the capacity", n.Name, sum)
	}
}

// Finish reconnects, decides all, and counts the money.
func (p *Play) Finish() error {
	if !p.Pair.A.Up {
		Connect(p.Pair.A, p.Pair.B)
	}
	for range 20 {
		p.Pair.Settle()
		for _, n := range p.nodes() {
			for len(p.incoming[n]) > 0 {
				p.decide(n)
			}
		}
	}
	want := p.start
	for id, pay := range p.payments {
		from := slices.Index(p.nodes(), pay.from)
		switch pay.result {
		case open:
			p.fail("payment %d never ended", id)
		case settled:
			want[from] -= pay.amount
			want[1-from] += pay.amount
		}
	}
	for i, n := range p.nodes() {
		info := n.Machine.Info()
		if len(info.HTLCs) != 0 || info.Local.Balance != want[i] || info.Remote.Balance != want[1-i] {
			p.fail("%s ends with %d HTLCs and %d, should be %d", n.Name, len(info.HTLCs), info.Local.Balance, want[i])
		}
		p.check(n)
		for key := range n.Disk {
			if strings.HasPrefix(key, "h") || strings.HasPrefix(key, "r") {
				p.fail("%s: record %q is left", n.Name, key)
			}
		}
	}
	if p.Err == nil {
		p.Err = p.Pair.Oracle.Err
	}
	return p.Err
}

// Steps is how many events the machines took.
func (p *Play) Steps() int { return p.Pair.A.Steps + p.Pair.B.Steps }
