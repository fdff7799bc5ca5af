package fake_test

import (
	"context"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/chain/fake"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const value = 1_000_000

// anyone is an output that anyone can spend, told apart by a number.
func anyone(n byte) (script, witness []byte) {
	witness = []byte{txscript.OP_DATA_2, n, 0xaa, txscript.OP_DROP, txscript.OP_TRUE}
	return append([]byte{txscript.OP_0, txscript.OP_DATA_32}, chainhash.HashB(witness)...), witness
}

// spend takes output 0 of tx, which is anyone(n)'s, and pays it to anyone(to) but for fee.
func spend(tx *wire.MsgTx, n, to byte, fee int64) *wire.MsgTx {
	_, witness := anyone(n)
	script, _ := anyone(to)
	out := wire.NewMsgTx(2)
	in := wire.NewTxIn(&wire.OutPoint{Hash: tx.TxHash()}, nil, wire.TxWitness{witness})
	in.Sequence = wire.MaxTxInSequenceNum - 2
	out.AddTxIn(in)
	out.AddTxOut(wire.NewTxOut(tx.TxOut[0].Value-fee, script))
	return out
}

func funded(c *fake.Chain, n byte) *wire.MsgTx {
	script, _ := anyone(n)
	tx, _ := c.Fund(script, value)
	return tx
}

func broadcast(c *fake.Chain, tx *wire.MsgTx) error { return c.Broadcast(context.Background(), tx) }

func refused(t *testing.T, err error) chain.Reason {
	t.Helper()
	var rejected *chain.Rejected
	require.ErrorAs(t, err, &rejected)
	return rejected.Reason
}

func newChain() *fake.Chain {
	c := fake.New()
	c.Mine(100)
	return c
}

func TestWhatARealNodeRefusesIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(tx *wire.MsgTx)
		want   chain.Reason
	}{
		{"unknown input", func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Index = 7 }, chain.MissingInputs},
		{"no fee", func(tx *wire.MsgTx) { tx.TxOut[0].Value = value }, chain.FeeTooLow},
		{"more out than in", func(tx *wire.MsgTx) { tx.TxOut[0].Value = value + 1 }, chain.Invalid},
		{"negative output", func(tx *wire.MsgTx) { tx.TxOut[0].Value = -1 }, chain.Invalid},
		{"wrong witness", func(tx *wire.MsgTx) { tx.TxIn[0].Witness[0] = []byte{txscript.OP_TRUE} }, chain.BadScript},
		{"no witness", func(tx *wire.MsgTx) { tx.TxIn[0].Witness = nil }, chain.BadScript},
		{"lock time is the next block but one", func(tx *wire.MsgTx) { tx.LockTime = 102 }, chain.NotFinal},
		{"lock time by the clock", func(tx *wire.MsgTx) { tx.LockTime = 1_900_000_000 }, chain.NotFinal},
		{"two blocks old, of three", func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = 3 }, chain.NotFinal},
		{"too young by the clock", func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = wire.SequenceLockTimeIsSeconds | 10 }, chain.NotFinal},
		{"dust", func(tx *wire.MsgTx) { tx.TxOut[0].Value = 329 }, chain.Dust},
		{"version", func(tx *wire.MsgTx) { tx.Version = 4 }, chain.Other},
		{"the same input twice", func(tx *wire.MsgTx) { tx.AddTxIn(tx.TxIn[0]) }, chain.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := fake.New()
			ch.Mine(98)
			paid := funded(ch, 1)
			ch.Mine(1)
			ch.Mine(1) // at 100; the next block is 101, where the output is two blocks old
			tx := spend(paid, 1, 2, 1000)
			c.change(tx)
			require.Equal(t, c.want, refused(t, ch.TestMempoolAccept(context.Background(), tx)))
			require.Equal(t, c.want, refused(t, broadcast(ch, tx)))
			require.Empty(t, ch.Mempool())
		})
	}
}

