package gossip

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// SaveForTest writes the record of a channel without the work of proving it.
func SaveForTest(records map[string][]byte, m *lnwire.ChannelAnnouncement, op wire.OutPoint, capacity btcutil.Amount) {
	raw, err := lnwire.Marshal(m)
	if err != nil {
		panic(err)
	}
	e := &Engine{out: &Effects{}}
	e.saveChannel(m.SCID, &channel{ann: raw, funding: op, capacity: capacity, since: 1_760_000_000})
	records[string(e.out.Records[0].Key)] = e.out.Records[0].Value
}

// SealForTest makes a value whose version and checksum are right.
func SealForTest(value []byte) []byte {
	e := &Engine{out: &Effects{}}
	e.save(nil, value)
	return e.out.Records[0].Value
}

// SaveUpdateForTest writes the record of a channel_update without the work of proving it.
func SaveUpdateForTest(records map[string][]byte, m *lnwire.ChannelUpdate) {
	raw, err := lnwire.Marshal(m)
	if err != nil {
		panic(err)
	}
	e := &Engine{out: &Effects{}}
	e.save(updateKey(m.SCID, uint8(m.Direction())), raw)
	records[string(e.out.Records[0].Key)] = e.out.Records[0].Value
}
