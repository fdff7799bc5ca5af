package chain_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// real is a daemon with a client and a running watcher.
type real struct {
	t     *testing.T
	ctx   context.Context
	chain *regtest.Chain
	node  *chain.Node
	w     *chain.Watcher
}

// onBoth runs the test on each daemon.
func onBoth(t *testing.T, test func(r *real)) {
	for _, kind := range []regtest.Kind{regtest.Bitcoind, regtest.Btcd} {
		t.Run(string(kind), func(t *testing.T) { test(newReal(t, kind)) })
	}
}

func newReal(t *testing.T, kind regtest.Kind, options ...regtest.Option) *real {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	r := &real{t: t, ctx: ctx, chain: regtest.ForTest(t, kind, options...)}
	node, err := r.chain.Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	r.node = node
	r.w = r.watcher()
	return r
}

// watcher starts another watcher of the node.
func (r *real) watcher() *chain.Watcher {
	w := chain.NewWatcher(r.node)
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	r.t.Cleanup(func() { cancel(); <-ended })
	return w
}

// ear is a sink to wait at.
type ear chan chain.Event

func newEar() ear { return make(ear, 1000) }

func (e ear) Put(event chain.Event) bool {
	select {
	case e <- event:
		return true
	default:
		panic("more events than the test expects")
	}
}

// hear waits for an event of a type that fits.
func hear[E chain.Event](r *real, e ear, fits func(E) bool) E {
	r.t.Helper()
	for {
		select {
		case event := <-e:
			if got, ok := event.(E); ok && (fits == nil || fits(got)) {
				return got
			}
		case <-r.ctx.Done():
			_, reason := r.node.State()
			require.FailNow(r.t, "nothing came", "%T: watcher %v, node %s", *new(E), r.w.Health(), reason)
		}
	}
}

func (r *real) fund(n byte) (*wire.MsgTx, wire.OutPoint) {
	r.t.Helper()
	script, _ := anyone(n)
	op, err := r.chain.FundScript(r.ctx, script, 1_000_000)
	require.NoError(r.t, err)
	// What spendOf needs to know of it.
	tx := wire.NewMsgTx(2)
	tx.AddTxOut(wire.NewTxOut(1_000_000, script))
	return tx, op
}

// spend is spendOf for an outpoint that the faucet made.
func (r *real) spend(paid *wire.MsgTx, op wire.OutPoint, n, to byte, fee int64) *wire.MsgTx {
	tx := spendOf(paid, 0, n, to, fee)
	tx.TxIn[0].PreviousOutPoint = op
	return tx
}

func (r *real) mine(n int) {
	r.t.Helper()
	_, err := r.chain.Mine(r.ctx, n)
	require.NoError(r.t, err)
}

func (r *real) height() lnwire.Height {
	r.t.Helper()
	height, err := r.chain.Height(r.ctx)
	require.NoError(r.t, err)
	return height
}

// synced waits until the node's tip is the daemon's.
func (r *real) synced() {
	r.t.Helper()
	height := r.height()
	changed := make(chan struct{}, 1)
	r.node.Notify(changed)
	defer r.node.Forget(changed)
	for !r.node.Synced() || r.node.Best().Height != height {
		select {
		case <-changed:
		case <-r.ctx.Done():
			require.FailNow(r.t, "the node does not follow")
		}
	}
}

