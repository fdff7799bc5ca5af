package lnwire

import (
	"encoding/binary"
)

// Normal operation (BOLT 2): the messages that payments are made of. Each is read and written with one allocation,
// plus one for what varies in length.

// recordBlindingPoint is path_key of update_add_htlc.
const recordBlindingPoint = 0

func (*UpdateAddHTLC) Type() MsgType           { return TypeUpdateAddHTLC }
func (*UpdateFulfillHTLC) Type() MsgType       { return TypeUpdateFulfillHTLC }
func (*UpdateFailHTLC) Type() MsgType          { return TypeUpdateFailHTLC }
func (*UpdateFailMalformedHTLC) Type() MsgType { return TypeUpdateFailMalformedHTLC }
func (*CommitmentSigned) Type() MsgType        { return TypeCommitmentSigned }
func (*RevokeAndAck) Type() MsgType            { return TypeRevokeAndAck }
func (*UpdateFee) Type() MsgType               { return TypeUpdateFee }

func (m *UpdateAddHTLC) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.ID)
	b, err := appendMsat(b, m.Amount)
	if err != nil {
		return nil, err
	}
	b = append(b, m.Hash[:]...)
	b = binary.BigEndian.AppendUint32(b, m.Expiry)
	b = append(b, m.Onion[:]...)
	x := extend(b, m.Extra)
	if m.BlindingPoint != nil {
		x.put(recordBlindingPoint, m.BlindingPoint[:])
	}
	return x.end()
}

func (m *UpdateAddHTLC) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.ID = r.u64()
	m.Amount = r.msat()
	r.into(m.Hash[:])
	m.Expiry = r.u32()
	r.into(m.Onion[:])
	for r.record() {
		switch r.typ {
		case recordBlindingPoint:
			if v := r.sized(len(PubKey{})); v != nil {
				p := PubKey(v)
				m.BlindingPoint = &p
			}
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}

func (m *UpdateFulfillHTLC) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.ID)
	return appendExtra(append(b, m.Preimage[:]...), m.Extra)
}

func (m *UpdateFulfillHTLC) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.ID = r.u64()
	r.into(m.Preimage[:])
	return r.end(&m.Extra)
}

func (m *UpdateFailHTLC) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.ID)
	return appendExtra(appendBytes(b, m.Reason), m.Extra)
}

func (m *UpdateFailHTLC) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.ID = r.u64()
	m.Reason = r.bytes()
	return r.end(&m.Extra)
}

func (m *UpdateFailMalformedHTLC) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.ID)
	b = append(b, m.OnionSHA256[:]...)
	return appendExtra(binary.BigEndian.AppendUint16(b, m.FailureCode), m.Extra)
}

func (m *UpdateFailMalformedHTLC) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.ID = r.u64()
	r.into(m.OnionSHA256[:])
	m.FailureCode = r.u16()
	return r.end(&m.Extra)
}

func (m *CommitmentSigned) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = append(b, m.Signature[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.HTLCSigs)))
	for i := range m.HTLCSigs {
		b = append(b, m.HTLCSigs[i][:]...)
	}
	return appendExtra(b, m.Extra)
}

// decode takes no more memory than the message is long: the count is believed only once the signatures are there.
func (m *CommitmentSigned) decode(r reader) error {
	r.into(m.ChannelID[:])
	r.into(m.Signature[:])
	n := int(r.u16())
	if sigs := r.take(n * len(Sig{})); len(sigs) > 0 {
		m.HTLCSigs = make([]Sig, n)
		for i := range m.HTLCSigs {
			m.HTLCSigs[i] = Sig(sigs[i*len(Sig{}):])
		}
	}
	return r.end(&m.Extra)
}

func (m *RevokeAndAck) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = append(b, m.Secret[:]...)
	return appendExtra(append(b, m.NextPoint[:]...), m.Extra)
}

func (m *RevokeAndAck) decode(r reader) error {
	r.into(m.ChannelID[:])
	r.into(m.Secret[:])
	r.into(m.NextPoint[:])
	return r.end(&m.Extra)
}

func (m *UpdateFee) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	return appendExtra(binary.BigEndian.AppendUint32(b, uint32(m.FeeRate)), m.Extra)
}

func (m *UpdateFee) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.FeeRate = FeePerKW(r.u32())
	return r.end(&m.Extra)
}
