package channel

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func (m *Machine) encodeTerms() []byte {
	f := newFields(1024)
	f.uint(1, uint64(m.opener))
	f.flag(3, m.announce)
	f.bytes(5, m.chain[:])
	f.bytes(7, m.tempID[:])
	f.uint(9, uint64(m.alias))
	for side := range m.nodes {
		t := 16 * uint64(side+1)
		f.key(t+1, m.nodes[side])
		f.bytes(t+3, encodeLimits(&m.limits[side]))
		f.bytes(t+5, encodePoints(&m.points[side]))
		f.some(t+7, m.upfront[side])
	}
	f.bytes(51, m.script)
	f.uint(53, uint64(m.capacity))
	f.uint(55, uint64(m.push))
	f.uint(57, uint64(m.minimumDepth))
	f.uint(59, uint64(m.created))
	f.uint(61, uint64(m.minFee))
	f.uint(63, uint64(m.maxFee))
	f.uint(65, uint64(m.maxDust))
	f.flag(67, m.anySegwit)
	op := m.funding[0].params.Funding
	f.bytes(69, encodeOutPoint(op))
	return f.b
}

func encodeOutPoint(op wire.OutPoint) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{}, op.Hash[:]...), op.Index)
}

func (c *fieldErr) outPoint(v []byte) (op wire.OutPoint) {
	if len(v) != 36 {
		c.fail(lnwire.ErrRecordLength)
		return op
	}
	copy(op.Hash[:], v)
	op.Index = binary.BigEndian.Uint32(v[32:])
	return op
}

func encodeLimits(l *Limits) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(l.DustLimit))
	b = binary.BigEndian.AppendUint64(b, uint64(l.MaxInFlight))
	b = binary.BigEndian.AppendUint64(b, uint64(l.Reserve))
	b = binary.BigEndian.AppendUint64(b, uint64(l.HTLCMinimum))
	b = binary.BigEndian.AppendUint16(b, l.ToSelfDelay)
	return binary.BigEndian.AppendUint16(b, l.MaxAcceptedHTLCs)
}

func (c *fieldErr) limits(v []byte) (l Limits) {
	if len(v) != 36 {
		c.fail(lnwire.ErrRecordLength)
		return l
	}
	u64 := func(at int) uint64 { return binary.BigEndian.Uint64(v[at:]) }
	l = Limits{DustLimit: btcutil.Amount(u64(0)), MaxInFlight: lnwire.MilliSatoshi(u64(8)), Reserve: btcutil.Amount(u64(16)),
		HTLCMinimum: lnwire.MilliSatoshi(u64(24)), ToSelfDelay: binary.BigEndian.Uint16(v[32:]),
		MaxAcceptedHTLCs: binary.BigEndian.Uint16(v[34:])}
	if l.DustLimit < 0 || l.DustLimit > btcutil.MaxSatoshi || l.Reserve < 0 || l.Reserve > btcutil.MaxSatoshi {
		c.fail(lnwire.ErrAmount)
	}
	return l
}

func encodePoints(p *commitment.Basepoints) []byte {
	var b []byte
	for _, k := range []lnwire.PubKey{p.Funding, p.Revocation, p.Payment, p.Delayed, p.HTLC} {
		b = append(b, k[:]...)
	}
	return b
}

func (c *fieldErr) points(v []byte) (p commitment.Basepoints) {
	if len(v) != 5*33 {
		c.fail(lnwire.ErrRecordLength)
		return p
	}
	for _, k := range []*lnwire.PubKey{&p.Funding, &p.Revocation, &p.Payment, &p.Delayed, &p.HTLC} {
		v = v[copy(k[:], v):]
	}
	return p
}

// termsField takes one field of the terms record.
func (m *Machine) termsField(op *wire.OutPoint) func(typ uint64, v []byte, c *fieldErr) bool {
	return func(typ uint64, v []byte, c *fieldErr) bool {
		switch typ {
		case 1:
			m.opener = commitment.Side(c.below(v, 2))
		case 3:
			m.announce = c.flag(v)
		case 5:
			c.into(m.chain[:], v)
		case 7:
			c.into(m.tempID[:], v)
		case 9:
			m.alias = lnwire.ShortChannelID(c.uint(v))
		case 17, 33:
			c.into(m.nodes[typ/16-1][:], v)
		case 19, 35:
			m.limits[typ/16-1] = c.limits(v)
		case 21, 37:
			m.points[typ/16-1] = c.points(v)
		case 23, 39:
			m.upfront[typ/16-1] = c.copy(v)
		case 51:
			m.script = c.copy(v)
		case 53:
			m.capacity = btcutil.Amount(c.below(v, btcutil.MaxSatoshi+1))
		case 55:
			m.push = c.msat(v)
		case 57:
			m.minimumDepth = c.u32(v)
		case 59:
			m.created = lnwire.Height(c.u32(v))
		case 61:
			m.minFee = lnwire.FeePerKW(c.u32(v))
		case 63:
			m.maxFee = lnwire.FeePerKW(c.u32(v))
		case 65:
			m.maxDust = c.msat(v)
		case 67:
			m.anySegwit = c.flag(v)
		case 69:
			*op = c.outPoint(v)
		default:
			return false
		}
		return true
	}
}
