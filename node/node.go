package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/store"
	"github.com/fulmen-ln/fulmen/wallet"
)

// Chain is a backend that can be waited for; *chain.Node is one.
type Chain interface {
	chain.Client
	Wait(ctx context.Context) error
}

// Node is a running Lightning node.
type Node struct {
	cfg Config
	log *slog.Logger
	ID  lnwire.PubKey

	ledger, graphDB *store.DB
	chain           Chain
	watcher         *chain.Watcher
	wallet          *wallet.Wallet
	sweeper         *sweeping
	custody         *custody
	backups         *backups

	book      *book
	policies  *policies
	links     *links
	opening   *opening
	peers     *peer.Network
	traffic   *traffic
	seekers   *seekers
	talk      *talk
	outside   *outside
	graph     *router.Graph
	estimates *router.Estimates
	news      hub[channelNews]
	hello     lnwire.FeatureVector

	ctx     context.Context
	cancel  context.CancelFunc
	height  atomic.Uint32
	blocks  *mailbox.Box[chain.Event]
	wg      sync.WaitGroup
	Started time.Time
	Bound   []string // addresses that peers can reach
	undo    []func() // in reverse order: what Stop does
}

// Start brings a node up: it waits for the chain backend, loads the ledger, and begins to listen. ctx bounds the start only.
// On an error everything that was begun is undone.
func Start(ctx context.Context, cfg Config, seed *wallet.Seed) (*Node, error) {
	n := &Node{cfg: cfg, log: cfg.Log, book: newBook(), graph: router.NewGraph(), hello: features(), Started: time.Now(),
		blocks: mailbox.New[chain.Event]()}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, step := range []func(context.Context, *wallet.Seed) error{n.openLedger, n.openChain, n.openWallet, n.assemble, n.restore, n.listen} {
		if err := step(ctx, seed); err != nil {
			return nil, errors.Join(err, n.Stop())
		}
	}
	return n, nil
}

// then notes what Stop has to undo.
func (n *Node) then(undo func()) { n.undo = append(n.undo, undo) }

// Stop ends everything in the reverse order of the start. What was queued for the ledger is written.
func (n *Node) Stop() error {
	var errs []error
	for i := len(n.undo) - 1; i >= 0; i-- {
		n.undo[i]()
	}
	n.undo = nil
	n.cancel()
	n.wg.Wait()
	if n.ledger != nil {
		errs = append(errs, n.ledger.Close())
	}
	if n.graphDB != nil {
		errs = append(errs, n.graphDB.Close())
	}
	return errors.Join(errs...)
}

func (n *Node) openLedger(context.Context, *wallet.Seed) (err error) {
	n.ledger, err = store.Open(filepath.Join(n.cfg.Dir, "ledger.db"), store.Options{NoFreelistSync: true, AcceptOlderCopy: n.cfg.OlderCopy, OlderMark: []byte(olderKey)})
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	n.graphDB, err = store.Open(filepath.Join(n.cfg.Dir, "graph.db"), store.Options{NoSync: true, NoFreelistSync: true})
	if err != nil {
		return fmt.Errorf("open graph: %w", err)
	}
	if n.policies, err = loadPolicies(n.ledger, n.cfg.Policy); err != nil {
		return err
	}
	return n.loadHeight()
}

func (n *Node) openChain(ctx context.Context, _ *wallet.Seed) (err error) {
	if n.chain, err = n.cfg.Backend.Dial(n.ctx, n.Height()); err != nil {
		return fmt.Errorf("chain backend %s: %w", n.cfg.Backend, err)
	}
	n.then(func() {
		if err := n.chain.Close(); err != nil {
			n.log.Warn("close chain backend", "err", err)
		}
	})
	for {
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := n.chain.Wait(wait)
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return err
		}
		n.log.Info("waiting for the chain backend", "backend", n.cfg.Backend.String(), "reason", err)
	}
	n.setHeight(n.chain.Best().Height)
	n.watcher = chain.NewWatcher(n.chain)
	return nil
}

