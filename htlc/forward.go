package htlc

import (
	"crypto/sha256"
	"slices"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// MaxCLTV is how far in the future an HTLC that we forward may expire, in blocks (BOLT 4, "max_htlc_cltv Selection").
const MaxCLTV = 2016

// MinExpiry is how many blocks an outgoing HTLC must have left: with fewer, the channel might have to be failed at once.
const MinExpiry = 3

// forward is an incoming HTLC that is on its way out.
type forward struct {
	held
	request forwardRequest
	named   lnwire.ShortChannelID // as the onion has it; zero where a blinded path names the node
	out     lnwire.ChannelID      // where it was offered last
	tried   []lnwire.ChannelID    // which refused it
	offer   channel.Offer
}

// forwardRequest is what the onion asks us to do.
type forwardRequest struct {
	amount lnwire.MilliSatoshi
	expiry uint32
}

// incoming takes an HTLC that was just locked in.
func (s *Switch) incoming(ev Incoming, out *Effects) {
	h, ok := s.hold(&ev, out)
	if !ok {
		return
	}
	if s.replays.seen(&h.secret) {
		// BOLT 4: "if hmac has previously been received: ... MUST abort processing the packet and fail."
		s.fail(h, onion.Failure{Code: onion.TemporaryNodeFailure}, out)
		return
	}
	s.remember(h, out)
	s.dispatch(h, &ev, out)
}

// hold makes an incoming HTLC one that we answer for, unless its onion could not be opened, which is answered at once.
func (s *Switch) hold(ev *Incoming, out *Effects) (*held, bool) {
	x := &ev.HTLC
	h := &held{at: channel.Origin{Channel: x.Channel, ID: x.ID}, amount: x.Amount, expiry: x.Expiry, hash: x.Hash}
	if x.Blinding != nil {
		h.blinding = insidePath
	}
	if ev.Err != nil {
		if ev.Err.Secret == nil {
			s.malformed(h, ev.Err.Failure.Code, ev.Err.Failure.SHA256, out)
			return nil, false
		}
		h.secret, h.blinding = *ev.Err.Secret, unblinded
		f := ev.Err.Failure
		if f.Code == onion.InvalidOnionBlinding {
			f.SHA256 = sha256.Sum256(x.Onion[:])
		}
		s.fail(h, f, out)
		return nil, false
	}
	h.secret = ev.Peeled.Secret
	if b := ev.Peeled.Blinded; b != nil {
		if b.Introduction && !ev.Peeled.Final() {
			h.blinding = introduction
		}
		h.sha = sha256.Sum256(x.Onion[:])
	}
	return h, true
}

func (s *Switch) dispatch(h *held, ev *Incoming, out *Effects) {
	switch {
	case ev.HTLC.Doomed && ev.Peeled.Final(): // a final node must not speak of a channel
		s.fail(h, onion.Failure{Code: onion.TemporaryNodeFailure}, out)
	case ev.HTLC.Doomed:
		s.fail(h, onion.Failure{Code: onion.TemporaryChannelFailure}, out)
	case ev.Peeled.Final():
		s.receive(h, ev.Peeled, out)
	default:
		s.forward(h, ev.Peeled, out)
	}
}

// forward finds a channel for h and offers it there, or rejects it.
func (s *Switch) forward(h *held, p *onion.Peeled, out *Effects) {
	f := &forward{held: *h}
	candidates, refusal := s.instructions(f, p)
	if refusal.Code == 0 {
		refusal = s.send(f, candidates, out)
	}
	if refusal.Code != 0 {
		s.notice(f, ForwardRejected, refusal.Code, nil, out)
		s.fail(h, refusal, out)
		return
	}
	s.forwards[h.at] = f
}

// instructions reads what is asked of us and by which channels we could do it. Code is zero where all is well.
func (s *Switch) instructions(f *forward, p *onion.Peeled) ([]*Link, onion.Failure) {
	f.offer = channel.Offer{Hash: f.hash, Onion: p.Next, Origin: f.at}
	b := p.Blinded
	if b == nil {
		f.named, f.request = *p.Payload.SCID, forwardRequest{*p.Payload.Amount, *p.Payload.Expiry}
		return s.candidates(s.byName(f.named))
	}
	if b.Check(f.amount, f.expiry) != nil {
		return nil, onion.Failure{Code: onion.InvalidOnionBlinding}
	}
	amount, expiry, err := b.Forward(f.amount, f.expiry)
	if err != nil {
		return nil, onion.Failure{Code: onion.InvalidOnionBlinding}
	}
	f.request, f.offer.Blinding = forwardRequest{amount, expiry}, &b.PathKey
	if b.Data.SCID != nil {
		f.named = *b.Data.SCID
		return s.candidates(s.byName(f.named))
	}
	if ids := s.peers[*b.Data.NextNode]; len(ids) > 0 {
		return s.candidates(s.links[ids[0]])
	}
	return nil, onion.Failure{Code: onion.UnknownNextPeer}
}

// candidates are the named channel and then all others to the same peer. BOLT 4, "Non-strict Forwarding": "the HTLC can be forwarded
// across any channel connecting A and B."
func (s *Switch) candidates(named *Link) ([]*Link, onion.Failure) {
	if named == nil {
		return nil, onion.Failure{Code: onion.UnknownNextPeer}
	}
	links := []*Link{named}
	for _, id := range s.peers[named.Peer] {
		if id != named.Channel {
			links = append(links, s.links[id])
		}
	}
	return links, onion.Failure{}
}

// send offers f to the first candidate that may take it. The sender has read the named channel's policy, so the others must ask for no
// more than that; what the named channel has to say is what a refusal reports.
func (s *Switch) send(f *forward, candidates []*Link, out *Effects) onion.Failure {
	var first onion.Failure
	for i, l := range candidates {
		if slices.Contains(f.tried, l.Channel) {
			continue
		}
		refusal := s.check(f, l)
		if refusal.Code == 0 {
			f.out = l.Channel
			f.offer.Amount, f.offer.Expiry = f.request.amount, f.request.expiry
			out.Commands = append(out.Commands, Command{l.Channel, f.offer})
			s.notice(f, ForwardOffered, 0, nil, out)
			return onion.Failure{}
		}
		if i == 0 {
			first = refusal
		}
	}
	if first.Code == 0 { // the named channel would have done, but refused
		first = onion.Failure{Code: onion.TemporaryChannelFailure, Update: candidates[0].update(f.named)}
	}
	return first
}

// check holds f against what l asks for. BOLT 4: "A _forwarding node_ MAY, but a _final node_ MUST NOT".
func (s *Switch) check(f *forward, l *Link) onion.Failure {
	p, r := &l.Policy, f.request
	update := l.update(f.named)
	var in lnwire.InboundFee
	if from := s.links[f.at.Channel]; from != nil {
		in = from.Policy.Inbound
	}
	switch {
	case r.amount < p.Min:
		// "report the amount of the outgoing HTLC and the current channel setting for the outgoing channel"
		return onion.Failure{Code: onion.AmountBelowMinimum, Amount: r.amount, Update: update}
	case !covers(f.amount, r.amount, p, in):
		// "report the amount of the incoming HTLC"
		return onion.Failure{Code: onion.FeeInsufficient, Amount: f.amount, Update: update}
	case uint64(f.expiry) < uint64(r.expiry)+uint64(p.CLTVDelta):
		// "report the cltv_expiry of the outgoing HTLC"
		return onion.Failure{Code: onion.IncorrectCLTVExpiry, Expiry: r.expiry, Update: update}
	case uint64(r.expiry) <= uint64(s.height)+MinExpiry:
		return onion.Failure{Code: onion.ExpiryTooSoon, Update: update}
	case p.Disabled:
		return onion.Failure{Code: onion.ChannelDisabled, Update: update}
	case uint64(r.expiry) > uint64(s.height)+MaxCLTV:
		return onion.Failure{Code: onion.ExpiryTooFar}
	case !l.Up || p.Max != 0 && r.amount > p.Max:
		return onion.Failure{Code: onion.TemporaryChannelFailure, Update: update}
	}
	return onion.Failure{}
}

// covers says whether in - out pays our fee. BOLT 4: "incoming amount_msat - fee < amt_to_forward" is the error.
func covers(amountIn, amountOut lnwire.MilliSatoshi, p *router.Policy, in lnwire.InboundFee) bool {
	paid, ok := amountIn.Sub(amountOut)
	return ok && paid >= fee(p, in, amountOut)
}

// refused takes back an Offer that its channel could not take: the next channel to the peer, or the sender, hears of it.
func (s *Switch) refused(ev Refused, out *Effects) {
	if ev.Origin.Channel == (lnwire.ChannelID{}) {
		s.attemptRefused(ev.Origin.ID, out)
		return
	}
	f, ok := s.forwards[ev.Origin]
	if !ok || f.out != ev.Channel {
		return
	}
	f.tried = append(f.tried, ev.Channel)
	named := s.byName(f.named)
	if named == nil {
		named = s.links[ev.Channel]
	}
	refusal := onion.Failure{Code: onion.TemporaryChannelFailure}
	if named != nil {
		candidates, _ := s.candidates(named)
		if refusal = s.send(f, candidates, out); refusal.Code == 0 {
			return
		}
	}
	delete(s.forwards, ev.Origin)
	s.notice(f, ForwardRejected, refusal.Code, nil, out)
	s.fail(&f.held, refusal, out)
}

// ended carries the end of an outgoing HTLC back to where it came from.
func (s *Switch) ended(o channel.Outcome, out *Effects) {
	if o.Origin.Channel == (lnwire.ChannelID{}) {
		s.attemptEnded(o, out)
		return
	}
	f, ok := s.forwards[o.Origin]
	if !ok {
		return // already answered: the same end may be seen again on chain
	}
	delete(s.forwards, o.Origin)
	if o.Preimage != nil {
		// BOLT 2: "upon receiving an update_fulfill_htlc for an outgoing HTLC ... MUST fulfill the incoming HTLC that corresponds to that outgoing HTLC."
		s.settleForward(f, *o.Preimage, out)
		return
	}
	s.failForward(f, &o, out)
}

func (s *Switch) settleForward(f *forward, preimage lnwire.Preimage, out *Effects) {
	s.recordForward(f, out)
	s.notice(f, ForwardSettled, 0, &preimage, out)
	s.settle(&f.held, preimage, out)
}

func (s *Switch) failForward(f *forward, o *channel.Outcome, out *Effects) {
	s.notice(f, ForwardFailed, 0, nil, out)
	switch {
	case o.Malformed != nil:
		// BOLT 2: "MUST return an error in the update_fail_htlc sent to the link which originally sent the HTLC, using the
		// failure_code given and setting the data to sha256_of_onion."
		s.fail(&f.held, onion.Failure{Code: onion.Code(o.Malformed.Code), SHA256: o.Malformed.SHA256}, out)
	case o.Local || o.Reason == nil:
		failure := onion.Failure{Code: onion.TemporaryChannelFailure}
		if l := s.byName(f.named); l != nil {
			failure.Update = l.update(f.named)
		}
		s.fail(&f.held, failure, out)
	default:
		s.passBack(&f.held, o.Reason, out)
	}
}

// notice tells subscribers about f.
func (s *Switch) notice(f *forward, kind ForwardKind, code onion.Code, preimage *lnwire.Preimage, out *Effects) {
	out.Notices = append(out.Notices, Forwarding{
		Kind: kind, Time: s.now, In: f.at, InSCID: s.links[f.at.Channel].name(), Out: f.out, OutSCID: s.links[f.out].name(), Hash: f.hash,
		AmountIn: f.amount, AmountOut: f.request.amount, ExpiryIn: f.expiry, ExpiryOut: f.request.expiry, Code: code, Preimage: preimage,
	})
}
