package wallet

import (
	"bytes"
	crypto "crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
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
	// ErrBadSeedFile: the file is of no known version, or cut short.
	ErrBadSeedFile = errors.New("unreadable seed file")
)

// noBackupPassword opens the seed of --noseedbackup. It is public: it protects nothing, and is not meant to.
const noBackupPassword = "fulmen --noseedbackup"

// stretch is the cost of argon2id; the file carries it, so that it can rise.
type stretch struct {
	Time, MemoryKiB uint32
	Threads         uint8
}

var (
	// passwordStretch follows RFC 9106, section 4 (second recommended option).
	passwordStretch = stretch{Time: 3, MemoryKiB: 64 << 10, Threads: 4}
	publicStretch   = stretch{Time: 1, MemoryKiB: 8, Threads: 1}
)

// Limits on what a file may ask of us before it is authenticated.
const (
	maxStretchTime      = 64
	maxStretchMemoryKiB = 1 << 20
)

// The file is a header in the clear, which the encryption authenticates, then one sealed box:
//
//	magic 7 | version 1 | time 4 | memory 4 | threads 1 | salt 16 | nonce 24 || sealed(birthday 8 | seed 64)
const (
	seedMagic   = "fulseed"
	seedVersion = 1
	saltSize    = 16
	headerSize  = len(seedMagic) + 1 + 9 + saltSize + chacha20poly1305.NonceSizeX
	seedSize    = headerSize + 8 + 64 + chacha20poly1305.Overhead
)

// Exists says whether dir has a seed's file.
func Exists(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, SeedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// SaveSeed writes the seed to dir under password, atomically; ErrExists where there is one already.
func SaveSeed(dir string, password []byte, s *Seed) error {
	return save(dir, password, s, passwordStretch)
}

func save(dir string, password []byte, s *Seed, cost stretch) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save seed: %w", err)
	}
	sealed, err := seal(password, s, cost)
	if err != nil {
		return err
	}
	return writeSeed(dir, sealed, false)
}

// LoadSeed reads it back: ErrNoWallet, ErrWrongPassword, ErrBadSeedFile.
func LoadSeed(dir string, password []byte) (*Seed, error) {
	b, err := os.ReadFile(filepath.Join(dir, SeedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoWallet
	}
	if err != nil {
		return nil, fmt.Errorf("load seed: %w", err)
	}
	return unseal(password, b)
}

// ChangePassword encrypts the seed's file anew, atomically: after a crash it opens with either the old password or the new.
func ChangePassword(dir string, old, new []byte) error {
	s, err := LoadSeed(dir, old)
	if err != nil {
		return err
	}
	defer s.Wipe()
	sealed, err := seal(new, s, passwordStretch)
	if err != nil {
		return err
	}
	return writeSeed(dir, sealed, true)
}

// NoBackupSeed is --noseedbackup: the seed of dir under the fixed password, made at the first call.
// The words are never shown: such a wallet is for tests and play money.
func NoBackupSeed(dir string, now time.Time) (*Seed, error) {
	s, err := LoadSeed(dir, []byte(noBackupPassword))
	if !errors.Is(err, ErrNoWallet) {
		return s, err
	}
	words, err := NewMnemonic()
	if err != nil {
		return nil, err
	}
	if s, err = NewSeed(words, "", now); err != nil {
		return nil, err
	}
	return s, save(dir, []byte(noBackupPassword), s, publicStretch)
}

func seal(password []byte, s *Seed, cost stretch) ([]byte, error) {
	b := make([]byte, 0, seedSize)
	b = append(append(b, seedMagic...), seedVersion)
	b = binary.BigEndian.AppendUint32(b, cost.Time)
	b = binary.BigEndian.AppendUint32(b, cost.MemoryKiB)
	b = append(b, cost.Threads)
	b = b[:headerSize]
	random := b[headerSize-saltSize-chacha20poly1305.NonceSizeX:]
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("seal seed: %w", err)
	}
	aead, nonce, err := cipher(password, b, cost)
	if err != nil {
		return nil, err
	}
	plain := binary.BigEndian.AppendUint64(make([]byte, 0, 72), uint64(s.birthday.Unix()))
	plain = append(plain, s.secret[:]...)
	defer clear(plain)
	return aead.Seal(b, nonce, plain, b[:headerSize]), nil
}

func unseal(password, b []byte) (*Seed, error) {
	if len(b) != seedSize || !bytes.HasPrefix(b, []byte(seedMagic)) {
		return nil, ErrBadSeedFile
	}
	if v := b[len(seedMagic)]; v != seedVersion {
		return nil, fmt.Errorf("%w: version %d is of a newer release", ErrBadSeedFile, v)
	}
	p := b[len(seedMagic)+1:]
	cost := stretch{Time: binary.BigEndian.Uint32(p), MemoryKiB: binary.BigEndian.Uint32(p[4:]), Threads: p[8]}
	if cost.Time == 0 || cost.Time > maxStretchTime || cost.MemoryKiB > maxStretchMemoryKiB || cost.Threads == 0 {
		return nil, fmt.Errorf("%w: unreasonable cost", ErrBadSeedFile)
	}
	aead, nonce, err := cipher(password, b[:headerSize], cost)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce, b[headerSize:], b[:headerSize])
	if err != nil {
		return nil, ErrWrongPassword
	}
	defer clear(plain)
	s := &Seed{birthday: time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)}
	copy(s.secret[:], plain[8:])
	return s, nil
}

// writeSeed makes the file appear whole or not at all. Without replace, a file that is there already stays: link,
// unlike rename, refuses to overwrite.
func writeSeed(dir string, b []byte, replace bool) error {
	f, err := os.CreateTemp(dir, SeedFile+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write seed: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write seed: %w", err)
	}
	path := filepath.Join(dir, SeedFile)
	if replace {
		err = os.Rename(f.Name(), path)
	} else {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err != nil {
		return fmt.Errorf("write seed: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// cipher is XChaCha20-Poly1305 under the stretched password.
func cipher(password, header []byte, cost stretch) (aead crypto.AEAD, nonce []byte, err error) {
	random := header[headerSize-saltSize-chacha20poly1305.NonceSizeX:]
	key := argon2.IDKey(password, random[:saltSize], cost.Time, cost.MemoryKiB, cost.Threads, chacha20poly1305.KeySize)
	defer clear(key)
	aead, err = chacha20poly1305.NewX(key)
	return aead, random[saltSize:], err
}
