package peer

import (
	"errors"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Do posts a switch's command: Offer, Settle, Reject, RejectMalformed. A refused Offer comes back through Switch.Refused.
func (p *Peer) Do(id lnwire.ChannelID, ev channel.Event) {
	posted := p.inbox.Put(item{cmd: func(p *Peer) {
		h := p.byID[id]
		err := ErrNoChannel
		if h != nil {
			err = p.step(h, ev)
		}
		if err == nil {
			return
		}
		if o, ok := ev.(channel.Offer); ok {
			p.refusals = append(p.refusals, refusal{o.Origin, id, err})
			return
		}
		p.log.Warn("the channel refused to end an HTLC", "chan", id, "err", err)
	}})
	if o, ok := ev.(channel.Offer); ok && !posted {
		p.env.Switch.Refused(o.Origin, id, ErrStopped)
	}
}

// Tell posts an event of the chain or the wallet for channel index. A channel that is gone does not mind.
func (p *Peer) Tell(index uint64, ev channel.Event) {
	p.inbox.Put(item{cmd: func(p *Peer) {
		if h := p.chans[index]; h != nil {
			p.command(h, ev)
		}
	}})
}

// Block posts a new tip to every channel.
func (p *Peer) Block(height lnwire.Height) {
	p.inbox.Put(item{cmd: func(p *Peer) {
		p.height = height
		for _, h := range p.ordered() {
			p.command(h, channel.Block{Height: height})
		}
	}})
}

// Ask posts an event of the operator for channel index and answers whether the channel took it.
func (p *Peer) Ask(index uint64, ev channel.Event) error {
	answer := make(chan error, 1)
	if !p.inbox.Put(item{cmd: func(p *Peer) {
		h := p.chans[index]
		if h == nil {
			answer <- ErrNoChannel
			return
		}
		answer <- p.step(h, ev)
	}}) {
		return ErrStopped
	}
	return <-answer
}

// Open proposes a channel. params is called on the loop, with the number of the channel's keys and the connection, to fill
// in the rest; it must not block. Open returns the channel's name once the proposal is queued, or why there is none.
func (p *Peer) Open(params func(index uint64, l *Link, height lnwire.Height) (channel.OpenParams, error)) (Ref, error) {
	type answer struct {
		ref Ref
		err error
	}
	answered := make(chan answer, 1)
	if !p.inbox.Put(item{cmd: func(p *Peer) {
		ref, err := p.open(params)
		answered <- answer{ref, err}
	}}) {
		return Ref{}, ErrStopped
	}
	a := <-answered
	return a.ref, a.err
}

func (p *Peer) open(params func(uint64, *Link, lnwire.Height) (channel.OpenParams, error)) (Ref, error) {
	l := p.link.Load()
	if l == nil {
		return Ref{}, ErrOffline
	}
	if p.pending() >= MaxPending {
		return Ref{}, errors.New("too many channels are pending with this peer")
	}
	ref := Ref{Index: p.env.Custody.NextIndex(), Peer: p.ID}
	o, err := params(ref.Index, l, p.height)
	if err != nil {
		return Ref{}, err
	}
	o.Records = records{p.env.Ledger, ref.Index}
	var out channel.Effects
	var m *channel.Machine
	err = p.guard("open", func() error {
		m, err = channel.Open(o, p.env.Custody.Signer(ref.Index), &out)
		return err
	})
	if err != nil {
		return Ref{}, err
	}
	p.begin(ref, m, out)
	return ref, nil
}
