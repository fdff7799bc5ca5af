package node

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// seen is a Sink that a test reads.
type seen[T any] struct {
	items  chan T
	closed chan error
}

func newSeen[T any]() *seen[T] {
	return &seen[T]{items: make(chan T, 1000), closed: make(chan error, 10)}
}

func (s *seen[T]) Send(v T)        { s.items <- v }
func (s *seen[T]) Close(err error) { s.closed <- err }

// next waits for an item that is wanted; others are passed over.
func (s *seen[T]) next(t testing.TB, wanted func(T) bool) T {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case v := <-s.items:
			if wanted(v) {
				return v
			}
		case err := <-s.closed:
			t.Fatalf("the subscription ended: %v", err)
		case <-late:
			t.Fatal("what was waited for did not come")
		}
	}
}

type quietLogs struct{}

func (quietLogs) Subsystems() []string  { return nil }
func (quietLogs) SetLevel(string) error { return nil }

// apiLab is a lab whose nodes are asked through the API.
type apiLab struct {
	*lab
	api []rpc.Backend
}

func newAPILab(t testing.TB, n int) *apiLab {
	l := &apiLab{lab: newLab(t, n)}
	for i := range n {
		l.api = append(l.api, l.nodes[i].Backend(quietLogs{}, func() {}))
	}
	return l
}

// openChannel opens a channel from i to j through the API.
func (l *apiLab) openChannel(i, j int, amount, push btcutil.Amount, private bool) wire.OutPoint {
	l.t.Helper()
	ctx := l.t.Context()
	if err := l.api[i].Peers.Connect(ctx, l.nodes[j].ID, l.nodes[j].Bound[0], false); err != nil {
		require.IsType(l.t, &rpc.AlreadyConnected{}, err)
	}
	l.eventually("the peer's loop has the connection", func() bool { return l.nodes[i].linkOf(l.nodes[j].ID) != nil })
	updates := newSeen[rpc.OpenUpdate]()
	stop, err := l.api[i].Lifecycle.OpenChannel(ctx, rpc.OpenChannel{
		Peer: l.nodes[j].ID, Amount: amount, Push: push, Private: private, MinConfs: 1, Fee: rpc.FeeRate{PerKW: 1000},
	}, updates)
	require.NoError(l.t, err)
	defer stop()
	u := updates.next(l.t, func(rpc.OpenUpdate) bool { return true })
	require.False(l.t, u.Open)
	l.eventually("the funding transaction is out", func() bool { return len(l.chain.Mempool()) > 0 })
	p, err := l.api[i].Channels.Pending(ctx)
	require.NoError(l.t, err)
	require.Equal(l.t, u.Point, p.Opening[len(p.Opening)-1].Point)
	require.Equal(l.t, uint32(3), p.Opening[len(p.Opening)-1].ConfsLeft)
	l.mine(3)
	opened := updates.next(l.t, func(u rpc.OpenUpdate) bool { return u.Open })
	require.Equal(l.t, u.Point, opened.Point)
	l.eventually("both sides may use the channel", func() bool {
		x, _ := l.nodes[i].book.funded(u.Point)
		y, _ := l.nodes[j].book.funded(u.Point)
		return x.Info != nil && y.Info != nil && x.Active && y.Active
	})
	return u.Point
}

// payment decodes an invoice and pays it from node i through the API, and returns the last update.
func (l *apiLab) payment(i int, request string) rpc.Payment {
	l.t.Helper()
	updates := newSeen[rpc.Payment]()
	stop, err := l.api[i].Payments.SendPayment(l.t.Context(), l.toPay(i, request), updates)
	require.NoError(l.t, err)
	defer stop()
	return updates.next(l.t, func(p rpc.Payment) bool { return p.Final() })
}

func (l *apiLab) toPay(i int, request string) rpc.SendPayment {
	l.t.Helper()
	p, err := l.api[i].PayReqs.DecodePayReq(request)
	require.NoError(l.t, err)
	return rpc.SendPayment{
		Request: request, Dest: p.Destination, Hash: p.Hash, PaymentAddr: p.PaymentAddr, Amount: p.Amount, FeeLimit: p.Amount,
		FinalCLTV: p.FinalCLTV, Hints: p.Hints, Features: p.Features, MaxParts: 1, Timeout: time.Minute,
	}
}

