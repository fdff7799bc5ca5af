package channel

import (
	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const (
	// MaxSmallCapacity: BOLT 2: "otherwise: MUST set funding_satoshis to less than 2^24 satoshi."
	MaxSmallCapacity btcutil.Amount = 1<<24 - 1
	// MinDustLimit: BOLT 2: "MUST fail the channel if dust_limit_satoshis is smaller than 354 satoshis".
	MinDustLimit btcutil.Amount = 354
	// MaxDustLimit: BOLT 2: "MAY fail the channel if it considers dust_limit_satoshis too large".
	MaxDustLimit btcutil.Amount = 5 * MinDustLimit
	// MaxMinimumDepth is the policy where none is set: a day.
	MaxMinimumDepth = 144
	// MaxToSelfDelay is likewise: two weeks.
	MaxToSelfDelay = 2016
	// DefaultDustExposure is what we risk on HTLCs without output where the policy says nothing.
	DefaultDustExposure lnwire.MilliSatoshi = 50_000_000
	// MaxFeeRate is the policy for commitment fees where none is set: 400 sat per virtual byte.
	MaxFeeRate lnwire.FeePerKW = 100_000
	// reserveShare: BOLT 2: "1% of the channel total is suggested"; we put up with a fifth.
	reserveShare, maxReserveShare = 100, 5
)

// fill chooses what was left open.
func (l *Limits) fill(capacity btcutil.Amount) {
	if l.DustLimit == 0 {
		l.DustLimit = MinDustLimit
	}
	if l.Reserve == 0 {
		l.Reserve = capacity / reserveShare
	}
	l.Reserve = max(l.Reserve, l.DustLimit)
	if l.MaxInFlight == 0 && capacity > 0 {
		l.MaxInFlight = lnwire.FromSatoshis(capacity)
	}
	if l.MaxAcceptedHTLCs == 0 {
		l.MaxAcceptedHTLCs = commitment.MaxHTLCs
	}
	if l.HTLCMinimum == 0 {
		l.HTLCMinimum = 1
	}
}

func (p *Policy) fill() {
	if p.MaxCapacity == 0 {
		p.MaxCapacity = MaxSmallCapacity
	}
	if p.MaxToSelfDelay == 0 {
		p.MaxToSelfDelay = MaxToSelfDelay
	}
	if p.MaxMinimumDepth == 0 {
		p.MaxMinimumDepth = MaxMinimumDepth
	}
	if p.MaxFeeRate == 0 {
		p.MaxFeeRate = MaxFeeRate
	}
	if p.MaxDustExposure == 0 {
		p.MaxDustExposure = DefaultDustExposure
	}
	p.MinFeeRate = max(p.MinFeeRate, lnwire.FeePerKWFloor)
}

// check holds our own proposal against what BOLT 2 says that a sender MUST.
func (p *OpenParams) check() error {
	switch {
	case !bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureStaticRemoteKey),
		!bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureAnchors):
		return refused("the peer does not offer option_anchors and option_static_remotekey")
	case bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureDualFund):
		return refused("option_dual_fund is negotiated")
	case p.Capacity <= 0 || p.Capacity < p.Policy.MinCapacity || p.Capacity > p.Policy.MaxCapacity || p.Capacity > btcutil.MaxSatoshi:
		return refused("a capacity of %d satoshis is not between %d and %d", p.Capacity, p.Policy.MinCapacity, p.Policy.MaxCapacity)
	case p.Capacity > MaxSmallCapacity && !bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureLargeChannel):
		return refused("option_support_large_channel is not negotiated")
	case p.Push > lnwire.FromSatoshis(p.Capacity):
		return refused("push_msat exceeds the capacity")
	case p.FeeRate < p.Policy.MinFeeRate || p.FeeRate > p.Policy.MaxFeeRate:
		return refused("%d sat/kw is not between %d and %d", p.FeeRate, p.Policy.MinFeeRate, p.Policy.MaxFeeRate)
	}
	if err := p.Limits.check(); err != nil {
		return err
	}
	mine, ok := (lnwire.FromSatoshis(p.Capacity) - p.Push).Sub(firstCost(p.FeeRate))
	if !ok {
		return refused("the capacity does not pay for the first commitment")
	}
	if reserve := lnwire.FromSatoshis(p.Limits.Reserve); mine <= reserve && p.Push <= reserve {
		return refused("neither side would have more than the reserve")
	}
	return checkScripts(p.UpfrontShutdown, p.ShutdownScript, bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureShutdownAnySegwit))
}

