package lnwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxMessageSize bounds a message, type included (BOLT 1: "the maximum possible size is 65535 bytes").
const MaxMessageSize = 65535

// ErrTooLarge: a message exceeds MaxMessageSize.
var ErrTooLarge = errors.New("message exceeds 65535 bytes")

// ErrUnknownEven: a message of an even type that this version has no name for.
// BOLT 1: "upon receiving a message of even, unknown type: MUST close the connection."
type ErrUnknownEven struct{ Type MsgType }

func (e ErrUnknownEven) Error() string { return fmt.Sprintf("unknown even message type %d", e.Type) }

// body is a message that this package knows: it writes and reads its own fields, all that follows the type.
type body interface {
	Message
	appendBody(b []byte) ([]byte, error)
	decode(r reader) error
}

// vocabulary lists the messages by type: the specification's name, and how to make an empty one.
var vocabulary = [...]struct {
	name string
	make func() body
}{
	TypeWarning:                 {"warning", func() body { return new(Warning) }},
	TypeStfu:                    {"stfu", func() body { return new(Stfu) }},
	TypeInit:                    {"init", func() body { return new(Init) }},
	TypeError:                   {"error", func() body { return new(Error) }},
	TypePing:                    {"ping", func() body { return new(Ping) }},
	TypePong:                    {"pong", func() body { return new(Pong) }},
	TypeOpenChannel:             {"open_channel", func() body { return new(OpenChannel) }},
	TypeAcceptChannel:           {"accept_channel", func() body { return new(AcceptChannel) }},
	TypeFundingCreated:          {"funding_created", func() body { return new(FundingCreated) }},
	TypeFundingSigned:           {"funding_signed", func() body { return new(FundingSigned) }},
	TypeChannelReady:            {"channel_ready", func() body { return new(ChannelReady) }},
	TypeShutdown:                {"shutdown", func() body { return new(Shutdown) }},
	TypeClosingSigned:           {"closing_signed", func() body { return new(ClosingSigned) }},
	TypeUpdateAddHTLC:           {"update_add_htlc", func() body { return new(UpdateAddHTLC) }},
	TypeUpdateFulfillHTLC:       {"update_fulfill_htlc", func() body { return new(UpdateFulfillHTLC) }},
	TypeUpdateFailHTLC:          {"update_fail_htlc", func() body { return new(UpdateFailHTLC) }},
	TypeCommitmentSigned:        {"commitment_signed", func() body { return new(CommitmentSigned) }},
	TypeRevokeAndAck:            {"revoke_and_ack", func() body { return new(RevokeAndAck) }},
	TypeUpdateFee:               {"update_fee", func() body { return new(UpdateFee) }},
	TypeUpdateFailMalformedHTLC: {"update_fail_malformed_htlc", func() body { return new(UpdateFailMalformedHTLC) }},
	TypeChannelReestablish:      {"channel_reestablish", func() body { return new(ChannelReestablish) }},
	TypeChannelAnnouncement:     {"channel_announcement", func() body { return new(ChannelAnnouncement) }},
	TypeNodeAnnouncement:        {"node_announcement", func() body { return new(NodeAnnouncement) }},
	TypeChannelUpdate:           {"channel_update", func() body { return new(ChannelUpdate) }},
	TypeAnnouncementSignatures:  {"announcement_signatures", func() body { return new(AnnouncementSignatures) }},
	TypeQueryShortChannelIDs:    {"query_short_channel_ids", func() body { return new(QueryShortChannelIDs) }},
	TypeReplyShortChannelIDsEnd: {"reply_short_channel_ids_end", func() body { return new(ReplyShortChannelIDsEnd) }},
	TypeQueryChannelRange:       {"query_channel_range", func() body { return new(QueryChannelRange) }},
	TypeReplyChannelRange:       {"reply_channel_range", func() body { return new(ReplyChannelRange) }},
	TypeGossipTimestampFilter:   {"gossip_timestamp_filter", func() body { return new(GossipTimestampFilter) }},
}

// String is the specification's name of the message, or its number.
func (t MsgType) String() string {
	if int(t) < len(vocabulary) && vocabulary[t].name != "" {
		return vocabulary[t].name
	}
	return fmt.Sprintf("message(%d)", uint16(t))
}

// Marshal writes a message, type first. It fails where the message cannot be said: ErrTooLarge, ErrAmount, arrays
// that do not match, an Extra that is no canonical stream of unknown odd records.
func Marshal(m Message) ([]byte, error) {
	return Append(make([]byte, 0, sizeHint(m)), m)
}

// Append is Marshal into b's spare room.
func Append(b []byte, m Message) ([]byte, error) {
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Type()))
	var err error
	switch m := m.(type) {
	case body:
		b, err = m.appendBody(b)
	case *Unknown:
		b = append(b, m.Payload...)
	default:
		err = fmt.Errorf("%T is no message of this package", m)
	}
	if err != nil {
		return nil, fmt.Errorf("encode %v: %w", m.Type(), err)
	}
	if len(b)-start > MaxMessageSize {
		return nil, fmt.Errorf("encode %v: %w", m.Type(), ErrTooLarge)
	}
	return b, nil
}

// sizeHint lets Marshal allocate once for the messages that matter.
func sizeHint(m Message) int {
	switch m := m.(type) {
	case *UpdateAddHTLC:
		return 2 + 32 + 8 + 8 + 32 + 4 + OnionPacketSize + 35 + len(m.Extra)
	case *CommitmentSigned:
		return 2 + 32 + 64 + 2 + 64*len(m.HTLCSigs) + len(m.Extra)
	case *UpdateFailHTLC:
		return 2 + 32 + 8 + 2 + len(m.Reason) + len(m.Extra)
	case *ChannelAnnouncement:
		return 2 + 4*64 + 2 + len(m.Features) + 32 + 8 + 4*33 + len(m.Extra)
	case *Unknown:
		return 2 + len(m.Payload)
	}
	return 192
}

// Unmarshal reads a message and keeps no reference to b. An unknown odd type becomes *Unknown, an unknown even one
// ErrUnknownEven. Every error means that the connection is to be closed (BOLT 1).
func Unmarshal(b []byte) (Message, error) {
	if len(b) > MaxMessageSize {
		return nil, ErrTooLarge
	}
	if len(b) < 2 {
		return nil, fmt.Errorf("message type: %w", ErrTruncated)
	}
	typ := MsgType(binary.BigEndian.Uint16(b))
	if int(typ) >= len(vocabulary) || vocabulary[typ].make == nil {
		if typ%2 == 0 {
			return nil, ErrUnknownEven{typ}
		}
		// BOLT 1: "upon receiving a message of odd, unknown type: MUST ignore the received message."
		return &Unknown{MsgType: typ, Payload: append([]byte(nil), b[2:]...)}, nil
	}
	m := vocabulary[typ].make()
	if err := m.decode(reader{b: b[2:]}); err != nil {
		return nil, fmt.Errorf("decode %v: %w", typ, err)
	}
	return m, nil
}

func (m *Unknown) Type() MsgType { return m.MsgType }
