package node

import (
	"crypto/rand"
	"crypto/sha256"
	"math"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
)

// books is where all money is that ever was made, as the chain itself tells.
type books struct {
	made     btcutil.Amount
	wallets  []btcutil.Amount // by node
	channels btcutil.Amount   // in funding outputs of channels that somebody still has
	fees     btcutil.Amount
	left     map[wire.OutPoint]btcutil.Amount // nobody's, yet
}

// books reads the whole chain and checks that each wallet knows exactly the coins that are its own.
func (l *lab) books() books {
	l.t.Helper()
	b := books{wallets: make([]btcutil.Amount, len(l.nodes)), left: map[wire.OutPoint]btcutil.Amount{}}
	coins := map[wire.OutPoint]*wire.TxOut{}
	for h := lnwire.Height(1); h <= l.chain.Best().Height; h++ {
		hash, err := l.chain.BlockHash(l.t.Context(), h)
		require.NoError(l.t, err)
		block, err := l.chain.Block(l.t.Context(), hash)
		require.NoError(l.t, err)
		for _, tx := range block.Transactions[1:] {
			b.enter(tx, coins)
		}
	}
	for op, out := range coins {
		b.assign(l, op, out)
	}
	for i, n := range l.nodes {
		if n != nil && len(l.chain.Mempool()) == 0 {
			l.eventually("the wallet knows its coins", func() bool {
				x, err := n.wallet.Balance(1)
				return err == nil && x.Confirmed == b.wallets[i] && x.Unconfirmed == 0
			})
		}
	}
	sum := b.channels + b.fees
	for _, x := range b.wallets {
		sum += x
	}
	for _, x := range b.left {
		sum += x
	}
	require.Equal(l.t, b.made, sum, "money appeared or vanished")
	return b
}

// enter takes a transaction into the accounts. Inputs from nowhere are what the chain was asked to make.
func (b *books) enter(tx *wire.MsgTx, coins map[wire.OutPoint]*wire.TxOut) {
	var in, out btcutil.Amount
	for _, i := range tx.TxIn {
		if coin := coins[i.PreviousOutPoint]; coin != nil {
			in += amountOf(*coin)
			delete(coins, i.PreviousOutPoint)
		}
	}
	for i, o := range tx.TxOut {
		out += amountOf(*o)
		coins[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}] = o
	}
	if in == 0 {
		b.made += out
	} else {
		b.fees += in - out
	}
}

// assign finds out whose an unspent output is.
func (b *books) assign(l *lab, op wire.OutPoint, out *wire.TxOut) {
	for i, n := range l.nodes {
		if n == nil {
			continue
		}
		if n.wallet.Owns(out.PkScript) {
			b.wallets[i] += amountOf(*out)
			return
		}
		if c, ok := n.book.funded(op); ok && c.Phase != channel.PhaseClosed {
			require.EqualValues(l.t, c.Capacity, out.Value)
			b.channels += amountOf(*out)
			return
		}
	}
	b.left[op] = amountOf(*out)
}

// nothingLeft: anchors are all that a channel's end may leave behind.
func (l *lab) nothingLeft(b books) {
	l.t.Helper()
	for op, amount := range b.left {
		require.EqualValues(l.t, 330, amount, "%v is left behind", op)
	}
}

// calm waits until the loops of all nodes have worked off what they had.
func (l *lab) calm() {
	l.t.Helper()
	for range 3 {
		for _, n := range l.nodes {
			if n == nil {
				continue
			}
			n.eachPeer(func(p *peer.Peer) {
				for range 2 {
					require.ErrorIs(l.t, p.Ask(math.MaxUint64, channel.Flush{}), peer.ErrNoChannel)
				}
			})
			require.NoError(l.t, n.ledger.Sync())
			done := make(chan struct{})
			n.outside.do(func() { close(done) })
			<-done
			for range 2 {
				done := make(chan struct{})
				n.sweeper.box.Put(func() { close(done) })
				<-done
			}
			require.NoError(l.t, n.traffic.ask(htlc.Tick{Now: time.Now(), Height: n.Height()}))
		}
	}
}

func (n *Node) eachPeer(f func(*peer.Peer)) {
	seen := map[lnwire.PubKey]bool{}
	for _, c := range n.book.all() {
		if p := n.peers.Peer(c.Peer); p != nil && !seen[c.Peer] {
			seen[c.Peer] = true
			f(p)
		}
	}
}

