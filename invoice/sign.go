package invoice

import (
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Sizes of the signature in bytes and in groups.
const (
	sigSize       = 65
	sigGroups     = sigSize * 8 / 5
	maxRecoveryID = 3
)

// Signature is a recoverable one: r, s and the recovery id, 0 to 3.
type Signature [sigSize]byte

// Signer signs a SHA256 digest with the payee's key.
type Signer func(digest [32]byte) (Signature, error)

// SignWith signs with a key that is at hand.
func SignWith(key *btcec.PrivateKey) Signer {
	return func(digest [32]byte) (sig Signature, err error) {
		rs, id := curve.SignRecoverable(key, &digest)
		copy(sig[:], rs[:])
		sig[64] = id
		return sig, nil
	}
}

// recover returns the key that signed.
func (s Signature) recover(digest [32]byte) (lnwire.PubKey, error) {
	if s[64] > maxRecoveryID {
		return lnwire.PubKey{}, fmt.Errorf("%w: recovery id %d", ErrSignature, s[64])
	}
	key, err := curve.Recover(&digest, (*[64]byte)(s[:64]), s[64])
	if err != nil {
		return lnwire.PubKey{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return lnwire.NewPubKey(key), nil
}

// verify checks the signature against the payee that the invoice names.
// BOLT 11: "MUST use the n field to validate the signature instead of performing public-key recovery." "If
// the signature is not compliant with the low-S standard rule ...: MUST fail the payment."
func (s Signature) verify(digest [32]byte, payee lnwire.PubKey) error {
	sig := lnwire.Sig(s[:64])
	_, err := sig.Parse()
	switch {
	case err != nil || s[64] > maxRecoveryID:
		return ErrSignature
	case !sig.IsLowS():
		return ErrHighS
	case !sig.Verifies(digest, payee):
		return ErrSignature
	}
	return nil
}

// digest is "the SHA-256 hash of: the human-readable part (as UTF-8 bytes) concatenated with the data part (excluding
// the signature), with 0 bits appended to pad to a byte boundary."
func digest(hrp string, groups []byte) [32]byte {
	return sha256.Sum256(append([]byte(hrp), padded(groups)...))
}
