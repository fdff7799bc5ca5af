package wallet

import (
	"context"
	"crypto/sha256"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/chain/fake"
)

func TestARestartForgetsNothing(t *testing.T) {
	r := newRig(t)
	ops := r.deposit(100_000, 200_000)
	_, err := r.Lease(LockID{7}, ops[0], time.Hour)
	require.NoError(t, err)
	tx := r.send(50_000, "before")
	before := r.balance()

	require.NoError(t, r.Close())
	r.chain.Mine(2) // what happens meanwhile is caught up with
	r.open()
	got, err := r.Transaction(tx.TxHash())
	require.NoError(t, err)
	require.Equal(t, "before", got.Label)
	require.EqualValues(t, 2, got.Confs)
	after := r.balance()
	require.Equal(t, before.Total, after.Total)
	require.EqualValues(t, 100_000, after.Locked)
	leases, err := r.Leases()
	require.NoError(t, err)
	require.Len(t, leases, 1)
	require.Equal(t, LockID{7}, leases[0].ID)
}

func TestADepositDuringTheAbsenceIsFound(t *testing.T) {
	r := newRig(t)
	addr, err := r.NewAddress(P2TR, false)
	require.NoError(t, err)
	script, err := r.Script(addr)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	r.chain.Fund(script, 70_000)
	r.chain.Mine(3)
	r.open()
	require.EqualValues(t, 70_000, r.balance().Confirmed)
}

func TestTheWordsAloneBringTheMoneyBack(t *testing.T) {
	r := newRig(t)
	for range 7 { // addresses that are never paid leave gaps
		_, err := r.NewAddress(P2WPKH, false)
		require.NoError(t, err)
	}
	r.deposit(100_000, 200_000, 300_000)
	r.send(50_000, "")
	r.mine(3)
	want := r.balance()
	require.NoError(t, r.Close())

	restored := *r.seed
	restored.fresh = false
	again := openRig(t, r.chain, t.TempDir(), &restored)
	require.Equal(t, want, again.balance())
	again.send(100_000, "") // and can be spent
	again.mine(1)
	again.reopen()
	require.Less(t, again.balance().Total, want.Total)
}

func TestAnotherPassphraseIsAnotherWallet(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	s, err := RestoreSeed(abandon, "other", longAgo)
	require.NoError(t, err)
	other := openRig(t, r.chain, t.TempDir(), s)
	require.Zero(t, other.balance().Total)
}

func TestAReorganisationTakesADepositBack(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	r.mine(3)
	require.EqualValues(t, 100_000, r.balance().Confirmed)
	r.chain.Reorg(5)
	r.synced()
	require.Zero(t, r.balance().Confirmed)
	require.EqualValues(t, 100_000, r.balance().Unconfirmed)
	r.mine(1)
	require.EqualValues(t, 100_000, r.balance().Confirmed)
}

func TestAReorganisationBelowTheWalletsBirthIsFollowed(t *testing.T) {
	words, err := NewMnemonic()
	require.NoError(t, err)
	s, err := NewSeed(words, "", time.Now())
	require.NoError(t, err)
	c := fake.New()
	c.Mine(30)
	r := openRig(t, c, t.TempDir(), s)
	r.deposit(100_000)
	r.mine(1)
	r.chain.Reorg(12)
	r.synced()
	r.mine(1)
	require.EqualValues(t, 100_000, r.balance().Confirmed)
	require.NoError(t, r.Close())
	r.chain.Reorg(3)
	r.open()
	r.mine(1)
	require.EqualValues(t, 100_000, r.balance().Confirmed)
}

func TestAReorganisationDuringTheAbsenceIsNoticed(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	r.mine(1)
	require.NoError(t, r.Close())
	r.chain.Reorg(2)
	r.open()
	require.Zero(t, r.balance().Confirmed)
	r.mine(1)
	require.EqualValues(t, 100_000, r.balance().Confirmed)
}

