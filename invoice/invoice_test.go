package invoice

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2/bech32"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

var mainnet, testnet = &chaincfg.MainNetParams, &chaincfg.TestNet3Params

// vectorKey signs all examples but one.
func vectorKey(t testing.TB) *btcec.PrivateKey {
	k, _ := btcec.PrivKeyFromBytes(unhex(t, "e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734"))
	return k
}

func msat(a lnwire.MilliSatoshi) *lnwire.MilliSatoshi { return &a }

// example is what the examples share: hash, secret, timestamp and payee.
func example(t testing.TB, change func(*Invoice)) *Invoice {
	inv := New(mainnet, time.Unix(1496314658, 0),
		lnwire.Hash(unhex(t, "0001020304050607080900010203040506070809000102030405060708090102")),
		[32]byte(unhex(t, strings.Repeat("11", 32))))
	inv.Payee = lnwire.PubKey(unhex(t, "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad"))
	change(inv)
	return inv
}

func fallback(t testing.TB, addr string, network *chaincfg.Params) []Fallback {
	f, err := NewFallback(addr, network)
	require.NoError(t, err)
	a, err := f.Address(network)
	require.NoError(t, err)
	require.Equal(t, addr, a.EncodeAddress())
	return []Fallback{f}
}

func listHash() *lnwire.Hash {
	h := lnwire.Hash(sha256.Sum256([]byte("One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss " +
		"cheese, one slice of salami, one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice of watermelon")))
	return &h
}

// hashed is the example with a hashed description and a fallback address.
func hashed(t testing.TB, addr string, network *chaincfg.Params) *Invoice {
	return example(t, func(inv *Invoice) {
		inv.Network, inv.Amount, inv.DescriptionHash = network, msat(20*bitcoin/1000), listHash()
		if addr != "" {
			inv.Fallbacks = fallback(t, addr, network)
		}
	})
}

type vector struct {
	text  string
	want  *Invoice
	exact bool // the fields stand in our order, so that we write the very same text
}

