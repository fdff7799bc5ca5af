package lnwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Gossip queries (BOLT 7). Their arrays are bounded by the message, and are believed only as long as it is.

// TLV types of the query messages.
const (
	recordQueryFlags   = 1
	recordQueryOptions = 1
	recordTimestamps   = 1
	recordChecksums    = 3
)

// Bits of QueryShortChannelIDs.Flags and of QueryChannelRange.Options.
const (
	QueryAnnouncement byte = 1 << 0
	QueryUpdate1      byte = 1 << 1
	QueryUpdate2      byte = 1 << 2
	QueryNode1        byte = 1 << 3
	QueryNode2        byte = 1 << 4

	WantTimestamps uint64 = 1 << 0
	WantChecksums  uint64 = 1 << 1
)

// Encodings of arrays.
const (
	encodingPlain byte = 0
	encodingZlib  byte = 1
)

var (
	// ErrZlib: an array came compressed.
	// BOLT 7: "Previously used for zlib compression, this encoding MUST NOT be used."
	ErrZlib = errors.New("zlib-compressed array: that encoding is no longer allowed")
	// ErrEncoding: an array is encoded in a way that nobody has defined, or not a whole number of elements.
	ErrEncoding = errors.New("bad array encoding")
	// ErrUnsorted: short channel ids do not ascend.
	ErrUnsorted = errors.New("short channel ids are not in ascending order")
	// ErrCount: an array does not hold one element for each short channel id.
	ErrCount = errors.New("not one element per short channel id")
)

func (*QueryShortChannelIDs) Type() MsgType    { return TypeQueryShortChannelIDs }
func (*ReplyShortChannelIDsEnd) Type() MsgType { return TypeReplyShortChannelIDsEnd }
func (*QueryChannelRange) Type() MsgType       { return TypeQueryChannelRange }
func (*ReplyChannelRange) Type() MsgType       { return TypeReplyChannelRange }
func (*GossipTimestampFilter) Type() MsgType   { return TypeGossipTimestampFilter }

// plain checks the encoding byte of an array of elements of the given size and returns the elements.
func plain(array []byte, size int) ([]byte, error) {
	switch {
	case len(array) == 0:
		return nil, nil // LND writes no encoding byte where it has no ids
	case array[0] == encodingZlib:
		return nil, ErrZlib
	case array[0] != encodingPlain:
		return nil, fmt.Errorf("%w: type %d", ErrEncoding, array[0])
	case len(array[1:])%size != 0:
		return nil, fmt.Errorf("%w: %d bytes", ErrEncoding, len(array[1:]))
	}
	return array[1:], nil
}

// appendSCIDs writes a u16 length and an encoded array.
// BOLT 7: "uncompressed array of short_channel_id types, in ascending order."
func appendSCIDs(b []byte, ids []ShortChannelID) ([]byte, error) {
	b = append(binary.BigEndian.AppendUint16(b, uint16(1+8*len(ids))), encodingPlain)
	for i, id := range ids {
		if i > 0 && id <= ids[i-1] {
			return nil, ErrUnsorted
		}
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	return b, nil
}

func (r *reader) scids() []ShortChannelID {
	v, err := plain(r.take(int(r.u16())), 8)
	if err != nil {
		r.fail(err)
	}
	if len(v) == 0 {
		return nil
	}
	ids := make([]ShortChannelID, len(v)/8)
	for i := range ids {
		ids[i] = ShortChannelID(binary.BigEndian.Uint64(v[8*i:]))
		if i > 0 && ids[i] <= ids[i-1] {
			r.fail(ErrUnsorted)
		}
	}
	return ids
}

func (m *QueryShortChannelIDs) appendBody(b []byte) ([]byte, error) {
	b, err := appendSCIDs(append(b, m.ChainHash[:]...), m.SCIDs)
	if err != nil {
		return nil, err
	}
	x := extend(b, m.Extra)
	if m.Flags != nil {
		// BOLT 7: "MUST encode one query flag per short_channel_id."
		if len(m.Flags) != len(m.SCIDs) {
			return nil, ErrCount
		}
		v := []byte{encodingPlain}
		for _, f := range m.Flags {
			v = AppendBigSize(v, uint64(f))
		}
		x.put(recordQueryFlags, v)
	}
	return x.end()
}

func (m *QueryShortChannelIDs) decode(r reader) error {
	r.into(m.ChainHash[:])
	m.SCIDs = r.scids()
	for r.record() {
		switch r.typ {
		case recordQueryFlags:
			flags, err := queryFlags(r.val, len(m.SCIDs))
			if err != nil {
				r.failRecord(err)
				break
			}
			m.Flags = flags
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}

// queryFlags reads exactly n flags, each a BigSize of which the low byte has a meaning.
func queryFlags(array []byte, n int) ([]byte, error) {
	v, err := plain(array, 1)
	if err != nil {
		return nil, err
	}
	flags := make([]byte, n)
	for i := range flags {
		var f uint64
		if f, v, err = CutBigSize(v); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCount, err)
		}
		flags[i] = byte(f)
	}
	if len(v) != 0 {
		return nil, ErrCount
	}
	return flags, nil
}

func (m *ReplyShortChannelIDsEnd) appendBody(b []byte) ([]byte, error) {
	return appendExtra(appendBool(append(b, m.ChainHash[:]...), m.Full), m.Extra)
}

func (m *ReplyShortChannelIDsEnd) decode(r reader) error {
	r.into(m.ChainHash[:])
	m.Full = r.u8() != 0
	return r.end(&m.Extra)
}

func (m *QueryChannelRange) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChainHash[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.FirstBlock))
	x := extend(binary.BigEndian.AppendUint32(b, m.Blocks), m.Extra)
	if m.Options != 0 {
		x.put(recordQueryOptions, AppendBigSize(nil, m.Options))
	}
	return x.end()
}

