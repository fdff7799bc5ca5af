package htlc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// recordVersion opens every record. A later version may append fields; what is read stays readable (golden files in testdata).
const recordVersion = 1

// maxField bounds what one field of a record may claim to hold.
const maxField = 1 << 20

// ErrRecord: a record on disk cannot be read.
var ErrRecord = errors.New("htlc: damaged record")

// writer appends fields: numbers as varints, bytes with their length before them.
type writer struct{ b []byte }

func newWriter() *writer { return &writer{b: []byte{recordVersion}} }

func (w *writer) num(v uint64)               { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) msat(v lnwire.MilliSatoshi) { w.num(uint64(v)) }
func (w *writer) raw(b []byte)               { w.b = append(w.b, b...) }
func (w *writer) bytes(b []byte)             { w.num(uint64(len(b))); w.raw(b) }

func (w *writer) flag(v bool) {
	if v {
		w.num(1)
		return
	}
	w.num(0)
}

// time is in nanoseconds since 1970; the zero time is zero.
func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.num(0)
		return
	}
	w.num(uint64(t.UnixNano()))
}

func (w *writer) preimage(p *lnwire.Preimage) {
	w.flag(p != nil)
	if p != nil {
		w.raw(p[:])
	}
}

// reader takes fields off; after the first that is not there, all are zero and err is set.
type reader struct {
	b   []byte
	err error
}

func newReader(b []byte) *reader {
	if len(b) == 0 || b[0] != recordVersion {
		return &reader{err: ErrRecord}
	}
	return &reader{b: b[1:]}
}

func (r *reader) num() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// small reads a number that must not exceed most.
func (r *reader) small(most uint64) uint64 {
	v := r.num()
	if v > most {
		r.fail()
		return 0
	}
	return v
}

func (r *reader) fail() { r.b, r.err = nil, ErrRecord }

func (r *reader) raw(to []byte) {
	if len(r.b) < len(to) {
		r.fail()
		return
	}
	copy(to, r.b)
	r.b = r.b[len(to):]
}

func (r *reader) bytes() []byte {
	n := r.small(maxField)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := make([]byte, n)
	r.raw(b)
	return b
}

func (r *reader) msat() lnwire.MilliSatoshi {
	return lnwire.MilliSatoshi(r.small(uint64(lnwire.MaxMilliSatoshi)))
}
func (r *reader) u32() uint32 { return uint32(r.small(1<<32 - 1)) }
func (r *reader) flag() bool  { return r.small(1) == 1 }

func (r *reader) time() time.Time {
	v := r.small(1<<63 - 1)
	if v == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(v)).UTC()
}

func (r *reader) preimage() *lnwire.Preimage {
	if !r.flag() {
		return nil
	}
	p := new(lnwire.Preimage)
	r.raw(p[:])
	return p
}

// done returns the error with what was being read.
func (r *reader) done(what string) error {
	if r.err != nil {
		return fmt.Errorf("%w: %s", r.err, what)
	}
	return nil
}
