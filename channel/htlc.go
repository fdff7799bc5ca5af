package channel

import (
	"github.com/fulmen-ln/fulmen/lnwire"
)

// putHTLC writes what of an HTLC never changes, once, when the first signature covers it.
func (m *Machine) putHTLC(h *htlc, out *Effects) {
	f := newFields(1536)
	f.uint(1, uint64(h.Amount))
	f.bytes(3, h.Hash[:])
	f.uint(5, uint64(h.Expiry))
	f.bytes(7, h.onion[:])
	if h.blinding != nil {
		f.bytes(9, h.blinding[:])
	}
	if h.origin.Channel != (lnwire.ChannelID{}) {
		f.bytes(11, h.origin.Channel[:])
	}
	f.uint(13, h.origin.ID)
	f.flag(15, h.doomed)
	m.put(out, htlcKey(h), f.b)
}

func (h *htlc) field(typ uint64, v []byte, c *fieldErr) bool {
	switch typ {
	case 1:
		h.Amount = c.msat(v)
	case 3:
		c.into(h.Hash[:], v)
	case 5:
		h.Expiry = c.u32(v)
	case 7:
		h.onion = new([lnwire.OnionPacketSize]byte)
		c.into(h.onion[:], v)
	case 9:
		h.blinding = new(lnwire.PubKey)
		c.into(h.blinding[:], v)
	case 11:
		c.into(h.origin.Channel[:], v)
	case 13:
		h.origin.ID = c.uint(v)
	case 15:
		h.doomed = c.flag(v)
	default:
		return false
	}
	return true
}

// putRemoval writes how an HTLC ends, when the first signature covers it, or the chain knows it.
func (m *Machine) putRemoval(h *htlc, out *Effects) {
	f := newFields(48 + len(h.removal.reason))
	switch r := h.removal; {
	case r.preimage != nil:
		f.bytes(1, r.preimage[:])
	case r.malformed != nil:
		f.uint(5, uint64(r.malformed.Code))
		f.bytes(7, r.malformed.SHA256[:])
	default:
		f.bytes(3, r.reason)
	}
	m.put(out, removalKey(h), f.b)
}

func (r *removal) field(typ uint64, v []byte, c *fieldErr) bool {
	switch typ {
	case 1:
		r.preimage = new(lnwire.Preimage)
		c.into(r.preimage[:], v)
	case 3:
		r.reason = c.copy(v)
	case 5:
		r.malformed = &Malformed{Code: c.u16(v)}
	case 7:
		if r.malformed == nil {
			r.malformed = new(Malformed)
		}
		c.into(r.malformed.SHA256[:], v)
	default:
		return false
	}
	return true
}

func (m *Machine) deleteHTLC(h *htlc, out *Effects) {
	m.put(out, htlcKey(h), nil)
	if h.removal != nil {
		m.put(out, removalKey(h), nil)
	}
}
