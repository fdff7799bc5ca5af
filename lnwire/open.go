package lnwire

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/btcutil/v2"
)

// Channel establishment, version 1 (BOLT 2), and channel_reestablish.

// TLV types of open_channel and accept_channel, and of channel_ready.
const (
	recordUpfrontShutdown = 0
	recordChannelType     = 1
	recordAlias           = 1
)

func (*OpenChannel) Type() MsgType        { return TypeOpenChannel }
func (*AcceptChannel) Type() MsgType      { return TypeAcceptChannel }
func (*FundingCreated) Type() MsgType     { return TypeFundingCreated }
func (*FundingSigned) Type() MsgType      { return TypeFundingSigned }
func (*ChannelReady) Type() MsgType       { return TypeChannelReady }
func (*ChannelReestablish) Type() MsgType { return TypeChannelReestablish }

func (m *OpenChannel) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChainHash[:]...)
	b = append(b, m.TempID[:]...)
	b, err := appendSatoshis(b, m.Funding)
	if err != nil {
		return nil, err
	}
	if b, err = appendMsat(b, m.Push); err != nil {
		return nil, err
	}
	if b, err = appendLimits(b, m.DustLimit, m.MaxInFlight, m.Reserve, m.HTLCMinimum); err != nil {
		return nil, err
	}
	b = binary.BigEndian.AppendUint32(b, uint32(m.FeeRate))
	b = binary.BigEndian.AppendUint16(b, m.ToSelfDelay)
	b = binary.BigEndian.AppendUint16(b, m.MaxAcceptedHTLCs)
	for _, k := range [...]*PubKey{&m.FundingKey, &m.RevocationBasepoint, &m.PaymentBasepoint, &m.DelayedBasepoint,
		&m.HTLCBasepoint, &m.FirstPoint} {
		b = append(b, k[:]...)
	}
	return appendOpening(append(b, m.Flags), m.UpfrontShutdown, m.ChannelType, m.Extra)
}

func (m *OpenChannel) decode(r reader) error {
	r.into(m.ChainHash[:])
	r.into(m.TempID[:])
	m.Funding = r.satoshis()
	m.Push = r.msat()
	m.DustLimit = r.satoshis()
	m.MaxInFlight = r.limit()
	m.Reserve = r.satoshis()
	m.HTLCMinimum = r.limit()
	m.FeeRate = FeePerKW(r.u32())
	m.ToSelfDelay = r.u16()
	m.MaxAcceptedHTLCs = r.u16()
	for _, k := range [...]*PubKey{&m.FundingKey, &m.RevocationBasepoint, &m.PaymentBasepoint, &m.DelayedBasepoint,
		&m.HTLCBasepoint, &m.FirstPoint} {
		r.into(k[:])
	}
	m.Flags = r.u8()
	return r.opening(&m.UpfrontShutdown, &m.ChannelType, &m.Extra)
}

func (m *AcceptChannel) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.TempID[:]...)
	b, err := appendLimits(b, m.DustLimit, m.MaxInFlight, m.Reserve, m.HTLCMinimum)
	if err != nil {
		return nil, err
	}
	b = binary.BigEndian.AppendUint32(b, m.MinimumDepth)
	b = binary.BigEndian.AppendUint16(b, m.ToSelfDelay)
	b = binary.BigEndian.AppendUint16(b, m.MaxAcceptedHTLCs)
	for _, k := range [...]*PubKey{&m.FundingKey, &m.RevocationBasepoint, &m.PaymentBasepoint, &m.DelayedBasepoint,
		&m.HTLCBasepoint, &m.FirstPoint} {
		b = append(b, k[:]...)
	}
	return appendOpening(b, m.UpfrontShutdown, m.ChannelType, m.Extra)
}

