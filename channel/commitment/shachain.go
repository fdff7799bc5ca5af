package commitment

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// indexBits is the width of a secret's index, which counts down from MaxNumber.
const indexBits = 48

// generate is BOLT 3's generate_from_seed.
func generate(seed [32]byte, index uint64) lnwire.Secret {
	return derive(lnwire.Secret(seed), indexBits, index)
}

// derive is BOLT 3's derive_secret: the secret of an index, from a base with which it shares the bits from n on.
func derive(base lnwire.Secret, n int, index uint64) lnwire.Secret {
	for b := n - 1; b >= 0; b-- {
		if index>>b&1 == 1 {
			base[b/8] ^= 1 << (b % 8)
			base = sha256.Sum256(base[:])
		}
	}
	return base
}

// Shachain stores all secrets that the counterparty has revealed in at most 49 of them (BOLT 3: Efficient
// Per-commitment Secret Storage). The zero value is empty.
type Shachain struct {
	known [indexBits + 1]lnwire.Secret // known[b]: the latest index with exactly b trailing zeros
	count uint64
}

// ErrRecord: bytes that Encode has not written.
var ErrRecord = errors.New("malformed record")

// Len is the number of secrets inserted, and so the number of the commitment that is revealed next.
func (c *Shachain) Len() uint64 { return c.count }

// slot is BOLT 3's where_to_put_secret.
func slot(index uint64) int {
	return min(bits.TrailingZeros64(index), indexBits)
}

// Insert adds the secret of commitment number Len(). ErrSecret: it does not come from the seed of those before it; c is
// unchanged then. Which point it belongs to is for the caller to check, with PointOf.
func (c *Shachain) Insert(s lnwire.Secret) error {
	if c.count > MaxNumber {
		return fmt.Errorf("%w: all 2^48 are revealed", ErrSecret)
	}
	index := MaxNumber - c.count
	at := slot(index)
	// BOLT 3: "A double-check, that all previous secrets derive correctly, is needed".
	for b := range at {
		if old, ok := c.index(b); ok && derive(s, at, old) != c.known[b] {
			return fmt.Errorf("%w: number %d is not of the same seed", ErrSecret, c.count)
		}
	}
	c.known[at] = s
	c.count++
	return nil
}

// index is the one that known[b] belongs to: the lowest inserted one with exactly b trailing zeros.
func (c *Shachain) index(b int) (uint64, bool) {
	if c.count == 0 {
		return 0, false
	}
	lowest := MaxNumber - c.count + 1
	if b == indexBits {
		return 0, lowest == 0
	}
	// Round up to a multiple of 2^b, and on to an odd one.
	unit := uint64(1) << b
	index := (lowest + unit - 1) / unit * unit
	if index>>b&1 == 0 {
		index += unit
	}
	return index, index <= MaxNumber
}

// Lookup returns the secret of commitment n, counted up from 0; false where it has not been revealed.
func (c *Shachain) Lookup(n uint64) (lnwire.Secret, bool) {
	if n >= c.count {
		return lnwire.Secret{}, false
	}
	want := MaxNumber - n
	for b := range c.known {
		if base, ok := c.index(b); ok && base == want&^(1<<b-1) {
			return derive(c.known[b], b, want), true
		}
	}
	panic("commitment: a revealed secret cannot be derived")
}

// Slot is the place that the last Insert wrote, so that a caller may store that one secret alone.
func (c *Shachain) Slot() (place int, s lnwire.Secret) {
	if c.count == 0 {
		panic("commitment: no secret has been inserted")
	}
	place = slot(MaxNumber - c.count + 1)
	return place, c.known[place]
}

// LoadShachain builds a store of count secrets from the slots that were written for it.
func LoadShachain(count uint64, written func(place int) (lnwire.Secret, bool)) (*Shachain, error) {
	c := &Shachain{count: count}
	if count > MaxNumber+1 {
		return nil, fmt.Errorf("shachain: %w", ErrRecord)
	}
	for place := range c.known {
		if _, exists := c.index(place); !exists {
			continue
		}
		s, ok := written(place)
		if !ok {
			return nil, fmt.Errorf("shachain: %w: slot %d is missing", ErrRecord, place)
		}
		c.known[place] = s
	}
	return c, nil
}

const shachainVersion = 0

// Encode writes a version byte, the count, and the known secrets that exist, in order of trailing zeros.
func (c *Shachain) Encode() []byte {
	out := binary.BigEndian.AppendUint64([]byte{shachainVersion}, c.count)
	for b := range c.known {
		if _, ok := c.index(b); ok {
			out = append(out, c.known[b][:]...)
		}
	}
	return out
}

// DecodeShachain reads what Encode wrote, or fails with ErrRecord.
func DecodeShachain(b []byte) (*Shachain, error) {
	if len(b) < 9 || b[0] != shachainVersion {
		return nil, fmt.Errorf("shachain: %w", ErrRecord)
	}
	c := &Shachain{count: binary.BigEndian.Uint64(b[1:])}
	if c.count > MaxNumber+1 {
		return nil, fmt.Errorf("shachain: %w", ErrRecord)
	}
	b = b[9:]
	for i := range c.known {
		if _, ok := c.index(i); !ok {
			continue
		}
		if len(b) < len(c.known[i]) {
			return nil, fmt.Errorf("shachain: %w", ErrRecord)
		}
		b = b[copy(c.known[i][:], b):]
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("shachain: %w", ErrRecord)
	}
	return c, nil
}
