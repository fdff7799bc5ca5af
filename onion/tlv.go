package onion

import (
	"encoding/binary"
	"errors"
	"math"
)

// Errors of a TLV stream (BOLT 1). They reach a peer only as invalid_onion_payload.
var (
	errTruncated = errors.New("tlv: stream ends inside a record")
	errOrder     = errors.New("tlv: types do not increase strictly")
	errMinimal   = errors.New("tlv: number is not minimally encoded")
	errLength    = errors.New("tlv: value has the wrong length")
	errUnknown   = errors.New("tlv: unknown even type")
)

// record is one TLV record; offset is where it starts in its stream.
type record struct {
	typ    uint64
	value  []byte
	offset int
}

// stream walks over a TLV stream without copying.
type stream struct {
	rest   []byte
	offset int
	last   uint64
	any    bool
}

// next returns the next record; ok is false at the end of the stream.
func (s *stream) next() (r record, ok bool, err error) {
	if len(s.rest) == 0 {
		return record{}, false, nil
	}
	r.offset = s.offset
	typ, n, err := readBigSize(s.rest)
	if err != nil {
		return r, false, err
	}
	r.typ = typ
	// BOLT 1: "MUST fail to parse the tlv_stream" where types are not strictly increasing.
	if s.any && typ <= s.last {
		return r, false, errOrder
	}
	length, m, err := readBigSize(s.rest[n:])
	if err != nil {
		return r, false, err
	}
	if length > uint64(len(s.rest)-n-m) {
		return r, false, errTruncated
	}
	end := n + m + int(length)
	r.value = s.rest[n+m : end]
	s.rest, s.offset, s.last, s.any = s.rest[end:], s.offset+end, typ, true
	return r, true, nil
}

// readBigSize reads BOLT 1's variable-length number and the count of its bytes.
func readBigSize(b []byte) (uint64, int, error) {
	if len(b) == 0 {
		return 0, 0, errTruncated
	}
	width := 0
	switch b[0] {
	case 0xfd:
		width = 2
	case 0xfe:
		width = 4
	case 0xff:
		width = 8
	default:
		return uint64(b[0]), 1, nil
	}
	if len(b) < 1+width {
		return 0, 0, errTruncated
	}
	var v, floor uint64
	switch width {
	case 2:
		v, floor = uint64(binary.BigEndian.Uint16(b[1:])), 0xfd
	case 4:
		v, floor = uint64(binary.BigEndian.Uint32(b[1:])), 0x10000
	default:
		v, floor = binary.BigEndian.Uint64(b[1:]), 0x100000000
	}
	if v < floor {
		return 0, 0, errMinimal
	}
	return v, 1 + width, nil
}

func appendBigSize(b []byte, v uint64) []byte {
	switch {
	case v < 0xfd:
		return append(b, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xfd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xfe), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(b, 0xff), v)
	}
}

func bigSizeLen(v uint64) int {
	switch {
	case v < 0xfd:
		return 1
	case v <= math.MaxUint16:
		return 3
	case v <= math.MaxUint32:
		return 5
	default:
		return 9
	}
}

// truncated reads a tu32 or tu64: big-endian without leading zeros, at most width bytes.
func truncated(b []byte, width int) (uint64, error) {
	if len(b) > width {
		return 0, errLength
	}
	if len(b) > 0 && b[0] == 0 {
		return 0, errMinimal
	}
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

func appendTruncated(b []byte, v uint64) []byte {
	var full [8]byte
	binary.BigEndian.PutUint64(full[:], v)
	i := 0
	for i < len(full) && full[i] == 0 {
		i++
	}
	return append(b, full[i:]...)
}

func appendRecord(b []byte, typ uint64, value []byte) []byte {
	b = appendBigSize(b, typ)
	b = appendBigSize(b, uint64(len(value)))
	return append(b, value...)
}
