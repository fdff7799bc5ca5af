package curve

import "errors"

// ErrRecover: no key made such a signature.
var ErrRecover = errors.New("no key has this signature")

// VerifyLax is Verify that takes a high s too, as BOLT 7 and BOLT 11 do: their signatures bind no transaction.
func VerifyLax(key *PublicKey, digest *[32]byte, sig *[64]byte) bool {
	low := *sig
	var s Scalar
	if s.SetByteSlice(sig[32:]) {
		return false
	}
	if s.IsOverHalfOrder() {
		s.Negate()
		s.PutBytesUnchecked(low[32:])
	}
	return Verify(key, digest, &low)
}

// ParseSig returns r and s where they are in range and s is low.
func ParseSig(sig *[64]byte) (r, s Scalar, ok bool) {
	if r.SetByteSlice(sig[:32]) || r.IsZero() {
		return r, s, false
	}
	if s.SetByteSlice(sig[32:]) || s.IsZero() || s.IsOverHalfOrder() {
		return r, s, false
	}
	return r, s, true
}
