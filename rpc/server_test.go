package rpc_test

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
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
)

var regtest = &chaincfg.RegressionNetParams

// deadline is longer than anything here takes; it ends a test that hangs.
const deadline = 30 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// fixture is a server on loopback.
type fixture struct {
	*rpc.Server
	t      testing.TB
	ctx    context.Context
	dir    string
	wallet *fakeWallet
	node   *fakeNode
}

// locked starts a server whose wallet is there or not, and not open.
func locked(t testing.TB, exists bool) *fixture {
	f := &fixture{t: t, ctx: testContext(t), dir: t.TempDir(), wallet: newWallet(exists), node: newNode()}
	s, err := rpc.NewServer(rpc.Options{
		GRPC: []string{"127.0.0.1:0"}, REST: []string{"127.0.0.1:0"}, Dir: f.dir, Network: regtest,
	}, f.wallet, f.wallet)
	require.NoError(t, err)
	require.NoError(t, s.Start(f.ctx))
	f.Server = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return f
}

// running starts a server with an open wallet and the fake node behind it.
func running(t testing.TB) *fixture {
	f := locked(t, true)
	_, err := f.Unlocked(f.ctx, rootKey(f.wallet.root))
	require.NoError(t, err)
	f.Activate(f.node.backend())
	f.Ready()
	return f
}

func (f *fixture) dial(macaroon string) *client.Client {
	f.t.Helper()
	target, err := client.FromDir(f.GRPCAddr().String(), f.dir, regtest, macaroon)
	require.NoError(f.t, err)
	return f.connect(target)
}

func (f *fixture) connect(t client.Target) *client.Client {
	c, err := client.Dial(t)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, c.Close()) })
	return c
}

// refused requires the status that a client would see.
func refused(t testing.TB, err error, code codes.Code, text string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, status.Code(err), "%v", err)
	require.Contains(t, status.Convert(err).Message(), text)
}

func TestWalletIsMadeAndThenEverythingIsServed(t *testing.T) {
	f := locked(t, false)
	c := f.dial(client.None)
	state, err := c.State.GetState(f.ctx, &lnrpc.GetStateRequest{})
	require.NoError(t, err)
	require.Equal(t, lnrpc.WalletState_NON_EXISTING, state.State)

	_, err = c.Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	refused(t, err, codes.Unknown, "wallet not created, create one to enable full RPC access")
	_, err = c.Unlocker.UnlockWallet(f.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: []byte(password)})
	refused(t, err, codes.Unknown, "wallet not found")

	seed, err := c.Unlocker.GenSeed(f.ctx, &lnrpc.GenSeedRequest{})
	require.NoError(t, err)
	made, err := c.Unlocker.InitWallet(f.ctx, &lnrpc.InitWalletRequest{
		WalletPassword: []byte(password), CipherSeedMnemonic: seed.CipherSeedMnemonic, RecoveryWindow: 250,
	})
	require.NoError(t, err)
	require.EqualValues(t, 250, f.wallet.got.RecoveryWindow)
	require.Equal(t, seed.CipherSeedMnemonic, f.wallet.got.Mnemonic)

	admin := f.connect(client.Target{Address: f.GRPCAddr().String(), Cert: f.cert(), Macaroon: made.AdminMacaroon})
	_, err = admin.Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	refused(t, err, codes.Unknown, "the RPC server is in the process of starting up, but not yet ready to accept calls")
	f.Activate(f.node.backend())
	_, err = admin.Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(t, err)
	_, err = c.Unlocker.GenSeed(f.ctx, &lnrpc.GenSeedRequest{})
	refused(t, err, codes.Unknown, "wallet already unlocked, WalletUnlocker service is no longer available")
}

func TestWhatNeedsPeersWaitsUntilTheNodeIsReady(t *testing.T) {
	f := locked(t, true)
	_, err := f.Unlocked(f.ctx, rootKey(f.wallet.root))
	require.NoError(t, err)
	f.Activate(f.node.backend())
	c := f.dial(client.Admin).Lightning
	connect := func() error {
		_, err := c.ConnectPeer(f.ctx, &lnrpc.ConnectPeerRequest{Addr: &lnrpc.LightningAddress{Pubkey: key(2).String(), Host: "h"}})
		return err
	}
	refused(t, connect(), codes.Unknown, "chain backend is still syncing, server not active yet")
	_, err = c.AddInvoice(f.ctx, &lnrpc.Invoice{Value: 1})
	require.NoError(t, err)
	f.Ready()
	require.NoError(t, connect())
}

