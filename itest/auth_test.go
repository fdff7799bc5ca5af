package itest

import (
	"net/http"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestAWalletIsMadeLockedAndRestored(t *testing.T) {
	n := start(t, 1)
	first, second := []byte("correct horse"), []byte("battery staple")
	d := n.daemon()
	d.run()
	d.reaches(lnrpc.WalletState_NON_EXISTING)
	c := d.dial(client.None)
	_, err := c.Lightning.GetInfo(n.ctx, &lnrpc.GetInfoRequest{})
	require.ErrorContains(t, err, "wallet not created")
	seed, err := c.Unlocker.GenSeed(n.ctx, &lnrpc.GenSeedRequest{})
	require.NoError(t, err)
	words := seed.CipherSeedMnemonic
	require.Len(t, words, 24)
	_, err = c.Unlocker.InitWallet(n.ctx, &lnrpc.InitWalletRequest{WalletPassword: []byte("short"), CipherSeedMnemonic: words})
	require.ErrorContains(t, err, "at least 8 characters")
	_, err = c.Unlocker.InitWallet(n.ctx, &lnrpc.InitWalletRequest{WalletPassword: first, CipherSeedMnemonic: words})
	require.NoError(t, err)
	d.reaches(lnrpc.WalletState_SERVER_ACTIVE)
	_, err = c.Unlocker.UnlockWallet(n.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: first})
	require.ErrorContains(t, err, "wallet already unlocked")
	id := d.receive(300_000)
	d.stop()

	d.run()
	d.reaches(lnrpc.WalletState_LOCKED)
	_, err = d.dial(client.Admin).Lightning.GetInfo(n.ctx, &lnrpc.GetInfoRequest{})
	require.ErrorContains(t, err, "wallet locked")
	c = d.dial(client.None)
	_, err = c.Unlocker.UnlockWallet(n.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: second})
	require.ErrorContains(t, err, "invalid passphrase for master public key")
	_, err = c.Unlocker.ChangePassword(n.ctx, &lnrpc.ChangePasswordRequest{CurrentPassword: first, NewPassword: second, NewMacaroonRootKey: true})
	require.NoError(t, err)
	d.reaches(lnrpc.WalletState_SERVER_ACTIVE)
	require.Equal(t, int64(300_000), d.coins())
	d.stop()

	d.run()
	d.reaches(lnrpc.WalletState_LOCKED)
	c = d.dial(client.None)
	_, err = c.Unlocker.UnlockWallet(n.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: first})
	require.ErrorContains(t, err, "invalid passphrase for master public key", "the old password")
	_, err = c.Unlocker.UnlockWallet(n.ctx, &lnrpc.UnlockWalletRequest{WalletPassword: second})
	require.NoError(t, err)
	d.reaches(lnrpc.WalletState_SERVER_ACTIVE)
	d.stop()

	again := n.daemon() // an empty folder and the words
	again.run()
	again.reaches(lnrpc.WalletState_NON_EXISTING)
	_, err = again.dial(client.None).Unlocker.InitWallet(n.ctx, &lnrpc.InitWalletRequest{WalletPassword: first, CipherSeedMnemonic: words, RecoveryWindow: 100})
	require.NoError(t, err)
	again.reaches(lnrpc.WalletState_SERVER_ACTIVE)
	n.eventually("the coins are found", func() bool { return again.coins() == 300_000 })
	info, err := again.dial(client.Admin).Lightning.GetInfo(n.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(t, err)
	require.Equal(t, id, info.IdentityPubkey)
}

// receive gets coins from the miner, and returns who the daemon is.
func (d *daemon) receive(sat int64) string {
	d.n.t.Helper()
	c := d.dial(client.Admin)
	a, err := c.Lightning.NewAddress(d.n.ctx, &lnrpc.NewAddressRequest{Type: lnrpc.AddressType_TAPROOT_PUBKEY})
	require.NoError(d.n.t, err)
	to, err := address.DecodeAddress(a.Address, &chaincfg.RegressionNetParams)
	require.NoError(d.n.t, err)
	_, err = d.n.Chain.Fund(d.n.ctx, to, btcutil.Amount(sat))
	require.NoError(d.n.t, err)
	require.NoError(d.n.t, d.n.Mine(d.n.ctx, 1))
	d.n.eventually("the coins arrive", func() bool { return d.coins() == sat })
	info, err := c.Lightning.GetInfo(d.n.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(d.n.t, err)
	return info.IdentityPubkey
}

func (d *daemon) coins() int64 {
	d.n.t.Helper()
	b, err := d.dial(client.Admin).Lightning.WalletBalance(d.n.ctx, &lnrpc.WalletBalanceRequest{})
	require.NoError(d.n.t, err)
	return b.ConfirmedBalance
}

func TestMacaroonsAllowWhatTheySay(t *testing.T) {
	n := start(t, 1)
	node, err := n.Node("alice")
	require.NoError(t, err)
	d := &daemon{n: n, dir: node.Dir, rpc: node.RPC, rest: node.REST}
	pay := &lnrpc.SendCoinsRequest{Addr: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", Amount: 10_000}
	garbage, err := client.FromDir(node.RPC, node.Dir, &chaincfg.RegressionNetParams, client.Admin)
	require.NoError(t, err)
	garbage.Macaroon[len(garbage.Macaroon)-1] ^= 1
	for _, c := range []struct {
		name          string
		client        *client.Client
		macaroon      string
		read, invoice string // the refusal; empty: allowed
	}{
		{"none", d.dial(client.None), client.None, "expected 1 macaroon, got 0", "expected 1 macaroon, got 0"},
		{"readonly", d.dial(client.ReadOnly), client.ReadOnly, "", "permission denied"},
		{"invoice", d.dial(client.Invoice), client.Invoice, "permission denied", ""},
		{"changed", d.with(garbage), "", "verification failed|signature|cannot", "verification failed|signature|cannot"},
		{"admin", d.dial(client.Admin), client.Admin, "", ""},
	} {
		check := func(want string, err error) {
			t.Helper()
			if want == "" {
				require.NoError(t, err, c.name)
				return
			}
			require.Error(t, err, c.name)
			require.Regexp(t, want, err.Error(), c.name)
		}
		_, err := c.client.Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
		check(c.read, err)
		_, err = c.client.Lightning.AddInvoice(n.ctx, &lnrpc.Invoice{Value: 1})
		check(c.invoice, err)
		if c.name != "admin" {
			_, err = c.client.Lightning.SendCoins(n.ctx, pay)
			require.Error(t, err, c.name)
		}
		if c.name == "changed" {
			continue
		}
		code, body := d.get(c.macaroon, "/v1/channels")
		if c.read == "" {
			require.Equal(t, http.StatusOK, code, c.name)
			continue
		}
		require.NotEqual(t, http.StatusOK, code, c.name)
		require.Regexp(t, c.read, body["message"], c.name)
	}
}