func TestTheWalletWaitsForABackendAndResumes(t *testing.T) {
	r := newRig(t)
	addr, err := r.NewAddress(P2WPKH, false)
	require.NoError(t, err)
	script, err := r.Script(addr)
	require.NoError(t, err)
	r.chain.SetState("restarting")
	r.eventually("out of step", func() bool { return !r.Sync().Synced })
	r.chain.Fund(script, 50_000)
	r.chain.Mine(2)
	require.Zero(t, r.balance().Confirmed)
	r.chain.SetState("")
	r.synced()
	require.EqualValues(t, 50_000, r.balance().Confirmed)

	require.NoError(t, r.Close())
	r.chain.SetState("absent")
	r.Wallet, err = Open(r.cfg, r.seed) // opens all the same
	require.NoError(t, err)
	require.EqualValues(t, 50_000, r.balance().Confirmed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.WaitSynced(ctx), ErrNotSynced)
	_, err = r.NewAddress(P2TR, false)
	require.NoError(t, err)
	r.chain.SetState("")
	r.synced()
}

func TestALeasedCoinIsNobodyElses(t *testing.T) {
	r := newRig(t)
	ops := r.deposit(100_000, 200_000)
	mine, other := LockID{1}, LockID{2}
	_, err := r.Lease(mine, ops[1], time.Hour)
	require.NoError(t, err)
	_, err = r.Lease(other, ops[1], time.Hour)
	require.ErrorIs(t, err, ErrLeased)
	require.ErrorIs(t, r.Release(other, ops[1]), ErrLeased)
	_, err = r.Lease(mine, wire.OutPoint{Index: 3}, time.Hour)
	require.ErrorIs(t, err, ErrUnknownOutput)
	longer, err := r.Lease(mine, ops[1], 2*time.Hour)
	require.NoError(t, err)
	leases, err := r.Leases()
	require.NoError(t, err)
	require.Len(t, leases, 1)
	require.WithinDuration(t, longer, leases[0].Expiry, time.Second)
	coins, err := r.ListUnspent(0, MaxConfs)
	require.NoError(t, err)
	require.Len(t, coins, 1)
	_, err = r.Send(t.Context(), SendRequest{Outputs: pay(150_000), Selection: Selection{FeeRate: 1000}})
	require.ErrorIs(t, err, ErrInsufficientFunds)
	require.NoError(t, r.Release(mine, ops[1]))
	r.send(150_000, "")

	ops = r.deposit(300_000)
	_, err = r.Lease(mine, ops[0], -time.Second) // expired
	require.NoError(t, err)
	coins, err = r.ListUnspent(1, MaxConfs)
	require.NoError(t, err)
	require.Contains(t, amounts(coins), btcutil.Amount(300_000))
}

func amounts(coins []Coin) (a []btcutil.Amount) {
	for _, c := range coins {
		a = append(a, c.Amount)
	}
	return a
}

func TestConcurrentOpeningsNeverShareACoin(t *testing.T) {
	r := newRig(t)
	const n = 8
	r.deposit(100_000, 100_000, 100_000, 100_000, 100_000)
	funded := make([]*Funded, n)
	var all sync.WaitGroup
	for i := range funded {
		all.Go(func() {
			f, err := r.Fund(t.Context(), FundRequest{Script: wshScript, Amount: 80_000, Selection: Selection{FeeRate: 1000}})
			if err == nil {
				funded[i] = f
			}
		})
	}
	all.Wait()
	used := map[wire.OutPoint]bool{}
	ok := 0
	for _, f := range funded {
		if f == nil {
			continue
		}
		ok++
		require.Equal(t, wshScript, f.Tx.TxOut[f.OutputIndex].PkScript)
		require.EqualValues(t, 80_000, f.Tx.TxOut[f.OutputIndex].Value)
		for _, in := range f.Tx.TxIn {
			require.False(t, used[in.PreviousOutPoint], "shared coin")
			used[in.PreviousOutPoint] = true
			require.Empty(t, in.SignatureScript, "segwit only")
			require.NotEmpty(t, in.Witness)
		}
		require.NoError(t, r.chain.TestMempoolAccept(t.Context(), f.Tx))
	}
	require.Equal(t, 5, ok)
	for _, f := range funded {
		if f != nil {
			require.NoError(t, r.Unfund(f))
		}
	}
	require.EqualValues(t, 500_000, r.balance().Confirmed)
}

