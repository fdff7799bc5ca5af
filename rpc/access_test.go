package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	upstream "gopkg.in/macaroon.v2"

	"github.com/fulmen-ln/fulmen/rpc/chainrpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/invoicesrpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/macaroon"
	"github.com/fulmen-ln/fulmen/rpc/peersrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
	"github.com/fulmen-ln/fulmen/rpc/signrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
	"github.com/fulmen-ln/fulmen/rpc/watchtowerrpc"
	"github.com/fulmen-ln/fulmen/rpc/wtclientrpc"
)

// Who may call what. A macaroon below grants the methods of its own row alone; admin grants them all.
var (
	readOnlyAndInvoice = []string{
		"Lightning/WalletBalance", "Lightning/GetTransactions", "Lightning/EstimateFee", "Lightning/ListUnspent",
		"Lightning/LookupInvoice", "Lightning/ListInvoices", "Lightning/SubscribeInvoices",
		"WalletKit/ListUnspent", "WalletKit/ListLeases", "WalletKit/NextAddr", "WalletKit/ListAccounts", "WalletKit/EstimateFee",
		"WalletKit/RequiredReserve", "WalletKit/GetTransaction", "WalletKit/PendingSweeps", "WalletKit/ListSweeps",
	}
	readOnlyAlone = []string{
		"Lightning/VerifyMessage", "Lightning/ListPeers", "Lightning/GetInfo", "Lightning/ChannelBalance",
		"Lightning/PendingChannels", "Lightning/ListChannels", "Lightning/ClosedChannels", "Lightning/SubscribeChannelEvents",
		"Lightning/DecodePayReq", "Lightning/ListPayments", "Lightning/DescribeGraph", "Lightning/GetChanInfo",
		"Lightning/GetNodeInfo", "Lightning/GetNetworkInfo", "Lightning/QueryRoutes", "Lightning/FeeReport",
		"Lightning/ExportAllChannelBackups", "Lightning/ExportChannelBackup", "Lightning/VerifyChanBackup",
		"Lightning/SubscribeChannelBackups", "Lightning/ForwardingHistory", "Router/TrackPaymentV2", "Versioner/GetVersion",
	}
	invoiceAlone = []string{"Lightning/AddInvoice", "Lightning/NewAddress"}
	adminAlone   = []string{
		"Lightning/SendCoins", "Lightning/SignMessage", "Lightning/ConnectPeer", "Lightning/DisconnectPeer",
		"Lightning/DebugLevel", "Lightning/StopDaemon", "Lightning/OpenChannel", "Lightning/OpenChannelSync",
		"Lightning/CloseChannel", "Lightning/RestoreChannelBackups", "Lightning/UpdateChannelPolicy", "Router/SendPaymentV2", "Router/SendToRouteV2",
		"WalletKit/LeaseOutput", "WalletKit/ReleaseOutput", "WalletKit/LabelTransaction", "WalletKit/PublishTransaction",
		"WalletKit/SendOutputs", "WalletKit/BumpFee", "WalletKit/BumpForceCloseFee", "WalletKit/FundPsbt", "WalletKit/SignPsbt",
		"WalletKit/FinalizePsbt",
	}
	everybody = []string{
		"State/GetState", "State/SubscribeState",
		"WalletUnlocker/GenSeed", "WalletUnlocker/InitWallet", "WalletUnlocker/UnlockWallet", "WalletUnlocker/ChangePassword",
	}
)

// method is one of any service that has stubs here.
type method struct {
	service, name string
	stream        bool
}

func (m method) String() string {
	_, service, _ := strings.Cut(m.service, ".")
	return service + "/" + m.name
}

func allMethods() (out []method) {
	for _, d := range []grpc.ServiceDesc{
		lnrpc.State_ServiceDesc, lnrpc.WalletUnlocker_ServiceDesc, lnrpc.Lightning_ServiceDesc, routerrpc.Router_ServiceDesc,
		verrpc.Versioner_ServiceDesc, walletrpc.WalletKit_ServiceDesc, invoicesrpc.Invoices_ServiceDesc, signrpc.Signer_ServiceDesc,
		chainrpc.ChainKit_ServiceDesc, chainrpc.ChainNotifier_ServiceDesc, peersrpc.Peers_ServiceDesc,
		watchtowerrpc.Watchtower_ServiceDesc, wtclientrpc.WatchtowerClient_ServiceDesc,
	} {
		for _, m := range d.Methods {
			out = append(out, method{d.ServiceName, m.MethodName, false})
		}
		for _, s := range d.Streams {
			out = append(out, method{d.ServiceName, s.StreamName, true})
		}
	}
	return out
}

// call makes the call with an empty request and returns the first thing that comes back. A stream that says nothing
// after it was admitted is ended by ctx.
func (m method) call(ctx context.Context, conn *grpc.ClientConn, admitted <-chan struct{}) error {
	path := "/" + m.service + "/" + m.name
	if !m.stream {
		return conn.Invoke(ctx, path, &emptypb.Empty{}, &emptypb.Empty{})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, path)
	if err != nil {
		return err
	}
	// EOF: the server has refused the stream before it was written to; RecvMsg says why.
	if err := s.SendMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	got := make(chan error, 1)
	go func() { got <- s.RecvMsg(&emptypb.Empty{}) }()
	select {
	case err := <-got:
		return err
	case <-admitted:
		cancel()
		<-got
		return nil
	}
}

func denied(err error) bool {
	text := status.Convert(err).Message()
	return strings.Contains(text, "permission denied") || strings.Contains(text, "verification failed") ||
		strings.Contains(text, "expected 1 macaroon")
}

