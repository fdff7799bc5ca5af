package htlc

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

func TestAForwardIsOfferedSettledAndRecorded(t *testing.T) {
	r := newRig(t)
	preimage, hash := preimageOf(1)
	in := r.toForward(hash)
	out := r.step(in)
	at, offer := r.offered(out)
	require.Equal(t, chanB, at)
	origin := channel.Origin{Channel: chanA, ID: in.HTLC.ID}
	require.Equal(t, channel.Offer{Amount: 100_000, Hash: hash, Expiry: uint32(r.height) + 100, Onion: in.Peeled.Next, Origin: origin}, offer)
	require.Equal(t, ForwardOffered, noticesOf[Forwarding](out)[0].Kind)

	end := Ended{channel.Outcome{Channel: chanB, Origin: origin, Hash: hash, Amount: 100_000, Preimage: &preimage}}
	out = r.step(end)
	r.settled(out, preimage, in.HTLC.ID)
	require.Equal(t, ForwardSettled, noticesOf[Forwarding](out)[0].Kind)
	forwards, err := Forwards(r.store, start, r.now.Add(1), 0, 10)
	require.NoError(t, err)
	require.Equal(t, []*Forward{{Time: start, In: origin, InSCID: scidA, OutSCID: scidB, AmountIn: 101_010, AmountOut: 100_000}}, forwards)
	require.Equal(t, lnwire.MilliSatoshi(1010), forwards[0].Fee())
	require.Empty(t, r.step(end).Commands, "the same end may be seen again on chain")
}

func TestForwardsAreRefusedWithTheCodeThatBOLT4Names(t *testing.T) {
	_, hash := preimageOf(1)
	height := uint32(startHeight)
	type change func(in *Incoming, b *Link)
	for name, c := range map[string]struct {
		change change
		want   onion.Failure
	}{
		"unknown channel": {func(in *Incoming, _ *Link) { *in.Peeled.Payload.SCID = 77 }, onion.Failure{Code: onion.UnknownNextPeer}},
		"offline":         {func(_ *Incoming, b *Link) { b.Up = false }, onion.Failure{Code: onion.TemporaryChannelFailure, Update: updateB}},
		"offline, by its alias": {func(in *Incoming, b *Link) { b.Up = false; *in.Peeled.Payload.SCID = aliasB },
			onion.Failure{Code: onion.TemporaryChannelFailure, Update: updateBB}},
		"more than the maximum": {func(_ *Incoming, b *Link) { b.Policy.Max = 99_999 }, onion.Failure{Code: onion.TemporaryChannelFailure, Update: updateB}},
		"disabled":              {func(_ *Incoming, b *Link) { b.Policy.Disabled = true }, onion.Failure{Code: onion.ChannelDisabled, Update: updateB}},
		"less than the minimum": {func(_ *Incoming, b *Link) { b.Policy.Min = 100_001 }, onion.Failure{Code: onion.AmountBelowMinimum, Amount: 100_000, Update: updateB}},
		"a millisatoshi too little fee": {func(in *Incoming, _ *Link) { in.HTLC.Amount-- },
			onion.Failure{Code: onion.FeeInsufficient, Amount: 101_009, Update: updateB}},
		"more out than in": {func(in *Incoming, _ *Link) { in.HTLC.Amount = 99_999 }, onion.Failure{Code: onion.FeeInsufficient, Amount: 99_999, Update: updateB}},
		"a block too short a delta": {func(in *Incoming, _ *Link) { in.HTLC.Expiry-- },
			onion.Failure{Code: onion.IncorrectCLTVExpiry, Expiry: height + 100, Update: updateB}},
		"delta beyond all heights": {func(in *Incoming, _ *Link) { *in.Peeled.Payload.Expiry = 0xffffffff },
			onion.Failure{Code: onion.IncorrectCLTVExpiry, Expiry: 0xffffffff, Update: updateB}},
		"too soon": {func(in *Incoming, _ *Link) { *in.Peeled.Payload.Expiry = height + MinExpiry }, onion.Failure{Code: onion.ExpiryTooSoon, Update: updateB}},
		"too far": {func(in *Incoming, _ *Link) { in.HTLC.Expiry, *in.Peeled.Payload.Expiry = height+5000, height+MaxCLTV+1 },
			onion.Failure{Code: onion.ExpiryTooFar}},
		"doomed by its channel": {func(in *Incoming, _ *Link) { in.HTLC.Doomed = true }, onion.Failure{Code: onion.TemporaryChannelFailure}},
		"just soon enough":      {func(in *Incoming, _ *Link) { *in.Peeled.Payload.Expiry = height + MinExpiry + 1 }, onion.Failure{}},
		"just near enough": {func(in *Incoming, _ *Link) { in.HTLC.Expiry, *in.Peeled.Payload.Expiry = height+5000, height+MaxCLTV },
			onion.Failure{}},
		"exactly the minimum and maximum": {func(_ *Incoming, b *Link) { b.Policy.Min, b.Policy.Max = 100_000, 100_000 }, onion.Failure{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in, b := r.toForward(hash), linkB()
			c.change(&in, &b)
			r.step(Linked{b})
			out := r.step(in)
			if c.want.Code == 0 {
				r.offered(out)
				return
			}
			f := r.failure(out, in.HTLC.ID)
			require.Empty(t, f.Extra)
			f.Extra = nil
			if len(f.Update) == 0 {
				f.Update = nil
			}
			require.Equal(t, c.want, f)
			if name != "doomed by its channel" {
				require.Equal(t, c.want.Code, noticesOf[Forwarding](out)[0].Code)
			}
		})
	}
}

