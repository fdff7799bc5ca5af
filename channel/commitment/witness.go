package commitment

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/internal/curve"
)

var (
	// ErrRecipe: a recipe of an unknown kind or format.
	ErrRecipe = errors.New("unknown recipe")
	// ErrInput: the input to be signed does not exist, or its previous output is not known.
	ErrInput = errors.New("no such input or previous output")
)

// Witness makes the witness of input index of tx as r says. Our own signatures are always SIGHASH_ALL, so that tx must
// be complete but for witnesses. BOLT 5: "The local signature MUST use SIGHASH_ALL, otherwise anyone can attach
// additional inputs and outputs to the tx."
func (s *Secrets) Witness(r *Recipe, tx *wire.MsgTx, index int, prevouts txscript.PrevOutputFetcher) (wire.TxWitness, error) {
	if !r.Kind.valid() || !r.Format.Valid() {
		return nil, fmt.Errorf("%w: kind %d, %s", ErrRecipe, r.Kind, r.Format)
	}
	if index < 0 || index >= len(tx.TxIn) {
		return nil, ErrInput
	}
	prev := prevouts.FetchPrevOutput(tx.TxIn[index].PreviousOutPoint)
	if prev == nil {
		return nil, ErrInput
	}
	key, err := s.key(r)
	if err != nil {
		return nil, err
	}
	pub := curve.Public(key).SerializeCompressed()
	script := r.Script
	if len(script) == 0 {
		script = keyHashScript(pub)
	}
	digest := newMidstate(tx).digest(index, script, btcutil.Amount(prev.Value), txscript.SigHashAll)
	sig := der(curve.Sign(key, &digest), txscript.SigHashAll)
	return r.witness(sig, pub), nil
}

// witness arranges the items around our signature; pub is its key.
func (r *Recipe) witness(sig, pub []byte) wire.TxWitness {
	switch r.Kind {
	case SpendAnchor, SpendToRemote:
		if len(r.Script) == 0 {
			return wire.TxWitness{sig, pub}
		}
		return wire.TxWitness{sig, r.Script}
	case SpendDelayed, SpendTheirHTLCTimeout:
		return wire.TxWitness{sig, nil, r.Script}
	case SpendTheirHTLCSuccess:
		return wire.TxWitness{sig, r.Preimage[:], r.Script}
	case SpendRevokedDelayed:
		return wire.TxWitness{sig, {1}, r.Script}
	case SpendRevokedHTLC:
		return wire.TxWitness{sig, pub, r.Script}
	case SpendHTLCTimeout:
		return wire.TxWitness{nil, der(r.PeerSig, r.Format.traits().peerSigHash), sig, nil, r.Script}
	case SpendHTLCSuccess:
		return wire.TxWitness{nil, der(r.PeerSig, r.Format.traits().peerSigHash), sig, r.Preimage[:], r.Script}
	default:
		panic("commitment: kind without a witness")
	}
}

// key is the private key that r's script wants from us.
func (s *Secrets) key(r *Recipe) (*curve.PrivateKey, error) {
	switch r.Kind {
	case SpendAnchor:
		return s.funding, nil
	case SpendToRemote:
		return s.payment, nil
	case SpendDelayed:
		return tweakedSecret(s.delayed, s.public.Delayed, r.Point), nil
	case SpendRevokedDelayed, SpendRevokedHTLC:
		revealed, err := scalar(r.Secret)
		if err != nil {
			return nil, err
		}
		return revocationSecret(s.revocation, s.public.Revocation, r.Point, revealed), nil
	default:
		return tweakedSecret(s.htlc, s.public.HTLC, r.Point), nil
	}
}

// keyHashScript is the script that a signature for a P2WPKH output covers (BIP 143).
func keyHashScript(pub []byte) []byte {
	s := []byte{txscript.OP_DUP, txscript.OP_HASH160, pushHash}
	s = append(s, address.Hash160(pub)...)
	return append(s, txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG)
}
