package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/macaroon"
)

// Limits of what a client may send.
const (
	MaxRequestSize = 16 << 20 // bytes of one message, or of one REST body
	MaxHeaderSize  = 64 << 10 // bytes of metadata
	MaxStreams     = 10_000   // concurrent calls of one connection; more wait at the client
)

// Options say where a Server listens and where its files lie.
type Options struct {
	GRPC    []string // host:port, at least one
	REST    []string // host:port; empty: no REST
	Dir     string   // tls.cert and tls.key; macaroons below it, see MacaroonDir
	Network *chaincfg.Params

	TLSExtraIPs     []string // named in the certificate beside this machine's own
	TLSExtraDomains []string
	NoMacaroons     bool // every client may do everything
	Log             *slog.Logger
}

// Server serves the API. New, Start, (wallet opens), Activate, Ready, Stop.
type Server struct {
	options  Options
	log      *slog.Logger
	state    *walletState
	streams  *streams
	unlocker unlocker
	backend  Backend // written once, by Activate, before the state lets any reader pass

	macaroons atomic.Pointer[macaroon.Service]

	public, inner *grpc.Server // inner serves the REST gateway
	pipe          *bufconn.Listener
	rest          *http.Server
	gateway       *grpc.ClientConn
	grpcListeners []net.Listener
	restListeners []net.Listener
	serving       chan error // one result for each of the started loops
	loops         int
}

// NewServer makes a Server; nothing listens yet.
func NewServer(o Options, u Unlocker, seeds Seeder) (*Server, error) {
	if len(o.GRPC) == 0 || o.Network == nil {
		return nil, errors.New("rpc: an address for gRPC and a network are needed")
	}
	pair, parsed, err := certificate(&o)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, log: orDiscard(o.Log), state: newWalletState()}
	s.streams = newStreams(s.log)
	s.unlocker = unlocker{server: s, wallet: u, seeds: seeds}
	s.log.Debug("TLS certificate loaded", "until", parsed.NotAfter)
	conf := tlsConfig(pair)
	s.public = s.newGRPC(false, grpc.Creds(credentials.NewTLS(conf)), grpc.MaxConcurrentStreams(MaxStreams))
	s.inner = s.newGRPC(true)
	s.pipe = bufconn.Listen(256 << 10)
	if len(o.REST) > 0 {
		if err := s.newREST(conf); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) newGRPC(gateway bool, opts ...grpc.ServerOption) *grpc.Server {
	g := guard{s, gateway}
	opts = append(opts,
		grpc.ChainUnaryInterceptor(g.unary), grpc.ChainStreamInterceptor(g.stream),
		grpc.MaxRecvMsgSize(MaxRequestSize), grpc.MaxHeaderListSize(MaxHeaderSize),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	)
	srv := grpc.NewServer(opts...)
	s.register(srv)
	return srv
}

// Start listens. From now on State and WalletUnlocker are served. Stop is due after a failed Start too.
func (s *Server) Start(ctx context.Context) error {
	exists, err := s.unlocker.wallet.WalletExists()
	if err != nil {
		return fmt.Errorf("look for a wallet: %w", err)
	}
	if err := s.listen(ctx); err != nil {
		return errors.Join(err, s.closeListeners())
	}
	if exists {
		s.state.advance(lnrpc.WalletState_LOCKED)
	} else {
		s.state.advance(lnrpc.WalletState_NON_EXISTING)
	}
	s.serve()
	return nil
}

func (s *Server) listen(ctx context.Context) error {
	var lc net.ListenConfig
	for _, addr := range s.options.GRPC {
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("listen for gRPC: %w", err)
		}
		s.grpcListeners = append(s.grpcListeners, l)
	}
	for _, addr := range s.options.REST {
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("listen for REST: %w", err)
		}
		s.restListeners = append(s.restListeners, l)
	}
	return nil
}

func (s *Server) closeListeners() error {
	var errs []error
	for _, l := range append(s.grpcListeners, s.restListeners...) {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// serve starts one loop for each listener; Stop waits for all of them.
func (s *Server) serve() {
	s.loops = len(s.grpcListeners) + len(s.restListeners) + 1
	s.serving = make(chan error, s.loops)
	start := func(name string, l net.Listener, serve func(net.Listener) error) {
		s.log.Info("RPC server listening", "protocol", name, "address", l.Addr())
		go func() {
			err := serve(l)
			if err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("RPC listener failed", "protocol", name, "address", l.Addr(), "err", err)
			}
			s.serving <- err
		}()
	}
	for _, l := range s.grpcListeners {
		start("gRPC", l, s.public.Serve)
	}
	for _, l := range s.restListeners {
		start("REST", l, func(l net.Listener) error { return s.rest.ServeTLS(l, "", "") })
	}
	start("gateway", s.pipe, s.inner.Serve)
}

// GRPCAddr is the first address that gRPC is served on, RESTAddr that of REST, nil without it; after Start.
func (s *Server) GRPCAddr() net.Addr { return s.grpcListeners[0].Addr() }
func (s *Server) RESTAddr() net.Addr {
	if len(s.restListeners) == 0 {
		return nil
	}
	return s.restListeners[0].Addr()
}

// Unlocked says that the wallet has been opened without a client's help, and writes the macaroon files. The calls of
// WalletUnlocker do the same on their own. It returns the admin macaroon.
func (s *Server) Unlocked(ctx context.Context, k RootKeeper) (admin []byte, err error) {
	return s.unlocker.opened(ctx, k, keepFiles)
}

// Activate hands over the node: from now on every call is served that does without Ready, once the wallet's macaroons
// are there. It is called once.
func (s *Server) Activate(b Backend) {
	s.backend = b
	s.state.advance(lnrpc.WalletState_RPC_ACTIVE)
}

// Ready says that the node has caught up with the chain and talks to its peers; until then what needs them is refused
// with ErrServerNotActive.
func (s *Server) Ready() { s.state.advance(lnrpc.WalletState_SERVER_ACTIVE) }

// Stop ends all streams, lets calls finish until ctx ends, and closes the rest. It returns when no handler runs any
// more.
func (s *Server) Stop(ctx context.Context) error {
	s.streams.close()
	var errs []error
	if s.rest != nil {
		if err := s.rest.Shutdown(ctx); err != nil {
			errs = append(errs, s.rest.Close())
		}
		errs = append(errs, s.gateway.Close())
	}
	stop(ctx, s.inner)
	stop(ctx, s.public)
	errs = append(errs, s.pipe.Close())
	for range s.loops {
		if err := <-s.serving; err != nil && !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	s.streams.wait()
	return errors.Join(errs...)
}

// stop is graceful until ctx ends.
func stop(ctx context.Context, g *grpc.Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.GracefulStop()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		g.Stop()
		<-done
	}
}
