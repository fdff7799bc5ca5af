package peer

import (
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// names are the channel ids in use, over all peers of a node. A channel_id is made of the funding output, which the opener
// just says: without this, a second channel that claims the output of another one, of the same peer or not, would be given
// what is meant for that one: its messages, and the switch's commands to settle.
type names struct {
	mu    sync.Mutex
	taken map[lnwire.ChannelID]*held
}

func newNames() *names { return &names{taken: make(map[lnwire.ChannelID]*held)} }

// claim gives id to h, for as long as h lives. False: another channel has it.
func (n *names) claim(id lnwire.ChannelID, h *held) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if owner := n.taken[id]; owner != nil {
		return owner == h
	}
	n.taken[id] = h
	return true
}

func (n *names) release(id lnwire.ChannelID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.taken, id)
}

// claim takes id for h; a channel has one.
func (p *Peer) claim(h *held, id lnwire.ChannelID) bool {
	if h.name == id {
		return true
	}
	if !p.names.claim(id, h) {
		return false
	}
	if h.name != (lnwire.ChannelID{}) {
		p.names.release(h.name)
	}
	h.name = id
	return true
}

// named says whether funding_created may go to its channel: not where it names the output of another one.
func (p *Peer) named(h *held, msg lnwire.Message) bool {
	m, ok := msg.(*lnwire.FundingCreated)
	if !ok || h.name != (lnwire.ChannelID{}) {
		return true
	}
	return p.claim(h, lnwire.NewChannelID(wire.OutPoint{Hash: m.FundingTxid, Index: uint32(m.FundingOutput)}))
}
