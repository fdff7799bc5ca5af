package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// link is a block of the branch.
type link struct {
	height lnwire.Height
	hash   chainhash.Hash
	time   uint32 // of the header
}

func (l link) event(connected bool) Block {
	return Block{Height: l.height, Hash: l.hash, Time: time.Unix(int64(l.time), 0), Connected: connected}
}

// branch is the part of the chain that the watcher stands on, without gaps: every block in it is the parent of the next.
// Whatever has been told happened in it, so that a reorganisation, however deep, is told from it alone.
type branch struct {
	started bool
	base    lnwire.Height // of links[0]; where there is none, the height to go on from
	links   []link
}

func (b *branch) top() (link, bool) {
	if len(b.links) == 0 {
		return link{}, false
	}
	return b.links[len(b.links)-1], true
}

// next is the height above the top.
func (b *branch) next() lnwire.Height { return b.base + lnwire.Height(len(b.links)) }

// at returns the block at a height of the branch.
func (b *branch) at(height lnwire.Height) (link, bool) {
	if height < b.base || height >= b.next() {
		return link{}, false
	}
	return b.links[height-b.base], true
}

// errMoved: the chain changed between two questions; ask again.
var errMoved = errors.New("the chain moved while it was read")

// step does one piece of work: a block more or less, or an old block searched. False when there is nothing to do.
func (w *Watcher) step(ctx context.Context) (worked bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !w.source.Synced() {
		return false, nil // it says so itself
	}
	tip := w.source.Best()
	if !w.branch.started {
		w.start(tip)
	}
	if top, ok := w.branch.top(); !ok || top.hash != tip.Hash {
		worked, err := w.follow(ctx, tip)
		if worked || err != nil {
			return worked, err
		}
	}
	return w.rescan(ctx)
}

// start stands on the tip.
func (w *Watcher) start(tip Tip) {
	w.branch = branch{started: true, base: tip.Height, links: []link{{tip.Height, tip.Hash, unix32(tip.Time)}}}
	for _, x := range w.watches {
		if x.kind == blocks {
			x.put(w.branch.links[0].event(true))
		}
	}
}

// follow goes one block towards the tip: back, where the branch has left the best chain, else forward.
func (w *Watcher) follow(ctx context.Context, tip Tip) (bool, error) {
	top, ok := w.branch.top()
	if !ok {
		return w.forward(ctx, nil)
	}
	if tip.Height < top.height {
		// A shorter chain that is part of ours is a backend that is behind: wait.
		if l, ok := w.branch.at(tip.Height); ok && l.hash == tip.Hash {
			return false, nil
		}
		w.disconnect(top)
		return true, nil
	}
	hash, err := w.source.BlockHash(ctx, top.height)
	if err != nil {
		return false, fmt.Errorf("follow: %w", err)
	}
	if hash != top.hash {
		w.disconnect(top)
		return true, nil
	}
	return w.forward(ctx, &top)
}

// forward connects the next block; top is its parent, nil where the whole branch has gone.
func (w *Watcher) forward(ctx context.Context, top *link) (bool, error) {
	height := w.branch.next()
	hash, err := w.source.BlockHash(ctx, height)
	if err != nil {
		return false, fmt.Errorf("follow: %w", err)
	}
	block, err := w.source.Block(ctx, hash)
	if err != nil {
		return false, fmt.Errorf("follow to %d: %w", height, err)
	}
	if top != nil && block.Header.PrevBlock != top.hash {
		return false, fmt.Errorf("follow to %d: %w", height, errMoved)
	}
	l := link{height, hash, unix32(block.Header.Timestamp)}
	w.branch.links = append(w.branch.links, l)
	w.search(l, block)
	for _, x := range w.watches {
		if x.kind == blocks {
			x.put(l.event(true))
		}
	}
	return true, nil
}

// disconnect takes the top block off, and back what was told of it.
func (w *Watcher) disconnect(top link) {
	w.branch.links = w.branch.links[:len(w.branch.links)-1]
	for i := len(w.watches) - 1; i >= 0; i-- {
		if x := w.watches[i]; x.kind == blocks {
			x.put(top.event(false))
		}
	}
	for i := len(w.watches) - 1; i >= 0; i-- {
		w.watches[i].takeBack(top.height)
	}
}

// takeBack forgets the block at height, which is the top.
func (x *Watch) takeBack(height lnwire.Height) {
	for n := len(x.found); n > 0 && x.found[n-1].height == height; n = len(x.found) {
		f := x.found[n-1]
		x.found = x.found[:n-1]
		if x.kind == spend {
			x.put(Unspent{OutPoint: x.op, TxID: f.txid, Height: height})
		} else {
			x.put(Disconnected{TxID: f.txid, Height: height})
		}
	}
	x.next = min(x.next, height)
}

// search looks through the block for all watches that want it next.
func (w *Watcher) search(l link, block *wire.MsgBlock) {
	for i, tx := range block.Transactions {
		txid := tx.TxHash()
		conf := Confirmed{TxID: txid, Tx: tx, Block: l.hash, Height: l.height, TxIndex: uint32(i)}
		for _, x := range w.byTx[txid] {
			x.confirmed(conf)
		}
		if len(w.byPay) > 0 {
			for _, out := range tx.TxOut {
				for _, x := range w.byPay[string(out.PkScript)] {
					x.confirmed(conf)
				}
			}
		}
		for j, in := range tx.TxIn {
			for _, x := range w.byOut[in.PreviousOutPoint] {
				if x.next == l.height {
					x.found = append(x.found, found{l.height, txid})
					x.put(Spent{OutPoint: x.op, Tx: tx, TxID: txid, InputIndex: uint32(j), Block: l.hash, Height: l.height})
				}
			}
		}
	}
	for _, x := range w.watches {
		if x.next == l.height {
			x.next++
		}
	}
}

// confirmed tells once for each transaction, however many of its outputs match.
func (x *Watch) confirmed(e Confirmed) {
	if n := len(x.found); x.next != e.Height || n > 0 && x.found[n-1] == (found{e.Height, e.TxID}) {
		return
	}
	x.found = append(x.found, found{e.Height, e.TxID})
	x.put(e)
}
