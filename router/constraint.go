package router

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// What reliability and time are worth. The knob Request.TimePref multiplies the first two by 1/19 to 19.
const (
	attemptBase = 20_000 // msat for one nat of surprisal (a chance of 37 %)
	attemptRate = 2_000  // and millionths of the amount
	lockedRate  = 15e-9  // of the amount for each block that it may be locked: 0.08 % in a year

	defaultFinalPayload = 42 // payment_data (BOLT 4): type, length, payment_secret, total_msat
	maxCLTV             = 1 << 24
)

// newSearch checks the request and takes scratch memory, which the caller releases.
func newSearch(s *Snapshot, r *Request, est Estimator) (*search, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	q := &search{
		s: s, r: r, est: est, sc: pool.Get().(*scratch), lastHop: noNode,
		most: lnwire.MaxMilliSatoshi, maxCLTV: maxCLTV, maxHops: MaxHops,
	}
	if r.FeeLimit != nil {
		q.most = min(q.most, r.Amount+min(*r.FeeLimit, lnwire.MaxMilliSatoshi))
	}
	if r.MaxCLTV != 0 {
		q.maxCLTV = min(q.maxCLTV, r.MaxCLTV)
	}
	if r.MaxHops != 0 {
		q.maxHops = int32(r.MaxHops)
	}
	pref := 0.9 * r.TimePref
	q.perNat = (attemptBase + attemptRate*float64(r.Amount)/1e6) * (1 + pref) / (1 - pref)
	q.perBlock = lockedRate

	// Strangers are at most: source, destination, the ends of hints and of local channels, the last hop.
	room := 4 + len(r.Local)
	for _, chain := range r.Hints {
		room += len(chain)
	}
	q.sc.prepare(s.nodeSlots, s.chanSlots, room)
	if err := q.place(); err != nil {
		q.sc.release()
		return nil, err
	}
	return q, nil
}

// check refuses what no graph can answer.
func (r *Request) check() error {
	switch {
	case r.Amount == 0 || r.Amount > lnwire.MaxMilliSatoshi:
		return badRequest("amount %v", r.Amount)
	case r.MaxHops < 0 || r.MaxHops > MaxHops:
		return badRequest("%d hops, at most %d", r.MaxHops, MaxHops)
	case r.FinalPayload < 0 || r.FinalPayload > OnionSpace:
		return badRequest("final payload of %d bytes", r.FinalPayload)
	case r.FinalCLTV > maxCLTV || uint32(r.Height) > maxCLTV*8:
		return badRequest("final CLTV %d at height %d", r.FinalCLTV, r.Height)
	case math.IsNaN(r.TimePref) || r.TimePref < -1 || r.TimePref > 1:
		return badRequest("time preference %v is not between -1 and 1", r.TimePref)
	case len(r.Hints) > MaxHints:
		return badRequest("%d route hints, at most %d", len(r.Hints), MaxHints)
	}
	for _, chain := range r.Hints {
		if len(chain) > MaxHintLen {
			return badRequest("a route hint of %d hops, at most %d", len(chain), MaxHintLen)
		}
	}
	return nil
}

// place finds the request's nodes in the graph and hangs the request's own edges onto them.
func (q *search) place() error {
	r, sc := q.r, q.sc
	q.source, q.dest = q.locate(r.Source), q.locate(r.Dest)
	if err := q.checkDest(); err != nil {
		return err
	}
	if r.LastHop != nil {
		q.lastHop = q.locate(*r.LastHop)
	}
	q.markIgnored()
	for _, u := range r.InFlight {
		if i, ok := q.s.bySCID[chanShard(u.SCID)][u.SCID]; ok {
			sc.mark(sc.busy, i<<1|uint32(u.Direction&1))
		}
	}
	q.addHints()
	if err := q.addLocal(); err != nil {
		return err
	}
	if int(q.source) >= q.s.nodeSlots && r.Local == nil {
		return fmt.Errorf("%w: source %v", ErrUnknownNode, r.Source)
	}
	if int(q.dest) >= q.s.nodeSlots && sc.extraAt[q.dest] != sc.epoch {
		return fmt.Errorf("%w: %v", ErrUnknownNode, r.Dest)
	}
	q.goal = uint32(q.s.nodeSlots + len(sc.keys))
	sc.keys = append(sc.keys, lnwire.PubKey{})
	return nil
}

// locate is the index of a node, a new one where the graph does not hold it.
func (q *search) locate(key lnwire.PubKey) uint32 {
	if i, ok := q.s.index(key); ok {
		return i
	}
	return q.sc.stranger(q.s.nodeSlots, key)
}

// checkDest holds the destination's features against what the payment is to carry.
// BOLT 7: "Unless paying a [BOLT #11] invoice which does not have the same bit(s) set, MUST NOT attempt to send
// payments _to_ the node."
func (q *search) checkDest() error {
	f := q.r.Features
	if f == nil {
		if int(q.dest) >= q.s.nodeSlots || q.s.vertex(q.dest).node.LastUpdate == 0 {
			return nil // nothing is known: the payment itself will tell
		}
		f = q.s.vertex(q.dest).node.Features
	}
	if requiresUnknown(f) {
		return fmt.Errorf("%w: it requires one that we do not know", ErrFeatures)
	}
	if q.r.PaymentSecret && !f.Supports(lnwire.FeaturePaymentSecret) {
		return fmt.Errorf("%w: no payment_secret", ErrFeatures)
	}
	if q.r.MPP && !f.Supports(lnwire.FeatureBasicMPP) {
		return fmt.Errorf("%w: no basic_mpp", ErrFeatures)
	}
	return nil
}