func vectors(t testing.TB) map[string]vector {
	coffee := func(description string) *Invoice {
		return example(t, func(inv *Invoice) {
			inv.Amount, inv.Description, inv.Expiry = msat(2500*bitcoin/1_000_000), description, time.Minute
		})
	}
	beans := func(change func(*Invoice)) *Invoice {
		return example(t, func(inv *Invoice) {
			inv.Amount, inv.Description = msat(25*bitcoin/1000), "coffee beans"
			inv.Features = lnwire.NewFeatures(8, 14, 99)
			change(inv)
		})
	}
	donation := example(t, func(inv *Invoice) { inv.Description = "Please consider supporting this project" })
	route := hashed(t, "1RustyRX2oai4EYYDpQGWvEL62BBGqN9T", mainnet)
	route.Hints = [][]Hop{{
		{lnwire.PubKey(unhex(t, "029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255")),
			lnwire.NewShortChannelID(66051, 263430, 1800), 1, 20, 3},
		{lnwire.PubKey(unhex(t, "039e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255")),
			lnwire.NewShortChannelID(197637, 395016, 2314), 2, 30, 4},
	}}
	none := func(*Invoice) {}
	return map[string]vector{
		"donation":         {vectorDonation, donation, true},
		"coffee":           {vectorCoffee, coffee("1 cup coffee"), true},
		"nonsense":         {vectorNonsense, coffee("ナンセンス 1杯"), true},
		"list":             {vectorList, hashed(t, "", mainnet), true},
		"testnet":          {vectorTestnet, hashed(t, "mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP", testnet), false},
		"route":            {vectorRoute, route, false},
		"P2SH":             {vectorP2SH, hashed(t, "3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX", mainnet), false},
		"P2WPKH":           {vectorP2WPKH, hashed(t, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", mainnet), false},
		"P2WSH":            {vectorP2WSH, hashed(t, "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", mainnet), false},
		"P2TR":             {vectorP2TR, hashed(t, "bc1pptdvg0d2nj99568qn6ssdy4cygnwuxgw2ukmnwgwz7jpqjz2kszse2s3lm", mainnet), true},
		"pico":             {vectorPico, pico(t), false},
		"features":         {vectorBeans, beans(none), false},
		"upper case":       {vectorBeansUpper, beans(none), false},
		"fields to ignore": {vectorIgnored, beans(func(inv *Invoice) { inv.Unknown = ignoredFields() }), false},
		"metadata":         {vectorMetadata, metadata(t), false},
	}
}

func pico(t testing.TB) *Invoice {
	return example(t, func(inv *Invoice) {
		inv.Amount, inv.Timestamp = msat(967878534), time.Unix(1572468703, 0).UTC()
		inv.Hash = lnwire.Hash(unhex(t, "462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f"))
		inv.Description = `Blockstream Store: 88.85 USD for Blockstream Ledger Nano S x 1, "Back In My Day" Sticker x 2, "I Got ` +
			`Lightning Working" Sticker x 2 and 1 more items`
		inv.Expiry, inv.MinFinalCLTV = 604800*time.Second, 10
		inv.Hints = [][]Hop{{{lnwire.PubKey(unhex(t, "03d06758583bb5154774a6eb221b1276c9e82d65bbaceca806d90e20c108f4b1c7")),
			lnwire.NewShortChannelID(589390, 3312, 1), 1000, 2500, 40}}}
	})
}

func metadata(t testing.TB) *Invoice {
	return example(t, func(inv *Invoice) {
		inv.Amount, inv.Description = msat(bitcoin/100), "payment metadata inside"
		inv.Metadata, inv.Features = []byte{1, 0xfa, 0xfa, 0xf0}, lnwire.NewFeatures(8, 14, 48)
	})
}

func ignoredFields() []Field {
	zeros := func(typ byte, n int) Field { return Field{typ, make([]byte, n)} }
	all := []Field{zeros(10, 3), zeros(fieldFallback, 33), zeros(fieldHash, 51), zeros(fieldHash, 53),
		zeros(fieldDescriptionHash, 51), zeros(fieldDescriptionHash, 53), zeros(fieldSecret, 51), zeros(fieldSecret, 53),
		zeros(fieldPayee, 52), zeros(fieldPayee, 54)}
	all[1].Data[0] = 19
	return all
}

func TestValidExamplesDecode(t *testing.T) {
	for name, v := range vectors(t) {
		got, err := Decode(v.text, v.want.Network)
		require.NoError(t, err, name)
		require.Equal(t, v.want, got, name)
	}
}

func TestInvoicesAreWrittenAsTheExamplesAre(t *testing.T) {
	for name, v := range vectors(t) {
		s, err := v.want.Encode(SignWith(vectorKey(t)))
		require.NoError(t, err, name)
		if v.exact {
			require.Equal(t, v.text, s, name)
		}
		again, err := Decode(s, v.want.Network)
		require.NoError(t, err, name)
		require.Equal(t, v.want, again, name)
	}
}

func TestInvalidExamplesAreRefused(t *testing.T) {
	for name, v := range map[string]struct {
		text string
		want error
	}{
		"checksum":            {vectorChecksum, ErrFormat},
		"no 1":                {vectorNoSeparator, ErrFormat},
		"mixed case":          {vectorMixedCase, ErrFormat},
		"not recoverable":     {vectorUnrecoverable, ErrSignature},
		"too short":           {vectorTooShort, ErrFormat},
		"invalid multiplier":  {vectorMultiplier, ErrAmount},
		"sub-millisatoshi":    {vectorSubMilli, ErrAmount},
		"no secret":           {vectorNoSecret, ErrMissing},
		"high s with n field": {vectorHighSNamed, ErrHighS},
	} {
		inv, err := Decode(v.text, mainnet)
		require.ErrorIs(t, err, v.want, name)
		require.Nil(t, inv)
	}
	inv, err := Decode(vectorFeature100, mainnet)
	var unknown *UnknownFeaturesError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []lnwire.FeatureBit{100}, unknown.Bits)
	require.Nil(t, inv)
}

// BOLT 11: "MUST perform ECDSA public-key recovery and accept both high-S and low-S signatures." The example negates
// the donation's s and keeps its recovery id, which makes it somebody else's; the other id gives the payee back.
func TestHighSIsAcceptedWhereTheKeyIsRecovered(t *testing.T) {
	want := vectors(t)["donation"].want
	payee := want.Payee
	want.Payee = lnwire.PubKey(unhex(t, "02d0139ce7427d6dfffd26a326c18be754ef1e64672b42694ba5b23ef6e6e7803d"))
	inv, err := Decode(vectorHighS, mainnet)
	require.NoError(t, err)
	require.Equal(t, want, inv)

	hrp, groups, err := bech32.DecodeNoLimit(vectorHighS)
	require.NoError(t, err)
	groups[len(groups)-1] ^= 1
	other, err := bech32.Encode(hrp, groups)
	require.NoError(t, err)
	inv, err = Decode(other, mainnet)
	require.NoError(t, err)
	require.Equal(t, payee, inv.Payee)
}

// The refused high-S example is refused for that alone: the same signature with a low s is good.
func TestTheHighSExampleIsGoodWithALowS(t *testing.T) {
	hrp, groups, err := bech32.DecodeNoLimit(vectorHighSNamed)
	require.NoError(t, err)
	sig, err := toBytes(groups[len(groups)-sigGroups:])
	require.NoError(t, err)
	var s btcec.ModNScalar
	s.SetByteSlice(sig[32:64])
	s.Negate()
	s.PutBytesUnchecked(sig[32:64])
	low, err := bech32.Encode(hrp, append(groups[:len(groups)-sigGroups], toGroups(sig)...))
	require.NoError(t, err)
	inv, err := Decode(low, mainnet)
	require.NoError(t, err)
	require.True(t, inv.NamesPayee)
}

func TestAmountsTakeTheLargestMultiplier(t *testing.T) {
	for a, want := range map[lnwire.MilliSatoshi]string{
		1: "10p", 10: "100p", 99: "990p", 100: "1n", 1000: "10n", 100_000: "1u", 250_000_000: "2500u", bitcoin / 1000: "1m", bitcoin: "1",
		lnwire.MaxMilliSatoshi: "21000000", lnwire.MaxMilliSatoshi - 1: "20999999999999999990p",
		967878534: "9678785340p",
	} {
		s, err := formatAmount(a)
		require.NoError(t, err)
		require.Equal(t, want, s)
		back, err := parseAmount(s)
		require.NoError(t, err)
		require.Equal(t, a, *back)
	}
	for _, a := range []lnwire.MilliSatoshi{0, lnwire.MaxMilliSatoshi + 1} {
		_, err := formatAmount(a)
		require.ErrorIs(t, err, ErrAmount)
	}
}

func TestAmountsThatAreNone(t *testing.T) {
	for _, s := range []string{"0", "01", "0m", "0p", "00p", "1p", "11p", "1x", "1mm", "1pm", "m1", "1.5m", "-1", "+1", "1_0", "1 ",
		"21000001", "21000000001m", "21000000000001u", "21000000000000001n", "21000000000000000010p",
		"18446744073709551616", "99999999999999999999999p"} {
		_, err := parseAmount(s)
		require.ErrorIs(t, err, ErrAmount, s)
	}
	for s, want := range map[string]lnwire.MilliSatoshi{ // "non-largest multipliers have been encountered in the wild"
		"1000m": bitcoin, "20000u": 20 * bitcoin / 1000, "21000000000000000000p": lnwire.MaxMilliSatoshi,
	} {
		a, err := parseAmount(s)
		require.NoError(t, err)
		require.Equal(t, want, *a)
	}
}

func TestEveryNetworkHasItsPrefix(t *testing.T) {
	networks := map[string]*chaincfg.Params{
		"lnbc1": mainnet, "lntb1": testnet, "lntbs1": &chaincfg.SigNetParams, "lnbcrt1": &chaincfg.RegressionNetParams,
		"lnsb1": &chaincfg.SimNetParams,
	}
	for want, network := range networks {
		inv := example(t, func(inv *Invoice) { inv.Network = network })
		s, err := inv.Encode(SignWith(vectorKey(t)))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(s, want), s)
		for _, other := range networks {
			_, err = Decode(s, other)
			if other == network {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrNetwork)
			}
		}
	}
}

