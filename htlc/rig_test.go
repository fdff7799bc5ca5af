package htlc

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// memory is a store that makes everything durable at once.
type memory map[string][]byte

func (m memory) Load(key []byte) ([]byte, error) { return m[string(key)], nil }

func (m memory) Range(from, to []byte, reverse bool, fn func(k, v []byte) error) error {
	var keys []string
	for k := range m {
		if k >= string(from) && k < string(to) {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	if reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if err := fn([]byte(k), m[k]); err != nil {
			return err
		}
	}
	return nil
}

func (m memory) apply(records []Record) {
	for _, r := range records {
		if r.Value == nil {
			delete(m, string(r.Key))
			continue
		}
		m[string(r.Key)] = bytes.Clone(r.Value)
	}
}

var (
	chanA, chanB, chanC = lnwire.ChannelID{0xa}, lnwire.ChannelID{0xb}, lnwire.ChannelID{0xc}
	alice, bob          = lnwire.PubKey{2, 0xa}, lnwire.PubKey{2, 0xb}
	scidA, scidB, scidC = lnwire.ShortChannelID(0xa), lnwire.ShortChannelID(0xb), lnwire.ShortChannelID(0xc)
	aliasB              = lnwire.ShortChannelID(0xbb)
	updateB, updateBB   = []byte("update of b"), []byte("update of b's alias")
	start               = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const startHeight = lnwire.Height(800_000)

// rig drives a Switch: A is a channel with alice, B and C are channels with bob.
type rig struct {
	testing.TB
	store  memory
	s      *Switch
	out    Effects
	now    time.Time
	height lnwire.Height
	ids    uint64
}

func newRig(t testing.TB) *rig {
	r := &rig{TB: t, store: memory{}, now: start, height: startHeight}
	r.restart(Resume{})
	return r
}

func linkA() Link {
	return Link{Channel: chanA, Peer: alice, Up: true, Names: []Name{{SCID: scidA}}}
}

func linkB() Link {
	return Link{Channel: chanB, Peer: bob, Up: true, Names: []Name{{scidB, updateB}, {aliasB, updateBB}}, Policy: router.Policy{
		CLTVDelta: 40, Min: 1000, Max: 1_000_000_000, FeeBase: 1000, FeeRate: 100,
	}}
}

func linkC() Link {
	l := linkB()
	l.Channel, l.Names = chanC, []Name{{scidC, []byte("update of c")}}
	return l
}

// restart makes a Switch from the records, as a crash would.
func (r *rig) restart(ev Resume) Effects {
	r.Helper()
	s, err := New(Options{Keysend: true}, r.store)
	require.NoError(r, err)
	r.s = s
	r.step(Tick{r.now, r.height})
	r.step(Linked{linkA()})
	r.step(Linked{linkB()})
	return r.step(ev)
}

// try steps ev and writes what it asked for.
func (r *rig) try(ev Event) (Effects, error) {
	r.out = Effects{}
	err := r.s.Step(ev, &r.out)
	if err != nil {
		require.Equal(r, Effects{}, r.out, "a refusal has no effects")
	}
	r.store.apply(r.out.Records)
	return r.out, err
}

func (r *rig) step(ev Event) Effects {
	r.Helper()
	out, err := r.try(ev)
	require.NoError(r, err)
	return out
}

func (r *rig) later(d time.Duration) Effects {
	r.now = r.now.Add(d)
	return r.step(Tick{r.now, r.height})
}

func (r *rig) block() Effects {
	r.height++
	return r.step(Tick{r.now, r.height})
}

func secretOf(id uint64) onion.Secret { return onion.Secret{byte(id), byte(id >> 8), 0x5e} }

func preimageOf(n byte) (lnwire.Preimage, lnwire.Hash) {
	p := lnwire.Preimage{n, 0x11}
	return p, sha256.Sum256(p[:])
}

// incoming makes an HTLC on channel A; a nil payload's HTLC is to forward by channel B.
func (r *rig) incoming(hash lnwire.Hash, amount lnwire.MilliSatoshi, expiry uint32, p onion.Payload) Incoming {
	r.ids++
	in := Incoming{
		HTLC:   channel.HTLC{Channel: chanA, ID: r.ids, Amount: amount, Hash: hash, Expiry: expiry, Onion: new(onion.Packet)},
		Peeled: &onion.Peeled{Payload: &p, Secret: secretOf(r.ids)},
	}
	if p.SCID != nil {
		in.Peeled.Next = &onion.Packet{1, 2, 3}
	}
	return in
}

// toForward is an HTLC of 100,000 msat for channel B that pays exactly what B asks for.
func (r *rig) toForward(hash lnwire.Hash) Incoming {
	expiry := uint32(r.height) + 100
	return r.incoming(hash, 101_010, expiry+40, onion.NewForward(scidB, 100_000, expiry))
}

// failure is the one that this node gave for HTLC id; the only command must be its Reject.
func (r *rig) failure(out Effects, id uint64) onion.Failure {
	r.Helper()
	require.Len(r, out.Commands, 1)
	return r.failureOf(out.Commands[0], id)
}

func (r *rig) failureOf(c Command, id uint64) onion.Failure {
	r.Helper()
	reject, ok := c.Event.(channel.Reject)
	require.True(r, ok, "%T", c.Event)
	require.Equal(r, id, reject.ID)
	hop, f, err := onion.Decrypt([]onion.Secret{secretOf(id)}, reject.Reason)
	require.NoError(r, err)
	require.Zero(r, hop)
	return f
}

// offered is the only command's Offer, and where it goes.
func (r *rig) offered(out Effects) (lnwire.ChannelID, channel.Offer) {
	r.Helper()
	require.Len(r, out.Commands, 1)
	offer, ok := out.Commands[0].Event.(channel.Offer)
	require.True(r, ok, "%T", out.Commands[0].Event)
	return out.Commands[0].Channel, offer
}

func (r *rig) settled(out Effects, preimage lnwire.Preimage, ids ...uint64) {
	r.Helper()
	require.Len(r, out.Commands, len(ids))
	for i, id := range ids {
		require.Equal(r, Command{chanA, channel.Settle{ID: id, Preimage: preimage}}, out.Commands[i])
	}
}

func noticesOf[T Notice](out Effects) (list []T) {
	for _, n := range out.Notices {
		if v, ok := n.(T); ok {
			list = append(list, v)
		}
	}
	return list
}

func ptr[T any](v T) *T { return &v }

func sessionKey(b byte) *btcec.PrivateKey {
	k, _ := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{b}, 32))
	return k
}
