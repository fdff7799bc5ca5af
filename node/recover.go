package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/store"
)

// Recover takes in the channels of a sealed backup that the ledger does not know, as shells: each connects to its peer,
// asks it to close, and claims. It answers how many there were.
func (n *Node) Recover(sealed []byte) (int, error) {
	b, err := openBackup(n.custody.keys, sealed)
	if err != nil {
		return 0, err
	}
	n.custody.skipTo(b.Next)
	var errs []error
	count := 0
	for i := range b.Channels {
		c := &b.Channels[i]
		if n.remembers(c) {
			continue
		}
		if err := n.recoverChannel(c); err != nil {
			errs = append(errs, fmt.Errorf("channel %v: %w", c.Funding, err))
			continue
		}
		count++
	}
	return count, errors.Join(errs...)
}

// remembers tells whether the ledger knows the channel, live or closed.
func (n *Node) remembers(c *backedUp) bool {
	if p, ok := n.book.funded(c.Funding); ok && p.Phase >= channel.PhasePending {
		return true
	}
	v, err := n.ledger.Load(closedKey(c.Index))
	return err == nil && v != nil
}

func (n *Node) recoverChannel(c *backedUp) error {
	if slices.ContainsFunc(n.book.all(), func(p page) bool { return p.Index == c.Index }) {
		return fmt.Errorf("its keys are those of another channel: %w", peer.ErrKnownChannel)
	}
	n.custody.skipTo(c.Index + 1)
	if len(c.Addresses) > 0 {
		n.ledger.Commit(store.Batch{Puts: []store.Put{{Key: addressKey(c.Peer), Value: []byte(strings.Join(c.Addresses, "\n"))}}})
	}
	p, err := n.peers.Adopt(c.Peer)
	if err != nil {
		return err
	}
	err = p.Recover(c.Index, channel.RecoverParams{
		ID: fmt.Sprint(c.Index), ChainHash: *n.cfg.Params.GenesisHash, LocalNode: n.ID, RemoteNode: c.Peer, Funding: c.Funding,
		Capacity: c.Capacity, Opener: c.Opener, Announce: c.Announce, Created: c.Created, Limits: c.Limits, Points: c.Points,
		Node: n.custody,
	})
	if err != nil {
		return err
	}
	if err := n.ledger.Sync(); err != nil {
		return err
	}
	return n.keep(c.Peer)
}
