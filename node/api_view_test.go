package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

func TestChannelsAreShownInLNDsLists(t *testing.T) {
	tx := &chainhash.Hash{1}
	for _, row := range []struct {
		info channel.Info
		want list
	}{
		{channel.Info{Phase: channel.PhaseOpening}, shownNowhere},
		{channel.Info{Phase: channel.PhasePending}, shownOpening},
		{channel.Info{Phase: channel.PhaseOpen}, shownOpen},
		{channel.Info{Phase: channel.PhaseClosing}, shownOpen},
		{channel.Info{Phase: channel.PhaseClosing, Close: channel.CloseInfo{ClosingTx: tx}}, shownWaiting},
		{channel.Info{Phase: channel.PhaseOnchain}, shownWaiting},
		{channel.Info{Phase: channel.PhaseOnchain, Close: channel.CloseInfo{SpentBy: tx, Kind: resolve.Cooperative}}, shownClosed},
		{channel.Info{Phase: channel.PhaseOnchain, Close: channel.CloseInfo{SpentBy: tx, Kind: resolve.RemoteCommitment}}, shownForced},
		{channel.Info{Phase: channel.PhaseClosed}, shownNowhere},
	} {
		require.Equal(t, row.want, page{Info: &row.info}.shown(), row.info.Phase)
	}
}

func TestTheOpenersBalanceIsLessByFeeAndAnchors(t *testing.T) {
	for _, row := range []struct {
		opener        bool
		local, remote lnwire.MilliSatoshi
		wantL, wantR  lnwire.MilliSatoshi
	}{
		{true, 10_000_000, 5_000_000, 10_000_000 - 1_000_000 - 660_000, 5_000_000},
		{false, 10_000_000, 5_000_000, 10_000_000, 5_000_000 - 1_000_000 - 660_000},
		{true, 1_000_000, 5_000_000, 0, 5_000_000},
	} {
		i := channel.Info{Opener: row.opener, CommitFee: 1000}
		i.Local.Balance, i.Remote.Balance = row.local, row.remote
		l, r := displayed(&i)
		require.Equal(t, row.wantL, l)
		require.Equal(t, row.wantR, r)
	}
}

func TestWhatBindsOneSideIsWhatTheOtherImposes(t *testing.T) {
	var i channel.Info
	i.Local.Limits = channel.Limits{DustLimit: 1, MaxInFlight: 2, Reserve: 3, HTLCMinimum: 4, ToSelfDelay: 5, MaxAcceptedHTLCs: 6}
	i.Remote.Limits = channel.Limits{DustLimit: 11, MaxInFlight: 12, Reserve: 13, HTLCMinimum: 14, ToSelfDelay: 15, MaxAcceptedHTLCs: 16}
	require.Equal(t, rpc.Constraints{DustLimit: 1, MaxInFlight: 12, Reserve: 13, MinHTLC: 14, CSVDelay: 15, MaxHTLCs: 16}, constraints(&i.Local, &i.Remote))
}

func TestHTLCsAreShownWhileOurCommitmentHasThem(t *testing.T) {
	for stage := channel.AddSent; stage <= channel.Gone; stage++ {
		require.Equal(t, stage >= channel.AddSigned && stage <= channel.RmRevoked, inOurs(&channel.HTLCInfo{Incoming: true, Stage: stage}), stage)
		require.Equal(t, stage >= channel.AddAcked && stage <= channel.RmSent, inOurs(&channel.HTLCInfo{Stage: stage}), stage)
	}
}

func TestForwardsNameTheirOtherHalf(t *testing.T) {
	in := page{Info: &channel.Info{ChannelID: lnwire.ChannelID{1}, SCID: 100}}
	out := page{Info: &channel.Info{ChannelID: lnwire.ChannelID{2}, SCID: 200}}
	in.HTLCs = []channel.HTLCInfo{{HTLC: channel.HTLC{ID: 7}, Incoming: true, Stage: channel.Locked}}
	out.HTLCs = []channel.HTLCInfo{{HTLC: channel.HTLC{ID: 9}, Origin: channel.Origin{Channel: in.ChannelID, ID: 7}, Stage: channel.Locked}}
	v := newViewer([]page{in, out}, nil)
	h := v.htlc(in, &in.HTLCs[0])
	require.Equal(t, lnwire.ShortChannelID(200), h.ForwardSCID)
	require.Equal(t, uint64(9), h.ForwardHTLC)
	h = v.htlc(out, &out.HTLCs[0])
	require.Equal(t, lnwire.ShortChannelID(100), h.ForwardSCID)
	require.Equal(t, uint64(7), h.ForwardHTLC)
	require.True(t, h.LockedIn)
}