func TestLimitsAreMetAndNotPassed(t *testing.T) {
	for name, change := range map[string]func(tx *wire.MsgTx){
		"lock time is the block before": func(tx *wire.MsgTx) { tx.LockTime = 100 },
		"two blocks old, of two":        func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = 2 },
		"disabled lock":                 func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = wire.SequenceLockTimeDisabled | 100 },
		"version 1 knows no lock":       func(tx *wire.MsgTx) { tx.TxIn[0].Sequence, tx.Version = 100, 1 },
		"old enough by the clock":       func(tx *wire.MsgTx) { tx.TxIn[0].Sequence = wire.SequenceLockTimeIsSeconds | 2 },
		"the smallest output":           func(tx *wire.MsgTx) { tx.TxOut[0].Value = 330 },
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.New()
			c.Mine(98)
			paid := funded(c, 1)
			c.Mine(1)
			c.Mine(1)
			tx := spend(paid, 1, 2, 1000)
			change(tx)
			require.NoError(t, broadcast(c, tx))
			c.Mine(1)
			require.Empty(t, c.Mempool())
		})
	}
}

func TestDustLimitsAreThoseOfBOLT3(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int
		prefix []byte
		want   int64
	}{
		{"P2PKH", 25, []byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, 546},
		{"P2SH", 23, []byte{txscript.OP_HASH160, 20}, 540},
		{"P2WPKH", 22, []byte{0, 20}, 294},
		{"P2WSH", 34, []byte{0, 32}, 330},
		{"P2TR", 34, []byte{txscript.OP_1, 32}, 330},
		{"OP_RETURN", 10, []byte{txscript.OP_RETURN}, 0},
	} {
		script := append(c.prefix, make([]byte, c.length-len(c.prefix))...)
		require.EqualValues(t, c.want, fake.DustLimit(script), c.name)
	}
}

func TestAReplacementPaysForWhatItReplaces(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	first := spend(paid, 1, 2, 1000)
	require.NoError(t, broadcast(c, first))
	child := spend(first, 2, 3, 5000)
	require.NoError(t, broadcast(c, child))

	require.Equal(t, chain.Conflict, refused(t, broadcast(c, spend(paid, 1, 4, 1000))), "the same rate")
	require.Equal(t, chain.Conflict, refused(t, broadcast(c, spend(paid, 1, 4, 6000))), "not its own relaying")
	require.Len(t, c.Mempool(), 2)
	better := spend(paid, 1, 4, 7000)
	require.NoError(t, broadcast(c, better))
	require.Len(t, c.Mempool(), 1)
	require.Equal(t, better.TxHash(), c.Mempool()[0].TxHash())
	require.Equal(t, chain.MissingInputs, refused(t, broadcast(c, child)))
}

func TestAReplacementCannotSpendWhatItReplaces(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	first := spend(paid, 1, 2, 1000)
	require.NoError(t, broadcast(c, first))
	both := spend(first, 2, 3, 500_000)
	both.AddTxIn(spend(paid, 1, 0, 0).TxIn[0])
	require.Equal(t, chain.Conflict, refused(t, broadcast(c, both)))
}

func TestAPackagePaysForItsParent(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	parent := spend(paid, 1, 2, 0)
	require.Equal(t, chain.FeeTooLow, refused(t, broadcast(c, parent)))
	require.Equal(t, chain.FeeTooLow, refused(t, c.SubmitPackage(context.Background(), parent, spend(parent, 2, 3, 1))))
	require.Empty(t, c.Mempool(), "all or nothing")
	child := spend(parent, 2, 3, 2000)
	require.NoError(t, c.SubmitPackage(context.Background(), parent, child))
	require.Len(t, c.Mempool(), 2)
	c.Mine(1)
	require.Empty(t, c.Mempool())
	require.NoError(t, broadcast(c, child), "confirmed is a success")
}

