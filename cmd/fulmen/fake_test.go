package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lightningnetwork/lnd/cert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// Keys and hashes of the tests.
var (
	bobKey  = "02" + strings.Repeat("ab", 32)
	someTx  = strings.Repeat("1f", 32)
	hash    = strings.Repeat("33", 32)
	someDay = int64(1_700_000_000)
)

// fakeNode answers what the tests ask; everything else is Unimplemented.
type fakeNode struct {
	lnrpc.UnimplementedLightningServer
	lnrpc.UnimplementedStateServer
	lnrpc.UnimplementedWalletUnlockerServer
	routerrpc.UnimplementedRouterServer

	dir, address string
	err          error
	state        lnrpc.WalletState
	invoice      *lnrpc.PayReq
	updates      []*lnrpc.Payment

	opened *lnrpc.OpenChannelRequest
	closed *lnrpc.CloseChannelRequest
	paid   *routerrpc.SendPaymentRequest
	policy *lnrpc.PolicyUpdateRequest
	made   *lnrpc.InitWalletRequest
	added  *lnrpc.Invoice
}

// newFake serves a node on loopback, with its folder.
func newFake(t *testing.T) *fakeNode {
	f := &fakeNode{dir: t.TempDir()}
	certPEM, keyPEM, err := cert.GenCertPair("test", nil, nil, true, time.Hour)
	require.NoError(t, err)
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, rpc.TLSCertFile), certPEM, 0o600))
	macaroons := rpc.MacaroonDir(f.dir, networks["regtest"])
	require.NoError(t, os.MkdirAll(macaroons, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(macaroons, client.Admin), []byte("admin"), 0o600))

	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	lnrpc.RegisterLightningServer(server, f)
	lnrpc.RegisterStateServer(server, f)
	lnrpc.RegisterWalletUnlockerServer(server, f)
	routerrpc.RegisterRouterServer(server, f)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.address = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
	return f
}

// run runs the program against the node; what it says on failure is explain's.
func (f *fakeNode) run(t *testing.T, stdin string, args ...string) (out, complaint string) {
	t.Helper()
	var w bytes.Buffer
	app := newApp()
	app.Reader, app.Writer, app.ErrWriter = strings.NewReader(stdin), &w, &w
	full := append([]string{"fulmen", "--rpcserver", f.address, "--dir", f.dir}, args...)
	if err := run(t.Context(), app, full); err != nil {
		complaint = explain(err)
	}
	return w.String(), complaint
}

func (f *fakeNode) GetInfo(context.Context, *lnrpc.GetInfoRequest) (*lnrpc.GetInfoResponse, error) {
	return &lnrpc.GetInfoResponse{IdentityPubkey: bobKey, Alias: "bob", BlockHeight: 1234, SyncedToChain: true}, f.err
}

func (f *fakeNode) WalletBalance(context.Context, *lnrpc.WalletBalanceRequest) (*lnrpc.WalletBalanceResponse, error) {
	return &lnrpc.WalletBalanceResponse{TotalBalance: 1_250_000, ConfirmedBalance: 1_000_000, UnconfirmedBalance: 250_000}, f.err
}

func (f *fakeNode) ListChannels(context.Context, *lnrpc.ListChannelsRequest) (*lnrpc.ListChannelsResponse, error) {
	return &lnrpc.ListChannelsResponse{Channels: []*lnrpc.Channel{
		{Active: true, RemotePubkey: bobKey, PeerAlias: "bob\x1b[31m", ChanId: 103<<40 | 1<<16, ChannelPoint: someTx + ":0", Capacity: 1_000_000, LocalBalance: 400_000, RemoteBalance: 596_530},
	}}, f.err
}

func (f *fakeNode) OpenChannel(r *lnrpc.OpenChannelRequest, s lnrpc.Lightning_OpenChannelServer) error {
	f.opened = r
	pending := &lnrpc.OpenStatusUpdate{Update: &lnrpc.OpenStatusUpdate_ChanPending{ChanPending: &lnrpc.PendingUpdate{Txid: []byte{1, 2, 3}, OutputIndex: 1}}}
	open := &lnrpc.OpenStatusUpdate{Update: &lnrpc.OpenStatusUpdate_ChanOpen{ChanOpen: &lnrpc.ChannelOpenUpdate{
		ChannelPoint: &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidBytes{FundingTxidBytes: []byte{1, 2, 3}}, OutputIndex: 1}}}}
	if err := s.Send(pending); err != nil {
		return err
	}
	return s.Send(open)
}

func (f *fakeNode) CloseChannel(r *lnrpc.CloseChannelRequest, s lnrpc.Lightning_CloseChannelServer) error {
	f.closed = r
	return s.Send(&lnrpc.CloseStatusUpdate{Update: &lnrpc.CloseStatusUpdate_ClosePending{ClosePending: &lnrpc.PendingUpdate{Txid: []byte{9}, FeePerVbyte: 2}}})
}

func (f *fakeNode) AddInvoice(_ context.Context, r *lnrpc.Invoice) (*lnrpc.AddInvoiceResponse, error) {
	f.added = r
	return &lnrpc.AddInvoiceResponse{RHash: []byte{0xca, 0xfe}, PaymentRequest: "lnbcrt1", AddIndex: 7}, f.err
}

func (f *fakeNode) DecodePayReq(context.Context, *lnrpc.PayReqString) (*lnrpc.PayReq, error) {
	return f.invoice, f.err
}

func (f *fakeNode) GetNodeInfo(_ context.Context, r *lnrpc.NodeInfoRequest) (*lnrpc.NodeInfo, error) {
	if r.PubKey != bobKey {
		return nil, status.Error(codes.NotFound, "unable to find node")
	}
	return &lnrpc.NodeInfo{Node: &lnrpc.LightningNode{PubKey: bobKey, Alias: "bob"}}, nil
}

func (f *fakeNode) SendPaymentV2(r *routerrpc.SendPaymentRequest, s routerrpc.Router_SendPaymentV2Server) error {
	f.paid = r
	for _, u := range f.updates {
		if err := s.Send(u); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fakeNode) UpdateChannelPolicy(_ context.Context, r *lnrpc.PolicyUpdateRequest) (*lnrpc.PolicyUpdateResponse, error) {
	f.policy = r
	return &lnrpc.PolicyUpdateResponse{}, f.err
}

func (f *fakeNode) GetState(context.Context, *lnrpc.GetStateRequest) (*lnrpc.GetStateResponse, error) {
	return &lnrpc.GetStateResponse{State: f.state}, nil
}

func (f *fakeNode) SubscribeState(_ *lnrpc.SubscribeStateRequest, s lnrpc.State_SubscribeStateServer) error {
	return s.Send(&lnrpc.SubscribeStateResponse{State: lnrpc.WalletState_RPC_ACTIVE})
}

func (f *fakeNode) GenSeed(context.Context, *lnrpc.GenSeedRequest) (*lnrpc.GenSeedResponse, error) {
	return &lnrpc.GenSeedResponse{CipherSeedMnemonic: strings.Fields(strings.Repeat("abandon ", seedWords))}, nil
}

func (f *fakeNode) InitWallet(_ context.Context, r *lnrpc.InitWalletRequest) (*lnrpc.InitWalletResponse, error) {
	f.made = r
	return &lnrpc.InitWalletResponse{}, nil
}
