package lnwire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
)

// fill sets what m points to, and all that it holds, to distinct values that are fit to travel.
func fill(v reflect.Value, next *byte) {
	*next++
	n := *next
	switch v.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n))
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range 3 {
			fill(v.Index(i), next)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	}
}

// samples is every message twice: with every field set, and with none.
func samples(t testing.TB) []Message {
	var all []Message
	for typ, row := range vocabulary {
		if row.make == nil {
			continue
		}
		m := row.make()
		require.EqualValues(t, typ, m.Type())
		all = append(all, m)

		full := row.make()
		v := reflect.ValueOf(full).Elem()
		next := byte(typ)
		for i := range v.NumField() {
			switch f := v.Field(i).Addr().Interface().(type) {
			case *Extra:
				*f = AppendRecord(AppendRecord(nil, 21, []byte("odd")), 1<<40+1, nil)
			case **NetAddress:
				a, err := ParseAddress("[2001:db8::1]:9735")
				require.NoError(t, err)
				*f = &a
			case *[]NetAddress:
				*f = addresses(t)
			case *[]ShortChannelID:
				*f = []ShortChannelID{1, 2, 1 << 60}
			default:
				fill(v.Field(i), &next)
			}
		}
		all = append(all, full)
	}
	return append(all, &Unknown{MsgType: 4243, Payload: []byte("hello")})
}

func TestEveryMessageSurvivesTheWire(t *testing.T) {
	for _, m := range samples(t) {
		b, err := Marshal(m)
		require.NoError(t, err, "%v", m.Type())
		got, err := Unmarshal(b)
		require.NoError(t, err, "%v", m.Type())
		require.Equal(t, m, got)
		again, err := Marshal(got)
		require.NoError(t, err)
		require.Equal(t, b, again)
	}
}

// BOLT 1: "upon receiving a known message with insufficient length for the contents: MUST close the connection."
func TestNoPrefixOfTheFieldsOfAMessageIsOne(t *testing.T) {
	for _, m := range samples(t) {
		if _, ok := m.(*Unknown); ok {
			continue
		}
		v := reflect.ValueOf(m).Elem()
		v.FieldByName("Extra").SetZero()
		whole, err := Marshal(m)
		require.NoError(t, err)
		for n := 2; n < len(whole); n++ {
			got, err := Unmarshal(whole[:n])
			if err != nil {
				continue
			}
			// What parses is a message without its optional records, cut exactly between two of them.
			again, err := Marshal(got)
			require.NoError(t, err, "%v", m.Type())
			require.Equal(t, whole[:n], again, "%v cut at %d", m.Type(), n)
		}
	}
}

// BOLT 1: "upon receiving a message of odd, unknown type: MUST ignore the received message", "of even, unknown
// type: MUST close the connection."
func TestUnknownMessagesAreKeptWhenOddAndRefusedWhenEven(t *testing.T) {
	for _, b := range [][]byte{{0x80, 0x01}, {0x00, 0x07, 1, 2}, {0xff, 0xff}} {
		m, err := Unmarshal(b)
		require.NoError(t, err)
		require.IsType(t, &Unknown{}, m)
	}
	for typ, b := range map[MsgType][]byte{0x8000: {0x80, 0x00}, 260: {0x01, 0x04, 9}, 0xfffe: {0xff, 0xfe}} {
		_, err := Unmarshal(b)
		require.Equal(t, ErrUnknownEven{typ}, err)
	}
}

func TestUnknownOddRecordsAreKeptAndEvenOnesRefused(t *testing.T) {
	relayed := map[MsgType]bool{TypeChannelAnnouncement: true, TypeNodeAnnouncement: true, TypeChannelUpdate: true}
	for _, m := range samples(t) {
		if _, ok := m.(*Unknown); ok {
			continue
		}
		reflect.ValueOf(m).Elem().FieldByName("Extra").SetZero()
		b, err := Marshal(m)
		require.NoError(t, err)
		_, err = Unmarshal(AppendRecord(bytes.Clone(b), 1<<32, []byte{1}))
		_, errSend := Append(nil, withExtra(m, AppendRecord(nil, 1<<32, []byte{1})))
		if relayed[m.Type()] {
			require.NoError(t, err)
			require.NoError(t, errSend)
			continue
		}
		require.ErrorIs(t, err, ErrUnknownRecord{1 << 32}, "%v", m.Type())
		require.ErrorIs(t, errSend, ErrUnknownRecord{1 << 32}, "%v", m.Type())
	}
}

