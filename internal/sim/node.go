package sim

import (
	"fmt"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Disk is what a node has committed.
type Disk map[string][]byte

// Load implements channel.Records.
func (d Disk) Load(key []byte) ([]byte, error) { return d[string(key)], nil }

// Node is one end of a channel with its disk.
type Node struct {
	Name    string
	Machine *channel.Machine
	Signer  *Signer
	Key     NodeKey
	Disk    Disk
	Peer    *Node
	Height  lnwire.Height

	// Handler is told each effect when it leaves, after the commit.
	Handler func(*channel.Effects)
	// Released sees each message when it leaves.
	Released func(from *Node, msg lnwire.Message)

	queue []*channel.Effects // not committed
	inbox []lnwire.Message   // on the wire
	Up    bool
	Steps int
}

// Step applies ev; its effects wait for Commit.
func (n *Node) Step(ev channel.Event) error {
	out := new(channel.Effects)
	if err := n.Machine.Step(ev, out); err != nil {
		return err
	}
	n.Steps++
	n.Queue(out)
	return nil
}

// Must is Step for what cannot be refused.
func (n *Node) Must(ev channel.Event) {
	if err := n.Step(ev); err != nil {
		panic(fmt.Sprintf("%s: %T: %v", n.Name, ev, err))
	}
}

// Queue takes effects that did not come from Step: of Open and Accept.
func (n *Node) Queue(out *channel.Effects) { n.queue = append(n.queue, out) }

// Dirty says that effects wait for Commit.
func (n *Node) Dirty() bool { return len(n.queue) > 0 }

// Commit makes durable what is queued and lets the effects out.
func (n *Node) Commit() {
	queue := n.queue
	n.queue = nil
	for _, out := range queue {
		for _, r := range out.Records {
			if r.Value == nil {
				delete(n.Disk, string(r.Key))
			} else {
				n.Disk[string(r.Key)] = r.Value
			}
		}
	}
	for _, out := range queue {
		for _, msg := range out.Send {
			n.release(msg)
		}
		if n.Handler != nil {
			n.Handler(out)
		}
		if out.Disconnect && n.Up {
			for n.Peer.Deliver() { // what was sent before arrives
			}
			Disconnect(n, n.Peer)
		}
	}
}

func (n *Node) release(msg lnwire.Message) {
	if !n.Up {
		return
	}
	if n.Released != nil {
		n.Released(n, msg)
	}
	b, err := lnwire.Marshal(msg)
	if err != nil {
		panic(fmt.Sprintf("%s: marshal %T: %v", n.Name, msg, err))
	}
	copied, err := lnwire.Unmarshal(b)
	if err != nil {
		panic(fmt.Sprintf("%s: unmarshal %T: %v", n.Name, msg, err))
	}
	n.Peer.inbox = append(n.Peer.inbox, copied)
}

// Waiting is the number of messages on the wire to n.
func (n *Node) Waiting() int { return len(n.inbox) }

// Deliver steps the next message; false where none waits.
func (n *Node) Deliver() bool {
	if len(n.inbox) == 0 {
		return false
	}
	msg := n.inbox[0]
	n.inbox = n.inbox[1:]
	n.Must(channel.Received{Msg: msg})
	return true
}

// Disconnect loses what is on the wire. What the nodes have not committed yet still will be, but is not sent.
func Disconnect(a, b *Node) {
	for _, n := range []*Node{a, b} {
		n.inbox = nil
		n.Up = false
		for _, out := range n.queue {
			out.Send = nil
		}
	}
	for _, n := range []*Node{a, b} {
		if n.Machine != nil {
			n.Must(channel.Linked{})
		}
	}
}

// Connect brings the connection up.
func Connect(a, b *Node) {
	a.Up, b.Up = true, true
	a.Must(channel.Linked{Up: true, Features: Features()})
	b.Must(channel.Linked{Up: true, Features: Features()})
}

// Crash loses n's memory and what it had not committed, and loads it again.
func (n *Node) Crash() {
	n.queue = nil
	n.Machine = nil
	if n.Up {
		Disconnect(n, n.Peer)
	}
	m, err := channel.Load(n.Name, n.Disk, channel.Enforce(n.Signer), n.Key)
	if err != nil {
		panic(fmt.Sprintf("%s: load: %v", n.Name, err))
	}
	n.Machine = m
	n.Must(channel.Linked{})
	n.Must(channel.Block{Height: n.Height})
}
