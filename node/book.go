package node

import (
	"slices"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
)

// page is one channel as it was after the latest burst that touched it.
type page struct {
	peer.Ref
	*channel.Info // shared: not written again
}

// book knows all live channels. It is fed by the peers' loops, before what they saw is durable: good for decisions,
// not for telling the world.
type book struct {
	mu      sync.RWMutex
	byIndex map[uint64]page
	order   []uint64 // of byIndex: indices upward
	byID    map[lnwire.ChannelID]uint64
}

func newBook() *book {
	return &book{byIndex: make(map[uint64]page), byID: make(map[lnwire.ChannelID]uint64)}
}

// write replaces a channel's page and returns the former one, empty at first.
func (b *book) write(ref peer.Ref, info *channel.Info) (old page) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, known := b.byIndex[ref.Index]
	if !known {
		at, _ := slices.BinarySearch(b.order, ref.Index)
		b.order = slices.Insert(b.order, at, ref.Index)
	}
	b.byIndex[ref.Index] = page{ref, info}
	if info.ChannelID != (lnwire.ChannelID{}) {
		b.byID[info.ChannelID] = ref.Index
	}
	return old
}

// erase forgets a channel that ended.
func (b *book) erase(index uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.byIndex[index]; ok {
		delete(b.byID, p.ChannelID)
		delete(b.byIndex, index)
		if at, ok := slices.BinarySearch(b.order, index); ok {
			b.order = slices.Delete(b.order, at, at+1)
		}
	}
}

// find looks a channel up by its id.
func (b *book) find(id lnwire.ChannelID) (page, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.byID[id]
	if !ok {
		return page{}, false
	}
	p, ok := b.byIndex[i]
	return p, ok
}

// funded looks a channel up by its funding output.
func (b *book) funded(op wire.OutPoint) (page, bool) {
	return b.find(lnwire.NewChannelID(op))
}

// all lists the channels in the order of their opening.
func (b *book) all() []page {
	b.mu.RLock()
	defer b.mu.RUnlock()
	pages := make([]page, len(b.order))
	for i, index := range b.order {
		pages[i] = b.byIndex[index]
	}
	return pages
}

// with counts the live channels with a peer.
func (b *book) with(id lnwire.PubKey) (n int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, p := range b.byIndex {
		if p.Peer == id {
			n++
		}
	}
	return n
}

// name is the id by which router, switch and invoices know a channel: the real one, or our alias before there is one.
func (p page) name() lnwire.ShortChannelID {
	if p.SCID != 0 {
		return p.SCID
	}
	return p.Alias
}

// carries tells whether the channel is one that payments may use, now or when its peer is back.
func (p page) carries() bool { return p.Info != nil && p.Phase == channel.PhaseOpen && !p.DataLoss }
