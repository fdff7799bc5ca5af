package wallet

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// anyone signs for outputs that need no signature.
type anyone struct{}

func (anyone) Witness(*commitment.Recipe, *wire.MsgTx, int, txscript.PrevOutputFetcher) (wire.TxWitness, error) {
	return wire.TxWitness{[]byte{txscript.OP_TRUE}}, nil
}

func (anyone) ClaimSigner(lnwire.ChannelID) (ClaimSigner, error) { return anyone{}, nil }

// sweepRig is a wallet with a sweeper, and outputs to claim.
type sweepRig struct {
	*rig
	sweeper *Sweeper
}

func newSweepRig(t *testing.T) *sweepRig {
	r := newRig(t)
	return &sweepRig{rig: r, sweeper: NewSweeper(r.Wallet, anyone{})}
}

// claim makes a confirmed output to claim.
func (r *sweepRig) claim(channel byte, amount btcutil.Amount, deadline lnwire.Height) resolve.Claim {
	r.t.Helper()
	_, op := r.chain.Fund(wshAnyone, amount)
	r.mine(1)
	return resolve.Claim{
		Channel: lnwire.ChannelID{channel}, OutPoint: op, Output: wire.TxOut{Value: int64(amount), PkScript: wshAnyone},
		Sequence: replaceable, WitnessWeight: 4, Confirmed: r.chain.Best().Height, Deadline: deadline,
	}
}

func (r *sweepRig) block() {
	r.t.Helper()
	require.NoError(r.t, r.sweeper.Block(r.t.Context(), r.chain.Best().Height))
}

// only returns the one transaction in the mempool.
func (r *sweepRig) only() *wire.MsgTx {
	r.t.Helper()
	txs := r.chain.Mempool()
	require.Len(r.t, txs, 1)
	return txs[0]
}

func spends(tx *wire.MsgTx, op wire.OutPoint) bool {
	for _, in := range tx.TxIn {
		if in.PreviousOutPoint == op {
			return true
		}
	}
	return false
}

func TestClaimsComeHome(t *testing.T) {
	r := newSweepRig(t)
	a, b := r.claim(1, 50_000, 0), r.claim(2, 70_000, 0)
	r.sweeper.Offer(a, b)
	r.block()
	tx := r.only()
	require.True(t, spends(tx, a.OutPoint) && spends(tx, b.OutPoint))
	p := r.sweeper.Pending()
	require.Len(t, p, 2)
	require.Equal(t, Swept, p[0].Left)
	require.Equal(t, tx.TxHash(), p[0].Tx)
	require.Equal(t, 120_000-p[0].Fee, r.balance().Unconfirmed)
	r.block() // nothing has changed
	require.Equal(t, tx.TxHash(), r.only().TxHash())
	r.mine(1)
	require.Equal(t, 120_000-p[0].Fee, r.balance().Confirmed)
	r.sweeper.Spent(a.OutPoint)
	r.sweeper.Spent(b.OutPoint)
	r.block()
	require.Empty(t, r.sweeper.Pending())
	require.Empty(t, r.chain.Mempool())
}

func TestASweepIsBumpedInPlace(t *testing.T) {
	r := newSweepRig(t)
	r.chain.SetMiningRate(100_000) // miners take nothing
	c := r.claim(1, 50_000, r.chain.Best().Height+8)
	r.sweeper.Offer(c)
	r.block()
	first := r.only()
	for range 3 {
		r.mine(1)
		r.block()
		require.NotEqual(t, first.TxHash(), r.only().TxHash())
		require.Equal(t, first.TxOut[0].PkScript, r.only().TxOut[0].PkScript)
		require.Less(t, r.only().TxOut[0].Value, first.TxOut[0].Value)
		require.EqualValues(t, r.only().TxOut[0].Value, r.balance().Unconfirmed, "replaced ones are not counted")
		first = r.only()
	}
}

