package lnwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// The announcements of BOLT 7. The three that are signed are relayed by strangers, so what follows their fields is
// kept as it came and never a reason to drop the connection: BOLT 1, "upon receiving a message with an extension:
// MAY ignore the extension", and BOLT 7 signs "any future fields appended to the end".

// recordInboundFee is the TLV type of inbound fees in channel_update.
const recordInboundFee = 55555

// Bits of ChannelUpdate.
const (
	MessageMustBeOne   byte = 1 << 0 // of MessageFlags: always sent as one, ignored when read
	MessageDontForward byte = 1 << 1 // of MessageFlags
	ChannelDirection   byte = 1 << 0 // of ChannelFlags: set where Node2 is the origin
	ChannelDisabled    byte = 1 << 1 // of ChannelFlags
)

func (*ChannelAnnouncement) Type() MsgType    { return TypeChannelAnnouncement }
func (*NodeAnnouncement) Type() MsgType       { return TypeNodeAnnouncement }
func (*ChannelUpdate) Type() MsgType          { return TypeChannelUpdate }
func (*AnnouncementSignatures) Type() MsgType { return TypeAnnouncementSignatures }

// Digest is what the four signatures sign. It panics where m cannot be encoded, which takes a message larger than
// any that was read.
// BOLT 7: "MUST compute the double-SHA256 hash h of the message, beginning at offset 256, up to the end".
func (m *ChannelAnnouncement) Digest() chainhash.Hash { return digest(m, 4*len(Sig{})) }

// Digest is what the node signs; it panics as ChannelAnnouncement.Digest does.
// BOLT 7: "the signature of the double-SHA256 of the entire remaining packet after signature".
func (m *NodeAnnouncement) Digest() chainhash.Hash { return digest(m, len(Sig{})) }

// Digest is what the origin node signs; it panics as ChannelAnnouncement.Digest does, or where InboundFee is set
// and Extra is no TLV stream to put it in.
func (m *ChannelUpdate) Digest() chainhash.Hash { return digest(m, len(Sig{})) }

func digest(m Message, skip int) chainhash.Hash {
	return chainhash.DoubleHashH(mustMarshal(m)[2+skip:])
}

func mustMarshal(m Message) []byte {
	b, err := Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("lnwire: digest: %v", err))
	}
	return b
}

