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

	dirty       dirty // what the step changed and its end writes
	scratch     []commitment.HTLC
	keys        [4]*commitment.Keys // of the last commitments built
	localPoints [2]numberedPoint    // our last per-commitment points
	active      bool                // as the last notice said
	loaded      bool                // restored, and the chain not told again yet
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
	shell                    bool        // made by Recover: no commitment is known
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
	case Outdated:
		m.distrust()
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
