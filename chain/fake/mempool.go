package fake

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Limits of a real mempool, as Core has them by default.
const (
	// defaultMinRate is 1 sat/vB.
	defaultMinRate lnwire.FeePerKW = 250
	// incrementalRate is what a replacement pays for its own relaying, on top of what it replaces.
	incrementalRate lnwire.FeePerKW = 250
	// maxAncestors is how long a chain of unconfirmed transactions may be.
	maxAncestors = 25
	// maxEvicted is how many transactions a replacement may throw out.
	maxEvicted = 100
)

// entry is an unconfirmed transaction.
type entry struct {
	tx     *wire.MsgTx
	id     chainhash.Hash
	fee    btcutil.Amount
	weight int64
}

// above says whether e pays a higher rate than other; the products may not fit 64 bits.
func (e *entry) above(other *entry) bool {
	hi1, lo1 := bits.Mul64(uint64(e.fee), uint64(other.weight))
	hi2, lo2 := bits.Mul64(uint64(other.fee), uint64(e.weight))
	return hi1 > hi2 || hi1 == hi2 && lo1 > lo2
}

func (e *entry) pays(rate lnwire.FeePerKW) bool { return e.fee >= rate.Fee(e.weight) }

// pool holds entries in the order of acceptance: parents come before their children.
type pool struct {
	entries []*entry
	byID    map[chainhash.Hash]*entry
	spender map[wire.OutPoint]*entry
}

func newPool() pool {
	return pool{byID: make(map[chainhash.Hash]*entry), spender: make(map[wire.OutPoint]*entry)}
}

func (p *pool) add(e *entry) {
	p.entries = append(p.entries, e)
	p.byID[e.id] = e
	for _, in := range e.tx.TxIn {
		p.spender[in.PreviousOutPoint] = e
	}
}

// prepend puts transactions of disconnected blocks in front; revalidate makes entries of them.
func (p *pool) prepend(txs []*wire.MsgTx) {
	old := p.entries
	*p = newPool()
	for _, tx := range txs {
		p.add(&entry{tx: tx, id: tx.TxHash()})
	}
	for _, e := range old {
		p.add(e)
	}
}

// evict removes the entries.
func (p *pool) evict(gone map[chainhash.Hash]bool) {
	old := p.entries
	*p = newPool()
	for _, e := range old {
		if !gone[e.id] {
			p.add(e)
		}
	}
}

// descendants adds e and everything that spends of it to set.
func (p *pool) descendants(e *entry, set map[chainhash.Hash]bool) {
	if set[e.id] {
		return
	}
	set[e.id] = true
	for i := range e.tx.TxOut {
		if child := p.spender[wire.OutPoint{Hash: e.id, Index: uint32(i)}]; child != nil {
			p.descendants(child, set)
		}
	}
}

// ancestors adds the unconfirmed transactions that tx stands on to set.
func (p *pool) ancestors(tx *wire.MsgTx, set map[chainhash.Hash]bool) {
	for _, in := range tx.TxIn {
		if parent := p.byID[in.PreviousOutPoint.Hash]; parent != nil && !set[parent.id] {
			set[parent.id] = true
			p.ancestors(parent.tx, set)
		}
	}
}

// Broadcast accepts tx into the mempool.
func (c *Chain) Broadcast(_ context.Context, tx *wire.MsgTx) error {
	tx = tx.Copy()
	c.mu.Lock()
	if err := c.reachable(); err != nil {
		c.mu.Unlock()
		return err
	}
	if c.known(tx.TxHash()) {
		c.mu.Unlock()
		return nil
	}
	e, replaced, err := c.accept(tx, c.minRate)
	if err == nil {
		c.pool.evict(replaced)
		c.pool.add(e)
	}
	c.mu.Unlock()
	if err == nil {
		c.seen(tx)
	}
	return err
}

// TestMempoolAccept returns what Broadcast would.
func (c *Chain) TestMempoolAccept(_ context.Context, tx *wire.MsgTx) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(); err != nil {
		return err
	}
	if c.known(tx.TxHash()) {
		return nil
	}
	_, _, err := c.accept(tx, c.minRate)
	return err
}

// SubmitPackage accepts parents and their child together, the fee rate being that of the whole.
func (c *Chain) SubmitPackage(_ context.Context, txs ...*wire.MsgTx) error {
	c.mu.Lock()
	accepted, err := c.acceptPackage(txs)
	c.mu.Unlock()
	for _, tx := range accepted {
		c.seen(tx)
	}
	return err
}

// acceptPackage takes all of txs or none.
func (c *Chain) acceptPackage(txs []*wire.MsgTx) (accepted []*wire.MsgTx, err error) {
	if err := c.reachable(); err != nil {
		return nil, err
	}
	before := c.pool.entries
	restore := func() {
		c.pool = newPool()
		for _, e := range before {
			c.pool.add(e)
		}
	}
	var whole entry
	for _, tx := range txs {
		tx = tx.Copy()
		if c.known(tx.TxHash()) {
			continue
		}
		e, replaced, err := c.accept(tx, 0)
		if err != nil {
			restore()
			return nil, err
		}
		c.pool.evict(replaced)
		c.pool.add(e)
		whole.fee += e.fee
		whole.weight += e.weight
		accepted = append(accepted, tx)
	}
	if !whole.pays(c.minRate) {
		restore()
		return nil, reject(chain.FeeTooLow, "package pays %v for %d weight", whole.fee, whole.weight)
	}
	return accepted, nil
}

// known says whether a transaction is in the mempool or has an unspent output in the chain.
func (c *Chain) known(id chainhash.Hash) bool {
	if c.pool.byID[id] != nil {
		return true
	}
	// As Core does: a confirmed transaction whose outputs are all spent looks unknown.
	for op := range c.coins {
		if op.Hash == id {
			return true
		}
	}
	return false
}

