// Package client dials a node: gRPC over TLS with the node's own certificate, and a macaroon on every call.
//
//	target, err := client.FromDir("localhost:10009", dir, &chaincfg.RegressionNetParams, client.Admin)
//	node, err := client.Dial(target)
//	defer node.Close()
//	info, err := node.Lightning.GetInfo(ctx, &lnrpc.GetInfoRequest{})
package client

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// Names of the macaroon files that a node writes. None is for what needs no macaroon: State and WalletUnlocker.
const (
	None     = ""
	Admin    = "admin.macaroon"
	ReadOnly = "readonly.macaroon"
	Invoice  = "invoice.macaroon"
)

// Target says how to reach a node.
type Target struct {
	Address  string // host:port
	Cert     []byte // PEM: the certificate that the node must show
	Macaroon []byte // binary; empty: none
}

// FromDir reads certificate and macaroon from a node's directory.
func FromDir(address, dir string, network *chaincfg.Params, macaroon string) (t Target, err error) {
	t.Address = address
	if t.Cert, err = os.ReadFile(filepath.Join(dir, rpc.TLSCertFile)); err != nil {
		return t, fmt.Errorf("read the node's certificate: %w", err)
	}
	if macaroon == None {
		return t, nil
	}
	if t.Macaroon, err = os.ReadFile(filepath.Join(rpc.MacaroonDir(dir, network), macaroon)); err != nil {
		return t, fmt.Errorf("read macaroon: %w", err)
	}
	return t, nil
}

// Client is one connection to a node. It is made on the first call and again when it was lost.
type Client struct {
	Lightning lnrpc.LightningClient
	Router    routerrpc.RouterClient
	State     lnrpc.StateClient
	Unlocker  lnrpc.WalletUnlockerClient
	Version   verrpc.VersionerClient
	WalletKit walletrpc.WalletKitClient

	conn *grpc.ClientConn
}

// ErrBadCert refuses a certificate that is no PEM.
var ErrBadCert = errors.New("the node's certificate cannot be read")

// Dial prepares a connection; it does not wait for the node.
func Dial(t Target) (*Client, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(t.Cert) {
		return nil, ErrBadCert
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(pool, "")),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(rpc.MaxResponseSize)),
	}
	if len(t.Macaroon) > 0 {
		opts = append(opts, grpc.WithPerRPCCredentials(token(hex.EncodeToString(t.Macaroon))))
	}
	conn, err := grpc.NewClient(t.Address, opts...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", t.Address, err)
	}
	return &Client{
		Lightning: lnrpc.NewLightningClient(conn),
		Router:    routerrpc.NewRouterClient(conn),
		State:     lnrpc.NewStateClient(conn),
		Unlocker:  lnrpc.NewWalletUnlockerClient(conn),
		Version:   verrpc.NewVersionerClient(conn),
		WalletKit: walletrpc.NewWalletKitClient(conn),
		conn:      conn,
	}, nil
}

// Conn is the connection itself, for services that have no field here.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Close ends all calls.
func (c *Client) Close() error { return c.conn.Close() }

// token puts a macaroon on every call, and never on one without TLS.
type token string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{rpc.MacaroonKey: string(t)}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (token) RequireTransportSecurity() bool { return true }
