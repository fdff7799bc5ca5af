package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

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

// stranger handles a message for a channel that we do not have.
func (p *Peer) stranger(id lnwire.ChannelID, msg lnwire.Message) {
	switch m := msg.(type) {
	case *lnwire.OpenChannel:
		p.proposal(m)
	case *lnwire.Error, *lnwire.Warning:
		p.complaint(msg)
	default:
		// BOLT 1: "SHOULD send error with the unknown channel_id in reply to messages of type 32-255 related to unknown channels."
		if t := msg.Type(); t >= 32 && t <= 255 {
			p.reply(&lnwire.Error{ChannelID: id, Data: []byte("unknown channel")})
			return
		}
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
	if now := time.Now(); now.Sub(p.window) > ProposalWindow {
		p.offered, p.window = 0, now
	}
	if p.offered++; p.offered > MaxProposals {
		refuse("too many proposals; try again later")
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