// encodeWith writes an invoice of raw fields behind a p, an s and a d, each of which can be left out.
func encodeWith(t *testing.T, skip string, fields ...Field) string {
	w := writer{groups: make([]byte, timestampGroups)}
	for name, f := range map[string]Field{
		"p": {fieldHash, make([]byte, 52)}, "s": {fieldSecret, make([]byte, 52)}, "d": {fieldDescription, nil},
	} {
		if !strings.Contains(skip, name) {
			w.field(f.Type, f.Data)
		}
	}
	for _, f := range fields {
		w.field(f.Type, f.Data)
	}
	require.NoError(t, w.err)
	return signed(t, "lnbc", w.groups)
}

func signed(t *testing.T, hrp string, groups []byte) string {
	sig, err := SignWith(vectorKey(t))(digest(hrp, groups))
	require.NoError(t, err)
	s, err := bech32.Encode(hrp, append(groups[:len(groups):len(groups)], toGroups(sig[:])...))
	require.NoError(t, err)
	return s
}

func TestRequiredFieldsMustBeThereAndOfTheRightLength(t *testing.T) {
	_, err := Decode(encodeWith(t, ""), mainnet)
	require.NoError(t, err)
	for name, s := range map[string]string{
		"no p": encodeWith(t, "p"), "no s": encodeWith(t, "s"), "neither d nor h": encodeWith(t, "d"),
		"d and h": encodeWith(t, "", Field{fieldDescriptionHash, make([]byte, 52)}),
		"short p": encodeWith(t, "p", Field{fieldHash, make([]byte, 51)}),
		"long p":  encodeWith(t, "p", Field{fieldHash, make([]byte, 53)}),
		"short s": encodeWith(t, "s", Field{fieldSecret, make([]byte, 51)}),
		"long s":  encodeWith(t, "s", Field{fieldSecret, make([]byte, 53)}),
		"short h": encodeWith(t, "d", Field{fieldDescriptionHash, make([]byte, 51)}),
		"long h":  encodeWith(t, "d", Field{fieldDescriptionHash, make([]byte, 53)}),
	} {
		_, err := Decode(s, mainnet)
		require.ErrorIs(t, err, ErrMissing, name)
	}
}

