package main

import (
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

func TestAmountsAreReadInSatoshisAndBitcoins(t *testing.T) {
	for text, want := range map[string]btcutil.Amount{
		"0": 0, "1500": 1500, "100_000": 100_000, "1500sat": 1500, "1500 sat": 1500, "0.005btc": 500_000, "1BTC": 100_000_000,
		"0.00000001btc": 1, "21000000btc": btcutil.MaxSatoshi, "2100000000000000": btcutil.MaxSatoshi,
	} {
		got, err := parseSat(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "btc", "-1", "+1", "1.5", "1,000", "1e5", "0.000000001btc", ".5btc", "1.2.3btc", "2100000000000001", "99999999999999999999", "ten"} {
		_, err := parseSat(text)
		require.Error(t, err, text)
	}
}

func TestKeysAndHashesAreHexOfTheirLength(t *testing.T) {
	_, err := parseKey(bobKey)
	require.NoError(t, err)
	for _, text := range []string{"", bobKey[2:], bobKey + "00", "04" + bobKey[2:], strings.Repeat("zz", 33)} {
		_, err := parseKey(text)
		require.Error(t, err, text)
	}
	_, err = parseHash(hash)
	require.NoError(t, err)
	_, err = parseHash(hash + "00")
	require.Error(t, err)
}

func TestNodesAddressHasAPort(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.7": "203.0.113.7:9735", "203.0.113.7:1": "203.0.113.7:1", "[::1]:2": "[::1]:2", "[::1]": "[::1]:9735", "::1": "[::1]:9735", "node.example": "node.example:9735",
	} {
		addr, err := parseNode(bobKey + "@" + text)
		require.NoError(t, err, text)
		require.Equal(t, want, addr.Host)
		require.Equal(t, bobKey, addr.Pubkey)
	}
	for _, text := range []string{bobKey, bobKey + "@", "@host", "02ab@host"} {
		_, err := parseNode(text)
		require.Error(t, err, text)
	}
}

func TestPointsAreTransactionAndIndex(t *testing.T) {
	op, err := parsePoint(someTx + ":3")
	require.NoError(t, err)
	require.Equal(t, uint32(3), op.OutputIndex)
	for _, text := range []string{someTx, someTx + ":", someTx + ":-1", someTx + ":4294967296", "ab:0"} {
		_, err := parsePoint(text)
		require.Error(t, err, text)
	}
}

func TestChannelNumbersHaveTwoForms(t *testing.T) {
	want := uint64(lnwire.NewShortChannelID(103, 1, 2))
	for _, text := range []string{"103x1x2", "103:1:2", "113249697726466"} {
		got, err := parseSCID(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	require.Equal(t, "103x1x2", scid(want))
	for _, text := range []string{"", "x", "1x2", "1x2x3x4", "16777216x0x0", "0x16777216x0", "0x0x65536", "-1", "axbxc"} {
		_, err := parseSCID(text)
		require.Error(t, err, text)
	}
}

func TestTimesCountBackFromNow(t *testing.T) {
	now := time.Unix(someDay, 0)
	for text, want := range map[string]uint64{
		"1700000000": 1_700_000_000, "-90s": 1_699_999_910, "-2h": 1_699_992_800, "-1d": 1_699_913_600, "-1w": 1_699_395_200, "-100y": 0,
	} {
		got, err := parseTime(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-", "-1", "1d", "-d", "-1x", "-5000000000y", "-4294967295y", "yesterday"} {
		_, err := parseTime(text, now)
		require.Error(t, err, text)
	}
}

func TestRecordsHaveCustomTypes(t *testing.T) {
	r, err := parseRecord("65536=00ff")
	require.NoError(t, err)
	require.Equal(t, record{65536, []byte{0, 255}}, r)
	for _, text := range []string{"65535=00", "65536", "65536=0", "x=00", "=00"} {
		_, err := parseRecord(text)
		require.Error(t, err, text)
	}
}

func TestPercentOfAnAmountCannotWrap(t *testing.T) {
	require.Equal(t, lnwire.MilliSatoshi(50), percent(1000, 5))
	require.Equal(t, lnwire.MilliSatoshi(21e17), percent(21e17, 1<<63))
}

func TestRouteIsReadFromQueryRoutesAnswer(t *testing.T) {
	for _, text := range []string{`{"hops": [{"chan_id": "7"}]}`, `{"routes": [{"hops": [{"chan_id": "7", "new_field": 1}]}], "success_prob": 1}`} {
		r, err := parseRoute([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, uint64(7), r.Hops[0].ChanId)
	}
	for _, text := range []string{"", "{}", `{"hops": []}`, `{"hops": 1}`} {
		_, err := parseRoute([]byte(text))
		require.Error(t, err, text)
	}
}
