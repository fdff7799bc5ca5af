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
