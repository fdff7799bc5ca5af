package rpc

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// graphCalls show the network.
type graphCalls struct{ b *Backend }

// DescribeGraph implements lnrpc.LightningServer.
func (c graphCalls) DescribeGraph(ctx context.Context, r *lnrpc.ChannelGraphRequest) (*lnrpc.ChannelGraph, error) {
	nodes, channels, err := c.b.Graph.Graph(ctx, r.IncludeUnannounced)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ChannelGraph{
		Nodes: make([]*lnrpc.LightningNode, len(nodes)),
		Edges: make([]*lnrpc.ChannelEdge, len(channels)),
	}
	for i := range nodes {
		resp.Nodes[i] = newNode(&nodes[i])
	}
	for i := range channels {
		resp.Edges[i] = newEdge(&channels[i], r.IncludeAuthProof)
	}
	return resp, nil
}

func newNode(n *GraphNode) *lnrpc.LightningNode {
	out := &lnrpc.LightningNode{PubKey: n.ID.String(), Color: "#000000"}
	if !n.Known {
		return out
	}
	out.LastUpdate, out.Alias, out.Color = uint32(unix(n.Updated)), strings.ToValidUTF8(n.Alias, "?"), n.Color
	out.Features = newFeatures(n.Features)
	for _, a := range n.Addresses {
		out.Addresses = append(out.Addresses, &lnrpc.NodeAddress{Network: "tcp", Addr: a})
	}
	return out
}

func newEdge(ch *GraphChannel, proof bool) *lnrpc.ChannelEdge {
	out := &lnrpc.ChannelEdge{
		ChannelId: uint64(ch.ID), ChanPoint: ch.Point.String(), Capacity: int64(ch.Capacity),
		Node1Pub: ch.Nodes[0].String(), Node2Pub: ch.Nodes[1].String(),
		Node1Policy: newPolicy(ch.Policies[0]), Node2Policy: newPolicy(ch.Policies[1]),
	}
	out.LastUpdate = max(out.Node1Policy.GetLastUpdate(), out.Node2Policy.GetLastUpdate())
	if p := ch.Proof; proof && p != nil {
		out.AuthProof = &lnrpc.ChannelAuthProof{
			NodeSig1: p[0][:], BitcoinSig1: p[1][:], NodeSig2: p[2][:], BitcoinSig2: p[3][:],
		}
	}
	return out
}

func newPolicy(p *GraphPolicy) *lnrpc.RoutingPolicy {
	if p == nil {
		return nil
	}
	return &lnrpc.RoutingPolicy{
		TimeLockDelta: uint32(p.TimeLockDelta), MinHtlc: int64(p.MinHTLC), MaxHtlcMsat: uint64(p.MaxHTLC),
		FeeBaseMsat: int64(p.Fee.Base), FeeRateMilliMsat: int64(p.Fee.PPM), Disabled: p.Disabled, LastUpdate: uint32(unix(p.Updated)),
		InboundFeeBaseMsat: p.Fee.InboundBase, InboundFeeRateMilliMsat: p.Fee.InboundPPM,
	}
}

// GetNodeInfo implements lnrpc.LightningServer.
func (c graphCalls) GetNodeInfo(ctx context.Context, r *lnrpc.NodeInfoRequest) (*lnrpc.NodeInfo, error) {
	if r.IncludeAuthProof && !r.IncludeChannels {
		return nil, invalid("include_auth_proof needs include_channels")
	}
	id, err := parseKey(r.PubKey)
	if err != nil {
		return nil, err
	}
	node, channels, err := c.b.Graph.GraphNode(ctx, id)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.NodeInfo{Node: newNode(&node), NumChannels: uint32(len(channels))}
	for i := range channels {
		resp.TotalCapacity += int64(channels[i].Capacity)
		if r.IncludeChannels {
			resp.Channels = append(resp.Channels, newEdge(&channels[i], r.IncludeAuthProof))
		}
	}
	return resp, nil
}

// GetChanInfo implements lnrpc.LightningServer.
func (c graphCalls) GetChanInfo(ctx context.Context, r *lnrpc.ChanInfoRequest) (*lnrpc.ChannelEdge, error) {
	ref := ChannelRef{ID: lnwire.ShortChannelID(r.ChanId)}
	switch {
	case r.ChanId != 0 && r.ChanPoint != "":
		return nil, invalid("chan_id and chan_point are mutually exclusive")
	case r.ChanPoint != "":
		txid, index, ok := strings.Cut(r.ChanPoint, ":")
		n, err := strconv.ParseUint(index, 10, 32)
		if !ok || err != nil {
			return nil, invalid("expecting chan_point formatted as TXID:INDEX")
		}
		if ref.Point.Hash, err = parseTxid(txid); err != nil {
			return nil, err
		}
		ref.Point.Index = uint32(n)
	case r.ChanId == 0:
		return nil, invalid("specify either chan_id or chan_point")
	}
	ch, err := c.b.Graph.GraphChannel(ctx, ref)
	if err != nil {
		return nil, err
	}
	return newEdge(&ch, r.IncludeAuthProof), nil
}

// GetNetworkInfo implements lnrpc.LightningServer. The diameter is 0, as in LND, which does not compute it either.
func (c graphCalls) GetNetworkInfo(ctx context.Context, _ *lnrpc.NetworkInfoRequest) (*lnrpc.NetworkInfo, error) {
	nodes, channels, err := c.b.Graph.Graph(ctx, false)
	if err != nil {
		return nil, err
	}
	zombies, err := c.b.Graph.Zombies(ctx)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.NetworkInfo{NumNodes: uint32(len(nodes)), NumChannels: uint32(len(channels)), NumZombieChans: zombies}
	degree := make(map[lnwire.PubKey]uint32, len(nodes))
	sizes := make([]btcutil.Amount, 0, len(channels))
	for i := range channels {
		ch := &channels[i]
		for _, id := range ch.Nodes {
			degree[id]++
			resp.MaxOutDegree = max(resp.MaxOutDegree, degree[id])
		}
		resp.TotalNetworkCapacity += int64(ch.Capacity)
		sizes = append(sizes, ch.Capacity)
	}
	if len(nodes) > 0 {
		resp.AvgOutDegree = float64(2*len(channels)) / float64(len(nodes))
	}
	if n := len(sizes); n > 0 {
		slices.Sort(sizes)
		resp.AvgChannelSize = float64(resp.TotalNetworkCapacity) / float64(n)
		resp.MinChannelSize, resp.MaxChannelSize = int64(sizes[0]), int64(sizes[n-1])
		resp.MedianChannelSizeSat = int64(sizes[(n-1)/2]+sizes[n/2]) / 2
	}
	return resp, nil
}
