package rpc

import (
	"google.golang.org/grpc"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/macaroon"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// open are the services that need no macaroon: they are there before there is a wallet to check one with.
var open = map[string]bool{
	lnrpc.State_ServiceDesc.ServiceName:          true,
	lnrpc.WalletUnlocker_ServiceDesc.ServiceName: true,
}

// permissions lists every method that is served and needs a macaroon, with what it asks of it, as LND does.
// A method that is not here is not served.
var permissions = map[string][]macaroon.Op{
	"/lnrpc.Lightning/WalletBalance":           {{Entity: "onchain", Action: "read"}},
	"/lnrpc.Lightning/GetTransactions":         {{Entity: "onchain", Action: "read"}},
	"/lnrpc.Lightning/EstimateFee":             {{Entity: "onchain", Action: "read"}},
	"/lnrpc.Lightning/ListUnspent":             {{Entity: "onchain", Action: "read"}},
	"/lnrpc.Lightning/SendCoins":               {{Entity: "onchain", Action: "write"}},
	"/lnrpc.Lightning/NewAddress":              {{Entity: "address", Action: "write"}},
	"/lnrpc.Lightning/SignMessage":             {{Entity: "message", Action: "write"}},
	"/lnrpc.Lightning/VerifyMessage":           {{Entity: "message", Action: "read"}},
	"/lnrpc.Lightning/ConnectPeer":             {{Entity: "peers", Action: "write"}},
	"/lnrpc.Lightning/DisconnectPeer":          {{Entity: "peers", Action: "write"}},
	"/lnrpc.Lightning/ListPeers":               {{Entity: "peers", Action: "read"}},
	"/lnrpc.Lightning/GetInfo":                 {{Entity: "info", Action: "read"}},
	"/lnrpc.Lightning/DebugLevel":              {{Entity: "info", Action: "write"}},
	"/lnrpc.Lightning/StopDaemon":              {{Entity: "info", Action: "write"}},
	"/lnrpc.Lightning/OpenChannel":             {{Entity: "onchain", Action: "write"}, {Entity: "offchain", Action: "write"}},
	"/lnrpc.Lightning/OpenChannelSync":         {{Entity: "onchain", Action: "write"}, {Entity: "offchain", Action: "write"}},
	"/lnrpc.Lightning/CloseChannel":            {{Entity: "onchain", Action: "write"}, {Entity: "offchain", Action: "write"}},
	"/lnrpc.Lightning/ChannelBalance":          {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/PendingChannels":         {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/ListChannels":            {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/ClosedChannels":          {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/SubscribeChannelEvents":  {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/AddInvoice":              {{Entity: "invoices", Action: "write"}},
	"/lnrpc.Lightning/LookupInvoice":           {{Entity: "invoices", Action: "read"}},
	"/lnrpc.Lightning/ListInvoices":            {{Entity: "invoices", Action: "read"}},
	"/lnrpc.Lightning/SubscribeInvoices":       {{Entity: "invoices", Action: "read"}},
	"/lnrpc.Lightning/DecodePayReq":            {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/ListPayments":            {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/DescribeGraph":           {{Entity: "info", Action: "read"}},
	"/lnrpc.Lightning/GetChanInfo":             {{Entity: "info", Action: "read"}},
	"/lnrpc.Lightning/GetNodeInfo":             {{Entity: "info", Action: "read"}},
	"/lnrpc.Lightning/GetNetworkInfo":          {{Entity: "info", Action: "read"}},
	"/lnrpc.Lightning/QueryRoutes":             {{Entity: "info", Action: "read"}},
	"/lnrpc.Lightning/FeeReport":               {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/ForwardingHistory":       {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/UpdateChannelPolicy":     {{Entity: "offchain", Action: "write"}},
	"/lnrpc.Lightning/ExportAllChannelBackups": {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/ExportChannelBackup":     {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/VerifyChanBackup":        {{Entity: "offchain", Action: "read"}},
	"/lnrpc.Lightning/RestoreChannelBackups":   {{Entity: "offchain", Action: "write"}},
	"/lnrpc.Lightning/SubscribeChannelBackups": {{Entity: "offchain", Action: "read"}},

	"/routerrpc.Router/SendPaymentV2":  {{Entity: "offchain", Action: "write"}},
	"/routerrpc.Router/SendToRouteV2":  {{Entity: "offchain", Action: "write"}},
	"/routerrpc.Router/TrackPaymentV2": {{Entity: "offchain", Action: "read"}},

	"/walletrpc.WalletKit/ListUnspent":        {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/LeaseOutput":        {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/ReleaseOutput":      {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/ListLeases":         {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/NextAddr":           {{Entity: "address", Action: "read"}},
	"/walletrpc.WalletKit/ListAccounts":       {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/EstimateFee":        {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/RequiredReserve":    {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/GetTransaction":     {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/LabelTransaction":   {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/PublishTransaction": {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/SendOutputs":        {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/PendingSweeps":      {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/ListSweeps":         {{Entity: "onchain", Action: "read"}},
	"/walletrpc.WalletKit/BumpFee":            {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/BumpForceCloseFee":  {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/FundPsbt":           {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/SignPsbt":           {{Entity: "onchain", Action: "write"}},
	"/walletrpc.WalletKit/FinalizePsbt":       {{Entity: "onchain", Action: "write"}},

	"/verrpc.Versioner/GetVersion": {{Entity: "info", Action: "read"}},
}

// active lists the methods that need peers and an up-to-date chain: they are refused until Ready.
var active = map[string]bool{
	"/lnrpc.Lightning/ConnectPeer":           true,
	"/lnrpc.Lightning/DisconnectPeer":        true,
	"/lnrpc.Lightning/OpenChannel":           true,
	"/lnrpc.Lightning/OpenChannelSync":       true,
	"/lnrpc.Lightning/CloseChannel":          true,
	"/lnrpc.Lightning/RestoreChannelBackups": true,
	"/routerrpc.Router/SendPaymentV2":        true,
	"/routerrpc.Router/SendToRouteV2":        true,
}

// served cuts a service down to the methods in permissions, so that gRPC itself answers `unknown method` for the rest:
// that is how clients find out what is there.
func served(d grpc.ServiceDesc) *grpc.ServiceDesc {
	cut := d
	cut.Methods, cut.Streams = nil, nil
	for _, m := range d.Methods {
		if _, ok := permissions["/"+d.ServiceName+"/"+m.MethodName]; ok || open[d.ServiceName] {
			cut.Methods = append(cut.Methods, m)
		}
	}
	for _, m := range d.Streams {
		if _, ok := permissions["/"+d.ServiceName+"/"+m.StreamName]; ok || open[d.ServiceName] {
			cut.Streams = append(cut.Streams, m)
		}
	}
	return &cut
}

// register offers all services on g.
func (s *Server) register(g *grpc.Server) {
	g.RegisterService(served(lnrpc.State_ServiceDesc), &stateService{state: s.state, streams: s.streams})
	g.RegisterService(served(lnrpc.WalletUnlocker_ServiceDesc), &s.unlocker)
	g.RegisterService(served(lnrpc.Lightning_ServiceDesc), newLightning(s))
	g.RegisterService(served(routerrpc.Router_ServiceDesc), &router{b: &s.backend, streams: s.streams})
	g.RegisterService(served(walletrpc.WalletKit_ServiceDesc), &walletKit{b: &s.backend})
	g.RegisterService(served(verrpc.Versioner_ServiceDesc), versioner{})
}
