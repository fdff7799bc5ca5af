package channel

import (
	"bytes"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// opening is the sub-machine of BOLT 2's "Channel Establishment v1", until the funding is signed.
type opening struct {
	state      openState
	policy     Policy
	firstPoint lnwire.PubKey // the peer's
}

type openState uint8

const (
	sentOpen    openState = iota + 1 // opener: awaits accept_channel
	sentFund                         // opener: awaits the wallet
	sentCreated                      // opener: awaits funding_signed
	sentAccept                       // accepter: awaits funding_created
)

// channelType is the only one that we open and accept: option_anchors and option_static_remotekey.
func channelType() lnwire.FeatureVector {
	return lnwire.NewFeatures(lnwire.FeatureStaticRemoteKey, lnwire.FeatureAnchors)
}

// propose sends open_channel.
func (m *Machine) propose(p *OpenParams, out *Effects) error {
	p.Limits.fill(p.Capacity)
	p.Policy.fill()
	if err := p.check(); err != nil {
		return err
	}
	m.terms = terms{
		opener: local, announce: p.Announce, chain: p.ChainHash, tempID: p.TempID, alias: p.Alias,
		nodes: [2]lnwire.PubKey{p.LocalNode, p.RemoteNode}, upfront: [2][]byte{local: p.UpfrontShutdown},
		script: p.ShutdownScript, capacity: p.Capacity, push: p.Push, created: p.Height,
		anySegwit: bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureShutdownAnySegwit),
	}
	m.limits[local] = p.Limits
	m.points[local] = m.signer.Basepoints()
	m.begin(p.Policy, p.FeeRate, sentOpen, p.RemoteFeatures, p.Height)
	msg := &lnwire.OpenChannel{
		ChainHash: p.ChainHash, TempID: p.TempID, Funding: p.Capacity, Push: p.Push, FeeRate: p.FeeRate,
		DustLimit: p.Limits.DustLimit, MaxInFlight: p.Limits.MaxInFlight, Reserve: p.Limits.Reserve,
		HTLCMinimum: p.Limits.HTLCMinimum, ToSelfDelay: p.Limits.ToSelfDelay, MaxAcceptedHTLCs: p.Limits.MaxAcceptedHTLCs,
		FirstPoint: m.localPoint(0), UpfrontShutdown: script(p.UpfrontShutdown), ChannelType: channelType(),
	}
	msg.FundingKey, msg.RevocationBasepoint, msg.PaymentBasepoint, msg.DelayedBasepoint, msg.HTLCBasepoint = split(m.points[local])
	if p.Announce {
		msg.Flags = lnwire.AnnounceChannel
	}
	out.Send = append(out.Send, msg)
	out.Notices = append(out.Notices, Notice{Kind: NoticeOpening})
	return nil
}

// begin starts the sub-machine.
func (m *Machine) begin(p Policy, rate lnwire.FeePerKW, s openState, peer lnwire.FeatureVector, h lnwire.Height) {
	m.phase, m.height = PhaseOpening, h
	m.minFee, m.maxFee, m.maxDust = p.MinFeeRate, p.MaxFeeRate, p.MaxDustExposure
	m.opening = &opening{state: s, policy: p}
	m.link = link{up: true, features: peer}
	mine := lnwire.FromSatoshis(m.capacity) - m.push
	m.table = table{opener: m.opener, rate: rate}
	m.table.settled[m.opener], m.table.settled[m.opener.Other()] = mine, m.push
}

// script makes the field for a script that may be absent.
// BOLT 2: "MUST include upfront_shutdown_script with either a valid shutdown_scriptpubkey [...], or a zero-length".
func script(s []byte) []byte { return append([]byte{}, s...) }

func split(b commitment.Basepoints) (funding, revocation, payment, delayed, htlc lnwire.PubKey) {
	return b.Funding, b.Revocation, b.Payment, b.Delayed, b.HTLC
}

func bothOffer(a, b lnwire.FeatureVector, bit lnwire.FeatureBit) bool {
	return a.Supports(bit) && b.Supports(bit)
}

