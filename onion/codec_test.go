package onion

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	sphinx "github.com/lightningnetwork/lightning-onion"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
)

type btcecKey = btcec.PublicKey

func vectorSecretList(t testing.TB) (list []Secret) {
	for _, s := range vectorSecrets {
		list = append(list, Secret(unhex(t, s)))
	}
	return list
}

func TestTheVectorsFailuresTravelBack(t *testing.T) {
	secrets := vectorSecretList(t)
	reason := NewFailure(&secrets[4], &Failure{Code: TemporaryNodeFailure})
	for i := 3; i >= 0; i-- {
		reason = Encrypt(&secrets[i], reason)
	}
	require.Equal(t, shortErrorPacket, hex.EncodeToString(reason))

	long, err := DecodeFailure(unhex(t, longFailure))
	require.NoError(t, err)
	require.Equal(t, IncorrectOrUnknownPaymentDetails, long.Code)
	require.Equal(t, lnwire.MilliSatoshi(100), long.Amount)
	require.Equal(t, lnwire.Height(800000), long.Height)
	require.Equal(t, append(unhex(t, "fd84d1fd012c"), bytes.Repeat([]byte{128}, 300)...), long.Extra)
	require.Equal(t, longFailure, hex.EncodeToString(long.Encode()))
	reason = newReason(&secrets[4], long.Encode(), 1024) // this vector pads further
	for i := 4; ; i-- {
		require.Equal(t, longErrorPackets[4-i], hex.EncodeToString(reason))
		hop, f, err := Decrypt(secrets[i:], reason)
		require.NoError(t, err)
		require.Equal(t, 4-i, hop)
		require.Equal(t, long, f)
		if i == 0 {
			break
		}
		reason = Encrypt(&secrets[i-1], reason)
	}
}

func TestFailuresOfEveryHopAreReadAndAgreeWithLightningOnion(t *testing.T) {
	nodes, raw := vectorRoute(t, vectorNodes, onionPayloads)
	_, secrets, err := build(nodes, raw, keyOf(0x41), vectorHash[:])
	require.NoError(t, err)
	for from := range secrets {
		f := Failure{Code: FeeInsufficient, Amount: 77, Update: []byte{1, 2, 3}}
		reason := NewFailure(&secrets[from], &f)
		for i := from - 1; i >= 0; i-- {
			reason = Encrypt(&secrets[i], reason)
		}
		hop, got, err := Decrypt(secrets, reason)
		require.NoError(t, err)
		require.Equal(t, from, hop)
		require.Equal(t, f.Update, got.Update)

		theirs, err := sphinx.NewOnionErrorDecrypter(&sphinx.Circuit{SessionKey: keyOf(0x41), PaymentPath: nodes}).DecryptError(reason)
		require.NoError(t, err)
		require.Equal(t, from+1, theirs.SenderIdx)
	}
}

func TestAReasonThatNobodyMadeIsUnreadable(t *testing.T) {
	secrets := vectorSecretList(t)
	good := NewFailure(&secrets[0], &Failure{Code: PermanentNodeFailure})
	for name, reason := range map[string][]byte{
		"empty": {}, "short": good[:reasonOverhead-1], "spoiled": append([]byte{good[0] ^ 1}, good[1:]...), "too long": make([]byte, MaxReasonSize+1),
	} {
		_, _, err := Decrypt(secrets, reason)
		require.ErrorIs(t, err, ErrUnreadable, name)
	}
	_, _, err := Decrypt(nil, good)
	require.ErrorIs(t, err, ErrUnreadable)
	_, _, err = Decrypt(nil, NewFailure(&Secret{}, &Failure{Code: PermanentNodeFailure}))
	require.ErrorIs(t, err, ErrUnreadable, "the dummy secret is nobody's")
	_, _, err = Decrypt(secrets, make([]byte, MaxReasonSize))
	require.ErrorIs(t, err, ErrUnreadable)
}

