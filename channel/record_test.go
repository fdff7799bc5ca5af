package channel_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// busy is a channel with HTLCs at many stages, removals of each kind, a fee under way and a close begun.
func busy(t testing.TB) *sim.Pair {
	t.Helper()
	s := openSetup()
	s.Fast, s.Announce = true, true
	p := sim.Ready(s)
	for range 4 {
		require.NoError(t, p.A.Step(offerOf(2_000_000)))
		require.NoError(t, p.B.Step(offerOf(3_000_000)))
	}
	p.Settle()
	p.B.Must(channel.Settle{ID: 0, Preimage: preimage(1)})
	p.B.Must(channel.Reject{ID: 1, Reason: []byte("no")})
	p.B.Must(channel.RejectMalformed{ID: 2, Code: 0xc006, SHA256: [32]byte{3}})
	p.A.Must(channel.SetFee{FeeRate: 800})
	blinded := offerOf(4_000_000)
	blinded.Blinding = &lnwire.PubKey{2, 3}
	blinded.Origin = channel.Origin{Channel: lnwire.ChannelID{8}, ID: 9}
	require.NoError(t, p.A.Step(blinded))
	p.A.Must(channel.Flush{})
	p.B.Must(channel.Flush{})
	p.A.Commit()
	p.B.Commit()
	for p.A.Deliver() {
	}
	p.A.Commit()
	return p
}

func TestALoadedMachineIsTheOneThatWasWritten(t *testing.T) {
	p := busy(t)
	for _, n := range []*sim.Node{p.A, p.B} {
		sim.Disconnect(p.A, p.B)
		p.A.Commit()
		p.B.Commit()
		before, info := n.Machine.Snapshot(), n.Machine.Info()
		n.Crash()
		n.Commit()
		require.Equal(t, before, n.Machine.Snapshot())
		require.True(t, reflect.DeepEqual(info, n.Machine.Info()))
	}
	sim.Connect(p.A, p.B)
	p.Settle()
	require.NoError(t, p.Oracle.Err)
}

const goldenDisk = "testdata/records-v1.txt"

// TestRecordsOfVersion1StillLoad: the file is never rewritten but with a new version beside it.
func TestRecordsOfVersion1StillLoad(t *testing.T) {
	p := busy(t)
	if _, err := os.Stat(goldenDisk); errors.Is(err, os.ErrNotExist) && *rewrite {
		var b bytes.Buffer
		for _, k := range slices.Sorted(maps.Keys(p.A.Disk)) {
			fmt.Fprintf(&b, "%x %x\n", k, p.A.Disk[k])
		}
		require.NoError(t, os.WriteFile(goldenDisk, b.Bytes(), 0o644))
	}
	disk := readDisk(t, goldenDisk)
	m, err := channel.Load("old", disk, channel.Enforce(p.A.Signer), p.A.Key)
	require.NoError(t, err)
	require.NoError(t, m.Step(channel.Linked{}, new(channel.Effects)))
	i := m.Info()
	require.Equal(t, channel.PhaseOpen, i.Phase)
	require.EqualValues(t, 1_000_000, i.Capacity)
	require.Len(t, i.HTLCs, 9)
	require.Equal(t, channel.Origin{Channel: lnwire.ChannelID{8}, ID: 9}, i.HTLCs[4].Origin)
	require.Equal(t, &lnwire.PubKey{2, 3}, i.HTLCs[4].Blinding)
	require.Equal(t, preimage(1), *i.HTLCs[0].Preimage)
	incoming, outgoing := m.Live()
	require.Len(t, incoming, 4)
	require.Len(t, outgoing, 5)
}

func readDisk(t *testing.T, file string) sim.Disk {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	disk := sim.Disk{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		k, v, _ := strings.Cut(lines.Text(), " ")
		key, err := hex.DecodeString(k)
		require.NoError(t, err)
		value, err := hex.DecodeString(v)
		require.NoError(t, err)
		disk[string(key)] = value
	}
	return disk
}

