package channel

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// What is durable is split by how often it changes, so that a step of the dance writes few bytes:
//
//	s  terms      once                     l  life       a few times
//	c  state      with each dance step     g  sigs       with each commitment_signed received
//	h  one HTLC   once, deleted once       r  a removal  once, deleted once
//	x  a secret   with each revocation     v  a revoked commitment, once
//	t  funding tx, k  closing tx, i  and f  facts

// dirty says which records a step changed.
type dirty uint8

const (
	dirtyTerms dirty = 1 << iota
	dirtyLife
	dirtyState
	dirtySigs
	dirtyTx
	dirtyClosing
)

func (m *Machine) put(out *Effects, key, value []byte) {
	out.Records = append(out.Records, Record{key, value})
}

// write emits the records that the step changed, each once.
func (m *Machine) write(out *Effects) {
	if m.dirty == 0 {
		return
	}
	for _, r := range [...]struct {
		bit    dirty
		key    []byte
		encode func(*Machine) []byte
	}{
		{dirtyTerms, termsKey, (*Machine).encodeTerms},
		{dirtyLife, lifeKey, (*Machine).encodeLife},
		{dirtyState, stateKey, (*Machine).encodeState},
		{dirtySigs, sigsKey, (*Machine).encodeSigs},
		{dirtyTx, fundingKey, func(m *Machine) []byte { return encodeTx(m.funding[0].tx) }},
		{dirtyClosing, closingKey, func(m *Machine) []byte { return encodeTx(m.closingTx) }},
	} {
		if m.dirty&r.bit != 0 {
			m.put(out, r.key, r.encode(m))
		}
	}
	m.dirty = 0
}

// encodeTx is nil for none.
func encodeTx(tx *wire.MsgTx) []byte {
	if tx == nil {
		return nil
	}
	var b bytes.Buffer
	b.Grow(tx.SerializeSize())
	if err := tx.Serialize(&b); err != nil {
		panic("channel: serialize a transaction: " + err.Error())
	}
	return b.Bytes()
}

func decodeTx(b []byte) (*wire.MsgTx, error) {
	if b == nil {
		return nil, nil
	}
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(b)); err != nil {
		return nil, fmt.Errorf("%w: transaction: %w", ErrRecord, err)
	}
	return tx, nil
}

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

func (m *Machine) encodeLife() []byte {
	f := newFields(256)
	f.uint(1, uint64(m.phase))
	f.flag(3, m.readySent)
	f.flag(5, m.readyReceived)
	f.uint(7, uint64(m.remoteAlias))
	f.some(9, m.shutdown[local])
	f.some(11, m.shutdown[remote])
	f.uint(13, uint64(m.closeRate))
	f.flag(15, m.lost)
	f.flag(17, m.forced)
	f.some(19, []byte(m.lastError))
	f.uint(21, uint64(m.funding[0].scid))
	f.uint(23, uint64(m.funding[0].confirmed))
	if s := m.peerSigs; s != nil {
		f.bytes(25, append(append([]byte{}, s.NodeSig[:]...), s.BitcoinSig[:]...))
	}
	f.flag(27, m.announced)
	return f.b
}

func (m *Machine) lifeField(typ uint64, v []byte, c *fieldErr) bool {
	switch typ {
	case 1:
		m.phase = Phase(c.below(v, uint64(PhaseClosed)+1))
	case 3:
		m.readySent = c.flag(v)
	case 5:
		m.readyReceived = c.flag(v)
	case 7:
		m.remoteAlias = lnwire.ShortChannelID(c.uint(v))
	case 9:
		m.shutdown[local] = c.copy(v)
	case 11:
		m.shutdown[remote] = c.copy(v)
	case 13:
		m.closeRate = lnwire.FeePerKW(c.u32(v))
	case 15:
		m.lost = c.flag(v)
	case 17:
		m.forced = c.flag(v)
	case 19:
		m.lastError = string(v)
	case 21:
		m.funding[0].scid = lnwire.ShortChannelID(c.uint(v))
	case 23:
		m.funding[0].confirmed = lnwire.Height(c.u32(v))
	case 25:
		m.peerSigs = new(lnwire.AnnouncementSignatures)
		if len(v) != 128 {
			c.fail(lnwire.ErrRecordLength)
			return true
		}
		copy(m.peerSigs.NodeSig[:], v)
		copy(m.peerSigs.BitcoinSig[:], v[64:])
	case 27:
		m.announced = c.flag(v)
	default:
		return false
	}
	return true
}

func (m *Machine) encodeSigs() []byte {
	f := m.funding[0]
	w := newFields(16 + 64*(1+len(f.htlcSigs)))
	w.bytes(1, f.sig[:])
	if len(f.htlcSigs) > 0 {
		b := make([]byte, 0, 64*len(f.htlcSigs))
		for i := range f.htlcSigs {
			b = append(b, f.htlcSigs[i][:]...)
		}
		w.bytes(3, b)
	}
	return w.b
}

func (m *Machine) sigsField(typ uint64, v []byte, c *fieldErr) bool {
	f := m.funding[0]
	switch typ {
	case 1:
		c.into(f.sig[:], v)
	case 3:
		if len(v)%64 != 0 {
			c.fail(lnwire.ErrRecordLength)
			return true
		}
		f.htlcSigs = make([]lnwire.Sig, len(v)/64)
		for i := range f.htlcSigs {
			copy(f.htlcSigs[i][:], v[64*i:])
		}
	default:
		return false
	}
	return true
}

// facts: an index of outpoints, and one record for each.

func factKey(op wire.OutPoint) []byte { return append([]byte("f"), encodeOutPoint(op)...) }

func (m *Machine) putFact(f resolve.Fact, out *Effects) {
	w := newFields(64)
	w.bytes(1, encodeTx(f.Tx))
	w.uint(3, uint64(f.Height))
	m.put(out, factKey(f.OutPoint), w.b)
	m.putFactIndex(out)
}

func (m *Machine) putFactIndex(out *Effects) {
	w := newFields(8 + 36*len(m.onchain.facts))
	var b []byte
	for _, f := range m.onchain.facts {
		b = append(b, encodeOutPoint(f.OutPoint)...)
	}
	w.some(1, b)
	m.put(out, factsKey, w.b)
}
