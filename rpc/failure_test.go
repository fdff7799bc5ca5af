package rpc_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
)

// broken panics where it is asked, as a backend with a broken invariant does.
type broken struct{ rpc.Channels }

func (broken) Open(context.Context) ([]rpc.Channel, error) { panic("balance is negative") }

func TestPanicEndsItsCallAndNothingElse(t *testing.T) {
	f := locked(t, true)
	_, err := f.Unlocked(f.ctx, rootKey(f.wallet.root))
	require.NoError(t, err)
	node := f.node.backend()
	node.Channels = broken{Channels: node.Channels}
	f.Activate(node)
	c := f.dial(client.Admin)
	_, err = c.Lightning.ListChannels(f.ctx, &lnrpc.ListChannelsRequest{})
	refused(t, err, codes.Internal, "internal error")
	require.NotContains(t, err.Error(), "balance", "what broke is for the log")
	_, err = c.Version.GetVersion(f.ctx, &verrpc.VersionRequest{})
	require.NoError(t, err)
}

func TestServerThatCannotListenLeavesNothingOpen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	wallet, ctx := newWallet(true), testContext(t)
	s, err := rpc.NewServer(rpc.Options{
		GRPC: []string{"127.0.0.1:0"}, REST: []string{taken.Addr().String()}, Dir: t.TempDir(), Network: regtest,
	}, wallet, wallet)
	require.NoError(t, err)
	require.ErrorContains(t, s.Start(ctx), "listen for REST")
	_, err = net.Dial("tcp", s.GRPCAddr().String())
	require.Error(t, err)
	require.NoError(t, s.Stop(ctx))
}

func TestStopDoesNotWaitForAReaderThatIsGone(t *testing.T) {
	wallet, ctx, dir := newWallet(true), testContext(t), t.TempDir()
	s, err := rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: dir, Network: regtest, NoMacaroons: true}, wallet, wallet)
	require.NoError(t, err)
	require.NoError(t, s.Start(ctx))
	_, err = s.Unlocked(ctx, rootKey(nil))
	require.NoError(t, err)
	node := newNode()
	s.Activate(node.backend())
	f := &fixture{Server: s, t: t, ctx: ctx, dir: dir}
	_, err = f.dial(client.None).Lightning.SubscribeChannelEvents(ctx, &lnrpc.ChannelEventSubscription{})
	require.NoError(t, err)
	<-node.events.came
	big := rpc.ChannelEvent{Kind: lnrpc.ChannelEventUpdate_OPEN_CHANNEL, Opened: &rpc.Channel{Memo: string(make([]byte, 1<<20))}}
	node.events.send(big, big, big) // more than the client's window: the write waits for a reader
	over, cancel := context.WithCancel(ctx)
	cancel()
	require.NoError(t, s.Stop(over))
}

func TestMacaroonFilesAreKeptWhileTheyAreGoodAndReplacedWhenNot(t *testing.T) {
	f := running(t)
	path := filepath.Join(rpc.MacaroonDir(f.dir, regtest), client.Admin)
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = f.Unlocked(f.ctx, rootKey(f.wallet.root))
	require.NoError(t, err)
	second, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, first, second)
	_, err = f.Unlocked(f.ctx, rootKey(bytes.Repeat([]byte{3}, 32)))
	require.NoError(t, err)
	third, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotEqual(t, first, third)
	_, err = f.Unlocked(f.ctx, rootKey{1})
	require.ErrorContains(t, err, "root key has 1 bytes")
}

func TestStatelessChangeOfPasswordRemovesTheFiles(t *testing.T) {
	f := running(t) // writes them
	shut, err := rpc.NewServer(rpc.Options{GRPC: []string{"127.0.0.1:0"}, Dir: f.dir, Network: regtest}, f.wallet, f.wallet)
	require.NoError(t, err)
	require.NoError(t, shut.Start(f.ctx))
	defer func() { require.NoError(t, shut.Stop(f.ctx)) }()
	g := &fixture{Server: shut, t: t, ctx: f.ctx, dir: f.dir}
	c := g.dial(client.None).Unlocker
	_, err = c.ChangePassword(f.ctx, &lnrpc.ChangePasswordRequest{CurrentPassword: []byte("not the one"), NewPassword: []byte("battery staple")})
	refused(t, err, codes.Unknown, "invalid passphrase for master public key")
	_, err = c.ChangePassword(f.ctx, &lnrpc.ChangePasswordRequest{CurrentPassword: []byte(password), NewPassword: []byte(password)})
	refused(t, err, codes.Unknown, "the new password is the current one")
	resp, err := c.ChangePassword(f.ctx, &lnrpc.ChangePasswordRequest{
		CurrentPassword: []byte(password), NewPassword: []byte("battery staple"), StatelessInit: true,
	})
	require.NoError(t, err)
	require.NotEmpty(t, resp.AdminMacaroon)
	_, err = os.Stat(filepath.Join(rpc.MacaroonDir(f.dir, regtest), client.Admin))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWalletIsNotMadeOfWhatIsNotSupported(t *testing.T) {
	f := locked(t, false)
	c := f.dial(client.None).Unlocker
	base := func() *lnrpc.InitWalletRequest {
		return &lnrpc.InitWalletRequest{WalletPassword: []byte(password), CipherSeedMnemonic: []string{"abandon"}}
	}
	r := base()
	r.WatchOnly = &lnrpc.WatchOnly{}
	_, err := c.InitWallet(f.ctx, r)
	refused(t, err, codes.Unimplemented, "watch-only")
	r = base()
	r.ChannelBackups = &lnrpc.ChanBackupSnapshot{}
	_, err = c.InitWallet(f.ctx, r)
	refused(t, err, codes.Unimplemented, "backups")
	r = base()
	r.MacaroonRootKey = make([]byte, 31)
	_, err = c.InitWallet(f.ctx, r)
	refused(t, err, codes.Unknown, "must be 32 bytes")
	r = base()
	r.CipherSeedMnemonic = nil
	_, err = c.InitWallet(f.ctx, r)
	refused(t, err, codes.Unknown, "cipher_seed_mnemonic")
	r = base()
	r.RecoveryWindow = -1
	_, err = c.InitWallet(f.ctx, r)
	refused(t, err, codes.Unknown, "negative")
}
