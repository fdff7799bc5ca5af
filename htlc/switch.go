package htlc

import (
	"errors"
	"fmt"
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

// Options are the node's choices. The zero value is a node that forwards and receives by invoice only.
type Options struct {
	Keysend bool // take payments that nobody asked for, with their preimage in the onion
}

// Switch is the machine. One loop owns it.
type Switch struct {
	options Options
	reader  Reader
	now     time.Time
	height  lnwire.Height
	counts  counters

	links map[lnwire.ChannelID]*Link
	names map[lnwire.ShortChannelID]lnwire.ChannelID
	peers map[lnwire.PubKey][]lnwire.ChannelID // in the order of linking

	replays     replayLog
	forwards    map[channel.Origin]*forward
	invoices    map[lnwire.Hash]*openInvoice // open and accepted ones only
	payments    map[lnwire.Hash]*payment     // those in flight only
	attempts    map[uint64]*Attempt          // those in flight only
	seeks       uint64                       // number of the last Seek
	timers      timers
	lastForward time.Time // of the last forwarding record: each has a time of its own
}

// ErrRefused is wrapped by every error of Step: the command was impossible, and neither the Switch nor the effects changed.
// The texts below it are what LND's clients match.
var ErrRefused = errors.New("refused")

// Refusals of commands.
var (
	ErrInvoiceExists   = refusal("invoice with payment hash already exists")
	ErrInvoiceUnknown  = refusal("unable to locate invoice")
	ErrInvoiceOpen     = refusal("invoice still open")
	ErrInvoiceSettled  = refusal("invoice already settled")
	ErrInvoiceCanceled = refusal("invoice already canceled")
	ErrInvoiceInvalid  = refusal("invoice is not valid")
	ErrInFlight        = refusal("payment is in transition")
	ErrAlreadyPaid     = refusal("invoice is already paid")
	ErrPaymentUnknown  = refusal("payment isn't initiated")
	ErrPaymentInvalid  = refusal("payment is not valid")
)

type refusedError string

func refusal(text string) error             { return refusedError(text) }
func (e refusedError) Error() string        { return string(e) }
func (e refusedError) Is(target error) bool { return target == ErrRefused }

// New loads what Effects.Records wrote. r sees every record of an earlier Step, durable or not (see Overlay). Tick and Resume must follow.
func New(o Options, r Reader) (*Switch, error) {
	s := &Switch{
		options: o, reader: r,
		links:    map[lnwire.ChannelID]*Link{},
		names:    map[lnwire.ShortChannelID]lnwire.ChannelID{},
		peers:    map[lnwire.PubKey][]lnwire.ChannelID{},
		replays:  newReplayLog(),
		forwards: map[channel.Origin]*forward{},
		invoices: map[lnwire.Hash]*openInvoice{},
		payments: map[lnwire.Hash]*payment{},
		attempts: map[uint64]*Attempt{},
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("load htlc records: %w", err)
	}
	return s, nil
}

// Step applies ev. An error wraps ErrRefused, or is the Reader's; in both cases nothing changed.
func (s *Switch) Step(ev Event, out *Effects) error {
	switch ev := ev.(type) {
	case Tick:
		s.tick(ev, out)
	case Linked:
		s.link(ev.Link)
	case Unlinked:
		s.unlink(ev.Channel)
	case Incoming:
		s.incoming(ev, out)
	case Ended:
		s.ended(ev.Outcome, out)
	case Refused:
		s.refused(ev, out)
	case Routed:
		s.routed(ev, out)
	case Resume:
		return s.resume(ev, out)
	case AddInvoice:
		return s.addInvoice(ev.Invoice, out)
	case SettleInvoice:
		return s.settleInvoice(ev.Preimage, out)
	case CancelInvoice:
		return s.cancelInvoice(ev.Hash, out)
	case Pay:
		return s.pay(ev.Order, out)
	case CancelPayment:
		return s.cancelPayment(ev.Hash, out)
	case ForgetPayment:
		return s.forgetPayment(ev, out)
	default:
		panic(fmt.Sprintf("htlc: unknown event %T", ev))
	}
	return nil
}

// Height is the last one that Tick brought.
func (s *Switch) Height() lnwire.Height { return s.height }

func (s *Switch) tick(ev Tick, out *Effects) {
	if ev.Now.After(s.now) { // time that runs backwards would disorder the forwards' index
		s.now = ev.Now
	}
	if ev.Height != s.height {
		s.height = ev.Height
		s.newHeight(out)
	}
	for t := s.timers.due(s.now); t != nil; t = s.timers.due(s.now) {
		s.timeout(t, out)
	}
}

// newHeight does what a block may bring about.
func (s *Switch) newHeight(out *Effects) {
	s.forgetReplays(out)
	s.forgetPreimages(out)
	s.cancelNearExpiry(out)
}

func (s *Switch) timeout(t *timer, out *Effects) {
	switch t.kind {
	case invoiceExpires:
		s.expireInvoice(t.hash, out)
	case setExpires:
		s.expireSet(t.hash, out)
	case paymentExpires:
		s.expirePayment(t.hash, out)
	}
}

// held is an incoming HTLC that this node must settle or reject.
type held struct {
	at       channel.Origin // where it came in
	amount   lnwire.MilliSatoshi
	expiry   uint32
	hash     lnwire.Hash
	secret   onion.Secret
	blinding blinding
	sha      [32]byte // of its onion; known where blinding is not unblinded
	replay   uint32   // until when its onion is remembered
}

// blinding is how much of a failure may be told.
type blinding uint8

const (
	unblinded    blinding = iota
	introduction          // the blinded path begins here: failures are turned into invalid_onion_blinding
	insidePath            // path_key came with the HTLC: failures are malformed ones
)

func (s *Switch) settle(h *held, preimage lnwire.Preimage, out *Effects) {
	out.Commands = append(out.Commands, Command{h.at.Channel, channel.Settle{ID: h.at.ID, Preimage: preimage}})
}

// fail rejects h with a failure of this node.
func (s *Switch) fail(h *held, f onion.Failure, out *Effects) {
	switch h.blinding {
	case introduction:
		f = onion.Failure{Code: onion.InvalidOnionBlinding, SHA256: h.sha}
	case insidePath:
		s.malformed(h, onion.InvalidOnionBlinding, h.sha, out)
		return
	}
	s.reject(h, onion.NewFailure(&h.secret, &f), out)
}

// passBack rejects h with a reason from downstream, under one more layer.
func (s *Switch) passBack(h *held, reason []byte, out *Effects) {
	if h.blinding != unblinded {
		s.fail(h, onion.Failure{}, out)
		return
	}
	s.reject(h, onion.Encrypt(&h.secret, reason), out)
}

func (s *Switch) reject(h *held, reason []byte, out *Effects) {
	out.Commands = append(out.Commands, Command{h.at.Channel, channel.Reject{ID: h.at.ID, Reason: reason}})
}

func (s *Switch) malformed(h *held, code onion.Code, sha [32]byte, out *Effects) {
	out.Commands = append(out.Commands, Command{h.at.Channel, channel.RejectMalformed{ID: h.at.ID, SHA256: sha, Code: uint16(code)}})
}