func TestARestartFindsItsSweepAgain(t *testing.T) {
	r := newSweepRig(t)
	r.chain.SetMiningRate(100_000)
	c := r.claim(1, 50_000, r.chain.Best().Height+8)
	r.sweeper.Offer(c)
	r.block()
	r.mine(1)
	r.block()
	before := r.only()
	r.reopen()
	r.sweeper = NewSweeper(r.Wallet, anyone{})
	r.sweeper.Offer(c)
	r.block()
	require.LessOrEqual(t, r.only().TxOut[0].Value, before.TxOut[0].Value, "never lowered")
	require.Equal(t, before.TxOut[0].PkScript, r.only().TxOut[0].PkScript)
}

func TestASweepWithoutMemoryOutbidsItself(t *testing.T) {
	r := newSweepRig(t)
	c := r.claim(1, 50_000, r.chain.Best().Height+8)
	r.sweeper.Offer(c)
	r.block()
	before := r.only()
	require.NoError(t, r.forget(before)) // as if the crash came before it was stored
	r.sweeper = NewSweeper(r.Wallet, anyone{})
	r.sweeper.Offer(c)
	r.block()
	require.NotEqual(t, before.TxHash(), r.only().TxHash())
	require.Less(t, r.only().TxOut[0].Value, before.TxOut[0].Value)
}

func TestAnInputThatIsTakenFreesTheOthersInTheSameBlock(t *testing.T) {
	r := newSweepRig(t)
	r.chain.SetMiningRate(100_000)
	deadline := r.chain.Best().Height + 50
	a, b := r.claim(1, 50_000, deadline), r.claim(1, 60_000, deadline)
	r.sweeper.Offer(a, b)
	r.block()
	theirs := wire.NewMsgTx(2)
	theirs.AddTxIn(&wire.TxIn{PreviousOutPoint: a.OutPoint, Witness: wire.TxWitness{[]byte{txscript.OP_TRUE}}})
	theirs.AddTxOut(&wire.TxOut{Value: 40_000, PkScript: wshScript})
	_, err := r.chain.MineBlock(theirs)
	require.NoError(t, err)
	r.synced()
	r.block() // the channel has not told yet
	tx := r.only()
	require.True(t, spends(tx, b.OutPoint))
	require.Len(t, tx.TxIn, 1)
	p := r.sweeper.Pending()
	require.Len(t, p, 1)
	require.Equal(t, tx.TxHash(), p[0].Tx)
	require.EqualValues(t, tx.TxOut[0].Value, r.balance().Unconfirmed)
}

func TestSecondLevelTransactionsAreFedByTheWallet(t *testing.T) {
	r := newSweepRig(t)
	r.deposit(30_000)
	a, b := r.claim(1, 50_000, 0), r.claim(1, 60_000, 0)
	for _, c := range []*resolve.Claim{&a, &b} {
		c.Paired, c.Sequence, c.Deadline = &wire.TxOut{Value: c.Output.Value, PkScript: wshScript}, 1, r.chain.Best().Height+20
		c.LockTime = uint32(r.chain.Best().Height)
	}
	r.sweeper.Offer(a, b)
	r.block()
	tx := r.only()
	require.Len(t, tx.TxIn, 3)
	require.Equal(t, uint32(r.chain.Best().Height), tx.LockTime)
	for i := range 2 {
		c := a
		if tx.TxIn[i].PreviousOutPoint == b.OutPoint {
			c = b
		}
		require.Equal(t, c.Paired, tx.TxOut[i], "output i belongs to input i")
	}
	require.True(t, r.Owns(tx.TxOut[2].PkScript))
	r.mine(1)
	require.Less(t, r.balance().Confirmed, btcutil.Amount(30_000))
	require.Greater(t, r.balance().Confirmed, btcutil.Amount(25_000))
}

