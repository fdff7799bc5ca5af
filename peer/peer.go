package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// MaxPending is how many channels one peer may have in opening at a time, those that wait for confirmation included.
const MaxPending = 4

var (
	// ErrOffline: the peer is not connected.
	ErrOffline = errors.New("peer is not connected")
	// ErrNoChannel: the peer has no such channel.
	ErrNoChannel = errors.New("no such channel")
	// ErrQuarantined: the channel hit a bug of ours and waits for a restart.
	ErrQuarantined = errors.New("channel is quarantined after an internal error; restart the daemon")
	// ErrStopped: the node is stopping.
	ErrStopped = errors.New("node is stopping")
)

// Env is the world of every loop of a node.
type Env struct {
	Ledger   Ledger
	Custody  Custody
	Acceptor Acceptor
	Switch   Switch
	Outside  Outside
	Log      *slog.Logger
}

// Peer is one remote node: its loop, its channels and, at times, its connection.
type Peer struct {
	ID  lnwire.PubKey
	env Env
	log *slog.Logger

	inbox *mailbox.Box[item]
	wg    sync.WaitGroup
	link  atomic.Pointer[Link]

	// Owned by the loop.
	chans   map[uint64]*held           // by index
	byID    map[lnwire.ChannelID]*held // by channel id, or temporary id while there is no other
	touched []*held                    // in this burst
	height  lnwire.Height
}

// held is one channel in the loop.
type held struct {
	ref    Ref
	m      *channel.Machine
	out    channel.Effects // of this burst
	id     lnwire.ChannelID
	dirty  bool
	fresh  bool // its head is not written yet
	broken error
	info   atomic.Pointer[channel.Info]
}

// item is one thing in the inbox.
type item struct {
	link *Link          // the connection that it came from or that changed; nil for others
	msg  lnwire.Message // a message of the connection
	up   bool           // link came up; with neither msg nor up: link ended
	cmd  command        // anything else
}

// command is applied on the loop.
type command func(p *Peer)

// New is a peer without channels; Run starts its loop.
func New(id lnwire.PubKey, env Env) *Peer {
	return &Peer{ID: id, env: env, log: env.Log.With("peer", id), inbox: mailbox.New[item](),
		chans: make(map[uint64]*held), byID: make(map[lnwire.ChannelID]*held)}
}

// Restore loads channel ref from the ledger, before Run. What the chain must hear again is repeated when the loop starts.
func (p *Peer) Restore(ref Ref) (*channel.Machine, error) {
	m, err := channel.Load(fmt.Sprint(ref.Index), records{p.env.Ledger, ref.Index}, p.env.Custody.Signer(ref.Index), p.env.Custody)
	if err != nil {
		return nil, fmt.Errorf("load channel %d: %w", ref.Index, err)
	}
	h := p.adopt(ref, m)
	info := m.Info()
	h.info.Store(&info)
	return m, nil
}

// Forget drops a channel that Restore found to be at its end, before Run.
func (p *Peer) Forget(ref Ref) { p.drop(p.chans[ref.Index]) }

func (p *Peer) adopt(ref Ref, m *channel.Machine) *held {
	h := &held{ref: ref, m: m}
	p.chans[ref.Index] = h
	p.rename(h, m.Info())
	return h
}

// rename keeps byID at what the wire calls the channel now.
func (p *Peer) rename(h *held, info channel.Info) {
	id := info.ChannelID
	if id == (lnwire.ChannelID{}) {
		id = info.TempID
	}
	if id == h.id {
		return
	}
	if p.byID[h.id] == h {
		delete(p.byID, h.id)
	}
	h.id = id
	p.byID[id] = h
}

// Run starts the loop. height is the chain's, as far as it is known.
func (p *Peer) Run(height lnwire.Height) {
	p.height = height
	p.wg.Go(p.loop)
}

// Stop ends connection and loop and waits for both. What was queued for the ledger stays queued.
func (p *Peer) Stop() {
	if l := p.link.Load(); l != nil {
		l.Cut(ErrStopped)
	}
	p.inbox.Close()
	p.wg.Wait()
}

// Attach makes l the peer's connection and serves it until it ends; it returns why. An older connection is cut.
// Gossip goes to g on the connection's own goroutine, everything else to the loop.
func (p *Peer) Attach(l *Link, g Gossip) error {
	if !p.inbox.Put(item{link: l, up: true}) {
		l.Cut(ErrStopped)
		return ErrStopped
	}
	g.Connected(p.ID, l.Features, false)
	err := l.run(func(m lnwire.Message, size int) error {
		if isGossip(m.Type()) {
			g.Message(p.ID, m)
			return nil
		}
		if !p.inbox.PutWeighed(item{link: l, msg: m}, size, MaxInbox) {
			return ErrStopped
		}
		return nil
	})
	g.Disconnected(p.ID)
	p.inbox.Put(item{link: l})
	return err
}

// Link is the present connection, nil where there is none.
func (p *Peer) Link() *Link { return p.link.Load() }

func isGossip(t lnwire.MsgType) bool {
	return t >= lnwire.TypeChannelAnnouncement && t <= lnwire.TypeGossipTimestampFilter && t != lnwire.TypeAnnouncementSignatures
}

func (p *Peer) loop() {
	// The first event after loading: its effects repeat what the chain must know.
	for _, h := range p.ordered() {
		p.step(h, channel.Linked{})
		if p.height > 0 {
			p.step(h, channel.Block{Height: p.height})
		}
	}
	p.settle()
	var burst []item
	for range p.inbox.Ready() {
		var ok bool
		if burst, ok = p.inbox.Take(burst); !ok {
			return
		}
		for i := range burst {
			p.take(&burst[i])
		}
		p.settle()
		clear(burst)
	}
	for ok := true; ok; burst, ok = p.inbox.Take(burst) { // closed: what is left
		for i := range burst {
			p.take(&burst[i])
		}
		p.settle()
	}
}

func (p *Peer) take(it *item) {
	switch {
	case it.cmd != nil:
		it.cmd(p)
	case it.up:
		p.linked(it.link)
	case it.msg == nil:
		p.unlinked(it.link)
	case it.link == p.link.Load(): // what an older connection left behind is void
		p.receive(it.msg)
	}
}

func (p *Peer) linked(l *Link) {
	if old := p.link.Load(); old != nil {
		if keepOld(old, l) {
			l.Cut(errDuplicate)
			return
		}
		old.Cut(errDuplicate)
		p.unlinked(old)
	}
	p.link.Store(l)
	for _, h := range p.ordered() {
		p.step(h, channel.Linked{Up: true, Features: l.Features})
	}
}

func (p *Peer) unlinked(l *Link) {
	if p.link.Load() != l {
		return
	}
	p.link.Store(nil)
	for _, h := range p.ordered() {
		p.step(h, channel.Linked{})
	}
}