func TestConfirmationsSpendsAndReorgsAreToldOnRealChains(t *testing.T) {
	onBoth(t, func(r *real) {
		blocks, events := newEar(), newEar()
		paid, op := r.fund(1)
		r.w.WatchBlocks(blocks)
		r.w.WatchConf(op.Hash, paid.TxOut[0].PkScript, r.height(), events)
		r.w.WatchSpend(op, paid.TxOut[0].PkScript, r.height(), events)
		r.w.WatchMempool(op, events)
		r.mine(1)
		conf := hear[chain.Confirmed](r, events, nil)
		require.Equal(r.t, r.height(), conf.Height)
		require.Equal(r.t, op.Hash, conf.Tx.TxHash())

		id := lnwire.NewShortChannelID(conf.Height, conf.TxIndex, 0)
		gotOp, out, err := r.node.Output(r.ctx, id)
		require.NoError(r.t, err)
		require.Equal(r.t, op, gotOp)
		require.EqualValues(r.t, 1_000_000, out.Value)

		spend := r.spend(paid, op, 1, 2, 2000)
		require.NoError(r.t, r.node.Broadcast(r.ctx, spend))
		require.NoError(r.t, r.node.Broadcast(r.ctx, spend), "a known one is no failure")
		seen := hear[chain.Seen](r, events, nil)
		require.Equal(r.t, spend.TxHash(), seen.Tx.TxHash())
		r.mine(3)
		spent := hear[chain.Spent](r, events, nil)
		require.Equal(r.t, r.height()-2, spent.Height)
		require.Equal(r.t, spend.TxHash(), spent.TxID)
		require.NoError(r.t, r.node.Broadcast(r.ctx, spend), "a confirmed one neither")

		_, _, err = r.node.Output(r.ctx, id)
		require.ErrorIs(r.t, err, chain.ErrSpent)
		for _, unknown := range []lnwire.ShortChannelID{
			lnwire.NewShortChannelID(r.height()+1, 0, 0), lnwire.NewShortChannelID(conf.Height, 2000, 0), lnwire.NewShortChannelID(conf.Height, conf.TxIndex, 9),
		} {
			_, _, err = r.node.Output(r.ctx, unknown)
			require.ErrorIs(r.t, err, chain.ErrUnknownOutput)
		}

		require.NoError(r.t, r.chain.Reorg(r.ctx, 3))
		require.Equal(r.t, spent.Height, hear[chain.Unspent](r, events, nil).Height)
		r.mine(1)
		require.Equal(r.t, r.height(), hear[chain.Spent](r, events, nil).Height)
		hear(r, blocks, func(b chain.Block) bool { return !b.Connected && b.Height == spent.Height })
		hear(r, blocks, func(b chain.Block) bool { return b.Connected && b.Height == r.height() })
	})
}

func TestARestartedDaemonIsFollowedOn(t *testing.T) {
	onBoth(t, func(r *real) {
		paid, op := r.fund(1)
		r.mine(1)
		events, blocks := newEar(), newEar()
		r.w.WatchBlocks(blocks)
		r.w.WatchSpend(op, paid.TxOut[0].PkScript, 0, events)
		before := r.height()
		hear(r, blocks, func(b chain.Block) bool { return b.Height == before })
		require.NoError(r.t, r.chain.Stop(r.ctx))
		changed := make(chan struct{}, 1)
		r.node.Notify(changed)
		for r.node.Synced() {
			<-changed
		}
		_, reason := r.node.State()
		require.Contains(r.t, reason, "not reachable")
		require.Equal(r.t, before, r.node.Best().Height)
		require.ErrorIs(r.t, r.node.Broadcast(r.ctx, r.spend(paid, op, 1, 2, 2000)), chain.ErrUnreachable)

		require.NoError(r.t, r.chain.Restart(r.ctx))
		require.NoError(r.t, r.node.Wait(r.ctx))
		require.NoError(r.t, r.node.Broadcast(r.ctx, r.spend(paid, op, 1, 2, 2000)))
		r.mine(1)
		require.Equal(r.t, before+1, hear[chain.Spent](r, events, nil).Height)
		// Behind for a while, the daemon has taken nothing back.
		block := hear[chain.Block](r, blocks, nil)
		require.True(r.t, block.Connected)
		require.Equal(r.t, before+1, block.Height)
	})
}

