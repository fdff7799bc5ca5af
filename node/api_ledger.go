package node

import (
	"context"
	"time"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/rpc"
)

// apiLedger implements rpc.Ledger.
type apiLedger struct{ *api }

// InvoicePage lists by add index.
func (a apiLedger) InvoicePage(_ context.Context, q rpc.InvoiceQuery) ([]rpc.Invoice, error) {
	p := bounded(q.From, q.To)
	found, err := paged(q.Page, p, func(p htlc.Page) ([]*htlc.Invoice, error) {
		return htlc.Invoices(a.ledger, p, q.PendingOnly)
	}, func(i *htlc.Invoice) uint64 { return i.AddIndex })
	return a.invoices(found), err
}

// SettledPage lists by settle index.
func (a apiLedger) SettledPage(_ context.Context, q rpc.Page) ([]rpc.Invoice, error) {
	found, err := paged(q, htlc.Page{}, func(p htlc.Page) ([]*htlc.Invoice, error) {
		return htlc.Settled(a.ledger, p)
	}, func(i *htlc.Invoice) uint64 { return i.SettleIndex })
	return a.invoices(found), err
}

func (a *api) invoices(found []*htlc.Invoice) []rpc.Invoice {
	out := make([]rpc.Invoice, len(found))
	for i, inv := range found {
		out[i] = a.invoice(inv)
	}
	return out
}

// PaymentPage lists by index.
func (a apiLedger) PaymentPage(_ context.Context, q rpc.PaymentQuery) ([]rpc.Payment, error) {
	found, err := paged(q.Page, bounded(q.From, q.To), func(p htlc.Page) ([]*htlc.Payment, error) {
		return htlc.Payments(a.ledger, p, q.Incomplete)
	}, func(p *htlc.Payment) uint64 { return p.Index })
	if err != nil {
		return nil, err
	}
	out := make([]rpc.Payment, 0, len(found))
	for _, f := range found {
		p, attempts, err := htlc.LookupPayment(a.ledger, f.Hash)
		if err != nil {
			return nil, err
		}
		v := newPayment(p, attempts)
		if q.OmitHops {
			for i := range v.Attempts {
				v.Attempts[i].Route.Hops = nil
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// CountPayments walks over the index of payments, whose keys package htlc documents.
func (a apiLedger) CountPayments(context.Context) (n uint64, err error) {
	err = a.ledger.Scan([]byte(htlc.Prefix+"pi/"), func(_, _ []byte) error {
		n++
		return nil
	})
	return n, err
}

// bounded makes bounds in whole seconds, both included, bounds of records that know fractions.
func bounded(from, to time.Time) htlc.Page {
	p := htlc.Page{From: from, To: to}
	if !to.IsZero() {
		p.To = to.Truncate(time.Second).Add(time.Second - 1)
	}
	return p
}

// paged reads as many pages of package htlc as it takes to answer q.
func paged[T any](q rpc.Page, p htlc.Page, read func(htlc.Page) ([]T, error), index func(T) uint64) ([]T, error) {
	var all []T
	p.Offset, p.Backward = q.After, q.Reversed
	for {
		p.Max = htlc.MaxPage
		if q.Max != 0 {
			p.Max = int(min(q.Max-uint64(len(all)), htlc.MaxPage))
		}
		found, err := read(p)
		if err != nil {
			return nil, err
		}
		if p.Backward {
			all = append(found, all...)
		} else {
			all = append(all, found...)
		}
		if len(found) < p.Max || uint64(len(all)) == q.Max {
			return all, nil
		}
		if p.Backward {
			p.Offset = index(all[0])
		} else {
			p.Offset = index(all[len(all)-1])
		}
	}
}
