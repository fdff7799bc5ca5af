package chain

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Watcher follows a Source and tells sinks what they asked for.
type Watcher struct{ source Source }

// Watch is one registration.
type Watch struct{ w *Watcher }

// NewWatcher returns a watcher that does nothing until Run.
func NewWatcher(source Source) *Watcher { return &Watcher{source: source} }

// Run follows the chain until ctx ends. It is the watcher's only goroutine.
func (w *Watcher) Run(ctx context.Context) { panic("not yet") }

// WatchConf tells of the confirmation of txid, or, where txid is zero, of every transaction with an output to script.
// Hint is a height below which it cannot be.
func (w *Watcher) WatchConf(txid chainhash.Hash, script []byte, hint lnwire.Height, sink Sink) *Watch {
	panic("not yet")
}

// WatchSpend tells of the confirmed spend of op, which pays to script. Hint is a height below which it cannot be.
func (w *Watcher) WatchSpend(op wire.OutPoint, script []byte, hint lnwire.Height, sink Sink) *Watch {
	panic("not yet")
}

// WatchMempool tells of unconfirmed spends of op (Seen), best effort.
func (w *Watcher) WatchMempool(op wire.OutPoint, sink Sink) *Watch { panic("not yet") }

// WatchBlocks tells of the present tip, as a connected Block, and of every block that comes or goes from then on.
func (w *Watcher) WatchBlocks(sink Sink) *Watch { panic("not yet") }

// Health is what holds the watcher back, nil when well.
func (w *Watcher) Health() error { panic("not yet") }

// Cancel ends the watch; an event that is under way may still arrive.
func (x *Watch) Cancel() { panic("not yet") }
