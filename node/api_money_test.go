package node

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestInvoicesArePaidAndForwardedThroughTheAPI(t *testing.T) {
	l := newAPILab(t, 3)
	ctx := t.Context()
	l.fund(0, 2_000_000)
	l.fund(1, 2_000_000)
	first := l.openChannel(0, 1, 1_000_000, 0, false)
	l.openChannel(1, 2, 1_000_000, 0, false)
	l.mine(3)
	l.known(0, 2)

	invoices := newSeen[rpc.Invoice]()
	stop, err := l.api[2].Invoices.SubscribeInvoices(ctx, invoices)
	require.NoError(t, err)
	defer stop()
	made, err := l.api[2].Invoices.AddInvoice(ctx, rpc.AddInvoice{Memo: "tea", Amount: 100_000_000})
	require.NoError(t, err)
	require.Equal(t, uint64(1), made.AddIndex)
	require.Equal(t, 24*time.Hour, made.Expiry)
	require.Equal(t, uint16(80), made.FinalCLTV)
	_, err = l.api[2].Invoices.AddInvoice(ctx, rpc.AddInvoice{Preimage: made.Preimage})
	require.ErrorIs(t, err, rpc.ErrInvoiceExists)
	invoices.next(t, func(i rpc.Invoice) bool { return i.State == lnrpc.Invoice_OPEN && i.Hash == made.Hash })

	p := l.payment(0, made.Request)
	require.Equal(t, lnrpc.Payment_SUCCEEDED, p.Status, p.Reason)
	require.Equal(t, made.Preimage, p.Preimage)
	require.Equal(t, lnwire.MilliSatoshi(1100), p.Fee)
	require.Len(t, p.Attempts, 1)
	require.Len(t, p.Attempts[0].Route.Hops, 2)
	settled := invoices.next(t, func(i rpc.Invoice) bool { return i.State == lnrpc.Invoice_SETTLED })
	require.Equal(t, uint64(1), settled.SettleIndex)
	require.Equal(t, lnwire.MilliSatoshi(100_000_000), settled.Paid)
	require.Len(t, settled.HTLCs, 1)

	_, err = l.api[0].Payments.SendPayment(ctx, l.toPay(0, made.Request), newSeen[rpc.Payment]())
	require.ErrorIs(t, err, rpc.ErrAlreadyPaid)
	tracked := newSeen[rpc.Payment]()
	stopTrack, err := l.api[0].Payments.TrackPayment(ctx, made.Hash, tracked)
	require.NoError(t, err)
	defer stopTrack()
	require.Equal(t, onTheWall(p), onTheWall(tracked.next(t, func(rpc.Payment) bool { return true })))
	_, err = l.api[0].Payments.TrackPayment(ctx, lnwire.Hash{1}, tracked)
	require.ErrorIs(t, err, rpc.ErrPaymentNotFound)
	l.checkHistory(p, settled, first)
}

// onTheWall leaves of times what a record keeps.
func onTheWall(p rpc.Payment) rpc.Payment {
	p.Created, p.Attempts = p.Created.Round(0).UTC(), slices.Clone(p.Attempts)
	for i := range p.Attempts {
		a := &p.Attempts[i]
		a.Started, a.Ended = a.Started.Round(0).UTC(), a.Ended.Round(0).UTC()
	}
	return p
}

// checkHistory looks at what a payment from 0 through 1 to 2 has left behind.
func (l *apiLab) checkHistory(p rpc.Payment, settled rpc.Invoice, first wire.OutPoint) {
	t, ctx := l.t, l.t.Context()
	found, err := l.api[2].Invoices.LookupInvoice(ctx, settled.Hash)
	require.NoError(t, err)
	require.Equal(t, settled.HTLCs[0].Channel, found.HTLCs[0].Channel)
	require.True(t, settled.Settled.Equal(found.Settled))
	page, err := l.api[2].Ledger.SettledPage(ctx, rpc.Page{})
	require.NoError(t, err)
	require.Equal(t, []rpc.Invoice{found}, page)
	payments, err := l.api[0].Ledger.PaymentPage(ctx, rpc.PaymentQuery{})
	require.NoError(t, err)
	require.Len(t, payments, 1)
	require.Equal(t, onTheWall(p), onTheWall(payments[0]))
	n, err := l.api[0].Ledger.CountPayments(ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(1), n)

	var forwards []rpc.Forward
	l.eventually("the forward is in the books", func() bool {
		forwards, err = l.api[1].Forwarding.Forwards(ctx, rpc.ForwardQuery{Max: 10, To: time.Now()})
		return err == nil && len(forwards) == 1
	})
	c, _ := l.nodes[1].book.funded(first)
	require.Equal(t, c.SCID, forwards[0].In)
	require.Equal(t, "node-0", forwards[0].PeerIn)
	require.Equal(t, "node-2", forwards[0].PeerOut)
	earned, err := l.api[1].Forwarding.EarnedSince(ctx, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, btcutil.Amount(1), earned)
	for _, q := range []rpc.ForwardQuery{{Max: 10, Offset: 1}, {Max: 10, In: []lnwire.ShortChannelID{5}}, {Max: 10, Out: []lnwire.ShortChannelID{forwards[0].Out}, Offset: 1}} {
		none, err := l.api[1].Forwarding.Forwards(ctx, q)
		require.NoError(t, err)
		require.Empty(t, none)
	}
	nodes, channels, err := l.api[0].Graph.Graph(ctx, true)
	require.NoError(t, err)
	require.Len(t, nodes, 3)
	require.Len(t, channels, 2)
	l.eventually("the announcement is on disk", func() bool {
		g, err := l.api[0].Graph.GraphChannel(ctx, rpc.ChannelRef{Point: first})
		return err == nil && g.ID == c.SCID && g.Proof != nil
	})
	_, err = l.api[0].Graph.GraphChannel(ctx, rpc.ChannelRef{ID: 1})
	require.ErrorIs(t, err, rpc.ErrEdgeNotFound)
}

