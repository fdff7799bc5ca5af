package wallet

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain/fake"
)

// longAgo is before the first block of the fake chain.
var longAgo = time.Unix(1_200_000_000, 0)

// patience bounds every wait; it is an error to need it.
const patience = 20 * time.Second

// rig is a wallet on a fake chain.
type rig struct {
	t     *testing.T
	chain *fake.Chain
	cfg   Config
	seed  *Seed
	*Wallet
}

func newRig(t *testing.T) *rig {
	t.Helper()
	words, err := NewMnemonic()
	require.NoError(t, err)
	s, err := NewSeed(words, "", longAgo)
	require.NoError(t, err)
	c := fake.New()
	c.Mine(1)
	return openRig(t, c, t.TempDir(), s)
}

func openRig(t *testing.T, c *fake.Chain, dir string, s *Seed) *rig {
	t.Helper()
	r := &rig{t: t, chain: c, seed: s, cfg: Config{
		Dir: dir, Params: &chaincfg.RegressionNetParams, Chain: c, RecoveryWindow: 20, Log: slog.New(slog.DiscardHandler),
	}}
	r.open()
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func (r *rig) open() {
	r.t.Helper()
	var err error
	r.Wallet, err = Open(r.cfg, r.seed)
	require.NoError(r.t, err)
	r.synced()
}

// reopen is a restart.
func (r *rig) reopen() {
	r.t.Helper()
	require.NoError(r.t, r.Close())
	r.seed.fresh = false // as after LoadSeed
	r.open()
}

func (r *rig) synced() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	require.NoError(r.t, r.WaitSynced(ctx))
}

// mine mines and waits until the wallet has followed.
func (r *rig) mine(n int) {
	r.t.Helper()
	r.chain.Mine(n)
	r.synced()
}

// deposit pays the wallet, confirmed.
func (r *rig) deposit(amounts ...btcutil.Amount) (ops []wire.OutPoint) {
	r.t.Helper()
	for i, a := range amounts {
		addr, err := r.NewAddress([]AddressType{P2WPKH, P2TR}[i%2], false)
		require.NoError(r.t, err)
		script, err := r.Script(addr)
		require.NoError(r.t, err)
		_, op := r.chain.Fund(script, a)
		ops = append(ops, op)
	}
	r.mine(1)
	return ops
}

func (r *rig) balance() Balance {
	r.t.Helper()
	b, err := r.Balance(1)
	require.NoError(r.t, err)
	return b
}

func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	require.Eventually(r.t, ok, patience, 2*time.Millisecond, what)
}

func (r *rig) send(amount btcutil.Amount, label string) *wire.MsgTx {
	r.t.Helper()
	tx, err := r.Send(r.t.Context(), SendRequest{Outputs: pay(amount), Label: label, Selection: Selection{FeeRate: 1000, MinConfs: 1}})
	require.NoError(r.t, err)
	return tx
}

func TestADepositIsSeenUnconfirmedAndConfirmed(t *testing.T) {
	r := newRig(t)
	for _, kind := range []AddressType{P2WPKH, P2TR} {
		before := r.balance()
		addr, err := r.NewAddress(kind, false)
		require.NoError(t, err)
		script, err := r.Script(addr)
		require.NoError(t, err)
		require.True(t, r.Owns(script))
		tx, op := r.chain.Fund(script, 50_000)
		r.eventually("unconfirmed", func() bool { return r.balance().Unconfirmed == before.Unconfirmed+50_000 })
		got, err := r.Transaction(tx.TxHash())
		require.NoError(t, err)
		require.Zero(t, got.Height)
		require.Zero(t, got.Confs)

		r.mine(1)
		require.Equal(t, before.Confirmed+50_000, r.balance().Confirmed)
		r.mine(2)
		coins, err := r.ListUnspent(3, 3)
		require.NoError(t, err)
		require.Len(t, coins, 1)
		require.Equal(t, Coin{OutPoint: op, Amount: 50_000, Script: script, Address: addr, Type: kind, Confs: 3}, coins[0])
	}
}

