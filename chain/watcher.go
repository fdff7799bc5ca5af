package chain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/time/rate"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Watcher follows a Source and tells sinks what they asked for.
//
// Each watch has a next height, the lowest block that has not been searched for it; that is all the state there is. A watch
// whose next block is past the tip is live. The others are in arrears: the watcher takes the lowest such block, searches
// it for every watch that wants it next, and so on, so that watches that start close to each other share one pass. New
// blocks come first.
//
// In one block the order of events is that of its transactions, and Block comes last: when a sink hears of block h,
// everything in it has been told to live watches. A disconnected block is the mirror image: Block first, then the rest backwards.
type Watcher struct {
	source Source
	wake   chan struct{} // buffer of one: there may be work
	pace   *rate.Limiter // of searching old blocks

	mu      sync.Mutex
	joining []*Watch // registered, not yet taken over by the loop
	mempool map[wire.OutPoint][]*Watch
	health  error

	// Below: the loop's.
	branch  branch
	watches []*Watch // in order of registration
	byTx    map[chainhash.Hash][]*Watch
	byOut   map[wire.OutPoint][]*Watch
	byPay   map[string][]*Watch // by script
	stuck   map[lnwire.Height]error
}

// Watch is one registration.
type Watch struct {
	w      *Watcher
	kind   kind
	txid   chainhash.Hash // confirmation; zero: by script
	script []byte
	op     wire.OutPoint // spend, mempool
	sink   Sink
	gone   atomic.Bool

	// Below: the loop's.
	next   lnwire.Height // the lowest block that has not been searched
	probed bool          // spend: the backend was asked whether it is unspent
	found  []found       // what was told and is not taken back, by ascending height
}

type kind uint8

const (
	confirmation kind = iota
	spend
	unconfirmed
	blocks
)

// found is an event that a reorganisation takes back.
type found struct {
	height lnwire.Height
	txid   chainhash.Hash
}

const (
	// rescanRate bounds how many old blocks are searched in a second: the backend has other things to do.
	rescanRate = 250
	// headersAtOnce is how many headers are fetched before the watcher looks for new blocks again.
	headersAtOnce = 500
)

// NewWatcher returns a watcher that does nothing until Run.
func NewWatcher(source Source) *Watcher {
	return &Watcher{
		source: source, wake: make(chan struct{}, 1), pace: rate.NewLimiter(rescanRate, rescanRate),
		mempool: make(map[wire.OutPoint][]*Watch), byTx: make(map[chainhash.Hash][]*Watch), byOut: make(map[wire.OutPoint][]*Watch),
		byPay: make(map[string][]*Watch), stuck: make(map[lnwire.Height]error),
	}
}

// WatchConf tells of the confirmation of txid, or, where txid is zero, of every transaction with an output to script.
// Hint is a height below which it cannot be. The watch lasts until it is cancelled.
func (w *Watcher) WatchConf(txid chainhash.Hash, script []byte, hint lnwire.Height, sink Sink) *Watch {
	return w.register(&Watch{kind: confirmation, txid: txid, script: script, next: hint, sink: sink})
}

// WatchSpend tells of the confirmed spend of op, which pays to script. Hint is a height below which it cannot be; where op
// is unspent still, old blocks are not searched, so a low hint costs little.
func (w *Watcher) WatchSpend(op wire.OutPoint, script []byte, hint lnwire.Height, sink Sink) *Watch {
	return w.register(&Watch{kind: spend, op: op, script: script, next: hint, sink: sink})
}

// WatchBlocks tells of the present tip, as a connected Block, and of every block that comes or goes from then on.
func (w *Watcher) WatchBlocks(sink Sink) *Watch {
	return w.register(&Watch{kind: blocks, sink: sink})
}

// WatchMempool tells of unconfirmed spends of op (Seen), best effort, from the backend's own goroutine.
func (w *Watcher) WatchMempool(op wire.OutPoint, sink Sink) *Watch {
	x := &Watch{w: w, kind: unconfirmed, op: op, sink: sink}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mempool[op] = append(w.mempool[op], x)
	return x
}

func (w *Watcher) register(x *Watch) *Watch {
	x.w = w
	w.mu.Lock()
	w.joining = append(w.joining, x)
	w.mu.Unlock()
	w.signal()
	return x
}

