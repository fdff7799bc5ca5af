package rpc_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestSignedMessageNamesItsSigner(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	signed, err := c.SignMessage(f.ctx, &lnrpc.SignMessageRequest{Msg: []byte("hello")})
	require.NoError(t, err)
	require.Len(t, signed.Signature, 104)
	verify := func(msg, sig string) *lnrpc.VerifyMessageResponse {
		v, err := c.VerifyMessage(f.ctx, &lnrpc.VerifyMessageRequest{Msg: []byte(msg), Signature: sig})
		require.NoError(t, err)
		return v
	}
	v := verify("hello", signed.Signature)
	require.Equal(t, f.node.id().String(), v.Pubkey)
	require.False(t, v.Valid, "the signer is not in the graph")
	f.node.nodes = []rpc.GraphNode{{ID: f.node.id(), Known: true}}
	require.True(t, verify("hello", signed.Signature).Valid)
	require.NotEqual(t, f.node.id().String(), verify("hullo", signed.Signature).Pubkey)
	require.False(t, verify("hello", "yyyy").Valid)
	_, err = c.VerifyMessage(f.ctx, &lnrpc.VerifyMessageRequest{Msg: []byte("hello"), Signature: "l"})
	require.Error(t, err)
}

func TestWalletBalanceAddsUpAndAsksForOneConfirmation(t *testing.T) {
	f := running(t)
	c := f.dial(client.ReadOnly).Lightning
	b, err := c.WalletBalance(f.ctx, &lnrpc.WalletBalanceRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 1, f.node.asked.balance)
	require.EqualValues(t, 5700, b.TotalBalance)
	require.EqualValues(t, 5000, b.AccountBalance["default"].ConfirmedBalance)
}

func TestUnspentOutputsAreBoundedByConfirmations(t *testing.T) {
	f := running(t)
	f.node.utxos = []rpc.UTXO{{Confirmations: 0, Amount: 1}, {Confirmations: 3, Amount: 2, PkScript: []byte{0, 20}}}
	c := f.dial(client.ReadOnly).Lightning
	count := func(from, to int32) int {
		resp, err := c.ListUnspent(f.ctx, &lnrpc.ListUnspentRequest{MinConfs: from, MaxConfs: to})
		require.NoError(t, err)
		return len(resp.Utxos)
	}
	require.Equal(t, 2, count(0, 10))
	require.Equal(t, 1, count(1, 0), "no upper bound given")
	require.Equal(t, 1, count(0, 0), "only what is unconfirmed")
	_, err := c.ListUnspent(f.ctx, &lnrpc.ListUnspentRequest{MinConfs: 5, MaxConfs: 4})
	refused(t, err, codes.Unknown, "max_confs (4) must be >= min_confs (5)")
}

func TestTransactionsComeNewestFirstInPages(t *testing.T) {
	f := running(t)
	for i, height := range []lnwire.Height{5, 0, 7, 6} {
		tx := wire.NewMsgTx(2)
		tx.LockTime = uint32(i)
		tx.AddTxIn(&wire.TxIn{})
		tx.AddTxOut(&wire.TxOut{Value: int64(height), PkScript: []byte{1}})
		f.node.txs = append(f.node.txs, rpc.Transaction{
			Tx: tx, Height: height, Outputs: []rpc.TransactionOutput{{Address: "bcrt1q", Ours: true}}, OurInputs: []bool{true},
		})
	}
	c := f.dial(client.ReadOnly).Lightning
	heights := func(r *lnrpc.GetTransactionsRequest) (out []int32, resp *lnrpc.TransactionDetails) {
		resp, err := c.GetTransactions(f.ctx, r)
		require.NoError(t, err)
		for _, tx := range resp.Transactions {
			out = append(out, tx.BlockHeight)
		}
		return out, resp
	}
	all, resp := heights(&lnrpc.GetTransactionsRequest{})
	require.Equal(t, []int32{0, 7, 6, 5}, all)
	require.EqualValues(t, 3, resp.LastIndex)
	require.True(t, resp.Transactions[0].PreviousOutpoints[0].IsOurOutput)
	require.True(t, resp.Transactions[0].OutputDetails[0].IsOurAddress)

	got, _ := heights(&lnrpc.GetTransactionsRequest{StartHeight: 6, EndHeight: -1})
	require.Equal(t, []int32{0, 7, 6}, got)
	got, _ = heights(&lnrpc.GetTransactionsRequest{StartHeight: 5, EndHeight: 6})
	require.Equal(t, []int32{6, 5}, got)
	got, _ = heights(&lnrpc.GetTransactionsRequest{StartHeight: 6, EndHeight: 5})
	require.Equal(t, []int32{5, 6}, got, "a start above the end turns the order round")
	got, _ = heights(&lnrpc.GetTransactionsRequest{StartHeight: -1, EndHeight: -1})
	require.Equal(t, []int32{0}, got)
	got, resp = heights(&lnrpc.GetTransactionsRequest{IndexOffset: 1, MaxTransactions: 2})
	require.Equal(t, []int32{7, 6}, got)
	require.Equal(t, []uint64{1, 2}, []uint64{resp.FirstIndex, resp.LastIndex})
	got, _ = heights(&lnrpc.GetTransactionsRequest{IndexOffset: 9})
	require.Empty(t, got)
}

