package commitment

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
)

func closingScripts() [2][]byte {
	return [2][]byte{
		append([]byte{txscript.OP_0, 20}, bytes.Repeat([]byte{1}, 20)...),
		append([]byte{txscript.OP_1, 32}, bytes.Repeat([]byte{2}, 32)...),
	}
}

func TestAClosingTransactionPaysBothAndIsSignedByBoth(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	scripts := closingScripts()
	tx, err := Closing(c.ours, scripts, [2]btcutil.Amount{600_000, 399_999}, 1000, Local)
	require.NoError(t, err)
	require.Equal(t, []*wire.TxOut{
		wire.NewTxOut(399_999, scripts[Remote]), wire.NewTxOut(599_000, scripts[Local]),
	}, tx.TxOut)
	require.EqualValues(t, wire.MaxTxInSequenceNum, tx.TxIn[0].Sequence)

	mirrored, err := Closing(c.theirs, [2][]byte{scripts[1], scripts[0]}, [2]btcutil.Amount{399_999, 600_000}, 1000, Remote)
	require.NoError(t, err)
	theirs, err := c.remote.SignClosing(c.theirs, mirrored)
	require.NoError(t, err)
	require.NoError(t, VerifyFunding(c.ours, tx, theirs))
	require.ErrorIs(t, VerifyFunding(c.ours, tx, highS(theirs)), ErrSignature)
	ours, err := c.local.SignClosing(c.ours, tx)
	require.NoError(t, err)
	full := Witnessed(c.ours, tx, ours, theirs)
	runEngine(t, full, 0, wire.NewTxOut(1_000_000, fundingPkScript(c.ours)))
	weight := int64(3*full.SerializeSizeStripped() + full.SerializeSize())
	require.InDelta(t, ClosingWeight(scripts), weight, 4)
	require.LessOrEqual(t, weight, ClosingWeight(scripts))
	require.Nil(t, tx.TxIn[0].Witness, "the unsigned transaction is not touched")
}

func TestClosingOutputsAreOmittedBelowTheirOwnersDustLimit(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 546}, Local)
	count := func(local, remote, fee btcutil.Amount) int {
		tx, err := Closing(c.ours, closingScripts(), [2]btcutil.Amount{local, remote}, fee, Local)
		require.NoError(t, err)
		return len(tx.TxOut)
	}
	require.Equal(t, 2, count(1354, 546, 1000))
	require.Equal(t, 1, count(1353, 546, 1000))
	require.Equal(t, 1, count(1354, 545, 1000))
	_, err := Closing(c.ours, closingScripts(), [2]btcutil.Amount{1353, 545}, 1000, Local)
	require.ErrorIs(t, err, ErrClosingEmpty)
}

func TestAClosingFeeCannotExceedThePayersBalance(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	_, err := Closing(c.ours, closingScripts(), [2]btcutil.Amount{999, 1000}, 1000, Local)
	require.ErrorIs(t, err, ErrClosingFee)
	_, err = Closing(c.ours, closingScripts(), [2]btcutil.Amount{353, 1000}, 1000, Remote)
	require.ErrorIs(t, err, ErrClosingEmpty)
	_, err = Closing(c.ours, closingScripts(), [2]btcutil.Amount{999, 1000}, -1, Remote)
	require.ErrorIs(t, err, ErrClosingFee)
	_, err = Closing(c.ours, closingScripts(), [2]btcutil.Amount{600_000, 400_001}, 0, Local)
	require.ErrorIs(t, err, ErrUnbalanced)
}

func TestClosingVariantsNeverDropOurWorthyOutput(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 546}, Local)
	outputs := func(local, remote btcutil.Amount) (all [][2]bool) {
		scripts := closingScripts()
		variants, err := ClosingVariants(c.ours, scripts, [2]btcutil.Amount{local, remote}, 0, Local)
		require.NoError(t, err)
		for _, tx := range variants {
			var has [2]bool
			for _, out := range tx.TxOut {
				for side := range scripts {
					has[side] = has[side] || bytes.Equal(out.PkScript, scripts[side])
				}
			}
			all = append(all, has)
		}
		return all
	}
	both, ours, theirs := [2]bool{true, true}, [2]bool{true, false}, [2]bool{false, true}
	require.Equal(t, [][2]bool{both, ours}, outputs(500_000, 500_000), "the peer may eliminate its own output")
	require.Equal(t, [][2]bool{both, ours, theirs}, outputs(545, 500_000), "ours is dust to the peer")
	require.Equal(t, [][2]bool{ours, both}, outputs(500_000, 400), "theirs is dust to the peer, not to us")
	require.Equal(t, [][2]bool{theirs}, outputs(353, 500_000))
	require.Equal(t, [][2]bool{ours}, outputs(500_000, 0))
}

func TestOnlyAClosingTransactionIsOne(t *testing.T) {
	c := newPair(Anchors, 1_000_000, [2]btcutil.Amount{354, 354}, Local)
	tx, err := Closing(c.ours, closingScripts(), [2]btcutil.Amount{600_000, 400_000}, 1000, Local)
	require.NoError(t, err)
	require.True(t, IsClosing(c.ours, tx))
	built, err := Build(c.ours, Local, c.local.Point(0), &State{Balances: [2]lnwire.MilliSatoshi{1_000_000_000, 0}})
	require.NoError(t, err)
	require.False(t, IsClosing(c.ours, built.Tx))
	more := tx.Copy()
	more.AddTxIn(&wire.TxIn{})
	require.False(t, IsClosing(c.ours, more))
	other := tx.Copy()
	other.TxIn[0].PreviousOutPoint.Index++
	require.False(t, IsClosing(c.ours, other))
}

func TestShutdownScriptsOfBOLT2(t *testing.T) {
	program := func(version byte, n int) []byte { return append([]byte{version, byte(n)}, make([]byte, n)...) }
	for _, v := range []struct {
		name               string
		script             []byte
		always, withSegwit bool
	}{
		{"P2WPKH", program(txscript.OP_0, 20), true, true},
		{"P2WSH", program(txscript.OP_0, 32), true, true},
		{"version 0 of 21 bytes", program(txscript.OP_0, 21), false, false},
		{"P2TR", program(txscript.OP_1, 32), false, true},
		{"version 16 of 2 bytes", program(txscript.OP_16, 2), false, true},
		{"version 1 of 40 bytes", program(txscript.OP_1, 40), false, true},
		{"version 1 of 1 byte", program(txscript.OP_1, 1), false, false},
		{"version 1 of 41 bytes", program(txscript.OP_1, 41), false, false},
		{"a second push", append(program(txscript.OP_1, 32), 0), false, false},
		{"a truncated push", program(txscript.OP_1, 32)[:33], false, false},
		{"P2PKH", append(append([]byte{txscript.OP_DUP, txscript.OP_HASH160, 20}, make([]byte, 20)...), txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG), false, false},
		{"P2SH", append(append([]byte{txscript.OP_HASH160, 20}, make([]byte, 20)...), txscript.OP_EQUAL), false, false},
		{"1NEGATE", program(txscript.OP_1NEGATE, 32), false, false},
		{"NOP", program(txscript.OP_NOP, 32), false, false},
		{"OP_RETURN", []byte{txscript.OP_RETURN, 6, 1, 2, 3, 4, 5, 6}, false, false},
		{"empty", nil, false, false},
	} {
		require.Equal(t, v.always, ValidShutdownScript(v.script, false), v.name)
		require.Equal(t, v.withSegwit, ValidShutdownScript(v.script, true), v.name)
	}
}
