package commitment

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// midstate is what all inputs' signature hashes of one transaction share (BIP 143), computed once.
type midstate struct {
	tx                              *wire.MsgTx
	prevouts, sequences, allOutputs [32]byte
}

func newMidstate(tx *wire.MsgTx) *midstate {
	m := &midstate{tx: tx}
	var b [8]byte
	h := sha256.New()
	for _, in := range tx.TxIn {
		writeOutPoint(h, &in.PreviousOutPoint)
	}
	m.prevouts = double(h)
	for _, in := range tx.TxIn {
		binary.LittleEndian.PutUint32(b[:4], in.Sequence)
		h.Write(b[:4])
	}
	m.sequences = double(h)
	for _, out := range tx.TxOut {
		writeOutput(h, out)
	}
	m.allOutputs = double(h)
	return m
}

// digest is the hash that is signed for one input. Only SIGHASH_ALL and SIGHASH_SINGLE|SIGHASH_ANYONECANPAY occur.
func (m *midstate) digest(index int, script []byte, amount btcutil.Amount, hashType txscript.SigHashType) [32]byte {
	var zero [32]byte
	prevouts, sequences, outputs := m.prevouts, m.sequences, m.allOutputs
	if hashType&txscript.SigHashAnyOneCanPay != 0 {
		prevouts, sequences = zero, zero
	}
	h := sha256.New()
	if hashType&^txscript.SigHashAnyOneCanPay == txscript.SigHashSingle {
		sequences, outputs = zero, zero
		if index < len(m.tx.TxOut) {
			writeOutput(h, m.tx.TxOut[index])
			outputs = double(h)
		}
	}
	in := m.tx.TxIn[index]
	var b [12]byte
	binary.LittleEndian.PutUint32(b[:4], uint32(m.tx.Version))
	h.Write(b[:4])
	h.Write(prevouts[:])
	h.Write(sequences[:])
	writeOutPoint(h, &in.PreviousOutPoint)
	writeScript(h, script)
	binary.LittleEndian.PutUint64(b[:8], uint64(amount))
	binary.LittleEndian.PutUint32(b[8:], in.Sequence)
	h.Write(b[:])
	h.Write(outputs[:])
	binary.LittleEndian.PutUint32(b[:4], m.tx.LockTime)
	binary.LittleEndian.PutUint32(b[4:8], uint32(hashType))
	h.Write(b[:8])
	return double(h)
}

// double finishes a double SHA256 and resets h.
func double(h hash.Hash) (out [32]byte) {
	h.Sum(out[:0])
	h.Reset()
	return sha256.Sum256(out[:])
}

func writeOutPoint(h hash.Hash, op *wire.OutPoint) {
	var b [36]byte
	copy(b[:], op.Hash[:])
	binary.LittleEndian.PutUint32(b[32:], op.Index)
	h.Write(b[:])
}

func writeOutput(h hash.Hash, out *wire.TxOut) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(out.Value))
	h.Write(b[:])
	writeScript(h, out.PkScript)
}

// writeScript writes a script after its length. Scripts of this package and of wallets' outputs are below 64 kB.
func writeScript(h hash.Hash, script []byte) {
	if n := len(script); n < 0xfd {
		h.Write([]byte{byte(n)})
	} else {
		h.Write([]byte{0xfd, byte(n), byte(n >> 8)})
	}
	h.Write(script)
}
