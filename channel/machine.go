package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Machine is one channel. It is not safe for concurrent use.
type Machine struct {
	id      string
	signer  Signer
	check   Verifier
	node    NodeSigner
	records Records

	terms              // agreed at the opening, never changed
	phase   Phase      // durable, like all down to sigs
	life               // what changes a few times in a channel's life
	table   table      // HTLCs and fee updates
	dance   dance      // where commitment_signed and revoke_and_ack stand
	funding []*funding // one; several while a splice is unconfirmed
	onchain onchain    // facts, and what was told about them
	opening *opening   // before the funding is signed
	link    link       // lost with the connection
	height  lnwire.Height

	dirty   dirty // what the step changed and its end writes
	scratch []commitment.HTLC
	keys    [4]*commitment.Keys // of the last commitments built
	points2 [2]numberedPoint    // our last per-commitment points
	active  bool                // as the last notice said
	loaded  bool                // restored, and the chain not told again yet
}

// terms are agreed at the opening.
type terms struct {
	opener         commitment.Side
	announce       bool
	chain          chainhash.Hash
	tempID         lnwire.ChannelID
	channelID      lnwire.ChannelID
	alias          lnwire.ShortChannelID
	nodes          [2]lnwire.PubKey
	limits         [2]Limits // by who imposed them
	points         [2]commitment.Basepoints
	upfront        [2][]byte
	script         []byte // where our funds go on a close that names no script
	capacity       btcutil.Amount
	push           lnwire.MilliSatoshi
	minimumDepth   uint32
	created        lnwire.Height
	minFee, maxFee lnwire.FeePerKW
	maxDust        lnwire.MilliSatoshi
	anySegwit      bool // option_shutdown_anysegwit was negotiated
}

// life changes a few times only.
type life struct {
	readySent, readyReceived bool // channel_ready: ours due since the depth was reached, the peer's
	remoteAlias              lnwire.ShortChannelID
	shutdown                 [2][]byte // scripts: ours wished or sent, the peer's received
	closeRate                lnwire.FeePerKW
	closingTx                *wire.MsgTx // agreed
	lost                     bool        // provably behind the peer: publish nothing
	forced                   bool        // our commitment was published
	lastError                string
	peerSigs                 *lnwire.AnnouncementSignatures // the peer's halves, valid for the current scid
	announced                bool                           // Announce was told for the current scid
}

// dance counts commitments. Ours is always the latest: its predecessor is revoked in the step that accepts it.
type dance struct {
	localNumber  uint64        // of our commitment
	remoteNumber uint64        // of the last one that we signed for the peer
	revoked      uint64        // how many of its commitments the peer revoked: number of its oldest valid one
	point        lnwire.PubKey // of the peer's commitment number revoked
	nextPoint    lnwire.PubKey // of the one after; zero before channel_ready
	commitLast   bool          // commitment_signed was sent after revoke_and_ack
	secrets      *commitment.Shachain
}

// outstanding says that the peer has not revoked for our last commitment_signed yet.
func (d *dance) outstanding() bool { return d.remoteNumber > d.revoked }

// funding is one funding output with what is particular to it.
type funding struct {
	params    commitment.Params
	sig       lnwire.Sig   // the peer's, on our latest commitment
	htlcSigs  []lnwire.Sig // likewise
	tx        *wire.MsgTx  // the opener's, until it is confirmed
	scid      lnwire.ShortChannelID
	confirmed lnwire.Height // zero: not in the chain
}

// link is what a connection knows.
type link struct {
	up       bool
	ready    bool // reestablished: messages for the channel may flow
	fresh    bool // reestablished, and no commitment_signed received since
	features lnwire.FeatureVector

	shutSent, shutReceived bool
	sent                   *closingOffer   // our last closing_signed
	peerFee                *btcutil.Amount // of the peer's last closing_signed, where it knows no fee_range
	annSent                bool
	early                  *lnwire.AnnouncementSignatures // came before the depth
}

// Open proposes a channel: the effects send open_channel.
func Open(p OpenParams, s Signer, out *Effects) (*Machine, error) {
	m := newMachine(p.ID, s, p.Node, p.Records)
	if err := m.propose(&p, out); err != nil {
		return nil, err
	}
	return m, nil
}

// Accept answers a proposal. The error is a *Violation where the proposal is refused: the caller sends its Text in an
// error with the temporary_channel_id.
func Accept(p AcceptParams, msg *lnwire.OpenChannel, s Signer, out *Effects) (*Machine, error) {
	m := newMachine(p.ID, s, p.Node, p.Records)
	if err := m.answer(&p, msg, out); err != nil {
		return nil, err
	}
	return m, nil
}

// Load restores a machine from what its effects wrote. The first event must be Linked{Up: false}.
func Load(id string, r Records, s Signer, n NodeSigner) (*Machine, error) {
	m := newMachine(id, s, n, r)
	if err := m.decode(r); err != nil {
		return nil, fmt.Errorf("load channel %s: %w", id, err)
	}
	m.loaded = true
	return m, nil
}

