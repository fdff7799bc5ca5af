package peer

import (
	"errors"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

var errDuplicate = errors.New("replaced by another connection of the same peer")

// release is what a burst owes the world. It runs on the committer, when the burst's batch is durable: the only place from
// which channel messages are sent.
type release struct {
	link       *Link // of the burst; what is for it never goes to a later connection
	outside    Outside
	send       []lnwire.Message
	disconnect bool
	owed       []debt
}

// debt is one channel's part.
type debt struct {
	ref       Ref
	info      *channel.Info
	broadcast []*wire.MsgTx
	watch     []resolve.Watch
	claims    []resolve.Claim
	claimed   bool
	fund      *channel.FundRequest
	announce  *lnwire.ChannelAnnouncement
	notices   []channel.Notice
}

// add moves h's effects over, all but those of the switch.
func (r *release) add(h *held, info *channel.Info) {
	e := &h.out
	r.send = append(r.send, e.Send...)
	r.disconnect = r.disconnect || e.Disconnect
	if len(e.Broadcast)+len(e.Watch)+len(e.Notices) == 0 && !e.Claimed && e.Fund == nil && e.Announce == nil {
		return
	}
	r.owed = append(r.owed, debt{ref: h.ref, info: info, broadcast: e.Broadcast, watch: e.Watch, claims: e.Claims, claimed: e.Claimed,
		fund: e.Fund, announce: e.Announce, notices: e.Notices})
}

// broken tells subscribers of a quarantined channel, once.
func (r *release) broken(h *held) {
	info := h.info.Load()
	if info == nil {
		info = &channel.Info{}
	}
	r.owed = append(r.owed, debt{ref: h.ref, info: info, notices: []channel.Notice{{Kind: channel.NoticeError, Text: h.broken.Error()}}})
}

func (r *release) run() {
	if r.link != nil {
		r.link.Send(r.send)
		if r.disconnect {
			r.link.finish(errHungUp)
		}
	}
	for i := range r.owed {
		r.owed[i].pay(r.outside)
	}
}

func (d *debt) pay(o Outside) {
	if len(d.watch) > 0 {
		o.Watch(d.ref, d.info.ChannelID, d.watch)
	}
	if len(d.broadcast) > 0 {
		o.Publish(d.ref, d.broadcast)
	}
	if d.claimed {
		o.Claim(d.ref, d.info.ChannelID, d.claims)
	}
	if d.fund != nil {
		o.Fund(d.ref, *d.fund)
	}
	if d.announce != nil {
		o.Announce(d.ref, d.announce)
	}
	for _, n := range d.notices {
		o.Notice(d.ref, d.info, n)
	}
}

// simultaneous is how close together two connections in opposite directions count as one meeting.
const simultaneous = 10 * time.Second

// keepOld decides between two connections. Two nodes that dialed each other at the same time must keep the same one: the one
// that the lower key dialed. Otherwise the newer wins: the peer has forgotten the older.
func keepOld(old, fresh *Link) bool {
	if old.Inbound == fresh.Inbound || fresh.Since.Sub(old.Since) > simultaneous {
		return false
	}
	return old.preferred
}
