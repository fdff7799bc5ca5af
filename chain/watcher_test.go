package chain_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/chain/fake"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// anyone is an output that anyone can spend: a witness script that is true, told apart by a number.
func anyone(n byte) (script, witness []byte) {
	witness = []byte{txscript.OP_DATA_2, n, 0xaa, txscript.OP_DROP, txscript.OP_TRUE}
	hash := chainhash.HashB(witness)
	return append([]byte{txscript.OP_0, txscript.OP_DATA_32}, hash...), witness
}

// spendOf spends an output of anyone(n) to anyone(to), leaving fee.
func spendOf(tx *wire.MsgTx, index uint32, n, to byte, fee int64) *wire.MsgTx {
	_, witness := anyone(n)
	script, _ := anyone(to)
	spend := wire.NewMsgTx(2)
	in := wire.NewTxIn(&wire.OutPoint{Hash: tx.TxHash(), Index: index}, nil, wire.TxWitness{witness})
	in.Sequence = wire.MaxTxInSequenceNum - 2
	spend.AddTxIn(in)
	spend.AddTxOut(wire.NewTxOut(tx.TxOut[index].Value-fee, script))
	return spend
}

// recorder is a sink that writes down what it hears.
type recorder struct {
	name string
	log  *[]string
	stop bool
}

func (r recorder) Put(e chain.Event) bool {
	var s string
	switch e := e.(type) {
	case chain.Confirmed:
		s = fmt.Sprintf("confirmed %d:%d", e.Height, e.TxIndex)
	case chain.Disconnected:
		s = fmt.Sprintf("disconnected %d", e.Height)
	case chain.Spent:
		s = fmt.Sprintf("spent %d input %d", e.Height, e.InputIndex)
	case chain.Unspent:
		s = fmt.Sprintf("unspent %d", e.Height)
		if e.Height == 0 {
			s = "is unspent"
		}
	case chain.Seen:
		s = fmt.Sprintf("seen input %d", e.InputIndex)
	case chain.Block:
		s = fmt.Sprintf("block +%d", e.Height)
		if !e.Connected {
			s = fmt.Sprintf("block -%d", e.Height)
		}
	}
	*r.log = append(*r.log, r.name+" "+s)
	return !r.stop
}

// scene is a chain in memory with a watcher.
type scene struct {
	t     *testing.T
	chain *fake.Chain
	w     *chain.Watcher
	log   []string
}

func newScene(t *testing.T) *scene {
	c := fake.New()
	c.Mine(100)
	return &scene{t: t, chain: c, w: chain.NewWatcher(c)}
}

func (s *scene) sink(name string) recorder { return recorder{name: name, log: &s.log} }

// heard lets the watcher work and returns what was told since the last time.
func (s *scene) heard() []string {
	s.t.Helper()
	require.NoError(s.t, s.w.CatchUp(context.Background()))
	heard := s.log
	s.log = nil
	return heard
}

func (s *scene) broadcast(tx *wire.MsgTx) {
	s.t.Helper()
	require.NoError(s.t, s.chain.Broadcast(context.Background(), tx))
}

// funded mines a transaction that pays to anyone(n).
func (s *scene) funded(n byte) (*wire.MsgTx, wire.OutPoint) {
	script, _ := anyone(n)
	tx, op := s.chain.Fund(script, 100_000)
	s.chain.Mine(1)
	return tx, op
}

func TestBlocksAreToldFromTheTipOn(t *testing.T) {
	s := newScene(t)
	s.w.WatchBlocks(s.sink("a"))
	require.Equal(t, []string{"a block +100"}, s.heard())
	s.chain.Mine(2)
	require.Equal(t, []string{"a block +101", "a block +102"}, s.heard())
	s.w.WatchBlocks(s.sink("b"))
	require.Equal(t, []string{"b block +102"}, s.heard())
	require.Empty(t, s.heard())
}

