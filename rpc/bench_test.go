package rpc_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// quickInvoices and quickPayments keep nothing and take no time: what is left is the API's own cost.
type quickInvoices struct {
	rpc.Invoices
	index *atomic.Uint64
}

func (q quickInvoices) AddInvoice(_ context.Context, r rpc.AddInvoice) (rpc.Invoice, error) {
	i := q.index.Add(1)
	return rpc.Invoice{AddIndex: i, Hash: lnwire.Hash{byte(i)}, Request: string(make([]byte, 300)), Amount: r.Amount}, nil
}

type quickPayments struct{ rpc.Payments }

func (quickPayments) SendPayment(_ context.Context, r rpc.SendPayment, s rpc.Sink[rpc.Payment]) (func(), error) {
	s.Send(rpc.Payment{Hash: r.Hash, Amount: r.Amount, Status: lnrpc.Payment_IN_FLIGHT})
	s.Send(rpc.Payment{Hash: r.Hash, Amount: r.Amount, Status: lnrpc.Payment_SUCCEEDED})
	return func() {}, nil
}

func benched(b *testing.B) *client.Client {
	f := locked(b, true)
	_, err := f.Unlocked(f.ctx, rootKey(f.wallet.root))
	require.NoError(b, err)
	node := f.node.backend()
	node.Invoices, node.Payments = quickInvoices{node.Invoices, new(atomic.Uint64)}, quickPayments{node.Payments}
	f.Activate(node)
	f.Ready()
	return f.dial(client.Admin)
}

// BenchmarkAddInvoice is one connection with 64 calls in flight, TLS and macaroon included.
func BenchmarkAddInvoice(b *testing.B) {
	c := benched(b)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Lightning.AddInvoice(b.Context(), &lnrpc.Invoice{Value: 5, Memo: "tea"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invoices/s")
}

// BenchmarkAddInvoiceInTurn waits for each answer: the latency of one call.
func BenchmarkAddInvoiceInTurn(b *testing.B) {
	c := benched(b)
	for b.Loop() {
		if _, err := c.Lightning.AddInvoice(b.Context(), &lnrpc.Invoice{Value: 5, Memo: "tea"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSendPaymentInTurn is a whole stream: request, one update in flight, one final.
func BenchmarkSendPaymentInTurn(b *testing.B) {
	c := benched(b)
	for b.Loop() {
		s, err := c.Router.SendPaymentV2(b.Context(), &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee"})
		if err != nil {
			b.Fatal(err)
		}
		for {
			p, err := s.Recv()
			if err != nil {
				b.Fatal(err)
			}
			if p.Status == lnrpc.Payment_SUCCEEDED {
				break
			}
		}
	}
}
