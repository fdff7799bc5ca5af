package node

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/store"
)

type chainHash = chainhash.Hash

const (
	heightKey    = "n/h"
	estimatesKey = "n/e"
	olderKey     = "n/o" // there while not all channels know that the ledger is an older copy
)

// Height of the chain as the node acts on it.
func (n *Node) Height() lnwire.Height { return lnwire.Height(n.height.Load()) }

func (n *Node) setHeight(h lnwire.Height) {
	n.height.Store(uint32(h))
	n.ledger.Commit(store.Batch{Puts: []store.Put{{Key: []byte(heightKey), Value: binary.BigEndian.AppendUint32(nil, uint32(h))}}})
}

// loadHeight remembers the height of the last run: a backend below it is behind.
func (n *Node) loadHeight() error {
	v, err := n.ledger.Load([]byte(heightKey))
	if err != nil || v == nil {
		return err
	}
	if len(v) != 4 {
		return fmt.Errorf("height record of %d bytes", len(v))
	}
	n.height.Store(binary.BigEndian.Uint32(v))
	return nil
}

// catchUp tells gossip of the blocks that passed while the node was down: channels may have been spent in them.
func (n *Node) catchUp(from, to lnwire.Height) {
	for h := from; h <= to && n.ctx.Err() == nil; h++ {
		hash, err := n.chain.BlockHash(n.ctx, h)
		if err != nil {
			n.log.Warn("block not found for gossip", "height", h, "err", err)
			return
		}
		n.talk.post(n.spends(h, hash))
	}
}

// followBlocks tells everybody of the chain's tip.
func (n *Node) followBlocks() {
	if last := n.talk.seen; last > 0 {
		n.catchUp(last+1, n.Height())
	}
	var events []chain.Event
	for {
		<-n.blocks.Ready()
		var ok bool
		if events, ok = n.blocks.Take(events); !ok {
			return
		}
		for _, ev := range events {
			if b, ok := ev.(chain.Block); ok {
				n.block(b)
			}
		}
		if h := n.Height(); len(events) > 0 {
			n.peers.Height(h)
			n.traffic.post(htlc.Tick{Height: h})
			n.sweeper.block()
			n.outside.block()
			n.giveUp()
			n.setFees()
		}
		clear(events)
	}
}

// block takes one block in, or out: gossip hears what it spends.
func (n *Node) block(b chain.Block) {
	if !b.Connected {
		n.setHeight(b.Height - 1)
		n.talk.post(gossip.Reorg{Height: b.Height - 1})
		return
	}
	n.setHeight(b.Height)
	n.log.Debug("block", "height", b.Height, "hash", b.Hash)
	n.talk.post(n.spends(b.Height, b.Hash))
}

// spends lists what a block spends.
func (n *Node) spends(height lnwire.Height, hash chainHash) gossip.Block {
	ev := gossip.Block{Height: height}
	block, err := n.chain.Block(n.ctx, hash)
	if err != nil {
		n.log.Warn("block not read for gossip", "height", height, "err", err)
		return ev
	}
	for _, tx := range block.Transactions[1:] {
		for _, in := range tx.TxIn {
			ev.Spent = append(ev.Spent, in.PreviousOutPoint)
		}
	}
	return ev
}

// feeSlack is by how much the commitments' fee rate may be off before it is changed: a fifth.
const feeSlack = 5

// setFees keeps the fee rate of the commitments of channels that we opened near the estimate. Anchors make it a matter of
// relaying, not of confirming; the configured ceiling bounds it.
func (n *Node) setFees() {
	rate, err := n.commitFee()
	if err != nil {
		n.log.Debug("no fee estimate", "err", err)
		return
	}
	for _, p := range n.book.all() {
		if !p.carries() || !p.Opener || !p.Active {
			continue
		}
		if gap := max(rate, p.FeeRate) - min(rate, p.FeeRate); gap > p.FeeRate/feeSlack {
			n.tell(p.Ref, channel.SetFee{FeeRate: rate})
		}
	}
}

// commitFee is the fee rate for commitments that we pay for.
func (n *Node) commitFee() (lnwire.FeePerKW, error) {
	const target = 6
	rate, err := n.chain.EstimateFee(n.ctx, target)
	if err != nil {
		return 0, err
	}
	return max(min(rate, n.cfg.Channels.MaxCommitFee), lnwire.FeePerKWFloor), nil
}

// loadEstimates brings back what payments taught before the restart. What cannot be read is learned again.
func (n *Node) loadEstimates() (*router.Estimates, error) {
	v, err := n.ledger.Load([]byte(estimatesKey))
	if err != nil || v == nil {
		return router.NewEstimates(), err
	}
	e, err := router.DecodeEstimates(v)
	if err != nil {
		n.log.Warn("what payments taught is lost", "err", err)
		return router.NewEstimates(), nil
	}
	return e, nil
}

// saveEstimates runs from time to time and at the end.
func (n *Node) saveEstimates() {
	n.ledger.Commit(store.Batch{Puts: []store.Put{{Key: []byte(estimatesKey), Value: n.estimates.Encode()}}})
}

// flushEvery paces gossip: at once on regtest, where nobody is flooded.
func (n *Node) flushEvery() time.Duration {
	if NetworkName(n.cfg.Params) == "regtest" {
		return 0
	}
	return gossip.DefaultFlush
}

// tell brings an event to a channel; outside and the chain use it.
func (n *Node) tell(ref peer.Ref, ev channel.Event) {
	if s, ok := ev.(channel.Spent); ok && s.Fact.Height > 0 {
		n.sweeper.spent(s.Fact.OutPoint)
	}
	if p := n.peers.Peer(ref.Peer); p != nil {
		p.Tell(ref.Index, ev)
	}
}

// command brings a switch's command to its channel.
func (n *Node) command(id lnwire.ChannelID, ev channel.Event) {
	if c, ok := n.book.find(id); ok {
		if p := n.peers.Peer(c.Peer); p != nil {
			p.Do(id, ev)
			return
		}
	}
	if o, ok := ev.(channel.Offer); ok {
		n.traffic.Refused(o.Origin, id, peer.ErrNoChannel)
	}
}

// ended clears up behind a channel that is no more.
func (n *Node) ended(ref peer.Ref, info *channel.Info) {
	n.policies.forget(ref.Index)
	n.book.erase(ref.Index)
	if err := bury(n.ledger, ref, info); err != nil {
		n.log.Error("records of a channel that ended are left behind", "chan", info.ChannelID, "err", err)
	}
	if n.book.with(ref.Peer) == 0 {
		n.peers.Release(ref.Peer)
	}
}

func (n *Node) linkOf(id lnwire.PubKey) *peer.Link {
	if p := n.peers.Peer(id); p != nil {
		return p.Link()
	}
	return nil
}

func (n *Node) linkedFeatures(id lnwire.PubKey) (lnwire.FeatureVector, bool) {
	l := n.linkOf(id)
	if l == nil {
		return nil, false
	}
	return l.Features, true
}

// ready says whether new channels may be begun: not while the chain is unknown.
func (n *Node) ready() error {
	if ok, reason := n.chain.State(); !ok {
		return fmt.Errorf("the chain backend is not in step: %s", reason)
	}
	return n.ledger.Health()
}
