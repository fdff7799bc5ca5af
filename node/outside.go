package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/wallet"
)

// outside does for channels what they may not do themselves: chain, wallet, news. It implements peer.Outside; one goroutine
// takes the orders, in the order of the commits.
type outside struct {
	watcher *chain.Watcher
	wallet  funder
	sweeper sweeper
	tell    func(peer.Ref, channel.Event)
	gossip  func(gossip.Event)
	news    *hub[channelNews]
	backups *backups
	noticed func(peer.Ref, channel.NoticeKind)
	ended   func(peer.Ref, *channel.Info)
	log     *slog.Logger

	box *mailbox.Box[func()]
	ctx context.Context
	wg  sync.WaitGroup

	// Owned by the goroutine.
	watches map[watchKey]watching
	unseen  map[chainhash.Hash]unseen // published, and not known to be of no use any more
	orders  map[uint64]order          // of channels that we open
	funding map[uint64]*wallet.Funded // made for channels that are not published yet; nil: being made
	held    map[uint64][]*wire.MsgTx  // of channels that the backup does not have yet
}

// channelNews is a durable change of a channel.
type channelNews struct {
	Ref    peer.Ref
	Info   *channel.Info
	Notice channel.Notice
}

type funder interface {
	Fund(ctx context.Context, r wallet.FundRequest) (*wallet.Funded, error)
	Unfund(f *wallet.Funded) error
	Publish(ctx context.Context, tx *wire.MsgTx, label string) error
}

type sweeper interface {
	// Claims replaces what there is to claim for a channel.
	Claims(id lnwire.ChannelID, claims []resolve.Claim)
}

type watchKey struct {
	index uint64
	op    wire.OutPoint
}

type watching struct{ stops []*chain.Watch }

type unseen struct {
	index uint64
	tx    *wire.MsgTx
}

// channelLabel is what the wallet's history calls transactions of channels.
const channelLabel = "channel"

// order is how to pay for a channel.
type order struct{ wallet.Selection }

func (o *outside) do(f func()) { o.box.Put(f) }

// ordered notes how to fund channel index, before the channel can ask for it.
func (o *outside) ordered(index uint64, how order) { o.do(func() { o.orders[index] = how }) }

// Publish broadcasts now and at every block until the channel is past needing it. A funding transaction waits for the backup
// of its channel, which the notice that follows brings.
func (o *outside) Publish(ref peer.Ref, txs []*wire.MsgTx) {
	o.do(func() {
		if o.backups != nil && !o.backups.covers(ref.Index) {
			o.held[ref.Index] = append(o.held[ref.Index], txs...)
			return
		}
		o.publish(ref, txs)
	})
}

func (o *outside) publish(ref peer.Ref, txs []*wire.MsgTx) {
	if len(txs) > 0 {
		delete(o.funding, ref.Index) // from here on its coins are spent
	}
	for _, tx := range txs {
		o.unseen[tx.TxHash()] = unseen{ref.Index, tx}
		o.broadcast(tx)
	}
}

func (o *outside) broadcast(tx *wire.MsgTx) {
	err := o.wallet.Publish(o.ctx, tx, channelLabel)
	var no *chain.Rejected
	switch {
	case err == nil:
		o.log.Info("transaction published", "txid", tx.TxHash())
	case errors.As(err, &no) && (no.Reason == chain.MissingInputs || no.Reason == chain.Conflict):
		o.log.Info("transaction is superseded", "txid", tx.TxHash(), "err", err)
	default:
		o.log.Warn("transaction not accepted yet; will be tried at every block", "txid", tx.TxHash(), "err", err)
	}
}

// block broadcasts again what may have been dropped from mempools.
func (o *outside) block() {
	o.do(func() {
		if o.backups != nil {
			o.backups.again()
		}
		for _, u := range o.unseen {
			if err := o.wallet.Publish(o.ctx, u.tx, channelLabel); err != nil {
				o.log.Debug("published again", "txid", u.tx.TxHash(), "err", err)
			}
		}
	})
}

// Watch follows outputs of the channel; of its funding output also the confirmation.
func (o *outside) Watch(ref peer.Ref, id lnwire.ChannelID, watches []resolve.Watch) {
	o.do(func() {
		for _, w := range watches {
			key := watchKey{ref.Index, w.OutPoint}
			if _, ok := o.watches[key]; ok {
				continue
			}
			s := chainSink{tell: o.tell, ref: ref, op: w.OutPoint}
			stops := []*chain.Watch{o.watcher.WatchSpend(w.OutPoint, w.PkScript, w.HeightHint, s)}
			if lnwire.NewChannelID(w.OutPoint) != id {
				stops = append(stops, o.watcher.WatchMempool(w.OutPoint, s)) // its spend may show a preimage
			} else {
				stops = append(stops, o.watcher.WatchConf(w.OutPoint.Hash, w.PkScript, w.HeightHint, s))
			}
			o.watches[key] = watching{stops}
		}
	})
}

// chainSink turns the watcher's events into the channel's.
type chainSink struct {
	tell func(peer.Ref, channel.Event)
	ref  peer.Ref
	op   wire.OutPoint
}

