package node

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/router/gossip"
	"github.com/fulmen-ln/fulmen/rpc"
)

// apiGraph implements rpc.Graph.
type apiGraph struct{ *api }

// Graph shows one snapshot, without the proofs, which are not in memory. Without unannounced channels, nodes are left out that only those lead to.
func (a apiGraph) Graph(_ context.Context, unannounced bool) ([]rpc.GraphNode, []rpc.GraphChannel, error) {
	s := a.graph.Snapshot()
	channels := make([]rpc.GraphChannel, 0, s.NumChannels())
	ends := make(map[lnwire.PubKey]bool, s.NumNodes())
	for c := range s.Channels {
		if c.Private && !unannounced {
			continue
		}
		channels = append(channels, newGraphChannel(&c))
		ends[c.Nodes[0]], ends[c.Nodes[1]] = true, true
	}
	nodes := make([]rpc.GraphNode, 0, len(ends))
	for n := range s.Nodes {
		if ends[n.Key] {
			nodes = append(nodes, newGraphNode(&n))
		}
	}
	slices.SortFunc(channels, func(x, y rpc.GraphChannel) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(nodes, func(x, y rpc.GraphNode) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	return nodes, channels, nil
}

// GraphNode shows a node and its announced channels. This node is known before it has any.
func (a apiGraph) GraphNode(_ context.Context, id lnwire.PubKey) (rpc.GraphNode, []rpc.GraphChannel, error) {
	s := a.graph.Snapshot()
	n, ok := s.Node(id)
	if !ok && id != a.ID {
		return rpc.GraphNode{}, nil, rpc.ErrNodeNotFound
	}
	out := newGraphNode(&n)
	if id == a.ID && !out.Known {
		out = a.self()
	}
	var channels []rpc.GraphChannel
	for _, c := range s.ChannelsOf(id) {
		if c.Private {
			continue
		}
		g, err := a.channel(c)
		if err != nil {
			return out, nil, err
		}
		channels = append(channels, g)
	}
	slices.SortFunc(channels, func(x, y rpc.GraphChannel) int { return cmp.Compare(x.ID, y.ID) })
	return out, channels, nil
}

// self is what our announcement would say.
func (a *api) self() rpc.GraphNode {
	n := rpc.GraphNode{ID: a.ID, Known: true, Updated: a.Started, Alias: a.cfg.Alias, Color: color(a.cfg.Color), Features: a.hello}
	for _, addr := range a.cfg.External {
		n.Addresses = append(n.Addresses, addr.String())
	}
	return n
}

// GraphChannel finds a channel, our own ones by every name that they have.
func (a apiGraph) GraphChannel(_ context.Context, ref rpc.ChannelRef) (rpc.GraphChannel, error) {
	s := a.graph.Snapshot()
	if ref.ID == 0 {
		for c := range s.Channels {
			if c.Funding == ref.Point {
				return a.channel(c)
			}
		}
		return rpc.GraphChannel{}, rpc.ErrEdgeNotFound
	}
	c, ok := s.Channel(ref.ID)
	if !ok {
		for _, p := range a.book.all() {
			if p.SCID == ref.ID || p.Alias == ref.ID {
				c, ok = s.Channel(p.name())
			}
		}
	}
	if ok {
		return a.channel(c)
	}
	zombie, err := gossip.IsZombie(a.graphDB, ref.ID)
	if err == nil && zombie {
		err = rpc.ErrZombieEdge
	}
	return rpc.GraphChannel{}, cmp.Or(err, rpc.ErrEdgeNotFound)
}

// Zombies counts channels that were dropped because nobody spoke of them any more.
func (a apiGraph) Zombies(context.Context) (uint64, error) { return a.talk.zombies.Load(), nil }

func newGraphNode(n *router.Node) rpc.GraphNode {
	out := rpc.GraphNode{ID: n.Key, Known: n.LastUpdate != 0}
	if !out.Known {
		return out
	}
	out.Updated, out.Alias, out.Color, out.Features = time.Unix(int64(n.LastUpdate), 0), n.Name(), color(n.Color), n.Features
	for _, addr := range n.Addresses {
		out.Addresses = append(out.Addresses, addr.String())
	}
	return out
}

// channel adds to what the graph knows the signatures that prove it.
func (a *api) channel(c router.Channel) (rpc.GraphChannel, error) {
	out := newGraphChannel(&c)
	if c.Private {
		return out, nil
	}
	m, err := gossip.Announcement(a.graphDB, c.SCID)
	if err != nil {
		return out, err
	}
	if m != nil {
		out.Proof = &[4]lnwire.Sig{m.NodeSig1, m.BitcoinSig1, m.NodeSig2, m.BitcoinSig2}
	}
	return out, nil
}

func newGraphChannel(c *router.Channel) rpc.GraphChannel {
	out := rpc.GraphChannel{ID: c.SCID, Point: c.Funding, Capacity: c.Capacity, Nodes: c.Nodes}
	for i, p := range c.Policies {
		if p == nil {
			continue
		}
		out.Policies[i] = &rpc.GraphPolicy{
			Updated: time.Unix(int64(p.LastUpdate), 0), TimeLockDelta: p.CLTVDelta, MinHTLC: p.Min, MaxHTLC: p.Max,
			Fee: feeSchedule(p), Disabled: p.Disabled,
		}
	}
	return out
}

func feeSchedule(p *router.Policy) rpc.FeeSchedule {
	return rpc.FeeSchedule{Base: lnwire.MilliSatoshi(p.FeeBase), PPM: p.FeeRate, InboundBase: p.Inbound.Base, InboundPPM: p.Inbound.Rate}
}
