package noise

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// RotateAfter is how often a key encrypts before it is replaced; each message takes two.
// BOLT 8: "A key is to be rotated after a party encrypts or decrypts 1000 times with it (i.e. every 500 messages)."
const RotateAfter = 1000

// derive is BOLT 8's HKDF: 64 bytes, without info.
func derive(salt [32]byte, secret []byte) (a, b [32]byte) {
	out, err := hkdf.Key(sha256.New, secret, salt[:], "", 64)
	if err != nil {
		panic(fmt.Sprintf("noise: hkdf: %v", err)) // only too long an output can fail
	}
	return [32]byte(out[:32]), [32]byte(out[32:])
}

func newAEAD(k [32]byte) cipher.AEAD {
	a, err := chacha20poly1305.New(k[:])
	if err != nil {
		panic(fmt.Sprintf("noise: chacha20poly1305: %v", err)) // only a key of another size can fail
	}
	return a
}

// nonceOf is "encoded as 32 zero bits, followed by a little-endian 64-bit value".
func nonceOf(n uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, 4, chacha20poly1305.NonceSize), n)
}

// direction encrypts or decrypts the messages that go one way.
type direction struct {
	key, ck [32]byte
	aead    cipher.AEAD
	used    uint64
	nonce   [chacha20poly1305.NonceSize]byte // room, so that no message allocates
}

func newDirection(key, ck [32]byte) direction {
	return direction{key: key, ck: ck, aead: newAEAD(key)}
}

func (d *direction) seal(dst, plaintext []byte) []byte {
	dst = d.aead.Seal(dst, d.nonce[:], plaintext, nil)
	d.advance()
	return dst
}

// open decrypts in place; what it returns lies in ciphertext.
func (d *direction) open(ciphertext []byte) ([]byte, error) {
	plaintext, err := d.aead.Open(ciphertext[:0], d.nonce[:], ciphertext, nil)
	if err != nil {
		return nil, ErrBadTag
	}
	d.advance()
	return plaintext, nil
}

// advance counts a use of the key, and replaces it after the last: BOLT 8, "ck', k' = HKDF(ck, k)".
func (d *direction) advance() {
	d.used++
	if d.used == RotateAfter {
		d.ck, d.key = derive(d.ck, d.key[:])
		d.aead, d.used = newAEAD(d.key), 0
	}
	binary.LittleEndian.PutUint64(d.nonce[4:], d.used)
}
