package router

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var graphDir = flag.String("graph", os.Getenv("FULMEN_GRAPH"), "folder with nodes.csv.gz and channels.csv.gz of a real graph")

// key is a node id for tests; keys are ordered as their numbers are.
func key(n int) (k lnwire.PubKey) {
	k[0] = 2
	k[29], k[30], k[31], k[32] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return k
}

// changes is the graph for benchmarks: the real one where its folder is given, else one with its statistics.
var changes = sync.OnceValues(func() ([]Change, error) {
	if *graphDir == "" {
		return generated(17_000, 50_000), nil
	}
	return readGraph(*graphDir)
})

func readGraph(dir string) ([]Change, error) {
	var keys []lnwire.PubKey
	err := readCSV(filepath.Join(dir, "nodes.csv.gz"), func(row []string) error {
		b, err := hex.DecodeString(row[2])
		if err != nil || len(b) != 33 {
			return fmt.Errorf("node id %q", row[2])
		}
		keys = append(keys, lnwire.PubKey(b))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []Change
	err = readCSV(filepath.Join(dir, "channels.csv.gz"), func(row []string) error {
		n := make([]uint64, len(row))
		for i, f := range row[1:] {
			if n[i+1], err = strconv.ParseUint(f, 10, 64); f != "" && err != nil {
				return err
			}
		}
		c := Channel{
			SCID: lnwire.NewShortChannelID(lnwire.Height(100_000+len(out)/100), uint32(len(out)%100), 0), Capacity: btcutil.Amount(n[3]),
			Nodes: [2]lnwire.PubKey{keys[n[1]], keys[n[2]]},
		}
		for d := range 2 {
			if f := n[4+6*d:]; f[0] == 1 {
				c.Policies[d] = &Policy{
					LastUpdate: 1, CLTVDelta: uint16(f[1]), Min: lnwire.MilliSatoshi(f[2]), Max: lnwire.MilliSatoshi(f[3]),
					FeeBase: uint32(f[4]), FeeRate: uint32(f[5]),
				}
			}
		}
		out = append(out, AddChannel{c})
		return nil
	})
	return out, err
}

func readCSV(path string, fn func([]string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	r := csv.NewReader(z)
	for first := true; ; first = false {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if first {
			continue
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// generated has the shape of mainnet in 2026: half of the nodes have one channel, hubs have thousands, a third of
// the channels is disabled, capacities are log-normal around 1.3 million satoshis, fees are spread over decades.
func generated(nodes, chans int) []Change {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]Change, 0, chans)
	ends := make([]int, 0, 2*chans) // preferential attachment: a node is drawn as often as it has channels
	for len(out) < chans {
		a, b := rng.IntN(nodes), 0
		if len(out) < nodes-1 {
			a = len(out) + 1
		} else if rng.IntN(10) > 0 {
			a = ends[rng.IntN(len(ends))]
		}
		if len(ends) > 0 {
			b = ends[rng.IntN(len(ends))]
		}
		if a == b {
			continue
		}
		ends = append(ends, a, b)
		c := Channel{
			SCID:     lnwire.NewShortChannelID(lnwire.Height(100_000+len(out)/100), uint32(len(out)%100), 0),
			Capacity: btcutil.Amount(min(1e9, 1.3e6*math.Exp(1.8*rng.NormFloat64()))) + 20_000,
			Nodes:    [2]lnwire.PubKey{key(min(a, b)), key(max(a, b))},
		}
		if rng.IntN(3) > 0 {
			for d := range 2 {
				c.Policies[d] = &Policy{
					LastUpdate: 1, CLTVDelta: []uint16{34, 40, 80, 144}[rng.IntN(4)], Min: 1000,
					Max:     lnwire.FromSatoshis(c.Capacity) / 100 * 99,
					FeeBase: []uint32{0, 0, 33, 1000}[rng.IntN(4)], FeeRate: uint32(100 * math.Exp(2*rng.NormFloat64())),
				}
			}
		}
		out = append(out, AddChannel{c})
	}
	return out
}

// loaded is the benchmark graph as a snapshot.
func loaded(tb testing.TB) *Snapshot {
	cs, err := changes()
	require.NoError(tb, err)
	return NewGraph().Apply(cs)
}