// accept checks tx by the rules of a mempool and returns its entry and what it replaces. Nothing changes.
func (c *Chain) accept(tx *wire.MsgTx, rate lnwire.FeePerKW) (*entry, map[chainhash.Hash]bool, error) {
	fee, err := c.check(tx, c.pool, standard)
	if err != nil {
		return nil, nil, err
	}
	e := &entry{tx: tx, id: tx.TxHash(), fee: fee, weight: blockchain.GetTransactionWeight(btcutil.NewTx(tx))}
	if !e.pays(rate) {
		return nil, nil, reject(chain.FeeTooLow, "min relay fee not met: %v for %d weight", e.fee, e.weight)
	}
	above := make(map[chainhash.Hash]bool)
	c.pool.ancestors(tx, above)
	if len(above)+1 > maxAncestors {
		return nil, nil, reject(chain.TooManyAncestors, "too-long-mempool-chain: %d ancestors", len(above))
	}
	replaced, err := c.replace(e, above)
	return e, replaced, err
}

// replace applies the rules of replacement (BIP 125 as Core does it now: every transaction can be replaced).
func (c *Chain) replace(e *entry, above map[chainhash.Hash]bool) (map[chainhash.Hash]bool, error) {
	gone := make(map[chainhash.Hash]bool)
	for _, in := range e.tx.TxIn {
		other := c.pool.spender[in.PreviousOutPoint]
		if other == nil {
			continue
		}
		if !e.above(other) {
			return nil, reject(chain.Conflict, "insufficient fee: the rate is not above that of %v", other.id)
		}
		c.pool.descendants(other, gone)
	}
	if len(gone) == 0 {
		return nil, nil
	}
	if len(gone) > maxEvicted {
		return nil, reject(chain.Conflict, "too many potential replacements: %d", len(gone))
	}
	var sum btcutil.Amount
	for _, old := range c.pool.entries {
		if !gone[old.id] {
			continue
		}
		sum += old.fee
		if above[old.id] {
			return nil, reject(chain.Conflict, "bad-txns-spends-conflicting-tx: %v", old.id)
		}
	}
	if e.fee < sum+incrementalRate.Fee(e.weight) {
		return nil, reject(chain.Conflict, "insufficient fee: %v replaces %v", e.fee, sum)
	}
	return gone, nil
}

// revalidate drops what the present chain no longer allows.
func (c *Chain) revalidate() {
	old := c.pool.entries
	c.pool = newPool()
	for _, e := range old {
		if c.minted[e.id] {
			if _, ok := c.coins[wire.OutPoint{Hash: e.id}]; !ok && !c.confirmed(e.id) {
				c.pool.add(e)
			}
			continue
		}
		fee, err := c.check(e.tx, c.pool, recheck)
		if err != nil || c.conflicts(e.tx) {
			continue
		}
		c.pool.add(&entry{tx: e.tx, id: e.id, fee: fee, weight: blockchain.GetTransactionWeight(btcutil.NewTx(e.tx))})
	}
}

func (c *Chain) conflicts(tx *wire.MsgTx) bool {
	for _, in := range tx.TxIn {
		if c.pool.spender[in.PreviousOutPoint] != nil {
			return true
		}
	}
	return false
}

// confirmed says whether the chain holds the transaction.
func (c *Chain) confirmed(id chainhash.Hash) bool {
	for _, b := range c.main {
		for _, tx := range b.msg.Transactions {
			if tx.TxHash() == id {
				return true
			}
		}
	}
	return false
}

// selected is what miners take: each transaction that, with its unconfirmed ancestors, pays the rate they want.
func (c *Chain) selected() []*wire.MsgTx {
	take := make(map[chainhash.Hash]bool)
	for _, e := range c.pool.entries {
		above := make(map[chainhash.Hash]bool)
		c.pool.ancestors(e.tx, above)
		whole := entry{fee: e.fee, weight: e.weight}
		for _, parent := range c.pool.entries {
			if above[parent.id] && !take[parent.id] && !c.minted[parent.id] {
				whole.fee += parent.fee
				whole.weight += parent.weight
			}
		}
		if !whole.pays(c.mineRate) && !c.minted[e.id] {
			continue
		}
		take[e.id] = true
		for id := range above {
			take[id] = true
		}
	}
	var txs []*wire.MsgTx
	for _, e := range c.pool.entries {
		if take[e.id] {
			txs = append(txs, e.tx)
		}
	}
	return txs
}

// Mempool lists the unconfirmed transactions in the order of their acceptance.
func (c *Chain) Mempool() []*wire.MsgTx {
	c.mu.Lock()
	defer c.mu.Unlock()
	txs := make([]*wire.MsgTx, len(c.pool.entries))
	for i, e := range c.pool.entries {
		txs[i] = e.tx
	}
	return txs
}

// Evict throws a transaction and its descendants out of the mempool, as a full one does.
func (c *Chain) Evict(id chainhash.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.pool.byID[id]; e != nil {
		gone := make(map[chainhash.Hash]bool)
		c.pool.descendants(e, gone)
		c.pool.evict(gone)
	}
}

// seen tells the sinks of an accepted transaction.
func (c *Chain) seen(tx *wire.MsgTx) {
	c.mu.Lock()
	sinks := append([]chain.TxSink(nil), c.sinks...)
	c.mu.Unlock()
	for _, s := range sinks {
		s.Unconfirmed(tx)
	}
}

func reject(reason chain.Reason, format string, args ...any) error {
	return &chain.Rejected{Reason: reason, Text: fmt.Sprintf(format, args...)}
}
