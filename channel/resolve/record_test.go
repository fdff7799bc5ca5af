package resolve

import (
	"encoding/hex"
	"testing"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/stretchr/testify/require"
)

// goldenRecord is a record of version 0; it must load for ever.
const goldenRecord = "00" +
	"00" + "0100000000000000000000000000000000000000" + "000c3500" +
	"01" + "0200000000000000000000000000000000000000" + "000c3501"

func TestTheGoldenRecordLoads(t *testing.T) {
	r := RevokedRecord{HTLCs: []RevokedHTLC{
		{Offerer: commitment.Local, Hash: [20]byte{1}, Expiry: 800_000},
		{Offerer: commitment.Remote, Hash: [20]byte{2}, Expiry: 800_001},
	}}
	require.Equal(t, goldenRecord, hex.EncodeToString(r.Encode()))
	b, err := hex.DecodeString(goldenRecord)
	require.NoError(t, err)
	got, err := DecodeRevokedRecord(b)
	require.NoError(t, err)
	require.Equal(t, r, got)
}

func TestARecordTakes25BytesForEachHTLCAndIsBounded(t *testing.T) {
	full := RevokedRecord{HTLCs: make([]RevokedHTLC, recordMax)}
	b := full.Encode()
	require.Len(t, b, 1+25*966)
	_, err := DecodeRevokedRecord(b)
	require.NoError(t, err)
	_, err = DecodeRevokedRecord(append(b, make([]byte, recordHTLC)...))
	require.ErrorIs(t, err, ErrRecord)
	_, err = DecodeRevokedRecord(b[:len(b)-1])
	require.ErrorIs(t, err, ErrRecord)
	b[1] = 2
	_, err = DecodeRevokedRecord(b)
	require.ErrorIs(t, err, ErrRecord, "a third side")
	_, err = DecodeRevokedRecord(nil)
	require.ErrorIs(t, err, ErrRecord)
	_, err = DecodeRevokedRecord([]byte{recordVersion + 1})
	require.ErrorIs(t, err, ErrRecord)
}

func FuzzDecodeRevokedRecord(f *testing.F) {
	b, err := hex.DecodeString(goldenRecord)
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeRevokedRecord(b); err == nil {
			require.Equal(t, b, r.Encode())
		}
	})
}