func (f *fixture) cert() []byte {
	pem, err := os.ReadFile(filepath.Join(f.dir, rpc.TLSCertFile))
	require.NoError(f.t, err)
	return pem
}

func TestLockedWalletSaysSoAndOpensWithItsPasswordOnly(t *testing.T) {
	f := locked(t, true)
	c := f.dial(client.None)
	_, err := c.Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	refused(t, err, codes.Unknown, "wallet locked, unlock it to enable full RPC access")
	_, err = c.Version.GetVersion(f.ctx, &verrpc.VersionRequest{})
	refused(t, err, codes.Unknown, "wallet locked")
	_, err = c.Unlocker.GenSeed(f.ctx, &lnrpc.GenSeedRequest{})
	refused(t, err, codes.Unknown, "wallet already exists")

	_, err = c.Unlocker.UnlockWallet(f.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: []byte("wrong one")})
	refused(t, err, codes.Unknown, "invalid passphrase for master public key")
	_, err = c.Unlocker.UnlockWallet(f.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: []byte(password)})
	require.NoError(t, err)
	for _, name := range []string{client.Admin, client.ReadOnly, client.Invoice} {
		_, err := os.Stat(filepath.Join(f.dir, "data", "chain", "bitcoin", "regtest", name))
		require.NoError(t, err)
	}
	info, err := os.Stat(filepath.Join(rpc.MacaroonDir(f.dir, regtest), client.Admin))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	info, err = os.Stat(filepath.Join(f.dir, rpc.TLSKeyFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestPasswordNeedsItsMinimumLength(t *testing.T) {
	f := locked(t, false)
	c := f.dial(client.None)
	for n, ok := range map[int]bool{rpc.MinPassword - 1: false, rpc.MinPassword: true} {
		_, err := c.Unlocker.InitWallet(f.ctx, &lnrpc.InitWalletRequest{
			WalletPassword: make([]byte, n), CipherSeedMnemonic: []string{"abandon"},
		})
		if ok {
			require.NoError(t, err)
		} else {
			refused(t, err, codes.Unknown, "password must have at least 8 characters")
		}
		if ok {
			break // there is a wallet now
		}
	}
}

func TestStatelessWalletLeavesNoMacaroonFiles(t *testing.T) {
	f := locked(t, false)
	resp, err := f.dial(client.None).Unlocker.InitWallet(f.ctx, &lnrpc.InitWalletRequest{
		WalletPassword: []byte(password), CipherSeedMnemonic: []string{"abandon"}, StatelessInit: true,
	})
	require.NoError(t, err)
	require.NotEmpty(t, resp.AdminMacaroon)
	_, err = os.Stat(filepath.Join(rpc.MacaroonDir(f.dir, regtest), client.Admin))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNewRootKeyMakesOldMacaroonsWorthless(t *testing.T) {
	before := running(t)
	old, err := client.FromDir("", before.dir, regtest, client.Admin)
	require.NoError(t, err)

	f := locked(t, true)
	_, err = f.dial(client.None).Unlocker.ChangePassword(f.ctx, &lnrpc.ChangePasswordRequest{
		CurrentPassword: []byte(password), NewPassword: []byte("battery staple"), NewMacaroonRootKey: true,
	})
	require.NoError(t, err)
	f.Activate(f.node.backend())
	_, err = f.dial(client.Admin).Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(t, err)
	_, err = f.connect(client.Target{Address: f.GRPCAddr().String(), Cert: f.cert(), Macaroon: old.Macaroon}).
		Lightning.GetInfo(f.ctx, &lnrpc.GetInfoRequest{})
	refused(t, err, codes.Unknown, "verification failed")
}

func TestStateIsToldAsItChangesUntilTheServerStops(t *testing.T) {
	f := locked(t, true)
	stream, err := f.dial(client.None).State.SubscribeState(f.ctx, &lnrpc.SubscribeStateRequest{})
	require.NoError(t, err)
	next := func() lnrpc.WalletState {
		resp, err := stream.Recv()
		require.NoError(t, err)
		return resp.State
	}
	require.Equal(t, lnrpc.WalletState_LOCKED, next())
	_, err = f.Unlocked(f.ctx, rootKey(f.wallet.root))
	require.NoError(t, err)
	require.Equal(t, lnrpc.WalletState_UNLOCKED, next())
	f.Activate(f.node.backend())
	require.Equal(t, lnrpc.WalletState_RPC_ACTIVE, next())
	f.Ready()
	require.Equal(t, lnrpc.WalletState_SERVER_ACTIVE, next())
}

func TestStopEndsStreamsWithAReason(t *testing.T) {
	wallet, ctx, dir := newWallet(true), testContext(t), t.TempDir()
	s, err := rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: dir, Network: regtest, NoMacaroons: true}, wallet, wallet)
	require.NoError(t, err)
	require.NoError(t, s.Start(ctx))
	require.Nil(t, s.RESTAddr())
	_, err = s.Unlocked(ctx, rootKey(nil))
	require.NoError(t, err)
	node := newNode()
	s.Activate(node.backend())
	f := &fixture{Server: s, t: t, ctx: ctx, dir: dir}
	stream, err := f.dial(client.None).Lightning.SubscribeChannelEvents(ctx, &lnrpc.ChannelEventSubscription{})
	require.NoError(t, err)
	<-node.events.came
	require.NoError(t, s.Stop(ctx))
	_, err = stream.Recv()
	refused(t, err, codes.Unavailable, "server shutting down")
}

func TestServerNeedsAnAddress(t *testing.T) {
	wallet := newWallet(true)
	_, err := rpc.NewServer(rpc.Options{Dir: t.TempDir(), Network: regtest}, wallet, wallet)
	require.Error(t, err)
}

func TestCertificateIsKeptBetweenStarts(t *testing.T) {
	dir, wallet := t.TempDir(), newWallet(true)
	read := func() string {
		_, err := rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: dir, Network: regtest}, wallet, wallet)
		require.NoError(t, err)
		pem, err := os.ReadFile(filepath.Join(dir, rpc.TLSCertFile))
		require.NoError(t, err)
		return string(pem)
	}
	first := read()
	require.Equal(t, first, read())
	require.NoError(t, os.WriteFile(filepath.Join(dir, rpc.TLSCertFile), []byte("junk"), 0o600))
	_, err := rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: dir, Network: regtest}, wallet, wallet)
	require.Error(t, err, "a broken certificate is for its owner to look at")
}

