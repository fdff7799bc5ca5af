package rpc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// connectTimeout is how long a connection may take when the client does not say.
const connectTimeout = 120 * time.Second

// peerCalls are about connections.
type peerCalls struct{ b *Backend }

// ConnectPeer implements lnrpc.LightningServer.
func (c peerCalls) ConnectPeer(ctx context.Context, r *lnrpc.ConnectPeerRequest) (*lnrpc.ConnectPeerResponse, error) {
	if r.Addr == nil {
		return nil, invalid("need: lnc pubkeyhash@hostname")
	}
	id, err := parseKey(r.Addr.Pubkey)
	if err != nil {
		return nil, err
	}
	if r.Addr.Host == "" {
		return nil, invalid("the peer's host is missing")
	}
	if c.b.Keys.NodeID() == id {
		return nil, invalid("cannot make connection to self")
	}
	timeout := connectTimeout
	if r.Timeout != 0 {
		timeout = time.Duration(min(r.Timeout, uint64(connectTimeout/time.Second))) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := c.b.Peers.Connect(ctx, id, r.Addr.Host, r.Perm); err != nil {
		return nil, err
	}
	return &lnrpc.ConnectPeerResponse{Status: fmt.Sprintf("connection to %s@%s initiated", id, r.Addr.Host)}, nil
}

// DisconnectPeer implements lnrpc.LightningServer.
func (c peerCalls) DisconnectPeer(ctx context.Context, r *lnrpc.DisconnectPeerRequest) (*lnrpc.DisconnectPeerResponse, error) {
	id, err := parseKey(r.PubKey)
	if err != nil {
		return nil, fmt.Errorf("unable to parse pubkey: %w", err)
	}
	if err := c.b.Peers.Disconnect(ctx, id); err != nil {
		return nil, fmt.Errorf("unable to disconnect peer: %w", err)
	}
	return &lnrpc.DisconnectPeerResponse{Status: "disconnect initiated"}, nil
}

// ListPeers implements lnrpc.LightningServer.
func (c peerCalls) ListPeers(ctx context.Context, r *lnrpc.ListPeersRequest) (*lnrpc.ListPeersResponse, error) {
	peers, err := c.b.Peers.Peers(ctx)
	if err != nil {
		return nil, err
	}
	resp := &lnrpc.ListPeersResponse{}
	for i := range peers {
		p := newPeer(&peers[i])
		if n := len(p.Errors); r.LatestError && n > 1 {
			p.Errors = p.Errors[n-1:]
		}
		resp.Peers = append(resp.Peers, p)
	}
	return resp, nil
}

func newPeer(p *Peer) *lnrpc.Peer {
	out := &lnrpc.Peer{
		PubKey: p.ID.String(), Address: p.Address, BytesSent: p.BytesOut, BytesRecv: p.BytesIn, SatSent: int64(p.Sent.Satoshis()),
		SatRecv: int64(p.Received.Satoshis()), Inbound: p.Inbound, PingTime: p.Ping.Microseconds(), SyncType: p.Sync,
		Features: newFeatures(p.Features), FlapCount: p.Flaps, LastFlapNs: unixNano(p.LastFlap), LastPingPayload: p.LastPing,
	}
	for _, e := range p.Errors {
		out.Errors = append(out.Errors, &lnrpc.TimestampedError{
			Timestamp: uint64(unix(e.Time)), Error: strings.ToValidUTF8(e.Text, "?"),
		})
	}
	return out
}
