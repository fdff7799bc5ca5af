package node

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// BenchmarkPayments settles payments of 1,000 sat between nodes of one process, fsync on, invoices made beforehand.
func BenchmarkPayments(b *testing.B) {
	for _, c := range []struct {
		name         string
		hops, payers int
	}{{"direct/1", 1, 1}, {"direct/50", 1, 50}, {"twohops/1", 2, 1}, {"twohops/50", 2, 50}} {
		b.Run(c.name, func(b *testing.B) { benchPayments(b, c.hops, c.payers) })
	}
}

func benchPayments(b *testing.B, hops, payers int) {
	l := newLab(b, hops+1)
	for i := range hops {
		l.fund(i, 20_000_000)
		l.open(i, i+1, 15_000_000, 0, false)
	}
	l.known(0, hops)
	orders := make(chan htlc.Order, b.N)
	for range b.N {
		orders <- l.invoice(hops, 1_000_000)
	}
	close(orders)
	b.ResetTimer()
	began := time.Now()
	var wg sync.WaitGroup
	for range payers {
		wg.Go(func() {
			for o := range orders {
				o.FeeLimit = lnwire.MaxMilliSatoshi
				require.Equal(b, htlc.Succeeded, l.pay(0, o).Status)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "payments/s")
}
