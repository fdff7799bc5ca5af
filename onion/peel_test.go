package onion

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

func ptr[T any](v T) *T { return &v }

var (
	ours   = keyOf(1)
	nextTo = keyOf(2)
)

// twoHops makes a packet whose first layer is ours.
func twoHops(t testing.TB, first Payload) *Packet {
	hops := []Hop{
		{Node: lnwire.NewPubKey(ours.PubKey()), Payload: first},
		{Node: lnwire.NewPubKey(nextTo.PubKey()), Payload: finalPayload()},
	}
	packet, _, err := Build(hops, keyOf(9), vectorHash)
	require.NoError(t, err)
	return packet
}

func lastHop(t testing.TB, payload Payload) *Packet {
	packet, _, err := Build([]Hop{{Node: lnwire.NewPubKey(ours.PubKey()), Payload: payload}}, keyOf(9), vectorHash)
	require.NoError(t, err)
	return packet
}

func finalPayload() Payload {
	return Payload{Amount: ptr(lnwire.MilliSatoshi(1000)), Expiry: ptr(uint32(500)), PaymentData: &PaymentData{Secret: [32]byte{7}, Total: 2000}}
}

func refusal(t testing.TB, packet *Packet, blinding *lnwire.PubKey) *PeelError {
	t.Helper()
	_, err := Peel(ours, packet, vectorHash, blinding)
	var refused *PeelError
	require.True(t, errors.As(err, &refused), "%v", err)
	return refused
}

func TestAPacketThatCannotBeOpenedIsMalformed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Packet)
		code  Code
	}{
		"version":       {func(p *Packet) { p[0] = 1 }, InvalidOnionVersion},
		"ephemeral key": {func(p *Packet) { p[1] = 5 }, InvalidOnionKey},
		"hmac":          {func(p *Packet) { p[PacketSize-1] ^= 1 }, InvalidOnionHMAC},
		"payload":       {func(p *Packet) { p[keyEnd] ^= 1 }, InvalidOnionHMAC},
		"filler":        {func(p *Packet) { p[routeEnd-1] ^= 1 }, InvalidOnionHMAC},
	} {
		t.Run(name, func(t *testing.T) {
			packet := lastHop(t, finalPayload())
			c.spoil(packet)
			refused := refusal(t, packet, nil)
			require.Nil(t, refused.Secret)
			require.Equal(t, c.code, refused.Failure.Code)
			require.Equal(t, sha256.Sum256(packet[:]), refused.Failure.SHA256)

			path := lnwire.NewPubKey(nextTo.PubKey())
			refused = refusal(t, packet, &path)
			require.Nil(t, refused.Secret)
			require.Equal(t, InvalidOnionBlinding, refused.Failure.Code, "inside a blinded path nothing else may be told")
		})
	}
}

func TestAnotherPaymentHashIsAWrongHMAC(t *testing.T) {
	_, err := Peel(ours, lastHop(t, finalPayload()), lnwire.Hash{1}, nil)
	var refused *PeelError
	require.True(t, errors.As(err, &refused))
	require.Equal(t, InvalidOnionHMAC, refused.Failure.Code)
}

func TestPayloadsWithoutWhatTheirPlaceNeedsAreInvalid(t *testing.T) {
	scid := lnwire.ShortChannelID(3)
	amount, expiry := lnwire.MilliSatoshi(1), uint32(2)
	key := lnwire.NewPubKey(nextTo.PubKey())
	for name, c := range map[string]struct {
		payload Payload
		final   bool
		typ     uint64
	}{
		"no amount":                   {Payload{Expiry: &expiry, SCID: &scid}, false, typeAmount},
		"no expiry":                   {Payload{Amount: &amount, SCID: &scid}, false, typeExpiry},
		"no channel":                  {Payload{Amount: &amount, Expiry: &expiry}, false, typeSCID},
		"final without amount":        {Payload{Expiry: &expiry}, true, typeAmount},
		"final without expiry":        {Payload{Amount: &amount}, true, typeExpiry},
		"path key without data":       {Payload{Amount: &amount, Expiry: &expiry, PathKey: &key}, true, typePathKey},
		"final data without path key": {Payload{Amount: &amount, Expiry: &expiry, RecipientData: []byte{1}}, true, typePathKey},
		"final data that is not ours": {Payload{Amount: &amount, Expiry: &expiry, RecipientData: []byte{1}, PathKey: &key}, true, typeRecipientData},
	} {
		t.Run(name, func(t *testing.T) {
			packet := twoHops(t, c.payload)
			if c.final {
				packet = lastHop(t, c.payload)
			}
			refused := refusal(t, packet, nil)
			require.NotNil(t, refused.Secret)
			require.Equal(t, InvalidOnionPayload, refused.Failure.Code)
			require.Equal(t, c.typ, refused.Failure.TLVType)
		})
	}
}