func (n *Node) openWallet(_ context.Context, seed *wallet.Seed) (err error) {
	n.wallet, err = wallet.Open(wallet.Config{Dir: n.cfg.Dir, Params: n.cfg.Params, Chain: n.chain, Log: n.log.With("sub", "WLLT"),
		RecoveryWindow: n.cfg.RecoveryWindow}, seed)
	if err != nil {
		return fmt.Errorf("open wallet: %w", err)
	}
	n.then(func() {
		if err := n.wallet.Close(); err != nil {
			n.log.Warn("close wallet", "err", err)
		}
	})
	if n.custody, err = newCustody(n.wallet.Keys(), n.ledger); err != nil {
		return err
	}
	n.ID = n.custody.id
	return nil
}

// assemble makes the parts and introduces them to each other. Nothing runs yet.
func (n *Node) assemble(context.Context, *wallet.Seed) (err error) {
	if n.estimates, err = n.loadEstimates(); err != nil {
		return err
	}
	n.links = newLinks(n.book, n.policies)
	n.talk = &talk{
		engine: gossip.New(gossip.Options{Chain: *n.cfg.Params.GenesisHash, FlushEvery: n.flushEvery()}, n.custody, gossip.Cores(0)),
		graph:  n.graph, db: n.graphDB, outputs: n.chain, links: n.links, linkOf: n.linkOf, log: n.log.With("sub", "GSSP"),
		box: mailbox.New[gossip.Event](), lookups: mailbox.New[lnwire.ShortChannelID](),
	}
	overlay := htlc.NewOverlay(n.ledger)
	sw, err := htlc.New(htlc.Options{Keysend: n.cfg.Keysend}, overlay)
	if err != nil {
		return fmt.Errorf("load payments: %w", err)
	}
	n.traffic = &traffic{sw: sw, overlay: overlay, tip: n.Height, ledger: n.ledger, estimates: n.estimates, commander: n, log: n.log.With("sub", "HTLC"),
		box: mailbox.New[job](), changed: n.links.changed, height: n.Height()}
	n.seekers = &seekers{self: n.ID, graph: n.graph, estimates: n.estimates, book: n.book, answer: n.traffic.post,
		log: n.log.With("sub", "ROUT"), box: mailbox.New[htlc.Seek]()}
	n.traffic.seeker = n.seekers
	n.links.post, n.links.gossip = n.traffic.post, n.talk.post
	n.sweeper = newSweeping(n)
	n.backups = &backups{path: filepath.Join(n.cfg.Dir, BackupFile), keys: n.wallet.Keys(), book: n.book, next: n.custody.upcoming,
		addresses: n.addresses, log: n.log.With("sub", "CHBU"), covered: make(map[uint64]bool)}
	n.outside = &outside{backups: n.backups, held: make(map[uint64][]*wire.MsgTx), watcher: n.watcher,
		wallet: n.wallet, sweeper: n.sweeper, tell: n.tell, gossip: n.talk.post, news: &n.news,
		noticed: n.noticed, ended: n.ended, log: n.log.With("sub", "CHAN"), box: mailbox.New[func()](),
		watches: make(map[watchKey]watching), unseen: make(map[chainHash]unseen), orders: make(map[uint64]order),
		funding: make(map[uint64]*wallet.Funded)}
	n.opening = &opening{chain: *n.cfg.Params.GenesisHash, want: n.cfg.Channels, self: n.ID, node: n.custody, hello: n.hello, book: n.book,
		scripts: n.wallet, height: n.Height, linked: n.linkedFeatures, ready: n.ready}
	env := peer.Env{Ledger: n.ledger, Custody: n.custody, Acceptor: n.opening, Switch: n.traffic, Outside: n.outside, Log: n.log.With("sub", "PEER")}
	hello := peer.Hello{Local: n.ID, Features: n.hello, Chain: *n.cfg.Params.GenesisHash}
	n.peers = peer.NewNetwork(n.custody.node, hello, env, n.talk)
	return nil
}