func (m *QueryChannelRange) decode(r reader) error {
	r.into(m.ChainHash[:])
	m.FirstBlock = Height(r.u32())
	m.Blocks = r.u32()
	for r.record() {
		switch r.typ {
		case recordQueryOptions:
			v, rest, err := CutBigSize(r.val)
			if err == nil && len(rest) != 0 {
				err = ErrRecordLength
			}
			if err != nil {
				r.failRecord(err)
			}
			m.Options = v
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}

func (m *ReplyChannelRange) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChainHash[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.FirstBlock))
	b = appendBool(binary.BigEndian.AppendUint32(b, m.Blocks), m.Complete)
	b, err := appendSCIDs(b, m.SCIDs)
	if err != nil {
		return nil, err
	}
	x := extend(b, m.Extra)
	if m.Timestamps != nil {
		if len(m.Timestamps) != len(m.SCIDs) {
			return nil, fmt.Errorf("timestamps: %w", ErrCount)
		}
		v := []byte{encodingPlain}
		for _, t := range m.Timestamps {
			v = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(v, t.Node1), t.Node2)
		}
		x.put(recordTimestamps, v)
	}
	if m.Checksums != nil {
		if len(m.Checksums) != len(m.SCIDs) {
			return nil, fmt.Errorf("checksums: %w", ErrCount)
		}
		var v []byte
		for _, c := range m.Checksums {
			v = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(v, c.Node1), c.Node2)
		}
		x.put(recordChecksums, v)
	}
	return x.end()
}

func (m *ReplyChannelRange) decode(r reader) error {
	r.into(m.ChainHash[:])
	m.FirstBlock = Height(r.u32())
	m.Blocks = r.u32()
	m.Complete = r.u8() != 0
	m.SCIDs = r.scids()
	for r.record() {
		switch r.typ {
		case recordTimestamps:
			v, err := plain(r.val, 8)
			if err != nil {
				r.failRecord(err)
				break
			}
			m.Timestamps = pairs[ChannelTimestamps](&r, v, len(m.SCIDs))
		case recordChecksums:
			m.Checksums = pairs[ChannelChecksums](&r, r.val, len(m.SCIDs))
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}

// pairs reads n pairs of u32, which must be all of v.
func pairs[T ~struct{ Node1, Node2 uint32 }](r *reader, v []byte, n int) []T {
	if len(v) != 8*n {
		r.failRecord(ErrCount)
		return nil
	}
	out := make([]T, n)
	for i := range out {
		out[i] = T{binary.BigEndian.Uint32(v[8*i:]), binary.BigEndian.Uint32(v[8*i+4:])}
	}
	return out
}

func (m *GossipTimestampFilter) appendBody(b []byte) ([]byte, error) {
	b = append(b, m.ChainHash[:]...)
	b = binary.BigEndian.AppendUint32(b, m.First)
	return appendExtra(binary.BigEndian.AppendUint32(b, m.Range), m.Extra)
}

func (m *GossipTimestampFilter) decode(r reader) error {
	r.into(m.ChainHash[:])
	m.First = r.u32()
	m.Range = r.u32()
	return r.end(&m.Extra)
}
