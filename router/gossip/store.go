package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// Keys of graph.db: a letter and what it is about.
const (
	keyChannel = 'a' // short_channel_id -> capacity, funding outpoint, height of the spend, channel_announcement
	keyUpdate  = 'u' // short_channel_id, direction -> channel_update
	keyNode    = 'n' // node id -> node_announcement
	keyRemote  = 'p' // short_channel_id of a private channel of ours -> the peer's channel_update
	keyZombie  = 'z' // short_channel_id of a pruned channel -> nothing
	keyBlock   = 'b' // -> height of the last block that was looked through
)

// recordVersion opens every value and a CRC-32C of what precedes ends it: graph.db is not fsynced, and a bit that
// fell over must not become a fee. A record of a later version is dropped like a damaged one, and synced again.
const recordVersion = 1

const channelHeader = 8 + 32 + 4 + 4 + 4

// ErrBadRecord: a record is damaged, or of a later version.
var ErrBadRecord = errors.New("gossip record cannot be read")

func announcementKey(scid lnwire.ShortChannelID) []byte { return scidKey(keyChannel, scid) }
func remoteKey(scid lnwire.ShortChannelID) []byte       { return scidKey(keyRemote, scid) }
func zombieKey(scid lnwire.ShortChannelID) []byte       { return scidKey(keyZombie, scid) }
func nodeKey(key lnwire.PubKey) []byte                  { return append([]byte{keyNode}, key[:]...) }

func updateKey(scid lnwire.ShortChannelID, direction uint8) []byte {
	return append(scidKey(keyUpdate, scid), direction)
}

func scidKey(letter byte, scid lnwire.ShortChannelID) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 10), letter), uint64(scid))
}

func (e *Engine) saveBlock() {
	e.save([]byte{keyBlock}, binary.BigEndian.AppendUint32(nil, uint32(e.scanned)))
}

func (e *Engine) save(key, value []byte) {
	v := make([]byte, 0, 1+len(value)+4)
	v = append(append(v, recordVersion), value...)
	e.out.Records = append(e.out.Records, Record{key, binary.BigEndian.AppendUint32(v, crc32.Checksum(v, castagnoli))})
}

func (e *Engine) erase(key []byte) { e.out.Records = append(e.out.Records, Record{Key: key}) }

func (e *Engine) saveChannel(scid lnwire.ShortChannelID, c *channel) {
	v := make([]byte, 0, channelHeader+len(c.ann))
	v = binary.BigEndian.AppendUint64(v, uint64(c.capacity))
	v = append(v, c.funding.Hash[:]...)
	v = binary.BigEndian.AppendUint32(v, c.funding.Index)
	v = binary.BigEndian.AppendUint32(v, uint32(e.spent[scid]))
	v = binary.BigEndian.AppendUint32(v, c.since)
	e.save(announcementKey(scid), append(v, c.ann...))
}

// open checks version and sum of a value, and returns what is between them: memory of the caller's.
func open(value []byte) ([]byte, error) {
	n := len(value) - 4
	if n < 1 || value[0] != recordVersion {
		return nil, fmt.Errorf("%w: no version %d", ErrBadRecord, recordVersion)
	}
	if crc32.Checksum(value[:n], castagnoli) != binary.BigEndian.Uint32(value[n:]) {
		return nil, fmt.Errorf("%w: checksum", ErrBadRecord)
	}
	return value[1:n], nil
}

// loading is what was loaded and waits for Loaded to put it together.
type loading struct {
	channels map[lnwire.ShortChannelID]*channel
	spent    map[lnwire.ShortChannelID]lnwire.Height
	updates  []Record
	nodes    []Record
	remotes  map[lnwire.ShortChannelID]*lnwire.ChannelUpdate
	bad      [][]byte // keys
}

func newLoading() loading {
	return loading{
		channels: map[lnwire.ShortChannelID]*channel{}, spent: map[lnwire.ShortChannelID]lnwire.Height{},
		remotes: map[lnwire.ShortChannelID]*lnwire.ChannelUpdate{},
	}
}

// Load takes one record of graph.db, in any order. A damaged one is reported with ErrBadRecord and left out: Loaded
// deletes it, and a sync brings it again. It is not a reason to stop.
func (e *Engine) Load(key, value []byte) error {
	err := e.load(key, value)
	if err != nil {
		e.loads.bad = append(e.loads.bad, bytes.Clone(key))
	}
	return err
}

