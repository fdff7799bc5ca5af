package peer

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/store"
)

// ordered lists the channels by index: no map order reaches the wire or the disk.
func (p *Peer) ordered() []*held {
	all := make([]*held, 0, len(p.chans))
	for _, h := range p.chans {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *held) int { return cmp.Compare(a.ref.Index, b.ref.Index) })
	return all
}

// step applies ev to one channel. A panic is a broken invariant: the channel is quarantined, its unwritten effects are dropped.
func (p *Peer) step(h *held, ev channel.Event) (err error) {
	if h.broken != nil {
		return h.broken
	}
	if !h.dirty {
		h.dirty = true
		p.touched = append(p.touched, h)
	}
	err = p.guard(fmt.Sprintf("%T", ev), func() error { return h.m.Step(ev, &h.out) })
	if errors.Is(err, ErrQuarantined) {
		h.broken, h.out = err, channel.Effects{}
		p.log.Error("channel quarantined until a restart", "chan", h.id)
	}
	return err
}

// guard turns a panic of do, which is of one channel, into an error.
func (p *Peer) guard(what string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("broken invariant", "in", what, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", ErrQuarantined, r)
		}
	}()
	return do()
}

// command steps an event whose refusal nobody waits for.
func (p *Peer) command(h *held, ev channel.Event) {
	if err := p.step(h, ev); err != nil && !errors.Is(err, ErrQuarantined) {
		p.log.Debug("refused", "chan", h.id, "event", fmt.Sprintf("%T", ev), "err", err)
	}
}

// begin takes a new machine in, with the effects of its making.
func (p *Peer) begin(ref Ref, m *channel.Machine, out channel.Effects) {
	h := p.adopt(ref, m)
	h.out, h.dirty, h.fresh = out, true, true
	p.touched = append(p.touched, h)
}

// pending counts channels that are not open yet.
func (p *Peer) pending() (n int) {
	for _, h := range p.chans {
		if info := h.info.Load(); info == nil || info.Phase < channel.PhaseOpen {
			n++
		}
	}
	return n
}

// settle ends a burst: every touched channel signs what there is to sign.
func (p *Peer) settle() {
	for _, h := range p.touched {
		p.command(h, channel.Flush{})
	}
	p.commit()
	p.refuse()
}

// refusal is an Offer that a channel did not take.
type refusal struct {
	origin channel.Origin
	id     lnwire.ChannelID
	err    error
}

// refuse tells of the burst's refusals, once the switch can know by Changed why: told earlier, it would choose the same channel
// again and again.
func (p *Peer) refuse() {
	for _, r := range p.refusals {
		p.env.Switch.Refused(r.origin, r.id, r.err)
	}
	p.refusals = p.refusals[:0]
}

// commit queues one batch for the touched channels, tells the switch, and leaves the rest to Done.
func (p *Peer) commit() {
	if len(p.touched) == 0 {
		return
	}
	var batch store.Batch
	rel := release{link: p.link.Load(), outside: p.env.Outside}
	for _, h := range p.touched {
		h.dirty = false
		if h.broken != nil {
			rel.broken(h)
			continue
		}
		info := h.m.Info()
		p.rename(h, info)
		h.info.Store(&info)
		if h.fresh && len(h.out.Records) > 0 {
			h.fresh = false
			batch.Puts = append(batch.Puts, store.Put{Key: headKey(h.ref.Index), Value: encodeHead(p.ID)})
		}
		batch.Puts = puts(h.ref.Index, h.out.Records, batch.Puts)
		for i := range h.out.Outcomes {
			if put, ok := p.env.Switch.Preimage(&h.out.Outcomes[i]); ok {
				batch.Puts = append(batch.Puts, put)
			}
		}
		rel.add(h, &info)
		if gone(&h.out) {
			p.drop(h)
		}
	}
	batch.Done = rel.run
	p.env.Ledger.Commit(batch)
	for _, h := range p.touched {
		if h.broken == nil {
			p.tell(h)
		}
		h.out = channel.Effects{}
	}
	clear(p.touched)
	p.touched = p.touched[:0]
}

// tell informs the switch, now that the batch is queued.
func (p *Peer) tell(h *held) {
	p.env.Switch.Changed(h.ref, h.info.Load())
	if n := len(h.out.Incoming); n > 0 {
		in := make([]Incoming, n)
		for i, htlc := range h.out.Incoming {
			in[i] = p.Peel(htlc)
		}
		p.env.Switch.Locked(in)
	}
	if len(h.out.Outcomes) > 0 {
		p.env.Switch.Ended(h.out.Outcomes)
	}
}

// gone tells that the channel ended in this burst.
func gone(out *channel.Effects) bool {
	for _, n := range out.Notices {
		if n.Kind == channel.NoticeAbandoned || n.Kind == channel.NoticeClosed {
			return true
		}
	}
	return false
}

// drop forgets a channel that ended. Whoever hears the notice buries its records; a head that is left by a crash before that
// is found when the ledger is loaded.
func (p *Peer) drop(h *held) {
	delete(p.chans, h.ref.Index)
	if h.name != (lnwire.ChannelID{}) {
		p.names.release(h.name)
	}
	p.holds.Store(int64(len(p.chans)))
	p.unname(h)
}
