package rpc_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// recv reads one message.
func recv[T any](t testing.TB, s grpc.ServerStreamingClient[T]) *T {
	t.Helper()
	v, err := s.Recv()
	require.NoError(t, err)
	return v
}

// ended requires that the stream has ended well.
func ended[T any](t testing.TB, s grpc.ServerStreamingClient[T]) {
	t.Helper()
	_, err := s.Recv()
	require.ErrorIs(t, err, io.EOF)
}

var peerKey = func() []byte { k := key(2); return k[:] }()

func TestOpenChannelTellsPendingAndThenOpen(t *testing.T) {
	f := running(t)
	s, err := f.dial(client.Admin).Lightning.OpenChannel(f.ctx, &lnrpc.OpenChannelRequest{
		NodePubkey: peerKey, LocalFundingAmount: 20_000, PushSat: 5_000, SatPerVbyte: 3, Private: true, UseBaseFee: true, ZeroConf: true,
	})
	require.NoError(t, err)
	<-f.node.opens.came
	point := wire.OutPoint{Hash: chainhash.Hash{9}, Index: 1}
	f.node.opens.send(rpc.OpenUpdate{Point: point, PendingID: [32]byte{3}})
	pending := recv(t, s)
	require.Equal(t, point.Hash[:], pending.GetChanPending().Txid)
	require.EqualValues(t, 1, pending.GetChanPending().OutputIndex)
	require.EqualValues(t, 3, pending.PendingChanId[0])
	f.node.opens.send(rpc.OpenUpdate{Point: point, Open: true})
	require.Equal(t, point.Hash[:], recv(t, s).GetChanOpen().ChannelPoint.GetFundingTxidBytes())
	ended(t, s)

	zero := lnwire.MilliSatoshi(0)
	require.Equal(t, rpc.OpenChannel{
		Peer: key(2), Amount: 20_000, Push: 5_000, Fee: rpc.FeeRate{PerKW: 750}, MinConfs: 1, Private: true, BaseFee: &zero,
		ZeroConf: true, SCIDAlias: true,
	}, f.node.asked.open)
}

func TestOpenChannelSyncAnswersWhenTheFundingIsOut(t *testing.T) {
	f := running(t)
	point := wire.OutPoint{Hash: chainhash.Hash{9}, Index: 1}
	go func() {
		<-f.node.opens.came
		f.node.opens.send(rpc.OpenUpdate{Point: point})
		<-f.node.opens.came
		f.node.opens.close(errors.New("the peer refused the channel"))
	}()
	c := f.dial(client.Admin).Lightning
	r := &lnrpc.OpenChannelRequest{NodePubkeyString: key(2).String(), LocalFundingAmount: 20_000}
	got, err := c.OpenChannelSync(f.ctx, r)
	require.NoError(t, err)
	require.Equal(t, point.Hash[:], got.GetFundingTxidBytes())
	_, err = c.OpenChannelSync(f.ctx, r)
	refused(t, err, codes.Unknown, "the peer refused the channel")
}

func TestOpenChannelSaysWhyNot(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	self := f.node.id()
	for want, r := range map[string]*lnrpc.OpenChannelRequest{
		"channel is too small, the minimum channel size is: 20000 SAT": {NodePubkey: peerKey, LocalFundingAmount: 19_999},
		"must be below the local funding amount":                       {NodePubkey: peerKey, LocalFundingAmount: 20_000, PushSat: 20_000},
		"NodePubkey is not set":                                        {LocalFundingAmount: 20_000},
		"cannot open channel to self":                                  {NodePubkey: self[:], LocalFundingAmount: 20_000},
		"local_funding_amount and fund_max are mutually exclusive":     {NodePubkey: peerKey, LocalFundingAmount: 20_000, FundMax: true},
		"is of length 501, exceeds 500":                                {NodePubkey: peerKey, LocalFundingAmount: 20_000, Memo: string(make([]byte, 501))},
		"are at most 65535":                                            {NodePubkey: peerKey, LocalFundingAmount: 20_000, RemoteMaxHtlcs: 65_536},
	} {
		_, err := c.OpenChannelSync(f.ctx, r)
		refused(t, err, codes.Unknown, want)
	}
	f.node.err = &rpc.PeerOffline{ID: key(2)}
	_, err := c.OpenChannelSync(f.ctx, &lnrpc.OpenChannelRequest{NodePubkey: peerKey, LocalFundingAmount: 20_000, Memo: string(make([]byte, 500))})
	refused(t, err, codes.Unknown, "is not online")
}

func TestCloseChannelTellsPendingAndThenClosed(t *testing.T) {
	f := running(t)
	point := wire.OutPoint{Hash: chainhash.Hash{9}, Index: 1}
	f.node.channels = []rpc.Channel{{Point: point, HTLCs: make([]rpc.ChannelHTLC, 2)}}
	s, err := f.dial(client.Admin).Lightning.CloseChannel(f.ctx, &lnrpc.CloseChannelRequest{
		ChannelPoint: &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidBytes{FundingTxidBytes: point.Hash[:]}, OutputIndex: 1},
		NoWait:       true, SatPerVbyte: 1, MaxFeePerVbyte: 5,
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, recv(t, s).GetCloseInstant().NumPendingHtlcs)
	<-f.node.closes.came
	require.Equal(t, rpc.CloseChannel{Point: point, Fee: rpc.FeeRate{PerKW: 253}, MaxFee: 1250, NoWait: true}, f.node.asked.close)
	txid := chainhash.Hash{8}
	f.node.closes.send(rpc.CloseUpdate{Txid: txid, PerKW: 500, LocalTx: true})
	require.EqualValues(t, 2, recv(t, s).GetClosePending().FeePerVbyte)
	f.node.closes.send(rpc.CloseUpdate{Txid: txid, Closed: true, Local: wire.NewTxOut(700, []byte{1})})
	closed := recv(t, s).GetChanClose()
	require.True(t, closed.Success)
	require.Equal(t, txid[:], closed.ClosingTxid)
	require.EqualValues(t, 700, closed.LocalCloseOutput.AmountSat)
	require.Nil(t, closed.RemoteCloseOutput)
	ended(t, s)
}