func (q *search) markIgnored() {
	sc := q.sc
	for _, id := range q.r.IgnoredEdges {
		if i, ok := q.s.bySCID[chanShard(id.SCID)][id.SCID]; ok {
			sc.mark(sc.blocked, i<<1|uint32(id.Direction&1))
		}
	}
	for _, p := range q.r.IgnoredPairs {
		from, ok1 := q.s.index(p.From)
		to, ok2 := q.s.index(p.To)
		if !ok1 || !ok2 {
			continue
		}
		for i := range q.s.vertex(to).in {
			if e := &q.s.vertex(to).in[i]; e.from == from {
				sc.mark(sc.blocked, e.ch)
			}
		}
	}
}

// ignored is markIgnored for edges that are not in the graph.
func (q *search) ignored(id EdgeID, from, to lnwire.PubKey) bool {
	return slices.Contains(q.r.IgnoredEdges, id) || slices.Contains(q.r.IgnoredPairs, Pair{from, to})
}

// addHints adds the chains of hops; a hint for a channel that the graph holds counts as well, as the newer word.
func (q *search) addHints() {
	for _, chain := range q.r.Hints {
		for i := range chain {
			h, to := &chain[i], q.r.Dest
			if i+1 < len(chain) {
				to = chain[i+1].Node
			}
			id := EdgeID{h.SCID, Direction(h.Node, to)}
			if h.Node == to || h.Node == q.r.Source || q.ignored(id, h.Node, to) {
				continue
			}
			q.sc.addExtra(extraEdge{to: q.locate(to), edge: edge{
				from: q.locate(h.Node), ch: uint32(id.Direction), scid: h.SCID, feeBase: h.FeeBase, feeRate: h.FeeRate,
				cltv: h.CLTVDelta, max: lnwire.MaxMilliSatoshi,
			}})
		}
	}
}

// addLocal adds the source's channels as first hops.
func (q *search) addLocal() error {
	var best, total lnwire.MilliSatoshi
	for i := range q.r.Local {
		c := &q.r.Local[i]
		id := EdgeID{c.SCID, Direction(q.r.Source, c.Peer)}
		spendable := c.Spendable
		for _, u := range q.r.InFlight {
			if u.EdgeID == id {
				spendable -= min(spendable, u.Amount)
			}
		}
		if len(q.r.Outgoing) > 0 && !slices.Contains(q.r.Outgoing, c.SCID) || q.ignored(id, q.r.Source, c.Peer) {
			continue
		}
		best, total = max(best, spendable), min(total+spendable, lnwire.MaxMilliSatoshi)
		q.sc.addExtra(extraEdge{local: true, to: q.locate(c.Peer), edge: edge{
			from: q.source, ch: uint32(id.Direction), scid: c.SCID, min: c.Min, max: spendable, capacity: spendable,
			inBase: c.Inbound.Base, inRate: c.Inbound.Rate,
		}})
	}
	if q.r.Local != nil && best < q.r.Amount {
		return fmt.Errorf("%w: %v wanted, %v in one channel, %v in all", ErrInsufficient, q.r.Amount, best, total)
	}
	return nil
}

// allowed applies what the request says about the first and the last hop.
func (q *search) allowed(v uint32, lv *label, e *edge, start bool) bool {
	if v == q.dest && q.lastHop != noNode && e.from != q.lastHop {
		return false
	}
	if q.source == q.dest {
		// A payment to ourselves must not come back by the channel that it left by.
		if v == q.dest && slices.Contains(q.r.Outgoing, e.scid) {
			return false
		}
		if start && v != q.dest && lv.next == q.dest && q.edge(lv).scid == e.scid {
			return false
		}
	}
	return !start || q.r.Local != nil || len(q.r.Outgoing) == 0 || slices.Contains(q.r.Outgoing, e.scid)
}

// hopPayload is the room in the onion of a hop that forwards: length, amt_to_forward, outgoing_cltv_value,
// short_channel_id and the HMAC (BOLT 4).
func hopPayload(amount lnwire.MilliSatoshi, expiry uint32) int32 {
	return 1 + int32(2+truncated(uint64(amount))) + int32(2+truncated(uint64(expiry))) + 10 + 32
}

func finalPayload(amount lnwire.MilliSatoshi, expiry uint32, extra int) int32 {
	if extra == 0 {
		extra = defaultFinalPayload
	}
	n := int32(2+truncated(uint64(amount))) + int32(2+truncated(uint64(expiry))) + int32(extra)
	if n > 252 { // a BigSize of three bytes
		return 3 + n + 32
	}
	return 1 + n + 32
}

// truncated is the length of a tu64 (BOLT 1).
func truncated(v uint64) int { return (bits.Len64(v) + 7) / 8 }