func TestForceCloseShowsWhatIsStillToCome(t *testing.T) {
	txid := chainhash.Hash{9}
	info := &channel.Info{Phase: channel.PhaseOnchain, Opener: true, CommitFee: 340, Close: channel.CloseInfo{SpentBy: &txid, SpentHeight: 100}}
	info.Local.DustLimit, info.Local.Balance = 354, 101_000_000
	claim := func(tx chainhash.Hash, index uint32, amount int64, kind commitment.Kind, mature lnwire.Height) wallet.Pending {
		return wallet.Pending{MatureAt: mature, Claim: resolve.Claim{OutPoint: wire.OutPoint{Hash: tx, Index: index},
			Output: wire.TxOut{Value: amount}, Recipe: commitment.Recipe{Kind: kind}}}
	}
	f := newForceClosing(page{Info: info}, []wallet.Pending{
		claim(txid, 0, 330, commitment.SpendAnchor, 0),
		claim(txid, 1, 100_000, commitment.SpendDelayed, 244),
		claim(txid, 2, 5_000, commitment.SpendHTLCTimeout, 300),
		claim(chainhash.Hash{8}, 0, 4_000, commitment.SpendDelayed, 250),
	}, 110)
	require.Equal(t, btcutil.Amount(109_000), f.Limbo)
	require.Zero(t, f.Recovered)
	require.Equal(t, lnwire.Height(244), f.Maturity)
	require.Equal(t, int32(134), f.BlocksLeft)
	require.Equal(t, lnrpc.PendingChannelsResponse_ForceClosedChannel_LIMBO, f.Anchor)
	require.Len(t, f.HTLCs, 2)
	require.Equal(t, uint32(1), f.HTLCs[0].Stage)
	require.Equal(t, uint32(2), f.HTLCs[1].Stage)
	f = newForceClosing(page{Info: info}, nil, 260)
	require.Equal(t, btcutil.Amount(100_000), f.Recovered)
	require.Zero(t, f.Limbo)
}

func testRoute() *router.Route {
	return &router.Route{Source: lnwire.PubKey{1}, Amount: 1_000_000, Fee: 3_000, Expiry: 300, Hops: []router.Hop{
		{SCID: 1, Node: lnwire.PubKey{2}, Amount: 1_003_000, Expiry: 300, Fee: 2_000, Capacity: 5_000_000},
		{SCID: 2, Node: lnwire.PubKey{3}, Amount: 1_001_000, Expiry: 260, Fee: 1_000, Capacity: 6_000_000},
		{SCID: 3, Node: lnwire.PubKey{4}, Amount: 1_000_000, Expiry: 220, Capacity: 7_000_000},
	}}
}

func TestRoutesAreShownWithWhatEachHopPassesOnAndReadBack(t *testing.T) {
	r := testRoute()
	v := newRoute(r)
	require.Equal(t, lnwire.MilliSatoshi(1_003_000), v.Amount)
	require.Equal(t, lnwire.MilliSatoshi(1_001_000), v.Hops[0].Amount)
	require.Equal(t, lnwire.Height(260), v.Hops[0].Expiry)
	require.Equal(t, lnwire.MilliSatoshi(1_000_000), v.Hops[2].Amount)
	require.Equal(t, lnwire.Height(220), v.Hops[2].Expiry)
	back, err := givenRoute(r.Source, &v)
	require.NoError(t, err)
	require.Equal(t, r, back)
	v.Hops[2].Amount--
	_, err = givenRoute(r.Source, &v)
	require.ErrorIs(t, err, errLastHop)
}

func TestRoutesHaveLimits(t *testing.T) {
	for _, n := range []int{0, router.MaxHops + 1} {
		_, err := givenRoute(lnwire.PubKey{}, &rpc.Route{Hops: make([]rpc.Hop, n)})
		require.Error(t, err, n)
	}
	_, err := givenRoute(lnwire.PubKey{}, &rpc.Route{Hops: make([]rpc.Hop, router.MaxHops)})
	require.NoError(t, err)
	_, err = givenRoute(lnwire.PubKey{}, &rpc.Route{Hops: []rpc.Hop{{Encrypted: []byte{1}}}})
	require.Error(t, err)
	_, err = givenRoute(lnwire.PubKey{}, &rpc.Route{Hops: []rpc.Hop{{Records: map[uint64][]byte{65536: {1}}}, {}}})
	require.Error(t, err)
}