func TestInboundFeesAreAddedAndNeverPaidOut(t *testing.T) {
	out := router.Policy{FeeBase: 1000, FeeRate: 100}
	for _, c := range []struct {
		in   lnwire.InboundFee
		want lnwire.MilliSatoshi
	}{
		{lnwire.InboundFee{}, 1010},
		{lnwire.InboundFee{Base: 5}, 1015},
		{lnwire.InboundFee{Base: -5}, 1005},
		{lnwire.InboundFee{Rate: 1000}, 1010 + 101},
		{lnwire.InboundFee{Rate: -1000}, 1010 - 101},
		{lnwire.InboundFee{Base: -2000}, 0},
		{lnwire.InboundFee{Base: -1 << 31, Rate: -1 << 31}, 0},
	} {
		require.Equal(t, c.want, fee(&out, c.in, 100_000), "%+v", c.in)
	}
	all := router.Policy{FeeBase: 1<<32 - 1, FeeRate: 1<<32 - 1}
	require.Greater(t, fee(&all, lnwire.InboundFee{Base: 1<<31 - 1, Rate: 1<<31 - 1}, lnwire.MaxMilliSatoshi), lnwire.MaxMilliSatoshi, "no sum wraps")

	r := newRig(t)
	a := linkA()
	a.Policy.Inbound = lnwire.InboundFee{Base: 7}
	r.step(Linked{a})
	_, hash := preimageOf(1)
	in := r.toForward(hash)
	require.Equal(t, onion.FeeInsufficient, r.failure(r.step(in), in.HTLC.ID).Code)
	in = r.toForward(hash)
	in.HTLC.Amount += 7
	r.offered(r.step(in))
}

func TestAnotherChannelToTheSamePeerServesAsWell(t *testing.T) {
	_, hash := preimageOf(1)
	r := newRig(t)
	r.step(Linked{linkC()})
	b := linkB()
	b.Up = false
	r.step(Linked{b})
	at, _ := r.offered(r.step(r.toForward(hash)))
	require.Equal(t, chanC, at)

	dear := linkC()
	dear.Policy.FeeBase++
	r.step(Linked{dear})
	in := r.toForward(hash)
	f := r.failure(r.step(in), in.HTLC.ID)
	require.Equal(t, onion.TemporaryChannelFailure, f.Code, "what the named channel has to say")
	require.Equal(t, updateB, f.Update)

	r.step(Unlinked{chanC})
	r.step(Unlinked{chanB})
	in = r.toForward(hash)
	require.Equal(t, onion.UnknownNextPeer, r.failure(r.step(in), in.HTLC.ID).Code)
	require.Empty(t, r.s.peers[bob])
}

