package rpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// addInvoices makes n invoices behind the API's back.
func (f *fixture) addInvoices(n int) {
	for range n {
		_, err := f.node.AddInvoice(f.ctx, rpc.AddInvoice{Amount: 1_000})
		require.NoError(f.t, err)
	}
}

func TestInvoiceIsCheckedBeforeItIsMade(t *testing.T) {
	f := running(t)
	c := f.dial(client.Invoice).Lightning
	hints := make([]*lnrpc.RouteHint, rpc.MaxRouteHints+1)
	for i := range hints {
		hints[i] = &lnrpc.RouteHint{HopHints: []*lnrpc.HopHint{{NodeId: key(2).String(), ChanId: 5, CltvExpiryDelta: 40}}}
	}
	for want, r := range map[string]*lnrpc.Invoice{
		"sat and msat arguments are mutually exclusive":      {Value: 1, ValueMsat: 1},
		"amount cannot be negative":                          {Value: -1},
		"invalid preimage length of 31, want 32":             {RPreimage: make([]byte, 31)},
		"memo too large: 640 bytes (maxsize=639)":            {Memo: string(make([]byte, rpc.MaxInvoiceMemo+1))},
		"description hash is 31 bytes":                       {DescriptionHash: make([]byte, 31)},
		"is negative":                                        {Expiry: -1},
		"greater than max expiry of 31536000 seconds":        {Expiry: 31_536_001},
		"CLTV delta of 17 must be greater than minimum":      {CltvExpiry: 17},
		"CLTV delta of 65536 is too large":                   {CltvExpiry: 65_536},
		"number of routing hints must not exceed maximum of": {RouteHints: hints},
	} {
		_, err := c.AddInvoice(f.ctx, r)
		refused(t, err, codes.Unknown, want)
	}
	for _, r := range []*lnrpc.Invoice{{IsAmp: true}, {IsBlinded: true}} {
		_, err := c.AddInvoice(f.ctx, r)
		refused(t, err, codes.Unimplemented, "not supported")
	}
	made, err := c.AddInvoice(f.ctx, &lnrpc.Invoice{
		ValueMsat: 1_500, Memo: string(make([]byte, rpc.MaxInvoiceMemo)), Expiry: 31_536_000, CltvExpiry: 18, RouteHints: hints[1:],
	})
	require.NoError(t, err)
	require.Equal(t, "lnbcrt1", made.PaymentRequest)
	require.Len(t, made.PaymentAddr, 32)
	require.Equal(t, rpc.MaxInvoiceExpiry, f.node.asked.invoice.Expiry)
	require.Equal(t, rpc.HopHint{Node: key(2), ID: 5, CLTVDelta: 40}, f.node.asked.invoice.Hints[0][0])

	preimage := make([]byte, 32)
	_, err = c.AddInvoice(f.ctx, &lnrpc.Invoice{RPreimage: preimage})
	require.NoError(t, err)
	_, err = c.AddInvoice(f.ctx, &lnrpc.Invoice{RPreimage: preimage})
	refused(t, err, codes.Unknown, "invoice with payment hash already exists")
}

func TestInvoicesAreListedInPages(t *testing.T) {
	f := running(t)
	f.addInvoices(103)
	f.node.settle(2)
	c := f.dial(client.Invoice).Lightning
	list := func(r *lnrpc.ListInvoiceRequest) (out []uint64, resp *lnrpc.ListInvoiceResponse) {
		resp, err := c.ListInvoices(f.ctx, r)
		require.NoError(t, err)
		for _, i := range resp.Invoices {
			out = append(out, i.AddIndex)
		}
		return out, resp
	}
	got, resp := list(&lnrpc.ListInvoiceRequest{})
	require.Len(t, got, 100)
	require.EqualValues(t, 1, resp.FirstIndexOffset)
	require.EqualValues(t, 100, resp.LastIndexOffset)
	got, _ = list(&lnrpc.ListInvoiceRequest{IndexOffset: resp.LastIndexOffset})
	require.Equal(t, []uint64{101, 102, 103}, got)
	got, resp = list(&lnrpc.ListInvoiceRequest{Reversed: true, NumMaxInvoices: 2})
	require.Equal(t, []uint64{102, 103}, got)
	got, _ = list(&lnrpc.ListInvoiceRequest{Reversed: true, NumMaxInvoices: 2, IndexOffset: resp.FirstIndexOffset})
	require.Equal(t, []uint64{100, 101}, got)
	got, _ = list(&lnrpc.ListInvoiceRequest{PendingOnly: true, NumMaxInvoices: 2})
	require.Equal(t, []uint64{1, 3}, got)
	got, resp = list(&lnrpc.ListInvoiceRequest{IndexOffset: 103})
	require.Empty(t, got)
	require.Zero(t, resp.LastIndexOffset)

	settled, err := c.ListInvoices(f.ctx, &lnrpc.ListInvoiceRequest{IndexOffset: 1, NumMaxInvoices: 1})
	require.NoError(t, err)
	i := settled.Invoices[0]
	require.True(t, i.Settled)
	require.EqualValues(t, 1_000, i.AmtPaid, "in millisatoshis, as ever")
	require.EqualValues(t, 1, i.AmtPaidSat)
	require.Equal(t, i.CreationDate+60, i.SettleDate)
}