// restore loads what the ledger holds and starts the loops.
func (n *Node) restore(context.Context, *wallet.Seed) error {
	if err := n.talk.load(n.Height()); err != nil {
		return fmt.Errorf("load graph: %w", err)
	}
	peers, resume, err := n.loadChannels()
	if err != nil {
		return err
	}
	if err := n.backups.begin(n.remembers); err != nil {
		return err
	}
	n.outside.start(n.ctx)
	n.then(n.outside.stop)
	n.sweeper.start(n.ctx)
	n.then(n.sweeper.stop)
	n.talk.start(n.ctx)
	n.then(n.talk.stop)
	n.seekers.start()
	n.then(n.seekers.stop)
	n.traffic.post(resume)
	n.traffic.wg.Go(n.traffic.run)
	n.then(func() {
		n.traffic.box.Close()
		n.traffic.wg.Wait()
	})
	for _, p := range peers {
		n.peers.Restored(p, n.Height())
	}
	n.then(n.peers.Stop)
	n.wg.Go(func() { n.watcher.Run(n.ctx) })
	n.watcher.WatchBlocks(n.blocks)
	n.wg.Go(n.followBlocks)
	n.then(n.blocks.Close)
	n.wg.Go(n.housekeep)
	n.then(n.saveEstimates)
	return nil
}

// loadChannels makes the machines of all channels, and asks them what the switch has to know.
func (n *Node) loadChannels() ([]*peer.Peer, htlc.Resume, error) {
	var resume htlc.Resume
	refs, err := peer.Heads(n.ledger)
	if err != nil {
		return nil, resume, err
	}
	older, err := n.ledger.Load([]byte(olderKey))
	if err != nil {
		return nil, resume, err
	}
	var order []*peer.Peer
	byID := make(map[lnwire.PubKey]*peer.Peer)
	for _, ref := range refs {
		p := byID[ref.Peer]
		if p == nil {
			p = n.peers.Make(ref.Peer)
			byID[ref.Peer] = p
			order = append(order, p)
		}
		m, err := p.Restore(ref)
		if err != nil {
			return nil, resume, err
		}
		info := m.Info()
		if info.Phase == channel.PhaseClosed {
			p.Forget(ref)
			if err := bury(n.ledger, ref, &info); err != nil {
				return nil, resume, err
			}
			continue
		}
		if older != nil {
			n.log.Error("the ledger is an older copy: the channel publishes nothing; its peer is asked to close it", "chan", info.ChannelID)
			p.Distrust(ref)
			info = m.Info()
		}
		n.links.changed(ref, &info)
		in, out := m.Live()
		for _, h := range in {
			peeled := p.Peel(h)
			resume.Incoming = append(resume.Incoming, incoming(&peeled))
		}
		for _, h := range out {
			resume.Outgoing = append(resume.Outgoing, htlc.Outgoing{Channel: h.Channel, Origin: h.Origin, Hash: h.Hash,
				Amount: h.Amount, Expiry: h.Expiry, Preimage: h.Preimage})
		}
	}
	if older != nil {
		n.custody.skip()
		n.ledger.Commit(store.Batch{Puts: []store.Put{{Key: []byte(olderKey)}}})
	}
	return order, resume, nil
}

// WaitSynced returns when chain and wallet are where the network is.
func (n *Node) WaitSynced(ctx context.Context) error { return n.wallet.WaitSynced(ctx) }

// listen opens the doors: peers may come, and those that we have channels with are called.
func (n *Node) listen(context.Context, *wallet.Seed) error {
	for _, addr := range n.cfg.Listen {
		at, err := n.peers.Listen(addr)
		if err != nil {
			return err
		}
		n.Bound = append(n.Bound, at.String())
	}
	name, err := alias(n.cfg.Alias)
	if err != nil {
		return err
	}
	n.talk.post(gossip.LocalNode{Alias: name, Color: n.cfg.Color, Addresses: n.cfg.External, Features: n.hello})
	return n.reconnect()
}
