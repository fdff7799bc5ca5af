package onion

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	sphinx "github.com/lightningnetwork/lightning-onion"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func keyOf(b byte) *btcec.PrivateKey {
	k, _ := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{b}, 32))
	return k
}

func pointOf(t testing.TB, s string) *btcec.PublicKey {
	t.Helper()
	k, err := lnwire.PubKey(unhex(t, s)).Parse()
	require.NoError(t, err)
	return k
}

var vectorHash = lnwire.Hash(bytes.Repeat([]byte{0x42}, 32))

// bare drops the length that the vectors' payloads begin with.
func bare(t testing.TB, s string) []byte {
	b := unhex(t, s)
	length, n, err := readBigSize(b)
	require.NoError(t, err)
	require.Len(t, b, n+int(length))
	return b[n:]
}

func vectorRoute(t testing.TB, nodes, payloads []string) (keys []*btcec.PublicKey, raw [][]byte) {
	for i := range nodes {
		keys = append(keys, pointOf(t, nodes[i]))
		raw = append(raw, bare(t, payloads[i]))
	}
	return keys, raw
}

func TestBuildMakesTheVectorsPacketAndSecrets(t *testing.T) {
	nodes, raw := vectorRoute(t, vectorNodes, onionPayloads)
	packet, secrets, err := build(nodes, raw, keyOf(0x41), vectorHash[:])
	require.NoError(t, err)
	require.Equal(t, onionPacket, hex.EncodeToString(packet[:]))
	for i := range secrets {
		require.Equal(t, vectorSecrets[i], hex.EncodeToString(secrets[i][:]))
	}
}

func TestPeelOpensTheVectorsPacketHopByHop(t *testing.T) {
	packet := (*Packet)(unhex(t, onionPacket))
	for i, b := range vectorKeys {
		ephemeral, err := btcec.ParsePubKey(packet[1:keyEnd])
		require.NoError(t, err)
		p := &Peeled{}
		copy(p.Secret[:], unhex(t, vectorSecrets[i]))
		raw, err := p.unwrap(packet, ephemeral)
		require.NoError(t, err)
		require.Equal(t, bare(t, onionPayloads[i]), raw)
		whole, err := Peel(keyOf(b), packet, vectorHash, nil)
		require.NoError(t, err)
		require.Equal(t, p.Secret, whole.Secret)
		require.Equal(t, p.Next, whole.Next)
		if i != 1 && i != len(vectorKeys)-1 { // these two are lengthened by odd records, which are dropped
			require.Equal(t, raw, whole.Payload.Encode())
		}
		packet = whole.Next
	}
	require.Nil(t, packet, "the last hop finds an hmac of zeros")
}

func TestTheVectorsBlindedPaymentIsBuiltAndPeeled(t *testing.T) {
	nodes, raw := vectorRoute(t, blindedNodes, blindedPayloads)
	packet, _, err := build(nodes, raw, keyOf(0x03), vectorHash[:])
	require.NoError(t, err)
	require.Equal(t, blindedOnion, hex.EncodeToString(packet[:]))

	amount, expiry := lnwire.MilliSatoshi(110125), uint32(749150)
	want := []struct {
		amount lnwire.MilliSatoshi
		expiry uint32
	}{{110125, 749150}, {100125, 749100}, {100010, 749025}, {100000, 749000}}
	var path *lnwire.PubKey
	for i, b := range vectorKeys {
		require.Equal(t, blindedPackets[i], hex.EncodeToString(packet[:]))
		p, err := Peel(keyOf(b), packet, vectorHash, path)
		require.NoError(t, err, "hop %d", i)
		require.Equal(t, i == len(vectorKeys)-1, p.Final())
		if i == 0 {
			require.Nil(t, p.Blinded)
			require.Equal(t, amount, *p.Payload.Amount)
			require.Equal(t, lnwire.ShortChannelID(10), *p.Payload.SCID)
			packet = p.Next
			continue
		}
		require.Equal(t, blindedPathKeys[i], p.Blinded.PathKey.String())
		require.Equal(t, i == 1, p.Blinded.Introduction)
		require.NoError(t, p.Blinded.Check(amount, expiry))
		require.ErrorIs(t, p.Blinded.Check(49, expiry), ErrConstraint)
		require.NoError(t, p.Blinded.Check(50, p.Blinded.Data.Constraints.MaxExpiry))
		require.ErrorIs(t, p.Blinded.Check(50, p.Blinded.Data.Constraints.MaxExpiry+1), ErrConstraint)
		if p.Final() {
			require.Equal(t, lnwire.MilliSatoshi(150000), *p.Payload.Total)
			require.Equal(t, unhex(t, "c9cf92f45ade68345bc20ae672e2012f4af487ed4415"), p.Blinded.Data.PathID)
			break
		}
		require.Equal(t, lnwire.ShortChannelID(i), *p.Blinded.Data.SCID)
		amount, expiry, err = p.Blinded.Forward(amount, expiry)
		require.NoError(t, err)
		require.Equal(t, want[i].amount, amount)
		require.Equal(t, want[i].expiry, expiry)
		packet, path = p.Next, &p.Blinded.PathKey
	}
}