func TestSendCoinsChecksAmountsAndFees(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	resp, err := c.SendCoins(f.ctx, &lnrpc.SendCoinsRequest{Addr: "bcrt1q", Amount: 50_000, SatPerVbyte: 2})
	require.NoError(t, err)
	require.Equal(t, chainhash.Hash{1}.String(), resp.Txid)
	require.Equal(t, rpc.SendCoins{Address: "bcrt1q", Amount: 50_000, Fee: rpc.FeeRate{PerKW: 500}, MinConfs: 1}, f.node.asked.send)
	_, err = c.SendCoins(f.ctx, &lnrpc.SendCoinsRequest{Addr: "bcrt1q", SendAll: true, SatPerVbyte: 1})
	require.NoError(t, err)
	require.Equal(t, lnwire.FeePerKWFloor, f.node.asked.send.Fee.PerKW, "1 sat/vB is the relay floor, not below it")
	for want, r := range map[string]*lnrpc.SendCoinsRequest{
		"amount set while SendAll is active":                         {SendAll: true, Amount: 1},
		"amount must be greater than zero":                           {},
		"is no amount":                                               {Amount: -1},
		"either fee rate or conf target should be set, but not both": {Amount: 1, TargetConf: 6, SatPerVbyte: 1},
		"either sat_per_byte or sat_per_vbyte should be set":         {Amount: 1, SatPerByte: 1, SatPerVbyte: 1},
		"is larger than the maximum of 100000 sat/vB":                {Amount: 1, SatPerVbyte: 100_001},
		"min_confs cannot be negative":                               {Amount: 1, MinConfs: -1},
		"min_confs must be zero when spend_unconfirmed is set":       {Amount: 1, MinConfs: 1, SpendUnconfirmed: true},
		"txid_bytes has 31 bytes":                                    {Amount: 1, Outpoints: []*lnrpc.OutPoint{{TxidBytes: make([]byte, 31)}}},
		"hex digits":                                                 {Amount: 1, Outpoints: []*lnrpc.OutPoint{{TxidStr: "00"}}},
	} {
		_, err := c.SendCoins(f.ctx, r)
		refused(t, err, codes.Unknown, want)
	}
	f.node.err = rpc.ErrInsufficientFunds
	_, err = c.SendCoins(f.ctx, &lnrpc.SendCoinsRequest{Addr: "bcrt1q", Amount: 1})
	refused(t, err, codes.Unknown, "insufficient funds available to construct transaction")
}

func TestFeeEstimateIsPerVirtualByte(t *testing.T) {
	f := running(t)
	e, err := f.dial(client.ReadOnly).Lightning.EstimateFee(f.ctx, &lnrpc.EstimateFeeRequest{AddrToAmount: map[string]int64{"a": 5}})
	require.NoError(t, err)
	require.EqualValues(t, 1, e.SatPerVbyte)
	require.EqualValues(t, 141, e.FeeSat)
	require.Len(t, e.Inputs, 1)
}