func TestMalformedFieldsAreRefused(t *testing.T) {
	pad := make([]byte, 52)
	pad[51] = 1
	for name, f := range map[string]Field{
		"x with a leading zero":      {fieldExpiry, []byte{0, 1}},
		"c with a leading zero":      {fieldMinFinalCLTV, []byte{0}},
		"9 with a leading zero":      {fieldFeatures, []byte{0, 1}},
		"c past 32 bits":             {fieldMinFinalCLTV, []byte{4, 0, 0, 0, 0, 0, 0}},
		"m with a group too many":    {fieldMetadata, []byte{0}},
		"m with bits in the padding": {fieldMetadata, []byte{0, 1}},
		"empty r":                    {fieldHint, nil},
		"r of half a hop":            {fieldHint, make([]byte, 41)},
		"f with bits in the padding": {fieldFallback, []byte{1, 0, 1}},
	} {
		_, err := Decode(encodeWith(t, "", f), mainnet)
		require.ErrorIs(t, err, ErrFormat, name)
	}
	_, err := Decode(encodeWith(t, "p", Field{fieldHash, pad}), mainnet)
	require.ErrorIs(t, err, ErrFormat)
	_, err = Decode(encodeWith(t, "d", Field{fieldDescription, toGroups([]byte{0xff})}), mainnet)
	require.ErrorIs(t, err, ErrFormat)
	for _, cut := range [][]byte{{2}, {2, 0}, {2, 0, 1}, {2, 31, 31, 0}} {
		_, err = Decode(signed(t, "lnbc", append(make([]byte, timestampGroups), cut...)), mainnet)
		require.ErrorIs(t, err, ErrFormat)
	}
}

