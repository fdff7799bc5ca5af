package router

import (
	"sync"
	"sync/atomic"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Graph hands out the newest Snapshot and makes the next one. Apply may be called from one goroutine at a time.
type Graph struct {
	current atomic.Pointer[Snapshot]
	apply   sync.Mutex
}

// NewGraph is empty.
func NewGraph() *Graph { panic("stub") }

// Snapshot is the newest one. It does not wait for an Apply under way.
func (g *Graph) Snapshot() *Snapshot { return g.current.Load() }

// Apply makes a new snapshot with the changes, in order, and returns it. One batch costs far less than its changes
// one by one.
func (g *Graph) Apply(changes []Change) *Snapshot { panic("stub") }

// Snapshot is the graph at one moment. It never changes.
type Snapshot struct{}

// NumNodes and NumChannels count what is in the graph, private channels included.
func (s *Snapshot) NumNodes() int    { panic("stub") }
func (s *Snapshot) NumChannels() int { panic("stub") }

// Node looks a node up by its key.
func (s *Snapshot) Node(key lnwire.PubKey) (Node, bool) { panic("stub") }

// Channel looks a channel up. The result shares memory with the snapshot: it is to be read only.
func (s *Snapshot) Channel(scid lnwire.ShortChannelID) (Channel, bool) { panic("stub") }

// ChannelsOf lists the channels of a node in no particular order.
func (s *Snapshot) ChannelsOf(key lnwire.PubKey) []Channel { panic("stub") }

// Nodes and Channels walk over everything until yield returns false.
func (s *Snapshot) Nodes(yield func(Node) bool)       { panic("stub") }
func (s *Snapshot) Channels(yield func(Channel) bool) { panic("stub") }