func (w *Watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Cancel ends the watch; an event that is under way may still arrive.
func (x *Watch) Cancel() {
	x.gone.Store(true)
	if x.kind == unconfirmed {
		x.w.mu.Lock()
		defer x.w.mu.Unlock()
		if left := without(x.w.mempool[x.op], x); len(left) > 0 {
			x.w.mempool[x.op] = left
		} else {
			delete(x.w.mempool, x.op)
		}
		return
	}
	x.w.signal()
}

// Health is what holds the watcher back, nil when well: the backend's last error, or ErrPruned where an old block that
// has to be searched is not to be had.
func (w *Watcher) Health() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.health
}

// Unconfirmed makes the watcher a TxSink: it takes what enters the mempool.
func (w *Watcher) Unconfirmed(tx *wire.MsgTx) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, in := range tx.TxIn {
		for _, x := range w.mempool[in.PreviousOutPoint] {
			x.put(Seen{OutPoint: in.PreviousOutPoint, Tx: tx, InputIndex: uint32(i)})
		}
	}
}

// put tells the sink, and ends the watch when nobody listens.
func (x *Watch) put(e Event) {
	if !x.gone.Load() && !x.sink.Put(e) {
		x.gone.Store(true)
	}
}

// Run follows the chain until ctx ends. It is the watcher's only goroutine, and Run and CatchUp must not overlap.
func (w *Watcher) Run(ctx context.Context) {
	w.source.Notify(w.wake)
	defer w.source.Forget(w.wake)
	w.source.WatchMempool(w)
	defer w.source.UnwatchMempool(w)
	pause := firstRetry
	for ctx.Err() == nil {
		err := w.CatchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			pause = firstRetry
			select {
			case <-ctx.Done():
			case <-w.wake:
			}
			continue
		}
		if !errors.Is(err, errMoved) { // that is ordinary
			slog.Warn("chain watcher waits", "err", err)
		}
		timer := time.NewTimer(pause)
		pause = min(2*pause, longestWait)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// CatchUp does all the work that there is at present and returns. For simulations, which run no goroutine.
func (w *Watcher) CatchUp(ctx context.Context) error {
	var err error
	for worked := true; worked && err == nil; {
		w.join()
		worked, err = w.step(ctx)
	}
	w.mu.Lock()
	w.health = err
	w.mu.Unlock()
	clear(w.stuck)
	return err
}

// join takes new watches over and drops those that have been cancelled.
func (w *Watcher) join() {
	w.mu.Lock()
	joining := w.joining
	w.joining = nil
	w.mu.Unlock()

	kept := w.watches[:0]
	for _, x := range w.watches {
		if x.gone.Load() {
			w.unindex(x)
		} else {
			kept = append(kept, x)
		}
	}
	clear(w.watches[len(kept):])
	w.watches = append(kept, joining...)
	for _, x := range joining {
		w.index(x)
		if top, ok := w.branch.top(); ok && x.kind == blocks {
			x.put(top.event(true))
		}
	}
}

func (w *Watcher) index(x *Watch) {
	switch {
	case x.kind == spend:
		w.byOut[x.op] = append(w.byOut[x.op], x)
	case x.kind == confirmation && x.txid == chainhash.Hash{}:
		w.byPay[string(x.script)] = append(w.byPay[string(x.script)], x)
	case x.kind == confirmation:
		w.byTx[x.txid] = append(w.byTx[x.txid], x)
	}
}

func (w *Watcher) unindex(x *Watch) {
	switch {
	case x.kind == spend:
		remove(w.byOut, x.op, x)
	case x.kind == confirmation && x.txid == chainhash.Hash{}:
		remove(w.byPay, string(x.script), x)
	case x.kind == confirmation:
		remove(w.byTx, x.txid, x)
	}
}

func remove[K comparable](index map[K][]*Watch, key K, x *Watch) {
	if left := without(index[key], x); len(left) > 0 {
		index[key] = left
	} else {
		delete(index, key)
	}
}

func without(list []*Watch, x *Watch) []*Watch {
	for i := range list {
		if list[i] == x {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}
