package channel

import (
	"bytes"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

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
	f.flag(29, m.shell)
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
	case 29:
		m.shell = c.flag(v)
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
