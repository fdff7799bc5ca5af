package itest

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// Hops of alice–bob–carol, as failures count them.
const (
	atBob   = 1
	atCarol = 2
)

// refusal is what a payer must be told.
type refusal struct {
	code   lnrpc.Failure_FailureCode
	hop    uint32
	update bool // the failure carries the policy of bob's channel to carol
}

// refused checks a failed attempt and returns its failure.
func (n *network) refused(a *lnrpc.HTLCAttempt, want refusal) *lnrpc.Failure {
	n.t.Helper()
	require.Equal(n.t, lnrpc.HTLCAttempt_FAILED, a.Status)
	f := a.Failure
	require.NotNil(n.t, f)
	require.Equal(n.t, want.code.String(), f.Code.String())
	require.Equal(n.t, want.hop, f.FailureSourceIndex)
	if !want.update {
		require.Nil(n.t, f.ChannelUpdate)
		return f
	}
	require.NotNil(n.t, f.ChannelUpdate)
	require.Equal(n.t, a.Route.Hops[1].ChanId, f.ChannelUpdate.ChanId)
	require.NotEmpty(n.t, f.ChannelUpdate.Signature)
	require.NotZero(n.t, f.ChannelUpdate.Timestamp)
	return f
}

// threeInLine is alice–bob–carol; the first channel is twice as large, so that the second may be drained.
func threeInLine(t *testing.T) (n *network, first, second string) {
	n = start(t, 3)
	first = n.openWith("alice", "bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: 2 * capacity})
	second = n.open("bob", "carol")
	require.NoError(t, n.Known(n.ctx, 2))
	return n, first, second
}

// policy of bob's channel to carol, set and in force.
func (n *network) policy(point string, p *lnrpc.PolicyUpdateRequest) {
	n.t.Helper()
	at, err := lab.ParsePoint(point)
	require.NoError(n.t, err)
	p.Scope = &lnrpc.PolicyUpdateRequest_ChanPoint{ChanPoint: at}
	r, err := n.client("bob").Lightning.UpdateChannelPolicy(n.ctx, p)
	require.NoError(n.t, err)
	require.Empty(n.t, r.FailedUpdates)
}

func TestForwardersSayWhyTheyRefuse(t *testing.T) {
	n, _, second := threeInLine(t)
	to := n.target("carol", &lnrpc.Invoice{Value: 50_000})

	t.Run("a policy that was raised", func(t *testing.T) {
		stale := n.route("alice", to)
		n.policy(second, &lnrpc.PolicyUpdateRequest{BaseFeeMsat: 7_000, FeeRatePpm: 200, TimeLockDelta: 90})
		f := n.refused(n.attempt("alice", to.hash, stale), refusal{lnrpc.Failure_FEE_INSUFFICIENT, atBob, true})
		require.Equal(t, []uint32{7_000, 200, 90}, []uint32{f.ChannelUpdate.BaseFee, f.ChannelUpdate.FeeRate, f.ChannelUpdate.TimeLockDelta})
	})
	t.Run("and then the payment pays what is asked", func(t *testing.T) {
		p := n.pay("alice", to.request)
		require.Equal(t, lnrpc.Payment_SUCCEEDED, p.Status, p.FailureReason)
		require.Equal(t, int64(7_000+50_000_000*200/1_000_000), p.FeeMsat)
	})
	t.Run("drained", func(t *testing.T) {
		n.paid("alice", "carol", 3_000_000)
		to := n.target("carol", &lnrpc.Invoice{Value: 40_000})
		r := n.route("alice", to)
		r.TotalFeesMsat, r.Hops[0].FeeMsat = 700_000, 700_000
		resize(r, 3_000_000_000)
		n.refused(n.attempt("alice", to.hash, r), refusal{lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE, atBob, true})
	})
	// Routes that no router would make; the payer's own learns from the answers to avoid bob.
	to = n.target("carol", &lnrpc.Invoice{Value: 40_000})
	height, good := n.height("alice"), n.route("alice", to)
	t.Run("unknown next peer", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		r.Hops[1].ChanId++
		n.refused(n.attempt("alice", to.hash, r), refusal{code: lnrpc.Failure_UNKNOWN_NEXT_PEER, hop: atBob})
	})
	t.Run("fee a millisatoshi short", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		r.TotalAmtMsat--
		f := n.refused(n.attempt("alice", to.hash, r), refusal{lnrpc.Failure_FEE_INSUFFICIENT, atBob, true})
		require.Equal(t, uint64(r.TotalAmtMsat), f.HtlcMsat, "the amount of the incoming HTLC")
	})
	t.Run("a block too short a delta", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		r.TotalTimeLock--
		f := n.refused(n.attempt("alice", to.hash, r), refusal{lnrpc.Failure_INCORRECT_CLTV_EXPIRY, atBob, true})
		require.Equal(t, r.Hops[0].Expiry, f.CltvExpiry, "the expiry of the outgoing HTLC")
		require.Equal(t, uint32(90), f.ChannelUpdate.TimeLockDelta)
	})
	t.Run("expiry too soon", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		r.Hops[0].Expiry, r.Hops[1].Expiry, r.TotalTimeLock = height+3, height+3, height+103
		n.refused(n.attempt("alice", to.hash, r), refusal{lnrpc.Failure_EXPIRY_TOO_SOON, atBob, true})
	})
	t.Run("expiry too far", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		r.Hops[0].Expiry, r.Hops[1].Expiry, r.TotalTimeLock = height+2017, height+2017, height+2117
		n.refused(n.attempt("alice", to.hash, r), refusal{code: lnrpc.Failure_EXPIRY_TOO_FAR, hop: atBob})
	})
	t.Run("below the minimum", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		resize(r, 999)
		f := n.refused(n.attempt("alice", to.hash, r), refusal{lnrpc.Failure_AMOUNT_BELOW_MINIMUM, atBob, true})
		require.Equal(t, uint64(999), f.HtlcMsat, "the amount of the outgoing HTLC")
		require.Equal(t, uint64(1000), f.ChannelUpdate.HtlcMinimumMsat)
	})
	t.Run("the peer is gone", func(t *testing.T) {
		r := proto.Clone(good).(*lnrpc.Route)
		require.NoError(t, n.Stop(n.ctx, "carol"))
		n.eventually("bob misses carol", func() bool {
			c := n.channel("bob", second)
			return c != nil && !c.Active
		})
		n.refused(n.attempt("alice", to.hash, r), refusal{lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE, atBob, true})
	})
	n.quiet()
}

