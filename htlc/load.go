package htlc

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Reader is the store. Load returns nil for what is not there. Range calls fn for the keys from (inclusive) to (exclusive), in order or reverse;
// what fn is given is valid during the call only.
type Reader interface {
	Load(key []byte) ([]byte, error)
	Range(from, to []byte, reverse bool, fn func(key, value []byte) error) error
}

// load reads all that is kept in memory: what is not ended.
func (s *Switch) load() error {
	b, err := s.reader.Load([]byte(keyCounters))
	if err != nil {
		return err
	}
	if b != nil {
		if err := s.counts.decode(b); err != nil {
			return err
		}
	}
	for _, step := range []func() error{s.loadInvoices, s.loadPayments, s.loadReplays, s.loadLastForward} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// hashes lists the hashes that follow prefix.
func (s *Switch) hashes(prefix string) ([]lnwire.Hash, error) {
	var list []lnwire.Hash
	err := s.reader.Range([]byte(prefix), after(prefix), false, func(k, _ []byte) error {
		if len(k) != len(prefix)+len(lnwire.Hash{}) {
			return ErrRecord
		}
		list = append(list, lnwire.Hash(k[len(prefix):]))
		return nil
	})
	return list, err
}

func (s *Switch) loadInvoices() error {
	open, err := s.hashes(keyOpenInvoice)
	if err != nil {
		return err
	}
	for _, hash := range open {
		inv, err := LookupInvoice(s.reader, hash)
		if err != nil {
			return err
		}
		s.track(&openInvoice{Invoice: *inv})
	}
	return nil
}

func (s *Switch) loadPayments() error {
	open, err := s.hashes(keyOpenPayment)
	if err != nil {
		return err
	}
	for _, hash := range open {
		rec, err := s.loadPayment(hash)
		if err != nil {
			return err
		}
		if rec == nil {
			return ErrRecord
		}
		p := &payment{Payment: *rec}
		attempts, err := attemptsOf(s.reader, hash)
		if err != nil {
			return err
		}
		p.Attempts, p.Fee = nil, 0
		for _, a := range attempts {
			p.Attempts = append(p.Attempts, a.ID)
			switch a.Status {
			case InFlight:
				s.attempts[a.ID] = a
				p.live = append(p.live, a.ID)
			case Succeeded:
				p.Fee += a.Route.Fee
			}
		}
		s.payments[hash] = p
	}
	return nil
}

func (s *Switch) loadReplays() error {
	return s.reader.Range([]byte(keyReplay), after(keyReplay), false, func(k, _ []byte) error {
		k = k[len(keyReplay):]
		if len(k) != 12 {
			return ErrRecord
		}
		s.replays.add(binary.BigEndian.Uint64(k[4:]), binary.BigEndian.Uint32(k))
		return nil
	})
}

func (s *Switch) loadLastForward() error {
	err := s.reader.Range([]byte(keyForward), after(keyForward), true, func(k, _ []byte) error {
		if len(k) != len(keyForward)+8 {
			return ErrRecord
		}
		s.lastForward = time.Unix(0, int64(binary.BigEndian.Uint64(k[len(keyForward):])))
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// loadPayment returns nil where there is none.
func (s *Switch) loadPayment(hash lnwire.Hash) (*Payment, error) {
	b, err := s.reader.Load(paymentKey(hash))
	if err != nil || b == nil {
		return nil, err
	}
	return decodePayment(b)
}

func loadAttempt(r Reader, hash lnwire.Hash, id uint64) (*Attempt, error) {
	b, err := r.Load(attemptKey(hash, id))
	if err != nil {
		return nil, err
	}
	return decodeAttempt(b)
}

// loadPreimage finds what a channel learnt, or nil.
func (s *Switch) loadPreimage(hash lnwire.Hash) (*lnwire.Preimage, error) {
	period := uint32(s.height) / preimagePeriod
	for back := range uint32(preimagePeriods + 1) {
		// One period ahead too: the peer loop may have seen a block before the last Tick, or a reorganization took it back.
		at := period + 1 - back
		b, err := s.reader.Load(preimageKey(at, hash))
		if err != nil {
			return nil, err
		}
		if b != nil {
			r := newReader(b)
			p := new(lnwire.Preimage)
			r.raw(p[:])
			return p, r.done("preimage")
		}
		if at == 0 {
			break
		}
	}
	return nil, nil
}

// forgetPerBlock bounds how many old preimages one block deletes; the rest goes with the next ones.
const forgetPerBlock = 5000

// forgetPreimages deletes the preimages of HTLCs that are long over. A store that cannot be read now is asked again with the next block.
func (s *Switch) forgetPreimages(out *Effects) {
	period := uint32(s.height) / preimagePeriod
	if period <= preimagePeriods {
		return
	}
	var old [][]byte
	err := s.reader.Range([]byte(keyPreimage), preimageKey(period-preimagePeriods, lnwire.Hash{}), false, func(k, _ []byte) error {
		if len(old) == forgetPerBlock {
			return errEnough
		}
		old = append(old, append([]byte(nil), k...))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return
	}
	for _, k := range old {
		out.Records = append(out.Records, Record{Key: k})
	}
}
