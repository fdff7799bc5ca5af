package lnwire

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/internal/curve"
)

// MilliSatoshi is an amount in thousandths of a satoshi.
type MilliSatoshi uint64

// MaxMilliSatoshi is every bitcoin there will ever be.
const MaxMilliSatoshi MilliSatoshi = 21_000_000 * 100_000_000 * 1000

// FromSatoshis converts whole satoshis; a negative amount is a bug of the caller and panics.
func FromSatoshis(a btcutil.Amount) MilliSatoshi {
	if a < 0 {
		panic(fmt.Sprintf("lnwire: negative amount %d", int64(a)))
	}
	return MilliSatoshi(a) * 1000
}

// Satoshis rounds down to whole satoshis, as BOLT 3 does for every output.
func (m MilliSatoshi) Satoshis() btcutil.Amount { return btcutil.Amount(m / 1000) }

func (m MilliSatoshi) String() string { return fmt.Sprintf("%d msat", uint64(m)) }

// Add returns m+n, or false where the sum exceeds MaxMilliSatoshi.
func (m MilliSatoshi) Add(n MilliSatoshi) (MilliSatoshi, bool) {
	if m > MaxMilliSatoshi || n > MaxMilliSatoshi-m {
		return 0, false
	}
	return m + n, true
}

// Sub returns m-n, or false where n is the larger.
func (m MilliSatoshi) Sub(n MilliSatoshi) (MilliSatoshi, bool) {
	if n > m {
		return 0, false
	}
	return m - n, true
}

// FeePerKW is a fee rate in satoshis per 1000 weight units.
type FeePerKW uint32

// FeePerKWFloor is the lowest rate that the network relays (BOLT 3: 253).
const FeePerKWFloor FeePerKW = 253

// Fee of a transaction of the given weight, rounded down (BOLT 3).
func (f FeePerKW) Fee(weight int64) btcutil.Amount {
	return btcutil.Amount(int64(f) * weight / 1000)
}

// Height is a block height.
type Height uint32

// ChannelID names a channel on the wire (BOLT 2): the funding txid with its last two bytes XORed with the output index.
type ChannelID [32]byte

// NewChannelID derives the id of the channel that op funds.
func NewChannelID(op wire.OutPoint) ChannelID {
	id := ChannelID(op.Hash)
	id[30] ^= byte(op.Index >> 8)
	id[31] ^= byte(op.Index)
	return id
}

func (c ChannelID) String() string { return hex.EncodeToString(c[:]) }

// ShortChannelID is block height (24 bits), transaction index (24) and output index (16) (BOLT 7).
type ShortChannelID uint64

// NewShortChannelID packs the three parts; each is cut to its width.
func NewShortChannelID(block Height, tx uint32, output uint16) ShortChannelID {
	return ShortChannelID(uint64(block&0xffffff)<<40 | uint64(tx&0xffffff)<<16 | uint64(output))
}

func (s ShortChannelID) Block() Height  { return Height(s >> 40) }
func (s ShortChannelID) Tx() uint32     { return uint32(s>>16) & 0xffffff }
func (s ShortChannelID) Output() uint16 { return uint16(s) }
func (s ShortChannelID) String() string {
	return fmt.Sprintf("%dx%dx%d", s.Block(), s.Tx(), s.Output())
}

// PubKey is a compressed secp256k1 point as it travels. Decoding a message does not put it on the curve: Parse does.
type PubKey [33]byte

// ErrBadPoint: the bytes are no point of the curve.
var ErrBadPoint = errors.New("not a valid compressed public key")

// NewPubKey serializes k.
func NewPubKey(k *btcec.PublicKey) (p PubKey) {
	copy(p[:], k.SerializeCompressed())
	return p
}

// Parse returns the point, or ErrBadPoint.
func (p PubKey) Parse() (*btcec.PublicKey, error) {
	k, err := curve.Parse((*[33]byte)(&p))
	if err != nil {
		return nil, fmt.Errorf("%w: %x", ErrBadPoint, p[:])
	}
	return k, nil
}

func (p PubKey) String() string { return hex.EncodeToString(p[:]) }
func (p PubKey) IsZero() bool   { return p == PubKey{} }

// Sig is an ECDSA signature as r and s, 32 bytes each (BOLT 1: signature).
type Sig [64]byte

// Hash is a payment hash, Preimage its SHA256 preimage, Secret a per-commitment secret.
type (
	Hash     [32]byte
	Preimage [32]byte
	Secret   [32]byte
)

func (h Hash) String() string { return hex.EncodeToString(h[:]) }
