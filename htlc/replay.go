package htlc

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/fulmen-ln/fulmen/onion"
)

// replayLog remembers the secrets of onions until they expired: whoever sends one again wants to learn where it goes.
// Eight bytes of the hash are enough: who finds a collision only makes his own payment fail.
type replayLog struct {
	known    map[uint64]uint32   // until which height
	expiring map[uint32][]uint64 // by the last height at which they count
}

func newReplayLog() replayLog {
	return replayLog{known: map[uint64]uint32{}, expiring: map[uint32][]uint64{}}
}

func replayID(secret *onion.Secret) uint64 {
	h := sha256.Sum256(secret[:])
	return binary.BigEndian.Uint64(h[:])
}

func (l *replayLog) seen(secret *onion.Secret) bool {
	_, ok := l.known[replayID(secret)]
	return ok
}

func (l *replayLog) add(id uint64, until uint32) {
	l.known[id] = until
	l.expiring[until] = append(l.expiring[until], id)
}

// remember records the onion of h until its HTLC expires, at most MaxCLTV blocks from now: no later forward would be taken.
func (s *Switch) remember(h *held, out *Effects) {
	h.replay = min(h.expiry, uint32(s.height)+MaxCLTV)
	id := replayID(&h.secret)
	s.replays.add(id, h.replay)
	out.Records = append(out.Records, Record{replayKey(h.replay, id), []byte{recordVersion, 0}})
}

// forgetReplays drops what expired before the height.
func (s *Switch) forgetReplays(out *Effects) {
	l := &s.replays
	var over []uint32
	for until := range l.expiring {
		if until < uint32(s.height) {
			over = append(over, until)
		}
	}
	slices.Sort(over)
	for _, until := range over {
		for _, id := range l.expiring[until] {
			delete(l.known, id)
			out.Records = append(out.Records, Record{Key: replayKey(until, id)})
		}
		delete(l.expiring, until)
	}
}
