package noise

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"
)

// BOLT 8, appendix A.
const (
	vectorAct1 = "00036360e856310ce5d294e8be33fc807077dc56ac80d95d9cd4ddbd21325eff73f70df6086551151f58b8afe6c195782c6a"
	vectorAct2 = "0002466d7fcae563e5cb09a0d1870bb580344804617879a14949cf22285f1bae3f276e2470b93aac583c9ef6eafca3f730ae"
	vectorAct3 = "00b9e3a702e93e3a9948c2ed6e5fd7590a6e1c3a0344cfc9d5b57357049aa22355361aa02e55a8fc28fef5bd6d71ad0c3822" +
		"8dc68b1c466263b47fdf31e560e139ba"
	vectorCK          = "919219dbb2920afa8db80f9a51787a840bcf111ed8d588caf9ab4be716e42b01"
	vectorInitiator   = "969ab31b4d288cedf6218839b27a3e2140827047f2c0f01bf5c04435d43511a9"
	vectorResponder   = "bb9020b8965f4df047e07f955f3c4b88418984aadc5cdb35096b9ea8fa5c3442"
	vectorInitiatorID = "034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
	vectorResponderID = "028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// repeated is the private key made of one byte, as the vectors have them.
func repeated(b byte) *btcec.PrivateKey {
	k, _ := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{b}, 32))
	return k
}

func id(k *btcec.PrivateKey) [33]byte { return [33]byte(k.PubKey().SerializeCompressed()) }

func startVectors(t testing.TB) *Initiator {
	i, act1, err := Initiate(repeated(0x11), repeated(0x12), [33]byte(unhex(t, vectorResponderID)))
	require.NoError(t, err)
	require.Equal(t, vectorAct1, hex.EncodeToString(act1[:]))
	return i
}

func answerVectors(t testing.TB) *Responder {
	r, act2, err := Respond(repeated(0x21), repeated(0x22), unhex(t, vectorAct1))
	require.NoError(t, err)
	require.Equal(t, vectorAct2, hex.EncodeToString(act2[:]))
	return r
}

func TestInitiatorHandshakeIsAsInAppendixA(t *testing.T) {
	act3, keys, err := startVectors(t).Finish(unhex(t, vectorAct2))
	require.NoError(t, err)
	require.Equal(t, vectorAct3, hex.EncodeToString(act3[:]))
	require.Equal(t, vectorInitiator, hex.EncodeToString(keys.Send[:]))
	require.Equal(t, vectorResponder, hex.EncodeToString(keys.Receive[:]))
	require.Equal(t, vectorCK, hex.EncodeToString(keys.Chaining[:]))
}

func TestResponderHandshakeIsAsInAppendixA(t *testing.T) {
	remote, keys, err := answerVectors(t).Finish(unhex(t, vectorAct3))
	require.NoError(t, err)
	require.Equal(t, vectorInitiatorID, hex.EncodeToString(remote[:]))
	require.Equal(t, vectorInitiator, hex.EncodeToString(keys.Receive[:]))
	require.Equal(t, vectorResponder, hex.EncodeToString(keys.Send[:]))
	require.Equal(t, vectorCK, hex.EncodeToString(keys.Chaining[:]))
}

// patched is a vector with some of its bytes replaced, and cut to a length.
func patched(t *testing.T, vector string, at int, with string, size int) []byte {
	b := unhex(t, vector)
	copy(b[at:], unhex(t, with))
	return b[:size]
}

func TestInitiatorRefusesActTwoAsInAppendixA(t *testing.T) {
	for name, row := range map[string]struct {
		act2 []byte
		want error
	}{
		"short read":            {patched(t, vectorAct2, 0, "", 49), ErrActSize},
		"bad version":           {patched(t, vectorAct2, 0, "01", 50), ErrVersion},
		"bad key serialization": {patched(t, vectorAct2, 1, "04", 50), ErrBadKey},
		"bad MAC":               {patched(t, vectorAct2, 49, "af", 50), ErrBadTag},
	} {
		_, keys, err := startVectors(t).Finish(row.act2)
		require.ErrorIs(t, err, row.want, name)
		require.Zero(t, keys)
	}
}