func TestARefusalIsToldAndForgotten(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	f, err := r.Fund(t.Context(), FundRequest{Script: wshScript, Amount: 50_000, Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	f.Tx.TxOut[0].Value++ // no longer what was signed
	err = r.Publish(t.Context(), f.Tx, "")
	var rejected *chain.Rejected
	require.ErrorAs(t, err, &rejected)
	require.NoError(t, r.Unfund(f))
	require.EqualValues(t, 100_000, r.balance().Confirmed)
	_, err = r.Transaction(f.Tx.TxHash())
	require.ErrorIs(t, err, ErrUnknownTx)
}

func TestATransactionIsPublishedWhenTheBackendIsBack(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	down := &unreachable{Chain: r.chain, down: true}
	require.NoError(t, r.Close())
	r.cfg.Chain = down
	r.open()
	tx := r.send(50_000, "")
	require.Empty(t, r.chain.Mempool())
	_, err := r.Transaction(tx.TxHash())
	require.NoError(t, err)
	down.set(false)
	r.mine(1) // any sign of life
	r.eventually("published", func() bool { return len(r.chain.Mempool()) == 1 })
}

// unreachable is a chain whose mempool cannot be reached for a while.
type unreachable struct {
	*fake.Chain
	mu   sync.Mutex
	down bool
}

func (u *unreachable) set(down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = down
}

func (u *unreachable) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		return chain.ErrUnreachable
	}
	return u.Chain.Broadcast(ctx, tx)
}

func TestAReplacedTransactionIsCountedOnce(t *testing.T) {
	r := newRig(t)
	ops := r.deposit(100_000)
	first := r.send(50_000, "")
	coin, err := r.coin(ops[0])
	require.NoError(t, err)
	second := first.Copy()
	for _, out := range second.TxOut {
		if r.Owns(out.PkScript) {
			out.Value -= 5_000
		}
	}
	require.NoError(t, r.sign(second, []Coin{coin}))
	require.NoError(t, r.Publish(t.Context(), second, ""))
	_, err = r.Transaction(first.TxHash())
	require.ErrorIs(t, err, ErrUnknownTx)
	txs, err := r.Transactions(0, Latest)
	require.NoError(t, err)
	require.Len(t, txs, 2)
	r.mine(1)
	got, err := r.Transaction(second.TxHash())
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Confs)
}

func TestAPublishedTransactionOfOthersIsFollowed(t *testing.T) {
	r := newRig(t)
	script, err := r.NewScript()
	require.NoError(t, err)
	_, op := r.chain.Fund(wshAnyone, 50_000)
	r.mine(1)
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: op, Witness: wire.TxWitness{[]byte{txscript.OP_TRUE}}})
	tx.AddTxOut(&wire.TxOut{Value: 20_000, PkScript: script})
	tx.AddTxOut(&wire.TxOut{Value: 20_000, PkScript: wshScript})
	require.NoError(t, r.Publish(t.Context(), tx, "commitment"))
	require.EqualValues(t, 20_000, r.balance().Unconfirmed)
	r.mine(1)
	require.EqualValues(t, 20_000, r.balance().Confirmed)
}