func TestConnectPeerSaysWhyNot(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	connect := func(id string) error {
		_, err := c.ConnectPeer(f.ctx, &lnrpc.ConnectPeerRequest{Addr: &lnrpc.LightningAddress{Pubkey: id, Host: "127.0.0.1:9735"}})
		return err
	}
	require.NoError(t, connect(key(2).String()))
	refused(t, connect(f.node.id().String()), codes.Unknown, "connection to self")
	refused(t, connect("02zz"), codes.Unknown, "invalid public key")
	refused(t, connect(strings.Repeat("00", 33)), codes.Unknown, "not a valid")
	f.node.err = &rpc.AlreadyConnected{ID: key(2), Address: "127.0.0.1:9735"}
	refused(t, connect(key(2).String()), codes.Unknown, "already connected to")
	f.node.err = &rpc.NotConnected{ID: key(2)}
	_, err := c.DisconnectPeer(f.ctx, &lnrpc.DisconnectPeerRequest{PubKey: key(2).String()})
	refused(t, err, codes.Unknown, "unable to disconnect peer: peer "+key(2).String()+" is not connected")
}

func TestPeersShowTheirErrors(t *testing.T) {
	f := running(t)
	at := time.Unix(1_700_000_000, 0)
	f.node.peers = []rpc.Peer{{ID: key(2), Ping: 1500 * time.Microsecond, LastFlap: at, Errors: []rpc.PeerError{{at, "a"}, {at, "b\xff"}}}}
	c := f.dial(client.ReadOnly).Lightning
	all, err := c.ListPeers(f.ctx, &lnrpc.ListPeersRequest{})
	require.NoError(t, err)
	require.Len(t, all.Peers[0].Errors, 2)
	require.EqualValues(t, 1500, all.Peers[0].PingTime)
	last, err := c.ListPeers(f.ctx, &lnrpc.ListPeersRequest{LatestError: true})
	require.NoError(t, err)
	require.Len(t, last.Peers[0].Errors, 1)
	require.Equal(t, "b?", last.Peers[0].Errors[0].Error, "a peer's bytes cannot break the answer")
}

func TestChannelsAreFilteredAndSummed(t *testing.T) {
	f := running(t)
	f.node.channels = []rpc.Channel{
		{ID: 1, Peer: key(2), Active: true, LocalBalance: 1_500, RemoteBalance: 9_000, PeerAlias: "bob", Type: lnrpc.CommitmentType_ANCHORS},
		{ID: 2, Peer: key(3), Private: true, LocalBalance: 2_700, HTLCs: []rpc.ChannelHTLC{{Amount: 4_000}, {Amount: 6_999, Incoming: true}}},
	}
	f.node.pending.Opening = []rpc.PendingOpen{{PendingChannel: rpc.PendingChannel{LocalBalance: 50, RemoteBalance: 8}}}
	c := f.dial(client.ReadOnly).Lightning
	ids := func(r *lnrpc.ListChannelsRequest) (out []uint64) {
		resp, err := c.ListChannels(f.ctx, r)
		require.NoError(t, err)
		for _, ch := range resp.Channels {
			out = append(out, ch.ChanId)
		}
		return out
	}
	peer := key(3)
	require.Equal(t, []uint64{1, 2}, ids(&lnrpc.ListChannelsRequest{}))
	require.Equal(t, []uint64{1}, ids(&lnrpc.ListChannelsRequest{ActiveOnly: true}))
	require.Equal(t, []uint64{2}, ids(&lnrpc.ListChannelsRequest{InactiveOnly: true}))
	require.Equal(t, []uint64{1}, ids(&lnrpc.ListChannelsRequest{PublicOnly: true}))
	require.Equal(t, []uint64{2}, ids(&lnrpc.ListChannelsRequest{PrivateOnly: true}))
	require.Equal(t, []uint64{2}, ids(&lnrpc.ListChannelsRequest{Peer: peer[:]}))
	_, err := c.ListChannels(f.ctx, &lnrpc.ListChannelsRequest{ActiveOnly: true, InactiveOnly: true})
	refused(t, err, codes.Unknown, "either `active_only` or `inactive_only` can be set, but not both")

	list, err := c.ListChannels(f.ctx, &lnrpc.ListChannelsRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 10, list.Channels[1].UnsettledBalance)
	require.Empty(t, list.Channels[0].PeerAlias, "only on request")
	require.Equal(t, "ChanStatusDefault", list.Channels[0].ChanStatusFlags)

	b, err := c.ChannelBalance(f.ctx, &lnrpc.ChannelBalanceRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 4_200, b.LocalBalance.Msat)
	require.EqualValues(t, 4, b.LocalBalance.Sat)
	require.EqualValues(t, 4_000, b.UnsettledLocalBalance.Msat)
	require.EqualValues(t, 6_999, b.UnsettledRemoteBalance.Msat)
	require.EqualValues(t, 50, b.PendingOpenLocalBalance.Sat)
}

