package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain/fake"
	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/wallet"
)

// patience is how long a test waits for what must come; only a failure takes so long.
const patience = 30 * time.Second

// memory is a backend in this process.
type memory struct{ *fake.Chain }

func (m memory) Dial(context.Context, lnwire.Height) (Chain, error) { return m, nil }
func (m memory) Wait(context.Context) error                         { return nil }
func (m memory) String() string                                     { return "memory" }

// lab is a chain and nodes in one process, speaking over loopback.
type lab struct {
	t     testing.TB
	chain *fake.Chain
	nodes []*Node
	seeds []*wallet.Seed
	dirs  []string
	// window of addresses that a restored wallet looks beyond; 0: the default, which takes seconds, under -race a minute.
	window uint32
	// backend of node i; nil: the chain in memory as it is. older opens ledgers that are older copies.
	backend func(i int) Backend
	older   bool
}

func newLab(t testing.TB, n int) *lab {
	l := &lab{t: t, chain: fake.New()}
	l.chain.Mine(10)
	for i := range n {
		l.dirs = append(l.dirs, t.TempDir())
		seed, err := wallet.NoBackupSeed(l.dirs[i], time.Now())
		require.NoError(t, err)
		l.seeds = append(l.seeds, seed)
		l.nodes = append(l.nodes, nil)
		l.start(i)
	}
	t.Cleanup(func() {
		for _, n := range l.nodes {
			if n != nil {
				require.NoError(t, n.Stop())
			}
		}
	})
	return l
}

func (l *lab) start(i int) *Node {
	out := io.Discard
	if os.Getenv("FULMEN_TEST_LOG") != "" {
		out = os.Stderr
	}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", i)
	channels := DefaultChannels
	channels.MinDepth, channels.MaxDepth = 3, 3
	backend := Backend(memory{l.chain})
	if l.backend != nil {
		backend = l.backend(i)
	}
	n, err := Start(l.t.Context(), Config{
		Dir: l.dirs[i], Params: &chaincfg.RegressionNetParams, Backend: backend, Listen: []string{"127.0.0.1:0"}, OlderCopy: l.older,
		Alias: fmt.Sprintf("node-%d", i), RecoveryWindow: l.window, Policy: DefaultPolicy, Channels: channels, Log: log,
	}, l.seeds[i])
	require.NoError(l.t, err)
	l.nodes[i] = n
	return n
}

func (l *lab) stop(i int) {
	require.NoError(l.t, l.nodes[i].Stop())
	l.nodes[i] = nil
}

// eventually waits for what loops do in their own time.
func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	require.Eventually(l.t, ok, patience, 2*time.Millisecond, what)
}

// mine adds blocks one by one and waits until every node has acted on them.
func (l *lab) mine(blocks int) {
	l.t.Helper()
	for range blocks {
		tip := l.chain.Mine(1)
		for _, n := range l.nodes {
			if n != nil {
				l.eventually("nodes follow the chain", func() bool { return n.Height() == tip.Height && n.wallet.Sync().Synced })
			}
		}
	}
}

// fund gives node i coins.
func (l *lab) fund(i int, amount btcutil.Amount) {
	l.t.Helper()
	script, err := l.nodes[i].wallet.NewScript()
	require.NoError(l.t, err)
	l.chain.Fund(script, amount)
	l.mine(1)
	l.eventually("coins arrive", func() bool {
		b, err := l.nodes[i].wallet.Balance(1)
		return err == nil && b.Confirmed >= amount
	})
}

func (l *lab) connect(i, j int) {
	l.t.Helper()
	require.NoError(l.t, l.nodes[i].Connect(l.t.Context(), l.nodes[j].ID, l.nodes[j].Bound[0], false))
}

// open opens a channel from i to j and waits until both may use it.
func (l *lab) open(i, j int, capacity btcutil.Amount, push lnwire.MilliSatoshi, private bool) page {
	l.t.Helper()
	l.connect(i, j)
	a, b := l.nodes[i], l.nodes[j]
	var ref peer.Ref
	l.eventually("the peer's loop has the connection", func() bool {
		p := a.peers.Peer(b.ID)
		return p != nil && p.Link() != nil
	})
	ref, err := a.Open(Opening{Peer: b.ID, Capacity: capacity, Push: push, Private: private})
	require.NoError(l.t, err)
	var c page
	l.eventually("funding is signed", func() bool {
		c = a.book.byRef(ref)
		return c.Info != nil && c.Phase >= channel.PhasePending && len(l.chain.Mempool()) > 0
	})
	l.mine(3)
	l.eventually("both sides may use the channel", func() bool {
		x, ok := a.book.funded(c.Funding)
		y, ok2 := b.book.funded(c.Funding)
		return ok && ok2 && x.Active && y.Active
	})
	if !private {
		l.mine(3)
	}
	c, _ = a.book.funded(c.Funding)
	return c
}

func (b *book) byRef(ref peer.Ref) page {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byIndex[ref.Index]
}

// known waits until node i can route over n channels in both directions.
func (l *lab) known(i, n int) {
	l.t.Helper()
	l.eventually("the graph is known", func() bool {
		found := 0
		for c := range l.nodes[i].graph.Snapshot().Channels {
			if c.Policies[0] != nil && c.Policies[1] != nil {
				found++
			}
		}
		return found >= n
	})
}

// invoice adds an invoice to node i; it answers with what a payer needs.
func (l *lab) invoice(i int, amount lnwire.MilliSatoshi) htlc.Order {
	l.t.Helper()
	inv := htlc.Invoice{Preimage: new(lnwire.Preimage), Amount: amount, FinalCLTV: 40, Expires: time.Now().Add(time.Hour)}
	rand.Read(inv.Preimage[:])
	rand.Read(inv.Secret[:])
	inv.Hash = sha256.Sum256(inv.Preimage[:])
	require.NoError(l.t, l.nodes[i].traffic.ask(htlc.AddInvoice{Invoice: inv}))
	return htlc.Order{
		Details: htlc.Details{Hash: inv.Hash, Secret: &inv.Secret}, Dest: l.nodes[i].ID, Amount: amount, FeeLimit: amount,
		Deadline: time.Now().Add(time.Minute), FinalCLTV: inv.FinalCLTV, MaxParts: 1, Features: invoiceFeatures(),
	}
}

// pay sends from node i and waits for the end.
func (l *lab) pay(i int, o htlc.Order) *htlc.Payment {
	l.t.Helper()
	ended := make(chan *htlc.Payment, 1)
	stop := l.nodes[i].traffic.news.payments.subscribe(sinkFunc[paymentNews](func(n paymentNews) {
		if n.Hash == o.Hash && n.Payment != nil && n.Payment.Status != htlc.InFlight {
			ended <- n.Payment
		}
	}))
	defer stop()
	require.NoError(l.t, l.nodes[i].traffic.ask(htlc.Pay{Order: o}))
	select {
	case p := <-ended:
		return p
	case <-time.After(patience):
		l.t.Fatal("the payment does not end")
		return nil
	}
}