func TestFramesOutsideOfThePacketAreInvalidPayloads(t *testing.T) {
	// A length that promises more than the packet holds, or less than any record takes, still has a good HMAC.
	for _, payload := range [][]byte{{}, {1}} {
		packet, _, err := build([]*btcecKey{ours.PubKey()}, [][]byte{payload}, keyOf(9), vectorHash[:])
		require.NoError(t, err)
		require.Equal(t, InvalidOnionPayload, refusal(t, packet, nil).Failure.Code)
	}
	for _, prefix := range [][]byte{{0xfd, 0x05, 0x14}, {0xfd, 0x04, 0xf2}, {0xfe, 0xff, 0xff, 0xff, 0xff}, {0xff, 255, 255, 255, 255, 255, 255, 255, 255}, {0xfd, 0, 1}} {
		packet, secrets, err := build([]*btcecKey{ours.PubKey()}, [][]byte{bytes.Repeat([]byte{1}, 40)}, keyOf(9), vectorHash[:])
		require.NoError(t, err)
		route := packet[keyEnd:routeEnd]
		var stream [routeSize]byte
		xorStream(deriveKey("rho", &secrets[0]), stream[:], stream[:])
		xor(route, stream[:])
		copy(route, prefix)
		xor(route, stream[:])
		copy(packet[routeEnd:], routeMAC(&secrets[0], route, vectorHash[:]))
		require.Equal(t, InvalidOnionPayload, refusal(t, packet, nil).Failure.Code, "%x", prefix)
	}
}

func TestTheLargestPayloadIsRead(t *testing.T) {
	p := finalPayload()
	p.Metadata = []byte{}
	p.Metadata = make([]byte, routeSize-hmacSize-3-len(p.Encode())-2)
	peeled, err := Peel(ours, lastHop(t, p), vectorHash, nil)
	require.NoError(t, err)
	require.Equal(t, &p, peeled.Payload)
	p.Metadata = append(p.Metadata, 0)
	_, _, err = Build([]Hop{{Node: lnwire.NewPubKey(ours.PubKey()), Payload: p}}, keyOf(9), vectorHash)
	require.ErrorIs(t, err, ErrTooLong)
}

// introduced makes a packet that enters a blinded path at our node.
func introduced(t testing.TB, data RecipientData, change func(*Payload)) *Packet {
	path, err := BuildPath(keyOf(8), []PathHop{{Node: lnwire.NewPubKey(ours.PubKey()), Data: data}})
	require.NoError(t, err)
	p := Payload{RecipientData: path.Hops[0].Data, PathKey: &path.PathKey}
	if change != nil {
		change(&p)
	}
	return twoHops(t, p)
}

func TestAnIntroductionNodeTellsNothingButThatThePathFailed(t *testing.T) {
	scid, node := lnwire.ShortChannelID(1), lnwire.NewPubKey(nextTo.PubKey())
	good := RecipientData{Padding: -1, SCID: &scid, Relay: &Relay{}}
	_, err := Peel(ours, introduced(t, good, nil), vectorHash, nil)
	require.NoError(t, err)
	for name, packet := range map[string]*Packet{
		"no relay":          introduced(t, RecipientData{Padding: -1, SCID: &scid}, nil),
		"no next":           introduced(t, RecipientData{Padding: -1, Relay: &Relay{}}, nil),
		"two nexts":         introduced(t, RecipientData{Padding: -1, SCID: &scid, NextNode: &node, Relay: &Relay{}}, nil),
		"an amount":         introduced(t, good, func(p *Payload) { p.Amount = ptr(lnwire.MilliSatoshi(1)) }),
		"a channel":         introduced(t, good, func(p *Payload) { p.SCID = &scid }),
		"a custom record":   introduced(t, good, func(p *Payload) { p.Custom = []CustomRecord{{Type: CustomRecordFloor + 1}} }),
		"data of others":    introduced(t, good, func(p *Payload) { p.RecipientData = append(p.RecipientData, 0) }),
		"a path key of off": introduced(t, good, func(p *Payload) { p.PathKey = &lnwire.PubKey{5} }),
	} {
		t.Run(name, func(t *testing.T) {
			refused := refusal(t, packet, nil)
			require.NotNil(t, refused.Secret)
			require.Equal(t, InvalidOnionBlinding, refused.Failure.Code)
		})
	}
}

func TestAPathKeyBesideABlindedHTLCIsRefused(t *testing.T) {
	scid := lnwire.ShortChannelID(1)
	path, err := BuildPath(keyOf(8), []PathHop{{Node: lnwire.NewPubKey(ours.PubKey()), Data: RecipientData{Padding: -1, SCID: &scid, Relay: &Relay{}}}})
	require.NoError(t, err)
	for _, twice := range []bool{false, true} {
		p := Payload{RecipientData: path.Hops[0].Data}
		if twice {
			p.PathKey = &path.PathKey
		}
		packet, _, err := Build([]Hop{{Node: path.Hops[0].Node, Payload: p}, {Node: path.Hops[0].Node, Payload: finalPayload()}}, keyOf(9), vectorHash)
		require.NoError(t, err)
		_, err = Peel(ours, packet, vectorHash, &path.PathKey)
		require.Equal(t, twice, err != nil)
	}
	packet, _, err := Build([]Hop{{Node: path.Hops[0].Node, Payload: finalPayload()}}, keyOf(9), vectorHash)
	require.NoError(t, err)
	require.Equal(t, InvalidOnionBlinding, refusal(t, packet, &path.PathKey).Failure.Code, "path_key without encrypted_recipient_data")
}

func BenchmarkPeel(b *testing.B) {
	scid := lnwire.ShortChannelID(1)
	forward, last := twoHops(b, NewForward(scid, 1000, 500)), lastHop(b, finalPayload())
	for name, packet := range map[string]*Packet{"forward": forward, "final": last} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Peel(ours, packet, vectorHash, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1, 5} {
		hops := make([]Hop, n)
		for i := range hops {
			hops[i] = Hop{Node: lnwire.NewPubKey(keyOf(byte(i + 1)).PubKey()), Payload: finalPayload()}
		}
		b.Run(map[int]string{1: "one", 5: "five"}[n], func(b *testing.B) {
			for b.Loop() {
				if _, _, err := Build(hops, keyOf(9), vectorHash); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
