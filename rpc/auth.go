package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/macaroon"
)

// MacaroonKey is the metadata key under which a client sends its macaroon, in hex.
const MacaroonKey = "macaroon"

// guard stands before every handler of one listener: is the wallet open, may the client do this?
type guard struct {
	*Server
	gateway bool // calls come from the REST gateway, which names its client in x-forwarded-for
}

func (g guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer recovered(g.log, info.FullMethod, &err)
	if err := g.admit(ctx, info.FullMethod); err != nil {
		return nil, statusOf(err)
	}
	resp, err = next(ctx, req)
	return resp, statusOf(err)
}

func (g guard) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer recovered(g.log, info.FullMethod, &err)
	if err := g.admit(stream.Context(), info.FullMethod); err != nil {
		return statusOf(err)
	}
	return statusOf(next(srv, stream))
}

// admit says why the call may not be made; nil where it may.
func (g guard) admit(ctx context.Context, method string) error {
	if err := g.authorize(ctx, method); err != nil {
		return err
	}
	if active[method] && g.state.current() != lnrpc.WalletState_SERVER_ACTIVE {
		return ErrServerNotActive
	}
	return nil
}

func (g guard) authorize(ctx context.Context, method string) error {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	if err := g.state.refusal(service); err != nil {
		return err
	}
	if open[service] || g.options.NoMacaroons {
		return nil
	}
	ops, ok := permissions[method]
	if !ok {
		return fmt.Errorf("%s: no permissions are defined for this method", method)
	}
	macs := g.macaroons.Load()
	if macs == nil {
		return errStarting
	}
	raw, err := macaroonOf(ctx)
	if err != nil {
		return err
	}
	if addr := g.client(ctx); addr.IsValid() {
		ctx = macaroon.WithClient(ctx, addr)
	}
	if err := macs.Check(ctx, raw, method, ops); err != nil {
		g.log.Debug("RPC call refused", "method", method, "reason", err)
		return err
	}
	return nil
}

func macaroonOf(ctx context.Context) ([]byte, error) {
	md, ok := metadata.FromIncomingContext(ctx)
	if !ok {
		return nil, errors.New("unable to get metadata from context")
	}
	values := md.Get(MacaroonKey)
	if len(values) != 1 {
		return nil, fmt.Errorf("expected 1 macaroon, got %d", len(values))
	}
	if len(values[0]) > 2*macaroon.MaxSize {
		return nil, macaroon.ErrTooLarge
	}
	return hex.DecodeString(values[0])
}

// client is the address that the call comes from; invalid where it is not known.
func (g guard) client(ctx context.Context) netip.Addr {
	var host string
	if g.gateway {
		// The gateway appends the address that it saw itself; what precedes it is the client's own say.
		md, _ := metadata.FromIncomingContext(ctx)
		if hops := md.Get("x-forwarded-for"); len(hops) > 0 {
			parts := strings.Split(hops[len(hops)-1], ",")
			host = strings.TrimSpace(parts[len(parts)-1])
		}
	} else if p, ok := peer.FromContext(ctx); ok {
		if h, _, err := net.SplitHostPort(p.Addr.String()); err == nil {
			host = h
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

func orDiscard(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
