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

// TestWhatIsToldIsTheChain: whatever the chain does, a watcher that has caught up has told exactly what is in it, to those
// who registered before as to those who came late or were restarted.
func TestWhatIsToldIsTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := fake.New()
		c.Mine(20)
		w := chain.NewWatcher(c)
		sink := newBeliever(t)
		w.WatchBlocks(sink)
		var txs []*wire.MsgTx // unspent, of anyone(number)
		var number []byte
		watchedTx := make(map[chainhash.Hash]bool)
		watchedOp := make(map[wire.OutPoint]bool)
		watch := func(tx *wire.MsgTx) {
			// No reorganisation here goes below block 10, so that nothing of interest is lower than 11.
			hint := lnwire.Height(rapid.IntRange(0, 11).Draw(t, "hint"))
			id, op := tx.TxHash(), wire.OutPoint{Hash: tx.TxHash()}
			if !watchedTx[id] {
				watchedTx[id] = true
				w.WatchConf(id, nil, hint, sink)
			}
			if !watchedOp[op] {
				watchedOp[op] = true
				w.WatchSpend(op, nil, hint, sink)
			}
		}
		check := func() {
			require.NoError(t, w.CatchUp(context.Background()))
			conf, spends := truth(c)
			for id := range watchedTx {
				require.Equal(t, conf[id], sink.conf[id])
			}
			for op := range watchedOp {
				require.Equal(t, spends[op], sink.spends[op])
			}
			require.Equal(t, c.Best().Height, sink.tip.Height)
		}
		t.Repeat(map[string]func(*rapid.T){
			"mine": func(t *rapid.T) { c.Mine(rapid.IntRange(1, 5).Draw(t, "blocks")) },
			"reorg": func(t *rapid.T) {
				c.Reorg(rapid.IntRange(1, int(c.Best().Height)-10).Draw(t, "depth"))
			},
			"remine": func(t *rapid.T) {
				c.Remine(rapid.IntRange(1, int(c.Best().Height)-10).Draw(t, "depth"))
			},
			"fund": func(*rapid.T) {
				n := byte(len(number))
				script, _ := anyone(n)
				tx, _ := c.Fund(script, 1_000_000)
				txs, number = append(txs, tx), append(number, n)
			},
			"spend": func(t *rapid.T) {
				if len(txs) == 0 {
					t.Skip("nothing to spend")
				}
				i := rapid.IntRange(0, len(txs)-1).Draw(t, "which")
				tx := spendOf(txs[i], 0, number[i], number[i], 1000)
				if err := c.Broadcast(context.Background(), tx); err != nil {
					t.Skip("spent already, or too long a chain")
				}
				txs, number = append(txs, tx), append(number, number[i])
			},
			"watch": func(t *rapid.T) {
				if len(txs) == 0 {
					t.Skip("nothing to watch")
				}
				watch(txs[rapid.IntRange(0, len(txs)-1).Draw(t, "which")])
			},
			"catch up": func(*rapid.T) { check() },
			"out of step": func(t *rapid.T) {
				c.SetState("restarting")
				c.Mine(rapid.IntRange(0, 2).Draw(t, "blocks"))
				require.NoError(t, w.CatchUp(context.Background()))
				c.SetState("")
			},
			"restart": func(*rapid.T) {
				w = chain.NewWatcher(c)
				sink = newBeliever(t)
				w.WatchBlocks(sink)
				again := txs
				watchedTx, watchedOp = make(map[chainhash.Hash]bool), make(map[wire.OutPoint]bool)
				for _, tx := range again {
					watch(tx)
				}
			},
		})
		check()
	})
}