func TestGivenRoutesAreTried(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	l.fund(0, 2_000_000)
	l.openChannel(0, 1, 1_000_000, 0, false)
	l.mine(3) // to the announcement
	l.known(0, 1)
	made, err := l.api[1].Invoices.AddInvoice(ctx, rpc.AddInvoice{Amount: 10_000_000})
	require.NoError(t, err)
	route, probability, err := l.api[0].Routes.QueryRoute(ctx, rpc.RouteQuery{Dest: l.nodes[1].ID, Amount: 10_000_000, FeeLimit: 0, FinalCLTV: 80})
	require.NoError(t, err)
	require.Greater(t, probability, 0.0)
	last := &route.Hops[len(route.Hops)-1]
	last.PaymentAddr, last.Total = made.PaymentAddr[:], 10_000_000
	unknown := lnwire.Hash(sha256.Sum256([]byte("nobody's")))
	a, err := l.api[0].Payments.SendToRoute(ctx, rpc.SendToRoute{Hash: unknown, Route: route})
	require.NoError(t, err)
	require.Equal(t, lnrpc.HTLCAttempt_FAILED, a.Status)
	require.Equal(t, lnrpc.Failure_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, a.Failure.Code)
	require.Equal(t, uint32(1), a.Failure.Source)
	a, err = l.api[0].Payments.SendToRoute(ctx, rpc.SendToRoute{Hash: made.Hash, Route: route})
	require.NoError(t, err)
	require.Equal(t, lnrpc.HTLCAttempt_SUCCEEDED, a.Status, a.Failure)
	require.Equal(t, made.Preimage, a.Preimage)
	_, err = l.api[0].Payments.SendToRoute(ctx, rpc.SendToRoute{Hash: made.Hash, Route: route})
	require.ErrorIs(t, err, rpc.ErrAlreadyPaid)
	route.Hops[0].ID = 1
	a, err = l.api[0].Payments.SendToRoute(ctx, rpc.SendToRoute{Hash: lnwire.Hash{3}, Route: route})
	require.NoError(t, err)
	require.Equal(t, lnrpc.HTLCAttempt_FAILED, a.Status)
	require.Zero(t, a.Failure.Source)

	_, _, err = l.api[0].Routes.QueryRoute(ctx, rpc.RouteQuery{Dest: lnwire.PubKey{2}, Amount: 1000, FinalCLTV: 80})
	require.ErrorIs(t, err, rpc.ErrTargetUnknown)
	_, _, err = l.api[0].Routes.QueryRoute(ctx, rpc.RouteQuery{Dest: l.nodes[1].ID, Amount: 990_000_000, FinalCLTV: 80})
	require.ErrorIs(t, err, errLocalBalance)
}

func TestPrivateChannelIsReachedByItsHint(t *testing.T) {
	l := newAPILab(t, 3)
	l.fund(0, 2_000_000)
	l.fund(1, 2_000_000)
	l.openChannel(0, 1, 1_000_000, 0, false)
	hidden := l.openChannel(1, 2, 1_000_000, 0, true)
	l.mine(3)
	l.known(0, 1)
	var made rpc.Invoice
	l.eventually("the peer has told its policy", func() bool {
		var err error
		made, err = l.api[2].Invoices.AddInvoice(l.t.Context(), rpc.AddInvoice{Amount: 5_000_000, Private: true})
		return err == nil && len(made.Hints) == 1
	})
	require.True(t, made.Private)
	c, _ := l.nodes[2].book.funded(hidden)
	require.Equal(t, c.RemoteAlias, made.Hints[0][0].ID)
	require.Equal(t, l.nodes[1].ID, made.Hints[0][0].Node)
	p := l.payment(0, made.Request)
	require.Equal(t, lnrpc.Payment_SUCCEEDED, p.Status, p.Reason)
}