func TestChannelLivesAndDiesThroughTheAPI(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	l.fund(0, 2_000_000)
	events := newSeen[rpc.ChannelEvent]()
	stop, err := l.api[0].Channels.SubscribeChannels(ctx, events)
	require.NoError(t, err)
	defer stop()
	point := l.openChannel(0, 1, 1_000_000, 200_000, false)
	for _, kind := range []lnrpc.ChannelEventUpdate_UpdateType{lnrpc.ChannelEventUpdate_PENDING_OPEN_CHANNEL,
		lnrpc.ChannelEventUpdate_OPEN_CHANNEL, lnrpc.ChannelEventUpdate_ACTIVE_CHANNEL} {
		e := events.next(t, func(rpc.ChannelEvent) bool { return true })
		require.Equal(t, kind, e.Kind)
		require.Equal(t, point, e.Point)
	}
	channels, err := l.api[0].Channels.Open(ctx)
	require.NoError(t, err)
	require.Len(t, channels, 1)
	c := channels[0]
	require.Equal(t, btcutil.Amount(1_000_000), c.Capacity)
	require.True(t, c.Active && c.Initiator && !c.Private)
	require.Equal(t, lnwire.MilliSatoshi(200_000_000), c.RemoteBalance)
	require.Equal(t, lnwire.FromSatoshis(800_000-c.CommitFee-660), c.LocalBalance)
	info, err := l.api[0].Node.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, uint32(1), info.ActiveChannels)
	require.Equal(t, uint32(1), info.Peers)
	l.eventually("the node is in step", func() bool {
		i, err := l.api[0].Node.Info(ctx)
		return err == nil && i.SyncedToChain
	})

	closing := newSeen[rpc.CloseUpdate]()
	stopClose, err := l.api[0].Lifecycle.CloseChannel(ctx, rpc.CloseChannel{Point: point, Fee: rpc.FeeRate{PerKW: 1000}}, closing)
	require.NoError(t, err)
	defer stopClose()
	pending := closing.next(t, func(u rpc.CloseUpdate) bool { return !u.Closed })
	l.eventually("the closing transaction is out", func() bool { return len(l.chain.Mempool()) > 0 })
	lists, err := l.api[0].Channels.Pending(ctx)
	require.NoError(t, err)
	require.Len(t, lists.WaitingClose, 1)
	require.Equal(t, pending.Txid, lists.WaitingClose[0].ClosingTx.TxHash())
	l.mine(1)
	done := closing.next(t, func(u rpc.CloseUpdate) bool { return u.Closed })
	require.Equal(t, pending.Txid, done.Txid)
	require.Equal(t, int64(200_000), done.Remote.Value)
	require.NotNil(t, done.Local)
	e := events.next(t, func(e rpc.ChannelEvent) bool { return e.Closed != nil })
	require.Equal(t, lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE, e.Closed.Kind)
	closed, err := l.api[0].Channels.Closed(ctx)
	require.NoError(t, err)
	require.Len(t, closed, 1)
	require.Equal(t, pending.Txid, closed[0].ClosingTxid)
	lists, err = l.api[0].Channels.Pending(ctx)
	require.NoError(t, err)
	require.Equal(t, rpc.PendingChannels{}, lists)
	_, err = l.api[0].Lifecycle.CloseChannel(ctx, rpc.CloseChannel{Point: wire.OutPoint{Index: 5}}, closing)
	require.ErrorIs(t, err, rpc.ErrChannelNotFound)
	l.mine(100)
	l.eventually("the channel is buried", func() bool {
		x, err := closedChannels(l.nodes[0].ledger)
		return err == nil && len(x) == 1
	})
	again, err := l.api[0].Channels.Closed(ctx)
	require.NoError(t, err)
	require.Equal(t, closed, again)
}