func TestLoadRefusesRecordsThatDoNotFitTogether(t *testing.T) {
	for name, spoil := range map[string]func(sim.Disk){
		"no terms":         func(d sim.Disk) { delete(d, "s") },
		"no state":         func(d sim.Disk) { delete(d, "c") },
		"no signature":     func(d sim.Disk) { delete(d, "g") },
		"no secrets":       func(d sim.Disk) { maps.DeleteFunc(d, func(k string, _ []byte) bool { return k[0] == 'x' }) },
		"no HTLC":          func(d sim.Disk) { maps.DeleteFunc(d, func(k string, _ []byte) bool { return k[0] == 'h' }) },
		"no removal":       func(d sim.Disk) { maps.DeleteFunc(d, func(k string, _ []byte) bool { return k[0] == 'r' }) },
		"a newer version":  func(d sim.Disk) { d["s"][2] = 2 },
		"a signature":      func(d sim.Disk) { d["g"][len(d["g"])-1]++ },
		"a state cut":      func(d sim.Disk) { d["c"] = d["c"][:len(d["c"])-1] },
		"an unknown field": func(d sim.Disk) { d["l"] = append(d["l"], 100, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			p := busy(t)
			sim.Disconnect(p.A, p.B)
			disk := sim.Disk{}
			for k, v := range p.A.Disk {
				disk[k] = bytes.Clone(v)
			}
			spoil(disk)
			_, err := channel.Load("x", disk, p.A.Signer, p.A.Key)
			require.Error(t, err)
		})
	}
	p := busy(t)
	_, err := channel.Load("x", p.A.Disk, p.B.Signer, p.A.Key)
	require.ErrorIs(t, err, channel.ErrRecord, "another channel's keys")
}

func TestADiskErrorEndsTheLoad(t *testing.T) {
	p := busy(t)
	_, err := channel.Load("x", broken{}, p.A.Signer, p.A.Key)
	require.ErrorIs(t, err, os.ErrClosed)
}

type broken struct{}

func (broken) Load([]byte) ([]byte, error) { return nil, os.ErrClosed }

func TestADanceStepWritesFewBytes(t *testing.T) {
	s := rich(channel.Limits{})
	p := sim.Ready(s)
	for range 3 {
		payOnce(t, p, p.A)
	}
	require.NoError(t, p.A.Step(offerOf(1_000_000)))
	p.Settle()
	p.B.Must(channel.Settle{ID: 3, Preimage: preimage(1)})
	var out channel.Effects
	require.NoError(t, p.B.Machine.Step(channel.Flush{}, &out))
	size := 0
	for _, r := range out.Records {
		size += len(r.Key) + len(r.Value)
	}
	require.Less(t, size, 300, "state and removal")
}

// FuzzLoad: whatever is on the disk, Load returns, and what it returns can be asked and stepped.
func FuzzLoad(f *testing.F) {
	p := busy(f)
	keys := slices.Sorted(maps.Keys(p.A.Disk))
	for i := range keys {
		f.Add(uint8(i), 3, byte(1))
	}
	f.Fuzz(func(t *testing.T, which uint8, at int, flip byte) {
		disk := maps.Clone(p.A.Disk)
		k := keys[int(which)%len(keys)]
		v := bytes.Clone(disk[k])
		if len(v) > 0 {
			v[uint(at)%uint(len(v))] ^= flip
		}
		disk[k] = v
		m, err := channel.Load("x", disk, p.A.Signer, p.A.Key)
		if err != nil {
			return
		}
		require.NoError(t, m.Step(channel.Linked{}, new(channel.Effects)))
		m.Info()
		m.Live()
	})
}

// FuzzRecord replaces a whole record.
func FuzzRecord(f *testing.F) {
	p := busy(f)
	keys := slices.Sorted(maps.Keys(p.A.Disk))
	for i, k := range keys {
		f.Add(uint8(i), p.A.Disk[k])
	}
	f.Fuzz(func(t *testing.T, which uint8, v []byte) {
		disk := maps.Clone(p.A.Disk)
		disk[keys[int(which)%len(keys)]] = v
		m, err := channel.Load("x", disk, p.A.Signer, p.A.Key)
		if err == nil {
			require.NoError(t, m.Step(channel.Linked{}, new(channel.Effects)))
			m.Info()
		}
	})
}
