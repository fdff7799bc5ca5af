package peer

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/store"
)

// paper is a Ledger in memory. While it holds, no batch becomes durable before pay.
type paper struct {
	mu      sync.Mutex
	records map[string][]byte
	holds   bool
	unpaid  []func()
	batches int
}

func (l *paper) Commit(b store.Batch) {
	l.mu.Lock()
	for _, p := range b.Puts {
		if p.Value == nil {
			delete(l.records, string(p.Key))
			continue
		}
		l.records[string(p.Key)] = p.Value
	}
	l.batches++
	l.unpaid = append(l.unpaid, b.Done)
	holds := l.holds
	l.mu.Unlock()
	if !holds {
		l.pay()
	}
}

// pay makes all that is queued durable.
func (l *paper) pay() {
	l.mu.Lock()
	done := l.unpaid
	l.unpaid = nil
	l.mu.Unlock()
	for _, f := range done {
		if f != nil {
			f()
		}
	}
}

func (l *paper) hold(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds = on
}

func (l *paper) Sync() error { return nil }

func (l *paper) Load(key []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[string(key)], nil
}

func (l *paper) Scan(prefix []byte, fn func(k, v []byte) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, v := range l.records {
		if bytes.HasPrefix([]byte(k), prefix) {
			if err := fn([]byte(k), v); err != nil {
				return err
			}
		}
	}
	return nil
}

// world is all that a loop sees of its node.
type world struct {
	sim.NodeKey
	ledger *paper
	seed   byte
	next   atomic.Uint64
	signer map[uint64]channel.Signer // instead of the usual one
	refuse error                     // of the Acceptor
	logged *bytes.Buffer

	mu       sync.Mutex
	infos    map[uint64]*channel.Info
	locked   []Incoming
	ended    []channel.Outcome
	refused  []error
	notices  []channel.Notice
	funds    []Ref
	requests []channel.FundRequest
	watched  []lnwire.ChannelID
	news     []string // of gossip
	heard    int      // gossip messages
	peel     func(h *channel.HTLC) (*onion.Peeled, error)
}

func newWorld(seed byte) *world {
	return &world{NodeKey: sim.NewNodeKey([32]byte{seed, 2}), ledger: &paper{records: make(map[string][]byte)}, seed: seed,
		signer: make(map[uint64]channel.Signer), infos: make(map[uint64]*channel.Info)}
}

func (w *world) env() Env {
	var out io.Writer = io.Discard
	if w.logged != nil {
		out = w.logged
	}
	return Env{Ledger: w.ledger, Custody: w, Acceptor: w, Switch: w, Outside: w, Log: slog.New(slog.NewTextHandler(out, nil))}
}

func (w *world) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// Custody.

func (w *world) NodeID() lnwire.PubKey { return w.ID() }
func (w *world) NextIndex() uint64     { return w.next.Add(1) - 1 }

func (w *world) Signer(index uint64) channel.Signer {
	if s := w.signer[index]; s != nil {
		return s
	}
	return channel.Enforce(sim.NewSigner([32]byte{w.seed, 1, byte(index)}, true))
}

func (w *world) Peel(h *channel.HTLC) (*onion.Peeled, error) {
	if w.peel != nil {
		return w.peel(h)
	}
	return nil, &onion.PeelError{Failure: onion.Failure{Code: onion.InvalidOnionVersion}, Err: errors.New("no onion")}
}

// Acceptor.

func (w *world) Accept(remote lnwire.PubKey, index uint64, m *lnwire.OpenChannel) (channel.AcceptParams, error) {
	return channel.AcceptParams{
		ChainHash: chainhash.Hash{1}, Alias: 1<<40 | lnwire.ShortChannelID(index), LocalNode: w.ID(), RemoteNode: remote,
		LocalFeatures: sim.Features(), RemoteFeatures: sim.Features(), MinimumDepth: 3, ShutdownScript: sim.Script('b'),
		Height: sim.StartHeight, Node: w,
	}, w.refuse
}

// Switch.

func (w *world) Locked(in []Incoming) { w.note(func() { w.locked = append(w.locked, in...) }) }
func (w *world) Ended(o []channel.Outcome) {
	w.note(func() { w.ended = append(w.ended, o...) })
}
func (w *world) Refused(_ channel.Origin, _ lnwire.ChannelID, err error) {
	w.note(func() { w.refused = append(w.refused, err) })
}
func (w *world) Changed(ref Ref, info *channel.Info) { w.note(func() { w.infos[ref.Index] = info }) }
func (w *world) Preimage(*channel.Outcome) (store.Put, bool) {
	return store.Put{}, false
}

// Outside.

func (w *world) Publish(Ref, []*wire.MsgTx) {}
func (w *world) Watch(_ Ref, id lnwire.ChannelID, _ []resolve.Watch) {
	w.note(func() { w.watched = append(w.watched, id) })
}
func (w *world) Claim(Ref, lnwire.ChannelID, []resolve.Claim) {}
func (w *world) Fund(ref Ref, r channel.FundRequest) {
	w.note(func() { w.funds, w.requests = append(w.funds, ref), append(w.requests, r) })
}
func (w *world) Announce(Ref, *lnwire.ChannelAnnouncement) {}
func (w *world) Notice(_ Ref, _ *channel.Info, n channel.Notice) {
	w.note(func() { w.notices = append(w.notices, n) })
}

// Gossip.

func (w *world) Connected(lnwire.PubKey, lnwire.FeatureVector, bool) {
	w.note(func() { w.news = append(w.news, "up") })
}
func (w *world) Message(lnwire.PubKey, lnwire.Message) { w.note(func() { w.heard++ }) }
func (w *world) Disconnected(lnwire.PubKey) {
	w.note(func() { w.news = append(w.news, "down") })
}

func (w *world) kinds() (kinds []channel.NoticeKind) {
	w.note(func() {
		for _, n := range w.notices {
			kinds = append(kinds, n.Kind)
		}
	})
	return kinds
}

func (w *world) info(index uint64) (info channel.Info) {
	w.note(func() {
		if i := w.infos[index]; i != nil {
			info = *i
		}
	})
	return info
}

// openParams are of a channel from w to remote.
func (w *world) openParams(remote lnwire.PubKey) func(uint64, *Link, lnwire.Height) (channel.OpenParams, error) {
	return func(index uint64, _ *Link, h lnwire.Height) (channel.OpenParams, error) {
		return channel.OpenParams{
			ChainHash: chainhash.Hash{1}, TempID: lnwire.ChannelID{w.seed, byte(index), 9}, Alias: 1<<41 | lnwire.ShortChannelID(index),
			LocalNode: w.ID(), RemoteNode: remote, LocalFeatures: sim.Features(), RemoteFeatures: sim.Features(),
			Capacity: 1_000_000, Push: 300_000_000, FeeRate: 1000, ShutdownScript: sim.Script('a'), Height: h, Node: w,
		}, nil
	}
}

var (
	_ Ledger   = (*paper)(nil)
	_ Scanner  = (*paper)(nil)
	_ Custody  = (*world)(nil)
	_ Acceptor = (*world)(nil)
	_ Switch   = (*world)(nil)
	_ Outside  = (*world)(nil)
	_ Gossip   = (*world)(nil)
)