func TestForcedCloseIsPendingUntilAllIsHome(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	l.fund(0, 2_000_000)
	point := l.openChannel(0, 1, 1_000_000, 200_000, false)
	require.NoError(t, l.api[0].Peers.Disconnect(ctx, l.nodes[1].ID))
	l.eventually("the peer is gone", func() bool { return l.nodes[0].linkOf(l.nodes[1].ID) == nil })
	closing := newSeen[rpc.CloseUpdate]()
	_, err := l.api[0].Lifecycle.CloseChannel(ctx, rpc.CloseChannel{Point: point}, closing)
	require.ErrorIs(t, err, errCloseOffline)
	stop, err := l.api[0].Lifecycle.CloseChannel(ctx, rpc.CloseChannel{Point: point, Force: true}, closing)
	require.NoError(t, err)
	defer stop()
	pending := closing.next(t, func(u rpc.CloseUpdate) bool { return !u.Closed })
	l.eventually("the commitment is out", func() bool { return len(l.chain.Mempool()) > 0 })
	lists, err := l.api[0].Channels.Pending(ctx)
	require.NoError(t, err)
	require.Len(t, lists.WaitingClose, 1)
	require.Equal(t, pending.Txid, *lists.WaitingClose[0].LocalTxid)
	l.mine(1)
	done := closing.next(t, func(u rpc.CloseUpdate) bool { return u.Closed })
	require.Equal(t, pending.Txid, done.Txid)
	var f rpc.ForceClosing
	l.eventually("the claim is known", func() bool {
		lists, err := l.api[0].Channels.Pending(ctx)
		if err != nil || len(lists.ForceClosing) != 1 {
			return false
		}
		f = lists.ForceClosing[0]
		return f.Limbo > 0
	})
	require.Equal(t, int32(143), f.BlocksLeft, "the next block after it may have the sweep")
	require.Equal(t, f.LocalBalance, f.Limbo)
	l.mine(143)
	l.eventually("the sweep is out", func() bool { return len(l.chain.Mempool()) > 0 })
	l.mine(1)
	l.eventually("nothing is left to wait for", func() bool {
		lists, err := l.api[0].Channels.Pending(ctx)
		return err == nil && len(lists.ForceClosing) == 0
	})
	closed, err := l.api[0].Channels.Closed(ctx)
	require.NoError(t, err)
	require.Len(t, closed, 1)
	require.Equal(t, lnrpc.ChannelCloseSummary_LOCAL_FORCE_CLOSE, closed[0].Kind)
}

func TestOpeningIsRefusedWithLNDsWords(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	r := rpc.OpenChannel{Peer: l.nodes[1].ID, Amount: 100_000, MinConfs: 1, Fee: rpc.FeeRate{PerKW: 1000}}
	_, err := l.api[0].Lifecycle.OpenChannel(ctx, r, newSeen[rpc.OpenUpdate]())
	require.ErrorContains(t, err, "is not online")
	l.connect(0, 1)
	l.eventually("connected", func() bool { return l.nodes[0].linkOf(r.Peer) != nil })
	_, err = l.api[0].Lifecycle.OpenChannel(ctx, r, newSeen[rpc.OpenUpdate]())
	require.ErrorContains(t, err, "not enough witness outputs to create funding transaction")
	r.Amount = DefaultChannels.MaxSize + 1
	_, err = l.api[0].Lifecycle.OpenChannel(ctx, r, newSeen[rpc.OpenUpdate]())
	require.ErrorContains(t, err, "the max channel size is")
	require.ErrorIs(t, l.api[0].Peers.Connect(ctx, l.nodes[0].ID, "127.0.0.1:1", false), peer.ErrSelf)
	var already *rpc.AlreadyConnected
	require.ErrorAs(t, l.api[0].Peers.Connect(ctx, l.nodes[1].ID, l.nodes[1].Bound[0], false), &already)
	var not *rpc.NotConnected
	require.ErrorAs(t, l.api[0].Peers.Disconnect(ctx, lnwire.PubKey{2}), &not)
}

func TestLargestChannelTakesAllButTheReserve(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	l.fund(0, 500_000)
	l.connect(0, 1)
	l.eventually("connected", func() bool { return l.nodes[0].linkOf(l.nodes[1].ID) != nil })
	updates := newSeen[rpc.OpenUpdate]()
	stop, err := l.api[0].Lifecycle.OpenChannel(ctx, rpc.OpenChannel{Peer: l.nodes[1].ID, FundMax: true, MinConfs: 1, Fee: rpc.FeeRate{PerKW: 1000}}, updates)
	require.NoError(t, err)
	defer stop()
	u := updates.next(t, func(rpc.OpenUpdate) bool { return true })
	c, ok := l.nodes[0].book.funded(u.Point)
	require.True(t, ok)
	require.InDelta(t, 490_000, int64(c.Capacity), 2_000, "the reserve for its anchor stays behind")
}