func TestAChainOfUnconfirmedTransactionsHasALimit(t *testing.T) {
	c := newChain()
	tx := funded(c, 1)
	c.Mine(1)
	for range 25 {
		tx = spend(tx, 1, 1, 1000)
		require.NoError(t, broadcast(c, tx))
	}
	require.Equal(t, chain.TooManyAncestors, refused(t, broadcast(c, spend(tx, 1, 1, 1000))))
}

func TestMinersLeaveOutWhatPaysTooLittle(t *testing.T) {
	c := newChain()
	one, two := funded(c, 1), funded(c, 2)
	c.Mine(1)
	c.SetMiningRate(5000)
	low, high := spend(one, 1, 3, 1000), spend(two, 2, 4, 10_000)
	require.NoError(t, broadcast(c, low))
	require.NoError(t, broadcast(c, high))
	c.Mine(1)
	require.Len(t, c.Mempool(), 1)
	require.NoError(t, broadcast(c, spend(low, 3, 5, 10_000))) // pays for both
	c.Mine(1)
	require.Empty(t, c.Mempool())
	funded(c, 6)
	c.Mine(1)
	require.Empty(t, c.Mempool(), "a faucet's payment always confirms")
}

func TestAReorgReturnsToTheMempoolWhatIsStillValid(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	first := spend(paid, 1, 2, 1000)
	require.NoError(t, broadcast(c, first))
	c.Mine(1)
	child := spend(first, 2, 3, 1000)
	child.TxIn[0].Sequence = 1
	require.Equal(t, chain.MissingInputs, refused(t, broadcast(c, spend(paid, 1, 9, 1000))))
	require.NoError(t, broadcast(c, child))
	before := c.Best()

	after := c.Reorg(2)
	require.Equal(t, before.Height+1, after.Height)
	require.Equal(t, []chainhash.Hash{paid.TxHash(), first.TxHash()}, hashes(c.Mempool()), "the child has to wait for its parent")
	out, _, err := c.Unspent(context.Background(), wire.OutPoint{Hash: first.TxHash()})
	require.NoError(t, err)
	require.Nil(t, out)
	c.Mine(1)
	out, at, err := c.Unspent(context.Background(), wire.OutPoint{Hash: first.TxHash()})
	require.NoError(t, err)
	require.NotNil(t, out)
	require.Equal(t, c.Best().Hash, at)
}

func TestAReminedTransactionConfirmsAtAnotherHeight(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	tx := spend(paid, 1, 2, 1000)
	require.NoError(t, broadcast(c, tx))
	c.Mine(3)
	tip := c.Remine(4)
	require.EqualValues(t, 105, tip.Height)
	require.Empty(t, c.Mempool())
	op, _, err := c.Output(context.Background(), lnwire.NewShortChannelID(101, 2, 0))
	require.NoError(t, err)
	require.Equal(t, tx.TxHash(), op.Hash)
}

func hashes(txs []*wire.MsgTx) (ids []chainhash.Hash) {
	for _, tx := range txs {
		ids = append(ids, tx.TxHash())
	}
	return ids
}

func TestADoubleSpendInABlockThrowsTheOtherOut(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	ours, theirs := spend(paid, 1, 2, 1000), spend(paid, 1, 3, 0)
	require.NoError(t, broadcast(c, ours))
	require.NoError(t, broadcast(c, spend(ours, 2, 4, 1000)))
	_, err := c.MineBlock(theirs)
	require.NoError(t, err)
	require.Empty(t, c.Mempool())
	require.Equal(t, chain.MissingInputs, refused(t, broadcast(c, ours)))

	_, err = c.MineBlock(ours)
	require.Error(t, err, "it is spent")
	twice := spend(theirs, 3, 5, 0)
	_, err = c.MineBlock(twice, spend(theirs, 3, 6, 0))
	require.Error(t, err, "twice in one block")
	require.NoError(t, c.TestMempoolAccept(context.Background(), spend(theirs, 3, 5, 1000)))
}

