package channel

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
)

// Info copies what others may know.
func (m *Machine) Info() Info {
	i := Info{
		ID: m.id, Phase: m.phase, Linked: m.link.ready, Active: m.canOffer() == "", Opener: m.opener == local,
		Announce: m.announce, DataLoss: m.lost, ChannelID: m.channelID, TempID: m.tempID, Alias: m.alias,
		RemoteAlias: m.remoteAlias, LocalNode: m.nodes[local], RemoteNode: m.nodes[remote], Capacity: m.capacity, Push: m.push,
		MinimumDepth: m.minimumDepth, Confirmations: m.depth(), Created: m.created,
		FeeRate: m.table.rateOf(local, latest), LocalNumber: m.dance.localNumber, RemoteNumber: m.dance.remoteNumber,
		LastError: m.lastError,
	}
	i.Local, i.Remote = m.party(local), m.party(remote)
	if n := len(m.table.htlcs[local]) + len(m.table.htlcs[remote]); n > 0 {
		i.HTLCs = make([]HTLCInfo, 0, n)
	}
	for side, hs := range m.table.htlcs {
		for _, h := range hs {
			i.HTLCs = append(i.HTLCs, m.htlcInfo(h, commitment.Side(side) == remote))
		}
	}
	if len(m.funding) > 0 {
		m.fundingInfo(&i, m.funding[0])
	}
	return i
}

func (m *Machine) fundingInfo(i *Info, f *funding) {
	i.Funding, i.FundingScript, i.SCID = f.params.Funding, m.fundingScript(), f.scid
	s := m.table.state(local, latest, m.dance.localNumber, m.scratch[:0])
	m.scratch = s.HTLCs
	i.Local.Balance, i.Remote.Balance = s.Balances[local], s.Balances[remote]
	n := commitment.Untrimmed(&f.params, local, s.FeeRate, s.HTLCs)
	i.CommitFee = commitment.CommitmentFee(f.params.Format, s.FeeRate, n)
	i.CommitWeight = commitment.CommitmentWeight(f.params.Format, n)
	if i.Active {
		offer, accept := m.roomToOffer(f), m.roomToAccept(f)
		i.Spendable, i.Receivable = offer.largest(f), accept.largest(f)
	}
	i.Close = CloseInfo{Forced: m.forced, ClosingTx: txid(m.closingTx)}
	if m.forced {
		i.Close.Commitment = txid(m.localCommitment(f).Tx)
	}
	if at := m.fact(f.params.Funding); at >= 0 {
		i.Close.SpentBy, i.Close.SpentHeight, i.Close.Kind = txid(m.onchain.facts[at].Tx), m.onchain.facts[at].Height, m.onchain.close
	}
}

func txid(tx *wire.MsgTx) *chainhash.Hash {
	if tx == nil {
		return nil
	}
	return new(tx.TxHash())
}

func (m *Machine) party(side commitment.Side) PartyInfo {
	return PartyInfo{Limits: m.limits[side], Basepoints: m.points[side], Balance: m.table.settled[side], Paid: m.table.paid[side],
		UpfrontShutdown: append([]byte(nil), m.upfront[side]...), Shutdown: append([]byte(nil), m.shutdown[side]...)}
}

func (m *Machine) htlcInfo(h *htlc, incoming bool) HTLCInfo {
	i := HTLCInfo{HTLC: m.incoming(h), Incoming: incoming, Stage: h.stage, Origin: h.origin}
	if h.removal != nil {
		i.Preimage, i.Failing = h.removal.preimage, h.removal.preimage == nil
	}
	return i
}

// Live lists what the start-up rule asks about: incoming HTLCs that are locked and not being removed, and every
// HTLC that we offered and that is not gone.
func (m *Machine) Live() (incoming []HTLC, outgoing []HTLCInfo) {
	for _, h := range m.table.htlcs[remote] {
		if h.stage == Locked && h.removal == nil {
			incoming = append(incoming, m.incoming(h))
		}
	}
	for _, h := range m.table.htlcs[local] {
		outgoing = append(outgoing, m.htlcInfo(h, false))
	}
	return incoming, outgoing
}

// Snapshot is every record of the channel but those of revoked commitments and secrets, in order of their keys: what the
// effects so far have written.
func (m *Machine) Snapshot() []Record {
	var out Effects
	m.dirty = dirtyTerms | dirtyLife | dirtyState | dirtySigs
	if m.funding[0].tx != nil {
		m.dirty |= dirtyTx
	}
	if m.closingTx != nil {
		m.dirty |= dirtyClosing
	}
	m.write(&out)
	for _, hs := range m.table.htlcs {
		for _, h := range hs {
			if h.stage > AddSent {
				m.putHTLC(h, &out)
			}
			if h.stage > RmSent {
				m.putRemoval(h, &out)
			}
		}
	}
	for _, f := range m.onchain.facts {
		m.putFact(f, &out)
	}
	slices.SortFunc(out.Records, func(a, b Record) int { return bytes.Compare(a.Key, b.Key) })
	return out.Records
}

// Dump is everything in m that a refused command must leave alone, in words: for tests.
func Dump(m *Machine) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %+v %+v %+v", m.phase, m.terms, m.life, m.link)
	fmt.Fprintf(&b, "%+v %v %v %v %v", m.dance, m.table.settled, m.table.rate, m.table.fees, m.table.nextID)
	for _, hs := range m.table.htlcs {
		for _, h := range hs {
			fmt.Fprintf(&b, "\n%+v %v %+v %v", h.HTLC, h.stage, h.removal, h.told)
		}
	}
	for _, f := range m.funding {
		fmt.Fprintf(&b, "\n%+v", *f)
	}
	fmt.Fprintf(&b, "\n%+v %v %v", m.onchain, m.height, m.active)
	return b.String()
}
