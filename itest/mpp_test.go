package itest

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

func TestAPaymentLargerThanAnyChannelSplits(t *testing.T) {
	n := start(t, 3)
	for range 3 {
		n.openWith("alice", "bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: 1_000_000})
	}
	n.openWith("bob", "carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: capacity})
	require.NoError(t, n.Known(n.ctx, 4))
	p := n.paid("alice", "carol", 2_200_000)
	parts, sum := 0, int64(0)
	for _, a := range p.Htlcs {
		if a.Status == lnrpc.HTLCAttempt_SUCCEEDED {
			parts++
			sum += a.Route.TotalAmtMsat - a.Route.TotalFeesMsat
		}
	}
	require.GreaterOrEqual(t, parts, 3)
	require.Equal(t, int64(2_200_000_000), sum)
	n.quiet()
}

func TestPaymentsWithoutAnInvoice(t *testing.T) {
	n := start(t, 2, "--accept-keysend")
	n.open("alice", "bob")
	preimage := bytes32(rand.New(rand.NewPCG(1, 1)))
	hash := sha256.Sum256(preimage)
	r := &routerrpc.SendPaymentRequest{
		Dest: n.key("bob"), AmtMsat: 123_456, PaymentHash: hash[:], TimeoutSeconds: 30, FeeLimitSat: 10,
		DestCustomRecords: map[uint64][]byte{5482373484: preimage, 70_001: []byte("hello")},
	}
	p, err := n.Pay(n.ctx, "alice", r, nil)
	require.NoError(t, err)
	require.Equal(t, lnrpc.Payment_SUCCEEDED, p.Status, p.FailureReason)
	in, err := n.client("bob").Lightning.LookupInvoice(n.ctx, &lnrpc.PaymentHash{RHash: hash[:]})
	require.NoError(t, err)
	require.True(t, in.IsKeysend)
	require.Equal(t, lnrpc.Invoice_SETTLED, in.State)
	require.Equal(t, int64(123_456), in.AmtPaidMsat)
	require.Equal(t, []byte("hello"), in.Htlcs[0].CustomRecords[70_001])
}

func TestNobodyTakesKeysendWithoutBeingTold(t *testing.T) {
	n := start(t, 2)
	n.open("alice", "bob")
	preimage := bytes32(rand.New(rand.NewPCG(1, 1)))
	hash := sha256.Sum256(preimage)
	p, err := n.Pay(n.ctx, "alice", &routerrpc.SendPaymentRequest{
		Dest: n.key("bob"), Amt: 100, PaymentHash: hash[:], TimeoutSeconds: 30, DestCustomRecords: map[uint64][]byte{5482373484: preimage},
	}, nil)
	require.NoError(t, err)
	require.Equal(t, lnrpc.PaymentFailureReason_FAILURE_REASON_INCORRECT_PAYMENT_DETAILS, p.FailureReason)
}

func TestTwoHundredPaymentsAtOnceBothWays(t *testing.T) {
	const each = 100
	n := start(t, 3)
	n.balanced()
	l := newLoad(n)
	l.stop = func() {}
	var wg sync.WaitGroup
	failed := make(chan error, 2*each)
	for _, way := range ways[:2] {
		for range each {
			in, err := l.clients[way[1]].Lightning.AddInvoice(n.ctx, &lnrpc.Invoice{ValueMsat: 1_234_567})
			require.NoError(t, err)
			l.done = append(l.done, deal{way[0], way[1], in.RHash})
			wg.Go(func() {
				if err := settle(n.ctx, l.clients[way[0]], in.PaymentRequest); err != nil {
					failed <- err
				}
			})
		}
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.Equal(t, 2*each, l.finish())
}
