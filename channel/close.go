package channel

import (
	"bytes"
	"math"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// closingOffer is a closing_signed that we sent, with the fees that we would accept.
type closingOffer struct {
	fee   btcutil.Amount
	bound lnwire.FeeRange
}

// shut closes the channel on the user's word.
func (m *Machine) shut(e Shut, out *Effects) error {
	switch {
	case m.phase == PhaseClosed:
		return refused("the channel is closed")
	case m.phase == PhaseOpening:
		m.fail("the channel is given up before it is funded", out)
		return nil
	case m.lost:
		return refused("our state is provably old: publishing it would lose the channel's funds")
	case m.phase == PhaseOnchain:
		return refused("the channel is closing on chain already")
	case e.Force:
		m.fail("the channel is closed by its owner", out)
		return nil
	case m.shutdown[local] != nil:
		return refused("the channel is closing already")
	}
	to := e.Script
	if len(to) == 0 {
		to = m.closeScript()
	}
	if up := m.upfront[local]; len(up) != 0 && !bytes.Equal(up, to) {
		return refused("the channel was opened with another upfront shutdown script")
	}
	if !commitment.ValidShutdownScript(to, m.mayAnySegwit()) {
		return refused("script %x is of no form that a shutdown may have", to)
	}
	m.closeRate = e.FeeRate
	m.beginClose(local, to, out)
	return nil
}

// closeScript is where our funds go unless we are told otherwise.
// BOLT 2: "if it sent a non-zero-length shutdown_scriptpubkey in open_channel or accept_channel: MUST send the same value".
func (m *Machine) closeScript() []byte {
	if len(m.upfront[local]) != 0 {
		return m.upfront[local]
	}
	return m.script
}

// mayAnySegwit: "if (and only if) option_shutdown_anysegwit is negotiated", at the opening or since.
func (m *Machine) mayAnySegwit() bool {
	return m.anySegwit || m.link.features.Supports(lnwire.FeatureShutdownAnySegwit)
}

func (m *Machine) beginClose(by commitment.Side, to []byte, out *Effects) {
	m.shutdown[by] = append([]byte{}, to...)
	m.dirty |= dirtyLife
	if m.phase != PhaseClosing {
		m.phase = PhaseClosing
		out.Notices = append(out.Notices, Notice{Kind: NoticeClosing})
	}
}

// sendShutdown sends what beginClose decided, once per connection.
// BOLT 2: "if there are updates pending on the receiving node's commitment transaction: MUST NOT send a shutdown."
func (m *Machine) sendShutdown(out *Effects) {
	if m.shutdown[local] == nil || !m.link.ready || m.link.shutSent || m.table.unsigned(local) {
		return
	}
	m.link.shutSent = true
	out.Send = append(out.Send, &lnwire.Shutdown{ChannelID: m.channelID, Script: m.shutdown[local]})
}

// peerShutdown takes the peer's script and answers.
func (m *Machine) peerShutdown(msg *lnwire.Shutdown, out *Effects) *Violation {
	switch {
	case !commitment.ValidShutdownScript(msg.Script, m.mayAnySegwit()):
		return warn("shutdown: scriptpubkey %x is of no allowed form", msg.Script)
	case len(m.upfront[remote]) != 0 && !bytes.Equal(m.upfront[remote], msg.Script):
		// "MAY send a warning. MUST fail the connection."
		return warn("shutdown: scriptpubkey %x is not the upfront shutdown_scriptpubkey", msg.Script)
	case m.link.shutReceived:
		return warn("shutdown was sent already")
	case m.closingTx != nil && !bytes.Equal(m.shutdown[remote], msg.Script):
		return warn("shutdown: another scriptpubkey after closing_signed")
	}
	m.link.shutReceived = true
	if m.shutdown[remote] == nil || !bytes.Equal(m.shutdown[remote], msg.Script) {
		m.beginClose(remote, msg.Script, out)
	}
	if m.shutdown[local] == nil {
		m.beginClose(local, m.closeScript(), out)
	}
	return nil
}

// clean says that shutdown is complete: BOLT 2: "the channel is empty of HTLCs, there are no commitments for which a
// revocation is owed, and all updates are included on both commitments".
func (m *Machine) clean() bool {
	return m.phase == PhaseClosing && m.link.shutSent && m.link.shutReceived && m.table.empty() && !m.dance.outstanding()
}

// negotiate makes the first offer: "The funding node: after shutdown has been received, AND no HTLCs remain in either
// commitment transaction: SHOULD send a closing_signed message."
func (m *Machine) negotiate(out *Effects) {
	if m.opener != local || m.link.sent != nil || !m.clean() {
		return
	}
	weight := m.closingWeight()
	most := m.closingBalances()[local]
	least := min(lnwire.FeePerKWFloor.Fee(weight), most)
	fee := min(max(m.closingRate().Fee(weight), least), most)
	m.offerClose(fee, lnwire.FeeRange{Min: least, Max: min(max(fee, feeSlack*fee), most)}, out)
}

// feeSlack: an opener pays up to so many times the fee of its own choice.
const feeSlack = 2

// closingRate is what was asked for, or the commitments' rate.
func (m *Machine) closingRate() lnwire.FeePerKW {
	if m.closeRate != 0 {
		return m.closeRate
	}
	return m.table.rate
}

// closingBalances in whole satoshis, before the fee.
func (m *Machine) closingBalances() [2]btcutil.Amount {
	return [2]btcutil.Amount{m.table.settled[local].Satoshis(), m.table.settled[remote].Satoshis()}
}

// closingWeight counts the outputs that are worth making.
func (m *Machine) closingWeight() int64 {
	scripts := m.shutdown
	for side, amount := range m.closingBalances() {
		if amount < m.limits[side].DustLimit {
			scripts[side] = nil
		}
	}
	return commitment.ClosingWeight(scripts)
}

// offerClose signs the closing transaction with that fee.
func (m *Machine) offerClose(fee btcutil.Amount, bound lnwire.FeeRange, out *Effects) {
	f := m.funding[0]
	tx, err := commitment.Closing(&f.params, m.shutdown, m.closingBalances(), fee, m.opener)
	if err != nil {
		// Both outputs would be dust. Nothing can be agreed on; the commitment is as good.
		m.fail("closing transaction: "+err.Error(), out)
		return
	}
	m.link.sent = &closingOffer{fee, bound}
	out.Send = append(out.Send, &lnwire.ClosingSigned{ChannelID: m.channelID, Fee: fee, Signature: m.signClosing(f, tx), FeeRange: &bound})
}

func (m *Machine) signClosing(f *funding, tx *wire.MsgTx) lnwire.Sig {
	sig, err := m.signer.SignClosing(&f.params, tx)
	if err != nil {
		panic("channel: sign the closing transaction: " + err.Error())
	}
	return sig
}

// closingSigned takes an offer of the peer: agree, counter, or complain.
func (m *Machine) closingSigned(msg *lnwire.ClosingSigned, out *Effects) *Violation {
	if !m.clean() {
		return warn("closing_signed before shutdown is complete")
	}
	if r := msg.FeeRange; r != nil && (r.Min < 0 || r.Max < r.Min) {
		return warn("closing_signed: fee_range %d to %d", r.Min, r.Max)
	}
	tx, v := m.signedVariant(msg)
	if v != nil {
		return v
	}
	least := lnwire.FeePerKWFloor.Fee(m.closingWeight())
	if m.link.sent == nil {
		return m.firstAnswer(msg, tx, least, out)
	}
	sent := *m.link.sent
	switch {
	case msg.Fee == sent.fee:
		m.agree(msg, tx, out)
	case m.opener == local && sent.bound.Min <= msg.Fee && msg.Fee <= sent.bound.Max:
		// "if fee_satoshis matches its previously sent fee_range: SHOULD use fee_satoshis to sign and broadcast [...] SHOULD
		// reply with a closing_signed with the same fee_satoshis value".
		m.offerClose(msg.Fee, sent.bound, out)
		m.agree(msg, tx, out)
	case msg.FeeRange != nil && m.opener == local && (msg.FeeRange.Min > sent.bound.Max || msg.FeeRange.Max < sent.bound.Min):
		return warn("closing_signed: fee_range does not overlap with %d to %d", sent.bound.Min, sent.bound.Max)
	case msg.FeeRange != nil:
		// "if fee_satoshis is not in the overlap [...]: MUST fail the channel", "if [non-funder] has already sent a
		// closing_signed: if fee_satoshis is not the same as the value it sent: MUST fail the channel".
		return failure("closing_signed: fee_satoshis %d is neither %d nor acceptable", msg.Fee, sent.fee)
	case m.opener == remote && msg.Fee >= least:
		m.offerClose(msg.Fee, sent.bound, out)
		m.agree(msg, tx, out)
	default:
		return m.haggle(msg, sent, out)
	}
	return nil
}

// firstAnswer is the accepter's: the opener pays, so any fee is good that miners take.
func (m *Machine) firstAnswer(msg *lnwire.ClosingSigned, tx *wire.MsgTx, least btcutil.Amount, out *Effects) *Violation {
	if m.opener == local {
		return warn("closing_signed before ours")
	}
	bound := lnwire.FeeRange{Min: min(least, m.closingBalances()[remote]), Max: m.closingBalances()[remote]}
	fee := max(msg.Fee, bound.Min)
	if r := msg.FeeRange; r != nil {
		// "MUST propose a fee_satoshis in the overlap between received and (about-to-be) sent fee_range."
		low, high := max(r.Min, bound.Min), min(r.Max, bound.Max)
		if low > high {
			return warn("closing_signed: fee_range does not overlap with %d to %d", bound.Min, bound.Max)
		}
		fee = min(max(msg.Fee, low), high)
	}
	m.offerClose(fee, bound, out)
	if m.phase == PhaseClosing && fee == msg.Fee {
		m.agree(msg, tx, out)
	}
	m.link.peerFee = &msg.Fee
	return nil
}

// haggle is the way of peers that know no fee_range. BOLT 2: "if fee_satoshis is not strictly between its last-sent
// fee_satoshis and its previously-received fee_satoshis [...]: SHOULD send a warning"; "MUST propose a value 'strictly
// between' the received fee_satoshis and its previously-sent fee_satoshis".
func (m *Machine) haggle(msg *lnwire.ClosingSigned, sent closingOffer, out *Effects) *Violation {
	if p := m.link.peerFee; p != nil && (msg.Fee <= min(*p, sent.fee) || msg.Fee >= max(*p, sent.fee)) {
		return warn("closing_signed: fee_satoshis %d is not strictly between %d and %d", msg.Fee, *p, sent.fee)
	}
	fee := min(max((msg.Fee+sent.fee)/2, sent.bound.Min), sent.bound.Max)
	if fee <= min(msg.Fee, sent.fee) || fee >= max(msg.Fee, sent.fee) {
		return warn("closing_signed: fee_satoshis %d cannot be met", msg.Fee)
	}
	m.offerClose(fee, sent.bound, out)
	m.link.peerFee = &msg.Fee
	return nil
}

// signedVariant finds the closing transaction that the peer signed.
// "if the signature is not valid for either variant of closing transaction [...]: MUST send a warning and close".
func (m *Machine) signedVariant(msg *lnwire.ClosingSigned) (*wire.MsgTx, *Violation) {
	if msg.Fee < 0 || int64(msg.Fee) > math.MaxInt64/2 {
		return nil, warn("closing_signed: fee_satoshis %d", msg.Fee)
	}
	f := m.funding[0]
	txs, err := commitment.ClosingVariants(&f.params, m.shutdown, m.closingBalances(), msg.Fee, m.opener)
	if err != nil {
		return nil, warn("closing_signed: fee_satoshis %d: %v", msg.Fee, err)
	}
	for _, tx := range txs {
		if m.check.VerifyClosing(&f.params, tx, msg.Signature) == nil {
			return tx, nil
		}
	}
	return nil, warn("closing_signed: the signature is not valid")
}

// agree publishes the closing transaction. A fee that was agreed on already is no news: peers repeat it to confirm it, and after
// a reconnection.
func (m *Machine) agree(msg *lnwire.ClosingSigned, tx *wire.MsgTx, out *Effects) {
	if m.closingTx != nil && m.closingTx.TxHash() == tx.TxHash() {
		return
	}
	f := m.funding[0]
	m.closingTx = commitment.Witnessed(&f.params, tx, m.signClosing(f, tx), msg.Signature)
	m.dirty |= dirtyClosing
	out.Broadcast = append(out.Broadcast, m.closingTx)
	out.Notices = append(out.Notices, Notice{Kind: NoticeClosingTx})
}
