package commitment

import (
	"bytes"
	"crypto/sha256"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
	//lint:ignore SA1019 Bitcoin's scripts are made of it
	"golang.org/x/crypto/ripemd160"
)

// The scripts are appended byte by byte: each has a fixed shape, and a commitment has hundreds of them.

const (
	pushKey  = txscript.OP_DATA_33
	pushHash = txscript.OP_DATA_20
)

// FundingScript returns the funding output's script and its witness script.
// BOLT 3: "2 <pubkey1> <pubkey2> 2 OP_CHECKMULTISIG [...] Where pubkey1 is the lexicographically lesser of the two
// funding_pubkey in compressed format".
func FundingScript(a, b lnwire.PubKey) (pkScript, witnessScript []byte) {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	s := make([]byte, 0, 71)
	s = append(s, txscript.OP_2)
	s = appendKey(s, a)
	s = appendKey(s, b)
	s = append(s, txscript.OP_2, txscript.OP_CHECKMULTISIG)
	return WitnessScriptHash(s), s
}

// WitnessScriptHash is the version-0 P2WSH output script for a witness script.
func WitnessScriptHash(script []byte) []byte {
	h := sha256.Sum256(script)
	out := make([]byte, 0, 34)
	out = append(out, txscript.OP_0, txscript.OP_DATA_32)
	return append(out, h[:]...)
}

func witnessKeyHash(key lnwire.PubKey) []byte {
	out := make([]byte, 0, 22)
	out = append(out, txscript.OP_0, pushHash)
	return append(out, address.Hash160(key[:])...)
}

// DelayedScript is the witness script of to_local and of both HTLC transactions' outputs.
func (k *Keys) DelayedScript(delay uint16) []byte {
	s := make([]byte, 0, 79)
	s = append(s, txscript.OP_IF)
	s = appendKey(s, k.Revocation)
	s = append(s, txscript.OP_ELSE)
	s = appendInt(s, int64(delay))
	s = append(s, txscript.OP_CHECKSEQUENCEVERIFY, txscript.OP_DROP)
	s = appendKey(s, k.Delayed)
	return append(s, txscript.OP_ENDIF, txscript.OP_CHECKSIG)
}

// toRemoteScript returns the output's script and, where it is P2WSH, its witness script.
func toRemoteScript(f Format, key lnwire.PubKey) (pkScript, witnessScript []byte) {
	if !f.traits().toRemoteWitness {
		return witnessKeyHash(key), nil
	}
	s := make([]byte, 0, 37)
	s = appendKey(s, key)
	s = append(s, txscript.OP_CHECKSIGVERIFY, txscript.OP_1, txscript.OP_CHECKSEQUENCEVERIFY)
	return WitnessScriptHash(s), s
}

// ToRemoteScript is toRemoteScript for a party's payment basepoint: what it is paid on any commitment of the other,
// even on one of which it knows nothing.
func ToRemoteScript(p *Params, payee Side) (pkScript, witnessScript []byte) {
	return toRemoteScript(p.Format, p.Parties[payee].Payment)
}

func anchorScript(funding lnwire.PubKey) []byte {
	s := make([]byte, 0, 40)
	s = appendKey(s, funding)
	return append(s, txscript.OP_CHECKSIG, txscript.OP_IFDUP, txscript.OP_NOTIF,
		txscript.OP_16, txscript.OP_CHECKSEQUENCEVERIFY, txscript.OP_ENDIF)
}

// htlcScripter makes the HTLC scripts of one commitment, of which the keys and the revocation hash are the same.
type htlcScripter struct {
	keys       *Keys
	format     *traits
	revocation []byte // RIPEMD160(SHA256(revocationpubkey))
}

func newHTLCScripter(f Format, k *Keys) *htlcScripter {
	return &htlcScripter{keys: k, format: f.traits(), revocation: address.Hash160(k.Revocation[:])}
}

// script of an HTLC whose payment hash has the given RIPEMD160.
func (x *htlcScripter) script(offerer Side, hash160 [20]byte, expiry uint32) []byte {
	owner := x.keys.Owner
	s := make([]byte, 0, 143)
	s = append(s, txscript.OP_DUP, txscript.OP_HASH160, pushHash)
	s = append(s, x.revocation...)
	s = append(s, txscript.OP_EQUAL, txscript.OP_IF, txscript.OP_CHECKSIG, txscript.OP_ELSE)
	s = appendKey(s, x.keys.HTLC[owner.Other()])
	s = append(s, txscript.OP_SWAP, txscript.OP_SIZE, txscript.OP_DATA_1, 32, txscript.OP_EQUAL)
	if offerer == owner {
		s = append(s, txscript.OP_NOTIF, txscript.OP_DROP, txscript.OP_2, txscript.OP_SWAP)
		s = appendKey(s, x.keys.HTLC[owner])
		s = append(s, txscript.OP_2, txscript.OP_CHECKMULTISIG, txscript.OP_ELSE, txscript.OP_HASH160, pushHash)
		s = append(s, hash160[:]...)
		s = append(s, txscript.OP_EQUALVERIFY)
	} else {
		s = append(s, txscript.OP_IF, txscript.OP_HASH160, pushHash)
		s = append(s, hash160[:]...)
		s = append(s, txscript.OP_EQUALVERIFY, txscript.OP_2, txscript.OP_SWAP)
		s = appendKey(s, x.keys.HTLC[owner])
		s = append(s, txscript.OP_2, txscript.OP_CHECKMULTISIG, txscript.OP_ELSE, txscript.OP_DROP)
		s = appendInt(s, int64(expiry))
		s = append(s, txscript.OP_CHECKLOCKTIMEVERIFY, txscript.OP_DROP)
	}
	s = append(s, txscript.OP_CHECKSIG, txscript.OP_ENDIF)
	s = append(s, x.format.htlcSuffix...)
	return append(s, txscript.OP_ENDIF)
}

// HTLCScript is the witness script of one HTLC output; hash160 is HashOf its payment hash.
func (k *Keys) HTLCScript(f Format, offerer Side, hash160 [20]byte, expiry uint32) []byte {
	return newHTLCScripter(f, k).script(offerer, hash160, expiry)
}

// AnchorScript is the witness script of a party's anchor.
func AnchorScript(p *Params, side Side) []byte { return anchorScript(p.Parties[side].Funding) }

// HashOf is the RIPEMD160 of a payment hash, as HTLC scripts contain it.
func HashOf(h lnwire.Hash) (out [20]byte) {
	d := ripemd160.New()
	d.Write(h[:])
	d.Sum(out[:0])
	return out
}

func appendKey(s []byte, k lnwire.PubKey) []byte {
	s = append(s, pushKey)
	return append(s, k[:]...)
}

// appendInt pushes a non-negative number as minimal script data.
func appendInt(s []byte, n int64) []byte {
	if n == 0 {
		return append(s, txscript.OP_0)
	}
	if n <= 16 {
		return append(s, byte(txscript.OP_1-1+n))
	}
	at := len(s)
	s = append(s, 0)
	for ; n > 0; n >>= 8 {
		s = append(s, byte(n))
	}
	if s[len(s)-1]&0x80 != 0 { // the top bit is the sign
		s = append(s, 0)
	}
	s[at] = byte(len(s) - at - 1)
	return s
}
