package interop

import (
	"context"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/invoicesrpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// held is a payment that its payee, an LND, has accepted and keeps waiting.
type held struct {
	n        *network
	payee    invoicesrpc.InvoicesClient
	preimage []byte
	hash     []byte
	end      chan *lnrpc.Payment // the payer's view, once there is an end
}

func (n *network) hold(from, to string, sat int64) *held {
	n.t.Helper()
	h := &held{n: n, payee: invoicesrpc.NewInvoicesClient(n.client(to).Conn()), preimage: random32(n.t), end: make(chan *lnrpc.Payment, 1)}
	hash := sha256.Sum256(h.preimage)
	h.hash = hash[:]
	i, err := h.payee.AddHoldInvoice(n.ctx, &invoicesrpc.AddHoldInvoiceRequest{Hash: h.hash, Value: sat, CltvExpiry: 40})
	require.NoError(n.t, err)
	payer := n.client(from)
	stream, err := payer.Router.SendPaymentV2(n.ctx, &routerrpc.SendPaymentRequest{PaymentRequest: i.PaymentRequest, FeeLimitSat: 10_000, TimeoutSeconds: 60, NoInflightUpdates: true})
	require.NoError(n.t, err)
	go func() {
		p, err := stream.Recv()
		if err != nil {
			p = nil
		}
		h.end <- p
	}()
	n.eventually("the payment is held", func() bool {
		i, err := n.client(to).Lightning.LookupInvoice(n.ctx, &lnrpc.PaymentHash{RHash: h.hash})
		return err == nil && i.State == lnrpc.Invoice_ACCEPTED
	})
	return h
}

func (h *held) settle() {
	_, err := h.payee.SettleInvoice(h.n.ctx, &invoicesrpc.SettleInvoiceMsg{Preimage: h.preimage})
	require.NoError(h.n.t, err)
}

// ended mines until the payer knows the end.
func (h *held) ended() *lnrpc.Payment {
	h.n.t.Helper()
	ctx, cancel := context.WithTimeout(h.n.ctx, patience)
	defer cancel()
	for {
		select {
		case p := <-h.end:
			require.NotNil(h.n.t, p)
			return p
		case <-ctx.Done():
			require.FailNow(h.n.t, "the payment has no end")
		default:
			require.NoError(h.n.t, h.n.Mine(ctx, 1))
		}
	}
}

// each runs a scenario with the close begun by Fulmen, and by LND.
func each(t *testing.T, scenario func(t *testing.T, closer string)) {
	t.Helper()
	for _, closer := range []string{"fulmen", "lnd"} {
		t.Run(closer+" closes", func(t *testing.T) {
			t.Parallel()
			scenario(t, closer)
		})
	}
}

func TestHeldPaymentIsSettledOnChain(t *testing.T) {
	each(t, func(t *testing.T, closer string) {
		n := start(t, "fulmen", "lnd")
		point := n.open("fulmen", "lnd", &lnrpc.OpenChannelRequest{PushSat: 500_000})
		f, l := n.confirmed("fulmen"), n.confirmed("lnd")
		h := n.hold("fulmen", "lnd", 100_000)
		n.close(closer, point, true)
		require.NoError(t, n.Mine(n.ctx, 1))
		h.settle()
		require.Equal(t, lnrpc.Payment_SUCCEEDED, h.ended().Status)
		n.resolved("lnd", l+600_000-20_000)
		n.resolved("fulmen", f+capacity-600_000-30_000)
	})
}

func TestHeldPaymentTimesOutOnChain(t *testing.T) {
	each(t, func(t *testing.T, closer string) {
		n := start(t, "fulmen", "lnd")
		point := n.open("fulmen", "lnd", &lnrpc.OpenChannelRequest{PushSat: 500_000})
		f, l := n.confirmed("fulmen"), n.confirmed("lnd")
		h := n.hold("fulmen", "lnd", 100_000)
		n.close(closer, point, true)
		require.NoError(t, n.Mine(n.ctx, 1))
		require.Equal(t, lnrpc.Payment_FAILED, h.ended().Status)
		n.resolved("lnd", l+500_000-20_000)
		n.resolved("fulmen", f+capacity-500_000-30_000)
	})
}

func TestForwardIsSettledOverAClosedChannel(t *testing.T) {
	each(t, func(t *testing.T, closer string) {
		n := start(t, "lnd", "fulmen", "lnd2")
		first, _ := n.line("lnd", "fulmen", "lnd2", false)
		f, l := n.confirmed("fulmen"), n.confirmed("lnd")
		h := n.hold("lnd", "lnd2", 100_000)
		n.close(closer, first, true)
		require.NoError(t, n.Mine(n.ctx, 1))
		h.settle()
		require.Equal(t, lnrpc.Payment_SUCCEEDED, h.ended().Status)
		n.resolved("fulmen", f+1_000_000+100_000-20_000)
		n.resolved("lnd", l+capacity-1_100_001-30_000)
	})
}

func TestForwardTimesOutOverAClosedChannel(t *testing.T) {
	each(t, func(t *testing.T, closer string) {
		n := start(t, "lnd", "fulmen", "lnd2")
		first, second := n.line("lnd", "fulmen", "lnd2", false)
		f, l := n.confirmed("fulmen"), n.confirmed("lnd")
		h := n.hold("lnd", "lnd2", 100_000)
		n.close(closer, first, true)
		require.NoError(t, n.Mine(n.ctx, 1))
		_, err := h.payee.CancelInvoice(n.ctx, &invoicesrpc.CancelInvoiceMsg{PaymentHash: h.hash})
		require.NoError(t, err)
		require.Equal(t, lnrpc.Payment_FAILED, h.ended().Status)
		n.resolved("lnd", l+capacity-1_000_000-30_000)
		n.resolved("fulmen", f+1_000_000-20_000)
		require.NotNil(t, n.channel("fulmen", second), "the other channel lives")
	})
}