// answer checks open_channel and sends accept_channel.
func (m *Machine) answer(p *AcceptParams, msg *lnwire.OpenChannel, out *Effects) error {
	p.Limits.fill(msg.Funding)
	p.Limits.Reserve = max(p.Limits.Reserve, msg.DustLimit) // "MUST set channel_reserve_satoshis greater than or equal to dust_limit_satoshis"
	p.Policy.fill()
	p.MinimumDepth = max(p.MinimumDepth, 1)
	if err := p.check(); err != nil {
		return err
	}
	if v := p.checkOpen(msg); v != nil {
		return v
	}
	m.terms = terms{
		opener: remote, announce: msg.Flags&lnwire.AnnounceChannel != 0, chain: p.ChainHash, tempID: msg.TempID, alias: p.Alias,
		nodes: [2]lnwire.PubKey{p.LocalNode, p.RemoteNode}, upfront: [2][]byte{p.UpfrontShutdown, msg.UpfrontShutdown},
		script: p.ShutdownScript, capacity: msg.Funding, push: msg.Push, created: p.Height, minimumDepth: p.MinimumDepth,
		anySegwit: bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureShutdownAnySegwit),
	}
	m.limits = [2]Limits{p.Limits, limitsOfOpen(msg)}
	m.points = [2]commitment.Basepoints{m.signer.Basepoints(), pointsOfOpen(msg)}
	m.begin(p.Policy, msg.FeeRate, sentAccept, p.RemoteFeatures, p.Height)
	m.opening.firstPoint = msg.FirstPoint
	if v := m.checkFirst(msg.Reserve); v != nil {
		return v
	}
	reply := &lnwire.AcceptChannel{
		TempID: msg.TempID, DustLimit: p.Limits.DustLimit, MaxInFlight: p.Limits.MaxInFlight, Reserve: p.Limits.Reserve,
		HTLCMinimum: p.Limits.HTLCMinimum, MinimumDepth: p.MinimumDepth, ToSelfDelay: p.Limits.ToSelfDelay,
		MaxAcceptedHTLCs: p.Limits.MaxAcceptedHTLCs, FirstPoint: m.localPoint(0),
		UpfrontShutdown: script(p.UpfrontShutdown), ChannelType: msg.ChannelType,
	}
	reply.FundingKey, reply.RevocationBasepoint, reply.PaymentBasepoint, reply.DelayedBasepoint, reply.HTLCBasepoint = split(m.points[local])
	out.Send = append(out.Send, reply)
	out.Notices = append(out.Notices, Notice{Kind: NoticeOpening})
	return nil
}

// acceptChannel checks the answer to our proposal and asks the wallet for the funding.
func (m *Machine) acceptChannel(msg *lnwire.AcceptChannel, out *Effects) *Violation {
	o := m.opening
	switch {
	case o.state != sentOpen:
		return failure("accept_channel is unexpected")
	case msg.TempID != m.tempID:
		return failure("accept_channel: wrong temporary_channel_id")
	case msg.MinimumDepth > o.policy.MaxMinimumDepth:
		return failure("accept_channel: minimum_depth %d is unreasonably large", msg.MinimumDepth)
	case msg.ChannelType == nil:
		return failure("accept_channel: no channel_type")
	case !msg.ChannelType.Equal(channelType()):
		return failure("accept_channel: channel_type %v is not the one proposed", msg.ChannelType)
	}
	theirs, points := limitsOfAccept(msg), pointsOfAccept(msg)
	if v := checkPeer("accept_channel", &theirs, &m.limits[local], m.capacity, &o.policy); v != nil {
		return v
	}
	if v := checkPoints("accept_channel", points, msg.FirstPoint); v != nil {
		return v
	}
	if !validUpfront(msg.UpfrontShutdown, m.anySegwit) {
		return failure("accept_channel: upfront_shutdown_script %x is of no allowed form", msg.UpfrontShutdown)
	}
	limits := m.limits
	m.limits[remote], m.points[remote] = theirs, points
	if v := m.checkFirst(m.limits[local].Reserve); v != nil {
		m.limits, m.points[remote] = limits, commitment.Basepoints{}
		return v
	}
	m.upfront[remote] = msg.UpfrontShutdown
	m.minimumDepth = max(msg.MinimumDepth, 1) // zero is for option_zeroconf, which we did not propose
	o.firstPoint, o.state = msg.FirstPoint, sentFund
	out.Fund = &FundRequest{Amount: m.capacity, Script: m.fundingScript()}
	return nil
}

func (m *Machine) fundingScript() []byte {
	s, _ := commitment.FundingScript(m.points[local].Funding, m.points[remote].Funding)
	return s
}

// paramsFor are the commitment parameters of a funding output.
func (m *Machine) paramsFor(op wire.OutPoint) commitment.Params {
	p := commitment.Params{Format: commitment.Anchors, Funding: op, Capacity: m.capacity, Opener: m.opener}
	for side := range p.Parties {
		p.Parties[side] = commitment.Party{Basepoints: m.points[side], DustLimit: m.limits[side].DustLimit,
			ToSelfDelay: m.limits[commitment.Side(side).Other()].ToSelfDelay}
	}
	return p
}

