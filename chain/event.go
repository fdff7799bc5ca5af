package chain

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Sink takes a watcher's events, in order. Put must not block: it appends to a mailbox (*mailbox.Box[Event] is a Sink).
// False says that nobody listens any more, and ends the watch.
type Sink interface{ Put(Event) bool }

// Event is one of Confirmed, Disconnected, Spent, Unspent, Seen and Block.
type Event interface{ chainEvent() }

type (
	// Confirmed: Tx is in the block. Depth follows from the Blocks that come after.
	Confirmed struct {
		TxID    chainhash.Hash
		Tx      *wire.MsgTx
		Block   chainhash.Hash
		Height  lnwire.Height
		TxIndex uint32 // position in the block, as in a short channel id
	}

	// Disconnected takes a Confirmed back. The transaction may confirm again, in another block.
	Disconnected struct {
		TxID   chainhash.Hash
		Height lnwire.Height // at which it was
	}

	// Spent: input InputIndex of the confirmed Tx spends OutPoint.
	Spent struct {
		OutPoint   wire.OutPoint
		Tx         *wire.MsgTx
		TxID       chainhash.Hash
		InputIndex uint32
		Block      chainhash.Hash
		Height     lnwire.Height
	}

	// Unspent takes a Spent back. As the first event of a watch, without TxID and Height, it takes back what may have been
	// told of the output in an earlier run: it is unspent now.
	Unspent struct {
		OutPoint wire.OutPoint
		TxID     chainhash.Hash // that spent it
		Height   lnwire.Height  // at which it was
	}

	// Seen: an unconfirmed transaction spends OutPoint. Good for reading a preimage early, and for nothing else: it may
	// never confirm, be told twice, or not be told at all.
	Seen struct {
		OutPoint   wire.OutPoint
		Tx         *wire.MsgTx
		InputIndex uint32
	}

	// Block was connected to the best chain, or disconnected from its end.
	Block struct {
		Height    lnwire.Height
		Hash      chainhash.Hash
		Time      time.Time
		Connected bool
	}
)

func (Confirmed) chainEvent()    {}
func (Disconnected) chainEvent() {}
func (Spent) chainEvent()        {}
func (Unspent) chainEvent()      {}
func (Seen) chainEvent()         {}
func (Block) chainEvent()        {}