func TestEveryMethodAsksEveryMacaroonForItsPermission(t *testing.T) {
	f := running(t)
	foreign, err := macaroon.NewService(bytes.Repeat([]byte{99}, macaroon.RootKeySize))
	require.NoError(t, err)
	stolen, err := foreign.Mint(f.ctx, macaroon.Admin()...)
	require.NoError(t, err)
	who := map[string]*client.Client{
		"admin": f.dial(client.Admin), "readonly": f.dial(client.ReadOnly), "invoice": f.dial(client.Invoice), "nobody": f.dial(client.None),
		"foreign": f.connect(client.Target{Address: f.GRPCAddr().String(), Cert: f.cert(), Macaroon: stolen}),
	}
	// Streams that are admitted and have nothing to say: their subscription shows it.
	silent := map[string]<-chan struct{}{
		"Lightning/SubscribeInvoices": f.node.invoiced.came, "Lightning/SubscribeChannelEvents": f.node.events.came,
		"Lightning/SubscribeChannelBackups": f.node.backups.subscribers.came,
	}
	served := 0
	for _, m := range allMethods() {
		var may []string
		switch name := m.String(); {
		case slices.Contains(readOnlyAndInvoice, name):
			may = []string{"admin", "readonly", "invoice"}
		case slices.Contains(readOnlyAlone, name):
			may = []string{"admin", "readonly"}
		case slices.Contains(invoiceAlone, name):
			may = []string{"admin", "invoice"}
		case slices.Contains(adminAlone, name):
			may = []string{"admin"}
		case slices.Contains(everybody, name):
			may = []string{"admin", "readonly", "invoice", "nobody", "foreign"}
		default:
			continue // not served: see below
		}
		served++
		for name, c := range who {
			err := m.call(f.ctx, c.Conn(), silent[m.String()])
			require.Equal(t, slices.Contains(may, name), !denied(err), "%s by %s: %v", m, name, err)
			require.NotEqual(t, codes.Unimplemented, status.Code(err), "%s: %v", m, err)
			require.NotEqual(t, codes.Internal, status.Code(err), "%s: %v", m, err)
		}
		if m.name == "StopDaemon" {
			<-f.node.stopped
		}
	}
	require.Equal(t, 70, served)
}

func TestMethodsThatAreNotServedAreUnknown(t *testing.T) {
	f := running(t)
	conn := f.dial(client.Admin).Conn()
	services := []string{"lnrpc.State", "lnrpc.WalletUnlocker", "lnrpc.Lightning", "routerrpc.Router", "verrpc.Versioner",
		"walletrpc.WalletKit"}
	all := slices.Concat(readOnlyAndInvoice, readOnlyAlone, invoiceAlone, adminAlone, everybody)
	for _, m := range allMethods() {
		if slices.Contains(services, m.service) && slices.Contains(all, m.String()) {
			continue
		}
		want := "unknown service " + m.service
		if slices.Contains(services, m.service) {
			want = "unknown method " + m.name + " for service " + m.service
		}
		err := m.call(f.ctx, conn, nil)
		refused(t, err, codes.Unimplemented, want)
		require.Equal(t, want, status.Convert(err).Message())
	}
}

// restricted adds a caveat to the admin macaroon as a client does.
func (f *fixture) restricted(caveat string) client.Target {
	t, err := client.FromDir(f.GRPCAddr().String(), f.dir, regtest, client.Admin)
	require.NoError(f.t, err)
	var m upstream.Macaroon
	require.NoError(f.t, m.UnmarshalBinary(t.Macaroon))
	require.NoError(f.t, m.AddFirstPartyCaveat([]byte(caveat)))
	t.Macaroon, err = m.MarshalBinary()
	require.NoError(f.t, err)
	return t
}

func TestCaveatsAreCheckedAgainstClockAndClient(t *testing.T) {
	f := running(t)
	for caveat, ok := range map[string]bool{
		"time-before 2999-01-01T00:00:00Z": true,
		"time-before 2001-01-01T00:00:00Z": false,
		"ipaddr 127.0.0.1":                 true,
		"ipaddr 192.0.2.1":                 false,
		"iprange 127.0.0.0/8":              true,
		"iprange 192.0.2.0/24":             false,
		"unheard-of x":                     false,
	} {
		_, err := f.connect(f.restricted(caveat)).Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
		require.Equal(t, ok, err == nil, "%s: %v", caveat, err)
	}
}

func TestMalformedMacaroonsAreRefusedWithoutHarm(t *testing.T) {
	f := running(t)
	c := f.dial(client.None)
	for _, values := range [][]string{
		{""}, {"zz"}, {"00"}, {"02"}, {strings.Repeat("00", macaroon.MaxSize)}, {strings.Repeat("00", macaroon.MaxSize+1)}, {"02", "02"},
	} {
		ctx := f.ctx
		for _, v := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, "macaroon", v)
		}
		_, err := c.Lightning.GetInfo(ctx, &lnrpc.GetInfoRequest{})
		require.Equal(t, codes.Unknown, status.Code(err), "%v", err)
	}
}

func TestRequestIsReadUpToItsMaximumSize(t *testing.T) {
	f := running(t)
	c := f.dial(client.Admin)
	_, err := c.Lightning.SignMessage(f.ctx, &lnrpc.SignMessageRequest{Msg: make([]byte, 16<<20-5)}) // with 5 bytes of framing
	require.NoError(t, err)
	_, err = c.Lightning.SignMessage(f.ctx, &lnrpc.SignMessageRequest{Msg: make([]byte, 16<<20-4)})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
}
