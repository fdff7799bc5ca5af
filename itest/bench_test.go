package itest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// BenchmarkPayments settles payments of 1,000 sat between real daemons over their gRPC API: fsync on, log level info, invoices
// made beforehand.
func BenchmarkPayments(b *testing.B) {
	for _, c := range []struct{ hops, payers int }{{1, 1}, {1, 50}, {1, 200}, {2, 1}, {2, 50}, {3, 1}, {3, 50}} {
		b.Run(fmt.Sprintf("hops=%d/payers=%d", c.hops, c.payers), func(b *testing.B) { benchPayments(b, c.hops, c.payers) })
	}
}

func benchPayments(b *testing.B, hops, payers int) {
	const sat = 1_000
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Minute)
	defer cancel()
	l, err := lab.Up(ctx, b.TempDir(), lab.Options{Nodes: hops + 1, Chain: chainKind(), Binary: binary, Args: []string{"--debuglevel=info"}})
	require.NoError(b, err)
	defer func() { require.NoError(b, l.Halt(context.WithoutCancel(ctx))) }()
	nodes := l.Nodes()
	for i := range hops {
		require.NoError(b, l.Fund(ctx, nodes[i].Name, 200_000_000))
		_, err := l.Open(ctx, nodes[i].Name, nodes[i+1].Name, &lnrpc.OpenChannelRequest{LocalFundingAmount: 100_000_000})
		require.NoError(b, err)
	}
	require.NoError(b, l.Known(ctx, hops))
	requests := make(chan string, b.N)
	payee, err := l.Client(nodes[hops].Name)
	require.NoError(b, err)
	defer payee.Close()
	for range b.N {
		r, err := payee.Lightning.AddInvoice(ctx, &lnrpc.Invoice{Value: sat})
		require.NoError(b, err)
		requests <- r.PaymentRequest
	}
	close(requests)
	payer, err := l.Client(nodes[0].Name)
	require.NoError(b, err)
	defer payer.Close()

	times := make([]time.Duration, 0, b.N)
	var mu sync.Mutex
	var wg sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for range payers {
		wg.Go(func() {
			for r := range requests {
				at := time.Now()
				if err := settle(ctx, payer, r); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				times = append(times, time.Since(at))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	b.StopTimer()
	if b.Failed() || len(times) == 0 {
		return
	}
	slices.Sort(times)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(times))/took.Seconds(), "payments/s")
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkInvoices makes invoices over one gRPC connection, 50 callers at a time; each is durable when it is answered.
func BenchmarkInvoices(b *testing.B) {
	const callers = 50
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	l, err := lab.Up(ctx, b.TempDir(), lab.Options{Nodes: 1, Chain: chainKind(), Binary: binary, Args: []string{"--debuglevel=info"}})
	require.NoError(b, err)
	defer func() { require.NoError(b, l.Halt(context.WithoutCancel(ctx))) }()
	c, err := l.Client(l.Nodes()[0].Name)
	require.NoError(b, err)
	defer c.Close()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := c.Lightning.AddInvoice(ctx, &lnrpc.Invoice{Value: 1_000}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "invoices/s")
}

// settle pays one invoice as a client does.
func settle(ctx context.Context, c *client.Client, request string) error {
	stream, err := c.Router.SendPaymentV2(ctx, &routerrpc.SendPaymentRequest{
		PaymentRequest: request, FeeLimitSat: 1_000, TimeoutSeconds: 60, NoInflightUpdates: true,
	})
	if err != nil {
		return err
	}
	for {
		p, err := stream.Recv()
		switch {
		case err == io.EOF:
			return fmt.Errorf("the stream ended before the payment")
		case err != nil:
			return err
		case p.Status == lnrpc.Payment_FAILED:
			return fmt.Errorf("payment failed: %v", p.FailureReason)
		case p.Status == lnrpc.Payment_SUCCEEDED:
			return nil
		}
	}
}