func TestTheSameCallsGiveTheSameBlocks(t *testing.T) {
	history := func() chain.Tip {
		c := newChain()
		paid := funded(c, 1)
		c.Mine(3)
		require.NoError(t, broadcast(c, spend(paid, 1, 2, 1000)))
		c.Reorg(2)
		return c.Mine(2)
	}
	require.Equal(t, history(), history())
}

func TestOutOfStepNothingAnswersAndTheTipStays(t *testing.T) {
	ctx := context.Background()
	c := newChain()
	paid := funded(c, 1)
	before := c.Mine(1)
	changed := make(chan struct{}, 1)
	c.Notify(changed)
	c.SetState("syncing")
	<-changed
	c.Mine(2)
	require.Equal(t, before, c.Best())
	_, reason := c.State()
	require.Equal(t, "syncing", reason)
	require.ErrorIs(t, broadcast(c, spend(paid, 1, 2, 1000)), chain.ErrUnreachable)
	_, err := c.BlockHash(ctx, 1)
	require.ErrorIs(t, err, chain.ErrUnreachable)
	_, _, err = c.Output(ctx, lnwire.NewShortChannelID(101, 1, 0))
	require.ErrorIs(t, err, chain.ErrUnreachable)
	_, err = c.EstimateFee(ctx, 1)
	require.ErrorIs(t, err, chain.ErrUnreachable)
	c.SetState("")
	<-changed
	require.Equal(t, before.Height+2, c.Best().Height)
	c.Forget(changed)
	c.Mine(1)
	require.Empty(t, changed)
}

func TestOutputsAreFoundByShortChannelID(t *testing.T) {
	ctx := context.Background()
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	op, out, err := c.Output(ctx, lnwire.NewShortChannelID(101, 1, 0))
	require.NoError(t, err)
	require.Equal(t, paid.TxHash(), op.Hash)
	require.EqualValues(t, value, out.Value)
	require.NoError(t, broadcast(c, spend(paid, 1, 2, 1000)))
	_, _, err = c.Output(ctx, lnwire.NewShortChannelID(101, 1, 0))
	require.NoError(t, err, "unconfirmed spends do not count")
	c.Mine(1)
	_, _, err = c.Output(ctx, lnwire.NewShortChannelID(101, 1, 0))
	require.ErrorIs(t, err, chain.ErrSpent)
	for _, id := range []lnwire.ShortChannelID{
		lnwire.NewShortChannelID(101, 2, 0), lnwire.NewShortChannelID(101, 1, 1), lnwire.NewShortChannelID(103, 0, 0),
	} {
		_, _, err = c.Output(ctx, id)
		require.ErrorIs(t, err, chain.ErrUnknownOutput)
	}
}

func TestAnEvictedTransactionTakesItsChildrenAlong(t *testing.T) {
	c := newChain()
	paid := funded(c, 1)
	c.Mine(1)
	first := spend(paid, 1, 2, 1000)
	require.NoError(t, broadcast(c, first))
	require.NoError(t, broadcast(c, spend(first, 2, 3, 1000)))
	c.Evict(first.TxHash())
	require.Empty(t, c.Mempool())
	require.NoError(t, broadcast(c, first))
}

func TestTheMempoolFeedTellsOfEachTransactionOnce(t *testing.T) {
	c := newChain()
	var seen feed
	c.WatchMempool(&seen)
	paid := funded(c, 1)
	c.Mine(1)
	tx := spend(paid, 1, 2, 1000)
	require.NoError(t, broadcast(c, tx))
	require.NoError(t, broadcast(c, tx))
	require.Error(t, broadcast(c, spend(paid, 1, 3, 1000)))
	require.Equal(t, []chainhash.Hash{paid.TxHash(), tx.TxHash()}, hashes(seen.txs))
	c.UnwatchMempool(&seen)
	require.NoError(t, broadcast(c, spend(tx, 2, 3, 1000)))
	require.Len(t, seen.txs, 2)
}

type feed struct{ txs []*wire.MsgTx }

func (f *feed) Unconfirmed(tx *wire.MsgTx) { f.txs = append(f.txs, tx) }
