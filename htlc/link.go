package htlc

import (
	"math/bits"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// Link is one channel as the Switch sees it.
type Link struct {
	Channel lnwire.ChannelID
	Peer    lnwire.PubKey
	Up      bool          // connected, and open for HTLCs
	Policy  router.Policy // ours, for HTLCs that leave by this channel; Inbound is for those that come in
	Names   []Name        // the first is the one in records: the real short channel id once there is one
}

// Name is a short channel id that onions may call the channel by.
type Name struct {
	SCID lnwire.ShortChannelID
	// Update is the signed channel_update under this very id, with its message type, for failures; empty where there is none.
	Update []byte
}

// name is the short channel id for records, zero where there is none.
func (l *Link) name() lnwire.ShortChannelID {
	if l == nil || len(l.Names) == 0 {
		return 0
	}
	return l.Names[0].SCID
}

// update is what a failure of an onion that named scid carries. BOLT 4: "if it returns a channel_update: MUST set short_channel_id to
// the short_channel_id used by the incoming onion."
func (l *Link) update(scid lnwire.ShortChannelID) []byte {
	for i := range l.Names {
		if l.Names[i].SCID == scid {
			return l.Names[i].Update
		}
	}
	return nil
}

func (s *Switch) link(l Link) {
	old, known := s.links[l.Channel]
	if known {
		for _, n := range old.Names {
			s.unname(n.SCID, l.Channel)
		}
	}
	if !known || old.Peer != l.Peer {
		if known {
			s.unpeer(old)
		}
		s.peers[l.Peer] = append(s.peers[l.Peer], l.Channel)
	}
	l.Names = slices.Clone(l.Names)
	for _, n := range l.Names {
		s.names[n.SCID] = l.Channel
	}
	s.links[l.Channel] = &l
}

func (s *Switch) unlink(id lnwire.ChannelID) {
	l, ok := s.links[id]
	if !ok {
		return
	}
	for _, n := range l.Names {
		s.unname(n.SCID, id)
	}
	s.unpeer(l)
	delete(s.links, id)
}

// unname drops a name unless another channel took it over meanwhile.
func (s *Switch) unname(scid lnwire.ShortChannelID, id lnwire.ChannelID) {
	if s.names[scid] == id {
		delete(s.names, scid)
	}
}

func (s *Switch) unpeer(l *Link) {
	rest := slices.DeleteFunc(s.peers[l.Peer], func(id lnwire.ChannelID) bool { return id == l.Channel })
	if len(rest) == 0 {
		delete(s.peers, l.Peer)
		return
	}
	s.peers[l.Peer] = rest
}

// byName finds the channel that an onion or a route names.
func (s *Switch) byName(scid lnwire.ShortChannelID) *Link {
	id, ok := s.names[scid]
	if !ok {
		return nil
	}
	return s.links[id]
}

// fee that we ask for passing amount on under out, of an HTLC that came in by a channel with the inbound fee in.
// The outbound part is BOLT 7's "fee_base_msat + ( amount_to_forward * fee_proportional_millionths / 1000000 )"; the inbound part is
// taken on amount and outbound fee together, and may lower the sum to zero but not below.
func fee(out *router.Policy, in lnwire.InboundFee, amount lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	outbound := lnwire.MilliSatoshi(out.FeeBase) + millionths(amount, out.FeeRate)
	if in == (lnwire.InboundFee{}) {
		return outbound
	}
	base := amount + outbound // each is at most MaxMilliSatoshi + 2^32
	sum := int64(outbound) + int64(in.Base)
	if in.Rate < 0 {
		sum -= int64(millionths(base, uint32(-int64(in.Rate))))
	} else {
		sum += int64(millionths(base, uint32(in.Rate)))
	}
	return lnwire.MilliSatoshi(max(0, sum))
}

// millionths is amount*rate/1000000, or MaxMilliSatoshi where that is less.
func millionths(amount lnwire.MilliSatoshi, rate uint32) lnwire.MilliSatoshi {
	hi, lo := bits.Mul64(uint64(amount), uint64(rate))
	if hi >= 1_000_000 {
		return lnwire.MaxMilliSatoshi
	}
	q, _ := bits.Div64(hi, lo, 1_000_000)
	return min(lnwire.MilliSatoshi(q), lnwire.MaxMilliSatoshi)
}