func TestEventsOfABlockComeBeforeTheBlock(t *testing.T) {
	s := newScene(t)
	tx, op := s.funded(1)
	s.w.WatchBlocks(s.sink("blocks"))
	s.heard()
	spend := spendOf(tx, 0, 1, 2, 1000)
	s.w.WatchSpend(op, tx.TxOut[0].PkScript, 101, s.sink("spend"))
	s.w.WatchConf(spend.TxHash(), spend.TxOut[0].PkScript, 101, s.sink("conf"))
	require.Equal(t, []string{"spend is unspent"}, s.heard())
	s.broadcast(spend)
	require.Empty(t, s.heard(), "unconfirmed")
	s.chain.Mine(1)
	require.Equal(t, []string{"conf confirmed 102:1", "spend spent 102 input 0", "blocks block +102"}, s.heard())
	s.chain.Reorg(1)
	require.Equal(t, []string{"blocks block -102", "conf disconnected 102", "spend unspent 102", "blocks block +102", "blocks block +103"}, s.heard())
	s.chain.Mine(1)
	require.Equal(t, []string{"conf confirmed 104:1", "spend spent 104 input 0", "blocks block +104"}, s.heard())
}

func TestOldBlocksAreSearchedFromTheHint(t *testing.T) {
	s := newScene(t)
	tx, op := s.funded(1) // 101
	spend := spendOf(tx, 0, 1, 2, 1000)
	s.broadcast(spend)
	s.chain.Mine(50) // 102
	s.w.WatchConf(tx.TxHash(), nil, 90, s.sink("conf"))
	s.w.WatchSpend(op, nil, 101, s.sink("spend"))
	s.w.WatchConf(spend.TxHash(), nil, 103, s.sink("hint past it"))
	require.Equal(t, []string{"conf confirmed 101:1", "spend spent 102 input 0"}, s.heard())
}

func TestAScriptIsWatchedForEveryPayment(t *testing.T) {
	s := newScene(t)
	script, _ := anyone(7)
	s.w.WatchConf(chainhash.Hash{}, script, 0, s.sink("script"))
	require.Empty(t, s.heard())
	first, _ := s.funded(7)
	twice := spendOf(first, 0, 7, 7, 2000)
	twice.TxOut[0].Value -= 50_000
	twice.AddTxOut(wire.NewTxOut(50_000, script))
	s.broadcast(twice)
	s.chain.Mine(1)
	require.Equal(t, []string{"script confirmed 101:1", "script confirmed 102:1"}, s.heard())
	s.chain.Reorg(2)
	s.chain.Mine(1)
	require.Equal(t, []string{"script disconnected 102", "script disconnected 101", "script confirmed 104:1", "script confirmed 104:2"}, s.heard())
}

func TestAnUnspentOutputNeedsNoSearch(t *testing.T) {
	s := newScene(t)
	tx, op := s.funded(1)
	s.chain.Mine(1000)
	asked := &counting{Chain: s.chain}
	s.w = chain.NewWatcher(asked)
	s.w.WatchSpend(op, nil, 0, s.sink("spend"))
	require.Equal(t, []string{"spend is unspent"}, s.heard(), "what an earlier run was told may not be true any more")
	require.Zero(t, asked.blocks)
	s.broadcast(spendOf(tx, 0, 1, 2, 1000))
	s.chain.Mine(1)
	require.Equal(t, []string{"spend spent 1102 input 0"}, s.heard())
	require.Equal(t, 1, asked.blocks)
}

func TestWatchesShareOnePass(t *testing.T) {
	s := newScene(t)
	s.chain.Mine(100)
	asked := &counting{Chain: s.chain}
	s.w = chain.NewWatcher(asked)
	for i := range 50 {
		script, _ := anyone(byte(i))
		s.w.WatchConf(chainhash.Hash{}, script, lnwire.Height(50+i), s.sink("x"))
	}
	require.Empty(t, s.heard())
	require.Equal(t, 151, asked.blocks)
}

// counting counts the blocks that are fetched, and can have some of them pruned or fail.
type counting struct {
	*fake.Chain
	blocks int
	pruned map[lnwire.Height]bool
	err    error
}

