package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/store"
)

const (
	// maxGossipQueue is how many bytes of peers' gossip may wait for the engine before their connections are not read.
	maxGossipQueue = 4 << 20
	// lookupsAtOnce bounds the load of announcements on the chain backend.
	lookupsAtOnce = 4
)

// talk drives gossip.Engine: one loop, and a few goroutines that ask the chain about funding outputs. It implements peer.Gossip.
type talk struct {
	engine  *gossip.Engine
	graph   *router.Graph
	db      *store.DB // graph.db
	outputs outputs
	links   *links
	linkOf  func(lnwire.PubKey) *peer.Link
	log     *slog.Logger

	box     *mailbox.Box[gossip.Event]
	lookups *mailbox.Box[lnwire.ShortChannelID]
	seen    lnwire.Height // the last block that the engine heard of in an earlier run
	ctx     context.Context
	wg      sync.WaitGroup
	out     gossip.Effects
	synced  atomic.Bool   // a full sync with some peer has ended
	zombies atomic.Uint64 // how many channels were dropped for their silence
}

// outputs is the part of the chain that announcements are checked against.
type outputs interface {
	Output(ctx context.Context, id lnwire.ShortChannelID) (wire.OutPoint, wire.TxOut, error)
}

func (t *talk) post(ev gossip.Event) { t.box.Put(ev) }

// Connected, Message and Disconnected are called by connections.
func (t *talk) Connected(p lnwire.PubKey, f lnwire.FeatureVector, otherChain bool) {
	t.post(gossip.Connected{Peer: p, Features: f, OtherChain: otherChain})
}

func (t *talk) Message(p lnwire.PubKey, m lnwire.Message) {
	const weight = 512 // about what a message holds in memory
	t.box.PutWeighed(gossip.Received{Peer: p, Msg: m}, weight, maxGossipQueue)
}

func (t *talk) Disconnected(p lnwire.PubKey) { t.post(gossip.Disconnected{Peer: p}) }

// load reads graph.db into engine and graph.
func (t *talk) load(height lnwire.Height) error {
	damaged := 0
	err := t.db.Scan(nil, func(k, v []byte) error {
		if err := t.engine.Load(k, v); err != nil {
			damaged++
			t.log.Debug("damaged gossip record", "key", k, "err", err)
		}
		return nil
	})
	if damaged > 0 {
		t.log.Warn("graph.db has damaged records; peers will bring them again", "count", damaged)
	}
	t.engine.Loaded(time.Now(), height, &t.out)
	t.seen = t.engine.LastBlock()
	t.settle()
	return err
}

func (t *talk) start(ctx context.Context) {
	t.ctx = ctx
	t.wg.Go(t.run)
	t.lookups.Work(&t.wg, lookupsAtOnce, func(scid lnwire.ShortChannelID) { t.post(t.lookup(scid)) })
}

func (t *talk) stop() {
	t.box.Close()
	t.lookups.Close()
	t.wg.Wait()
}

func (t *talk) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var events []gossip.Event
	for {
		select {
		case <-t.box.Ready():
		case <-tick.C:
			t.box.Put(gossip.Tick{})
		}
		var ok bool
		if events, ok = t.box.Take(events); !ok {
			return
		}
		t.engine.Step(time.Now(), events, &t.out)
		t.settle()
		t.synced.Store(t.engine.Synced())
		t.zombies.Store(uint64(t.engine.Stats().Zombies))
		clear(events)
	}
}

// settle pays the effects in the order that the engine asks for.
func (t *talk) settle() {
	if len(t.out.Changes) > 0 {
		t.graph.Apply(t.out.Changes)
	}
	if len(t.out.Records) > 0 {
		puts := make([]store.Put, len(t.out.Records))
		for i, r := range t.out.Records {
			puts[i] = store.Put{Key: r.Key, Value: r.Value}
		}
		t.db.Commit(store.Batch{Puts: puts})
	}
	for _, scid := range t.out.Lookups {
		t.lookups.Put(scid)
	}
	for _, s := range t.out.Send {
		if l := t.linkOf(s.Peer); l != nil {
			to := s.Peer
			l.SendRaw(s.Messages, func() { t.post(gossip.Drained{Peer: to}) })
		}
	}
	for _, p := range t.out.Punish {
		t.log.Info("bad gossip", "peer", p.Peer, "reason", p.Reason, "disconnect", p.Disconnect)
		if l := t.linkOf(p.Peer); l != nil {
			l.Warn(p.Reason, p.Disconnect)
		}
	}
	for _, u := range t.out.Updates {
		t.links.updated(u.SCID, u.Update)
	}
	for _, r := range t.out.Remote {
		t.links.remote(r.SCID, r.Update)
	}
	t.out.Reset()
}

// lookup asks the chain about a funding output.
func (t *talk) lookup(scid lnwire.ShortChannelID) gossip.Answered {
	op, out, err := t.outputs.Output(t.ctx, scid)
	switch {
	case err == nil:
		return gossip.Answered{SCID: scid, Status: gossip.Unspent, Funding: op, Script: out.PkScript, Amount: amountOf(out)}
	case errors.Is(err, chain.ErrSpent), errors.Is(err, chain.ErrUnknownOutput):
		return gossip.Answered{SCID: scid, Status: gossip.Spent}
	default:
		return gossip.Answered{SCID: scid, Status: gossip.Unavailable}
	}
}