func TestCloseChannelSaysWhyNot(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	point := &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidStr{FundingTxidStr: chainhash.Hash{1}.String()}}
	for want, r := range map[string]*lnrpc.CloseChannelRequest{
		"must specify channel point":                     {},
		"channel_point is missing":                       {ChannelPoint: &lnrpc.ChannelPoint{}},
		"force closing a channel uses a pre-defined fee": {ChannelPoint: point, Force: true, SatPerVbyte: 1},
		"max_fee_per_vbyte is lower":                     {ChannelPoint: point, SatPerVbyte: 5, MaxFeePerVbyte: 4},
	} {
		s, err := c.CloseChannel(f.ctx, r)
		require.NoError(t, err)
		_, err = s.Recv()
		refused(t, err, codes.Unknown, want)
	}
	f.node.err = rpc.ErrChannelNotFound
	s, err := c.CloseChannel(f.ctx, &lnrpc.CloseChannelRequest{ChannelPoint: point})
	require.NoError(t, err)
	_, err = s.Recv()
	refused(t, err, codes.Unknown, "unable to find channel")
}

func TestChannelEventsHaveTheirKindsContents(t *testing.T) {
	f := running(t)
	s, err := f.dial(client.ReadOnly).Lightning.SubscribeChannelEvents(f.ctx, &lnrpc.ChannelEventSubscription{})
	require.NoError(t, err)
	<-f.node.events.came
	point := wire.OutPoint{Hash: chainhash.Hash{9}, Index: 1}
	f.node.events.send(
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_PENDING_OPEN_CHANNEL, Point: point},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_OPEN_CHANNEL, Point: point}, // broken: left out
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_OPEN_CHANNEL, Point: point, Opened: &rpc.Channel{ID: 5}},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_ACTIVE_CHANNEL, Point: point},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_CHANNEL_UPDATE, Point: point, Opened: &rpc.Channel{ID: 6}},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_INACTIVE_CHANNEL, Point: point},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_CLOSED_CHANNEL, Point: point, Closed: &rpc.ClosedChannel{ID: 5}},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_FULLY_RESOLVED_CHANNEL, Point: point},
		rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_CHANNEL_FUNDING_TIMEOUT, Point: point},
	)
	require.Equal(t, point.Hash[:], recv(t, s).GetPendingOpenChannel().Txid)
	require.EqualValues(t, 5, recv(t, s).GetOpenChannel().ChanId)
	require.EqualValues(t, 1, recv(t, s).GetActiveChannel().OutputIndex)
	require.EqualValues(t, 6, recv(t, s).GetUpdatedChannel().Channel.ChanId)
	require.NotNil(t, recv(t, s).GetInactiveChannel())
	require.EqualValues(t, 5, recv(t, s).GetClosedChannel().ChanId)
	require.NotNil(t, recv(t, s).GetFullyResolvedChannel())
	last := recv(t, s)
	require.NotNil(t, last.GetChannelFundingTimeout())
	require.Equal(t, lnrpc.ChannelEventUpdate_CHANNEL_FUNDING_TIMEOUT, last.Type)
}

func TestReaderThatFallsBehindLosesItsStreamAndLearnsWhy(t *testing.T) {
	f := running(t)
	s, err := f.dial(client.ReadOnly).Lightning.SubscribeChannelEvents(f.ctx, &lnrpc.ChannelEventSubscription{})
	require.NoError(t, err)
	<-f.node.events.came
	// The client reads nothing while far more is sent than windows and queue hold; the sender is never held up.
	event := rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_OPEN_CHANNEL, Opened: &rpc.Channel{Memo: string(make([]byte, 4096))}}
	for range 8 * rpc.MaxQueued {
		f.node.events.send(event)
	}
	read := 0
	for ; err == nil; read++ {
		_, err = s.Recv()
	}
	refused(t, err, codes.ResourceExhausted, "read faster")
	require.Less(t, read, 8*rpc.MaxQueued)
	_, err = f.dial(client.ReadOnly).Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(t, err, "nobody else noticed")
}

func TestSubscriptionEndsWhenItsClientLeaves(t *testing.T) {
	f := running(t)
	ctx, cancel := context.WithCancel(f.ctx)
	s, err := f.dial(client.Admin).Router.SendPaymentV2(ctx, &routerrpc.SendPaymentRequest{PaymentRequest: "lnbcrt-coffee", Cancelable: true})
	require.NoError(t, err)
	<-f.node.paid.came
	cancel()
	_, err = s.Recv()
	require.Error(t, err)
	require.Equal(t, lnwire.Hash{9}, <-f.node.cancelled)
}