// firstCost is what the opener pays in a commitment without HTLCs.
func firstCost(rate lnwire.FeePerKW) lnwire.MilliSatoshi {
	return lnwire.FromSatoshis(commitment.CommitmentFee(commitment.Anchors, rate, 0) + commitment.AnchorsCost(commitment.Anchors))
}

func (p *AcceptParams) check() error {
	if err := p.Limits.check(); err != nil {
		return err
	}
	return checkScripts(p.UpfrontShutdown, p.ShutdownScript, bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureShutdownAnySegwit))
}

func (l *Limits) check() error {
	switch {
	case l.MaxAcceptedHTLCs > commitment.MaxHTLCs:
		return refused("max_accepted_htlcs %d is above %d", l.MaxAcceptedHTLCs, commitment.MaxHTLCs)
	case l.DustLimit < MinDustLimit:
		return refused("dust_limit_satoshis %d is below %d", l.DustLimit, MinDustLimit)
	}
	return nil
}

func checkScripts(upfront, shutdown []byte, anySegwit bool) error {
	if !validUpfront(upfront, anySegwit) {
		return refused("the upfront shutdown script is of no allowed form")
	}
	if !commitment.ValidShutdownScript(shutdown, anySegwit) {
		return refused("the shutdown script is of no allowed form")
	}
	return nil
}

// validUpfront: nil and empty mean none.
func validUpfront(s []byte, anySegwit bool) bool {
	return len(s) == 0 || commitment.ValidShutdownScript(s, anySegwit)
}

// checkOpen: BOLT 2, open_channel: "The receiving node MUST [MAY] fail the channel if".
func (p *AcceptParams) checkOpen(msg *lnwire.OpenChannel) *Violation {
	switch {
	case msg.ChainHash != p.ChainHash:
		return failure("open_channel: unknown chain_hash %v", msg.ChainHash)
	case msg.ChannelType == nil:
		return failure("open_channel: no channel_type")
	case !msg.ChannelType.Equal(channelType()):
		return failure("open_channel: channel_type %v is not suitable", msg.ChannelType)
	case bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureDualFund):
		return failure("open_channel: option_dual_fund is negotiated")
	case msg.Funding <= 0 || msg.Funding < p.Policy.MinCapacity || msg.Funding > btcutil.MaxSatoshi:
		return failure("open_channel: funding_satoshis %d is below %d", msg.Funding, p.Policy.MinCapacity)
	case msg.Funding > p.Policy.MaxCapacity:
		return failure("open_channel: funding_satoshis %d is above %d", msg.Funding, p.Policy.MaxCapacity)
	case msg.Funding > MaxSmallCapacity && !p.LocalFeatures.Supports(lnwire.FeatureLargeChannel):
		return failure("open_channel: funding_satoshis %d wants option_support_large_channel", msg.Funding)
	case msg.Push > lnwire.FromSatoshis(msg.Funding):
		return failure("open_channel: push_msat %d exceeds funding_satoshis", uint64(msg.Push))
	case msg.FeeRate < p.Policy.MinFeeRate || msg.FeeRate > p.Policy.MaxFeeRate:
		return failure("open_channel: feerate_per_kw %d is not between %d and %d", msg.FeeRate, p.Policy.MinFeeRate, p.Policy.MaxFeeRate)
	case !validUpfront(msg.UpfrontShutdown, bothOffer(p.LocalFeatures, p.RemoteFeatures, lnwire.FeatureShutdownAnySegwit)):
		return failure("open_channel: upfront_shutdown_script %x is of no allowed form", msg.UpfrontShutdown)
	}
	theirs := limitsOfOpen(msg)
	if v := checkPeer("open_channel", &theirs, &p.Limits, msg.Funding, &p.Policy); v != nil {
		return v
	}
	return checkPoints("open_channel", pointsOfOpen(msg), msg.FirstPoint)
}

