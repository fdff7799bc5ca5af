package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// playSteps is how many events the machines of the long run take together.
const playSteps = 200_000

func playSetup(seed byte, fast bool) sim.Setup {
	return sim.Setup{Seed: seed, Fast: fast, Capacity: 1_000_000, Push: 300_000_000, FeeRate: 1000}
}

func play(t *testing.T, s sim.Setup, seed uint64, steps int) *sim.Play {
	t.Helper()
	p := sim.NewPlay(s, seed)
	for i := range steps {
		p.Step()
		require.NoError(t, p.Err, "seed %d, step %d", seed, i)
	}
	require.NoError(t, p.Finish(), "seed %d", seed)
	return p
}

// tight are channels in which limits, dust and the opener's means are always near.
func tight(seed uint64) sim.Setup {
	s := playSetup(byte(seed), true)
	switch seed % 4 {
	case 1:
		s.Limits[0] = channel.Limits{MaxAcceptedHTLCs: 5, MaxInFlight: 100_000_000, HTLCMinimum: 1000}
		s.Limits[1] = channel.Limits{MaxAcceptedHTLCs: 3, MaxInFlight: 200_000_000, DustLimit: 1000}
	case 2:
		s.Capacity, s.Push = 50_000, 40_000_000
		s.Limits = [2]channel.Limits{{Reserve: 1500}, {DustLimit: 1500}}
	case 3:
		s.Push = 0
		s.Policy.MaxDustExposure = 1_000_000
	}
	return s
}

func TestTwoMachinesAgreeUnderRandomSchedules(t *testing.T) {
	steps, checked := 0, 0
	want := playSteps
	if testing.Short() {
		want /= 10
	}
	for seed := uint64(0); steps < want; seed++ {
		p := play(t, tight(seed), seed, 3000)
		steps += p.Steps()
		checked += p.Pair.Oracle.Checked
	}
	t.Logf("%d steps, %d commitments compared", steps, checked)
}

func TestTwoMachinesAgreeWithRealSignatures(t *testing.T) {
	for seed := range uint64(2) {
		play(t, playSetup(byte(seed), false), 1000+seed, 2000)
	}
}

// BenchmarkDance counts events of a dance without the curve: a payment's offer, signatures, revocations and settlement.
func BenchmarkDance(b *testing.B) {
	p := sim.Ready(playSetup(1, true))
	p.A.Released, p.B.Released = nil, nil
	b.ReportAllocs()
	start := p.A.Steps + p.B.Steps
	id := uint64(0)
	for b.Loop() {
		if err := p.A.Step(channel.Offer{Amount: 1000, Hash: hashOf(1), Expiry: 2000, Onion: new([lnwire.OnionPacketSize]byte)}); err != nil {
			b.Fatal(err)
		}
		p.Settle()
		p.B.Must(channel.Settle{ID: id, Preimage: preimage(1)})
		id++
		p.Settle()
	}
	b.ReportMetric(float64(p.A.Steps+p.B.Steps-start)/b.Elapsed().Seconds(), "steps/s")
}

func TestRandomSchedulesEndInAnAgreedClose(t *testing.T) {
	for seed := range uint64(12) {
		p := sim.NewPlay(tight(seed), 500+seed)
		for i := range 800 {
			if i == 700 { // with HTLCs and signatures under way; disconnects and crashes go on
				closer := []*sim.Node{p.Pair.A, p.Pair.B}[seed%2]
				closer.Must(channel.Shut{FeeRate: 500})
				closer.Commit()
			}
			p.Step()
			require.NoError(t, p.Err, "seed %d, step %d", seed, i)
		}
		require.NoError(t, p.Finish(), "seed %d", seed)
		a, b := p.Pair.A.Machine.Info(), p.Pair.B.Machine.Info()
		require.Equal(t, channel.PhaseClosing, a.Phase)
		require.NotNil(t, a.Close.ClosingTx, "seed %d", seed)
		require.Equal(t, a.Close.ClosingTx, b.Close.ClosingTx, "seed %d", seed)
	}
}
