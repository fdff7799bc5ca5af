package router

import (
	"fmt"
	"math/bits"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Hop is one channel of a route and the node at its end.
type Hop struct {
	SCID   lnwire.ShortChannelID
	Node   lnwire.PubKey       // whom the channel leads to
	Amount lnwire.MilliSatoshi // of the HTLC on this channel: what Node is sent
	Expiry uint32              // of that HTLC, absolute
	Fee    lnwire.MilliSatoshi // what Node keeps: zero for the last
	// Capacity of the channel, zero where it is unknown; for display and for learning.
	Capacity lnwire.MilliSatoshi
}

// Route is a way to pay. It has at least one hop.
type Route struct {
	Source      lnwire.PubKey
	Amount      lnwire.MilliSatoshi // that the last hop is sent
	Fee         lnwire.MilliSatoshi // all hops'
	Expiry      uint32              // of the first HTLC, absolute
	Hops        []Hop
	Probability float64 // that all hops forward it, as the Estimator judged
}

// Total is what the source's first HTLC carries.
func (r *Route) Total() lnwire.MilliSatoshi { return r.Hops[0].Amount }

// Forward is what the onion tells hop i: the next channel, amt_to_forward and outgoing_cltv_value. For the last hop
// the channel is zero, and amount and expiry are those of the HTLC that it is sent.
func (r *Route) Forward(i int) (lnwire.ShortChannelID, lnwire.MilliSatoshi, uint32) {
	if i == len(r.Hops)-1 {
		return 0, r.Hops[i].Amount, r.Hops[i].Expiry
	}
	next := &r.Hops[i+1]
	return next.SCID, next.Amount, next.Expiry
}

// From is the node that hop i's channel starts at.
func (r *Route) From(i int) lnwire.PubKey {
	if i == 0 {
		return r.Source
	}
	return r.Hops[i-1].Node
}

// Edge is the direction of hop i's channel.
func (r *Route) Edge(i int) EdgeID {
	return EdgeID{r.Hops[i].SCID, Direction(r.From(i), r.Hops[i].Node)}
}

// Check recomputes what BOLT 7 lets each node ask for and says where the route falls short of it. Hops whose channel
// or policy the snapshot does not hold (hints, our own) are only held to the sums.
func (r *Route) Check(s *Snapshot) error {
	for i := range r.Hops {
		h := &r.Hops[i]
		var out, in *Policy
		if c, ok := s.Channel(h.SCID); ok {
			d := Direction(r.From(i), h.Node)
			out, in = c.Policies[d], c.Policies[1-d]
		}
		if i > 0 && out != nil {
			if h.Amount < out.Min || h.Amount > out.Max {
				return fmt.Errorf("hop %d: %v is outside of %v to %v", i, h.Amount, out.Min, out.Max)
			}
			if prev := &r.Hops[i-1]; prev.Expiry < h.Expiry+uint32(out.CLTVDelta) {
				return fmt.Errorf("hop %d: the expiry leaves less than %d blocks", i-1, out.CLTVDelta)
			}
		}
		if i == len(r.Hops)-1 {
			break
		}
		next := &r.Hops[i+1]
		if h.Amount != next.Amount+h.Fee {
			return fmt.Errorf("hop %d: %v in, %v out, fee %v", i, h.Amount, next.Amount, h.Fee)
		}
		nextChan, ok := s.Channel(next.SCID)
		if !ok {
			continue
		}
		if p := nextChan.Policies[Direction(h.Node, next.Node)]; p != nil {
			if want := hopFee(p, in, next.Amount); h.Fee < want {
				return fmt.Errorf("hop %d: fee %v, of %v asked", i, h.Fee, want)
			}
		}
	}
	return nil
}

// hopFee is what a node asks for an HTLC that leaves with amount under out and came in by a channel whose policy of
// the same node is in (nil: no inbound fee).
func hopFee(out, in *Policy, amount lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	fee := outboundFee(out.FeeBase, out.FeeRate, amount)
	if in == nil {
		return fee
	}
	return netFee(fee, in.Inbound, amount)
}

// outboundFee is BOLT 7's "fee_base_msat + ( amount_to_forward * fee_proportional_millionths / 1000000 )".
func outboundFee(base, rate uint32, amount lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	return lnwire.MilliSatoshi(base) + millionths(amount, rate)
}

// millionths is amount*rate/1000000, or MaxMilliSatoshi where that is less: it cannot wrap.
func millionths(amount lnwire.MilliSatoshi, rate uint32) lnwire.MilliSatoshi {
	if amount < 1<<32 {
		return amount * lnwire.MilliSatoshi(rate) / 1_000_000
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(rate))
	if hi >= 1_000_000 {
		return lnwire.MaxMilliSatoshi
	}
	q, _ := bits.Div64(hi, lo, 1_000_000)
	return min(lnwire.MilliSatoshi(q), lnwire.MaxMilliSatoshi)
}

// netFee adds the inbound fee, which is taken on what arrives before it (amount+fee). A discount gives back at most
// the outbound fee: nobody is paid to send.
func netFee(fee lnwire.MilliSatoshi, in lnwire.InboundFee, amount lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	if in == (lnwire.InboundFee{}) {
		return fee
	}
	base := min(amount+fee, lnwire.MaxMilliSatoshi)
	extra := int64(in.Base)
	if in.Rate < 0 {
		extra -= int64(millionths(base, uint32(-int64(in.Rate))))
	} else {
		extra += int64(millionths(base, uint32(in.Rate)))
	}
	return lnwire.MilliSatoshi(max(0, int64(fee)+extra)) // both are at most 2^62
}
