package node

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/store"
)

// Addresses of peers that we dialed with success, as records "n/a/<key>": lines of host:port, the latest first.
const (
	addressPrefix = "n/a/"
	maxAddresses  = 4
)

func addressKey(id lnwire.PubKey) []byte { return append([]byte(addressPrefix), id[:]...) }

// addresses of a peer: those that worked, then those that it announces.
func (n *Node) addresses(id lnwire.PubKey) ([]string, error) {
	v, err := n.ledger.Load(addressKey(id))
	if err != nil {
		return nil, err
	}
	var all []string
	if len(v) > 0 {
		all = strings.Split(string(v), "\n")
	}
	if node, ok := n.graph.Snapshot().Node(id); ok {
		for _, a := range node.Addresses {
			if s := a.String(); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// remember puts an address that worked first.
func (n *Node) remember(id lnwire.PubKey, addr string) error {
	v, err := n.ledger.Load(addressKey(id))
	if err != nil {
		return err
	}
	all := []string{addr}
	for _, a := range bytes.Split(v, []byte("\n")) {
		if len(a) > 0 && string(a) != addr && len(all) < maxAddresses {
			all = append(all, string(a))
		}
	}
	n.ledger.Commit(store.Batch{Puts: []store.Put{{Key: addressKey(id), Value: []byte(strings.Join(all, "\n"))}}})
	return nil
}

// Connect dials a peer and remembers the address. With keep it goes on trying, now and for ever; it then returns at once.
func (n *Node) Connect(ctx context.Context, id lnwire.PubKey, addr string, keep bool) error {
	if keep {
		n.peers.Keep(id, []string{addr})
		return n.remember(id, addr)
	}
	if err := n.peers.Connect(ctx, id, addr); err != nil {
		return err
	}
	return n.remember(id, addr)
}

// keep stays connected to a peer with whom we have channels.
func (n *Node) keep(id lnwire.PubKey) error {
	addrs, err := n.addresses(id)
	if err != nil {
		return fmt.Errorf("addresses of %v: %w", id, err)
	}
	n.peers.Durable(id)
	if len(addrs) > 0 {
		n.peers.Keep(id, addrs)
	}
	return nil
}

// reconnect calls all peers that we have channels with.
func (n *Node) reconnect() error {
	seen := make(map[lnwire.PubKey]bool)
	for _, p := range n.book.all() {
		if seen[p.Peer] || p.Phase == channel.PhaseClosed {
			continue
		}
		seen[p.Peer] = true
		if err := n.keep(p.Peer); err != nil {
			return err
		}
	}
	return nil
}
