package sim

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Pair is a channel with both its ends. A opens it.
type Pair struct {
	A, B    *Node
	Funding *wire.MsgTx
	Oracle  *Oracle
}

// Setup is what a pair starts from.
type Setup struct {
	Seed     byte
	Fast     bool // no curve
	Capacity btcutil.Amount
	Push     lnwire.MilliSatoshi
	FeeRate  lnwire.FeePerKW
	Announce bool
	// Limits of A and B; zero fields are filled by the machine.
	Limits [2]channel.Limits
	Policy channel.Policy
}

// Features are those of both nodes' init.
func Features() lnwire.FeatureVector {
	return lnwire.NewFeatures(lnwire.FeatureStaticRemoteKey.Optional(), lnwire.FeatureAnchors.Optional(),
		lnwire.FeatureLargeChannel.Optional(), lnwire.FeatureShutdownAnySegwit.Optional(),
		lnwire.FeatureUpfrontShutdown.Optional(), lnwire.FeatureDataLossProtect.Required())
}

// Script is a P2WPKH output script made of one byte.
func Script(b byte) []byte {
	s := append([]byte{0, 20}, make([]byte, 20)...)
	s[2] = b
	return s
}

// StartHeight is where the chain stands when a pair begins.
const StartHeight lnwire.Height = 1000

func newNode(name string, seed byte, fast bool) *Node {
	return &Node{Name: name, Signer: NewSigner([32]byte{seed, 1}, fast), Key: NewNodeKey([32]byte{seed, 2}), Disk: Disk{},
		Height: StartHeight}
}

// OpenParams are A's.
func (s *Setup) OpenParams(a, b *Node) channel.OpenParams {
	return channel.OpenParams{
		ID: "A", ChainHash: chainhash.Hash{1}, TempID: lnwire.ChannelID{s.Seed, 9}, Alias: 1<<40 | 5,
		LocalNode: a.Key.ID(), RemoteNode: b.Key.ID(), LocalFeatures: Features(), RemoteFeatures: Features(),
		Capacity: s.Capacity, Push: s.Push, FeeRate: s.FeeRate, Limits: s.Limits[0], Policy: s.Policy,
		ShutdownScript: Script('a'), Announce: s.Announce, Height: StartHeight, Node: a.Key, Records: a.Disk,
	}
}

// AcceptParams are B's.
func (s *Setup) AcceptParams(a, b *Node) channel.AcceptParams {
	return channel.AcceptParams{
		ID: "B", ChainHash: chainhash.Hash{1}, Alias: 1<<40 | 6, LocalNode: b.Key.ID(), RemoteNode: a.Key.ID(),
		LocalFeatures: Features(), RemoteFeatures: Features(), Limits: s.Limits[1], Policy: s.Policy, MinimumDepth: 3,
		ShutdownScript: Script('b'), Height: StartHeight, Node: b.Key, Records: b.Disk,
	}
}

// NewPair makes two nodes that know each other, without a channel.
func NewPair(s Setup) *Pair {
	p := &Pair{A: newNode("A", s.Seed, s.Fast), B: newNode("B", s.Seed+1, s.Fast)}
	p.A.Peer, p.B.Peer = p.B, p.A
	p.A.Up, p.B.Up = true, true
	return p
}

// Begin sends open_channel and answers it.
func (p *Pair) Begin(s Setup) { p.Propose(s.OpenParams(p.A, p.B), s) }

// Propose is Begin with A's own parameters; what they ask of the wallet is paid.
func (p *Pair) Propose(params channel.OpenParams, s Setup) {
	if p.A.Handler == nil {
		p.A.Handler = func(out *channel.Effects) {
			if out.Fund != nil {
				p.Funding = FundingTx(s.Seed, out.Fund)
				p.A.Must(channel.Funded{Tx: p.Funding, Output: 0})
			}
		}
	}
	out := p.A.effects()
	m, err := channel.Open(params, channel.Enforce(p.A.Signer), out)
	if err != nil {
		panic(err)
	}
	p.A.Machine = m
	p.A.Commit()
	open := p.B.inbox[0].(*lnwire.OpenChannel)
	p.B.inbox = nil
	if p.B.Machine, err = channel.Accept(s.AcceptParams(p.A, p.B), open, channel.Enforce(p.B.Signer), p.B.effects()); err != nil {
		panic(err)
	}
}

// Open goes through the opening until both wait for confirmations.
func Open(s Setup) *Pair {
	p := NewPair(s)
	p.Begin(s)
	p.Settle()
	p.A.Handler = nil
	return p
}

// effects are queued at once, for Open and Accept.
func (n *Node) effects() *channel.Effects {
	out := new(channel.Effects)
	n.Queue(out)
	return out
}

// FundingTx pays what is asked for.
func FundingTx(seed byte, f *channel.FundRequest) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{seed, 7}, Index: 1}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(f.Amount), f.Script))
	return tx
}

// Confirm puts the funding into block StartHeight+1 and lets the chain grow by depth blocks.
func (p *Pair) Confirm(depth uint32) {
	for _, n := range []*Node{p.A, p.B} {
		n.Height = StartHeight + lnwire.Height(depth)
		n.Must(channel.Block{Height: n.Height})
		n.Must(channel.Confirmed{SCID: lnwire.NewShortChannelID(StartHeight+1, 3, 0), Output: *p.Funding.TxOut[0], Height: n.Height})
	}
}

// Ready is a channel in normal operation, watched by an oracle.
func Ready(s Setup) *Pair {
	p := Open(s)
	p.Confirm(6)
	p.Settle()
	p.Oracle = NewOracle(p, s)
	return p
}

// Settle commits, delivers and flushes until nothing moves.
func (p *Pair) Settle() {
	for busy := true; busy; {
		busy = false
		for _, n := range []*Node{p.A, p.B} {
			for n.Deliver() {
				busy = true
			}
			n.Must(channel.Flush{})
			for n.Dirty() {
				n.Commit()
			}
			busy = busy || n.Peer.Waiting() > 0
		}
	}
}
