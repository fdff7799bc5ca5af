package node

import (
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/store"
)

// Closed is what is kept of a channel that ended, as record "n/x/<index>".
type Closed struct {
	Index    uint64
	Peer     lnwire.PubKey
	Funding  wire.OutPoint
	SCID     lnwire.ShortChannelID
	Capacity btcutil.Amount
	Txid     chainhash.Hash // that spent the funding output
	Height   lnwire.Height
	Balance  btcutil.Amount // ours, at the end
	Opener   bool           // we opened it
	Forced   bool           // our commitment ended it
	Kind     resolve.Close  // what ended it
}

const (
	closedPrefix  = "n/x/"
	closedVersion = 1
	closedSize    = 1 + 33 + 36 + 8 + 8 + 32 + 4 + 8 + 1 + 1
)

func closedKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(closedPrefix), index)
}

func newClosed(ref peer.Ref, c *channel.Info) Closed {
	x := Closed{
		Index: ref.Index, Peer: ref.Peer, Funding: c.Funding, SCID: c.SCID, Capacity: c.Capacity, Height: c.Close.SpentHeight,
		Balance: c.Local.Balance.Satoshis(), Opener: c.Opener, Forced: c.Close.Forced && c.Close.Kind == resolve.LocalCommitment,
	}
	if c.Close.SpentBy != nil {
		x.Txid = *c.Close.SpentBy
		x.Kind = c.Close.Kind
	}
	return x
}

// encode: version, peer, funding, scid, capacity, txid, height, balance, flags, kind; big-endian.
func (x *Closed) encode() []byte {
	b := append(make([]byte, 0, closedSize), closedVersion)
	b = append(b, x.Peer[:]...)
	b = append(b, x.Funding.Hash[:]...)
	b = binary.BigEndian.AppendUint32(b, x.Funding.Index)
	b = binary.BigEndian.AppendUint64(b, uint64(x.SCID))
	b = binary.BigEndian.AppendUint64(b, uint64(x.Capacity))
	b = append(b, x.Txid[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(x.Height))
	b = binary.BigEndian.AppendUint64(b, uint64(x.Balance))
	var flags byte
	for i, set := range []bool{x.Opener, x.Forced} {
		if set {
			flags |= 1 << i
		}
	}
	return append(b, flags, byte(x.Kind))
}

func decodeClosed(index uint64, b []byte) (Closed, error) {
	if len(b) != closedSize || b[0] != closedVersion {
		return Closed{}, fmt.Errorf("closed channel of %d bytes is of no known version", len(b))
	}
	x := Closed{Index: index}
	be := binary.BigEndian
	b = b[1:]
	b = b[copy(x.Peer[:], b):]
	b = b[copy(x.Funding.Hash[:], b):]
	x.Funding.Index, b = be.Uint32(b), b[4:]
	x.SCID, b = lnwire.ShortChannelID(be.Uint64(b)), b[8:]
	x.Capacity, b = btcutil.Amount(be.Uint64(b)), b[8:]
	b = b[copy(x.Txid[:], b):]
	x.Height, b = lnwire.Height(be.Uint32(b)), b[4:]
	x.Balance, b = btcutil.Amount(be.Uint64(b)), b[8:]
	x.Opener, x.Forced, x.Kind = b[0]&1 != 0, b[0]&2 != 0, resolve.Close(b[1])
	return x, nil
}

// closedChannels reads all of them, in the order of opening.
func closedChannels(db *store.DB) ([]Closed, error) {
	var all []Closed
	err := db.Scan([]byte(closedPrefix), func(k, v []byte) error {
		if len(k) != len(closedPrefix)+8 {
			return fmt.Errorf("closed channel has key %x", k)
		}
		x, err := decodeClosed(binary.BigEndian.Uint64(k[len(closedPrefix):]), v)
		all = append(all, x)
		return err
	})
	return all, err
}

// bury replaces the records of a channel that ended by what is kept of it. A channel that was abandoned leaves nothing.
func bury(db *store.DB, ref peer.Ref, info *channel.Info) error {
	var b store.Batch
	err := db.Scan(peer.RecordsOf(ref.Index), func(k, _ []byte) error {
		b.Puts = append(b.Puts, store.Put{Key: append([]byte(nil), k...)})
		return nil
	})
	if err != nil {
		return err
	}
	if info.Phase == channel.PhaseClosed && info.Close.SpentBy != nil {
		x := newClosed(ref, info)
		b.Puts = append(b.Puts, store.Put{Key: closedKey(ref.Index), Value: x.encode()})
	}
	db.Commit(b)
	return nil
}
