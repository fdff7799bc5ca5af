package node

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/wallet"
)

// A backup holds what is left of channels when only the seed is: enough to ask their peers to close, and to take what the
// peers then pay. It is the same for as long as a channel lives, so that an older one of a live channel is as good.
//
//	version (1) ‖ nonce (24) ‖ XChaCha20-Poly1305 under the seed's key of
//	    next channel index (8) ‖ count (4) ‖ per channel: saved ‖ length of the addresses (2) ‖ addresses, one a line
const (
	backupVersion = 1
	backupLabel   = "channel backup" // of the key; part of the format
	backupMagic   = "fulmen channel backup"
	// maxBackupAddresses bounds the addresses of one peer, in bytes.
	maxBackupAddresses = 1<<16 - 1
)

// ErrBackup: no backup of this seed, or a damaged one.
var ErrBackup = errors.New("not a channel backup of this wallet")

// saved is one channel in a backup. Its fields are written as they stand, in big-endian: to change them is to change the
// version. Pairs are ours, then the peer's.
type saved struct {
	Index            uint64
	Peer             lnwire.PubKey
	Funding          wire.OutPoint
	Capacity         btcutil.Amount
	Opener, Announce bool
	Created          lnwire.Height
	Limits           [2]channel.Limits
	Points           [2]commitment.Basepoints
}

// backedUp is a channel with the addresses of its peer.
type backedUp struct {
	saved
	Addresses []string
}

// backup is the content of one.
type backup struct {
	Next     uint64 // no channel has this index, nor any above
	Channels []backedUp
}

func newBackedUp(p page, addresses []string) backedUp {
	b := backedUp{Addresses: addresses, saved: saved{
		Index: p.Index, Peer: p.Peer, Funding: p.Funding, Capacity: p.Capacity, Opener: p.Opener, Announce: p.Announce,
		Created: p.Created, Limits: [2]channel.Limits{p.Local.Limits, p.Remote.Limits}, Points: p.Points(),
	}}
	if p.SCID != 0 {
		b.Created = p.SCID.Block()
	}
	return b
}

// seal encrypts b under the seed.
func (b *backup) seal(k *wallet.Keys) ([]byte, error) {
	plain := binary.BigEndian.AppendUint64(nil, b.Next)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(b.Channels)))
	for i := range b.Channels {
		c := &b.Channels[i]
		var err error
		if plain, err = binary.Append(plain, binary.BigEndian, &c.saved); err != nil {
			return nil, fmt.Errorf("encode backup: %w", err)
		}
		lines := strings.Join(c.Addresses, "\n")
		if len(lines) > maxBackupAddresses {
			lines = ""
		}
		plain = binary.BigEndian.AppendUint16(plain, uint16(len(lines)))
		plain = append(plain, lines...)
	}
	secret := k.Sub(backupLabel)
	aead, err := chacha20poly1305.NewX(secret[:])
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, 1+aead.NonceSize()+len(plain)+aead.Overhead()), backupVersion)
	out = out[:1+aead.NonceSize()]
	rand.Read(out[1:]) // never fails
	return aead.Seal(out, out[1:], plain, backupData(backupVersion)), nil
}

// backupData is what the encryption authenticates beside the content.
func backupData(version byte) []byte { return append([]byte(backupMagic), version) }

// openBackup decrypts what seal made: ErrBackup.
func openBackup(k *wallet.Keys, b []byte) (*backup, error) {
	secret := k.Sub(backupLabel)
	aead, err := chacha20poly1305.NewX(secret[:])
	if err != nil {
		return nil, err
	}
	head := 1 + aead.NonceSize()
	switch {
	case len(b) < head:
		return nil, fmt.Errorf("%w: %d bytes", ErrBackup, len(b))
	case b[0] != backupVersion:
		return nil, fmt.Errorf("%w: version %d is not known", ErrBackup, b[0])
	}
	plain, err := aead.Open(nil, b[1:head], b[head:], backupData(b[0]))
	if err != nil {
		return nil, fmt.Errorf("%w: it was made with another seed, or is damaged", ErrBackup)
	}
	return decodeBackup(plain)
}

func decodeBackup(plain []byte) (*backup, error) {
	r := bytes.NewReader(plain)
	var head struct {
		Next  uint64
		Count uint32
	}
	if err := binary.Read(r, binary.BigEndian, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	b := &backup{Next: head.Next}
	for range head.Count {
		var c struct {
			Saved  saved
			Length uint16
		}
		if err := binary.Read(r, binary.BigEndian, &c); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBackup, err)
		}
		if int(c.Length) > r.Len() {
			return nil, fmt.Errorf("%w: it ends early", ErrBackup)
		}
		lines := make([]byte, c.Length)
		copy(lines, plain[len(plain)-r.Len():])
		r.Reset(plain[len(plain)-r.Len()+len(lines):])
		one := backedUp{saved: c.Saved}
		if len(lines) > 0 {
			one.Addresses = strings.Split(string(lines), "\n")
		}
		b.Channels = append(b.Channels, one)
	}
	if r.Len() > 0 {
		return nil, fmt.Errorf("%w: %d bytes follow", ErrBackup, r.Len())
	}
	return b, nil
}
