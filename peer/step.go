package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// receive brings a message to the channel that it names.
func (p *Peer) receive(msg lnwire.Message) {
	id, ok := channelOf(msg)
	switch {
	case !ok:
		p.gripe("unexpected message", "type", msg.Type())
	case id == (lnwire.ChannelID{}):
		p.complaint(msg)
		if msg.Type() != lnwire.TypeError {
			return
		}
		// BOLT 1, receiving an error: "if channel_id is all zero: MUST fail all channels with the sending node".
		for _, h := range p.ordered() {
			p.command(h, channel.Received{Msg: msg})
		}
	case p.byID[id] == nil:
		p.stranger(id, msg)
	case p.named(p.byID[id], msg):
		p.command(p.byID[id], channel.Received{Msg: msg})
	default:
		p.log.Warn("peer names the funding output of another channel", "chan", id)
		p.command(p.byID[id], channel.Shut{Force: true})
	}
}

// command steps an event whose refusal nobody waits for.
func (p *Peer) command(h *held, ev channel.Event) {
	if err := p.step(h, ev); err != nil && !errors.Is(err, ErrQuarantined) {
		p.log.Debug("refused", "chan", h.id, "event", fmt.Sprintf("%T", ev), "err", err)
	}
}

// stranger handles a message for a channel that we do not have.
func (p *Peer) stranger(id lnwire.ChannelID, msg lnwire.Message) {
	switch m := msg.(type) {
	case *lnwire.OpenChannel:
		p.proposal(m)
	case *lnwire.Error, *lnwire.Warning:
		p.complaint(msg)
	case *lnwire.ChannelReestablish:
		// BOLT 2 leaves open what to say of a channel that is long forgotten; an error makes an honest peer close its side.
		p.reply(&lnwire.Error{ChannelID: id, Data: []byte("unknown channel")})
	default:
		p.reply(&lnwire.Warning{ChannelID: id, Data: []byte("unknown channel")})
	}
}

// complaint logs what a peer says is wrong, printable and short: it is a stranger's text.
func (p *Peer) complaint(msg lnwire.Message) {
	const limit = 256
	var data []byte
	switch m := msg.(type) {
	case *lnwire.Error:
		data = m.Data
	case *lnwire.Warning:
		data = m.Data
	}
	if len(data) > limit {
		data = data[:limit]
	}
	p.gripe("peer complains", "type", msg.Type(), "text", fmt.Sprintf("%+q", data))
}

// gripe warns the operator of what the peer does, so many times in a connection: the log is not the peer's to fill.
func (p *Peer) gripe(msg string, args ...any) {
	level := slog.LevelWarn
	if p.gripes++; p.gripes > MaxGripes {
		level = slog.LevelDebug
	}
	p.log.Log(context.Background(), level, msg, args...)
}

// reply sends what depends on no record.
func (p *Peer) reply(msg lnwire.Message) {
	if l := p.link.Load(); l != nil {
		l.Send([]lnwire.Message{msg})
	}
}

// proposal answers open_channel.
func (p *Peer) proposal(m *lnwire.OpenChannel) {
	refuse := func(text string) { p.reply(&lnwire.Error{ChannelID: m.TempID, Data: []byte(text)}) }
	if n := p.pending(); n >= MaxPending {
		refuse(fmt.Sprintf("%d channels are pending already", n))
		return
	}
	index := p.env.Custody.NextIndex()
	params, err := p.env.Acceptor.Accept(p.ID, index, m)
	if err != nil {
		refuse(err.Error())
		return
	}
	params.Records = records{p.env.Ledger, index}
	var out channel.Effects
	var machine *channel.Machine
	err = p.guard("accept", func() error {
		machine, err = channel.Accept(params, m, p.env.Custody.Signer(index), &out)
		return err
	})
	if errors.Is(err, ErrQuarantined) {
		refuse("internal error")
		return
	}
	if err != nil {
		p.log.Info("channel proposal refused", "err", err)
		refuse(err.Error())
		return
	}
	p.begin(Ref{Index: index, Peer: p.ID}, machine, out)
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
	if p.byID[h.id] == h {
		delete(p.byID, h.id)
	}
}

// channelOf says which channel a message is for.
func channelOf(msg lnwire.Message) (lnwire.ChannelID, bool) {
	switch m := msg.(type) {
	case *lnwire.OpenChannel:
		return m.TempID, m.TempID != (lnwire.ChannelID{})
	case *lnwire.AcceptChannel:
		return m.TempID, m.TempID != (lnwire.ChannelID{})
	case *lnwire.FundingCreated:
		return m.TempID, m.TempID != (lnwire.ChannelID{})
	case *lnwire.FundingSigned:
		return m.ChannelID, true
	case *lnwire.ChannelReady:
		return m.ChannelID, true
	case *lnwire.Shutdown:
		return m.ChannelID, true
	case *lnwire.ClosingSigned:
		return m.ChannelID, true
	case *lnwire.UpdateAddHTLC:
		return m.ChannelID, true
	case *lnwire.UpdateFulfillHTLC:
		return m.ChannelID, true
	case *lnwire.UpdateFailHTLC:
		return m.ChannelID, true
	case *lnwire.UpdateFailMalformedHTLC:
		return m.ChannelID, true
	case *lnwire.CommitmentSigned:
		return m.ChannelID, true
	case *lnwire.RevokeAndAck:
		return m.ChannelID, true
	case *lnwire.UpdateFee:
		return m.ChannelID, true
	case *lnwire.ChannelReestablish:
		return m.ChannelID, true
	case *lnwire.AnnouncementSignatures:
		return m.ChannelID, true
	case *lnwire.Stfu:
		return m.ChannelID, true
	case *lnwire.Error:
		return m.ChannelID, true
	case *lnwire.Warning:
		return m.ChannelID, true
	}
	return lnwire.ChannelID{}, false
}