func (m *AcceptChannel) decode(r reader) error {
	r.into(m.TempID[:])
	m.DustLimit = r.satoshis()
	m.MaxInFlight = r.limit()
	m.Reserve = r.satoshis()
	m.HTLCMinimum = r.limit()
	m.MinimumDepth = r.u32()
	m.ToSelfDelay = r.u16()
	m.MaxAcceptedHTLCs = r.u16()
	for _, k := range [...]*PubKey{&m.FundingKey, &m.RevocationBasepoint, &m.PaymentBasepoint, &m.DelayedBasepoint,
		&m.HTLCBasepoint, &m.FirstPoint} {
		r.into(k[:])
	}
	return r.opening(&m.UpfrontShutdown, &m.ChannelType, &m.Extra)
}

// appendLimits writes the four limits that both opening messages hold in this order.
func appendLimits(b []byte, dust btcutil.Amount, inFlight MilliSatoshi, reserve btcutil.Amount,
	minimum MilliSatoshi) ([]byte, error) {
	b, err := appendSatoshis(b, dust)
	if err != nil {
		return nil, err
	}
	b = binary.BigEndian.AppendUint64(b, uint64(inFlight))
	if b, err = appendSatoshis(b, reserve); err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(b, uint64(minimum)), nil
}

func appendOpening(b, shutdown []byte, kind FeatureVector, extra Extra) ([]byte, error) {
	x := extend(b, extra)
	if shutdown != nil {
		x.put(recordUpfrontShutdown, shutdown)
	}
	if kind != nil {
		x.put(recordChannelType, kind)
	}
	return x.end()
}

// opening reads the extension of both opening messages. An empty record differs from none: an empty script opts
// out of upfront shutdown.
func (r *reader) opening(shutdown *[]byte, kind *FeatureVector, extra *Extra) error {
	for r.record() {
		switch r.typ {
		case recordUpfrontShutdown:
			*shutdown = append([]byte{}, r.val...)
		case recordChannelType:
			*kind = append(FeatureVector{}, r.val...)
		default:
			r.unknown(extra)
		}
	}
	return r.err
}

func (m *FundingCreated) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.TempID[:]...)
	b = append(b, m.FundingTxid[:]...)
	b = binary.BigEndian.AppendUint16(b, m.FundingOutput)
	return appendExtra(append(b, m.Signature[:]...), m.Extra)
}

func (m *FundingCreated) decode(r reader) error {
	r.into(m.TempID[:])
	r.into(m.FundingTxid[:])
	m.FundingOutput = r.u16()
	r.into(m.Signature[:])
	return r.end(&m.Extra)
}

func (m *FundingSigned) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	return appendExtra(append(b, m.Signature[:]...), m.Extra)
}

func (m *FundingSigned) decode(r reader) error {
	r.into(m.ChannelID[:])
	r.into(m.Signature[:])
	return r.end(&m.Extra)
}

func (m *ChannelReady) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = append(b, m.NextPoint[:]...)
	x := extend(b, m.Extra)
	if m.Alias != 0 {
		x.put(recordAlias, binary.BigEndian.AppendUint64(nil, uint64(m.Alias)))
	}
	return x.end()
}

func (m *ChannelReady) decode(r reader) error {
	r.into(m.ChannelID[:])
	r.into(m.NextPoint[:])
	for r.record() {
		switch r.typ {
		case recordAlias:
			if v := r.sized(8); v != nil {
				m.Alias = ShortChannelID(binary.BigEndian.Uint64(v))
			}
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}

func (m *ChannelReestablish) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChannelID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.NextCommitment)
	b = binary.BigEndian.AppendUint64(b, m.NextRevocation)
	b = append(b, m.LastSecret[:]...)
	return appendExtra(append(b, m.CurrentPoint[:]...), m.Extra)
}

func (m *ChannelReestablish) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.NextCommitment = r.u64()
	m.NextRevocation = r.u64()
	r.into(m.LastSecret[:])
	r.into(m.CurrentPoint[:])
	return r.end(&m.Extra)
}