func TestNumbersGoUpToTheirLimits(t *testing.T) {
	inv, err := Decode(encodeWith(t, "", Field{fieldMinFinalCLTV, []byte{3, 31, 31, 31, 31, 31, 31}}), mainnet)
	require.NoError(t, err)
	require.EqualValues(t, 1<<32-1, inv.MinFinalCLTV)
	for _, f := range []Field{{fieldExpiry, numberGroups(maxExpiry)}, {fieldExpiry, numberGroups(maxExpiry + 1)},
		{fieldExpiry, numberGroups(1<<64 - 1)}, {fieldExpiry, append([]byte{31}, make([]byte, 20)...)}} {
		inv, err := Decode(encodeWith(t, "", f), mainnet)
		require.NoError(t, err)
		require.EqualValues(t, maxExpiry, inv.Expiry/time.Second)
		require.False(t, inv.Expired(time.Unix(1<<33, 0)))
	}
	inv, err = Decode(encodeWith(t, "", Field{fieldExpiry, nil}), mainnet)
	require.NoError(t, err)
	require.Zero(t, inv.Expiry)
}

func TestTheFirstOfAFieldSaidTwiceCounts(t *testing.T) {
	other := Field{fieldDescription, toGroups([]byte("other"))}
	inv, err := Decode(encodeWith(t, "", other, Field{fieldSecret, make([]byte, 52)}), mainnet)
	require.NoError(t, err)
	require.Empty(t, inv.Description)
	require.Equal(t, other, inv.Unknown[0])
	require.Len(t, inv.Unknown, 2)
}

func TestFallbacksThatAreNoneAreSkipped(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "version 19": make20(19), "version 31": make20(31), "v0 of 2 bytes": append([]byte{0}, toGroups(make([]byte, 2))...),
		"v2 of one byte": append([]byte{2}, toGroups(make([]byte, 1))...), "v2 of 41 bytes": append([]byte{2}, toGroups(make([]byte, 41))...),
		"P2PKH of 19 bytes": append([]byte{17}, toGroups(make([]byte, 19))...), "P2SH of 21 bytes": append([]byte{18}, toGroups(make([]byte, 21))...),
	} {
		inv, err := Decode(encodeWith(t, "", Field{fieldFallback, data}), mainnet)
		require.NoError(t, err, name)
		require.Empty(t, inv.Fallbacks, name)
		require.Len(t, inv.Unknown, 1, name)
	}
	for _, data := range [][]byte{append([]byte{2}, toGroups(make([]byte, 2))...), append([]byte{16}, toGroups(make([]byte, 40))...)} {
		inv, err := Decode(encodeWith(t, "", Field{fieldFallback, data}), mainnet)
		require.NoError(t, err)
		require.Len(t, inv.Fallbacks, 1)
		_, err = inv.Fallbacks[0].Address(mainnet)
		require.ErrorIs(t, err, ErrFormat) // nobody pays to these yet
	}
}

func make20(version byte) []byte { return append([]byte{version}, toGroups(make([]byte, 20))...) }

