package resolve

import (
	"encoding/binary"
	"errors"

	"github.com/fulmen-ln/fulmen/channel/commitment"
)

// RevokedRecord is all that a penalty needs of a revoked commitment of the peer, beside the revealed secret.
type RevokedRecord struct{ HTLCs []RevokedHTLC }

// RevokedHTLC is an HTLC output of a revoked commitment.
type RevokedHTLC struct {
	Offerer commitment.Side
	Hash    [20]byte // commitment.HashOf the payment hash
	Expiry  uint32
}

// ErrRecord: bytes that Encode has not written.
var ErrRecord = errors.New("malformed record of a revoked commitment")

const (
	recordVersion = 0
	recordHTLC    = 1 + 20 + 4
	recordMax     = 2 * commitment.MaxHTLCs
)

// NewRevokedRecord records the HTLC outputs of a commitment of the peer.
func NewRevokedRecord(c *commitment.Commitment) RevokedRecord {
	r := RevokedRecord{HTLCs: make([]RevokedHTLC, len(c.HTLCs))}
	for i := range c.HTLCs {
		h := &c.HTLCs[i]
		r.HTLCs[i] = RevokedHTLC{Offerer: h.Offerer, Hash: commitment.HashOf(h.Hash), Expiry: h.Expiry}
	}
	return r
}

// Encode writes a version byte, then for each HTLC offerer, hash and expiry: 25 bytes, for there is one such record for
// each revoked commitment of the channel's life.
func (r RevokedRecord) Encode() []byte {
	b := make([]byte, 0, 1+len(r.HTLCs)*recordHTLC)
	b = append(b, recordVersion)
	for i := range r.HTLCs {
		h := &r.HTLCs[i]
		b = append(b, byte(h.Offerer))
		b = append(b, h.Hash[:]...)
		b = binary.BigEndian.AppendUint32(b, h.Expiry)
	}
	return b
}

// DecodeRevokedRecord reads what Encode wrote, or fails with ErrRecord.
func DecodeRevokedRecord(b []byte) (RevokedRecord, error) {
	if len(b) == 0 || b[0] != recordVersion || (len(b)-1)%recordHTLC != 0 || (len(b)-1)/recordHTLC > recordMax {
		return RevokedRecord{}, ErrRecord
	}
	r := RevokedRecord{HTLCs: make([]RevokedHTLC, 0, (len(b)-1)/recordHTLC)}
	for b = b[1:]; len(b) > 0; b = b[recordHTLC:] {
		if b[0] > byte(commitment.Remote) {
			return RevokedRecord{}, ErrRecord
		}
		r.HTLCs = append(r.HTLCs, RevokedHTLC{
			Offerer: commitment.Side(b[0]), Hash: [20]byte(b[1:21]), Expiry: binary.BigEndian.Uint32(b[21:25]),
		})
	}
	return r, nil
}
