package lnwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// The TLV machinery of BOLT 1, for the extensions of messages, for onion payloads and for stored records.
// It works on byte slices and allocates nothing; lnd/tlv, which reads through io.Reader, is its oracle in the tests.

var (
	// ErrNotMinimal: a BigSize or a truncated integer is longer than it has to be.
	ErrNotMinimal = errors.New("not minimally encoded")
	// ErrRecordOrder: types do not strictly increase.
	ErrRecordOrder = errors.New("TLV types are not strictly increasing")
	// ErrRecordLength: a known record's value is not as long as its encoding.
	ErrRecordLength = errors.New("TLV record has the wrong length")
)

// ErrUnknownRecord: a TLV record of an even type that this version has no name for.
// BOLT 1: "if type is unknown: if type is even: MUST fail to parse the tlv_stream."
type ErrUnknownRecord struct{ Type uint64 }

func (e ErrUnknownRecord) Error() string { return fmt.Sprintf("unknown even TLV record %d", e.Type) }

// AppendBigSize writes v as BigSize: big-endian, as short as possible (BOLT 1, appendix A).
func AppendBigSize(b []byte, v uint64) []byte {
	switch {
	case v < 0xfd:
		return append(b, byte(v))
	case v <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, 0xfd), uint16(v))
	case v <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(b, 0xfe), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xff), v)
}

// CutBigSize reads the BigSize that b starts with and returns what follows. ErrTruncated, ErrNotMinimal.
func CutBigSize(b []byte) (v uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, ErrTruncated
	}
	if b[0] < 0xfd {
		return uint64(b[0]), b[1:], nil
	}
	width := 2 << (b[0] - 0xfd)
	if len(b) < 1+width {
		return 0, nil, ErrTruncated
	}
	for _, c := range b[1 : 1+width] {
		v = v<<8 | uint64(c)
	}
	if low := [...]uint64{0xfd, 1 << 16, 1 << 32}[b[0]-0xfd]; v < low {
		return 0, nil, fmt.Errorf("bigsize: %w", ErrNotMinimal)
	}
	return v, b[1+width:], nil
}

// AppendTruncated writes v without leading zero bytes: zero is nothing at all (BOLT 1: tu16, tu32, tu64).
func AppendTruncated(b []byte, v uint64) []byte {
	for shift := (bits.Len64(v) + 7) / 8 * 8; shift > 0; shift -= 8 {
		b = append(b, byte(v>>(shift-8)))
	}
	return b
}

// TU16 reads a whole record value as a truncated integer of at most 2 bytes; TU32 and TU64 of 4 and 8.
// ErrRecordLength, ErrNotMinimal.
func TU16(value []byte) (uint16, error) {
	v, err := truncated(value, 2)
	return uint16(v), err
}

func TU32(value []byte) (uint32, error) {
	v, err := truncated(value, 4)
	return uint32(v), err
}

func TU64(value []byte) (uint64, error) { return truncated(value, 8) }

