package commitment

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheShachainGivesEachRevealedSecret(t *testing.T) {
	s := NewSecrets([32]byte{3})
	var c Shachain
	slots := map[int]lnwire.Secret{}
	const count = 300
	for n := range uint64(count) {
		require.Equal(t, n, c.Len())
		_, ok := c.Lookup(n)
		require.False(t, ok)
		require.NoError(t, c.Insert(s.Secret(n)))
		place, secret := c.Slot()
		slots[place] = secret
	}
	loaded, err := LoadShachain(count, func(place int) (lnwire.Secret, bool) { v, ok := slots[place]; return v, ok })
	require.NoError(t, err)
	require.Equal(t, &c, loaded)
	decoded, err := DecodeShachain(c.Encode())
	require.NoError(t, err)
	require.Equal(t, &c, decoded)
	for n := range uint64(count) {
		got, ok := decoded.Lookup(n)
		require.True(t, ok)
		require.Equal(t, s.Secret(n), got, "%d", n)
	}
	delete(slots, 3)
	_, err = LoadShachain(count, func(place int) (lnwire.Secret, bool) { v, ok := slots[place]; return v, ok })
	require.ErrorIs(t, err, ErrRecord)
}

func TestTheShachainIsFullAfterTheLastIndex(t *testing.T) {
	s := NewSecrets([32]byte{3})
	full, err := LoadShachain(MaxNumber, func(place int) (lnwire.Secret, bool) {
		return generate(s.seed, 1<<place), true
	})
	require.NoError(t, err)
	require.NoError(t, full.Insert(s.Secret(MaxNumber)))
	got, ok := full.Lookup(12345)
	require.True(t, ok)
	require.Equal(t, s.Secret(12345), got)
	require.ErrorIs(t, full.Insert(lnwire.Secret{}), ErrSecret)
	_, err = LoadShachain(MaxNumber+2, func(int) (lnwire.Secret, bool) { return lnwire.Secret{}, true })
	require.ErrorIs(t, err, ErrRecord)
}

func TestASecretThatIsNoScalarHasNoPoint(t *testing.T) {
	_, err := PointOf(lnwire.Secret{})
	require.ErrorIs(t, err, ErrSecret)
	var max lnwire.Secret
	for i := range max {
		max[i] = 0xff
	}
	_, err = PointOf(max)
	require.ErrorIs(t, err, ErrSecret)
}

func TestSecretsBeyondTheLastNumberPanic(t *testing.T) {
	require.Panics(t, func() { NewSecrets([32]byte{}).Secret(MaxNumber + 1) })
}

func FuzzDecodeShachain(f *testing.F) {
	s := NewSecrets([32]byte{3})
	var c Shachain
	for n := range uint64(5) {
		f.Add(c.Encode())
		require.NoError(f, c.Insert(s.Secret(n)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := DecodeShachain(b); err == nil {
			require.Equal(t, b, c.Encode())
		}
	})
}

func drawRecipe(t *rapid.T) *Recipe {
	r := &Recipe{
		Kind:   Kind(rapid.IntRange(1, len(ingredients)-1).Draw(t, "kind")),
		Format: rapid.SampledFrom([]Format{Anchors, StaticRemoteKey}).Draw(t, "format"),
		Script: rapid.SliceOfN(rapid.Byte(), 0, maxScript).Draw(t, "script"),
	}
	fill := func(b []byte) { copy(b, rapid.SliceOfN(rapid.Byte(), len(b), len(b)).Draw(t, "bytes")) }
	i := ingredients[r.Kind]
	if i.point {
		fill(r.Point[:])
	}
	if i.secret {
		fill(r.Secret[:])
	}
	if i.preimage {
		fill(r.Preimage[:])
	}
	if i.peerSig {
		fill(r.PeerSig[:])
	}
	return r
}

func TestRecipesSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecipe(t)
		got, err := DecodeRecipe(r.Encode())
		require.NoError(t, err)
		require.Equal(t, r, got)
	})
}

// goldenRecipe is the record of version 0; it must load for ever.
const goldenRecipe = "00000105010101020351b275032102000000000000000000000000000000000000000000000000000000000000000005200900000000000000000000000000000000000000000000000000000000000000064008000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

func TestTheGoldenRecipeLoads(t *testing.T) {
	r := &Recipe{
		Kind: SpendHTLCSuccess, Format: Anchors, Script: []byte{0x51, 0xb2, 0x75}, Point: lnwire.PubKey{2},
		Preimage: lnwire.Preimage{9}, PeerSig: lnwire.Sig{8},
	}
	require.Equal(t, goldenRecipe, hex.EncodeToString(r.Encode()))
	b, err := hex.DecodeString(goldenRecipe)
	require.NoError(t, err)
	got, err := DecodeRecipe(b)
	require.NoError(t, err)
	require.Equal(t, r, got)
}

func TestASpoiltRecipeIsRefused(t *testing.T) {
	r := &Recipe{Kind: SpendDelayed, Format: Anchors, Script: make([]byte, maxScript), Point: lnwire.PubKey{2}}
	good := r.Encode()
	_, err := DecodeRecipe(good)
	require.NoError(t, err)
	r.Script = append(r.Script, 0)
	_, err = DecodeRecipe(r.Encode())
	require.ErrorIs(t, err, ErrRecord, "a script one byte too long")
	for n := range good {
		_, err = DecodeRecipe(good[:n])
		require.ErrorIs(t, err, ErrRecord, "cut to %d bytes", n)
	}
	_, err = DecodeRecipe(append(append([]byte(nil), good...), 0x21, 0))
	require.ErrorIs(t, err, ErrRecord, "an unknown record")
}

func FuzzDecodeRecipe(f *testing.F) {
	b, err := hex.DecodeString(goldenRecipe)
	require.NoError(f, err)
	f.Add(b)
	f.Add((&Recipe{Kind: SpendAnchor, Format: Anchors, Script: []byte{1}}).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeRecipe(b); err == nil {
			require.Equal(t, b, r.Encode())
		}
	})
}

func TestAWitnessIsRefusedForWhatIsNotThere(t *testing.T) {
	s := NewSecrets([32]byte{3})
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{})
	none := txscript.NewMultiPrevOutFetcher(nil)
	one := txscript.NewCannedPrevOutputFetcher([]byte{txscript.OP_1}, 1)
	good := &Recipe{Kind: SpendAnchor, Format: Anchors, Script: []byte{1}}
	_, err := s.Witness(good, tx, 0, one)
	require.NoError(t, err)
	_, err = s.Witness(good, tx, 1, one)
	require.ErrorIs(t, err, ErrInput)
	_, err = s.Witness(good, tx, 0, none)
	require.ErrorIs(t, err, ErrInput)
	_, err = s.Witness(&Recipe{Kind: SpendAnchor}, tx, 0, one)
	require.ErrorIs(t, err, ErrRecipe)
	_, err = s.Witness(&Recipe{Kind: Kind(len(ingredients)), Format: Anchors}, tx, 0, one)
	require.ErrorIs(t, err, ErrRecipe)
	_, err = s.Witness(&Recipe{Kind: SpendRevokedHTLC, Format: Anchors}, tx, 0, one)
	require.ErrorIs(t, err, ErrSecret)
}
