package node

import (
	"fmt"
	"sync"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router/gossip"
)

// links keeps switch and gossip informed of what each channel is to them: it compares the pages of the book.
type links struct {
	book     *book
	policies *policies
	post     func(htlc.Event)
	gossip   func(gossip.Event)

	mu      sync.Mutex
	updates map[lnwire.ShortChannelID][]byte                // our signed channel_updates, encoded
	peers   map[lnwire.ShortChannelID]*lnwire.ChannelUpdate // the peers', by our name of the channel: for hints in invoices
}

func newLinks(b *book, p *policies) *links {
	return &links{book: b, policies: p, updates: make(map[lnwire.ShortChannelID][]byte),
		peers: make(map[lnwire.ShortChannelID]*lnwire.ChannelUpdate)}
}

// changed runs on a peer's loop after each burst that touched the channel: it mostly finds that nothing matters.
func (l *links) changed(ref peer.Ref, info *channel.Info) {
	old := l.book.write(ref, info)
	now := page{ref, info}
	if info.Phase == channel.PhaseClosed {
		l.book.erase(ref.Index)
	}
	was := old.Info != nil && old.carries()
	switch {
	case now.carries() && (!was || old.Active != now.Active || old.name() != now.name() || old.RemoteAlias != now.RemoteAlias):
		l.link(now)
		if was && old.name() != now.name() {
			l.gossip(gossip.LocalClosed{SCID: old.name()})
		}
		if !was || now.Active || old.name() != now.name() {
			l.local(now)
		}
	case was && !now.carries():
		l.post(htlc.Unlinked{Channel: info.ChannelID})
		l.gossip(gossip.LocalClosed{SCID: old.name()})
	}
}

// link tells the switch of the channel as it is.
func (l *links) link(p page) {
	k := htlc.Link{Channel: p.ChannelID, Peer: p.Peer, Up: p.Active, Policy: l.policies.of(p)}
	l.mu.Lock()
	for _, scid := range []lnwire.ShortChannelID{p.SCID, p.Alias} {
		if scid != 0 {
			k.Names = append(k.Names, htlc.Name{SCID: scid, Update: l.updates[scid]})
		}
	}
	l.mu.Unlock()
	l.post(htlc.Linked{Link: k})
}

// local tells gossip that the channel exists, and what we ask for it.
func (l *links) local(p page) {
	c := gossip.Local{SCID: p.name(), Peer: p.Peer, Capacity: p.Capacity, Funding: p.Funding, Public: p.Announce}
	if p.Alias != 0 && p.Alias != c.SCID {
		c.Aliases = []lnwire.ShortChannelID{p.Alias}
	}
	if p.SCID == 0 {
		c.Remote = p.RemoteAlias
	}
	l.gossip(gossip.LocalChannel{Local: c})
	l.gossip(gossip.LocalPolicy{SCID: c.SCID, Policy: l.policies.of(p)})
}

// updated takes a channel_update of ours that gossip has signed.
func (l *links) updated(scid lnwire.ShortChannelID, u *lnwire.ChannelUpdate) {
	raw, err := lnwire.Marshal(u)
	if err != nil {
		panic(fmt.Sprintf("node: our own channel_update does not encode: %v", err))
	}
	l.mu.Lock()
	l.updates[u.SCID] = raw
	l.mu.Unlock()
	for _, p := range l.book.all() {
		if p.Info != nil && p.name() == scid {
			if p.carries() {
				l.link(p)
			}
			return
		}
	}
}

// remote takes the peer's policy for a channel with us.
func (l *links) remote(scid lnwire.ShortChannelID, u *lnwire.ChannelUpdate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peers[scid] = u
}

// policyOfPeer is what the peer of our channel scid asks for HTLCs towards us; nil where it never said.
func (l *links) policyOfPeer(scid lnwire.ShortChannelID) *lnwire.ChannelUpdate {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peers[scid]
}