// checkPeer: what both open_channel and accept_channel must satisfy.
func checkPeer(name string, theirs, ours *Limits, capacity btcutil.Amount, p *Policy) *Violation {
	switch {
	case theirs.ToSelfDelay > p.MaxToSelfDelay:
		return failure("%s: to_self_delay %d is unreasonably large", name, theirs.ToSelfDelay)
	case theirs.MaxAcceptedHTLCs > commitment.MaxHTLCs:
		return failure("%s: max_accepted_htlcs %d is greater than %d", name, theirs.MaxAcceptedHTLCs, commitment.MaxHTLCs)
	case theirs.MaxAcceptedHTLCs == 0:
		return failure("%s: max_accepted_htlcs is too small", name)
	case theirs.DustLimit < MinDustLimit:
		return failure("%s: dust_limit_satoshis %d is smaller than %d", name, theirs.DustLimit, MinDustLimit)
	case theirs.DustLimit > MaxDustLimit:
		return failure("%s: dust_limit_satoshis %d is too large", name, theirs.DustLimit)
	case theirs.Reserve < theirs.DustLimit:
		return failure("%s: dust_limit_satoshis %d is greater than channel_reserve_satoshis %d", name, theirs.DustLimit, theirs.Reserve)
	case theirs.Reserve < ours.DustLimit:
		return failure("%s: channel_reserve_satoshis %d is below our dust_limit_satoshis %d", name, theirs.Reserve, ours.DustLimit)
	case ours.Reserve < theirs.DustLimit:
		return failure("%s: dust_limit_satoshis %d is above our channel_reserve_satoshis %d", name, theirs.DustLimit, ours.Reserve)
	case theirs.Reserve > max(capacity/maxReserveShare, MaxDustLimit):
		return failure("%s: channel_reserve_satoshis %d is too large", name, theirs.Reserve)
	case theirs.MaxInFlight == 0 || theirs.MaxInFlight < theirs.HTLCMinimum:
		return failure("%s: max_htlc_value_in_flight_msat %d is too small", name, uint64(theirs.MaxInFlight))
	case theirs.HTLCMinimum > lnwire.FromSatoshis(capacity) || p.MaxHTLCMinimum != 0 && theirs.HTLCMinimum > p.MaxHTLCMinimum:
		return failure("%s: htlc_minimum_msat %d is too large", name, uint64(theirs.HTLCMinimum))
	}
	return nil
}

// checkPoints: "funding_pubkey, revocation_basepoint, htlc_basepoint, payment_basepoint, or delayed_payment_basepoint are
// not valid secp256k1 pubkeys in compressed format."
func checkPoints(name string, b commitment.Basepoints, first lnwire.PubKey) *Violation {
	for _, k := range []struct {
		field string
		key   lnwire.PubKey
	}{
		{"funding_pubkey", b.Funding}, {"revocation_basepoint", b.Revocation}, {"payment_basepoint", b.Payment},
		{"delayed_payment_basepoint", b.Delayed}, {"htlc_basepoint", b.HTLC}, {"first_per_commitment_point", first},
	} {
		if _, err := k.key.Parse(); err != nil {
			return failure("%s: %s: %v", name, k.field, err)
		}
	}
	return nil
}

// checkFirst: "the funder's amount for the initial commitment transaction is not sufficient for full fee payment", "both
// to_local and to_remote amounts for the initial commitment transaction are less than or equal to channel_reserve_satoshis".
func (m *Machine) checkFirst(reserve btcutil.Amount) *Violation {
	mine, ok := m.table.settled[m.opener].Sub(firstCost(m.table.rate))
	if !ok {
		return failure("the funder's amount is not sufficient for full fee payment")
	}
	if r := lnwire.FromSatoshis(reserve); mine <= r && m.push <= r {
		return failure("both to_local and to_remote are at most channel_reserve_satoshis")
	}
	return nil
}

func limitsOfOpen(m *lnwire.OpenChannel) Limits {
	return Limits{DustLimit: m.DustLimit, MaxInFlight: m.MaxInFlight, Reserve: m.Reserve, HTLCMinimum: m.HTLCMinimum,
		ToSelfDelay: m.ToSelfDelay, MaxAcceptedHTLCs: m.MaxAcceptedHTLCs}
}

func limitsOfAccept(m *lnwire.AcceptChannel) Limits {
	return Limits{DustLimit: m.DustLimit, MaxInFlight: m.MaxInFlight, Reserve: m.Reserve, HTLCMinimum: m.HTLCMinimum,
		ToSelfDelay: m.ToSelfDelay, MaxAcceptedHTLCs: m.MaxAcceptedHTLCs}
}

func pointsOfOpen(m *lnwire.OpenChannel) commitment.Basepoints {
	return commitment.Basepoints{Funding: m.FundingKey, Revocation: m.RevocationBasepoint, Payment: m.PaymentBasepoint,
		Delayed: m.DelayedBasepoint, HTLC: m.HTLCBasepoint}
}

func pointsOfAccept(m *lnwire.AcceptChannel) commitment.Basepoints {
	return commitment.Basepoints{Funding: m.FundingKey, Revocation: m.RevocationBasepoint, Payment: m.PaymentBasepoint,
		Delayed: m.DelayedBasepoint, HTLC: m.HTLCBasepoint}
}
