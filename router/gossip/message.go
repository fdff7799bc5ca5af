package gossip

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Of an encoded channel_announcement: type, four signatures, features, chain_hash, short_channel_id, keys (BOLT 7).
const announcementFeatures = 2 + 4*64

// announcedKeys is where the four keys of an announcement begin; raw was encoded by us.
func announcedKeys(raw []byte) []byte {
	features := int(binary.BigEndian.Uint16(raw[announcementFeatures:]))
	return raw[announcementFeatures+2+features+32+8:]
}

func announcedNodes(raw []byte) (n1, n2 lnwire.PubKey) {
	k := announcedKeys(raw)
	return lnwire.PubKey(k[:33]), lnwire.PubKey(k[33:66])
}

func announcedBitcoinKeys(raw []byte) (b1, b2 lnwire.PubKey) {
	k := announcedKeys(raw)
	return lnwire.PubKey(k[66:99]), lnwire.PubKey(k[99:132])
}

// decode reads a message of type M that we encoded or stored.
func decode[M lnwire.Message](raw []byte) (m M, ok bool) {
	msg, err := lnwire.Unmarshal(raw)
	if err != nil {
		return m, false
	}
	m, ok = msg.(M)
	return m, ok
}

func decodeUpdate(raw []byte) (*lnwire.ChannelUpdate, bool) {
	return decode[*lnwire.ChannelUpdate](raw)
}

// Of an encoded channel_update: type and signature, then chain_hash and short_channel_id, then the timestamp.
const (
	updateBody  = 2 + 64
	updateStamp = updateBody + 32 + 8
)

// checksum is lnwire's ChannelUpdate.Checksum of an encoded one; zero where there is none.
func checksum(raw []byte) uint32 {
	if raw == nil {
		return 0
	}
	return crc32.Update(crc32.Checksum(raw[updateBody:updateStamp], castagnoli), castagnoli, raw[updateStamp+4:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