func (e *Engine) load(key, value []byte) error {
	b, err := open(value)
	if err != nil {
		return err
	}
	if len(key) == 0 {
		return fmt.Errorf("%w: empty key", ErrBadRecord)
	}
	if key[0] == keyBlock && len(b) == 4 {
		e.scanned = lnwire.Height(binary.BigEndian.Uint32(b))
		return nil
	}
	if key[0] == keyNode {
		e.loads.nodes = append(e.loads.nodes, Record{bytes.Clone(key), bytes.Clone(b)})
		return nil
	}
	if len(key) < 9 {
		return fmt.Errorf("%w: key %x", ErrBadRecord, key)
	}
	scid := lnwire.ShortChannelID(binary.BigEndian.Uint64(key[1:]))
	switch key[0] {
	case keyChannel:
		return e.loadChannel(scid, b)
	case keyUpdate:
		e.loads.updates = append(e.loads.updates, Record{bytes.Clone(key), bytes.Clone(b)})
	case keyRemote:
		m, ok := decodeUpdate(b)
		if !ok {
			return fmt.Errorf("%w: no channel_update", ErrBadRecord)
		}
		e.loads.remotes[scid] = m
	case keyZombie:
		e.zombies.put(scid, struct{}{})
	default:
		return fmt.Errorf("%w: key %x", ErrBadRecord, key)
	}
	return nil
}

func (e *Engine) loadChannel(scid lnwire.ShortChannelID, b []byte) error {
	if len(b) < channelHeader {
		return fmt.Errorf("%w: %d bytes", ErrBadRecord, len(b))
	}
	c := &channel{
		ann: bytes.Clone(b[channelHeader:]), capacity: btcutil.Amount(binary.BigEndian.Uint64(b)),
		funding: wire.OutPoint{Index: binary.BigEndian.Uint32(b[40:])}, since: binary.BigEndian.Uint32(b[48:]),
	}
	copy(c.funding.Hash[:], b[8:40])
	e.loads.channels[scid] = c
	if at := binary.BigEndian.Uint32(b[44:]); at != 0 {
		e.loads.spent[scid] = lnwire.Height(at)
	}
	return nil
}

// Loaded ends loading: out gets the graph as Changes, and deletions of records that are of no use.
func (e *Engine) Loaded(now time.Time, height lnwire.Height, out *Effects) {
	e.now, e.out, e.height = uint32(max(0, now.Unix())), out, height
	l := e.loads
	e.loads = newLoading()
	e.loads.remotes = l.remotes
	for _, key := range l.bad {
		e.erase(key)
	}
	graph := e.assemble(&l)
	for _, u := range l.updates {
		e.assembleUpdate(u, graph)
	}
	for _, scid := range e.order {
		out.Changes = append(out.Changes, router.AddChannel{Channel: *graph[scid]})
	}
	for _, r := range l.nodes {
		e.assembleNode(r)
	}
	e.out = nil
}

func (e *Engine) assembleNode(r Record) {
	m, ok := decode[*lnwire.NodeAnnouncement](r.Value)
	if !ok || e.nodes[m.NodeID] == nil || !bytes.Equal(r.Key, nodeKey(m.NodeID)) {
		e.erase(r.Key)
		return
	}
	n := e.nodes[m.NodeID]
	n.ann, n.stamp, n.private = r.Value, m.Timestamp, dnsNames(m) > 1
	e.out.Changes = append(e.out.Changes, router.SetNode{Node: graphNode(m)})
}

// assemble inserts the loaded channels, in order.
func (e *Engine) assemble(l *loading) map[lnwire.ShortChannelID]*router.Channel {
	scids := make([]lnwire.ShortChannelID, 0, len(l.channels))
	for scid := range l.channels {
		scids = append(scids, scid)
	}
	slices.Sort(scids)
	graph := make(map[lnwire.ShortChannelID]*router.Channel, len(scids))
	for _, scid := range scids {
		c := l.channels[scid]
		m, ok := decode[*lnwire.ChannelAnnouncement](c.ann)
		if !ok || m.SCID != scid || m.ChainHash != e.o.Chain || c.capacity <= 0 {
			e.erase(announcementKey(scid))
			continue
		}
		e.insert(scid, c)
		if at, ok := l.spent[scid]; ok {
			e.spent[scid] = at
		}
		g := graphChannel(m, c)
		graph[scid] = &g
	}
	return graph
}

func (e *Engine) assembleUpdate(u Record, graph map[lnwire.ShortChannelID]*router.Channel) {
	m, ok := decodeUpdate(u.Value)
	if !ok || e.channels[m.SCID] == nil || !bytes.Equal(u.Key, updateKey(m.SCID, uint8(m.Direction()))) {
		e.erase(u.Key)
		return
	}
	c, d := e.channels[m.SCID], m.Direction()
	c.updates[d], c.stamps[d] = u.Value, m.Timestamp
	p := router.PolicyOf(m)
	graph[m.SCID].Policies[d] = &p
}