func newMachine(id string, s Signer, n NodeSigner, r Records) *Machine {
	m := &Machine{id: id, signer: s, node: n, records: r, check: curveVerifier{}}
	if v, ok := s.(Verifier); ok {
		m.check = v
	}
	m.dance.secrets = new(commitment.Shachain)
	return m
}

// Step applies ev and appends what follows to out. An error wraps ErrRefused: a local command was impossible,
// m and out are unchanged.
func (m *Machine) Step(ev Event, out *Effects) error {
	if err := m.apply(ev, out); err != nil {
		return err
	}
	m.advance(out)
	m.write(out)
	return nil
}

func (m *Machine) apply(ev Event, out *Effects) error {
	switch e := ev.(type) {
	case Received:
		m.receive(e.Msg, out)
	case Linked:
		m.linked(e, out)
	case Flush:
		m.flush(out)
	case Block:
		m.block(e.Height, out)
	case Confirmed:
		m.confirm(e, out)
	case Unconfirmed:
		m.unconfirm(out)
	case Spent:
		m.spent(e.Fact, out)
	case Unspent:
		m.unspent(e.OutPoint, out)
	default:
		return m.command(ev, out)
	}
	return nil
}

// command applies an event that may be refused.
func (m *Machine) command(ev Event, out *Effects) error {
	switch e := ev.(type) {
	case Offer:
		return m.offer(&e, out)
	case Settle:
		return m.remove(e.ID, &removal{preimage: &e.Preimage}, out)
	case Reject:
		return m.remove(e.ID, &removal{reason: append([]byte{}, e.Reason...)}, out)
	case RejectMalformed:
		return m.remove(e.ID, &removal{malformed: &Malformed{Code: e.Code, SHA256: e.SHA256}}, out)
	case SetFee:
		return m.setFee(e.FeeRate, out)
	case Funded:
		return m.funded(e, out)
	case FundingFailed:
		return m.fundingFailed(e.Err, out)
	case Shut:
		return m.shut(e, out)
	}
	panic(fmt.Sprintf("channel: unknown event %T", ev))
}

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
		return // BOLT 2: "SHOULD retransmit the error packet and ignore any other packets for that channel"
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
		out.Send = append(out.Send, &lnwire.Error{ChannelID: m.wireID(), Data: []byte(text)})
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
	out.Notices = append(out.Notices, Notice{NoticeError, text})
	if m.phase == PhaseOnchain {
		return
	}
	m.lastError = text
	m.end(out)
}

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

// linked follows the connection.
func (m *Machine) linked(e Linked, out *Effects) {
	if m.loaded {
		m.loaded = false
		m.remind(out)
	}
	m.unlink(out)
	switch {
	case m.phase == PhaseClosed:
	case m.phase == PhaseOpening:
		// BOLT 2: "upon disconnection: if it has broadcast the funding transaction: MUST remember the channel for
		// reconnection; otherwise: SHOULD NOT".
		m.lastError = "disconnected before the funding was signed"
		m.abandon(out)
	case e.Up:
		m.link = link{up: true, features: e.Features}
		m.greet(out)
	}
}

// unlink forgets what belonged to the connection. HTLCs that the peer never had a signature for fail at once.
func (m *Machine) unlink(out *Effects) {
	m.link = link{}
	for _, h := range m.table.unlink() {
		if h.Offerer == local {
			out.Outcomes = append(out.Outcomes, Outcome{Channel: m.channelID, ID: h.ID, Origin: h.origin,
				Hash: h.Hash, Amount: h.Amount, Local: true})
		}
	}
}

// wireID is how messages name the channel now.
func (m *Machine) wireID() lnwire.ChannelID {
	if m.phase == PhaseOpening || m.channelID == (lnwire.ChannelID{}) {
		return m.tempID
	}
	return m.channelID
}

// canOffer says why HTLCs may not be offered now, or nothing.
func (m *Machine) canOffer() string {
	switch {
	case m.phase != PhaseOpen:
		return "the channel is " + m.phase.String()
	case !m.link.ready:
		return "the peer is not connected"
	case m.shutdown[local] != nil || m.shutdown[remote] != nil:
		return "the channel is shutting down"
	}
	return ""
}

// advance does what has become due by the step.
func (m *Machine) advance(out *Effects) {
	if m.phase == PhasePending || m.phase == PhaseOpen || m.phase == PhaseClosing {
		m.becomeReady(out)
		m.announceNow(out)
		m.sendShutdown(out)
		m.negotiate(out)
	}
	if active := m.canOffer() == ""; active != m.active {
		m.active = active
		kind := NoticeInactive
		if active {
			kind = NoticeActive
		}
		out.Notices = append(out.Notices, Notice{Kind: kind})
	}
}
