package wallet

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/internal/regtest"
)

// visible is how long a deposit or a block may take until the wallet shows it.
const visible = 2 * time.Second

// real is a wallet on a daemon.
type real struct {
	t     *testing.T
	ctx   context.Context
	chain *regtest.Chain
	cfg   Config
	seed  *Seed
	*Wallet
}

func newReal(t *testing.T, kind regtest.Kind) *real {
	t.Helper()
	c := regtest.ForTest(t, kind)
	client, err := c.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	r := &real{t: t, ctx: t.Context(), chain: c, cfg: Config{
		Dir: t.TempDir(), Params: &chaincfg.RegressionNetParams, Chain: client, RecoveryWindow: 20,
		Log: slog.New(slog.DiscardHandler),
	}}
	words, err := NewMnemonic()
	require.NoError(t, err)
	r.seed, err = NewSeed(words, "", time.Now())
	require.NoError(t, err)
	r.open()
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func (r *real) open() {
	r.t.Helper()
	var err error
	r.Wallet, err = Open(r.cfg, r.seed)
	require.NoError(r.t, err)
	r.synced()
}

// synced waits until the wallet is at the daemon's own height.
func (r *real) synced() {
	r.t.Helper()
	height, err := r.chain.Height(r.ctx)
	require.NoError(r.t, err)
	require.Eventually(r.t, func() bool { s := r.Sync(); return s.Synced && s.Height >= height }, patience, 5*time.Millisecond)
}

func (r *real) mine(n int) {
	r.t.Helper()
	_, err := r.chain.Mine(r.ctx, n)
	require.NoError(r.t, err)
	r.synced()
}

func (r *real) confirmed() btcutil.Amount {
	r.t.Helper()
	b, err := r.Balance(1)
	require.NoError(r.t, err)
	return b.Confirmed
}

// fund pays the wallet, unconfirmed.
func (r *real) fund(kind AddressType, amount btcutil.Amount) {
	r.t.Helper()
	addr, err := r.NewAddress(kind, false)
	require.NoError(r.t, err)
	script, err := r.Script(addr)
	require.NoError(r.t, err)
	_, err = r.chain.FundScript(r.ctx, script, amount)
	require.NoError(r.t, err)
}

func (r *real) deposit(kind AddressType, amount btcutil.Amount) {
	r.t.Helper()
	before, err := r.Balance(1)
	require.NoError(r.t, err)
	r.fund(kind, amount)
	require.Eventually(r.t, func() bool {
		b, err := r.Balance(1)
		return err == nil && b.Unconfirmed == before.Unconfirmed+amount
	}, visible, 5*time.Millisecond, "unconfirmed")
	_, err = r.chain.Mine(r.ctx, 1)
	require.NoError(r.t, err)
	require.Eventually(r.t, func() bool { return r.confirmed() == before.Confirmed+amount }, visible, 5*time.Millisecond, "confirmed")
}

func onEachDaemon(t *testing.T, scenario func(r *real)) {
	if testing.Short() {
		t.Skip("runs daemons")
	}
	for _, kind := range []regtest.Kind{regtest.Btcd, regtest.Bitcoind} {
		t.Run(string(kind), func(t *testing.T) { scenario(newReal(t, kind)) })
	}
}

func TestOnADaemonMoneyComesAndGoes(t *testing.T) {
	onEachDaemon(t, func(r *real) {
		t := r.t
		r.deposit(P2WPKH, 1_000_000)
		r.deposit(P2TR, 2_000_000)

		f, err := r.Fund(r.ctx, FundRequest{Script: wshScript, Amount: 500_000, Selection: Selection{FeeRate: 1000}})
		require.NoError(t, err)
		require.NoError(t, r.Publish(r.ctx, f.Tx, "opening"))
		tx, err := r.Send(r.ctx, SendRequest{Outputs: pay(1_200_000), Label: "rent", Selection: Selection{Target: 6, MinConfs: 1}})
		require.NoError(t, err)
		r.mine(1)
		got, err := r.Transaction(tx.TxHash())
		require.NoError(t, err)
		require.EqualValues(t, 1, got.Confs)
		require.Equal(t, 3_000_000-500_000-f.Fee-1_200_000-got.Fee, r.confirmed())

		second := *f
		second.Tx = f.Tx.Copy()
		second.Tx.TxOut[0].Value-- // spent already, and not signed
		var rejected *chain.Rejected
		require.ErrorAs(t, r.Publish(r.ctx, second.Tx, ""), &rejected)
	})
}

func TestOnADaemonTheWordsBringTheMoneyBack(t *testing.T) {
	onEachDaemon(t, func(r *real) {
		t := r.t
		r.deposit(P2WPKH, 1_000_000)
		r.deposit(P2TR, 2_000_000)
		_, err := r.Send(r.ctx, SendRequest{Outputs: pay(1_500_000), Selection: Selection{FeeRate: 1000, MinConfs: 1}})
		require.NoError(t, err)
		r.mine(2)
		want := r.confirmed()
		require.NoError(t, r.Close())
		r.cfg.Dir, r.seed.fresh = t.TempDir(), false
		r.open()
		require.Equal(t, want, r.confirmed())
		_, err = r.Send(r.ctx, SendRequest{Outputs: pay(0), All: true, Selection: Selection{FeeRate: 1000}})
		require.NoError(t, err)
		r.mine(1)
		require.Zero(t, r.confirmed())
	})
}

func TestOnADaemonReorganisationsAndRestarts(t *testing.T) {
	onEachDaemon(t, func(r *real) {
		t := r.t
		r.deposit(P2TR, 1_000_000)
		require.NoError(t, r.chain.Reorg(r.ctx, 1))
		r.synced()
		r.mine(1)
		require.Eventually(t, func() bool { b, err := r.Balance(1); return err == nil && b.Total == 1_000_000 }, patience, 5*time.Millisecond)

		require.NoError(t, r.chain.Restart(r.ctx))
		r.synced()
		r.fund(P2WPKH, 2_000_000) // the daemon's mempool feed may still be down; its blocks are not
		r.mine(1)
		require.EqualValues(t, 3_000_000, r.confirmed())

		require.NoError(t, r.Close())
		_, err := r.chain.Mine(r.ctx, 3)
		require.NoError(t, err)
		r.open()
		b, err := r.Balance(1)
		require.NoError(t, err)
		require.EqualValues(t, 3_000_000, b.Total)
	})
}