func TestTheVectorsBlindedRouteIsOpened(t *testing.T) {
	for i, v := range routeBlinding {
		key := lnwire.PubKey(unhex(t, v.pathKey))
		path, err := newPathSecret(keyOf(byte(0x42+i)), &key)
		require.NoError(t, err)
		require.Equal(t, v.secret, hex.EncodeToString(path.secret[:]))
		b, err := path.open(unhex(t, v.encrypted))
		require.NoError(t, err)
		require.Equal(t, v.next, b.PathKey.String())
		plain, err := DecodeRecipientData(unhex(t, v.plain))
		require.NoError(t, err)
		require.Equal(t, *plain, b.Data)

		tweaked, err := path.tweak(pointOf(t, v.node))
		require.NoError(t, err)
		require.Equal(t, v.blinded, lnwire.NewPubKey(tweaked).String(), "the tweak that blinds a node id is the one that unblinds an ephemeral key")
	}
}

func TestBuildPathMakesWhatPeelOpens(t *testing.T) {
	scid, relay := lnwire.ShortChannelID(7), Relay{CLTVDelta: 30, FeeRate: 5, FeeBase: 11}
	hops := []PathHop{
		{Node: lnwire.NewPubKey(keyOf(2).PubKey()), Data: RecipientData{Padding: -1, SCID: &scid, Relay: &relay}},
		{Node: lnwire.NewPubKey(keyOf(3).PubKey()), Data: RecipientData{Padding: 3, PathID: []byte("id")}},
	}
	made, err := BuildPath(keyOf(9), hops)
	require.NoError(t, err)
	first, err := newPathSecret(keyOf(2), &made.PathKey)
	require.NoError(t, err)
	b, err := first.open(made.Hops[0].Data)
	require.NoError(t, err)
	require.Equal(t, hops[0].Data, b.Data)
	second, err := newPathSecret(keyOf(3), &b.PathKey)
	require.NoError(t, err)
	b, err = second.open(made.Hops[1].Data)
	require.NoError(t, err)
	require.Equal(t, hops[1].Data, b.Data)
}

// drawRoute makes a route whose packet is at most full.
func drawRoute(t *rapid.T) (keys []*btcec.PrivateKey, nodes []*btcec.PublicKey, raw [][]byte) {
	room := routeSize
	for i := range rapid.SampledFrom([]int{1, 2, 3, 5, 8, MaxHops}).Draw(t, "hops") {
		longest := min(room-hmacSize-3, rapid.SampledFrom([]int{2, 40, 300, routeSize}).Draw(t, "longest"))
		if longest < 2 {
			break
		}
		n := rapid.IntRange(2, longest).Draw(t, "length")
		k := keyOf(byte(i + 1))
		keys, nodes = append(keys, k), append(nodes, k.PubKey())
		raw = append(raw, bytes.Repeat([]byte{byte(i)}, n))
		room -= frameSize(raw[i])
	}
	return keys, nodes, raw
}

func TestPacketsAgreeWithLightningOnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys, nodes, raw := drawRoute(t)
		session := keyOf(rapid.Byte().Draw(t, "session") | 1)
		packet, secrets, err := build(nodes, raw, session, vectorHash[:])
		require.NoError(t, err)

		var path sphinx.PaymentPath
		for i := range nodes {
			hop, err := sphinx.NewTLVHopPayload(raw[i])
			require.NoError(t, err)
			path[i] = sphinx.OnionHop{NodePub: *nodes[i], HopPayload: hop}
		}
		theirs, err := sphinx.NewOnionPacket(&path, session, vectorHash[:], sphinx.DeterministicPacketFiller)
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, theirs.Encode(&b))
		require.Equal(t, b.Bytes(), packet[:])

		for i, k := range keys {
			router := sphinx.NewRouter(&sphinx.PrivKeyECDH{PrivKey: k}, sphinx.NewNoOpReplayLog())
			processed, err := router.ReconstructOnionPacket(theirs, vectorHash[:], sphinx.WithTLVPayloadOnly())
			require.NoError(t, err)
			p := &Peeled{Secret: secrets[i]}
			ephemeral, err := btcec.ParsePubKey(packet[1:keyEnd])
			require.NoError(t, err)
			payload, err := p.unwrap(packet, ephemeral)
			require.NoError(t, err)
			require.Equal(t, processed.Payload.Payload, payload)
			require.Equal(t, processed.Action == sphinx.ExitNode, p.Final())
			if p.Final() {
				return
			}
			theirs, packet = processed.NextPacket, p.Next
			b.Reset()
			require.NoError(t, theirs.Encode(&b))
			require.Equal(t, b.Bytes(), packet[:])
		}
	})
}

func TestBuildFillsThePacketToTheLastByteAndNotBeyond(t *testing.T) {
	full := bytes.Repeat([]byte{1}, routeSize-3-hmacSize)
	nodes := []*btcec.PublicKey{keyOf(1).PubKey()}
	_, _, err := build(nodes, [][]byte{full}, keyOf(9), nil)
	require.NoError(t, err)
	_, _, err = build(nodes, [][]byte{append(full, 1)}, keyOf(9), nil)
	require.ErrorIs(t, err, ErrTooLong)
	_, _, err = build(nil, nil, keyOf(9), nil)
	require.ErrorIs(t, err, ErrNoHops)

	var many []*btcec.PublicKey
	var small [][]byte
	for range MaxHops + 1 {
		many, small = append(many, nodes[0]), append(small, []byte{2, 0})
	}
	_, _, err = build(many[1:], small[1:], keyOf(9), nil)
	require.NoError(t, err)
	_, _, err = build(many, small, keyOf(9), nil)
	require.ErrorIs(t, err, ErrTooLong)
}
