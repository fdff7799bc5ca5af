package node

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// DefaultPort is where Lightning nodes listen (BOLT 1).
const DefaultPort = 9735

// apiPeers implements rpc.Peers.
type apiPeers struct{ *api }

// Connect dials host, by default at port 9735.
func (a apiPeers) Connect(ctx context.Context, id lnwire.PubKey, host string, perm bool) error {
	if id == a.ID {
		return peer.ErrSelf
	}
	if l := a.linkOf(id); l != nil {
		return &rpc.AlreadyConnected{ID: id, Address: l.Stats().Address}
	}
	if err := a.Node.Connect(ctx, id, withPort(host), perm); err != nil {
		return err
	}
	if a.book.with(id) > 0 {
		return a.keep(id) // a Disconnect may have ended that
	}
	return nil
}

// withPort adds the default port to a host without one.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	return net.JoinHostPort(host, strconv.Itoa(DefaultPort))
}

// Disconnect hangs up, and does not call again before Connect, or a restart where there are channels.
func (a apiPeers) Disconnect(_ context.Context, id lnwire.PubKey) error {
	a.peers.Release(id)
	err := a.peers.Disconnect(id)
	if errors.Is(err, peer.ErrOffline) {
		return &rpc.NotConnected{ID: id}
	}
	return err
}

// Peers lists those that are connected, by key.
func (a apiPeers) Peers(context.Context) ([]rpc.Peer, error) {
	var out []rpc.Peer
	for _, p := range a.peers.Peers() {
		if l := p.Link(); l != nil {
			out = append(out, newPeer(p.ID, l.Stats()))
		}
	}
	return out, nil
}

func newPeer(id lnwire.PubKey, s peer.Stats) rpc.Peer {
	return rpc.Peer{
		ID: id, Address: s.Address, Inbound: s.Inbound, BytesIn: s.Received, BytesOut: s.Sent, Ping: s.PingTime,
		Features: s.Features, Sync: lnrpc.Peer_UNKNOWN_SYNC,
	}
}
