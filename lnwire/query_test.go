package lnwire

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
)

const regtestHash = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"

func scid(block Height, tx uint32, output uint16) ShortChannelID {
	return NewShortChannelID(block, tx, output)
}

// bolt07/extended-queries of the specification, the uncompressed ones.
func TestQueriesAreAsInTheExtendedQueriesVectors(t *testing.T) {
	chain := chainhash.Hash(unhex(t, regtestHash))
	for wire, want := range map[string]Message{
		"0107" + regtestHash + "000186a0000005dc": &QueryChannelRange{
			ChainHash: chain, FirstBlock: 100000, Blocks: 1500},
		"0107" + regtestHash + "000088b800000064010103": &QueryChannelRange{
			ChainHash: chain, FirstBlock: 35000, Blocks: 100, Options: WantTimestamps | WantChecksums},
		"0108" + regtestHash + "000b8a06000005dc01001900000000000000008e0000000000003c69000000000045a6c4": &ReplyChannelRange{
			ChainHash: chain, FirstBlock: 756230, Blocks: 1500, Complete: true,
			SCIDs: []ShortChannelID{scid(0, 0, 142), scid(0, 0, 15465), scid(0, 69, 42692)}},
		"0108" + regtestHash + "0001ddde000005dc01001900000000000000304300000000000778d6000000000046e1c1" +
			"011900000282c1000e77c5000778ad00490ab00000b57800955bff" +
			"031800000457000008ae00000d050000115c000015b300001a0a": &ReplyChannelRange{
			ChainHash: chain, FirstBlock: 122334, Blocks: 1500, Complete: true,
			SCIDs:      []ShortChannelID{scid(0, 0, 12355), scid(0, 7, 30934), scid(0, 70, 57793)},
			Timestamps: []ChannelTimestamps{{164545, 948165}, {489645, 4786864}, {46456, 9788415}},
			Checksums:  []ChannelChecksums{{1111, 2222}, {3333, 4444}, {5555, 6666}}},
		"0105" + regtestHash + "001900000000000000008e0000000000003c69000000000045a6c4": &QueryShortChannelIDs{
			ChainHash: chain, SCIDs: []ShortChannelID{scid(0, 0, 142), scid(0, 0, 15465), scid(0, 69, 42692)}},
	} {
		m, err := Unmarshal(unhex(t, wire))
		require.NoError(t, err)
		require.Equal(t, want, m)
		b, err := Marshal(want)
		require.NoError(t, err)
		require.Equal(t, wire, hex.EncodeToString(b))
	}
}

// The compressed ones. BOLT 7: "Previously used for zlib compression, this encoding MUST NOT be used."
func TestCompressedQueriesOfTheVectorsAreRefused(t *testing.T) {
	for _, wire := range []string{
		"0108" + regtestHash + "000006400000006e01001601789c636000833e08659309a65878be010010a9023a",
		"0108" + regtestHash + "0001ddde000005dc01001801789c63600001036730c55e710d4cbb3d3c080017c303b1012201789c63606a3ac8" +
			"c0577e9481bd622d8327d7060686ad150c53a3ff0300554707db031800000457000008ae00000d050000115c000015b300001a0a",
		"0105" + regtestHash + "001801789c63600001c12b608a69e73e30edbaec0800203b040e",
		"0105" + regtestHash + "0019000000000000002fc80000000000003cc4000000000045a6c4010c01789c6364620100000e0008",
		"0105" + regtestHash + "001801789c63600001f30a30c5b0cd144cb92e3b020017c6034a010c01789c6364620100000e0008",
	} {
		_, err := Unmarshal(unhex(t, wire))
		require.ErrorIs(t, err, ErrZlib)
	}
}

func TestQueryFlagsAreOnePerID(t *testing.T) {
	ids := []ShortChannelID{1, 2, 3}
	m := &QueryShortChannelIDs{SCIDs: ids, Flags: []byte{QueryAnnouncement, QueryUpdate1 | QueryUpdate2, 0xff}}
	b, err := Marshal(m)
	require.NoError(t, err)
	require.Equal(t, "01"+"06"+"00"+"01"+"06"+"fd00ff", hex.EncodeToString(b[len(b)-8:]))
	got, err := Unmarshal(b)
	require.NoError(t, err)
	require.Equal(t, m, got)

	_, err = Marshal(&QueryShortChannelIDs{SCIDs: ids, Flags: []byte{1, 2}})
	require.ErrorIs(t, err, ErrCount)
	plain, err := Marshal(&QueryShortChannelIDs{SCIDs: ids})
	require.NoError(t, err)
	for value, want := range map[string]error{
		"000101": ErrCount, "0001010101": ErrCount, "00010101fd": ErrCount, "00fd00010101": ErrNotMinimal,
		"01010101": ErrZlib, "02010101": ErrEncoding, "": ErrCount,
	} {
		_, err = Unmarshal(AppendRecord(plain[:len(plain):len(plain)], 1, unhex(t, value)))
		require.ErrorIs(t, err, want, value)
	}
}

func TestArraysOfIDsAreWholeAndAscending(t *testing.T) {
	head := "0105" + regtestHash
	for tail, want := range map[string]error{
		"0008" + "00" + "00000000000000":                                 ErrEncoding,
		"000a" + "00" + "000000000000000102":                             ErrEncoding,
		"0009" + "02" + "0000000000000001":                               ErrEncoding,
		"0011" + "00" + "0000000000000002" + "0000000000000001":          ErrUnsorted,
		"0011" + "00" + "0000000000000002" + "0000000000000002":          ErrUnsorted,
		"0012" + "00" + "0000000000000002" + "0000000000000003":          ErrTruncated,
		"0011" + "00" + "0000000000000001" + "0000000000000002" + "0200": ErrUnknownRecord{2},
	} {
		_, err := Unmarshal(unhex(t, head+tail))
		require.ErrorIs(t, err, want, tail)
	}
	for _, none := range []string{"0000", "000100"} {
		m, err := Unmarshal(unhex(t, head+none))
		require.NoError(t, err)
		require.Empty(t, m.(*QueryShortChannelIDs).SCIDs)
	}
	_, err := Marshal(&QueryShortChannelIDs{SCIDs: []ShortChannelID{2, 1}})
	require.ErrorIs(t, err, ErrUnsorted)
	_, err = Marshal(&ReplyChannelRange{SCIDs: []ShortChannelID{1, 1}})
	require.ErrorIs(t, err, ErrUnsorted)
}

func TestTimestampsAndChecksumsAreOnePerID(t *testing.T) {
	ids := []ShortChannelID{1, 2}
	_, err := Marshal(&ReplyChannelRange{SCIDs: ids, Timestamps: make([]ChannelTimestamps, 1)})
	require.ErrorIs(t, err, ErrCount)
	_, err = Marshal(&ReplyChannelRange{SCIDs: ids, Checksums: make([]ChannelChecksums, 3)})
	require.ErrorIs(t, err, ErrCount)
	b, err := Marshal(&ReplyChannelRange{SCIDs: ids})
	require.NoError(t, err)
	for _, n := range []int{0, 8, 15, 17, 24} {
		_, err = Unmarshal(AppendRecord(b[:len(b):len(b)], 1, make([]byte, 1+n)))
		require.Error(t, err, n)
		_, err = Unmarshal(AppendRecord(b[:len(b):len(b)], 3, make([]byte, n)))
		require.ErrorIs(t, err, ErrCount, n)
	}
}
