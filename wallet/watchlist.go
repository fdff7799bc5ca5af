package wallet

import (
	"sync"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// watchlist is what makes a transaction the wallet's: a script that it pays to, a coin that it spends, or that the
// wallet published it.
type watchlist struct {
	params  *chaincfg.Params
	mu      sync.Mutex
	scripts map[string]struct{}
	outputs map[wire.OutPoint]struct{}
	txs     map[chainhash.Hash]struct{}
}

func newWatchlist(params *chaincfg.Params) *watchlist {
	return &watchlist{
		params: params, scripts: map[string]struct{}{}, outputs: map[wire.OutPoint]struct{}{},
		txs: map[chainhash.Hash]struct{}{},
	}
}

func (l *watchlist) watchScript(script []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scripts[string(script)] = struct{}{}
}

func (l *watchlist) watchOutput(op wire.OutPoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outputs[op] = struct{}{}
}

func (l *watchlist) watchTx(hash chainhash.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.txs[hash] = struct{}{}
}

// matches also watches the outputs that pay to us, for their spends.
func (l *watchlist) matches(tx *wire.MsgTx) (ours bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := tx.TxHash()
	_, ours = l.txs[hash]
	for _, in := range tx.TxIn {
		if _, ok := l.outputs[in.PreviousOutPoint]; ok {
			ours = true
		}
	}
	for i, out := range tx.TxOut {
		if _, ok := l.scripts[string(out.PkScript)]; ok {
			l.outputs[wire.OutPoint{Hash: hash, Index: uint32(i)}] = struct{}{}
			ours = true
		}
	}
	return ours
}
