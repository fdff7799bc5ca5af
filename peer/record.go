package peer

import (
	"encoding/binary"
	"fmt"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/store"
)

// Keys of the ledger:
//
//	c/<index, 8 bytes>         the channel's head: version byte, remote key
//	c/<index, 8 bytes>/<key>   the channel's own records (channel.Record)
const (
	chanPrefix  = "c/"
	headVersion = 1
	headSize    = 1 + 33
)

// Prefix of every key of package peer.
var Prefix = []byte(chanPrefix)

// RecordsOf is the prefix of all that the ledger holds of channel index.
func RecordsOf(index uint64) []byte { return headKey(index) }

func headKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, len(chanPrefix)+8), chanPrefix...), index)
}

func recordKey(index uint64, key []byte) []byte {
	k := make([]byte, 0, len(chanPrefix)+9+len(key))
	k = binary.BigEndian.AppendUint64(append(k, chanPrefix...), index)
	return append(append(k, '/'), key...)
}

func encodeHead(remote lnwire.PubKey) []byte { return append([]byte{headVersion}, remote[:]...) }

func decodeHead(b []byte) (remote lnwire.PubKey, err error) {
	if len(b) != headSize || b[0] != headVersion {
		return remote, fmt.Errorf("channel head of %d bytes is of no known version", len(b))
	}
	return lnwire.PubKey(b[1:]), nil
}

// records lets one channel read what it wrote. What is still queued is waited for.
type records struct {
	db    Ledger
	index uint64
}

var _ channel.Records = records{}

func (r records) Load(key []byte) ([]byte, error) {
	if err := r.db.Sync(); err != nil {
		return nil, err
	}
	return r.db.Load(recordKey(r.index, key))
}

// Scanner is the part of store.DB that loading uses.
type Scanner interface {
	Scan(prefix []byte, fn func(k, v []byte) error) error
}

// Heads lists the channels that the ledger holds, in order of their index.
func Heads(db Scanner) ([]Ref, error) {
	var refs []Ref
	err := db.Scan(Prefix, func(k, v []byte) error {
		if len(k) != len(chanPrefix)+8 {
			return nil
		}
		remote, err := decodeHead(v)
		if err != nil {
			return fmt.Errorf("record %x: %w", k, err)
		}
		refs = append(refs, Ref{Index: binary.BigEndian.Uint64(k[len(chanPrefix):]), Peer: remote})
		return nil
	})
	return refs, err
}

// puts turns a channel's records into the store's.
func puts(index uint64, recs []channel.Record, into []store.Put) []store.Put {
	for _, r := range recs {
		into = append(into, store.Put{Key: recordKey(index, r.Key), Value: r.Value})
	}
	return into
}