func TestAnUnusedAddressIsReplacedWhenItIsPaid(t *testing.T) {
	r := newRig(t)
	a, err := r.UnusedAddress(P2TR)
	require.NoError(t, err)
	b, err := r.UnusedAddress(P2TR)
	require.NoError(t, err)
	require.Equal(t, a, b)
	script, err := r.Script(a)
	require.NoError(t, err)
	r.chain.Fund(script, 50_000)
	r.mine(1)
	b, err = r.UnusedAddress(P2TR)
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	other, err := r.NewAddress(P2TR, true)
	require.NoError(t, err)
	require.NotEqual(t, b, other)
	_, err = r.Script("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
	require.Error(t, err, "another network")
}

func TestASendIsPublishedAndListed(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000, 200_000)
	tx := r.send(150_000, "rent")
	require.Len(t, r.chain.Mempool(), 1)
	r.mine(1)
	got, err := r.Transaction(tx.TxHash())
	require.NoError(t, err)
	require.Equal(t, "rent", got.Label)
	require.EqualValues(t, 1, got.Confs)
	require.Equal(t, -(150_000 + got.Fee), got.Amount)
	require.Equal(t, 150_000-got.Fee, r.balance().Confirmed)
	all, err := r.Transactions(0, Latest)
	require.NoError(t, err)
	require.Len(t, all, 3)
	only, err := r.Transactions(got.Height, got.Height)
	require.NoError(t, err)
	require.Len(t, only, 1)

	require.ErrorIs(t, r.Label(tx.TxHash(), "x", false), ErrLabelExists)
	require.NoError(t, r.Label(tx.TxHash(), "x", true))
	require.ErrorIs(t, r.Label([32]byte{1}, "x", true), ErrUnknownTx)
	long := make([]byte, MaxLabel+1)
	require.ErrorIs(t, r.Label(tx.TxHash(), string(long), true), ErrLongLabel)
	require.NoError(t, r.Label(tx.TxHash(), string(long[:MaxLabel]), true))
}

func TestSendAllEmptiesTheWallet(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000, 200_000, 50_000)
	q, err := r.Quote(t.Context(), SendRequest{Outputs: pay(0), All: true, Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	tx, err := r.Send(t.Context(), SendRequest{Outputs: pay(0), All: true, Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	require.Len(t, tx.TxOut, 1)
	require.EqualValues(t, 350_000, btcutil.Amount(tx.TxOut[0].Value)+q.Fee)
	r.mine(1)
	require.Zero(t, r.balance().Total)
}

func TestUnconfirmedCoinsAreSpentOnlyWhereAllowed(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	r.send(10_000, "")
	_, err := r.Send(t.Context(), SendRequest{Outputs: pay(10_000), Selection: Selection{FeeRate: 1000, MinConfs: 1}})
	require.ErrorIs(t, err, ErrInsufficientFunds)
	_, err = r.Send(t.Context(), SendRequest{Outputs: pay(10_000), Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	require.Len(t, r.chain.Mempool(), 2)
}

func TestTheReserveIsKeptUnlessOverridden(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	r.SetAnchorChannels(3)
	require.EqualValues(t, 30_000, r.balance().ReservedAnchor)
	_, err := r.Send(t.Context(), SendRequest{Outputs: pay(80_000), Selection: Selection{FeeRate: 1000}})
	require.ErrorIs(t, err, ErrReserved)
	_, err = r.Fund(t.Context(), FundRequest{Script: wshScript, Amount: 65_000, Selection: Selection{FeeRate: 1000}})
	require.ErrorIs(t, err, ErrReserved, "an opening counts its own channel too")
	f, err := r.Fund(t.Context(), FundRequest{Script: wshScript, All: true, Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	require.EqualValues(t, 60_000, f.Amount+f.Fee)
	require.NoError(t, r.Unfund(f))
	_, err = r.Send(t.Context(), SendRequest{Outputs: pay(80_000), Selection: Selection{FeeRate: 1000, SpendReserve: true}})
	require.NoError(t, err)
}

func TestRequestsThatContradictThemselvesAreRefused(t *testing.T) {
	r := newRig(t)
	ops := r.deposit(100_000)
	for name, req := range map[string]SendRequest{
		"no outputs": {}, "rate and target": {Outputs: pay(10_000), Selection: Selection{FeeRate: 300, Target: 3}},
		"a coin twice": {Outputs: pay(10_000), Selection: Selection{Coins: []wire.OutPoint{ops[0], ops[0]}}},
	} {
		_, err := r.Send(t.Context(), req)
		require.ErrorIs(t, err, ErrBadRequest, name)
	}
	_, err := r.Send(t.Context(), SendRequest{Outputs: pay(10_000), Selection: Selection{Coins: []wire.OutPoint{{Index: 5}}}})
	require.ErrorIs(t, err, ErrUnknownOutput)
	require.Empty(t, r.chain.Mempool())
}