func TestFailuresNameWhoFailed(t *testing.T) {
	for _, row := range []struct {
		hop    int
		code   onion.Code
		source uint32
		want   lnrpc.Failure_FailureCode
	}{
		{router.LocalHop, 0, 0, lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE},
		{router.UnknownHop, 0, 0, lnrpc.Failure_UNREADABLE_FAILURE},
		{0, onion.TemporaryChannelFailure, 1, lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE},
		{2, onion.IncorrectOrUnknownPaymentDetails, 3, lnrpc.Failure_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS},
		{1, onion.Code(0x7777), 2, lnrpc.Failure_UNKNOWN_FAILURE},
	} {
		f := newFailure(&htlc.Attempt{Hop: row.hop, Failure: onion.Failure{Code: row.code}})
		require.Equal(t, row.want, f.Code)
		require.Equal(t, row.source, f.Source)
	}
	require.Len(t, failureCodes, 22, "every code of BOLT 4")
}

func TestFailureShowsTheUpdateThatCameWithIt(t *testing.T) {
	u := &lnwire.ChannelUpdate{SCID: 77, FeeBase: 5, MessageFlags: 1, HTLCMaximum: 1}
	raw, err := lnwire.Marshal(u)
	require.NoError(t, err)
	f := newFailure(&htlc.Attempt{Failure: onion.Failure{Code: onion.FeeInsufficient, Update: raw}})
	require.Equal(t, u.SCID, f.Update.SCID)
	f = newFailure(&htlc.Attempt{Failure: onion.Failure{Code: onion.FeeInsufficient, Update: []byte("rubbish")}})
	require.Nil(t, f.Update)
}

func TestPaymentsCountTheFeesOfWhatDidNotFail(t *testing.T) {
	r := *testRoute()
	p := newPayment(&htlc.Payment{Status: htlc.InFlight, Reason: htlc.NoReason}, []*htlc.Attempt{
		{ID: 1, Status: htlc.Failed, Route: r}, {ID: 2, Status: htlc.InFlight, Route: r}, {ID: 3, Status: htlc.Succeeded, Route: r},
	})
	require.Equal(t, lnwire.MilliSatoshi(6_000), p.Fee)
	require.Equal(t, lnrpc.HTLCAttempt_FAILED, p.Attempts[0].Status)
	require.Equal(t, lnrpc.HTLCAttempt_IN_FLIGHT, p.Attempts[1].Status)
	require.Equal(t, lnrpc.HTLCAttempt_SUCCEEDED, p.Attempts[2].Status)
	require.False(t, p.Final())
}

func TestOrdersCarryWhatTheRequestSays(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	base := func() rpc.SendPayment {
		return rpc.SendPayment{Hash: lnwire.Hash{1}, Amount: 5_000, FeeLimit: 50, FinalCLTV: 80, MaxParts: 16, Timeout: time.Minute, PaymentAddr: make([]byte, 32)}
	}
	r := base()
	r.Records = map[uint64][]byte{70_001: {1}, 70_000: {2}, onion.TypeKeysend: make([]byte, 32)}
	o, err := newOrder(&r, now)
	require.NoError(t, err)
	require.Equal(t, uint32(83), o.FinalCLTV)
	require.Equal(t, now.Add(time.Minute), o.Deadline)
	require.Equal(t, []onion.CustomRecord{{Type: 70_000, Value: []byte{2}}, {Type: 70_001, Value: []byte{1}}}, o.Custom)
	require.NotNil(t, o.Secret)
	require.Equal(t, 16, o.MaxParts)
	r = base()
	r.Features = lnwire.NewFeatures(lnwire.FeaturePaymentSecret)
	o, err = newOrder(&r, now)
	require.NoError(t, err)
	require.Equal(t, 1, o.MaxParts, "the payee cannot put parts together")
	r = base()
	r.MaxPart = r.Amount - 1
	_, err = newOrder(&r, now)
	require.Error(t, err)
	r = base()
	r.PaymentAddr = make([]byte, 31)
	_, err = newOrder(&r, now)
	require.Error(t, err)
}