func TestInvoicesAreToldOnceWhetherMissedOrNew(t *testing.T) {
	f := running(t)
	const n = 1_203 // more than two pages of backlog
	f.addInvoices(n)
	for _, i := range []uint64{7, 3, 9} {
		f.node.settle(i)
	}
	s, err := f.dial(client.Invoice).Lightning.SubscribeInvoices(f.ctx, &lnrpc.InvoiceSubscription{AddIndex: 1, SettleIndex: 1})
	require.NoError(t, err)
	<-f.node.invoiced.came
	for want := uint64(2); want <= n; want++ {
		require.Equal(t, want, recv(t, s).AddIndex)
	}
	require.EqualValues(t, 3, recv(t, s).AddIndex)
	require.EqualValues(t, 9, recv(t, s).AddIndex)

	// What follows has in part been told already, or is nothing that this stream tells.
	f.node.mu.Lock()
	old, settled := f.node.invoices[4], f.node.invoices[8]
	f.node.mu.Unlock()
	accepted, canceled := old, old
	accepted.State, canceled.State = lnrpc.Invoice_ACCEPTED, lnrpc.Invoice_CANCELED
	f.node.invoiced.send(old, settled, accepted, canceled)
	f.addInvoices(1)
	f.node.mu.Lock()
	made := f.node.invoices[n]
	f.node.mu.Unlock()
	f.node.invoiced.send(made, made, f.node.settle(5))
	got := recv(t, s)
	require.EqualValues(t, n+1, got.AddIndex)
	require.Equal(t, lnrpc.Invoice_OPEN, got.State)
	got = recv(t, s)
	require.EqualValues(t, 5, got.AddIndex)
	require.EqualValues(t, 4, got.SettleIndex)
	require.Equal(t, lnrpc.Invoice_SETTLED, got.State)
}

func TestSubscriptionWithoutIndicesTellsTheFutureAlone(t *testing.T) {
	f := running(t)
	f.addInvoices(3)
	s, err := f.dial(client.Invoice).Lightning.SubscribeInvoices(f.ctx, &lnrpc.InvoiceSubscription{})
	require.NoError(t, err)
	<-f.node.invoiced.came
	f.node.mu.Lock()
	old := f.node.invoices[1]
	f.node.mu.Unlock()
	f.node.invoiced.send(old, rpc.Invoice{AddIndex: 4})
	require.EqualValues(t, 4, recv(t, s).AddIndex)
}

func TestInvoiceShowsTheHTLCsThatPayIt(t *testing.T) {
	f := running(t)
	f.addInvoices(1)
	at := time.Unix(1_700_000_100, 0)
	f.node.invoices[0].HTLCs = []rpc.InvoiceHTLC{{Channel: 7, ID: 2, Amount: 600, Total: 1_000, Accepted: at, Expiry: 900}}
	hash := f.node.invoices[0].Hash
	c := f.dial(client.Invoice).Lightning
	i, err := c.LookupInvoice(f.ctx, &lnrpc.PaymentHash{RHash: hash[:]})
	require.NoError(t, err)
	require.EqualValues(t, 600, i.Htlcs[0].AmtMsat)
	require.EqualValues(t, 1_000, i.Htlcs[0].MppTotalAmtMsat)
	require.Zero(t, i.Htlcs[0].ResolveTime)
	_, err = c.LookupInvoice(f.ctx, &lnrpc.PaymentHash{RHash: hash[1:]})
	refused(t, err, codes.Unknown, "must be exactly 32 bytes, is instead 31")
	_, err = c.LookupInvoice(f.ctx, &lnrpc.PaymentHash{RHash: make([]byte, 32)})
	refused(t, err, codes.NotFound, "unable to locate invoice")
}