func TestPayeesTellNoMoreThanTheyMust(t *testing.T) {
	n, _, _ := threeInLine(t)
	to := n.target("carol", &lnrpc.Invoice{Value: 50_000})
	want := refusal{code: lnrpc.Failure_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, hop: atCarol}
	fail := func(hash []byte, r *lnrpc.Route) {
		t.Helper()
		f := n.refused(n.attempt("alice", hash, r), want)
		require.Equal(t, uint64(r.Hops[1].AmtToForwardMsat), f.HtlcMsat)
		require.Equal(t, n.height("carol"), f.Height)
	}

	var wg sync.WaitGroup
	late := n.target("carol", &lnrpc.Invoice{Value: 60_000})
	part := n.route("alice", late)
	resize(part, 20_000_000)
	var parted *lnrpc.HTLCAttempt
	var err error
	alice := n.client("alice").Router
	wg.Go(func() {
		parted, err = alice.SendToRouteV2(n.ctx, &routerrpc.SendToRouteRequest{PaymentHash: late.hash, Route: part})
	})

	rng := rand.New(rand.NewPCG(1, 2))
	fail(bytes32(rng), n.route("alice", to)) // a hash that nobody knows

	r := n.route("alice", to) // a wrong secret
	r.Hops[1].MppRecord.PaymentAddr = bytes32(rng)
	fail(to.hash, r)

	r = n.route("alice", to) // no secret
	r.Hops[1].MppRecord = nil
	fail(to.hash, r)

	r = n.route("alice", to) // too little
	resize(r, 49_999_999)
	r.Hops[1].MppRecord.TotalAmtMsat = 49_999_999
	fail(to.hash, r)

	r = n.route("alice", to) // more than twice as much
	resize(r, 100_000_001)
	r.TotalAmtMsat += 1000 // bob's share grows with the amount
	r.Hops[1].MppRecord.TotalAmtMsat = 100_000_001
	fail(to.hash, r)

	r = n.route("alice", to) // an expiry that leaves carol too few blocks
	r.TotalTimeLock, r.Hops[0].Expiry, r.Hops[1].Expiry = r.TotalTimeLock-10, r.Hops[0].Expiry-10, r.Hops[1].Expiry-10
	fail(to.hash, r)

	expired := n.target("carol", &lnrpc.Invoice{Value: 50_000, Expiry: 1}) // too late
	r = n.route("alice", expired)
	n.eventually("the invoice expires", func() bool {
		in, err := n.client("carol").Lightning.LookupInvoice(n.ctx, &lnrpc.PaymentHash{RHash: expired.hash})
		return err == nil && in.State == lnrpc.Invoice_CANCELED
	})
	fail(expired.hash, r)

	require.Equal(t, lnrpc.Payment_SUCCEEDED, n.pay("alice", to.request).Status, "the invoice is unharmed")
	paid, err2 := n.client("alice").Router.SendToRouteV2(n.ctx, &routerrpc.SendToRouteRequest{PaymentHash: to.hash, Route: n.route("alice", to)})
	require.ErrorContains(t, err2, "invoice is already paid", paid)

	wg.Wait()
	require.NoError(t, err)
	n.refused(parted, refusal{code: lnrpc.Failure_MPP_TIMEOUT, hop: atCarol})
	n.quiet()
}