func (c *counting) Block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	c.blocks++
	if c.err != nil {
		return nil, c.err
	}
	for height := range c.pruned {
		if h, err := c.BlockHash(ctx, height); err == nil && h == hash {
			return nil, chain.ErrPruned
		}
	}
	return c.Chain.Block(ctx, hash)
}

func TestADeepReorgIsTakenBackNewestFirst(t *testing.T) {
	s := newScene(t)
	s.w.WatchBlocks(s.sink("blocks"))
	s.heard()
	tx, op := s.funded(1) // 101
	s.chain.Mine(1)
	s.broadcast(spendOf(tx, 0, 1, 2, 1000))
	s.chain.Mine(40) // spent in 103
	s.w.WatchConf(tx.TxHash(), nil, 0, s.sink("conf"))
	s.w.WatchSpend(op, nil, 0, s.sink("spend"))
	heard := s.heard()
	require.Contains(t, heard, "conf confirmed 101:1")
	require.Contains(t, heard, "spend spent 103 input 0")

	s.chain.Reorg(120) // below the block where the watcher began
	heard = s.heard()
	var want []string
	for h := 142; h > 22; h-- {
		want = append(want, fmt.Sprintf("blocks block -%d", h))
		if h == 103 {
			want = append(want, "spend unspent 103")
		}
		if h == 101 {
			want = append(want, "conf disconnected 101")
		}
	}
	for h := 23; h <= 143; h++ {
		want = append(want, fmt.Sprintf("blocks block +%d", h))
	}
	require.Equal(t, want, heard)
	s.chain.Mine(1)
	require.Equal(t, []string{"conf confirmed 144:1", "spend spent 144 input 0", "blocks block +144"}, s.heard())
}

func TestAReorgBelowTheFirstBlockIsToldFromThere(t *testing.T) {
	s := newScene(t)
	s.w.WatchBlocks(s.sink("a"))
	require.Equal(t, []string{"a block +100"}, s.heard())
	s.chain.Reorg(10)
	require.Equal(t, []string{"a block -100", "a block +100", "a block +101"}, s.heard())
}

func TestAReorgDuringARescanIsTakenBack(t *testing.T) {
	s := newScene(t)
	tx, _ := s.funded(1) // 101
	s.chain.Mine(9)      // 110
	moving := &moving{Chain: s.chain, at: 105, move: func() { s.chain.Reorg(12) }}
	s.w = chain.NewWatcher(moving)
	s.w.WatchConf(tx.TxHash(), nil, 50, s.sink("conf"))
	require.Equal(t, []string{"conf confirmed 101:1", "conf disconnected 101"}, s.heard())
	s.chain.Mine(1)
	require.Equal(t, []string{"conf confirmed 112:1"}, s.heard())
}

// moving changes the chain when the block at a height is fetched.
type moving struct {
	*fake.Chain
	at   lnwire.Height
	move func()
}

func (m *moving) Block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	if h, err := m.BlockHash(ctx, m.at); err == nil && h == hash && m.move != nil {
		m.move()
		m.move = nil
	}
	return m.Chain.Block(ctx, hash)
}

func TestNothingIsToldWhileTheBackendIsOutOfStep(t *testing.T) {
	s := newScene(t)
	s.w.WatchBlocks(s.sink("a"))
	s.heard()
	s.chain.SetState("restarting")
	s.chain.Mine(3)
	require.Empty(t, s.heard())
	s.chain.Reorg(2)
	require.Empty(t, s.heard())
	s.chain.SetState("")
	require.Equal(t, []string{"a block +101", "a block +102", "a block +103", "a block +104"}, s.heard())
}

func TestAFailingBackendIsAskedAgainAndHealthSaysWhy(t *testing.T) {
	s := newScene(t)
	asked := &counting{Chain: s.chain}
	s.w = chain.NewWatcher(asked)
	s.w.WatchBlocks(s.sink("a"))
	s.heard()
	asked.err = chain.ErrUnreachable
	s.chain.Mine(1)
	require.ErrorIs(t, s.w.CatchUp(context.Background()), chain.ErrUnreachable)
	require.ErrorIs(t, s.w.Health(), chain.ErrUnreachable)
	asked.err = nil
	require.Equal(t, []string{"a block +101"}, s.heard())
	require.NoError(t, s.w.Health())
}