func (s chainSink) Put(ev chain.Event) bool {
	switch e := ev.(type) {
	case chain.Confirmed:
		if int(s.op.Index) < len(e.Tx.TxOut) {
			s.tell(s.ref, channel.Confirmed{
				SCID:   lnwire.NewShortChannelID(e.Height, e.TxIndex, uint16(s.op.Index)),
				Output: *e.Tx.TxOut[s.op.Index], Height: e.Height,
			})
		}
	case chain.Disconnected:
		s.tell(s.ref, channel.Unconfirmed{})
	case chain.Spent:
		s.tell(s.ref, channel.Spent{Fact: resolve.Fact{OutPoint: e.OutPoint, Tx: e.Tx, Height: e.Height}})
	case chain.Seen:
		s.tell(s.ref, channel.Spent{Fact: resolve.Fact{OutPoint: e.OutPoint, Tx: e.Tx}})
	case chain.Unspent:
		s.tell(s.ref, channel.Unspent{OutPoint: e.OutPoint})
	}
	return true
}

// Claim hands what is ours on chain to the sweeper.
func (o *outside) Claim(_ peer.Ref, id lnwire.ChannelID, claims []resolve.Claim) {
	o.do(func() { o.sweeper.Claims(id, claims) })
}

// Fund asks the wallet for a channel's funding transaction, off the loop: coin selection and signing take their time.
func (o *outside) Fund(ref peer.Ref, r channel.FundRequest) {
	o.do(func() {
		how := o.orders[ref.Index]
		delete(o.orders, ref.Index)
		o.funding[ref.Index] = nil
		o.wg.Go(func() {
			f, err := o.wallet.Fund(o.ctx, wallet.FundRequest{Script: r.Script, Amount: r.Amount, Selection: how.Selection})
			o.do(func() { o.funded(ref, f, err) })
		})
	})
}

// funded hands the wallet's transaction to its channel, unless the opening has ended meanwhile.
func (o *outside) funded(ref peer.Ref, f *wallet.Funded, err error) {
	if err != nil {
		o.tell(ref, channel.FundingFailed{Err: err.Error()})
		return
	}
	if _, ok := o.funding[ref.Index]; !ok {
		o.unfund(f)
		return
	}
	o.funding[ref.Index] = f
	o.tell(ref, channel.Funded{Tx: f.Tx, Output: f.OutputIndex})
}

// unfund gives back the coins of an opening that ended before its transaction could be published.
func (o *outside) unfund(f *wallet.Funded) {
	if f == nil {
		return
	}
	if err := o.wallet.Unfund(f); err != nil {
		o.log.Warn("coins of a failed opening stay locked for a while", "txid", f.Tx.TxHash(), "err", err)
	}
}

// Announce hands a complete channel_announcement to gossip.
func (o *outside) Announce(ref peer.Ref, a *lnwire.ChannelAnnouncement) {
	o.log.Info("channel announced", "peer", ref.Peer, "scid", a.SCID)
	o.gossip(gossip.LocalAnnouncement{Msg: a})
}

// Notice tells the log, the node and subscribers, and clears up behind a channel.
func (o *outside) Notice(ref peer.Ref, info *channel.Info, n channel.Notice) {
	o.log.Info("channel", "peer", ref.Peer, "chan", info.ChannelID, "event", n.Kind, "text", n.Text)
	o.do(func() {
		o.noticed(ref, n.Kind)
		switch n.Kind {
		case channel.NoticeOpen, channel.NoticeSpent:
			o.forgetTxs(ref.Index)
		case channel.NoticeClosed, channel.NoticeAbandoned:
			o.forgetTxs(ref.Index)
			o.unwatch(ref.Index)
			delete(o.orders, ref.Index)
			o.unfund(o.funding[ref.Index])
			delete(o.funding, ref.Index)
			delete(o.held, ref.Index)
			o.ended(ref, info)
		}
		if o.backups != nil {
			o.backups.changed(ref, info, n.Kind)
			if o.backups.covers(ref.Index) {
				o.publish(ref, o.held[ref.Index])
				delete(o.held, ref.Index)
			}
		}
		o.news.publish(channelNews{ref, info, n})
	})
}

func (o *outside) forgetTxs(index uint64) {
	for id, u := range o.unseen {
		if u.index == index {
			delete(o.unseen, id)
		}
	}
}

func (o *outside) unwatch(index uint64) {
	for key, w := range o.watches {
		if key.index == index {
			for _, stop := range w.stops {
				stop.Cancel()
			}
			delete(o.watches, key)
		}
	}
}

func (o *outside) start(ctx context.Context) {
	o.ctx = ctx
	o.wg.Go(func() {
		var orders []func()
		for {
			<-o.box.Ready()
			var ok bool
			if orders, ok = o.box.Take(orders); !ok {
				return
			}
			for _, f := range orders {
				f()
			}
			clear(orders)
		}
	})
}

func (o *outside) stop() {
	o.box.Close()
	o.wg.Wait()
}

func amountOf(out wire.TxOut) btcutil.Amount { return btcutil.Amount(out.Value) }