func TestRefusalsReadTheSameFromBothDaemons(t *testing.T) {
	onBoth(t, func(r *real) {
		paid, op := r.fund(1)
		r.mine(1)
		other, otherOp := r.fund(5)
		r.mine(1)
		refused := func(tx *wire.MsgTx) chain.Reason {
			r.t.Helper()
			testErr, err := r.node.TestMempoolAccept(r.ctx, tx), r.node.Broadcast(r.ctx, tx)
			var rejected, tested *chain.Rejected
			require.ErrorAs(r.t, err, &rejected)
			require.ErrorAs(r.t, testErr, &tested)
			require.Equal(r.t, rejected.Reason, tested.Reason, "%s / %s", rejected.Text, tested.Text)
			return rejected.Reason
		}
		missing := r.spend(paid, wire.OutPoint{Hash: chainhash.Hash{1}}, 1, 2, 2000)
		require.Equal(r.t, chain.MissingInputs, refused(missing))

		require.Equal(r.t, chain.FeeTooLow, refused(r.spend(paid, op, 1, 2, 0)))

		wrong := r.spend(paid, op, 1, 2, 2000)
		wrong.TxIn[0].Witness = wire.TxWitness{[]byte{0x51}}
		require.Equal(r.t, chain.BadScript, refused(wrong))

		locked := r.spend(paid, op, 1, 2, 2000)
		locked.LockTime = uint32(r.height()) + 10
		require.Equal(r.t, chain.NotFinal, refused(locked))

		young := r.spend(paid, op, 1, 2, 2000)
		young.TxIn[0].Sequence = 50
		require.Equal(r.t, chain.NotFinal, refused(young))

		inflated := r.spend(paid, op, 1, 2, -1)
		require.Equal(r.t, chain.Invalid, refused(inflated))

		dusty := r.spend(paid, op, 1, 2, 2000)
		dusty.AddTxOut(wire.NewTxOut(100, paid.TxOut[0].PkScript))
		require.Equal(r.t, chain.Dust, refused(dusty))

		first := r.spend(paid, op, 1, 2, 5000)
		require.NoError(r.t, r.node.TestMempoolAccept(r.ctx, first))
		require.NoError(r.t, r.node.Broadcast(r.ctx, first))
		require.Equal(r.t, chain.Conflict, refused(r.spend(paid, op, 1, 3, 5000)))
		require.NoError(r.t, r.node.Broadcast(r.ctx, r.spend(paid, op, 1, 3, 9000)), "replaces")
		require.NoError(r.t, r.node.SubmitPackage(r.ctx, r.spend(other, otherOp, 5, 6, 5000)))
		r.mine(1)
		require.Equal(r.t, chain.MissingInputs, refused(first), "its input is spent")
	})
}

func TestAPackagePaysForItsParent(t *testing.T) {
	r := newReal(t, regtest.Bitcoind)
	paid, op := r.fund(1)
	r.mine(1)
	parent := r.spend(paid, op, 1, 2, 0)
	child := spendOf(parent, 0, 2, 3, 5000)
	require.Error(t, r.node.Broadcast(r.ctx, parent))
	require.NoError(t, r.node.SubmitPackage(r.ctx, parent, child))
	conf := newEar()
	r.w.WatchConf(parent.TxHash(), nil, r.height(), conf)
	r.mine(1)
	hear[chain.Confirmed](r, conf, nil)

	poor := spendOf(child, 0, 3, 4, 0)
	var rejected *chain.Rejected
	require.ErrorAs(t, r.node.SubmitPackage(r.ctx, poor, spendOf(poor, 0, 4, 5, 1)), &rejected)
	require.Equal(t, chain.FeeTooLow, rejected.Reason)
}

func TestOldBlocksAreSearchedOnRealChains(t *testing.T) {
	onBoth(t, func(r *real) {
		paid, op := r.fund(1)
		r.mine(1)
		confirmed := r.height()
		require.NoError(r.t, r.node.Broadcast(r.ctx, r.spend(paid, op, 1, 2, 2000)))
		r.mine(30)
		r.synced()
		r.w = r.watcher() // after a restart of the node, so to speak
		events := newEar()
		r.w.WatchConf(op.Hash, nil, 0, events)
		r.w.WatchSpend(op, nil, 0, events)
		require.Equal(r.t, confirmed, hear[chain.Confirmed](r, events, nil).Height)
		require.Equal(r.t, confirmed+1, hear[chain.Spent](r, events, nil).Height)
		require.NoError(r.t, r.w.Health())
	})
}

func TestWithoutAFeedTheDaemonIsPolled(t *testing.T) {
	r := newReal(t, regtest.Bitcoind)
	node, err := chain.DialBitcoind(r.ctx, chain.BitcoindConfig{
		Common: chain.Common{Params: &chaincfg.RegressionNetParams, PollInterval: 10 * time.Millisecond},
		Host:   r.chain.Host, User: r.chain.User, Pass: r.chain.Pass, ZMQBlock: "tcp://127.0.0.1:1", ZMQTx: "tcp://127.0.0.1:1",
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, node.Close()) }()
	r.node = node
	require.NoError(t, node.Wait(r.ctx))
	r.mine(2)
	r.synced()
}