func TestACommitmentIsPaidForThroughItsAnchor(t *testing.T) {
	r := newSweepRig(t)
	r.deposit(50_000)
	_, op := r.chain.Fund(wshAnyone, 100_000)
	r.mine(1)
	parent := wire.NewMsgTx(2)
	parent.AddTxIn(&wire.TxIn{PreviousOutPoint: op, Witness: wire.TxWitness{[]byte{txscript.OP_TRUE}}})
	parent.AddTxOut(&wire.TxOut{Value: 330, PkScript: wshAnyone})
	parent.AddTxOut(&wire.TxOut{Value: 99_500, PkScript: wshScript})
	require.NoError(t, r.Publish(t.Context(), parent, "commitment"))
	r.chain.SetFeeRate(5_000)
	r.chain.SetMiningRate(4_000)
	c := resolve.Claim{
		Channel: lnwire.ChannelID{1}, OutPoint: wire.OutPoint{Hash: parent.TxHash()},
		Output: *parent.TxOut[0], Sequence: replaceable, WitnessWeight: 4, Deadline: r.chain.Best().Height + 20,
		Parent: &resolve.Parent{Weight: 450, Fee: 170},
	}
	r.sweeper.Offer(c)
	r.block()
	require.Len(t, r.chain.Mempool(), 2)
	r.mine(1)
	require.Empty(t, r.chain.Mempool(), "both are mined together")
}

func TestAClaimThatIsDroppedIsNotSweptAgain(t *testing.T) {
	r := newSweepRig(t)
	a, b := r.claim(1, 50_000, 0), r.claim(2, 300, 0)
	r.sweeper.Offer(a, b)
	r.chain.SetFeeRate(3_000)
	r.block()
	p := r.sweeper.Pending()
	require.Equal(t, []Left{Swept, Uneconomical}, []Left{p[0].Left, p[1].Left})
	r.sweeper.Replace(lnwire.ChannelID{1}, nil)
	r.block()
	require.Len(t, r.sweeper.Pending(), 1)
	require.ErrorIs(t, r.sweeper.Bump(a.OutPoint, 1000), ErrUnknownOutput)
	require.NoError(t, r.sweeper.Bump(b.OutPoint, 1000))
}

func TestAContestedClaimDoesNotHoldUpTheOthers(t *testing.T) {
	r := newSweepRig(t)
	r.chain.SetMiningRate(100_000)
	deadline := r.chain.Best().Height + 50
	a, b, c := r.claim(1, 50_000, deadline), r.claim(1, 60_000, deadline), r.claim(1, 70_000, deadline)
	theirs := wire.NewMsgTx(2)
	theirs.AddTxIn(&wire.TxIn{PreviousOutPoint: a.OutPoint, Sequence: replaceable, Witness: wire.TxWitness{[]byte{txscript.OP_TRUE}}})
	theirs.AddTxOut(&wire.TxOut{Value: 2_000, PkScript: wshScript}) // dear to replace
	require.NoError(t, r.chain.Broadcast(t.Context(), theirs))
	r.sweeper.Offer(a, b, c)
	r.block()
	for _, claim := range []resolve.Claim{b, c} {
		found := false
		for _, tx := range r.chain.Mempool() {
			found = found || spends(tx, claim.OutPoint)
		}
		require.True(t, found)
	}
}

func TestASweepThatIsContestedWhileItRunsLeavesTheOthersRunning(t *testing.T) {
	r := newSweepRig(t)
	r.chain.SetMiningRate(100_000)
	deadline := r.chain.Best().Height + 50
	a, b, c := r.claim(1, 50_000, deadline), r.claim(1, 60_000, deadline), r.claim(2, 70_000, deadline)
	r.sweeper.Offer(a, b, c)
	r.block()
	require.Len(t, r.chain.Mempool(), 2)
	for _, tx := range r.chain.Mempool() {
		if spends(tx, a.OutPoint) {
			r.chain.Evict(tx.TxHash())
		}
	}
	theirs := wire.NewMsgTx(2)
	theirs.AddTxIn(&wire.TxIn{PreviousOutPoint: a.OutPoint, Sequence: replaceable, Witness: wire.TxWitness{[]byte{txscript.OP_TRUE}}})
	theirs.AddTxOut(&wire.TxOut{Value: 2_000, PkScript: wshScript})
	require.NoError(t, r.chain.Broadcast(t.Context(), theirs))
	r.block()
	for _, claim := range []resolve.Claim{b, c} {
		require.True(t, slices.ContainsFunc(r.chain.Mempool(), func(tx *wire.MsgTx) bool { return spends(tx, claim.OutPoint) }))
	}
}

