package htlc

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// errEnough ends a Range.
var errEnough = errors.New("enough")

// MaxPage is the most that one query returns.
const MaxPage = 50_000

// Page selects records by their index. Results are in ascending order whatever the direction.
type Page struct {
	Offset   uint64 // exclusive; zero: from the beginning, or from the end where Backward
	Backward bool
	Max      int // at most MaxPage; zero: MaxPage
	// From and To bound when it was created, inclusive; zero: no bound.
	From, To time.Time
}

// LookupInvoice returns ErrInvoiceUnknown where there is none.
func LookupInvoice(r Reader, hash lnwire.Hash) (*Invoice, error) {
	b, err := r.Load(invoiceKey(hash))
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, ErrInvoiceUnknown
	}
	return decodeInvoice(b)
}

// Invoices lists by add_index; pending leaves out those that ended.
func Invoices(r Reader, p Page, pending bool) ([]*Invoice, error) {
	return list(r, keyAddIndex, p, func(hash lnwire.Hash) (*Invoice, bool, error) {
		inv, err := LookupInvoice(r, hash)
		if err != nil {
			return nil, false, err
		}
		return inv, (!pending || inv.State <= InvoiceAccepted) && p.holds(inv.Created), nil
	})
}

// Settled lists by settle_index.
func Settled(r Reader, p Page) ([]*Invoice, error) {
	return list(r, keySettleIndex, p, func(hash lnwire.Hash) (*Invoice, bool, error) {
		inv, err := LookupInvoice(r, hash)
		return inv, true, err
	})
}

// LookupPayment returns the payment with all its attempts, or ErrPaymentUnknown.
func LookupPayment(r Reader, hash lnwire.Hash) (*Payment, []*Attempt, error) {
	b, err := r.Load(paymentKey(hash))
	if err != nil {
		return nil, nil, err
	}
	if b == nil {
		return nil, nil, ErrPaymentUnknown
	}
	p, err := decodePayment(b)
	if err != nil {
		return nil, nil, err
	}
	attempts, err := attemptsOf(r, hash)
	return p, attempts, err
}

// Payments lists by index; without unfinished, only those that succeeded.
func Payments(r Reader, p Page, unfinished bool) ([]*Payment, error) {
	return list(r, keyPaymentIndex, p, func(hash lnwire.Hash) (*Payment, bool, error) {
		b, err := r.Load(paymentKey(hash))
		if err != nil {
			return nil, false, err
		}
		rec, err := decodePayment(b)
		if err != nil {
			return nil, false, err
		}
		return rec, (unfinished || rec.Status == Succeeded) && p.holds(rec.Created), nil
	})
}

// attemptsOf reads the attempts of a payment in the order in which they were made.
func attemptsOf(r Reader, hash lnwire.Hash) ([]*Attempt, error) {
	var attempts []*Attempt
	prefix := string(hashKey(keyAttempt, hash))
	to := append([]byte(prefix), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	err := r.Range([]byte(prefix), to, false, func(_, v []byte) error {
		a, err := decodeAttempt(v)
		attempts = append(attempts, a)
		return err
	})
	return attempts, err
}

func (p *Page) holds(t time.Time) bool {
	return (p.From.IsZero() || !t.Before(p.From)) && (p.To.IsZero() || !t.After(p.To))
}

func (p *Page) limit() int {
	if p.Max <= 0 || p.Max > MaxPage {
		return MaxPage
	}
	return p.Max
}

// list walks over an index of hashes.
func list[T any](r Reader, prefix string, p Page, read func(lnwire.Hash) (T, bool, error)) ([]T, error) {
	from, to := []byte(prefix), after(prefix)
	switch {
	case p.Backward && p.Offset != 0:
		to = indexKey(prefix, p.Offset)
	case !p.Backward && p.Offset != 0:
		if p.Offset+1 == 0 {
			return nil, nil
		}
		from = indexKey(prefix, p.Offset+1)
	}
	var found []T
	err := r.Range(from, to, p.Backward, func(_, v []byte) error {
		if len(v) != len(lnwire.Hash{}) {
			return ErrRecord
		}
		item, wanted, err := read(lnwire.Hash(v))
		if err != nil {
			return err
		}
		if wanted {
			found = append(found, item)
		}
		if len(found) == p.limit() {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if p.Backward {
		slices.Reverse(found)
	}
	return found, nil
}

// Forwards lists the forwards that were settled from one time (inclusive) to another (exclusive), oldest first, without the first skip of them.
// Zero times are no bounds.
func Forwards(r Reader, from, to time.Time, skip uint64, most int) ([]*Forward, error) {
	low, high := []byte(keyForward), after(keyForward)
	if !from.IsZero() {
		low = forwardKey(uint64(max(0, from.UnixNano())))
	}
	if !to.IsZero() {
		high = forwardKey(uint64(max(0, to.UnixNano())))
	}
	limit := (&Page{Max: most}).limit()
	var found []*Forward
	err := r.Range(low, high, false, func(k, v []byte) error {
		if skip > 0 {
			skip--
			return nil
		}
		if len(k) != len(keyForward)+8 {
			return ErrRecord
		}
		f, err := decodeForward(binary.BigEndian.Uint64(k[len(keyForward):]), v)
		if err != nil {
			return err
		}
		found = append(found, f)
		if len(found) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return found, nil
}
