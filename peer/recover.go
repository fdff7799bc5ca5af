package peer

import (
	"errors"
	"fmt"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// ErrKnownChannel: the ledger has the channel; a shell of it would only hide what is known.
var ErrKnownChannel = errors.New("the channel is known already")

// Adopt finds or makes the loop of a peer that channels are recovered with; it stays without a connection.
func (n *Network) Adopt(id lnwire.PubKey) (*Peer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, ErrStopped
	}
	e := n.peers[id]
	if e == nil {
		e = &entry{Peer: newPeer(id, n.env, n.names), durable: true}
		e.Run(n.height)
		n.peers[id] = e
	}
	return e.Peer, nil
}

// Recover takes in a channel of which only a backup is left: channel.Recover. It returns when the channel's records are
// queued. The funding output of a channel that is known is refused.
func (p *Peer) Recover(index uint64, r channel.RecoverParams) error {
	answer := make(chan error, 1)
	if !p.inbox.Put(item{cmd: func(p *Peer) { answer <- p.recover(index, r) }}) {
		return ErrStopped
	}
	return <-answer
}

func (p *Peer) recover(index uint64, r channel.RecoverParams) error {
	if p.chans[index] != nil {
		return ErrKnownChannel
	}
	r.Records, r.Height = records{p.env.Ledger, index}, p.height
	var out channel.Effects
	var m *channel.Machine
	err := p.guard("recover", func() (err error) {
		m, err = channel.Recover(r, p.env.Custody.Signer(index), &out)
		return err
	})
	if err != nil {
		return fmt.Errorf("recover channel %d: %w", index, err)
	}
	p.begin(Ref{Index: index, Peer: p.ID}, m, out)
	if l := p.link.Load(); l != nil {
		p.command(p.chans[index], channel.Linked{Up: true, Features: l.Features})
	}
	p.commit()
	return nil
}