func TestACommitmentThatIsTooCheapForTheMempoolComesWithItsChild(t *testing.T) {
	r := newSweepRig(t)
	r.deposit(50_000)
	_, op := r.chain.Fund(wshAnyone, 100_000)
	r.mine(1)
	parent := wire.NewMsgTx(2)
	parent.AddTxIn(&wire.TxIn{PreviousOutPoint: op, Witness: wire.TxWitness{[]byte{txscript.OP_TRUE}}})
	parent.AddTxOut(&wire.TxOut{Value: 330, PkScript: wshAnyone})
	parent.AddTxOut(&wire.TxOut{Value: 99_500, PkScript: wshScript})
	r.chain.SetMinFeeRate(2_000)
	r.chain.SetFeeRate(5_000)
	require.Error(t, r.Publish(t.Context(), parent, "commitment"))
	c := resolve.Claim{
		Channel: lnwire.ChannelID{1}, OutPoint: wire.OutPoint{Hash: parent.TxHash()},
		Output: *parent.TxOut[0], Sequence: replaceable, WitnessWeight: 4, Deadline: r.chain.Best().Height + 20,
		Parent: &resolve.Parent{Weight: 450, Fee: 170, Tx: parent},
	}
	r.sweeper.Offer(c)
	r.block()
	require.Len(t, r.chain.Mempool(), 2)
	r.chain.Evict(parent.TxHash())
	require.Empty(t, r.chain.Mempool())
	r.block()
	require.Len(t, r.chain.Mempool(), 2, "again together")
}

func TestAClaimThatTheMempoolRefusesIsNotCalledSwept(t *testing.T) {
	r := newSweepRig(t)
	r.chain.SetMinFeeRate(20_000)
	r.sweeper.Offer(r.claim(1, 900, r.chain.Best().Height+10))
	r.block()
	p := r.sweeper.Pending()
	require.Len(t, p, 1)
	require.NotEqual(t, Swept, p[0].Left)
	require.Empty(t, r.chain.Mempool())
}

func TestAClaimThatABackendBehindDoesNotKnowIsTriedAgain(t *testing.T) {
	r := newSweepRig(t)
	c := r.claim(1, 50_000, 0)
	unknown := c
	unknown.OutPoint.Hash[0] ^= 1
	r.sweeper.Offer(unknown)
	r.block()
	require.Empty(t, r.sweeper.Pending())
	r.sweeper.claims[unknown.OutPoint] = c // now the backend knows it
	r.block()
	require.Len(t, r.chain.Mempool(), 1)
}

func TestAFedSweepIsBumpedAcrossARestart(t *testing.T) {
	r := newSweepRig(t)
	r.deposit(3_000, 40_000)
	r.chain.SetMiningRate(100_000)
	c := r.claim(1, 50_000, r.chain.Best().Height+6)
	c.Paired, c.Sequence = &wire.TxOut{Value: 50_000, PkScript: wshScript}, 1
	r.sweeper.Offer(c)
	r.block()
	first := r.only()
	require.Len(t, first.TxIn, 2)
	r.reopen()
	r.sweeper = NewSweeper(r.Wallet, anyone{})
	r.sweeper.Offer(c)
	r.chain.SetFeeRate(8_000)
	r.block()
	second := r.only()
	require.NotEqual(t, first.TxHash(), second.TxHash())
	require.Equal(t, first.TxIn[1].PreviousOutPoint, second.TxIn[1].PreviousOutPoint, "its coin stays")
	require.Len(t, second.TxIn, 3, "and gets company")
	require.Equal(t, c.Paired, second.TxOut[0])
}

func TestASealedClaimIsPublishedAsItIs(t *testing.T) {
	r := newSweepRig(t)
	c := r.claim(1, 50_000, 0)
	c.Sealed, c.Paired, c.Sequence = true, &wire.TxOut{Value: 49_000, PkScript: wshScript}, 0
	r.sweeper.Offer(c)
	r.block()
	tx := r.only()
	require.Len(t, tx.TxIn, 1)
	require.Equal(t, []*wire.TxOut{c.Paired}, tx.TxOut)
	r.mine(1)
	r.sweeper.Spent(c.OutPoint)
	r.block()
	require.Empty(t, r.chain.Mempool())
}