func TestFailuresArePaddedToOneSize(t *testing.T) {
	secret := Secret{1}
	require.Len(t, NewFailure(&secret, &Failure{Code: MPPTimeout}), reasonOverhead+failureSize)
	require.Len(t, NewFailure(&secret, &Failure{Code: TemporaryChannelFailure, Update: make([]byte, failureSize-4)}), reasonOverhead+failureSize)
	require.Len(t, NewFailure(&secret, &Failure{Code: TemporaryChannelFailure, Update: make([]byte, failureSize-3)}), reasonOverhead+failureSize+1)
}

func TestEveryFailureCodeHasItsNameAndDataAsBOLT4Lists(t *testing.T) {
	sha := bytes.Repeat([]byte{0xaa}, 32)
	full := Failure{SHA256: [32]byte(sha), Amount: 0x0102, Expiry: 0x0304, Height: 0x0506, Flags: 0, Update: []byte{9, 9}, TLVType: 0x123456, Offset: 0x0a0b}
	for _, c := range []struct {
		code uint16
		name string
		data string
	}{
		{0x2002, "temporary_node_failure", ""},
		{0x6002, "permanent_node_failure", ""},
		{0x6003, "required_node_feature_missing", ""},
		{0xc004, "invalid_onion_version", hex.EncodeToString(sha)},
		{0xc005, "invalid_onion_hmac", hex.EncodeToString(sha)},
		{0xc006, "invalid_onion_key", hex.EncodeToString(sha)},
		{0x1007, "temporary_channel_failure", "00020909"},
		{0x4008, "permanent_channel_failure", ""},
		{0x4009, "required_channel_feature_missing", ""},
		{0x400a, "unknown_next_peer", ""},
		{0x100b, "amount_below_minimum", "000000000000010200020909"},
		{0x100c, "fee_insufficient", "000000000000010200020909"},
		{0x100d, "incorrect_cltv_expiry", "0000030400020909"},
		{0x100e, "expiry_too_soon", "00020909"},
		{0x400f, "incorrect_or_unknown_payment_details", "000000000000010200000506"},
		{18, "final_incorrect_cltv_expiry", "00000304"},
		{19, "final_incorrect_htlc_amount", "0000000000000102"},
		{0x1014, "channel_disabled", "000000020909"},
		{21, "expiry_too_far", ""},
		{0x4016, "invalid_onion_payload", "fe001234560a0b"},
		{23, "mpp_timeout", ""},
		{0xc018, "invalid_onion_blinding", hex.EncodeToString(sha)},
	} {
		f := full
		f.Code = Code(c.code)
		require.Equal(t, c.name, f.Code.String())
		b := f.Encode()
		require.Equal(t, c.data, hex.EncodeToString(b[2:]), c.name)
		back, err := DecodeFailure(b)
		require.NoError(t, err)
		require.Equal(t, b, back.Encode())
		if len(b) > 2 {
			back, err = DecodeFailure(b[:len(b)-1])
			require.ErrorIs(t, err, ErrFailure)
			require.Equal(t, Failure{Code: f.Code}, back)
		}
	}
	require.Len(t, layouts, 22)
	require.Equal(t, "failure_0x7777", Code(0x7777).String())
}

func TestPayloadRecordsOutOfTheRulesAreNamedWithTheirOffset(t *testing.T) {
	for name, c := range map[string]struct {
		hex    string
		typ    uint64
		offset uint16
	}{
		"unknown even type":    {"02010114010a", 20, 3},
		"twice the same":       {"0201010201 01", 2, 3},
		"wrong order":          {"040101020101", 2, 3},
		"amount with zeros":    {"02020001", 2, 0},
		"amount of nine bytes": {"0209010000000000000000", 2, 0},
		"amount above all":     {"0208ffffffffffffffff", 2, 0},
		"expiry of five bytes": {"04050100000000", 4, 0},
		"short channel id":     {"0201010607000000000000ff", 6, 3},
		"short payment data":   {"081f" + hex.EncodeToString(make([]byte, 31)), 8, 0},
		"short path key":       {"0c0102", 12, 0},
		"ends in a record":     {"02010104", 4, 3},
		"short keysend":        {"ff0000000146c6616c0101", 5482373484 + 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(c.hex), []byte(" "), nil)))
			require.NoError(t, err)
			_, err = DecodePayload(b)
			var at *PayloadError
			require.True(t, errors.As(err, &at), "%v", err)
			if name != "short keysend" {
				require.Equal(t, c.typ, at.Type)
			}
			require.Equal(t, c.offset, at.Offset)
		})
	}
}