func TestPendingChannelsShowWhatIsInLimbo(t *testing.T) {
	f := running(t)
	tx := wire.NewMsgTx(2)
	local := chainhash.Hash{4}
	f.node.pending = rpc.PendingChannels{
		Opening:      []rpc.PendingOpen{{PendingChannel: rpc.PendingChannel{Peer: key(2), Memo: "m"}, ConfsLeft: 3}},
		WaitingClose: []rpc.WaitingClose{{Limbo: 100, ClosingTx: tx, LocalTxid: &local}, {Limbo: 1}},
		ForceClosing: []rpc.ForceClosing{{Limbo: 20, Maturity: 900, HTLCs: []rpc.PendingHTLC{{Stage: 2}}}},
	}
	c := f.dial(client.ReadOnly).Lightning
	resp, err := c.PendingChannels(f.ctx, &lnrpc.PendingChannelsRequest{IncludeRawTx: true})
	require.NoError(t, err)
	require.EqualValues(t, 121, resp.TotalLimboBalance)
	require.EqualValues(t, 3, resp.PendingOpenChannels[0].ConfirmationsUntilActive)
	w := resp.WaitingCloseChannels
	require.Equal(t, tx.TxHash().String(), w[0].ClosingTxid)
	var buf bytes.Buffer
	require.NoError(t, tx.Serialize(&buf))
	require.Equal(t, hex.EncodeToString(buf.Bytes()), w[0].ClosingTxHex)
	require.Equal(t, local.String(), w[0].Commitments.LocalTxid)
	require.Empty(t, w[1].ClosingTxid)
	require.EqualValues(t, 2, resp.PendingForceClosingChannels[0].PendingHtlcs[0].Stage)
}

func TestClosedChannelsAreFilteredByTheirEnd(t *testing.T) {
	f := running(t)
	sweep := chainhash.Hash{1}
	f.node.closed = []rpc.ClosedChannel{
		{ID: 1, Kind: lnrpc.ChannelCloseSummary_COOPERATIVE_CLOSE},
		{ID: 2, Kind: lnrpc.ChannelCloseSummary_BREACH_CLOSE, Resolutions: []rpc.Resolution{{Amount: 330, Sweep: &sweep}}},
	}
	c := f.dial(client.ReadOnly).Lightning
	all, err := c.ClosedChannels(f.ctx, &lnrpc.ClosedChannelsRequest{})
	require.NoError(t, err)
	require.Len(t, all.Channels, 2)
	require.Equal(t, regtest.GenesisHash.String(), all.Channels[0].ChainHash)
	breach, err := c.ClosedChannels(f.ctx, &lnrpc.ClosedChannelsRequest{Breach: true, Abandoned: true})
	require.NoError(t, err)
	require.Len(t, breach.Channels, 1)
	require.Equal(t, sweep.String(), breach.Channels[0].Resolutions[0].SweepTxid)
}

