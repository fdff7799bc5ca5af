package channel

import (
	"fmt"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// phases is a set of Phase.
type phases uint8

func in(ps ...Phase) (s phases) {
	for _, p := range ps {
		s |= 1 << p
	}
	return s
}

type handler struct {
	in    phases
	ready bool
	do    func(*Machine, lnwire.Message, *Effects) *Violation
}

// on makes a handler out of a method for one type of message.
func on[M lnwire.Message](ready bool, do func(*Machine, M, *Effects) *Violation, ps ...Phase) handler {
	return handler{in(ps...), ready, func(m *Machine, msg lnwire.Message, out *Effects) *Violation {
		return do(m, msg.(M), out)
	}}
}

// handlers says in which phases a message is allowed, whether only after channel_reestablish, and what it does.
var handlers = map[lnwire.MsgType]handler{
	lnwire.TypeAcceptChannel:           on(false, (*Machine).acceptChannel, PhaseOpening),
	lnwire.TypeFundingCreated:          on(false, (*Machine).fundingCreated, PhaseOpening),
	lnwire.TypeFundingSigned:           on(false, (*Machine).fundingSigned, PhaseOpening),
	lnwire.TypeChannelReestablish:      on(false, (*Machine).reestablish, PhasePending, PhaseOpen, PhaseClosing),
	lnwire.TypeChannelReady:            on(true, (*Machine).channelReady, PhasePending, PhaseOpen, PhaseClosing),
	lnwire.TypeUpdateAddHTLC:           on(true, (*Machine).updateAdd, PhaseOpen, PhaseClosing),
	lnwire.TypeUpdateFulfillHTLC:       on(true, (*Machine).updateFulfill, PhaseOpen, PhaseClosing),
	lnwire.TypeUpdateFailHTLC:          on(true, (*Machine).updateFail, PhaseOpen, PhaseClosing),
	lnwire.TypeUpdateFailMalformedHTLC: on(true, (*Machine).updateFailMalformed, PhaseOpen, PhaseClosing),
	lnwire.TypeUpdateFee:               on(true, (*Machine).updateFee, PhaseOpen, PhaseClosing),
	lnwire.TypeCommitmentSigned:        on(true, (*Machine).commitmentSigned, PhaseOpen, PhaseClosing),
	lnwire.TypeRevokeAndAck:            on(true, (*Machine).revokeAndAck, PhaseOpen, PhaseClosing),
	lnwire.TypeShutdown:                on(true, (*Machine).peerShutdown, PhasePending, PhaseOpen, PhaseClosing),
	lnwire.TypeClosingSigned:           on(true, (*Machine).closingSigned, PhaseClosing),
	lnwire.TypeAnnouncementSignatures:  on(true, (*Machine).announcementSignatures, PhasePending, PhaseOpen, PhaseClosing),
}

// receive applies a message of the peer. What is wrong with it becomes a warning or an error, and a transition.
func (m *Machine) receive(msg lnwire.Message, out *Effects) {
	if !m.link.up || m.phase == PhaseClosed {
		return // it was under way when the connection ended, for us or for the peer
	}
	switch e := msg.(type) {
	case *lnwire.Error:
		m.peerError(e, out)
		return
	case *lnwire.Warning:
		out.Notices = append(out.Notices, Notice{NoticeWarning, fromPeer + quote(e.Data)})
		return
	}
	if m.phase == PhaseOnchain {
		// BOLT 2: "SHOULD retransmit the error packet and ignore any other packets for that channel".
		if msg.Type() == lnwire.TypeChannelReestablish {
			m.tooLate(out)
		}
		return
	}
	h, ok := handlers[msg.Type()]
	switch {
	case !ok:
		if msg.Type()&1 == 0 {
			m.violate(warn("unexpected message type %d", msg.Type()), out)
		}
	case h.in&in(m.phase) == 0:
		m.violate(warn("%v is unexpected: the channel is %v", msg.Type(), m.phase), out)
	case h.ready && !m.link.ready:
		m.violate(warn("%v before channel_reestablish", msg.Type()), out)
	default:
		if v := h.do(m, msg, out); v != nil {
			m.violate(v, out)
		}
	}
}

// fromPeer begins the peer's own words.
const fromPeer = "peer: "

// maxQuote bounds what is kept of a peer's text.
const maxQuote = 512

// quote makes a peer's text printable. BOLT 1: "if data is not composed solely of printable ASCII characters [...]
// SHOULD NOT print out data verbatim".
func quote(b []byte) string {
	if len(b) > maxQuote {
		b = b[:maxQuote]
	}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return fmt.Sprintf("%x", b)
		}
	}
	return string(b)
}

// violate tells the peer what was wrong and draws the consequence.
func (m *Machine) violate(v *Violation, out *Effects) {
	if v.Action == Close || m.phase == PhaseOpening {
		m.fail(v.Text, out)
		return
	}
	out.Send = append(out.Send, &lnwire.Warning{ChannelID: m.wireID(), Data: []byte(v.Text)})
	out.Notices = append(out.Notices, Notice{NoticeWarning, v.Text})
	out.Disconnect = true
	m.unlink(out)
}

// fail ends the channel with an error to the peer (BOLT 5: Failing a Channel).
func (m *Machine) fail(text string, out *Effects) {
	if m.link.up {
		m.sendError(text, out)
		out.Disconnect = true
	}
	out.Notices = append(out.Notices, Notice{NoticeError, text})
	m.lastError = text
	m.end(out)
}

// peerError: BOLT 1: "upon receiving error: if channel_id is all zero: MUST fail all channels with the sending node;
// otherwise: MUST fail the channel referred to by channel_id".
func (m *Machine) peerError(e *lnwire.Error, out *Effects) {
	text := fromPeer + quote(e.Data)
	if string(e.Data) == lndRecovery && m.phase != PhaseOpening && m.phase != PhaseOnchain && !m.link.behind {
		out.Notices = append(out.Notices, Notice{NoticeWarning, text})
		out.Disconnect = true
		m.unlink(out)
		return
	}
	out.Notices = append(out.Notices, Notice{NoticeError, text})
	if m.phase == PhaseOnchain {
		return
	}
	m.lastError = text
	m.end(out)
}

// lndRecovery is LND's error when reestablishing ends for whatever reason, be it that LND is about to stop (0.21.2). It asks for our
// commitment only where its channel_reestablish shows that it has lost data; otherwise we meet again at the next connection, which
// costs nobody the channel. The deadlines of HTLCs hold as ever.
const lndRecovery = "unable to resume channel, recovery required"

// end leaves cooperation: an unfunded channel is abandoned, another goes on chain.
func (m *Machine) end(out *Effects) {
	if m.phase == PhaseOpening {
		m.abandon(out)
		return
	}
	m.unlink(out)
	m.publish(out)
}

// abandon forgets a channel that was never funded.
func (m *Machine) abandon(out *Effects) {
	m.phase = PhaseClosed
	m.link = link{}
	out.Notices = append(out.Notices, Notice{NoticeAbandoned, m.lastError})
}