func TestARefusedOfferTriesThePeersNextChannelAndThenFails(t *testing.T) {
	_, hash := preimageOf(1)
	r := newRig(t)
	r.step(Linked{linkC()})
	in := r.toForward(hash)
	at, offer := r.offered(r.step(in))
	require.Equal(t, chanB, at)
	at, again := r.offered(r.step(Refused{chanB, offer.Origin}))
	require.Equal(t, chanC, at)
	require.Equal(t, offer, again)
	require.Empty(t, r.step(Refused{chanB, offer.Origin}).Commands, "a refusal that was dealt with")
	f := r.failure(r.step(Refused{chanC, offer.Origin}), in.HTLC.ID)
	require.Equal(t, onion.TemporaryChannelFailure, f.Code)
	require.Equal(t, updateB, f.Update)
	require.Empty(t, r.s.forwards)

	in = r.toForward(hash)
	_, offer = r.offered(r.step(in))
	r.step(Unlinked{chanB})
	r.step(Unlinked{chanC})
	require.Equal(t, onion.TemporaryChannelFailure, r.failure(r.step(Refused{chanB, offer.Origin}), in.HTLC.ID).Code)
}

func TestFailuresFromDownstreamAreWrappedOnceMore(t *testing.T) {
	_, hash := preimageOf(1)
	r := newRig(t)
	in := r.toForward(hash)
	_, offer := r.offered(r.step(in))
	far := onion.Secret{9}
	reason := onion.NewFailure(&far, &onion.Failure{Code: onion.PermanentNodeFailure})
	out := r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Reason: reason}})
	hop, f, err := onion.Decrypt([]onion.Secret{secretOf(in.HTLC.ID), far}, out.Commands[0].Event.(channel.Reject).Reason)
	require.NoError(t, err)
	require.Equal(t, 1, hop)
	require.Equal(t, onion.PermanentNodeFailure, f.Code)
	require.Equal(t, ForwardFailed, noticesOf[Forwarding](out)[0].Kind)
}

func TestAMalformedReportFromDownstreamBecomesOurFailure(t *testing.T) {
	_, hash := preimageOf(1)
	r := newRig(t)
	in := r.toForward(hash)
	_, offer := r.offered(r.step(in))
	sha := [32]byte{8}
	out := r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Malformed: &channel.Malformed{Code: uint16(onion.InvalidOnionHMAC), SHA256: sha}}})
	f := r.failure(out, in.HTLC.ID)
	require.Equal(t, onion.InvalidOnionHMAC, f.Code)
	require.Equal(t, sha, f.SHA256)
}

func TestAnHTLCThatWeFailedOurselvesIsATemporaryChannelFailure(t *testing.T) {
	_, hash := preimageOf(1)
	r := newRig(t)
	in := r.toForward(hash)
	_, offer := r.offered(r.step(in))
	f := r.failure(r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Local: true}}), in.HTLC.ID)
	require.Equal(t, onion.TemporaryChannelFailure, f.Code)
	require.Equal(t, updateB, f.Update)
}

func TestOnionsThatCannotBeReadAreAnsweredAsTheyMust(t *testing.T) {
	r := newRig(t)
	sha := [32]byte{4}
	in := r.incoming(lnwire.Hash{1}, 1, 1, onion.Payload{})
	in.Peeled, in.Err = nil, &onion.PeelError{Failure: onion.Failure{Code: onion.InvalidOnionKey, SHA256: sha}}
	require.Equal(t, []Command{{chanA, channel.RejectMalformed{ID: in.HTLC.ID, SHA256: sha, Code: uint16(onion.InvalidOnionKey)}}}, r.step(in).Commands)

	in = r.incoming(lnwire.Hash{1}, 1, 1, onion.Payload{})
	in.Peeled, in.Err = nil, &onion.PeelError{Secret: ptr(secretOf(in.HTLC.ID)), Failure: onion.Failure{Code: onion.InvalidOnionPayload, TLVType: 2, Offset: 7}}
	f := r.failure(r.step(in), in.HTLC.ID)
	require.Equal(t, onion.InvalidOnionPayload, f.Code)
	require.Equal(t, uint64(2), f.TLVType)
	require.Equal(t, uint16(7), f.Offset)

	in = r.incoming(lnwire.Hash{1}, 1, 1, onion.Payload{})
	in.Peeled, in.Err = nil, &onion.PeelError{Secret: ptr(secretOf(in.HTLC.ID)), Failure: onion.Failure{Code: onion.InvalidOnionBlinding}}
	f = r.failure(r.step(in), in.HTLC.ID)
	require.Equal(t, onion.InvalidOnionBlinding, f.Code)
	require.Equal(t, sha256.Sum256(in.HTLC.Onion[:]), f.SHA256)
}

