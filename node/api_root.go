package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/fulmen-ln/fulmen/rpc/macaroon"
	"github.com/fulmen-ln/fulmen/wallet"
)

// RootFile holds the root key of macaroons, sealed with a key of the seed, once it is not the one that follows from the seed.
const RootFile = "macaroon.root"

// Labels of the wallet's subkeys; changing one makes macaroons invalid.
const (
	rootLabel = "macaroon root"
	sealLabel = "macaroon root seal"
)

// rootVersion opens RootFile: version 1 | nonce 24 | sealed key.
const (
	rootVersion  = 1
	rootFileSize = 1 + chacha20poly1305.NonceSizeX + macaroon.RootKeySize + chacha20poly1305.Overhead
)

// rootKeeper implements rpc.RootKeeper.
type rootKeeper struct{ key []byte }

// RootKey is the secret that every macaroon is derived from.
func (r *rootKeeper) RootKey() []byte { return r.key }

func newRootKey() []byte {
	key := make([]byte, macaroon.RootKeySize)
	rand.Read(key) // never fails
	return key
}

// openRootKeeper finds the root key: replacement, which is kept from now on, or the one that was kept, or the seed's.
func openRootKeeper(dir string, keys *wallet.Keys, replacement []byte) (*rootKeeper, error) {
	seal := keys.Sub(sealLabel)
	defer clear(seal[:])
	if len(replacement) > 0 {
		if len(replacement) != macaroon.RootKeySize {
			return nil, fmt.Errorf("macaroon root key has %d bytes, not %d", len(replacement), macaroon.RootKeySize)
		}
		return &rootKeeper{replacement}, saveRoot(dir, seal[:], replacement)
	}
	b, err := os.ReadFile(filepath.Join(dir, RootFile))
	if errors.Is(err, fs.ErrNotExist) {
		key := keys.Sub(rootLabel)
		return &rootKeeper{key[:]}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read root key of macaroons: %w", err)
	}
	key, err := unsealRoot(seal[:], b)
	return &rootKeeper{key}, err
}

func unsealRoot(seal, b []byte) ([]byte, error) {
	if len(b) != rootFileSize || b[0] != rootVersion {
		return nil, fmt.Errorf("%s is of no known version", RootFile)
	}
	aead, err := chacha20poly1305.NewX(seal)
	if err != nil {
		return nil, err
	}
	nonce, sealed := b[1:1+aead.NonceSize()], b[1+aead.NonceSize():]
	key, err := aead.Open(nil, nonce, sealed, b[:1])
	if err != nil {
		return nil, fmt.Errorf("%s is damaged, or of another wallet", RootFile)
	}
	return key, nil
}

// saveRoot makes the file appear whole: after a crash there is the old key or the new one.
func saveRoot(dir string, seal, key []byte) error {
	aead, err := chacha20poly1305.NewX(seal)
	if err != nil {
		return err
	}
	b := make([]byte, 1+aead.NonceSize(), rootFileSize)
	b[0] = rootVersion
	rand.Read(b[1:]) // never fails
	b = aead.Seal(b, b[1:], key, b[:1])
	if err := replaceFile(dir, RootFile, b); err != nil {
		return fmt.Errorf("write root key of macaroons: %w", err)
	}
	return nil
}

func replaceFile(dir, name string, b []byte) (err error) {
	f, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