// grind mines blocks, each when everybody has reacted to the one before.
func (l *lab) grind(blocks int) {
	l.t.Helper()
	for range blocks {
		l.calm()
		l.mine(1)
	}
	l.calm()
}

// until mines until ok, but no more than so many blocks.
func (l *lab) until(what string, most int, ok func() bool) {
	l.t.Helper()
	for range most {
		l.calm()
		if ok() {
			return
		}
		l.mine(1)
	}
	l.calm()
	require.True(l.t, ok(), "%s within %d blocks", what, most)
}

// buried mines until no node that runs has the channel any more.
func (l *lab) buried(c page) {
	l.t.Helper()
	l.until("the channel's end is buried", 700, func() bool {
		for _, n := range l.nodes {
			if n != nil {
				if _, ok := n.book.funded(c.Funding); ok {
					return false
				}
			}
		}
		return true
	})
}

// hold adds an invoice to node i that waits for its preimage.
func (l *lab) hold(i int, amount lnwire.MilliSatoshi) (htlc.Order, lnwire.Preimage) {
	l.t.Helper()
	var preimage lnwire.Preimage
	rand.Read(preimage[:])
	inv := htlc.Invoice{Hash: sha256.Sum256(preimage[:]), Amount: amount, FinalCLTV: 40, Hold: true, Expires: time.Now().Add(time.Hour)}
	rand.Read(inv.Secret[:])
	require.NoError(l.t, l.nodes[i].traffic.ask(htlc.AddInvoice{Invoice: inv}))
	return htlc.Order{
		Details: htlc.Details{Hash: inv.Hash, Secret: &inv.Secret}, Dest: l.nodes[i].ID, Amount: amount, FeeLimit: amount,
		Deadline: time.Now().Add(time.Hour), FinalCLTV: inv.FinalCLTV, MaxParts: 1, Features: invoiceFeatures(),
	}, preimage
}

// inFlight pays from node i to a new hold invoice of node j, and waits until it has arrived. The channel answers how it ended.
func (l *lab) inFlight(i, j int, amount lnwire.MilliSatoshi) (lnwire.Preimage, <-chan *htlc.Payment) {
	l.t.Helper()
	order, preimage := l.hold(j, amount)
	ended := make(chan *htlc.Payment, 1)
	l.nodes[i].traffic.news.payments.subscribe(sinkFunc[paymentNews](func(n paymentNews) {
		if n.Hash == order.Hash && n.Payment != nil && n.Payment.Status != htlc.InFlight {
			ended <- n.Payment
		}
	}))
	accepted := make(chan struct{}, 1)
	l.nodes[j].traffic.news.invoices.subscribe(sinkFunc[*htlc.Invoice](func(n *htlc.Invoice) {
		if n.Hash == order.Hash && n.State == htlc.InvoiceAccepted {
			accepted <- struct{}{}
		}
	}))
	require.NoError(l.t, l.nodes[i].traffic.ask(htlc.Pay{Order: order}))
	select {
	case <-accepted:
	case <-time.After(patience):
		l.t.Fatal("the payment does not arrive")
	}
	l.calm()
	return preimage, ended
}

func (l *lab) settle(i int, p lnwire.Preimage) {
	l.t.Helper()
	require.NoError(l.t, l.nodes[i].traffic.ask(htlc.SettleInvoice{Preimage: p}))
	l.calm()
}

// how a payment ended, if it has.
func (l *lab) how(ended <-chan *htlc.Payment) htlc.Status {
	select {
	case p := <-ended:
		return p.Status
	default:
		return htlc.InFlight
	}
}

// force closes a channel from node i and waits for its commitment to be in the mempool.
func (l *lab) force(i int, c page) {
	l.t.Helper()
	_, err := l.nodes[i].Close(c.Funding, channel.Shut{Force: true})
	require.NoError(l.t, err)
	l.eventually("the commitment is out", func() bool { return l.spender(c.Funding) != nil })
	l.calm()
}

// spender is the transaction in the mempool that spends op.
func (l *lab) spender(op wire.OutPoint) *wire.MsgTx {
	for _, tx := range l.chain.Mempool() {
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == op {
				return tx
			}
		}
	}
	return nil
}
