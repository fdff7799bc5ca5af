package node

import (
	"time"

	"github.com/fulmen-ln/fulmen/router/gossip"
)

const (
	housekeeping = time.Minute
	saveEvery    = 5 * time.Minute
	// absence is how long a channel may be unusable before the network is told to leave it alone.
	absence = 20 * time.Minute
)

// housekeep does what only time asks for, until the node stops.
func (n *Node) housekeep() {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	saved, away := time.Now(), make(map[uint64]time.Time)
	for {
		select {
		case <-n.ctx.Done():
			return
		case now := <-tick.C:
			if now.Sub(saved) >= saveEvery {
				saved = now
				n.saveEstimates()
			}
			n.disableAbsent(now, away)
		}
	}
}

// disableAbsent tells the network which announced channels cannot be used for now; away is since when. That a channel is back
// is told as soon as it is.
// BOLT 7: "MAY create and send a channel_update with the disable bit set to 1, to signal a channel's temporary unavailability".
func (n *Node) disableAbsent(now time.Time, away map[uint64]time.Time) {
	for _, p := range n.book.all() {
		if !p.carries() || p.Active || !p.Announce {
			delete(away, p.Index)
			continue
		}
		since, known := away[p.Index]
		if !known {
			away[p.Index] = now
			continue
		}
		if now.Sub(since) >= absence {
			pol := n.policies.of(p)
			pol.Disabled = true
			n.talk.post(gossip.LocalPolicy{SCID: p.name(), Policy: pol})
		}
	}
}
