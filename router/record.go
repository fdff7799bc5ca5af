package router

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// estimatesVersion opens what Encode writes: the version, the channels and the nodes, each after a count of four
// bytes. A later version is refused, not guessed at: estimates can be learned again.
const estimatesVersion = 1

const (
	lessonSize  = 8 + 2*33 + 2*6*8
	failureSize = 33 + 8
)

// ErrBadEstimates: the bytes were not written by Encode, or by a later version.
var ErrBadEstimates = errors.New("not estimates that can be read")

// Encode writes all that was learned, for DecodeEstimates.
func (e *Estimates) Encode() []byte {
	t := e.table.Load()
	out := make([]byte, 0, 1+4+t.count*lessonSize+4+len(t.nodes)*failureSize)
	out = append(out, estimatesVersion)
	out = binary.BigEndian.AppendUint32(out, uint32(t.count))
	for _, scid := range t.channels() {
		l := t.lesson(scid)
		out = binary.BigEndian.AppendUint64(out, uint64(scid))
		out = append(out, l.ends[0][:]...)
		out = append(out, l.ends[1][:]...)
		for _, b := range l.dirs {
			for _, v := range [...]uint64{
				uint64(b.lower), uint64(b.upper), uint64(b.lowerAt), uint64(b.upperAt), uint64(b.blockedAt),
				uint64(b.policyAt),
			} {
				out = binary.BigEndian.AppendUint64(out, v)
			}
		}
	}
	out = binary.BigEndian.AppendUint32(out, uint32(len(t.nodes)))
	byKey := func(a, b lnwire.PubKey) int { return bytes.Compare(a[:], b[:]) }
	for _, k := range slices.SortedFunc(maps.Keys(t.nodes), byKey) {
		out = append(out, k[:]...)
		out = binary.BigEndian.AppendUint64(out, uint64(t.nodes[k]))
	}
	return out
}

// DecodeEstimates reads what Encode wrote, or fails with ErrBadEstimates.
func DecodeEstimates(b []byte) (*Estimates, error) {
	if len(b) == 0 || b[0] != estimatesVersion {
		return nil, fmt.Errorf("%w: no version %d", ErrBadEstimates, estimatesVersion)
	}
	lessons, b, err := section(b[1:], lessonSize)
	if err != nil {
		return nil, err
	}
	failures, b, err := section(b, failureSize)
	if err != nil {
		return nil, err
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrBadEstimates, len(b))
	}
	e := NewEstimates()
	e.change(func(t *table) {
		for chunk := range slices.Chunk(lessons, lessonSize) {
			scid, l := decodeLesson(chunk)
			if t.lesson(scid) == nil {
				t.count++
			}
			t.put(scid, l)
		}
		t.nodes = make(map[lnwire.PubKey]int64, len(failures)/failureSize)
		for chunk := range slices.Chunk(failures, failureSize) {
			t.nodes[lnwire.PubKey(chunk[:33])] = int64(binary.BigEndian.Uint64(chunk[33:]))
		}
	})
	return e, nil
}

// section cuts a counted list of entries of one size off b.
func section(b []byte, size int) (list, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: truncated", ErrBadEstimates)
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	if n > MaxEstimates || int(n)*size > len(b) {
		return nil, nil, fmt.Errorf("%w: %d entries in %d bytes", ErrBadEstimates, n, len(b))
	}
	return b[:int(n)*size], b[int(n)*size:], nil
}

func decodeLesson(b []byte) (lnwire.ShortChannelID, *lesson) {
	scid := lnwire.ShortChannelID(binary.BigEndian.Uint64(b))
	l := &lesson{ends: [2]lnwire.PubKey{lnwire.PubKey(b[8:41]), lnwire.PubKey(b[41:74])}}
	b = b[74:]
	for d := range l.dirs {
		var v [6]uint64
		for i := range v {
			v[i], b = binary.BigEndian.Uint64(b), b[8:]
		}
		l.dirs[d] = bounds{
			lower: lnwire.MilliSatoshi(v[0]), upper: lnwire.MilliSatoshi(v[1]), lowerAt: int64(v[2]),
			upperAt: int64(v[3]), blockedAt: int64(v[4]), policyAt: int64(v[5]),
		}
	}
	return scid, l
}
