package rpc

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestZBase32MatchesTheExamplesOfItsSpecification(t *testing.T) {
	for _, c := range []struct{ raw, text string }{ // whole bytes of z-base-32's table
		{"00", "yy"},
		{"f0bfc7", "6n9hq"},
		{"d47a04", "4t7ye"},
		{"", ""},
	} {
		raw, err := hex.DecodeString(c.raw)
		require.NoError(t, err)
		require.Equal(t, c.text, encodeZBase32(raw))
		back, err := decodeZBase32(c.text)
		require.NoError(t, err)
		require.Equal(t, c.raw, hex.EncodeToString(back))
	}
}

func TestZBase32RefusesWhatItNeverWrites(t *testing.T) {
	for _, s := range []string{"l", "y", "6n9h", "yb", "YY", "yyy", "é"} {
		_, err := decodeZBase32(s)
		require.Error(t, err, "%q", s)
	}
}

func FuzzZBase32RoundTrip(f *testing.F) {
	f.Add([]byte{0xf0, 0xbf, 0xc7}, "6n9hq")
	f.Fuzz(func(t *testing.T, raw []byte, s string) {
		back, err := decodeZBase32(encodeZBase32(raw))
		require.NoError(t, err)
		require.Equal(t, hex.EncodeToString(raw), hex.EncodeToString(back))
		if raw, err := decodeZBase32(s); err == nil {
			require.Equal(t, s, encodeZBase32(raw))
		}
	})
}