func TestPrunedBlocksAreTold(t *testing.T) {
	r := newReal(t, regtest.Bitcoind, regtest.Args("-prune=1", "-fastprune"))
	paid, op := r.fund(1)
	r.mine(1)
	confirmed := r.height()
	unspent, unspentOp := r.fund(2)
	r.mine(1)
	require.NoError(t, r.node.Broadcast(r.ctx, r.spend(paid, op, 1, 3, 2000)))
	r.mine(600)
	r.synced()
	var pruned lnwire.Height
	require.NoError(t, r.chain.Call(r.ctx, "pruneblockchain", &pruned, confirmed+200))
	require.Greater(t, pruned, confirmed+2)

	hash, err := r.node.BlockHash(r.ctx, confirmed)
	require.NoError(t, err)
	_, err = r.node.Block(r.ctx, hash)
	require.ErrorIs(t, err, chain.ErrPruned)
	_, _, err = r.node.Output(r.ctx, lnwire.NewShortChannelID(confirmed, 1, 0))
	require.ErrorIs(t, err, chain.ErrPruned)

	// A spend that may lie in a pruned block cannot be found; an output that is unspent needs no search.
	w := chain.NewWatcher(r.node)
	stuck, free := newEar(), newEar()
	w.WatchSpend(op, nil, confirmed, stuck)
	require.ErrorIs(t, w.CatchUp(r.ctx), chain.ErrPruned)
	require.ErrorIs(t, w.Health(), chain.ErrPruned)
	w.WatchSpend(unspentOp, nil, confirmed, free)
	require.ErrorIs(t, w.CatchUp(r.ctx), chain.ErrPruned)
	require.NoError(t, r.node.Broadcast(r.ctx, r.spend(unspent, unspentOp, 2, 4, 2000)))
	r.mine(1)
	r.synced()
	require.ErrorIs(t, w.CatchUp(r.ctx), chain.ErrPruned)
	require.Equal(t, r.height(), hear[chain.Spent](r, free, nil).Height)
	require.Empty(t, stuck)
}

func TestWrongCredentialsAndNetworksAreNamedAtOnce(t *testing.T) {
	onBoth(t, func(r *real) {
		dial := func(params *chaincfg.Params, pass string) error {
			common := chain.Common{Params: params}
			var node *chain.Node
			var err error
			if r.chain.Kind == regtest.Bitcoind {
				node, err = chain.DialBitcoind(r.ctx, chain.BitcoindConfig{Common: common, Host: r.chain.Host, User: r.chain.User, Pass: pass})
			} else {
				node, err = chain.DialBtcd(r.ctx, chain.BtcdConfig{Common: common, Host: r.chain.Host, User: r.chain.User, Pass: pass, CertFile: r.chain.CertFile})
			}
			require.Nil(r.t, node)
			return err
		}
		err := dial(&chaincfg.RegressionNetParams, "wrong")
		require.ErrorIs(r.t, err, chain.ErrCredentials)
		require.ErrorContains(r.t, err, fmt.Sprintf("dial %s", r.chain.Host))
		require.False(r.t, strings.Contains(err.Error(), "wrong\""), "the password is told")
		require.ErrorIs(r.t, dial(&chaincfg.MainNetParams, r.chain.Pass), chain.ErrWrongNetwork)
	})
}

func TestADaemonBelowTheKnownHeightIsBehind(t *testing.T) {
	onBoth(t, func(r *real) {
		common := chain.Common{Params: &chaincfg.RegressionNetParams, KnownHeight: r.height() + 2}
		var node *chain.Node
		var err error
		if r.chain.Kind == regtest.Bitcoind {
			node, err = chain.DialBitcoind(r.ctx, chain.BitcoindConfig{Common: common, Host: r.chain.Host, User: r.chain.User, Pass: r.chain.Pass})
		} else {
			node, err = chain.DialBtcd(r.ctx, chain.BtcdConfig{Common: common, Host: r.chain.Host, User: r.chain.User, Pass: r.chain.Pass, CertFile: r.chain.CertFile})
		}
		require.NoError(r.t, err)
		defer func() { require.NoError(r.t, node.Close()) }()
		ok, reason := node.State()
		require.False(r.t, ok)
		require.Equal(r.t, fmt.Sprintf("behind: at block %d, was at %d", r.height(), r.height()+2), reason)
		require.Zero(r.t, node.Best())
		r.mine(2)
		require.NoError(r.t, node.Wait(r.ctx))
	})
}
