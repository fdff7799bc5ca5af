package wallet

import (
	"errors"
	"time"
)

// SeedFile is the name of the encrypted seed in the wallet's folder.
const SeedFile = "wallet.seed"

var (
	// ErrWrongPassword: the seed's file does not open with this password (or is damaged: authenticated encryption cannot tell).
	ErrWrongPassword = errors.New("wrong wallet password")
	// ErrExists: the folder has a wallet already; it is never overwritten.
	ErrExists = errors.New("wallet already exists")
	// ErrNoWallet: the folder has no wallet yet.
	ErrNoWallet = errors.New("wallet not found")
	// ErrBadMnemonic: not 24 words of the BIP 39 English list with a matching checksum.
	ErrBadMnemonic = errors.New("invalid mnemonic")
)

// Earliest is the birthday of a restored wallet whose owner names none: no wallet of this derivation is older.
var Earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Seed is the secret that everything comes from: the 64 bytes of BIP 39, and when it was made.
type Seed struct {
	secret   [64]byte
	birthday time.Time
	restored bool
}

// NewMnemonic draws 24 words of BIP 39 from the system's randomness.
func NewMnemonic() ([]string, error) { panic("not yet") }

// NewSeed turns fresh words, and an optional passphrase, into a seed born now.
func NewSeed(words []string, passphrase string, now time.Time) (*Seed, error) { panic("not yet") }

// RestoreSeed is NewSeed for words that are not fresh: the chain is searched from birthday (zero: Earliest).
func RestoreSeed(words []string, passphrase string, birthday time.Time) (*Seed, error) {
	panic("not yet")
}

// Birthday: no block before it can pay to this seed.
func (s *Seed) Birthday() time.Time { return s.birthday }

// Wipe overwrites the secret.
func (s *Seed) Wipe() { clear(s.secret[:]) }

// Exists says whether dir has a seed's file.
func Exists(dir string) (bool, error) { panic("not yet") }

// SaveSeed writes the seed to dir under password, atomically; ErrExists where there is one already.
func SaveSeed(dir string, password []byte, s *Seed) error { panic("not yet") }

// LoadSeed reads it back: ErrNoWallet, ErrWrongPassword.
func LoadSeed(dir string, password []byte) (*Seed, error) { panic("not yet") }

// ChangePassword encrypts the seed's file anew, atomically: after a crash it opens with either the old password or the new.
func ChangePassword(dir string, old, new []byte) error { panic("not yet") }

// NoBackupSeed is --noseedbackup: the seed of dir under the fixed password, made at the first call.
// The words are never shown: such a wallet is for tests and play money.
func NoBackupSeed(dir string, now time.Time) (*Seed, error) { panic("not yet") }
