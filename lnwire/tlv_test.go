package lnwire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/lightningnetwork/lnd/tlv"
	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// BOLT 1, appendix A.
var bigSizes = []struct {
	value uint64
	hex   string
}{
	{0, "00"},
	{252, "fc"},
	{253, "fd00fd"},
	{65535, "fdffff"},
	{65536, "fe00010000"},
	{4294967295, "feffffffff"},
	{4294967296, "ff0000000100000000"},
	{18446744073709551615, "ffffffffffffffffff"},
}

func TestBigSizeIsAsInAppendixA(t *testing.T) {
	for _, v := range bigSizes {
		require.Equal(t, v.hex, hex.EncodeToString(AppendBigSize(nil, v.value)))
		got, rest, err := CutBigSize(append(unhex(t, v.hex), 7))
		require.NoError(t, err)
		require.Equal(t, v.value, got)
		require.Equal(t, []byte{7}, rest)
	}
	for _, bad := range []string{"fd00fc", "fe0000ffff", "ff00000000ffffffff"} {
		_, _, err := CutBigSize(unhex(t, bad))
		require.ErrorIs(t, err, ErrNotMinimal, bad)
	}
	for _, short := range []string{"fd00", "feffff", "ffffffffff", "", "fd", "fe", "ff"} {
		_, _, err := CutBigSize(unhex(t, short))
		require.ErrorIs(t, err, ErrTruncated, short)
	}
}

func FuzzBigSizeAgreesWithLND(f *testing.F) {
	for _, v := range bigSizes {
		f.Add(unhex(f, v.hex))
	}
	f.Add(unhex(f, "fd00fc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := CutBigSize(b)
		r, buf := bytes.NewReader(b), [8]byte{}
		want, oracle := tlv.ReadVarInt(r, &buf)
		require.Equal(t, oracle == nil, err == nil, "%v, %v", err, oracle)
		if err == nil {
			require.Equal(t, want, v)
			require.Len(t, rest, r.Len())
			require.Equal(t, b[:len(b)-len(rest)], AppendBigSize(nil, v))
		}
	})
}

// The namespaces n1 and n2 of BOLT 1, appendix B.
type n1 struct {
	tlv1   uint64
	tlv2   ShortChannelID
	node   PubKey
	amount [2]uint64
	tlv4   uint16
}

func decodeN1(b []byte) (n n1, err error) {
	s := NewStream(b)
	for s.Next() {
		v := s.Value()
		switch s.Type() {
		case 1:
			n.tlv1, err = TU64(v)
			s.Fail(err)
		case 2:
			if v := s.r.sized(8); v != nil {
				n.tlv2 = ShortChannelID(binary.BigEndian.Uint64(v))
			}
		case 3:
			if v := s.r.sized(49); v != nil {
				n.node = PubKey(v[:33])
				_, err = n.node.Parse()
				s.Fail(err)
				n.amount = [2]uint64{binary.BigEndian.Uint64(v[33:]), binary.BigEndian.Uint64(v[41:])}
			}
		case 254:
			if v := s.r.sized(2); v != nil {
				n.tlv4 = binary.BigEndian.Uint16(v)
			}
		default:
			s.Unknown()
		}
	}
	return n, s.Err()
}

func decodeN2(b []byte) (amount uint64, expiry uint32, err error) {
	s := NewStream(b)
	for s.Next() {
		switch s.Type() {
		case 0:
			amount, err = TU64(s.Value())
			s.Fail(err)
		case 11:
			expiry, err = TU32(s.Value())
			s.Fail(err)
		default:
			s.Unknown()
		}
	}
	return amount, expiry, s.Err()
}

const n1Node = "023da092f6980e58d2c037173180e9a465476026ee50f96695963e8efe436f54eb"

var (
	malformedAnywhere = []string{
		"fd", "fd01", "fd000100", "fd0101", "0ffd", "0ffd26", "0ffd2602", "0ffd000100",
		"0ffd0201" + strings.Repeat("00", 257),
	}
	unknownEven = []string{"1200", "fd010200", "fe0100000200", "ff010000000000000200"}
	ignored     = []string{"", "2100", "fd020100", "fd00fd00", "fd00ff00", "fe0200000100", "ff020000000000000100"}
	malformedN1 = []string{
		"0109ffffffffffffffffff", "010100", "01020001", "0103000100", "010400010000", "01050001000000",
		"0106000100000000", "010700010000000000", "01080001000000000000", "020701010101010101",
		"0209010101010101010101", "0321" + n1Node, "0329" + n1Node + "0000000000000001",
		"0330" + n1Node + "000000000000000100000000000001",
		"0331" + "04" + n1Node[2:] + "00000000000000010000000000000002",
		"0332" + n1Node + "0000000000000001000000000000000001",
		"fd00fe00", "fd00fe0101", "fd00fe03010101", "0000",
		"0208000000000000022601012a", "0208000000000000023102080000000000000451", "1f000f012a", "1f001f012a",
	}
)

