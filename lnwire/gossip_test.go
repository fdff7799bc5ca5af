package lnwire

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
)

func TestDigestsCoverAllBehindTheSignatures(t *testing.T) {
	for _, m := range samples(t) {
		b, err := Marshal(m)
		require.NoError(t, err)
		switch m := m.(type) {
		case *ChannelAnnouncement:
			require.Equal(t, chainhash.DoubleHashH(b[2+256:]), m.Digest())
		case *NodeAnnouncement:
			require.Equal(t, chainhash.DoubleHashH(b[2+64:]), m.Digest())
		case *ChannelUpdate:
			require.Equal(t, chainhash.DoubleHashH(b[2+64:]), m.Digest())
		}
	}
}

// An update made by Core Lightning for its own tests, with the checksum that it and Eclair agree on.
func TestChecksumAgreesWithOtherImplementations(t *testing.T) {
	require.EqualValues(t, 0xe3069283, crc32.Checksum([]byte("123456789"), castagnoli)) // RFC 3720's polynomial
	m, err := Unmarshal(unhex(t, "010206737e9e18d3e4d0ab4066ccaecdcc10e648c5f1c5413f1610747e0d463fa7fa39c1b02ea2fd694275"+
		"ecfefe4fe9631f24afd182ab75b805e16cd550941f858c06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f"+
		"00006d00000100005d50f935010000300000000000000000000000640000000b00000000000186a0"))
	require.NoError(t, err)
	u := m.(*ChannelUpdate)
	require.Equal(t, NewShortChannelID(109, 1, 0), u.SCID)
	require.EqualValues(t, 0xf32ce968, u.Checksum())

	later := *u
	later.Timestamp++
	later.Signature[0]++
	require.Equal(t, u.Checksum(), later.Checksum())
	later.FeeBase++
	require.NotEqual(t, u.Checksum(), later.Checksum())
}

func TestInboundFeeIsTakenOutOfTheExtensionAndPutBack(t *testing.T) {
	fee := AppendRecord(nil, 55555, []byte{0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 7})
	around := append(AppendRecord(nil, 2, []byte{1}), fee...) // an even record in gossip is not ours to judge
	around = AppendRecord(around, 55557, nil)
	base, err := Marshal(&ChannelUpdate{})
	require.NoError(t, err)
	for _, ext := range [][]byte{fee, around} {
		wire := append(base[:len(base):len(base)], ext...)
		m, err := Unmarshal(wire)
		require.NoError(t, err)
		require.Equal(t, &InboundFee{-2, 7}, m.(*ChannelUpdate).InboundFee)
		again, err := Marshal(m)
		require.NoError(t, err)
		require.Equal(t, wire, again)
	}
}

func TestWhatFollowsGossipIsKeptHoweverItLooks(t *testing.T) {
	short := AppendRecord(nil, 55555, []byte{1, 2, 3})
	for _, m := range []Message{&ChannelAnnouncement{}, &NodeAnnouncement{}, &ChannelUpdate{}} {
		base, err := Marshal(m)
		require.NoError(t, err)
		for _, ext := range [][]byte{{1}, {0xfd, 0, 1}, {3, 0, 1, 0}, short, append(AppendRecord(nil, 55555, make([]byte, 8)), 9)} {
			wire := append(base[:len(base):len(base)], ext...)
			got, err := Unmarshal(wire)
			require.NoError(t, err)
			if u, ok := got.(*ChannelUpdate); ok {
				require.Nil(t, u.InboundFee)
			}
			again, err := Marshal(got)
			require.NoError(t, err)
			require.Equal(t, wire, again)
		}
	}
	require.Panics(t, func() { (&ChannelUpdate{InboundFee: &InboundFee{}, Extra: Extra{1}}).Digest() })
}

// BOLT 7: "SHOULD ignore the first address descriptor that does NOT match the types defined above", "if addrlen is
// insufficient to hold the address descriptors of the known types: ... MAY close the connection".
func TestAddressesEndAtTheFirstUnknownType(t *testing.T) {
	m := &NodeAnnouncement{Addresses: addresses(t)}
	opaque := NetAddress{kind: 77, host: "\x01\x01\x02\x03\x04\x26\x07"}
	m.Addresses = append(m.Addresses, opaque)
	wire, err := Marshal(m)
	require.NoError(t, err)
	got, err := Unmarshal(wire)
	require.NoError(t, err)
	require.Equal(t, m, got)

	m.Addresses = []NetAddress{opaque, addresses(t)[0]}
	_, err = Marshal(m)
	require.ErrorIs(t, err, ErrBadAddress)

	wire, err = Marshal(&NodeAnnouncement{Addresses: addresses(t)[:1]})
	require.NoError(t, err)
	binary.BigEndian.PutUint16(wire[len(wire)-9:], 6)
	_, err = Unmarshal(wire)
	require.ErrorIs(t, err, ErrBadAddress)
}

func TestUpdateFlags(t *testing.T) {
	u := ChannelUpdate{ChannelFlags: ChannelDirection | ChannelDisabled}
	require.Equal(t, 1, u.Direction())
	require.True(t, u.Disabled())
	require.Equal(t, 0, (&ChannelUpdate{}).Direction())
	require.False(t, (&ChannelUpdate{}).Disabled())
}

func TestSignaturesConvertBothWays(t *testing.T) {
	key, pub := btcec.PrivKeyFromBytes([]byte{1, 2, 3})
	digest := (&ChannelUpdate{}).Digest()
	sig := NewSig(ecdsa.Sign(key, digest[:]))
	parsed, err := sig.Parse()
	require.NoError(t, err)
	require.True(t, parsed.Verify(digest[:], pub))
	require.True(t, sig.IsLowS())
	require.Equal(t, sig, NewSig(parsed))

	_, s, _ := sig.scalars()
	s.Negate()
	high := sig
	s.PutBytesUnchecked(high[32:])
	_, err = high.Parse()
	require.NoError(t, err)
	require.False(t, high.IsLowS())
}

func TestSignaturesHaveScalarsBelowTheOrder(t *testing.T) {
	order := unhex(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	var last Sig
	copy(last[:32], order)
	copy(last[32:], order)
	last[31]--
	last[63]--
	_, err := last.Parse()
	require.NoError(t, err)
	for _, i := range []int{31, 63} {
		past := last
		past[i]++
		_, err = past.Parse()
		require.ErrorIs(t, err, ErrBadSig)
		require.False(t, past.IsLowS())
	}
	for _, zero := range []Sig{{}, {31: 1}, {63: 1}} {
		_, err = zero.Parse()
		require.ErrorIs(t, err, ErrBadSig)
	}
}
