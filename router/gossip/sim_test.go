package gossip_test

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/router/gossip/gossiptest"
)

// epoch is when the simulations begin.
var epoch = time.Unix(1_760_000_000, 0)

const stamp0 = 1_760_000_000

// host is an engine with what a node would put around it: a graph, a database, a chain.
type host struct {
	t       *testing.T
	world   *gossiptest.Network
	signer  *gossiptest.Signer
	engine  *gossip.Engine
	graph   *router.Graph
	records map[string][]byte
	now     time.Time
	status  map[lnwire.ShortChannelID]gossip.OutputStatus // of what is not unspent
	muted   bool                                          // lookups are not answered
	lookups []lnwire.ShortChannelID                       // that were asked for
	events  []gossip.Event
	sent    map[lnwire.PubKey][]lnwire.Message // to peers that are no hosts
	raw     []gossip.Send
	punish  []gossip.Punish
	remote  []gossip.RemotePolicy
	updates []gossip.OwnUpdate
}

func newHost(t *testing.T, w *gossiptest.Network, n int) *host {
	h := &host{
		t: t, world: w, signer: gossiptest.NewSigner("host", n), graph: router.NewGraph(), now: epoch,
		records: map[string][]byte{}, status: map[lnwire.ShortChannelID]gossip.OutputStatus{},
		sent: map[lnwire.PubKey][]lnwire.Message{},
	}
	h.engine = gossip.New(gossip.Options{Chain: gossiptest.Chain}, h.signer, gossip.Cores(1))
	h.step(gossip.Block{Height: 1000})
	return h
}

func (h *host) id() lnwire.PubKey { return h.signer.NodeID() }

// step applies events and does what they call for, except for sending.
func (h *host) step(events ...gossip.Event) {
	var out gossip.Effects
	h.engine.Step(h.now, events, &out)
	h.apply(&out)
}

func (h *host) apply(out *gossip.Effects) {
	h.graph.Apply(out.Changes)
	for _, r := range out.Records {
		if r.Value == nil {
			delete(h.records, string(r.Key))
		} else {
			h.records[string(r.Key)] = r.Value
		}
	}
	h.lookups = append(h.lookups, out.Lookups...)
	h.raw = append(h.raw, out.Send...)
	h.punish = append(h.punish, out.Punish...)
	h.remote = append(h.remote, out.Remote...)
	h.updates = append(h.updates, out.Updates...)
	for _, scid := range out.Lookups {
		if !h.muted {
			h.events = append(h.events, h.answer(scid))
		}
	}
}

func (h *host) answer(scid lnwire.ShortChannelID) gossip.Answered {
	if s, ok := h.status[scid]; ok {
		return gossip.Answered{SCID: scid, Status: s}
	}
	if c := h.world.Find(scid); c != nil {
		return c.Output()
	}
	return gossip.Answered{SCID: scid, Status: gossip.Spent}
}

// settle lets the hosts talk until nothing is left to say. What goes to others is kept in sent.
func settle(t *testing.T, hosts ...*host) {
	byID := map[lnwire.PubKey]*host{}
	for _, h := range hosts {
		byID[h.id()] = h
	}
	for range 10_000 {
		quiet := true
		for _, h := range hosts {
			for _, s := range h.raw {
				to := byID[s.Peer]
				for _, raw := range s.Messages {
					m, err := lnwire.Unmarshal(raw)
					require.NoError(t, err)
					if to != nil {
						to.events = append(to.events, gossip.Received{Peer: h.id(), Msg: m})
					} else {
						h.sent[s.Peer] = append(h.sent[s.Peer], m)
					}
				}
				h.events = append(h.events, gossip.Drained{Peer: s.Peer})
			}
			h.raw = nil
		}
		for _, h := range hosts {
			if len(h.events) > 0 {
				quiet = false
				events := h.events
				h.events = nil
				h.step(events...)
			}
		}
		if quiet {
			return
		}
	}
	t.Fatal("the hosts never stop talking")
}

var queries = lnwire.NewFeatures(lnwire.FeatureGossipQueries.Optional(), lnwire.FeatureGossipQueriesEx.Optional())

func connect(a, b *host) {
	a.step(gossip.Connected{Peer: b.id(), Features: queries})
	b.step(gossip.Connected{Peer: a.id(), Features: queries})
}

// stranger connects a peer that the test plays. Features decide whether it is asked anything.
func (h *host) stranger(n int, f lnwire.FeatureVector) lnwire.PubKey {
	p := gossiptest.NewSigner("stranger", n).NodeID()
	h.step(gossip.Connected{Peer: p, Features: f})
	return p
}

// tell gives the host messages of a peer in one burst, and settles.
func (h *host) tell(peer lnwire.PubKey, msgs ...lnwire.Message) {
	for _, m := range msgs {
		h.events = append(h.events, gossip.Received{Peer: peer, Msg: m})
	}
	settle(h.t, h)
}

// teach gives the host the whole network, as a peer that nobody asked would.
func (h *host) teach(peer lnwire.PubKey, stamp uint32) {
	for i := range h.world.Channels {
		c := &h.world.Channels[i]
		h.tell(peer, c.Announcement(), c.Update(0, stamp, 10), c.Update(1, stamp, 20))
	}
	for i, n := range h.world.Nodes {
		h.tell(peer, n.Announce(stamp, string(rune('a'+i%26))))
	}
}

// view is what a graph says, in a form that can be compared.
func (h *host) view() (channels map[lnwire.ShortChannelID]router.Channel, nodes map[lnwire.PubKey]router.Node) {
	channels, nodes = map[lnwire.ShortChannelID]router.Channel{}, map[lnwire.PubKey]router.Node{}
	h.graph.Snapshot().Channels(func(c router.Channel) bool { channels[c.SCID] = c; return true })
	h.graph.Snapshot().Nodes(func(n router.Node) bool { nodes[n.Key] = n; return true })
	return channels, nodes
}

func (h *host) requireSame(o *host) {
	h.t.Helper()
	c1, n1 := h.view()
	c2, n2 := o.view()
	require.Equal(h.t, c1, c2)
	require.Equal(h.t, n1, n2)
}

// restart makes the host anew from its records.
func (h *host) restart() {
	h.graph = router.NewGraph()
	h.engine = gossip.New(gossip.Options{Chain: gossiptest.Chain}, h.signer, gossip.Cores(1))
	for k, v := range h.records {
		if err := h.engine.Load([]byte(k), v); err != nil {
			require.ErrorIs(h.t, err, gossip.ErrBadRecord)
		}
	}
	var out gossip.Effects
	h.engine.Loaded(h.now, 1000, &out)
	h.apply(&out)
}

func outpoints(cs ...*gossiptest.Channel) (out []wire.OutPoint) {
	for _, c := range cs {
		out = append(out, c.OutPoint())
	}
	return out
}
