package lnwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
)

var (
	// ErrTruncated: the bytes end before the contents do.
	// BOLT 1: "upon receiving a known message with insufficient length for the contents: MUST close the connection."
	ErrTruncated = errors.New("truncated")
	// ErrAmount: more than all the bitcoin there will ever be.
	// BOLT 1: "satoshi amounts MUST be at most 0x000775f05a074000", "milli-satoshi amounts MUST be at most
	// 0x1d24b2dfac520000".
	ErrAmount = errors.New("amount exceeds 21 million bitcoin")
)

// reader is a cursor over the fields of a message. The first failure sticks in err; what is read after it is zero,
// so that decoders read straight through and look once, at the end. It is passed by value and never escapes.
type reader struct {
	b   []byte
	err error
	// The record that record stopped at, and the last type seen: see tlv.go.
	typ     uint64
	val     []byte
	raw     []byte
	started bool
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// take returns the next n bytes, or nil after a failure. They share the input's memory.
func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail(ErrTruncated)
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// into fills dst with the next bytes.
func (r *reader) into(dst []byte) { copy(dst, r.take(len(dst))) }

func (r *reader) u8() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if v := r.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// satoshis reads an amount that must exist.
func (r *reader) satoshis() btcutil.Amount {
	v := r.u64()
	if v > btcutil.MaxSatoshi {
		r.fail(fmt.Errorf("%w: %d sat", ErrAmount, v))
		return 0
	}
	return btcutil.Amount(v)
}

// msat reads an amount that must exist.
func (r *reader) msat() MilliSatoshi {
	v := MilliSatoshi(r.u64())
	if v > MaxMilliSatoshi {
		r.fail(fmt.Errorf("%w: %v", ErrAmount, v))
		return 0
	}
	return v
}

// limit reads a bound on amounts. Peers say "none" with any number up to 2^64-1, so it may exceed the money supply.
func (r *reader) limit() MilliSatoshi { return MilliSatoshi(r.u64()) }

// bytes reads a u16 length and a copy of that many bytes; nil where there are none.
func (r *reader) bytes() []byte {
	v := r.take(int(r.u16()))
	if len(v) == 0 {
		return nil
	}
	return bytes.Clone(v)
}

// appendBytes writes what bytes reads. A length that does not fit into a u16 makes the message too large, which
// Append reports.
func appendBytes(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(v))), v...)
}

// appendSatoshis refuses what satoshis would.
func appendSatoshis(b []byte, a btcutil.Amount) ([]byte, error) {
	if a < 0 || a > btcutil.MaxSatoshi {
		return nil, fmt.Errorf("%w: %d sat", ErrAmount, int64(a))
	}
	return binary.BigEndian.AppendUint64(b, uint64(a)), nil
}

// appendMsat refuses what msat would.
func appendMsat(b []byte, m MilliSatoshi) ([]byte, error) {
	if m > MaxMilliSatoshi {
		return nil, fmt.Errorf("%w: %v", ErrAmount, m)
	}
	return binary.BigEndian.AppendUint64(b, uint64(m)), nil
}