func TestResponderRefusesActOneAsInAppendixA(t *testing.T) {
	for name, row := range map[string]struct {
		act1 []byte
		want error
	}{
		"short read":            {patched(t, vectorAct1, 0, "", 49), ErrActSize},
		"bad version":           {patched(t, vectorAct1, 0, "01", 50), ErrVersion},
		"bad key serialization": {patched(t, vectorAct1, 1, "04", 50), ErrBadKey},
		"bad MAC":               {patched(t, vectorAct1, 49, "6b", 50), ErrBadTag},
	} {
		_, act2, err := Respond(repeated(0x21), repeated(0x22), row.act1)
		require.ErrorIs(t, err, row.want, name)
		require.Zero(t, act2)
	}
}

func TestResponderRefusesActThreeAsInAppendixA(t *testing.T) {
	badKey := "00bfe3a702e93e3a9948c2ed6e5fd7590a6e1c3a0344cfc9d5b57357049aa2235536ad09a8ee351870c2bb7f78b754a26c" +
		"6cef79a98d25139c856d7efd252c2ae73c"
	for name, row := range map[string]struct {
		act3 []byte
		want error
	}{
		"bad version":            {patched(t, vectorAct3, 0, "01", 66), ErrVersion},
		"short read":             {patched(t, vectorAct3, 0, "", 65), ErrActSize},
		"bad MAC for ciphertext": {patched(t, vectorAct3, 1, "c9", 66), ErrBadTag},
		"bad rs":                 {unhex(t, badKey), ErrBadKey},
		"bad MAC":                {patched(t, vectorAct3, 65, "bb", 66), ErrBadTag},
	} {
		remote, keys, err := answerVectors(t).Finish(row.act3)
		require.ErrorIs(t, err, row.want, name)
		require.Zero(t, remote)
		require.Zero(t, keys)
	}
}

func TestActsAreNoLongerThanTheyAre(t *testing.T) {
	_, _, err := Respond(repeated(0x21), repeated(0x22), append(unhex(t, vectorAct1), 0))
	require.ErrorIs(t, err, ErrActSize)
	_, _, err = startVectors(t).Finish(append(unhex(t, vectorAct2), 0))
	require.ErrorIs(t, err, ErrActSize)
	_, _, err = answerVectors(t).Finish(append(unhex(t, vectorAct3), 0))
	require.ErrorIs(t, err, ErrActSize)
}

func TestInitiatorNeedsAKeyToCall(t *testing.T) {
	_, _, err := Initiate(repeated(1), repeated(2), [33]byte{4})
	require.ErrorIs(t, err, ErrBadKey)
}

func TestACallForSomebodyElseIsRefused(t *testing.T) {
	_, act1, err := Initiate(repeated(0x11), repeated(0x12), id(repeated(0x99)))
	require.NoError(t, err)
	_, _, err = Respond(repeated(0x21), repeated(0x22), act1[:])
	require.ErrorIs(t, err, ErrBadTag)
}

// Nobody gets through act one or three without the keys: only the bytes of the vectors do.
func FuzzForgedActsAreRefused(f *testing.F) {
	f.Add(unhex(f, vectorAct1), unhex(f, vectorAct2), unhex(f, vectorAct3))
	f.Fuzz(func(t *testing.T, act1, act2, act3 []byte) {
		_, _, err := Respond(repeated(0x21), repeated(0x22), act1)
		require.Equal(t, bytes.Equal(act1, unhex(t, vectorAct1)), err == nil)
		_, _, err = startVectors(t).Finish(act2)
		require.Equal(t, bytes.Equal(act2, unhex(t, vectorAct2)), err == nil)
		_, _, err = answerVectors(t).Finish(act3)
		require.Equal(t, bytes.Equal(act3, unhex(t, vectorAct3)), err == nil)
	})
}
