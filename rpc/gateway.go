package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// MaxResponseSize bounds one answer, for the gateway and for our clients: the whole graph fits.
const MaxResponseSize = 200 << 20

func tlsConfig(pair tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// newREST makes the gateway, which speaks to the inner gRPC server through memory.
func (s *Server) newREST(conf *tls.Config) error {
	var err error
	s.gateway, err = grpc.NewClient("passthrough:///gateway",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.pipe.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // nothing leaves the process
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxResponseSize)))
	if err != nil {
		return fmt.Errorf("dial own gRPC server: %w", err)
	}
	mux := newMux()
	ctx := context.Background() // the registrations would close the connection when it ends; Stop closes it
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		lnrpc.RegisterStateHandler, lnrpc.RegisterWalletUnlockerHandler, lnrpc.RegisterLightningHandler,
		routerrpc.RegisterRouterHandler, walletrpc.RegisterWalletKitHandler, verrpc.RegisterVersionerHandler,
	} {
		if err := register(ctx, mux, s.gateway); err != nil {
			return fmt.Errorf("register REST: %w", err)
		}
	}
	s.rest = &http.Server{
		Handler:           http.MaxBytesHandler(mux, MaxRequestSize),
		TLSConfig:         conf.Clone(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    MaxHeaderSize,
	}
	return nil
}

// newMux speaks JSON as LND does: names as in the .proto files, zero values written out, and read as JSON whatever the
// content type says, since some clients send it as a form.
func newMux() *runtime.ServeMux {
	return runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true},
		}),
		runtime.WithDisablePathLengthFallback(),
	)
}