func TestRequestCacheForgetsTheOldest(t *testing.T) {
	c := newRequestCache(3)
	for i := range byte(4) {
		c.put(lnwire.Hash{i}, extras{fallback: fmt.Sprint(i)})
		c.put(lnwire.Hash{i}, extras{fallback: fmt.Sprint(i)}) // once more is no second place
	}
	_, ok := c.get(lnwire.Hash{0})
	require.False(t, ok)
	for i := byte(1); i < 4; i++ {
		x, ok := c.get(lnwire.Hash{i})
		require.True(t, ok)
		require.Equal(t, fmt.Sprint(i), x.fallback)
	}
	require.Len(t, c.byID, 3)
}

func TestPagesBeyondTheStoresLimitArePutTogether(t *testing.T) {
	const total = 2*htlc.MaxPage + 7
	read := func(p htlc.Page) ([]uint64, error) { // indices 1 to total
		var out []uint64
		if p.Backward {
			end := p.Offset
			if end == 0 {
				end = total + 1
			}
			for i := max(1, int64(end)-int64(p.Max)); i < int64(end); i++ {
				out = append(out, uint64(i))
			}
			return out, nil
		}
		for i := p.Offset + 1; i <= total && len(out) < p.Max; i++ {
			out = append(out, i)
		}
		return out, nil
	}
	same := func(i uint64) uint64 { return i }
	for _, q := range []rpc.Page{{}, {Reversed: true}, {Max: total}, {Max: 3, After: 5}, {Max: 3, After: 5, Reversed: true}} {
		got, err := paged(q, htlc.Page{}, read, same)
		require.NoError(t, err)
		switch {
		case q.Max == 3 && q.Reversed:
			require.Equal(t, []uint64{2, 3, 4}, got)
		case q.Max == 3:
			require.Equal(t, []uint64{6, 7, 8}, got)
		default:
			require.Len(t, got, total)
			require.Equal(t, uint64(1), got[0])
			require.Equal(t, uint64(total), got[total-1])
		}
	}
}

func TestBoundsInSecondsIncludeTheirFractions(t *testing.T) {
	p := bounded(time.Unix(5, 0), time.Unix(9, 0))
	require.Equal(t, time.Unix(9, 999_999_999).UTC(), p.To.UTC())
	require.True(t, bounded(time.Time{}, time.Time{}).To.IsZero())
}

func TestHostsWithoutPortGetTheDefault(t *testing.T) {
	for host, want := range map[string]string{
		"10.0.0.1": "10.0.0.1:9735", "10.0.0.1:1": "10.0.0.1:1", "::1": "[::1]:9735", "[::1]": "[::1]:9735", "[::1]:2": "[::1]:2",
		"node.example": "node.example:9735",
	} {
		require.Equal(t, want, withPort(host))
	}
}

func TestPolicyChangesAreHeldToTheChannelsLimits(t *testing.T) {
	info := &channel.Info{Capacity: 1_000_000}
	info.Remote.HTLCMinimum = 1000
	old := router.Policy{FeeBase: 1, FeeRate: 2, CLTVDelta: 3, Min: 1000, Max: 900_000_000, Inbound: lnwire.InboundFee{Base: -1, Rate: -2}}
	low, high := lnwire.MilliSatoshi(999), lnwire.MilliSatoshi(1000)
	pol := old
	require.Nil(t, changePolicy(&pol, page{Info: info}, &rpc.PolicyChange{Base: 7, PPM: 8, TimeLockDelta: 40, MinHTLC: &high}))
	require.Equal(t, router.Policy{FeeBase: 7, FeeRate: 8, CLTVDelta: 40, Min: 1000, Max: old.Max, Inbound: old.Inbound}, pol)
	pol = old
	require.NotNil(t, changePolicy(&pol, page{Info: info}, &rpc.PolicyChange{TimeLockDelta: 40, MinHTLC: &low}))
	pol = old
	require.NotNil(t, changePolicy(&pol, page{Info: info}, &rpc.PolicyChange{TimeLockDelta: 40, MaxHTLC: 999}))
}

func TestOpeningsEndWithLNDsWords(t *testing.T) {
	i := channel.Info{LastError: "peer: no thanks"}
	require.ErrorContains(t, openError(&i), "received funding error from")
	i.LastError = "disconnected before the funding was signed"
	require.Regexp(t, "disconnected$", openError(&i).Error())
	i.LastError = "the funding transaction could not be made: no coins"
	require.EqualError(t, openError(&i), i.LastError)
}