func TestApplicationsRecordsAreKeptAndOddOnesOfTheBOLTsDropped(t *testing.T) {
	p, err := DecodePayload(unhex(t, "0201011301ff"+"fe0001000001aa"+"fe0001000101bb"))
	require.NoError(t, err)
	require.Equal(t, []CustomRecord{{65536, []byte{0xaa}}, {65537, []byte{0xbb}}}, p.Custom)
}

func drawPayload(t *rapid.T) Payload {
	blob := rapid.SliceOfN(rapid.Byte(), 0, 40)
	msat := rapid.Uint64Range(0, uint64(lnwire.MaxMilliSatoshi))
	var p Payload
	if rapid.Bool().Draw(t, "amount?") {
		p.Amount = ptr(lnwire.MilliSatoshi(msat.Draw(t, "amount")))
	}
	if rapid.Bool().Draw(t, "expiry?") {
		p.Expiry = ptr(rapid.Uint32().Draw(t, "expiry"))
	}
	if rapid.Bool().Draw(t, "scid?") {
		p.SCID = ptr(lnwire.ShortChannelID(rapid.Uint64().Draw(t, "scid")))
	}
	if rapid.Bool().Draw(t, "data?") {
		p.PaymentData = &PaymentData{Secret: [32]byte{1}, Total: lnwire.MilliSatoshi(msat.Draw(t, "total"))}
	}
	if rapid.Bool().Draw(t, "recipient?") {
		p.RecipientData = append([]byte{}, blob.Draw(t, "recipient")...)
		p.PathKey = &lnwire.PubKey{2, 9}
	}
	if rapid.Bool().Draw(t, "metadata?") {
		p.Metadata = append([]byte{}, blob.Draw(t, "metadata")...)
		p.Total = ptr(lnwire.MilliSatoshi(msat.Draw(t, "total of the path")))
	}
	if rapid.Bool().Draw(t, "keysend?") {
		p.Keysend = &lnwire.Preimage{3}
	}
	typ := uint64(CustomRecordFloor)
	for range rapid.IntRange(0, 4).Draw(t, "custom") {
		typ += rapid.SampledFrom([]uint64{1, 2, 1 << 20, TypeKeysend}).Draw(t, "step")
		if typ != TypeKeysend {
			p.Custom = append(p.Custom, CustomRecord{typ, append([]byte{}, blob.Draw(t, "value")...)})
		}
	}
	return p
}

func TestPayloadsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPayload(t)
		back, err := DecodePayload(p.Encode())
		require.NoError(t, err)
		require.Equal(t, &p, back)
	})
}

func FuzzPayload(f *testing.F) {
	for _, s := range append(onionPayloads, blindedPayloads...) {
		f.Add(bare(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePayload(b)
		if err != nil {
			return
		}
		once := p.Encode()
		back, err := DecodePayload(once)
		require.NoError(t, err)
		require.Equal(t, once, back.Encode())
	})
}

func FuzzRecipientData(f *testing.F) {
	for _, v := range routeBlinding {
		f.Add(unhex(f, v.plain))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := DecodeRecipientData(b)
		if err != nil {
			return
		}
		back, err := DecodeRecipientData(d.Encode())
		require.NoError(t, err)
		require.Equal(t, d, back)
		if d.Relay != nil {
			blinded := Blinded{Data: *d}
			if amount, expiry, err := blinded.Forward(lnwire.MaxMilliSatoshi, 1<<31); err == nil {
				require.LessOrEqual(t, amount, lnwire.MaxMilliSatoshi)
				require.LessOrEqual(t, expiry, uint32(1<<31))
			}
		}
	})
}

func FuzzFailure(f *testing.F) {
	for code := range layouts {
		f.Add((&Failure{Code: code, Update: []byte{1}}).Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeFailure(b)
		if err == nil {
			require.Equal(t, b, v.Encode())
		}
	})
}