func TestAPrunedBlockHoldsUpOnlyWhoNeedsIt(t *testing.T) {
	s := newScene(t)
	tx, _ := s.funded(1) // 101
	s.chain.Mine(10)
	asked := &counting{Chain: s.chain, pruned: map[lnwire.Height]bool{95: true}}
	s.w = chain.NewWatcher(asked)
	s.w.WatchConf(tx.TxHash(), nil, 90, s.sink("stuck"))
	s.w.WatchConf(tx.TxHash(), nil, 96, s.sink("free"))
	s.w.WatchBlocks(s.sink("blocks"))
	require.ErrorIs(t, s.w.CatchUp(context.Background()), chain.ErrPruned)
	require.ErrorIs(t, s.w.Health(), chain.ErrPruned)
	_, op := s.funded(2)
	s.w.WatchSpend(op, nil, 90, s.sink("unspent"))
	s.chain.Mine(1)
	require.ErrorIs(t, s.w.CatchUp(context.Background()), chain.ErrPruned)
	require.Equal(t, []string{"blocks block +111", "free confirmed 101:1", "blocks block +112", "blocks block +113",
		"unspent is unspent"}, s.log)
	s.log = nil
	asked.pruned = nil // it came from the network
	require.Equal(t, []string{"stuck confirmed 101:1"}, s.heard())
}

func TestACancelledWatchIsQuiet(t *testing.T) {
	s := newScene(t)
	tx, op := s.funded(1)
	spend := s.w.WatchSpend(op, nil, 0, s.sink("spend"))
	conf := s.w.WatchConf(tx.TxHash(), nil, 0, s.sink("conf"))
	blocks := s.w.WatchBlocks(s.sink("blocks"))
	mempool := s.w.WatchMempool(op, s.sink("mempool"))
	s.heard()
	for _, x := range []*chain.Watch{spend, conf, blocks, mempool} {
		x.Cancel()
	}
	s.w.Unconfirmed(spendOf(tx, 0, 1, 2, 1000))
	s.broadcast(spendOf(tx, 0, 1, 2, 1000))
	s.chain.Reorg(3)
	require.Empty(t, s.heard())
}

func TestASinkThatIsClosedEndsItsWatch(t *testing.T) {
	s := newScene(t)
	s.w.WatchBlocks(recorder{name: "closed", log: &s.log, stop: true})
	require.Len(t, s.heard(), 1)
	s.chain.Mine(2)
	require.Empty(t, s.heard())
}

func TestUnconfirmedSpendsAreToldToWhoAsks(t *testing.T) {
	s := newScene(t)
	tx, op := s.funded(1)
	s.w.WatchMempool(op, s.sink("mempool"))
	s.w.WatchSpend(op, nil, 0, s.sink("spend"))
	s.chain.WatchMempool(s.w)
	s.broadcast(spendOf(tx, 0, 1, 2, 1000))
	require.Equal(t, []string{"mempool seen input 0", "spend is unspent"}, s.heard())
	s.chain.Mine(1)
	require.Equal(t, []string{"spend spent 102 input 0"}, s.heard())
}

func TestTheSameEventsComeAgainAfterARestart(t *testing.T) {
	s := newScene(t)
	tx, op := s.funded(1)
	s.broadcast(spendOf(tx, 0, 1, 2, 1000))
	s.chain.Mine(5)
	watch := func() []string {
		s.w = chain.NewWatcher(s.chain)
		s.w.WatchConf(tx.TxHash(), nil, 80, s.sink("conf"))
		s.w.WatchSpend(op, nil, 80, s.sink("spend"))
		return s.heard()
	}
	first := watch()
	require.Len(t, first, 2)
	require.Equal(t, first, watch())
}
