package wallet

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tyler-smith/go-bip39"
)

// MnemonicWords is how many words a seed has: 256 bits and a checksum (BIP 39).
const MnemonicWords = 24

// ErrBadMnemonic: not 24 words of the BIP 39 English list with a matching checksum.
var ErrBadMnemonic = errors.New("invalid mnemonic")

// Earliest is the birthday of a restored wallet whose owner names none: no wallet of this derivation is older.
var Earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Seed is the secret that everything comes from: the 64 bytes of BIP 39, and when it was made.
type Seed struct {
	secret   [64]byte
	birthday time.Time
	fresh    bool // made by this process: the chain cannot pay to it yet
}

// NewMnemonic draws 24 words of BIP 39 from the system's randomness.
func NewMnemonic() ([]string, error) {
	entropy, err := bip39.NewEntropy(256)
	if err != nil {
		return nil, fmt.Errorf("draw seed: %w", err)
	}
	defer clear(entropy)
	text, err := bip39.NewMnemonic(entropy)
	if err != nil {
		return nil, fmt.Errorf("encode seed: %w", err)
	}
	return strings.Fields(text), nil
}

// NewSeed turns fresh words, and an optional passphrase, into a seed born now: the chain's past is not searched for it.
func NewSeed(words []string, passphrase string, now time.Time) (*Seed, error) {
	s, err := parse(words, passphrase)
	if err != nil {
		return nil, err
	}
	s.birthday, s.fresh = now, true
	return s, nil
}

// RestoreSeed is NewSeed for words that are not fresh: the chain is searched from birthday (zero: Earliest).
func RestoreSeed(words []string, passphrase string, birthday time.Time) (*Seed, error) {
	s, err := parse(words, passphrase)
	if err != nil {
		return nil, err
	}
	if birthday.IsZero() {
		birthday = Earliest
	}
	s.birthday = birthday
	return s, nil
}

func parse(words []string, passphrase string) (*Seed, error) {
	if len(words) != MnemonicWords {
		return nil, fmt.Errorf("%w: %d words instead of %d", ErrBadMnemonic, len(words), MnemonicWords)
	}
	lower := make([]string, len(words))
	for i, w := range words {
		lower[i] = strings.ToLower(strings.TrimSpace(w))
		if _, ok := bip39.GetWordIndex(lower[i]); !ok {
			return nil, fmt.Errorf("%w: word %d is not in the list", ErrBadMnemonic, i+1)
		}
	}
	secret, err := bip39.NewSeedWithErrorChecking(strings.Join(lower, " "), passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: the checksum does not match", ErrBadMnemonic)
	}
	defer clear(secret)
	s := new(Seed)
	copy(s.secret[:], secret)
	return s, nil
}

// Birthday: no block before it can pay to this seed.
func (s *Seed) Birthday() time.Time { return s.birthday }

// Wipe overwrites the secret. Keys and wallets made from the seed stay usable.
func (s *Seed) Wipe() { clear(s.secret[:]) }
