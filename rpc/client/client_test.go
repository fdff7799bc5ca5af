package client_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/lightningnetwork/lnd/cert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// noWallet is a node that nobody has made a wallet for; only its state is asked.
type noWallet struct {
	rpc.Unlocker
	rpc.Seeder
}

func (noWallet) WalletExists() (bool, error) { return false, nil }

func TestTargetIsReadFromTheNodesDirectory(t *testing.T) {
	dir, net := t.TempDir(), &chaincfg.TestNet3Params
	_, err := client.FromDir("a:1", dir, net, client.None)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.cert"), []byte("pem"), 0o600))
	target, err := client.FromDir("a:1", dir, net, client.None)
	require.NoError(t, err)
	require.Equal(t, client.Target{Address: "a:1", Cert: []byte("pem")}, target)
	_, err = client.FromDir("a:1", dir, net, client.Admin)
	require.ErrorIs(t, err, os.ErrNotExist)
	path := filepath.Join(dir, "data", "chain", "bitcoin", "testnet")
	require.NoError(t, os.MkdirAll(path, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path, "admin.macaroon"), []byte{1}, 0o600))
	target, err = client.FromDir("a:1", dir, net, client.Admin)
	require.NoError(t, err)
	require.Equal(t, []byte{1}, target.Macaroon)
}

func TestDialNeedsAReadableCertificate(t *testing.T) {
	_, err := client.Dial(client.Target{Address: "a:1", Cert: []byte("pem")})
	require.ErrorIs(t, err, client.ErrBadCert)
}

func TestClientTalksOnlyToTheNodeWhoseCertificateItHas(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	s, err := rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: dir, Network: &chaincfg.RegressionNetParams}, noWallet{}, noWallet{})
	require.NoError(t, err)
	require.NoError(t, s.Start(ctx))
	defer func() { require.NoError(t, s.Stop(ctx)) }()

	state := func(pem []byte) error {
		c, err := client.Dial(client.Target{Address: s.GRPCAddr().String(), Cert: pem, Macaroon: []byte{1}})
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close()) }()
		require.NotNil(t, c.Conn())
		_, err = c.State.GetState(ctx, &lnrpc.GetStateRequest{})
		return err
	}
	own, err := os.ReadFile(filepath.Join(dir, rpc.TLSCertFile))
	require.NoError(t, err)
	require.NoError(t, state(own))
	other, _, err := cert.GenCertPair("another node", nil, nil, false, time.Hour)
	require.NoError(t, err)
	require.Equal(t, codes.Unavailable, status.Code(state(other)))
}