func TestTLVStreamsFailAsInAppendixB(t *testing.T) {
	for _, s := range append(malformedAnywhere, unknownEven...) {
		_, err := decodeN1(unhex(t, s))
		require.Error(t, err, s)
		_, _, err = decodeN2(unhex(t, s))
		require.Error(t, err, s)
	}
	for _, s := range unknownEven {
		_, err := decodeN1(unhex(t, s))
		require.ErrorAs(t, err, new(ErrUnknownRecord), s)
	}
	for _, s := range malformedN1 {
		_, err := decodeN1(unhex(t, s))
		require.Error(t, err, s)
	}
	_, _, err := decodeN2(unhex(t, "ffffffffffffffffff000000"))
	require.ErrorIs(t, err, ErrRecordOrder)
}

func TestTLVStreamsDecodeAsInAppendixB(t *testing.T) {
	for _, s := range ignored {
		n, err := decodeN1(unhex(t, s))
		require.NoError(t, err, s)
		require.Zero(t, n)
		_, _, err = decodeN2(unhex(t, s))
		require.NoError(t, err, s)
	}
	for s, want := range map[string]n1{
		"0100":                 {},
		"010101":               {tlv1: 1},
		"01020100":             {tlv1: 256},
		"0103010000":           {tlv1: 65536},
		"010401000000":         {tlv1: 16777216},
		"01050100000000":       {tlv1: 4294967296},
		"0106010000000000":     {tlv1: 1099511627776},
		"010701000000000000":   {tlv1: 281474976710656},
		"01080100000000000000": {tlv1: 72057594037927936},
		"02080000000000000226": {tlv2: NewShortChannelID(0, 0, 550)},
		"0331" + n1Node + "00000000000000010000000000000002": {node: PubKey(unhex(t, n1Node)), amount: [2]uint64{1, 2}},
		"fd00fe020226": {tlv4: 550},
	} {
		n, err := decodeN1(unhex(t, s))
		require.NoError(t, err, s)
		require.Equal(t, want, n, s)
	}
}

// "Any appending of an invalid stream to a valid stream should trigger a decoding failure. Any appending of a
// higher-numbered valid stream to a lower-numbered valid stream should not."
func TestTLVStreamsAppendAsInAppendixB(t *testing.T) {
	for _, good := range []string{"0100", "010101", "02080000000000000226"} {
		for _, bad := range append(malformedAnywhere, malformedN1...) {
			_, err := decodeN1(unhex(t, good+bad))
			require.Error(t, err, good+bad)
		}
		for _, higher := range ignored {
			_, err := decodeN1(unhex(t, good+higher))
			require.NoError(t, err, good+higher)
		}
	}
}

// Every stream that lnd/tlv reads as canonical we read too, with the same records, and the other way round.
func FuzzStreamAgreesWithLND(f *testing.F) {
	for _, s := range append(append(malformedAnywhere, unknownEven...), append(ignored, malformedN1...)...) {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		records, again := map[uint64][]byte{}, []byte{}
		s := NewStream(b)
		for s.Next() {
			records[s.Type()] = bytes.Clone(s.Value())
			again = AppendRecord(again, s.Type(), s.Value())
		}
		oracle, err := tlv.NewStream()
		require.NoError(t, err)
		types, err := oracle.DecodeWithParsedTypesP2P(bytes.NewReader(b))
		require.Equal(t, err == nil, s.Err() == nil, "ours: %v, lnd's: %v", s.Err(), err)
		if err != nil {
			return
		}
		require.Equal(t, len(b), len(again))
		require.True(t, bytes.Equal(b, again))
		require.Len(t, types, len(records))
		for typ, v := range types {
			require.True(t, bytes.Equal(v, records[uint64(typ)]))
		}
	})
}