func withExtra(m Message, extra Extra) Message {
	v := reflect.New(reflect.TypeOf(m).Elem())
	v.Elem().Set(reflect.ValueOf(m).Elem())
	v.Elem().FieldByName("Extra").Set(reflect.ValueOf(extra))
	return v.Interface().(Message)
}

func TestMessagesGoUpTo65535Bytes(t *testing.T) {
	const overhead = 2 + 32 + 8 + 2
	m := &UpdateFailHTLC{Reason: make([]byte, MaxMessageSize-overhead)}
	b, err := Marshal(m)
	require.NoError(t, err)
	require.Len(t, b, MaxMessageSize)
	_, err = Unmarshal(b)
	require.NoError(t, err)

	m.Reason = append(m.Reason, 0)
	_, err = Marshal(m)
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = Unmarshal(append(b, 0))
	require.ErrorIs(t, err, ErrTooLarge)

	// A length that does not fit its u16 must not wrap into a small message.
	_, err = Marshal(&UpdateFailHTLC{Reason: make([]byte, 65536)})
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = Marshal(&CommitmentSigned{HTLCSigs: make([]Sig, 65536)})
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = Marshal(&ReplyChannelRange{SCIDs: ascending(8192)})
	require.ErrorIs(t, err, ErrTooLarge)
}

func ascending(n int) []ShortChannelID {
	ids := make([]ShortChannelID, n)
	for i := range ids {
		ids[i] = ShortChannelID(i)
	}
	return ids
}

func TestMessagesWithoutATypeAreTruncated(t *testing.T) {
	for _, b := range [][]byte{nil, {0}} {
		_, err := Unmarshal(b)
		require.ErrorIs(t, err, ErrTruncated)
	}
}

// BOLT 1: "satoshi amounts MUST be at most 0x000775f05a074000".
func TestAmountsAreBoundedByTheMoneySupply(t *testing.T) {
	require.EqualValues(t, 0x000775f05a074000, int64(btcutil.MaxSatoshi))
	require.EqualValues(t, uint64(0x1d24b2dfac520000), MaxMilliSatoshi)
	most, tooMany := btcutil.Amount(btcutil.MaxSatoshi), btcutil.Amount(btcutil.MaxSatoshi+1)
	for _, row := range []struct{ at, past Message }{
		{&OpenChannel{Funding: most}, &OpenChannel{Funding: tooMany}},
		{&OpenChannel{Push: MaxMilliSatoshi}, &OpenChannel{Push: MaxMilliSatoshi + 1}},
		{&OpenChannel{DustLimit: most}, &OpenChannel{DustLimit: tooMany}},
		{&OpenChannel{Reserve: most}, &OpenChannel{Reserve: tooMany}},
		{&OpenChannel{}, &OpenChannel{Reserve: -1}},
		{&AcceptChannel{DustLimit: most}, &AcceptChannel{DustLimit: tooMany}},
		{&AcceptChannel{Reserve: most}, &AcceptChannel{Reserve: tooMany}},
		{&UpdateAddHTLC{Amount: MaxMilliSatoshi}, &UpdateAddHTLC{Amount: MaxMilliSatoshi + 1}},
		{&ClosingSigned{Fee: most}, &ClosingSigned{Fee: tooMany}},
		{&ClosingSigned{FeeRange: &FeeRange{most, most}}, &ClosingSigned{FeeRange: &FeeRange{0, tooMany}}},
		{&ClosingSigned{}, &ClosingSigned{FeeRange: &FeeRange{tooMany, 0}}},
		// Limits are not amounts: "none" is any number.
		{&OpenChannel{MaxInFlight: 1<<64 - 1, HTLCMinimum: 1<<64 - 1}, nil},
		{&ChannelUpdate{HTLCMaximum: 1<<64 - 1}, nil},
	} {
		b, err := Marshal(row.at)
		require.NoError(t, err)
		got, err := Unmarshal(b)
		require.NoError(t, err)
		require.Equal(t, row.at, got)
		if row.past != nil {
			_, err = Marshal(row.past)
			require.ErrorIs(t, err, ErrAmount)
		}
	}
	b, err := Marshal(&OpenChannel{})
	require.NoError(t, err)
	for _, at := range []int{2 + 64, 2 + 72, 2 + 80, 2 + 96} { // funding, push, dust limit, reserve
		bad := bytes.Clone(b)
		copy(bad[at:], []byte{0x80})
		_, err = Unmarshal(bad)
		require.ErrorIs(t, err, ErrAmount, "offset %d", at)
	}
}

