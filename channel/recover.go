package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// RecoverParams is what is left of a channel whose records are lost: its terms, which a backup has kept.
type RecoverParams struct {
	ID                    string
	ChainHash             chainhash.Hash
	LocalNode, RemoteNode lnwire.PubKey
	Funding               wire.OutPoint
	Capacity              btcutil.Amount
	Opener, Announce      bool
	Created               lnwire.Height            // the funding is in no block below it
	Limits                [2]Limits                // ours, the peer's
	Points                [2]commitment.Basepoints // ours must be those of the signer
	Height                lnwire.Height            // of the chain
	Node                  NodeSigner
	Records               Records
}

// Recover makes a shell of a channel whose state is lost. It knows no commitment, publishes nothing and signs nothing but
// claims: it asks the peer to close, and takes what the peer's commitment pays to our static key, or what a commitment of
// ours that was published before pays after its delay. HTLCs are lost to it.
func Recover(p RecoverParams, s Signer, out *Effects) (*Machine, error) {
	m := newMachine(p.ID, s, p.Node, p.Records)
	if p.Points[local] != s.Basepoints() {
		return nil, fmt.Errorf("%w: the channel belongs to other keys", ErrRecord)
	}
	if p.Capacity <= 0 || p.Capacity > btcutil.MaxSatoshi {
		return nil, fmt.Errorf("%w: a capacity of %d satoshis", ErrRecord, int64(p.Capacity))
	}
	for _, k := range []lnwire.PubKey{p.Points[remote].Funding, p.Points[remote].Revocation, p.Points[remote].Payment,
		p.Points[remote].Delayed, p.Points[remote].HTLC} {
		if _, err := k.Parse(); err != nil {
			return nil, fmt.Errorf("%w: the peer's keys: %w", ErrRecord, err)
		}
	}
	m.opener = remote
	if p.Opener {
		m.opener = local
	}
	m.announce, m.chain, m.created, m.height = p.Announce, p.ChainHash, p.Created, p.Height
	m.nodes, m.limits, m.points = [2]lnwire.PubKey{p.LocalNode, p.RemoteNode}, p.Limits, p.Points
	m.capacity, m.channelID = p.Capacity, lnwire.NewChannelID(p.Funding)
	m.funding = []*funding{{params: m.paramsFor(p.Funding)}}
	m.table.opener = m.opener
	m.table.settled[remote] = lnwire.FromSatoshis(p.Capacity) // what is ours is not known
	m.phase, m.shell, m.lost = PhaseOnchain, true, true
	if f, ok := s.(interface{ Freeze() }); ok {
		f.Freeze()
	}
	m.dirty = dirtyTerms | dirtyLife | dirtyState | dirtySigs
	out.Watch = append(out.Watch, m.watchFunding())
	out.Notices = append(out.Notices, Notice{Kind: NoticeDataLoss})
	m.write(out)
	return m, nil
}

// askToClose opens a connection for a shell. BOLT 2: "A node [...] upon reconnection: if a channel is in an error state:
// SHOULD retransmit the error packet"; but a peer that has not lost its memory closes because of the numbers: those of a
// channel that nothing has happened in are behind its own.
func (m *Machine) askToClose(out *Effects) {
	out.Send = append(out.Send, &lnwire.ChannelReestablish{ChannelID: m.channelID, NextCommitment: 1, CurrentPoint: m.localPoint(0)})
}

// refuseToGoOn answers the peer's channel_reestablish for a shell. Where its numbers are those of a fresh channel too, only
// this tells it.
func (m *Machine) refuseToGoOn(out *Effects) {
	m.sendError("our state is lost: please close the channel", out)
	out.Disconnect = true
	m.unlink(out)
}

// unspentShell says that the peer has yet to close.
func (m *Machine) unspentShell() bool {
	return m.shell && m.phase == PhaseOnchain && m.fact(m.funding[0].params.Funding) < 0
}
