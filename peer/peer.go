package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// MaxPending is how many channels one peer may have in opening at a time, those that wait for confirmation included.
const MaxPending = 4

// MaxProposals is how many channels a peer may propose in ProposalWindow: each answer uses up keys, an address and a write.
const (
	MaxProposals   = 32
	ProposalWindow = time.Minute
)

// MaxGripes is how often a connection's peer may bring a warning into the log.
const MaxGripes = 16

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
	chans    map[uint64]*held           // by index
	byID     map[lnwire.ChannelID]*held // by channel id, or temporary id while there is no other
	touched  []*held                    // in this burst
	refusals []refusal                  // in this burst
	height   lnwire.Height
	gripes   int // of this connection, in the log
	offered  int // channels that the peer proposed since window began
	window   time.Time

	holds atomic.Int64 // how many channels; for others
	names *names       // of the channels of all peers
}

// held is one channel in the loop.
type held struct {
	ref    Ref
	m      *channel.Machine
	out    channel.Effects  // of this burst
	id     lnwire.ChannelID // what we call it
	temp   lnwire.ChannelID // what the peer may still call it; zero once it is open
	name   lnwire.ChannelID // claimed in names; zero before
	dirty  bool
	fresh  bool // its head is not written yet
	broken error
	info   atomic.Pointer[channel.Info]
}

// item is one thing in the inbox.
type item struct {
	link *Link           // the connection that it came from or that changed; nil for others
	msg  lnwire.Message  // a message of the connection
	up   bool            // link came up
	down chan<- struct{} // link ended; closed when the channels know
	cmd  command         // anything else
}

// command is applied on the loop.
type command func(p *Peer)

// New is a peer without channels, alone in its world; Run starts its loop. Those of a node come from its Network.
func New(id lnwire.PubKey, env Env) *Peer { return newPeer(id, env, newNames()) }

func newPeer(id lnwire.PubKey, env Env, n *names) *Peer {
	return &Peer{ID: id, env: env, log: env.Log.With("peer", id), inbox: mailbox.New[item](), names: n,
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

// Distrust marks channel ref, just restored, as an older copy of itself, before Run.
func (p *Peer) Distrust(ref Ref) {
	p.command(p.chans[ref.Index], channel.Outdated{})
	p.settle()
}

// Forget drops a channel that Restore found to be at its end, before Run.
func (p *Peer) Forget(ref Ref) { p.drop(p.chans[ref.Index]) }

func (p *Peer) adopt(ref Ref, m *channel.Machine) *held {
	h := &held{ref: ref, m: m}
	p.chans[ref.Index] = h
	p.holds.Store(int64(len(p.chans)))
	p.rename(h, m.Info())
	return h
}

// rename keeps byID at what the wire calls the channel now. BOLT 1, until funding_signed: "MUST use temporary_channel_id in lieu
// of channel_id" for errors; whoever has the channel_id already must still know the other name.
func (p *Peer) rename(h *held, info channel.Info) {
	if info.ChannelID != (lnwire.ChannelID{}) && !p.claim(h, info.ChannelID) {
		p.log.Error("two channels have one funding output", "chan", info.ChannelID, "index", h.ref.Index)
		return
	}
	id, temp := info.ChannelID, lnwire.ChannelID{}
	if info.Phase < channel.PhaseOpen {
		temp = info.TempID
	}
	if id == (lnwire.ChannelID{}) {
		id = temp
	}
	if id == h.id && temp == h.temp {
		return
	}
	p.unname(h)
	h.id, h.temp = id, temp
	for _, id := range []lnwire.ChannelID{h.temp, h.id} {
		if id != (lnwire.ChannelID{}) {
			p.byID[id] = h
		}
	}
}

func (p *Peer) unname(h *held) {
	for _, id := range []lnwire.ChannelID{h.temp, h.id} {
		if p.byID[id] == h {
			delete(p.byID, id)
		}
	}
}

// Run starts the loop. height is the chain's, as far as it is known.
func (p *Peer) Run(height lnwire.Height) {
	p.height = height
	p.wg.Go(p.loop)
}

// Stop ends connection and loop and waits for the loop. What was queued before is done; what was queued for the ledger stays
// queued.
func (p *Peer) Stop() {
	p.cutLink()
	p.inbox.Close()
	p.wg.Wait()
	p.cutLink() // one that was in the inbox
}

func (p *Peer) cutLink() {
	if l := p.link.Load(); l != nil {
		l.Cut(ErrStopped)
	}
}

// Attach makes l the peer's connection and serves it until it ends and the loop knows; it returns why. An older connection is
// cut, unless both nodes dialed at once. Gossip goes to g on the connection's own goroutine, everything else to the loop.
func (p *Peer) Attach(l *Link, g Gossip) error { return p.attach(l, g, func() {}) }

// attach calls settled once the peer has this connection, or keeps another one.
func (p *Peer) attach(l *Link, g Gossip, settled func()) error {
	if !p.inbox.Put(item{link: l, up: true}) {
		l.Cut(ErrStopped)
		return ErrStopped
	}
	<-l.taken
	settled()
	if l.refused {
		return errDuplicate
	}
	if l.prior != nil {
		<-l.prior.left // gossip knows peers, not connections
	}
	g.Connected(p.ID, l.Features, false)
	err := l.run(func(m lnwire.Message, size int) error {
		if isGossip(m.Type()) {
			g.Message(p.ID, m)
			return nil
		}
		if !p.inbox.PutWeighed(item{link: l, msg: m}, size+itemWeight, MaxInbox) {
			return ErrStopped
		}
		return nil
	})
	g.Disconnected(p.ID)
	close(l.left)
	known := make(chan struct{})
	if p.inbox.Put(item{link: l, down: known}) {
		<-known
	}
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
	for {
		<-p.inbox.Ready()
		var ok bool
		if burst, ok = p.inbox.Take(burst); !ok {
			return // closed, and nothing is left
		}
		for i := range burst {
			p.take(&burst[i])
		}
		p.settle()
		clear(burst)
	}
}

func (p *Peer) take(it *item) {
	switch {
	case it.cmd != nil:
		it.cmd(p)
	case it.up:
		p.linked(it.link)
	case it.down != nil:
		p.unlinked(it.link)
		close(it.down)
	case it.link == p.link.Load(): // what an older connection left behind is void
		p.receive(it.msg)
	}
}

func (p *Peer) linked(l *Link) {
	defer close(l.taken)
	if old := p.link.Load(); old != nil {
		if !old.ended() && keepOld(old, l) {
			l.refused = true
			l.Cut(errDuplicate)
			return
		}
		old.Cut(errDuplicate)
		p.unlinked(old)
		l.prior = old
	}
	p.link.Store(l)
	p.gripes = 0
	for _, h := range p.ordered() {
		p.step(h, channel.Linked{Up: true, Features: l.Features})
	}
}

func (p *Peer) unlinked(l *Link) {
	if p.link.Load() != l {
		return
	}
	p.commit() // what was said so far was for this connection: it must not reach the next one
	p.link.Store(nil)
	for _, h := range p.ordered() {
		p.step(h, channel.Linked{})
	}
	p.commit()
}
