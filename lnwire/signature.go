package lnwire

import (
	"encoding/hex"
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/fulmen-ln/fulmen/internal/curve"
)

// ErrBadSig: r or s is zero or not below the order of the group.
var ErrBadSig = errors.New("not a valid signature")

// NewSig takes r and s of s.
func NewSig(s *ecdsa.Signature) (sig Sig) {
	r, v := s.R(), s.S()
	r.PutBytesUnchecked(sig[:32])
	v.PutBytesUnchecked(sig[32:])
	return sig
}

// Parse returns the signature for verification, or ErrBadSig. A high s passes: where BOLT 2 forbids it, IsLowS tells.
func (s Sig) Parse() (*ecdsa.Signature, error) {
	r, v, ok := s.scalars()
	if !ok {
		return nil, ErrBadSig
	}
	return ecdsa.NewSignature(&r, &v), nil
}

// Verifies says whether s is key's over the digest, be s high or low.
func (s Sig) Verifies(digest [32]byte, key PubKey) bool {
	k, err := key.Parse()
	return err == nil && curve.VerifyLax(k, &digest, (*[64]byte)(&s))
}

// IsLowS reports whether s is in the lower half of the order, as Bitcoin's standardness rules want it.
// BOLT 2: "if signature is ... non-compliant with LOW-S-standard rule: ... MUST send a warning and close the
// connection, or send an error and fail the channel."
func (s Sig) IsLowS() bool {
	_, v, ok := s.scalars()
	return ok && !v.IsOverHalfOrder()
}

func (s Sig) scalars() (r, v btcec.ModNScalar, ok bool) {
	if r.SetByteSlice(s[:32]) || v.SetByteSlice(s[32:]) || r.IsZero() || v.IsZero() {
		return r, v, false
	}
	return r, v, true
}

func (s Sig) String() string { return hex.EncodeToString(s[:]) }
