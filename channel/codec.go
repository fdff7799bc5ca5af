package channel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Every record is a TLV stream (BOLT 1's) that begins with its version. Fields that are zero are left out; fields that
// a later version adds have odd types if an older one may ignore them.

const (
	typeVersion   = 0
	recordVersion = 1
)

var (
	// ErrRecord: a record is not as it was written.
	ErrRecord = errors.New("malformed record")
	// ErrVersion: a record is of a newer version than this program.
	ErrVersion = errors.New("record of a newer version")
)

// fields writes a record.
type fields struct{ b []byte }

func newFields(size int) *fields {
	f := &fields{make([]byte, 0, size)}
	f.uint(typeVersion, recordVersion)
	return f
}

func (f *fields) bytes(typ uint64, v []byte) { f.b = lnwire.AppendRecord(f.b, typ, v) }

// some writes v unless it is empty.
func (f *fields) some(typ uint64, v []byte) {
	if len(v) > 0 {
		f.bytes(typ, v)
	}
}

// uint writes v unless it is zero.
func (f *fields) uint(typ, v uint64) {
	if v != 0 {
		var b [8]byte
		f.bytes(typ, lnwire.AppendTruncated(b[:0], v))
	}
}

func (f *fields) flag(typ uint64, v bool) {
	if v {
		f.uint(typ, 1)
	}
}

func (f *fields) key(typ uint64, k lnwire.PubKey) {
	if !k.IsZero() {
		f.bytes(typ, k[:])
	}
}

// eachField walks a record. take handles the fields that it knows and returns false for others.
func eachField(b []byte, take func(typ uint64, v []byte, c *fieldErr) bool) error {
	s, c := lnwire.NewStream(b), fieldErr{}
	for s.Next() {
		switch {
		case s.Type() == typeVersion:
			if v := c.uint(s.Value()); v > recordVersion {
				return fmt.Errorf("%w: %d", ErrVersion, v)
			}
		case !take(s.Type(), s.Value(), &c):
			s.Unknown()
		}
		s.Fail(c.err)
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return nil
}

// fieldErr keeps the first failure of reading a field.
type fieldErr struct{ err error }

func (c *fieldErr) uint(v []byte) uint64 {
	n, err := lnwire.TU64(v)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n
}

// below reads a number that must be less than limit.
func (c *fieldErr) below(v []byte, limit uint64) uint64 {
	n := c.uint(v)
	if n >= limit && c.err == nil {
		c.err = fmt.Errorf("%d is out of range", n)
		return 0
	}
	return n
}

func (c *fieldErr) u32(v []byte) uint32  { return uint32(c.below(v, 1<<32)) }
func (c *fieldErr) u16(v []byte) uint16  { return uint16(c.below(v, 1<<16)) }
func (c *fieldErr) flag(v []byte) bool   { return c.below(v, 2) == 1 }
func (c *fieldErr) copy(v []byte) []byte { return append([]byte{}, v...) }

// into fills dst, whose size v must have.
func (c *fieldErr) into(dst, v []byte) {
	if copy(dst, v) != len(dst) || len(v) != len(dst) {
		c.fail(lnwire.ErrRecordLength)
	}
}

func (c *fieldErr) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *fieldErr) msat(v []byte) lnwire.MilliSatoshi {
	return lnwire.MilliSatoshi(c.below(v, uint64(lnwire.MaxMilliSatoshi)+1))
}

// keys of the records, each with a letter of its own.
var (
	termsKey   = []byte("s")
	lifeKey    = []byte("l")
	stateKey   = []byte("c")
	sigsKey    = []byte("g")
	fundingKey = []byte("t")
	closingKey = []byte("k")
	factsKey   = []byte("i")
)

// RevokedPrefix begins the keys of the records that a penalty needs: what is left of a closed channel's may be deleted.
const RevokedPrefix = "v"

func htlcKey(h *htlc) []byte {
	return binary.BigEndian.AppendUint64([]byte{'h', byte(h.Offerer)}, h.ID)
}

func removalKey(h *htlc) []byte {
	return binary.BigEndian.AppendUint64([]byte{'r', byte(h.Offerer)}, h.ID)
}

func revokedKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(RevokedPrefix), number)
}

func secretKey(place int) []byte { return []byte{'x', byte(place)} }