func TestAnOnionThatWasSeenIsRefusedUntilItExpired(t *testing.T) {
	_, hash := preimageOf(1)
	r := newRig(t)
	in := r.toForward(hash)
	r.offered(r.step(in))
	again := in
	again.HTLC.ID = 99
	reject := func() onion.Failure {
		out := r.step(again)
		_, f, err := onion.Decrypt([]onion.Secret{in.Peeled.Secret}, out.Commands[0].Event.(channel.Reject).Reason)
		require.NoError(t, err)
		return f
	}
	require.Equal(t, onion.TemporaryNodeFailure, reject().Code)
	r.restart(Resume{})
	require.Equal(t, onion.TemporaryNodeFailure, reject().Code, "also after a restart")

	r.height = lnwire.Height(in.HTLC.Expiry)
	r.step(Tick{r.now, r.height})
	require.Equal(t, onion.TemporaryNodeFailure, reject().Code)
	r.block()
	require.Equal(t, onion.ExpiryTooSoon, reject().Code, "it is forgotten, and can do no harm any more")
}

// blindedHTLC is one to forward inside of a blinded path.
func (r *rig) blindedHTLC(hash lnwire.Hash, where blinding, data onion.RecipientData) Incoming {
	in := r.incoming(hash, 101_010, uint32(r.height)+140, onion.Payload{RecipientData: []byte{1}})
	in.Peeled.Next = &onion.Packet{1}
	in.Peeled.Blinded = &onion.Blinded{Data: data, Introduction: where == introduction, PathKey: lnwire.PubKey{3, 3}}
	if where == insidePath {
		in.HTLC.Blinding = &lnwire.PubKey{3, 2}
	}
	return in
}

func TestBlindedHopsAreForwardedWithTheNextPathKey(t *testing.T) {
	_, hash := preimageOf(1)
	data := onion.RecipientData{SCID: ptr(scidB), Relay: &onion.Relay{CLTVDelta: 40, FeeRate: 100, FeeBase: 1000}}
	byNode := data
	byNode.SCID, byNode.NextNode = nil, &bob
	for _, where := range []blinding{introduction, insidePath} {
		for _, d := range []onion.RecipientData{data, byNode} {
			r := newRig(t)
			at, offer := r.offered(r.step(r.blindedHTLC(hash, where, d)))
			require.Equal(t, chanB, at)
			require.Equal(t, &lnwire.PubKey{3, 3}, offer.Blinding)
			require.Equal(t, lnwire.MilliSatoshi(100_000), offer.Amount)
			require.Equal(t, uint32(r.height)+100, offer.Expiry)
		}
	}
}

func TestNothingOfABlindedPathsFailuresLeaksOut(t *testing.T) {
	_, hash := preimageOf(1)
	good := onion.RecipientData{SCID: ptr(scidB), Relay: &onion.Relay{CLTVDelta: 40, FeeRate: 100, FeeBase: 1000}}
	bad := good
	bad.SCID = ptr(lnwire.ShortChannelID(1234))
	stranger := good
	stranger.SCID, stranger.NextNode = nil, &lnwire.PubKey{9}
	outside := good
	outside.Constraints = &onion.Constraints{MaxExpiry: 1}
	dear := good
	dear.Relay = &onion.Relay{FeeBase: 1_000_000}
	for _, where := range []blinding{introduction, insidePath} {
		check := func(r *rig, in Incoming, out Effects) {
			sha := sha256.Sum256(in.HTLC.Onion[:])
			if where == insidePath {
				require.Equal(t, []Command{{chanA, channel.RejectMalformed{ID: in.HTLC.ID, SHA256: sha, Code: uint16(onion.InvalidOnionBlinding)}}}, out.Commands)
				return
			}
			f := r.failure(out, in.HTLC.ID)
			require.Equal(t, onion.InvalidOnionBlinding, f.Code)
			require.Equal(t, sha, f.SHA256)
		}
		for _, d := range []onion.RecipientData{bad, stranger, outside, dear} {
			r := newRig(t)
			in := r.blindedHTLC(hash, where, d)
			check(r, in, r.step(in))
		}
		for _, o := range []channel.Outcome{{Local: true}, {Reason: []byte{1, 2, 3}}, {Malformed: &channel.Malformed{Code: uint16(onion.InvalidOnionKey)}}} {
			r := newRig(t)
			in := r.blindedHTLC(hash, where, good)
			_, offer := r.offered(r.step(in))
			o.Channel, o.Origin = chanB, offer.Origin
			check(r, in, r.step(Ended{o}))
		}
	}
}