func TestSubscribersSeeEachStageOnce(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	txs := r.Subscribe(ctx)
	r.deposit(100_000)
	var got []Tx
	r.eventually("two stages", func() bool {
		select {
		case tx := <-txs:
			got = append(got, tx)
		default:
		}
		return len(got) == 2
	})
	require.Zero(t, got[0].Height)
	require.NotZero(t, got[1].Height)
	require.EqualValues(t, 100_000, got[1].Amount)
	cancel()
	r.eventually("closed", func() bool {
		select {
		case _, open := <-txs:
			return !open
		default:
			return false
		}
	})
	left := r.Subscribe(t.Context())
	require.NoError(t, r.Close())
	_, open := <-left
	require.False(t, open)
}

func TestAPSBTIsFundedSignedAndFinalized(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000, 200_000)
	f, err := r.FundPSBT(t.Context(), PSBTRequest{Outputs: pay(250_000), LockID: LockID{9}, Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	require.Len(t, f.Leases, 2)
	require.Equal(t, LockID{9}, f.Leases[0].ID)
	require.EqualValues(t, 1, f.Change)
	require.EqualValues(t, 250_000, f.Packet.UnsignedTx.TxOut[0].Value)
	require.NoError(t, f.Packet.SanityCheck())
	text, err := f.Packet.B64Encode()
	require.NoError(t, err)
	p, err := psbt.NewFromRawBytes(strings.NewReader(text), true)
	require.NoError(t, err)
	signed, err := r.SignPSBT(p)
	require.NoError(t, err)
	require.ElementsMatch(t, []uint32{0, 1}, signed)
	tx, err := r.FinalizePSBT(p)
	require.NoError(t, err)
	require.NoError(t, r.Publish(t.Context(), tx, ""))
	r.mine(1)
	require.Zero(t, r.balance().Locked)
}

func TestAPSBTWithInputsSpendsThoseOnly(t *testing.T) {
	r := newRig(t)
	ops := r.deposit(100_000, 200_000)
	p, err := psbt.New([]*wire.OutPoint{&ops[0]}, []*wire.TxOut{{Value: 50_000, PkScript: wshScript}}, 2, 0, []uint32{replaceable})
	require.NoError(t, err)
	f, err := r.FundPSBT(t.Context(), PSBTRequest{Packet: p, Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	require.Len(t, f.Packet.UnsignedTx.TxIn, 1)
	_, err = r.FundPSBT(t.Context(), PSBTRequest{Packet: p, Selection: Selection{FeeRate: 1000}})
	require.ErrorIs(t, err, ErrUnknownOutput, "leased")
	_, err = r.FinalizePSBT(f.Packet)
	require.NoError(t, err)
}

func TestAPSBTThatLiesAboutAnAmountIsNotSigned(t *testing.T) {
	r := newRig(t)
	r.deposit(100_000)
	f, err := r.FundPSBT(t.Context(), PSBTRequest{Outputs: pay(50_000), Selection: Selection{FeeRate: 1000}})
	require.NoError(t, err)
	in := &f.Packet.Inputs[0]
	in.NonWitnessUtxo, in.WitnessUtxo = nil, &wire.TxOut{Value: 90_000, PkScript: in.WitnessUtxo.PkScript}
	_, err = r.SignPSBT(f.Packet)
	require.ErrorIs(t, err, ErrBadRequest)
	in.WitnessUtxo = nil
	_, err = r.SignPSBT(f.Packet)
	require.ErrorIs(t, err, ErrBadRequest)
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	r := newRig(t)
	s, err := RestoreSeed(abandon, "leak", longAgo)
	require.NoError(t, err)
	cfg := r.cfg
	cfg.Dir = t.TempDir()
	before := runtime.NumGoroutine()
	w, err := Open(cfg, s)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close(), "twice is once")
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		require.True(t, time.Now().Before(deadline), "goroutines are left")
	}
}

// wshAnyone is P2WSH of a script that all can satisfy.
var wshAnyone = func() []byte {
	h := sha256.Sum256([]byte{txscript.OP_TRUE})
	return append([]byte{txscript.OP_0, 32}, h[:]...)
}()