func TestFallbacksAreAddressesOfTheNetwork(t *testing.T) {
	_, err := NewFallback("mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP", mainnet)
	require.Error(t, err)
	_, err = NewFallback("nonsense", mainnet)
	require.Error(t, err)
	_, err = NewFallback("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", mainnet)
	require.ErrorIs(t, err, ErrFormat)
	_, err = example(t, func(inv *Invoice) { inv.Fallbacks = []Fallback{{0, make([]byte, 3)}} }).Encode(SignWith(vectorKey(t)))
	require.ErrorIs(t, err, ErrFormat)
}

func TestFieldsAndInvoicesHaveLimits(t *testing.T) {
	sign := SignWith(vectorKey(t))
	inv := example(t, func(inv *Invoice) { inv.Description = strings.Repeat("a", MaxField) })
	s, err := inv.Encode(sign)
	require.NoError(t, err)
	back, err := Decode(s, mainnet)
	require.NoError(t, err)
	require.Equal(t, inv, back)
	inv.Description += "a"
	_, err = inv.Encode(sign)
	require.ErrorIs(t, err, ErrTooLong)

	inv = example(t, func(inv *Invoice) { inv.Hints = [][]Hop{make([]Hop, MaxHops)} })
	_, err = inv.Encode(sign)
	require.NoError(t, err)
	inv.Hints[0] = append(inv.Hints[0], Hop{})
	_, err = inv.Encode(sign)
	require.ErrorIs(t, err, ErrTooLong)
	inv.Hints[0] = nil
	_, err = inv.Encode(sign)
	require.ErrorIs(t, err, ErrFormat)

	// Unknown fields fill an invoice up to MaxLength.
	inv = example(t, func(*Invoice) {})
	s, err = inv.Encode(sign)
	require.NoError(t, err)
	room := MaxLength - len(s)
	for ; room > 1026; room -= 1026 {
		inv.Unknown = append(inv.Unknown, Field{2, make([]byte, 1023)})
	}
	inv.Unknown = append(inv.Unknown, Field{2, make([]byte, room-3)})
	s, err = inv.Encode(sign)
	require.NoError(t, err)
	require.Len(t, s, MaxLength)
	_, err = Decode(s, mainnet)
	require.NoError(t, err)
	_, err = Decode(s+"q", mainnet)
	require.ErrorIs(t, err, ErrTooLong)
	last := &inv.Unknown[len(inv.Unknown)-1]
	last.Data = append(last.Data, 0)
	_, err = inv.Encode(sign)
	require.ErrorIs(t, err, ErrTooLong)
}