// BOLT 1: "Leading zeros in truncated integers MUST be omitted."
func truncated(value []byte, size int) (v uint64, err error) {
	if len(value) > size {
		return 0, fmt.Errorf("truncated integer of %d bytes: %w", len(value), ErrRecordLength)
	}
	if len(value) > 0 && value[0] == 0 {
		return 0, fmt.Errorf("truncated integer: %w", ErrNotMinimal)
	}
	for _, c := range value {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

// AppendRecord writes one TLV record. The caller writes them in order of their types.
func AppendRecord(b []byte, typ uint64, value []byte) []byte {
	return append(AppendBigSize(AppendBigSize(b, typ), uint64(len(value))), value...)
}

// Stream walks a TLV stream, checking that it is canonical:
//
//	s := lnwire.NewStream(b)
//	for s.Next() {
//		switch s.Type() {
//		case 2:
//			…s.Value()…
//		default:
//			s.Unknown()
//		}
//	}
//	return s.Err()
//
// Values share the stream's memory.
type Stream struct{ r reader }

// NewStream starts before the first record of b.
func NewStream(b []byte) Stream { return Stream{reader{b: b}} }

// Next moves to the next record; it is false at the end of the stream and after a failure.
func (s *Stream) Next() bool { return s.r.record() }

// Type, Value and Raw are the current record's type, value and whole encoding.
func (s *Stream) Type() uint64  { return s.r.typ }
func (s *Stream) Value() []byte { return s.r.val }
func (s *Stream) Raw() []byte   { return s.r.raw }

// Unknown fails the stream where the current type is even, and lets an odd one pass.
func (s *Stream) Unknown() { s.r.even() }

// Fail ends the walk with a reason of the caller's: a known record whose value is bad. Fail(nil) does nothing.
func (s *Stream) Fail(err error) {
	if err != nil {
		s.r.failRecord(err)
	}
}

// Err is why the walk ended early, or nil.
func (s *Stream) Err() error { return s.r.err }

// record moves to the next TLV record in what is left: r.typ, r.val and r.raw.
// BOLT 1, the receiving node: "if a type or length is not minimally encoded", "if decoded types are not
// strictly-increasing", "if length exceeds the number of bytes remaining in the message: MUST fail to parse the
// tlv_stream."
func (r *reader) record() bool {
	if r.err != nil || len(r.b) == 0 {
		return false
	}
	start := r.b
	typ, rest, err := CutBigSize(r.b)
	if err != nil {
		r.fail(fmt.Errorf("TLV type: %w", err))
		return false
	}
	if r.started && typ <= r.typ {
		r.fail(fmt.Errorf("%w: %d after %d", ErrRecordOrder, typ, r.typ))
		return false
	}
	r.typ, r.started = typ, true
	size, rest, err := CutBigSize(rest)
	if err != nil {
		r.failRecord(err)
		return false
	}
	if size > uint64(len(rest)) {
		r.failRecord(ErrTruncated)
		return false
	}
	n := int(size)
	r.val, r.b = rest[:n:n], rest[n:]
	r.raw = start[:len(start)-len(r.b)]
	return true
}

func (r *reader) failRecord(err error) { r.fail(fmt.Errorf("TLV record %d: %w", r.typ, err)) }

// sized returns the current record's value, which must be n bytes, or nil.
// BOLT 1: "if length is not exactly equal to that required for the known encoding for type: MUST fail to parse the
// tlv_stream."
func (r *reader) sized(n int) []byte {
	if len(r.val) != n {
		r.failRecord(ErrRecordLength)
		return nil
	}
	return r.val
}

func (r *reader) even() {
	if r.err == nil && r.typ%2 == 0 {
		r.fail(ErrUnknownRecord{r.typ})
	}
}

// unknown keeps the current record in extra, where its type is odd.
func (r *reader) unknown(extra *Extra) {
	if r.even(); r.err == nil {
		*extra = append(*extra, r.raw...)
	}
}

// end reads an extension in which no record is known.
func (r *reader) end(extra *Extra) error {
	for r.record() {
		r.unknown(extra)
	}
	return r.err
}

// extension writes known records in ascending order of type, and between them, in their places, those of Extra.
type extension struct {
	b     []byte
	extra Stream
	held  bool // extra stands on a record that is not written yet
	// anyType lets even records through: in relayed gossip they are not ours to judge.
	anyType bool
}

func extend(b []byte, extra Extra) extension {
	x := extension{b: b, extra: NewStream(extra)}
	x.held = x.extra.Next()
	return x
}

// put writes a known record; the next one must be of a higher type.
func (x *extension) put(typ uint64, value []byte) {
	x.upTo(typ)
	if x.held && x.extra.Type() == typ {
		x.extra.Fail(fmt.Errorf("%w: a known record in Extra", ErrRecordOrder))
		x.held = false
	}
	x.b = AppendRecord(x.b, typ, value)
}

func (x *extension) upTo(typ uint64) {
	for x.held && x.extra.Type() < typ {
		x.next()
	}
}

// BOLT 1: "MUST NOT send evenly-typed TLV records in the extension without prior negotiation."
func (x *extension) next() {
	if !x.anyType {
		x.extra.Unknown()
	}
	x.b = append(x.b, x.extra.Raw()...)
	x.held = x.extra.Next()
}

// end writes what is left of Extra.
func (x *extension) end() ([]byte, error) {
	for x.held {
		x.next()
	}
	if err := x.extra.Err(); err != nil {
		return nil, fmt.Errorf("extension: %w", err)
	}
	return x.b, nil
}

// appendExtra ends a message in which no record is known.
func appendExtra(b []byte, extra Extra) ([]byte, error) {
	x := extend(b, extra)
	return x.end()
}