func TestGraphIsShownWithItsStatistics(t *testing.T) {
	f := running(t)
	at := time.Unix(1_700_000_000, 0)
	f.node.nodes = []rpc.GraphNode{{ID: key(2), Known: true, Alias: "b\xffb", Color: "#010203", Addresses: []string{"a:1"}}, {ID: key(3)}, {ID: key(4)}}
	f.node.graph = []rpc.GraphChannel{
		{ID: 10, Capacity: 100, Nodes: [2]lnwire.PubKey{key(2), key(3)}, Policies: [2]*rpc.GraphPolicy{{Updated: at, Fee: rpc.FeeSchedule{Base: 1, PPM: 2}}, nil}},
		{ID: 11, Capacity: 300, Nodes: [2]lnwire.PubKey{key(2), key(4)}, Point: wire.OutPoint{Hash: chainhash.Hash{7}, Index: 1}, Proof: &[4]lnwire.Sig{{1}, {2}, {3}, {4}}},
	}
	c := f.dial(client.ReadOnly).Lightning
	g, err := c.DescribeGraph(f.ctx, &lnrpc.ChannelGraphRequest{IncludeAuthProof: true})
	require.NoError(t, err)
	require.Equal(t, "b?b", g.Nodes[0].Alias)
	require.EqualValues(t, at.Unix(), g.Edges[0].LastUpdate)
	require.Nil(t, g.Edges[0].Node2Policy)
	require.EqualValues(t, 3, g.Edges[1].AuthProof.NodeSig2[0])

	n, err := c.GetNetworkInfo(f.ctx, &lnrpc.NetworkInfoRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 2, n.MaxOutDegree)
	require.InDelta(t, 4.0/3, n.AvgOutDegree, 1e-9)
	require.EqualValues(t, 400, n.TotalNetworkCapacity)
	require.EqualValues(t, 200, n.MedianChannelSizeSat)
	require.EqualValues(t, 6, n.NumZombieChans)

	node, err := c.GetNodeInfo(f.ctx, &lnrpc.NodeInfoRequest{PubKey: key(2).String()})
	require.NoError(t, err)
	require.EqualValues(t, 400, node.TotalCapacity)
	require.Empty(t, node.Channels)
	_, err = c.GetNodeInfo(f.ctx, &lnrpc.NodeInfoRequest{PubKey: key(8).String()})
	refused(t, err, codes.NotFound, "unable to find node")

	edge, err := c.GetChanInfo(f.ctx, &lnrpc.ChanInfoRequest{ChanPoint: f.node.graph[1].Point.String()})
	require.NoError(t, err)
	require.EqualValues(t, 11, edge.ChannelId)
	require.Nil(t, edge.AuthProof)
	_, err = c.GetChanInfo(f.ctx, &lnrpc.ChanInfoRequest{ChanId: 99})
	refused(t, err, codes.NotFound, "edge not found")
	_, err = c.GetChanInfo(f.ctx, &lnrpc.ChanInfoRequest{ChanPoint: "77"})
	refused(t, err, codes.Unknown, "TXID:INDEX")
}

func TestPolicyIsCheckedBeforeItIsChanged(t *testing.T) {
	f := running(t)
	f.node.failed = []rpc.FailedPolicy{{Reason: lnrpc.UpdateFailure_UPDATE_FAILURE_PENDING, Text: "not yet"}}
	c := f.dial(client.Admin).Lightning
	all := &lnrpc.PolicyUpdateRequest_Global{Global: true}
	resp, err := c.UpdateChannelPolicy(f.ctx, &lnrpc.PolicyUpdateRequest{
		Scope: all, BaseFeeMsat: 1000, FeeRate: 0.000123, TimeLockDelta: 40, InboundFee: &lnrpc.InboundFee{BaseFeeMsat: -5},
	})
	require.NoError(t, err)
	require.Equal(t, "not yet", resp.FailedUpdates[0].UpdateError)
	require.Nil(t, f.node.asked.point)
	require.EqualValues(t, 123, f.node.asked.policy.PPM)
	require.EqualValues(t, -5, *f.node.asked.policy.InboundBase)
	require.Nil(t, f.node.asked.policy.MinHTLC)

	one := &lnrpc.PolicyUpdateRequest_ChanPoint{ChanPoint: &lnrpc.ChannelPoint{
		FundingTxid: &lnrpc.ChannelPoint_FundingTxidStr{FundingTxidStr: chainhash.Hash{5}.String()}, OutputIndex: 1,
	}}
	_, err = c.UpdateChannelPolicy(f.ctx, &lnrpc.PolicyUpdateRequest{Scope: one, FeeRatePpm: 9, TimeLockDelta: 18, MinHtlcMsatSpecified: true})
	require.NoError(t, err)
	require.Equal(t, &wire.OutPoint{Hash: chainhash.Hash{5}, Index: 1}, f.node.asked.point)
	require.Zero(t, *f.node.asked.policy.MinHTLC)
	for want, r := range map[string]*lnrpc.PolicyUpdateRequest{
		"unknown scope":                          {TimeLockDelta: 40},
		"cannot set both FeeRate and FeeRatePpm": {Scope: all, FeeRate: 1, FeeRatePpm: 1, TimeLockDelta: 40},
		"time lock delta of 17 is too small":     {Scope: all, TimeLockDelta: 17},
		"time lock delta of 65536 is too big":    {Scope: all, TimeLockDelta: 65536},
		"is too small, min fee rate":             {Scope: all, TimeLockDelta: 40, FeeRate: 1e-7},
		"is too large":                           {Scope: all, TimeLockDelta: 40, FeeRate: 1e9},
		"base fee of -1 msat":                    {Scope: all, TimeLockDelta: 40, BaseFeeMsat: -1},
		"can only be negative":                   {Scope: all, TimeLockDelta: 40, InboundFee: &lnrpc.InboundFee{FeeRatePpm: 1}},
	} {
		_, err := c.UpdateChannelPolicy(f.ctx, r)
		refused(t, err, codes.Unknown, want)
	}
}

