package itest

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// load is payments under way between nodes, whatever happens to the nodes.
type load struct {
	n       *network
	clients map[string]*client.Client
	before  map[string]int64 // balances in channels, in millisatoshis
	opened  int              // channels that every node must keep, over all nodes

	stop context.CancelFunc
	wg   sync.WaitGroup
	mu   sync.Mutex
	done []deal
}

// deal is an invoice that somebody began to pay.
type deal struct {
	payer, payee string
	hash         []byte
}

// retryEvery is how often a worker knocks at a node that is down.
const retryEvery = 50 * time.Millisecond

// newLoad notes the books before.
func newLoad(n *network) *load {
	n.t.Helper()
	l := &load{n: n, clients: make(map[string]*client.Client), before: make(map[string]int64)}
	n.quiet()
	for _, node := range n.Nodes() {
		l.clients[node.Name] = n.client(node.Name)
		l.before[node.Name] = l.balance(node.Name)
		list, err := l.clients[node.Name].Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
		require.NoError(n.t, err)
		l.opened += len(list.Channels)
	}
	return l
}

func (l *load) balance(name string) int64 {
	l.n.t.Helper()
	b, err := l.clients[name].Lightning.ChannelBalance(l.n.ctx, &lnrpc.ChannelBalanceRequest{})
	require.NoError(l.n.t, err)
	return int64(b.LocalBalance.Msat)
}

// start lets workers pay from one to the other, each one payment after another, until finish.
func (l *load) start(seed uint64, workers int, pairs ...[2]string) {
	ctx, stop := context.WithCancel(l.n.ctx)
	l.stop = stop
	for i, p := range pairs {
		for j := range workers {
			rng := rand.New(rand.NewPCG(seed, uint64(i*1000+j)))
			l.wg.Go(func() { l.work(ctx, rng, p[0], p[1]) })
		}
	}
}

func (l *load) work(ctx context.Context, rng *rand.Rand, payer, payee string) {
	for ctx.Err() == nil {
		in, err := l.clients[payee].Lightning.AddInvoice(ctx, &lnrpc.Invoice{ValueMsat: 1_000_000 + rng.Int64N(20_000_000), Private: true})
		if err == nil {
			l.mu.Lock()
			l.done = append(l.done, deal{payer, payee, in.RHash})
			l.mu.Unlock()
			err = l.pay(ctx, payer, in.PaymentRequest)
		}
		if err != nil {
			pause(ctx, retryEvery)
		}
	}
}

// pay follows a payment to its end, or until the node is gone.
func (l *load) pay(ctx context.Context, payer, request string) error {
	stream, err := l.clients[payer].Router.SendPaymentV2(ctx, &routerrpc.SendPaymentRequest{
		PaymentRequest: request, FeeLimitSat: 1_000, TimeoutSeconds: 30, NoInflightUpdates: true,
	})
	if err != nil {
		return err
	}
	p, err := stream.Recv()
	if err == nil && p.Status == lnrpc.Payment_FAILED {
		pause(ctx, retryEvery) // somebody on the way is down
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// begun counts the invoices that are begun.
func (l *load) begun() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.done)
}

// finish ends the workers, waits until all nodes have come to rest, and holds the books of all against each other. It returns how
// many payments arrived.
func (l *load) finish() (arrived int) {
	n := l.n
	n.t.Helper()
	l.stop()
	l.wg.Wait()
	for name, c := range l.clients {
		n.eventually("all channels of "+name+" are active", func() bool {
			list, err := c.Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{InactiveOnly: true})
			return err == nil && len(list.Channels) == 0
		})
	}
	want := make(map[string]int64)
	for _, d := range l.done {
		value, fee := l.outcome(d)
		want[d.payee] += value
		want[d.payer] -= value + fee
		if value > 0 {
			arrived++
		}
	}
	n.quiet()
	kept := 0
	for name, c := range l.clients {
		h, err := c.Lightning.ForwardingHistory(n.ctx, &lnrpc.ForwardingHistoryRequest{StartTime: 1, NumMaxEvents: 50_000})
		require.NoError(n.t, err)
		for _, e := range h.ForwardingEvents {
			want[name] += int64(e.FeeMsat)
		}
		require.Equal(n.t, want[name], l.balance(name)-l.before[name], "%s: received - sent - fees + earned", name)
		list, err := c.Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
		require.NoError(n.t, err)
		kept += len(list.Channels)
	}
	require.Equal(n.t, l.opened, kept, "no channel was closed")
	n.t.Logf("%d payments begun, %d arrived", len(l.done), arrived)
	return arrived
}

// outcome checks that payer and payee tell the same of a deal: the amount that arrived and its fee, or nothing.
func (l *load) outcome(d deal) (value, fee int64) {
	n := l.n
	n.t.Helper()
	name := d.payer + " to " + d.payee + ": " + hex.EncodeToString(d.hash)
	var p *lnrpc.Payment
	n.eventually(name+" ends", func() bool {
		p = nil
		stream, err := l.clients[d.payer].Router.TrackPaymentV2(n.ctx, &routerrpc.TrackPaymentRequest{PaymentHash: d.hash, NoInflightUpdates: true})
		if err == nil {
			p, err = stream.Recv()
		}
		return err == nil || status.Code(err) == codes.NotFound // it ended before it began
	})
	in, err := l.clients[d.payee].Lightning.LookupInvoice(n.ctx, &lnrpc.PaymentHash{RHash: d.hash})
	require.NoError(n.t, err, name)
	if p == nil || p.Status != lnrpc.Payment_SUCCEEDED {
		require.NotEqual(n.t, lnrpc.Invoice_SETTLED, in.State, name)
		require.Zero(n.t, in.AmtPaidMsat, name)
		return 0, 0
	}
	require.Equal(n.t, lnrpc.Invoice_SETTLED, in.State, name)
	require.Equal(n.t, hex.EncodeToString(in.RPreimage), p.PaymentPreimage, name)
	require.Equal(n.t, p.ValueMsat, in.AmtPaidMsat, name)
	for _, a := range p.Htlcs {
		require.NotEqual(n.t, lnrpc.HTLCAttempt_IN_FLIGHT, a.Status, name)
	}
	return p.ValueMsat, p.FeeMsat
}
