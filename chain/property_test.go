package chain_test

import (
	"context"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/chain/fake"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// believer is a sink that believes what it hears, and checks that each event fits what came before.
type believer struct {
	t      *rapid.T
	conf   map[chainhash.Hash]lnwire.Height
	spends map[wire.OutPoint]lnwire.Height
	tip    *chain.Block
}

func newBeliever(t *rapid.T) *believer {
	return &believer{t: t, conf: make(map[chainhash.Hash]lnwire.Height), spends: make(map[wire.OutPoint]lnwire.Height)}
}

func (b *believer) Put(e chain.Event) bool {
	switch e := e.(type) {
	case chain.Confirmed:
		require.NotContains(b.t, b.conf, e.TxID, "confirmed twice")
		b.conf[e.TxID] = e.Height
	case chain.Disconnected:
		require.Equal(b.t, b.conf[e.TxID], e.Height)
		delete(b.conf, e.TxID)
	case chain.Spent:
		require.NotContains(b.t, b.spends, e.OutPoint, "spent twice")
		b.spends[e.OutPoint] = e.Height
	case chain.Unspent:
		require.Equal(b.t, b.spends[e.OutPoint], e.Height)
		delete(b.spends, e.OutPoint)
	case chain.Block:
		switch {
		case b.tip == nil:
			require.True(b.t, e.Connected)
		case e.Connected:
			require.Equal(b.t, b.tip.Height+1, e.Height)
		default:
			require.Equal(b.t, b.tip.Height, e.Height)
			e.Height-- // the tip is its parent now
		}
		b.tip = &e
	}
	return true
}

// truth searches the whole chain.
func truth(c *fake.Chain) (conf map[chainhash.Hash]lnwire.Height, spends map[wire.OutPoint]lnwire.Height) {
	conf, spends = make(map[chainhash.Hash]lnwire.Height), make(map[wire.OutPoint]lnwire.Height)
	for h := lnwire.Height(0); h <= c.Best().Height; h++ {
		hash, err := c.BlockHash(context.Background(), h)
		if err != nil {
			panic(err)
		}
		block, err := c.Block(context.Background(), hash)
		if err != nil {
			panic(err)
		}
		for _, tx := range block.Transactions {
			conf[tx.TxHash()] = h
			for _, in := range tx.TxIn {
				spends[in.PreviousOutPoint] = h
			}
		}
	}
	return conf, spends
}

// history is a chain at random with a watcher of it.
type history struct {
	t         *rapid.T
	c         *fake.Chain
	w         *chain.Watcher
	sink      *believer
	txs       []*wire.MsgTx // each pays to anyone(number)
	number    []byte
	watchedTx map[chainhash.Hash]bool
	watchedOp map[wire.OutPoint]bool
}

// restart makes a new watcher, which knows nothing.
func (h *history) restart() {
	h.w, h.sink = chain.NewWatcher(h.c), newBeliever(h.t)
	h.watchedTx, h.watchedOp = make(map[chainhash.Hash]bool), make(map[wire.OutPoint]bool)
	h.w.WatchBlocks(h.sink)
}

func (h *history) watch(tx *wire.MsgTx) {
	// No reorganisation here goes below block 10, so that nothing of interest is lower than 11.
	hint := lnwire.Height(rapid.IntRange(0, 11).Draw(h.t, "hint"))
	id, op := tx.TxHash(), wire.OutPoint{Hash: tx.TxHash()}
	if !h.watchedTx[id] {
		h.watchedTx[id], h.watchedOp[op] = true, true
		h.w.WatchConf(id, nil, hint, h.sink)
		h.w.WatchSpend(op, nil, hint, h.sink)
	}
}

// check lets the watcher catch up, and compares.
func (h *history) check() {
	require.NoError(h.t, h.w.CatchUp(context.Background()))
	conf, spends := truth(h.c)
	for id := range h.watchedTx {
		require.Equal(h.t, conf[id], h.sink.conf[id])
	}
	for op := range h.watchedOp {
		require.Equal(h.t, spends[op], h.sink.spends[op])
	}
	require.Equal(h.t, h.c.Best().Height, h.sink.tip.Height)
}

// some draws one of the transactions; it skips where there is none.
func (h *history) some() int {
	if len(h.txs) == 0 {
		h.t.Skip("no transactions yet")
	}
	return rapid.IntRange(0, len(h.txs)-1).Draw(h.t, "which")
}

func (h *history) fund() {
	n := byte(len(h.number))
	script, _ := anyone(n)
	tx, _ := h.c.Fund(script, 1_000_000)
	h.txs, h.number = append(h.txs, tx), append(h.number, n)
}

func (h *history) spend() {
	i := h.some()
	tx := spendOf(h.txs[i], 0, h.number[i], h.number[i], 1000)
	if err := h.c.Broadcast(context.Background(), tx); err != nil {
		h.t.Skip("spent already, or too long a chain")
	}
	h.txs, h.number = append(h.txs, tx), append(h.number, h.number[i])
}

// TestWhatIsToldIsTheChain: whatever the chain does, a watcher that has caught up has told exactly what is in it, to those
// who registered before as to those who came late or were restarted.
func TestWhatIsToldIsTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t, c: fake.New()}
		h.c.Mine(20)
		h.restart()
		draw := func(low, high int) int { return rapid.IntRange(low, high).Draw(t, "n") }
		t.Repeat(map[string]func(*rapid.T){
			"mine":     func(*rapid.T) { h.c.Mine(draw(1, 5)) },
			"reorg":    func(*rapid.T) { h.c.Reorg(draw(1, int(h.c.Best().Height)-10)) },
			"remine":   func(*rapid.T) { h.c.Remine(draw(1, int(h.c.Best().Height)-10)) },
			"fund":     func(*rapid.T) { h.fund() },
			"spend":    func(*rapid.T) { h.spend() },
			"watch":    func(*rapid.T) { h.watch(h.txs[h.some()]) },
			"catch up": func(*rapid.T) { h.check() },
			"out of step": func(t *rapid.T) {
				h.c.SetState("restarting")
				h.c.Mine(draw(0, 2))
				require.NoError(t, h.w.CatchUp(context.Background()))
				h.c.SetState("")
			},
			"restart": func(*rapid.T) {
				h.restart()
				for _, tx := range h.txs {
					h.watch(tx)
				}
			},
		})
		h.check()
	})
}