func TestFeesAreReportedForADayAWeekAndAMonth(t *testing.T) {
	f := running(t)
	r, err := f.dial(client.ReadOnly).Lightning.FeeReport(f.ctx, &lnrpc.FeeReportRequest{})
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 7, 30}, []uint64{r.DayFeeSum, r.WeekFeeSum, r.MonthFeeSum})
	require.InDelta(t, 0.00025, r.ChannelFees[0].FeeRate, 1e-12)
}

func TestForwardsComeInPagesWithTheirFees(t *testing.T) {
	f := running(t)
	at := time.Now().Add(-time.Hour)
	f.node.forwards = []rpc.Forward{
		{Time: at, In: 1, Out: 2, AmountIn: 10_500, AmountOut: 10_000, PeerIn: "a"}, {Time: at, AmountIn: 1_000, AmountOut: 2_000},
	}
	c := f.dial(client.ReadOnly).Lightning
	h, err := c.ForwardingHistory(f.ctx, &lnrpc.ForwardingHistoryRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 2, h.LastOffsetIndex)
	require.EqualValues(t, 100, f.node.asked.forwards.Max)
	require.InDelta(t, 24*time.Hour, f.node.asked.forwards.To.Sub(f.node.asked.forwards.From), float64(time.Second))
	require.EqualValues(t, 500, h.ForwardingEvents[0].FeeMsat)
	require.EqualValues(t, 0, h.ForwardingEvents[1].FeeMsat, "a discount is no huge fee")
	require.Empty(t, h.ForwardingEvents[0].PeerAliasIn)
	h, err = c.ForwardingHistory(f.ctx, &lnrpc.ForwardingHistoryRequest{IndexOffset: 1, NumMaxEvents: rpc.MaxForwardEvents, EndTime: 1 << 63})
	require.NoError(t, err)
	require.Len(t, h.ForwardingEvents, 1)
	require.EqualValues(t, 2, h.LastOffsetIndex)
	_, err = c.ForwardingHistory(f.ctx, &lnrpc.ForwardingHistoryRequest{NumMaxEvents: rpc.MaxForwardEvents + 1})
	refused(t, err, codes.Unknown, "must not exceed 50000")
}

func TestDaemonStopsAndLogsOnRequest(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin).Lightning
	d, err := c.DebugLevel(f.ctx, &lnrpc.DebugLevelRequest{Show: true})
	require.NoError(t, err)
	require.Contains(t, d.SubSystems, "CHAN PEER")
	_, err = c.DebugLevel(f.ctx, &lnrpc.DebugLevelRequest{LevelSpec: "debug"})
	require.NoError(t, err)
	require.Equal(t, "debug", f.node.level)
	f.node.err = errors.New("no such level")
	_, err = c.DebugLevel(f.ctx, &lnrpc.DebugLevelRequest{LevelSpec: "loud"})
	refused(t, err, codes.Unknown, "no such level")
	_, err = c.StopDaemon(f.ctx, &lnrpc.StopRequest{})
	require.NoError(t, err)
	<-f.node.stopped
}

func TestAddressKindIsPassedOn(t *testing.T) {
	f := running(t)
	c := f.dial(client.Invoice).Lightning
	a, err := c.NewAddress(f.ctx, &lnrpc.NewAddressRequest{Type: lnrpc.AddressType_TAPROOT_PUBKEY, Account: "default"})
	require.NoError(t, err)
	require.Equal(t, "bcrt1-TAPROOT_PUBKEY-default", a.Address)
	_, err = c.NewAddress(f.ctx, &lnrpc.NewAddressRequest{Type: 99})
	refused(t, err, codes.Unknown, "unknown address type")
}
