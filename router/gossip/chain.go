package gossip

import (
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	// ForgetAfter is BOLT 7's "SHOULD forget a channel after a 72-block delay".
	ForgetAfter = 72
	// PruneEvery is how many seconds pass between looks for stale channels.
	PruneEvery = 60 * 60
)

// block notes spent channels, forgets those that are spent for long, and takes up announcements that were early.
func (e *Engine) block(b Block) {
	e.height = max(e.height, b.Height)
	e.scanned = b.Height
	e.saveBlock()
	for _, op := range b.Spent {
		scid, ok := e.byFunds[e.fundingHash(op)]
		if ok && e.spent[scid] == 0 && e.channels[scid].funding == op {
			e.spent[scid] = b.Height
			e.saveChannel(scid, e.channels[scid])
		}
	}
	var gone []lnwire.ShortChannelID
	for scid, at := range e.spent {
		if at+ForgetAfter <= e.height {
			gone = append(gone, scid)
		}
	}
	slices.Sort(gone)
	for _, scid := range gone {
		e.remove(scid)
		e.dead.put(scid, struct{}{})
	}
	ready := e.early.keys()
	slices.Sort(ready)
	for _, scid := range ready {
		if scid.Block()+MinConfirmations-1 <= e.height {
			h, _ := e.early.take(scid)
			e.onAnnouncement(h.peer, h.msg.(*lnwire.ChannelAnnouncement))
		}
	}
}

// reorg takes back the spends above height. A channel whose own block is gone is reported spent by nobody; when its
// funding confirms elsewhere it has another short_channel_id, and this one is forgotten as stale.
func (e *Engine) reorg(height lnwire.Height) {
	e.height = min(e.height, height)
	e.scanned = min(e.scanned, height)
	e.saveBlock()
	var back []lnwire.ShortChannelID
	for scid, at := range e.spent {
		if at > height {
			back = append(back, scid)
		}
	}
	slices.Sort(back)
	for _, scid := range back {
		delete(e.spent, scid)
		e.saveChannel(scid, e.channels[scid])
	}
}

func (e *Engine) tick() {
	if e.o.FlushEvery > 0 && uint64(e.now) >= uint64(e.log.flushedAt)+uint64(e.o.FlushEvery.Seconds()) {
		e.log.flush(e.now)
	}
	e.expire()
	if e.now >= e.nextPrune {
		e.nextPrune = e.now + PruneEvery
		e.refresh()
		e.prune()
	}
}

// prune forgets stale channels, so that neither we nor those who ask us carry them on.
// BOLT 7: "if the timestamp of the latest channel_update in either direction is older than two weeks (1209600 seconds):
// MAY prune the channel."
func (e *Engine) prune() {
	var gone []lnwire.ShortChannelID
	for _, scid := range e.order {
		if e.locals[scid] == nil && e.isStale(e.channels[scid]) {
			gone = append(gone, scid)
		}
	}
	for _, scid := range gone {
		e.remove(scid)
		e.zombies.put(scid, struct{}{})
		e.save(zombieKey(scid), nil)
	}
}

// isStale: an update is too old, or none came since the announcement.
func (e *Engine) isStale(c *channel) bool {
	limit := e.now - min(e.now, StaleAfter)
	if !c.hasUpdate() {
		return c.since < limit
	}
	return c.stamps[0] != 0 && c.stamps[0] < limit || c.stamps[1] != 0 && c.stamps[1] < limit
}