func TestTruncatedIntegersHaveNoLeadingZeros(t *testing.T) {
	for _, v := range []uint64{0, 1, 255, 256, 65535, 65536, 1 << 32, 1<<64 - 1} {
		b := AppendTruncated(nil, v)
		got, err := TU64(b)
		require.NoError(t, err)
		require.Equal(t, v, got)
		_, err = TU64(append([]byte{0}, b...))
		require.Error(t, err)
	}
	require.Empty(t, AppendTruncated(nil, 0))
}

func TestTruncatedIntegersAreNoLongerThanTheirWidth(t *testing.T) {
	v16, err := TU16([]byte{0xff, 0xff})
	require.NoError(t, err)
	require.EqualValues(t, 0xffff, v16)
	_, err = TU16([]byte{1, 0, 0})
	require.ErrorIs(t, err, ErrRecordLength)
	v32, err := TU32([]byte{0xff, 0xff, 0xff, 0xff})
	require.NoError(t, err)
	require.EqualValues(t, 0xffffffff, v32)
	_, err = TU32([]byte{1, 0, 0, 0, 0})
	require.ErrorIs(t, err, ErrRecordLength)
	_, err = TU64([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0})
	require.ErrorIs(t, err, ErrRecordLength)
}

// BOLT 1, appendix D. The only signed field of ours is the s32 of inbound fees, so what fits travels through one.
func TestSignedIntegersAreAsInAppendixD(t *testing.T) {
	for s, want := range map[string]int64{
		"00": 0, "2a": 42, "d6": -42, "7f": 127, "80": -128, "0080": 128, "ff7f": -129, "3a98": 15000, "c568": -15000,
		"7fff": 32767, "8000": -32768, "00008000": 32768, "ffff7fff": -32769, "01406f40": 21000000,
		"febf90c0": -21000000, "7fffffff": 2147483647, "80000000": -2147483648,
		"0000000080000000": 2147483648, "ffffffff7fffffff": -2147483649,
		"000000746a528800": 500000000000, "ffffff8b95ad7800": -500000000000,
		"7fffffffffffffff": 9223372036854775807, "8000000000000000": -9223372036854775808,
	} {
		b := unhex(t, s)
		for len(b) != 4 && len(b) != 8 { // sign-extended to the width of a field
			b = append([]byte{byte(int8(b[0]) >> 7)}, b...)
		}
		if len(b) == 8 {
			require.Equal(t, want, int64(binary.BigEndian.Uint64(b)), s)
			continue
		}
		fee := InboundFee{Base: int32(want), Rate: -1}
		wire, err := Marshal(&ChannelUpdate{InboundFee: &fee})
		require.NoError(t, err)
		require.Equal(t, append(b, 0xff, 0xff, 0xff, 0xff), wire[len(wire)-8:], s)
		m, err := Unmarshal(wire)
		require.NoError(t, err)
		require.Equal(t, fee, *m.(*ChannelUpdate).InboundFee, s)
	}
}

// BOLT 1, appendix C.
func TestExtensionsOfInitAreAsInAppendixC(t *testing.T) {
	for _, s := range []string{"001000000000", "001000000000c9012acb0104"} {
		m, err := Unmarshal(unhex(t, s))
		require.NoError(t, err)
		again, err := Marshal(m)
		require.NoError(t, err)
		require.Equal(t, s, hex.EncodeToString(again))
	}
	for s, want := range map[string]error{
		"00100000000001":           ErrTruncated,
		"001000000000ca012a":       ErrUnknownRecord{0xca},
		"001000000000c90101c90102": ErrRecordOrder,
	} {
		_, err := Unmarshal(unhex(t, s))
		require.ErrorIs(t, err, want)
	}
}

func TestExtraIsMergedInOrderAndCannotHideAKnownRecord(t *testing.T) {
	addr, err := ParseAddress("1.2.3.4:9735")
	require.NoError(t, err)
	m := &Init{RemoteAddr: &addr, Extra: AppendRecord(AppendRecord(nil, 1, nil), 5, []byte{7})}
	b, err := Marshal(m)
	require.NoError(t, err)
	require.Equal(t, "0010"+"0000"+"0000"+"0100"+"0307"+"01010203042607"+"050107", hex.EncodeToString(b))

	m.Extra = AppendRecord(nil, 3, nil)
	_, err = Marshal(m)
	require.ErrorIs(t, err, ErrRecordOrder)
	m.Extra = AppendRecord(nil, 4, nil)
	_, err = Marshal(m)
	require.ErrorIs(t, err, ErrUnknownRecord{4})
	m.Extra = Extra{9}
	_, err = Marshal(m)
	require.ErrorIs(t, err, ErrTruncated)
}