// Checksum tells updates apart that differ in more than time; it panics as Digest does.
// BOLT 7: "The checksum of a channel_update is the CRC32C checksum as specified in ... of this channel_update without
// its signature and timestamp fields."
func (m *ChannelUpdate) Checksum() uint32 {
	const signed = 2 + len(Sig{})
	const timestamp = signed + chainhash.HashSize + 8
	b := mustMarshal(m)
	return crc32.Update(crc32.Checksum(b[signed:timestamp], castagnoli), castagnoli, b[timestamp+4:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Disabled and Direction read ChannelFlags. Direction is 0 where Node1 of the channel is the origin, else 1.
func (m *ChannelUpdate) Disabled() bool { return m.ChannelFlags&ChannelDisabled != 0 }
func (m *ChannelUpdate) Direction() int { return int(m.ChannelFlags & ChannelDirection) }

func (m *ChannelAnnouncement) appendBody(b []byte) ([]byte, error) {
	for _, s := range [...]*Sig{&m.NodeSig1, &m.NodeSig2, &m.BitcoinSig1, &m.BitcoinSig2} {
		b = append(b, s[:]...)
	}
	b = appendBytes(b, m.Features)
	b = append(b, m.ChainHash[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.SCID))
	for _, k := range [...]*PubKey{&m.Node1, &m.Node2, &m.Bitcoin1, &m.Bitcoin2} {
		b = append(b, k[:]...)
	}
	return append(b, m.Extra...), nil
}

func (m *ChannelAnnouncement) decode(r reader) error {
	for _, s := range [...]*Sig{&m.NodeSig1, &m.NodeSig2, &m.BitcoinSig1, &m.BitcoinSig2} {
		r.into(s[:])
	}
	m.Features = r.bytes()
	r.into(m.ChainHash[:])
	m.SCID = ShortChannelID(r.u64())
	for _, k := range [...]*PubKey{&m.Node1, &m.Node2, &m.Bitcoin1, &m.Bitcoin2} {
		r.into(k[:])
	}
	m.Extra = r.rest()
	return r.err
}

// rest is a copy of all that is left; nil where nothing is.
func (r *reader) rest() []byte {
	if len(r.b) == 0 {
		return nil
	}
	return bytes.Clone(r.b)
}

func (m *NodeAnnouncement) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.Signature[:]...)
	b = appendBytes(b, m.Features)
	b = binary.BigEndian.AppendUint32(b, m.Timestamp)
	b = append(b, m.NodeID[:]...)
	b = append(b, m.Color[:]...)
	b = append(b, m.Alias[:]...)
	var addresses []byte
	for i, a := range m.Addresses {
		if _, known := a.kind.size(); !known && i < len(m.Addresses)-1 {
			return nil, fmt.Errorf("%w: one of unknown type before the last", ErrBadAddress)
		}
		var err error
		if addresses, err = a.append(addresses); err != nil {
			return nil, err
		}
	}
	return append(appendBytes(b, addresses), m.Extra...), nil
}

// decode stops at the first address of an unknown type: "SHOULD ignore the first address descriptor that does NOT
// match the types defined above". It becomes the last of Addresses and keeps all bytes that follow it.
func (m *NodeAnnouncement) decode(r reader) error {
	r.into(m.Signature[:])
	m.Features = r.bytes()
	m.Timestamp = r.u32()
	r.into(m.NodeID[:])
	r.into(m.Color[:])
	r.into(m.Alias[:])
	addresses := r.take(int(r.u16()))
	m.Extra = r.rest()
	for len(addresses) > 0 {
		a, rest, err := cutAddress(addresses)
		if err != nil {
			return err
		}
		m.Addresses, addresses = append(m.Addresses, a), rest
	}
	return r.err
}

func (m *ChannelUpdate) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.Signature[:]...)
	b = append(b, m.ChainHash[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.SCID))
	b = binary.BigEndian.AppendUint32(b, m.Timestamp)
	b = append(b, m.MessageFlags, m.ChannelFlags)
	b = binary.BigEndian.AppendUint16(b, m.CLTVDelta)
	b = binary.BigEndian.AppendUint64(b, uint64(m.HTLCMinimum))
	b = binary.BigEndian.AppendUint32(b, m.FeeBase)
	b = binary.BigEndian.AppendUint32(b, m.FeeRate)
	b = binary.BigEndian.AppendUint64(b, uint64(m.HTLCMaximum))
	if m.InboundFee == nil {
		return append(b, m.Extra...), nil
	}
	x := extend(b, m.Extra)
	x.anyType = true
	v := binary.BigEndian.AppendUint32(nil, uint32(m.InboundFee.Base))
	x.put(recordInboundFee, binary.BigEndian.AppendUint32(v, uint32(m.InboundFee.Rate)))
	return x.end()
}

func (m *ChannelUpdate) decode(r reader) error {
	r.into(m.Signature[:])
	r.into(m.ChainHash[:])
	m.SCID = ShortChannelID(r.u64())
	m.Timestamp = r.u32()
	m.MessageFlags = r.u8()
	m.ChannelFlags = r.u8()
	m.CLTVDelta = r.u16()
	m.HTLCMinimum = r.limit()
	m.FeeBase = r.u32()
	m.FeeRate = r.u32()
	m.HTLCMaximum = r.limit()
	m.InboundFee, m.Extra = cutInboundFee(r.b)
	return r.err
}

// cutInboundFee looks for an inbound fee in the extension. Where that is no canonical TLV stream, or the record is
// not eight bytes long, there is none, and all bytes are kept.
func cutInboundFee(ext []byte) (*InboundFee, Extra) {
	r := reader{b: ext}
	var fee *InboundFee
	var before, after []byte
	for r.record() {
		if r.typ != recordInboundFee {
			continue
		}
		if v := r.sized(8); v != nil {
			fee = &InboundFee{int32(binary.BigEndian.Uint32(v)), int32(binary.BigEndian.Uint32(v[4:]))}
			before, after = ext[:len(ext)-len(r.b)-len(r.raw)], r.b
		}
	}
	if r.err != nil || fee == nil {
		before, after, fee = ext, nil, nil
	}
	if len(before)+len(after) == 0 {
		return fee, nil
	}
	return fee, append(append(make(Extra, 0, len(before)+len(after)), before...), after...)
}

func (m *AnnouncementSignatures) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.SCID))
	b = append(b, m.NodeSig[:]...)
	return appendExtra(append(b, m.BitcoinSig[:]...), m.Extra)
}

func (m *AnnouncementSignatures) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.SCID = ShortChannelID(r.u64())
	r.into(m.NodeSig[:])
	r.into(m.BitcoinSig[:])
	return r.end(&m.Extra)
}
