package interop

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// burst pays n invoices of one node from another, all at once; the answer gives the payments' ends, without those that the payer
// did not live to tell.
func (n *network) burst(from, to string, count int, sat int64) (wait func() (settled int)) {
	n.t.Helper()
	payer, payee := n.client(from), n.client(to)
	var requests []string
	for range count {
		r, err := payee.Lightning.AddInvoice(n.ctx, &lnrpc.Invoice{Value: sat})
		require.NoError(n.t, err)
		requests = append(requests, r.PaymentRequest)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	settled := 0
	for _, r := range requests {
		wg.Go(func() {
			if end(n.ctx, payer, r) == lnrpc.Payment_SUCCEEDED {
				mu.Lock()
				settled++
				mu.Unlock()
			}
		})
	}
	return func() int { wg.Wait(); return settled }
}

// end sends one payment and waits for its end; UNKNOWN where the payer did not tell.
func end(ctx context.Context, c *client.Client, request string) lnrpc.Payment_PaymentStatus {
	stream, err := c.Router.SendPaymentV2(ctx, &routerrpc.SendPaymentRequest{PaymentRequest: request, FeeLimitSat: 1_000, TimeoutSeconds: 60, NoInflightUpdates: true})
	if err != nil {
		return lnrpc.Payment_UNKNOWN
	}
	for {
		p, err := stream.Recv()
		if err != nil {
			return lnrpc.Payment_UNKNOWN
		}
		if p.Status == lnrpc.Payment_SUCCEEDED || p.Status == lnrpc.Payment_FAILED {
			return p.Status
		}
	}
}

// sent is what a node's payments have brought to their payees, once they have all ended. LND forgets no payment that it had not
// handed to the channel when it was killed, and never ends it (its issue 9340); those are left out.
func (n *network) sent(name string) (sum int64) {
	n.t.Helper()
	n.eventually(name+" has no payment in flight", func() bool {
		list, err := n.client(name).Lightning.ListPayments(n.ctx, &lnrpc.ListPaymentsRequest{IncludeIncomplete: true, MaxPayments: 1000})
		if err != nil {
			return false
		}
		sum = 0
		for _, p := range list.Payments {
			switch p.Status {
			case lnrpc.Payment_SUCCEEDED:
				sum += p.ValueSat
			case lnrpc.Payment_FAILED:
			default:
				if !isLND(name) {
					return false
				}
			}
		}
		return true
	})
	return sum
}

// received is the sum of a node's settled invoices.
func (n *network) received(name string) (sum int64) {
	n.t.Helper()
	list, err := n.client(name).Lightning.ListInvoices(n.ctx, &lnrpc.ListInvoiceRequest{NumMaxInvoices: 1000})
	require.NoError(n.t, err)
	for _, i := range list.Invoices {
		if i.State == lnrpc.Invoice_SETTLED {
			sum += i.AmtPaidSat
		}
	}
	return sum
}

// balanced waits until what one says that it has paid is what the other says that it got, and what the channel says. Payments that
// a restart interrupted may go on for a while.
func (n *network) balanced(opener, accepter, point string, pushed int64) {
	n.t.Helper()
	var books string
	deadline := time.Now().Add(patience)
	for {
		n.quiet()
		there, back := n.sent(opener), n.sent(accepter)
		got, gotBack, balance := n.received(accepter), n.received(opener), n.channel(accepter, point).LocalBalance
		if there == got && back == gotBack && balance == pushed+there-back {
			break
		}
		books = fmt.Sprintf("%s paid %d of which %s got %d, and %d of %d the other way; it has %d", opener, there, accepter, got, gotBack, back, balance)
		require.True(n.t, time.Now().Before(deadline), books)
	}
	n.agree(opener, accepter, point)
}

func TestTwoHundredPaymentsAtOnceBothWays(t *testing.T) {
	both(t, func(t *testing.T, opener, accepter string) {
		n := start(t, opener, accepter)
		point := n.open(opener, accepter, &lnrpc.OpenChannelRequest{PushSat: 2_000_000})
		there, back := n.burst(opener, accepter, 100, 2_000), n.burst(accepter, opener, 100, 3_000)
		require.Equal(t, 100, there())
		require.Equal(t, 100, back())
		n.balanced(opener, accepter, point, 2_000_000)
	})
}

// crash is a scenario in which one of two nodes ends amidst payments both ways. An LND that is killed is not paid: it fails HTLCs
// as replays (invalid_onion_version) that it has revealed the preimages of, so that no books agree.
func crash(t *testing.T, opener, accepter, victim string, kill bool) {
	counts := map[string]int{opener: 40, accepter: 40}
	if kill && isLND(victim) {
		counts["fulmen"] = 0
	}
	n := start(t, opener, accepter)
	point := n.open(opener, accepter, &lnrpc.OpenChannelRequest{PushSat: 2_000_000})
	for range 2 {
		there, back := n.burst(opener, accepter, counts[opener], 2_000), n.burst(accepter, opener, counts[accepter], 3_000)
		n.eventually("some are on their way", func() bool {
			c := n.channel(victim, point)
			return c != nil && (len(c.PendingHtlcs) > 0 || c.TotalSatoshisSent > 0)
		})
		n.restart(victim, kill)
		require.NoError(t, n.Active(n.ctx, opener, point))
		there()
		back()
	}
	n.balanced(opener, accepter, point, 2_000_000)
	n.paid(opener, accepter, 10_000)
	n.paid(accepter, opener, 10_000)
}

func TestPaymentsSurviveTheDeathOfEitherSide(t *testing.T) {
	both(t, func(t *testing.T, opener, accepter string) {
		t.Run("opener dies", func(t *testing.T) { crash(t, opener, accepter, opener, true) })
		t.Run("accepter dies", func(t *testing.T) { crash(t, opener, accepter, accepter, true) })
		t.Run("opener restarts", func(t *testing.T) { crash(t, opener, accepter, opener, false) })
		t.Run("accepter restarts", func(t *testing.T) { crash(t, opener, accepter, accepter, false) })
	})
}

// disconnect cuts the connection at one of its ends, the one named by whose; both ends make a new one by themselves.
func (n *network) disconnect(whose, a, b string) {
	n.t.Helper()
	other := a
	if a == whose {
		other = b
	}
	key, err := n.Key(n.ctx, other)
	require.NoError(n.t, err)
	_, err = n.client(whose).Lightning.DisconnectPeer(n.ctx, &lnrpc.DisconnectPeerRequest{PubKey: key})
	require.NoError(n.t, err)
}

func TestPaymentsSurviveDisconnections(t *testing.T) {
	both(t, func(t *testing.T, payer, payee string) {
		n := start(t, payer, payee)
		point := n.open(payer, payee, &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
		for range 5 {
			wait := n.burst(payer, payee, 20, 1_000)
			n.eventually("some are on their way", func() bool { return len(n.channel(payer, point).PendingHtlcs) > 0 })
			n.disconnect("fulmen", payer, payee)
			wait()
		}
		n.balanced(payer, payee, point, 1_000_000)
	})
}