func TestUnmarshalKeepsNoReferenceToItsInput(t *testing.T) {
	for _, m := range samples(t) {
		b, err := Marshal(m)
		require.NoError(t, err)
		got, err := Unmarshal(b)
		require.NoError(t, err)
		clear(b)
		require.Equal(t, m, got)
	}
}

func TestPaymentMessagesAreReadAndWrittenWithFewAllocations(t *testing.T) {
	for _, row := range []struct {
		m           Message
		read, write float64
	}{
		{&UpdateAddHTLC{}, 1, 1},
		{&UpdateFulfillHTLC{}, 1, 1},
		{&UpdateFailHTLC{Reason: make([]byte, 292)}, 2, 1},
		{&CommitmentSigned{HTLCSigs: make([]Sig, 483)}, 2, 1},
		{&RevokeAndAck{}, 1, 1},
		{&ChannelUpdate{}, 1, 1},
		{&ChannelAnnouncement{}, 1, 1},
	} {
		b, err := Marshal(row.m)
		require.NoError(t, err)
		require.LessOrEqual(t, testing.AllocsPerRun(50, func() { _, err = Unmarshal(b) }), row.read, "%v", row.m.Type())
		require.NoError(t, err)
		require.LessOrEqual(t, testing.AllocsPerRun(50, func() { _, err = Marshal(row.m) }), row.write, "%v", row.m.Type())
		require.NoError(t, err)
	}
}

func TestNamesAreTheSpecifications(t *testing.T) {
	require.Equal(t, "update_add_htlc", TypeUpdateAddHTLC.String())
	require.Equal(t, "gossip_timestamp_filter", TypeGossipTimestampFilter.String())
	require.Equal(t, "message(3)", MsgType(3).String())
	require.Equal(t, "message(513)", MsgType(513).String())
	require.Equal(t, "message(65535)", MsgType(65535).String())
}

type stranger struct{}

func (stranger) Type() MsgType { return 32768 }

func TestOnlyMessagesOfThisPackageAreMarshalled(t *testing.T) {
	_, err := Marshal(stranger{})
	require.ErrorContains(t, err, "no message of this package")
}

// BOLT 1: "if data is not composed solely of printable ASCII characters ...: SHOULD NOT print out
// data verbatim."
func TestErrorTextIsPrintable(t *testing.T) {
	require.Equal(t, "sorry ~", (&Error{Data: []byte("sorry ~")}).Text())
	require.Equal(t, "1b5b", (&Error{Data: []byte("\x1b[")}).Text())
	require.Equal(t, "7f", (&Warning{Data: []byte{127}}).Text())
	require.Equal(t, "c3a9", (&Warning{Data: []byte("é")}).Text())
}

func FuzzMessagesSurviveTheWire(f *testing.F) {
	for _, m := range samples(f) {
		b, err := Marshal(m)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Unmarshal(b)
		if err != nil {
			return
		}
		again, err := Marshal(m)
		require.NoError(t, err)
		got, err := Unmarshal(again)
		require.NoError(t, err)
		require.Equal(t, m, got)
		switch m := m.(type) {
		case *Stfu, *ReplyShortChannelIDsEnd, *ReplyChannelRange: // any byte but zero is true
		case *QueryShortChannelIDs, *QueryChannelRange, *ChannelReady: // an empty array or a zero needs no bytes
		case *ChannelUpdate:
			require.True(t, bytes.Equal(b, again))
			require.Equal(t, chainhash.DoubleHashH(b[66:]), m.Digest())
		default:
			require.True(t, bytes.Equal(b, again), "%x became %x", b, again)
		}
	})
}

func BenchmarkUnmarshalUpdateAddHTLC(b *testing.B) {
	wire, err := Marshal(&UpdateAddHTLC{})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Unmarshal(wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshalUpdateAddHTLC(b *testing.B) {
	m, buf := &UpdateAddHTLC{}, []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = Append(buf[:0], m); err != nil {
			b.Fatal(err)
		}
	}
}