func TestPoliciesAreChangedForOneChannelOrForAll(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	l.fund(0, 2_000_000)
	point := l.openChannel(0, 1, 500_000, 0, false)
	l.openChannel(0, 1, 500_000, 0, false)
	failed, err := l.api[0].Policies.UpdatePolicy(ctx, &point, rpc.PolicyChange{Base: 7, PPM: 8, TimeLockDelta: 40})
	require.NoError(t, err)
	require.Empty(t, failed)
	list, err := l.api[0].Policies.ChannelPolicies(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, rpc.FeeSchedule{Base: 7, PPM: 8}, list[0].Fee)
	require.Equal(t, rpc.FeeSchedule{Base: 1000, PPM: 1}, list[1].Fee)
	failed, err = l.api[0].Policies.UpdatePolicy(ctx, nil, rpc.PolicyChange{Base: 9, TimeLockDelta: 40})
	require.NoError(t, err)
	require.Empty(t, failed)
	list, err = l.api[0].Policies.ChannelPolicies(ctx)
	require.NoError(t, err)
	for _, p := range list {
		require.Equal(t, rpc.FeeSchedule{Base: 9}, p.Fee)
	}
	failed, err = l.api[0].Policies.UpdatePolicy(ctx, nil, rpc.PolicyChange{TimeLockDelta: 40, MaxHTLC: 600_000_000})
	require.NoError(t, err)
	require.Len(t, failed, 2)
	require.Equal(t, lnrpc.UpdateFailure_UPDATE_FAILURE_INVALID_PARAMETER, failed[0].Reason)
	failed, err = l.api[0].Policies.UpdatePolicy(ctx, &wire.OutPoint{}, rpc.PolicyChange{TimeLockDelta: 40})
	require.NoError(t, err)
	require.Equal(t, lnrpc.UpdateFailure_UPDATE_FAILURE_NOT_FOUND, failed[0].Reason)
}

func TestCoinsAreSpentThroughTheAPI(t *testing.T) {
	l := newAPILab(t, 1)
	ctx := t.Context()
	f := l.api[0]
	l.fund(0, 1_000_000)
	addr, err := f.Funds.NewAddress(ctx, lnrpc.AddressType_TAPROOT_PUBKEY, "")
	require.NoError(t, err)
	_, err = f.Funds.NewAddress(ctx, lnrpc.AddressType_NESTED_PUBKEY_HASH, "")
	require.Error(t, err)
	fee, err := f.Spender.EstimateFee(ctx, rpc.FeeQuery{Outputs: map[string]btcutil.Amount{addr: 100_000}, Target: 6, MinConfs: 1})
	require.NoError(t, err)
	require.Positive(t, fee.Fee)
	txid, err := f.Spender.SendCoins(ctx, rpc.SendCoins{Address: addr, Amount: 100_000, MinConfs: 1, Fee: rpc.FeeRate{PerKW: 500}, Label: "rent"})
	require.NoError(t, err)
	_, err = f.Spender.SendCoins(ctx, rpc.SendCoins{Address: addr, Amount: 9_000_000, MinConfs: 1, Fee: rpc.FeeRate{PerKW: 500}})
	require.Equal(t, rpc.ErrInsufficientFunds, err, "clients match the whole text")
	everything := rpc.TransactionQuery{To: 1<<32 - 1, Unconfirmed: true}
	txs, err := f.Funds.Transactions(ctx, everything)
	require.NoError(t, err)
	last := txs[len(txs)-1]
	require.Equal(t, txid, last.Tx.TxHash())
	require.Equal(t, "rent", last.Label)
	require.Zero(t, last.Height)
	only, err := f.Funds.Transactions(ctx, rpc.TransactionQuery{From: 1<<32 - 1, To: 1<<32 - 1, Unconfirmed: true})
	require.NoError(t, err)
	require.Len(t, only, 1)
	l.mine(1)
	l.eventually("the payment to ourselves confirms", func() bool {
		utxos, err := f.Funds.Unspent(ctx, rpc.UnspentQuery{MinConfs: 1, MaxConfs: 1 << 20})
		b, err2 := f.Funds.Balance(ctx, "", 1)
		return err == nil && err2 == nil && len(utxos) == 2 && b.Confirmed == 1_000_000-last.Fee
	})
	none, err := f.Funds.Transactions(ctx, rpc.TransactionQuery{From: 1<<32 - 1, To: 1<<32 - 1, Unconfirmed: true})
	require.NoError(t, err)
	require.Empty(t, none)
}