func TestTimestampsHave35Bits(t *testing.T) {
	inv := example(t, func(inv *Invoice) { inv.Timestamp = time.Unix(maxTimestamp, 0).UTC() })
	s, err := inv.Encode(SignWith(vectorKey(t)))
	require.NoError(t, err)
	back, err := Decode(s, mainnet)
	require.NoError(t, err)
	require.Equal(t, inv, back)
	for _, seconds := range []int64{-1, maxTimestamp + 1} {
		inv.Timestamp = time.Unix(seconds, 0)
		_, err = inv.Encode(SignWith(vectorKey(t)))
		require.ErrorIs(t, err, ErrFormat)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for name, change := range map[string]func(*Invoice){
		"description": func(inv *Invoice) { inv.Description = "\xff" },
		"expiry":      func(inv *Invoice) { inv.Expiry = -1 },
	} {
		_, err := example(t, change).Encode(SignWith(vectorKey(t)))
		require.ErrorIs(t, err, ErrFormat, name)
	}
	_, err := example(t, func(inv *Invoice) { inv.Amount = msat(0) }).Encode(SignWith(vectorKey(t)))
	require.ErrorIs(t, err, ErrAmount)
}

func TestOnlyThePayeeSigns(t *testing.T) {
	stranger, _ := btcec.PrivKeyFromBytes([]byte{1})
	inv := example(t, func(*Invoice) {})
	for _, named := range []bool{false, true} {
		inv.NamesPayee = named
		_, err := inv.Encode(SignWith(stranger))
		require.ErrorIs(t, err, ErrSignature)
		s, err := inv.Encode(SignWith(vectorKey(t)))
		require.NoError(t, err)
		got, err := Decode(s, mainnet)
		require.NoError(t, err)
		require.Equal(t, inv, got)
	}
	cause := errors.New("locked")
	_, err := inv.Encode(func([32]byte) (Signature, error) { return Signature{}, cause })
	require.ErrorIs(t, err, cause)
	for _, named := range []bool{false, true} {
		inv.NamesPayee = named
		for _, bad := range []Signature{{}, {31: 1, 63: 1, 64: 4}} {
			_, err = inv.Encode(func([32]byte) (Signature, error) { return bad, nil })
			require.ErrorIs(t, err, ErrSignature)
		}
	}
}

// BOLT 11: "if the feature vector does not set all known, transitive feature dependencies: MUST NOT attempt the
// payment."
func TestFeaturesNeedTheirDependencies(t *testing.T) {
	var missing *MissingFeaturesError
	_, err := Decode(encodeWith(t, "", Field{fieldFeatures, featureGroups(lnwire.NewFeatures(17))}), mainnet)
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []lnwire.FeatureBit{lnwire.FeaturePaymentSecret}, missing.Bits)
	_, err = example(t, func(inv *Invoice) { inv.Features = lnwire.NewFeatures(17) }).Encode(SignWith(vectorKey(t)))
	require.ErrorAs(t, err, &missing)
	_, err = example(t, func(inv *Invoice) { inv.Features = lnwire.NewFeatures(100) }).Encode(SignWith(vectorKey(t)))
	require.ErrorAs(t, err, new(*UnknownFeaturesError)) // we could not pay it ourselves
	inv, err := Decode(encodeWith(t, "", Field{fieldFeatures, featureGroups(lnwire.NewFeatures(8, 14, 16, 49, 101))}), mainnet)
	require.NoError(t, err)
	require.True(t, inv.Features.Supports(lnwire.FeatureBasicMPP))
}

func TestInvoicesExpire(t *testing.T) {
	inv := example(t, func(*Invoice) {})
	end := inv.Timestamp.Add(time.Hour)
	require.Equal(t, end, inv.ExpiresAt())
	require.False(t, inv.Expired(end))
	require.True(t, inv.Expired(end.Add(time.Nanosecond)))
}

func TestBech32mIsNoInvoice(t *testing.T) {
	hrp, groups, err := bech32.DecodeNoLimit(vectorDonation)
	require.NoError(t, err)
	s, err := bech32.EncodeM(hrp, groups)
	require.NoError(t, err)
	_, err = Decode(s, mainnet)
	require.ErrorIs(t, err, ErrFormat)
}

// The fuzzer supplies human-readable part and groups; the signature is made good, so that it gets past it.
func FuzzInvoicesSurviveEncoding(f *testing.F) {
	for _, v := range vectors(f) {
		hrp, groups, err := bech32.DecodeNoLimit(v.text)
		require.NoError(f, err)
		f.Add(hrp, groups[:len(groups)-sigGroups])
	}
	sign := SignWith(vectorKey(f))
	f.Fuzz(func(t *testing.T, hrp string, groups []byte) {
		for i := range groups {
			groups[i] &= 31
		}
		sig, err := sign(digest(hrp, groups))
		require.NoError(t, err)
		s, err := bech32.Encode(hrp, append(groups, toGroups(sig[:])...))
		if err != nil {
			return
		}
		inv, err := Decode(s, mainnet)
		if err != nil {
			return
		}
		again, err := inv.Encode(sign)
		if inv.NamesPayee && errors.Is(err, ErrSignature) || errors.Is(err, ErrTooLong) {
			return
		}
		require.NoError(t, err)
		back, err := Decode(again, mainnet)
		require.NoError(t, err)
		require.Equal(t, inv, back)
	})
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		inv, err := Decode(s, mainnet)
		require.Equal(t, err != nil, inv == nil)
	})
}
