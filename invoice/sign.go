package invoice

import (
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Sizes of the signature in bytes and in groups, and what compact signatures add to the recovery id.
const (
	sigSize       = 65
	sigGroups     = sigSize * 8 / 5
	maxRecoveryID = 3
	compactHeader = 27 + 4 // of a compressed key
)

// Signature is a recoverable one: r, s and the recovery id, 0 to 3.
type Signature [sigSize]byte

// Signer signs a SHA256 digest with the payee's key.
type Signer func(digest [32]byte) (Signature, error)

// SignWith signs with a key that is at hand.
func SignWith(key *btcec.PrivateKey) Signer {
	return func(digest [32]byte) (sig Signature, err error) {
		compact := ecdsa.SignCompact(key, digest[:], true)
		copy(sig[:], compact[1:])
		sig[64] = compact[0] - compactHeader
		return sig, nil
	}
}

// recover returns the key that signed.
func (s Signature) recover(digest [32]byte) (lnwire.PubKey, error) {
	if s[64] > maxRecoveryID {
		return lnwire.PubKey{}, fmt.Errorf("%w: recovery id %d", ErrSignature, s[64])
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{s[64] + compactHeader}, s[:64]...), digest[:])
	if err != nil {
		return lnwire.PubKey{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return lnwire.NewPubKey(key), nil
}

// verify checks the signature against the payee that the invoice names.
// BOLT 11: "MUST use the n field to validate the signature instead of performing public-key recovery." "If
// the signature is not compliant with the low-S standard rule ...: MUST fail the payment."
func (s Signature) verify(digest [32]byte, payee lnwire.PubKey) error {
	key, err := payee.Parse()
	if err != nil {
		return fmt.Errorf("payee: %w", err)
	}
	sig, err := lnwire.Sig(s[:64]).Parse()
	if err != nil || s[64] > maxRecoveryID {
		return ErrSignature
	}
	if !lnwire.Sig(s[:64]).IsLowS() {
		return ErrHighS
	}
	if !sig.Verify(digest[:], key) {
		return ErrSignature
	}
	return nil
}

// digest is "the SHA-256 hash of: the human-readable part (as UTF-8 bytes) concatenated with the data part (excluding
// the signature), with 0 bits appended to pad to a byte boundary."
func digest(hrp string, groups []byte) [32]byte {
	return sha256.Sum256(append([]byte(hrp), padded(groups)...))
}
