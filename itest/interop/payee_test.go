package interop

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// keysendRecord is where a payment without an invoice carries its preimage.
const keysendRecord = 5482373484

func random32(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 32)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

func TestPayeeRefusesWhatItDidNotAskFor(t *testing.T) {
	both(t, func(t *testing.T, payer, payee string) {
		n := start(t, payer, payee)
		n.open(payer, payee, &lnrpc.OpenChannelRequest{})
		unknown := &routerrpc.SendPaymentRequest{Dest: n.key(payee), Amt: 10_000, PaymentHash: random32(t), PaymentAddr: random32(t),
			FinalCltvDelta: 40, DestFeatures: []lnrpc.FeatureBit{lnrpc.FeatureBit_TLV_ONION_OPT, lnrpc.FeatureBit_PAYMENT_ADDR_OPT}}
		i, err := n.client(payee).Lightning.AddInvoice(n.ctx, &lnrpc.Invoice{Value: 10_000})
		require.NoError(t, err)
		wrongSecret := &routerrpc.SendPaymentRequest{Dest: n.key(payee), Amt: 10_000, PaymentHash: i.RHash, PaymentAddr: random32(t),
			FinalCltvDelta: 40, DestFeatures: unknown.DestFeatures}
		for what, r := range map[string]*routerrpc.SendPaymentRequest{"unknown hash": unknown, "wrong payment secret": wrongSecret} {
			p := n.pay(payer, r)
			require.Equal(t, lnrpc.PaymentFailureReason_FAILURE_REASON_INCORRECT_PAYMENT_DETAILS, p.FailureReason, what)
			require.Len(t, p.Htlcs, 1, what)
			f := p.Htlcs[0].Failure
			require.Equal(t, lnrpc.Failure_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, f.Code, what)
			if !isLND(payer) { // whose API does not show it
				require.Equal(t, uint64(10_000_000), f.HtlcMsat, what)
			}
			require.NotZero(t, f.Height, what)
		}
		require.Equal(t, lnrpc.Payment_SUCCEEDED, n.pay(payer, &routerrpc.SendPaymentRequest{PaymentRequest: i.PaymentRequest}).Status)
		again := n.pay(payer, &routerrpc.SendPaymentRequest{Dest: n.key(payee), Amt: 1_000, FinalCltvDelta: 40,
			PaymentHash: random32(t), PaymentAddr: i.PaymentAddr, DestFeatures: unknown.DestFeatures})
		require.Equal(t, lnrpc.PaymentFailureReason_FAILURE_REASON_INCORRECT_PAYMENT_DETAILS, again.FailureReason)
		n.quiet()
	})
}

func TestPaymentsBelowDustArrive(t *testing.T) {
	both(t, func(t *testing.T, payer, payee string) {
		n := start(t, payer, payee)
		point := n.open(payer, payee, &lnrpc.OpenChannelRequest{PushSat: 100_000})
		for _, sat := range []int64{1, 100, 353, 354, 355} {
			n.paid(payer, payee, sat)
			n.paid(payee, payer, sat)
		}
		for range 7 {
			n.paid(payer, payee, 11)
		}
		n.quiet()
		n.agree(payer, payee, point)
		require.Equal(t, int64(100_000+7*11), n.channel(payee, point).LocalBalance)
	})
}

func TestKeysendArrives(t *testing.T) {
	both(t, func(t *testing.T, payer, payee string) {
		n := start(t, payer, payee)
		point := n.open(payer, payee, &lnrpc.OpenChannelRequest{})
		preimage := random32(t)
		hash := sha256.Sum256(preimage)
		p := n.pay(payer, &routerrpc.SendPaymentRequest{Dest: n.key(payee), Amt: 10_000, PaymentHash: hash[:], FinalCltvDelta: 80,
			DestFeatures: []lnrpc.FeatureBit{lnrpc.FeatureBit_TLV_ONION_OPT}, DestCustomRecords: map[uint64][]byte{keysendRecord: preimage, 70_001: []byte("hello")}})
		require.Equal(t, lnrpc.Payment_SUCCEEDED, p.Status, p.FailureReason)
		i, err := n.client(payee).Lightning.LookupInvoice(n.ctx, &lnrpc.PaymentHash{RHash: hash[:]})
		require.NoError(t, err)
		require.Equal(t, lnrpc.Invoice_SETTLED, i.State)
		require.True(t, i.IsKeysend)
		require.Len(t, i.Htlcs, 1)
		require.Equal(t, []byte("hello"), i.Htlcs[0].CustomRecords[70_001])
		n.quiet()
		require.Equal(t, int64(10_000), n.channel(payee, point).LocalBalance)
	})
}

func TestPaymentInPartsOverTwoChannels(t *testing.T) {
	both(t, func(t *testing.T, payer, payee string) {
		n := start(t, payer, payee)
		a := n.open(payer, payee, &lnrpc.OpenChannelRequest{LocalFundingAmount: 1_000_000})
		b := n.open(payer, payee, &lnrpc.OpenChannelRequest{LocalFundingAmount: 1_000_000})
		require.NoError(t, n.Known(n.ctx, 2))
		p := n.pay(payer, &routerrpc.SendPaymentRequest{PaymentRequest: n.invoice(payee, 1_500_000), MaxParts: 8})
		require.Equal(t, lnrpc.Payment_SUCCEEDED, p.Status, p.FailureReason)
		n.quiet()
		require.Equal(t, int64(1_500_000), n.agree(payer, payee, a).RemoteBalance+n.agree(payer, payee, b).RemoteBalance)
	})
}

func TestPrivateChannelIsPaidOverItsHint(t *testing.T) {
	both(t, func(t *testing.T, payer, payee string) {
		// A payer of each kind, the payee's neighbour is of the other kind.
		middle := "lnd2"
		if isLND(payee) {
			middle = "fulmen2"
		}
		n := start(t, payer, middle, payee)
		n.open(payer, middle, &lnrpc.OpenChannelRequest{})
		n.open(middle, payee, &lnrpc.OpenChannelRequest{Private: true})
		require.NoError(t, n.Known(n.ctx, 1))
		request, err := n.Invoice(n.ctx, payee, &lnrpc.Invoice{Value: 20_000, Private: true})
		require.NoError(t, err)
		d, err := n.client(payer).Lightning.DecodePayReq(n.ctx, &lnrpc.PayReqString{PayReq: request})
		require.NoError(t, err)
		require.Len(t, d.RouteHints, 1)
		n.settled(payer, request)
		n.quiet()
	})
}