func TestVersionIsThatOfTheAPI(t *testing.T) {
	f := running(t)
	c := f.dial(client.ReadOnly)
	v, err := c.Version.GetVersion(f.ctx, &verrpc.VersionRequest{})
	require.NoError(t, err)
	require.Equal(t, "0.21.2-beta", v.Version)
	require.Equal(t, []uint32{0, 21, 2}, []uint32{v.AppMajor, v.AppMinor, v.AppPatch})
	require.Equal(t, "beta", v.AppPreRelease)
	require.Empty(t, v.CommitHash)
}

func TestExpiredCertificateIsMadeAnew(t *testing.T) {
	dir, wallet := t.TempDir(), newWallet(true)
	writeExpired(t, dir)
	old, err := os.ReadFile(filepath.Join(dir, rpc.TLSCertFile))
	require.NoError(t, err)
	_, err = rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: dir, Network: regtest}, wallet, wallet)
	require.NoError(t, err)
	now, err := os.ReadFile(filepath.Join(dir, rpc.TLSCertFile))
	require.NoError(t, err)
	require.NotEqual(t, string(old), string(now))
}

// writeExpired puts a certificate into dir that has just ceased to be valid.
func writeExpired(t *testing.T, dir string) {
	certPEM, keyPEM, err := cert.GenCertPair("expired", nil, nil, true, -time.Hour)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, rpc.TLSCertFile), certPEM, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, rpc.TLSKeyFile), keyPEM, 0o600))
}
