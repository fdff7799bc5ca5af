package channel

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

type onchain struct{}
type opening struct{}
type closingOffer struct{ fee btcutil.Amount }

func (m *Machine) propose(p *OpenParams, out *Effects) error { panic("soon") }
func (m *Machine) answer(p *AcceptParams, msg *lnwire.OpenChannel, out *Effects) error {
	panic("soon")
}
func (m *Machine) decode(r Records) error                                              { panic("soon") }
func (m *Machine) block(h lnwire.Height, out *Effects)                                 { panic("soon") }
func (m *Machine) flush(out *Effects)                                                  { panic("soon") }
func (m *Machine) confirm(e Confirmed, out *Effects)                                   { panic("soon") }
func (m *Machine) unconfirm(out *Effects)                                              { panic("soon") }
func (m *Machine) spent(f resolve.Fact, out *Effects)                                  { panic("soon") }
func (m *Machine) unspent(op wire.OutPoint, out *Effects)                              { panic("soon") }
func (m *Machine) offer(e *Offer, out *Effects) error                                  { panic("soon") }
func (m *Machine) remove(id uint64, r *removal, out *Effects) error                    { panic("soon") }
func (m *Machine) setFee(r lnwire.FeePerKW, out *Effects) error                        { panic("soon") }
func (m *Machine) funded(e Funded, out *Effects) error                                 { panic("soon") }
func (m *Machine) fundingFailed(s string, out *Effects) error                          { panic("soon") }
func (m *Machine) shut(e Shut, out *Effects) error                                     { panic("soon") }
func (m *Machine) acceptChannel(msg *lnwire.AcceptChannel, out *Effects) *Violation    { panic("soon") }
func (m *Machine) fundingCreated(msg *lnwire.FundingCreated, out *Effects) *Violation  { panic("soon") }
func (m *Machine) fundingSigned(msg *lnwire.FundingSigned, out *Effects) *Violation    { panic("soon") }
func (m *Machine) channelReady(msg *lnwire.ChannelReady, out *Effects) *Violation      { panic("soon") }
func (m *Machine) reestablish(msg *lnwire.ChannelReestablish, out *Effects) *Violation { panic("soon") }
func (m *Machine) updateAdd(msg *lnwire.UpdateAddHTLC, out *Effects) *Violation        { panic("soon") }
func (m *Machine) updateFulfill(msg *lnwire.UpdateFulfillHTLC, out *Effects) *Violation {
	panic("soon")
}
func (m *Machine) updateFail(msg *lnwire.UpdateFailHTLC, out *Effects) *Violation { panic("soon") }
func (m *Machine) updateFailMalformed(msg *lnwire.UpdateFailMalformedHTLC, out *Effects) *Violation {
	panic("soon")
}
func (m *Machine) updateFee(msg *lnwire.UpdateFee, out *Effects) *Violation { panic("soon") }
func (m *Machine) commitmentSigned(msg *lnwire.CommitmentSigned, out *Effects) *Violation {
	panic("soon")
}
func (m *Machine) revokeAndAck(msg *lnwire.RevokeAndAck, out *Effects) *Violation   { panic("soon") }
func (m *Machine) peerShutdown(msg *lnwire.Shutdown, out *Effects) *Violation       { panic("soon") }
func (m *Machine) closingSigned(msg *lnwire.ClosingSigned, out *Effects) *Violation { panic("soon") }
func (m *Machine) announcementSignatures(msg *lnwire.AnnouncementSignatures, out *Effects) *Violation {
	panic("soon")
}
func (m *Machine) remind(out *Effects)       { panic("soon") }
func (m *Machine) publish(out *Effects)      { panic("soon") }
func (m *Machine) greet(out *Effects)        { panic("soon") }
func (m *Machine) becomeReady(out *Effects)  { panic("soon") }
func (m *Machine) announceNow(out *Effects)  { panic("soon") }
func (m *Machine) sendShutdown(out *Effects) { panic("soon") }
func (m *Machine) negotiate(out *Effects)    { panic("soon") }

// Info copies what others may know.
func (m *Machine) Info() Info { panic("to come") }

// Live lists what the start-up rule asks about: incoming HTLCs that are locked and not being removed, and every
// HTLC that we offered and that is not gone.
func (m *Machine) Live() (incoming []HTLC, outgoing []HTLCInfo) { panic("to come") }

// Enforce wraps s so that it panics rather than sign what would lose money.
func Enforce(s Signer) Signer { panic("to come") }