// fund sets the outpoint and starts counting commitments.
func (m *Machine) fund(op wire.OutPoint, tx *wire.MsgTx) *funding {
	f := &funding{params: m.paramsFor(op), tx: tx}
	m.funding = []*funding{f}
	m.channelID = lnwire.NewChannelID(op)
	m.dance.point = m.opening.firstPoint
	return f
}

// funded takes the wallet's transaction and signs the peer's first commitment.
func (m *Machine) funded(e Funded, out *Effects) error {
	switch {
	case m.phase != PhaseOpening || m.opening.state != sentFund:
		return refused("no funding is awaited")
	case e.Tx == nil || int(e.Output) >= len(e.Tx.TxOut) || e.Output > 0xffff || len(e.Tx.TxIn) == 0:
		return refused("the funding transaction has no output %d", e.Output)
	}
	if o := e.Tx.TxOut[e.Output]; btcutil.Amount(o.Value) != m.capacity || !bytes.Equal(o.PkScript, m.fundingScript()) {
		return refused("output %d does not fund the channel", e.Output)
	}
	f := m.fund(wire.OutPoint{Hash: e.Tx.TxHash(), Index: e.Output}, e.Tx)
	c := m.build(f, remote, latest, 0, m.dance.point)
	out.Send = append(out.Send, &lnwire.FundingCreated{TempID: m.tempID, FundingTxid: f.params.Funding.Hash,
		FundingOutput: uint16(e.Output), Signature: m.signFirst(f, c)})
	m.opening.state = sentCreated
	return nil
}

// signFirst signs a commitment without HTLCs.
func (m *Machine) signFirst(f *funding, c *commitment.Commitment) lnwire.Sig {
	sig, _, err := m.signer.SignRemote(&f.params, c)
	if err != nil {
		panic("channel: sign the first commitment: " + err.Error())
	}
	return sig
}

func (m *Machine) fundingFailed(why string, out *Effects) error {
	if m.phase != PhaseOpening || m.opening.state != sentFund {
		return refused("no funding is awaited")
	}
	m.fail("the funding transaction could not be made: "+why, out)
	return nil
}

// fundingCreated, at the accepter: from here on the channel exists.
func (m *Machine) fundingCreated(msg *lnwire.FundingCreated, out *Effects) *Violation {
	if m.opening.state != sentAccept {
		return failure("funding_created is unexpected")
	}
	if msg.TempID != m.tempID {
		return failure("funding_created: wrong temporary_channel_id")
	}
	f := m.fund(wire.OutPoint{Hash: msg.FundingTxid, Index: uint32(msg.FundingOutput)}, nil)
	c := m.build(f, local, latest, 0, m.localPoint(0))
	// "if signature is incorrect OR non-compliant with LOW-S-standard rule".
	if err := m.check.Verify(&f.params, c, msg.Signature, nil); err != nil {
		m.funding, m.channelID = nil, lnwire.ChannelID{}
		return failure("funding_created: %v", err)
	}
	f.sig = msg.Signature
	theirs := m.build(f, remote, latest, 0, m.dance.point)
	out.Send = append(out.Send, &lnwire.FundingSigned{ChannelID: m.channelID, Signature: m.signFirst(f, theirs)})
	m.exist(out)
	return nil
}

// fundingSigned, at the opener: BOLT 2: "MUST NOT broadcast the funding transaction before receipt of a valid
// funding_signed."
func (m *Machine) fundingSigned(msg *lnwire.FundingSigned, out *Effects) *Violation {
	if m.opening.state != sentCreated {
		return failure("funding_signed is unexpected")
	}
	if msg.ChannelID != m.channelID {
		return failure("funding_signed: wrong channel_id")
	}
	f := m.funding[0]
	c := m.build(f, local, latest, 0, m.localPoint(0))
	if err := m.check.Verify(&f.params, c, msg.Signature, nil); err != nil {
		return failure("funding_signed: %v", err)
	}
	f.sig = msg.Signature
	out.Broadcast = append(out.Broadcast, f.tx)
	m.exist(out)
	return nil
}

// exist makes the channel durable. The effects hold back what was sent and the broadcast until it is.
func (m *Machine) exist(out *Effects) {
	m.phase, m.opening = PhasePending, nil
	m.link.ready = true
	m.dirty |= dirtyTerms | dirtyLife | dirtyState | dirtySigs | dirtyTx
	out.Watch = append(out.Watch, m.watchFunding())
	out.Notices = append(out.Notices, Notice{Kind: NoticePending})
}

func (m *Machine) watchFunding() resolve.Watch {
	return resolve.Watch{OutPoint: m.funding[0].params.Funding, PkScript: m.fundingScript(), HeightHint: m.created}
}
