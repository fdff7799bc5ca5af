package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/sim"
)

func playSetup(seed byte, fast bool) sim.Setup {
	return sim.Setup{Seed: seed, Fast: fast, Capacity: 1_000_000, Push: 300_000_000, FeeRate: 1000}
}

func play(t *testing.T, s sim.Setup, seed uint64, steps int) *sim.Play {
	t.Helper()
	p := sim.NewPlay(s, seed)
	for i := 0; i < steps; i++ {
		p.Step()
		require.NoError(t, p.Err, "seed %d, step %d", seed, i)
	}
	require.NoError(t, p.Finish(), "seed %d", seed)
	return p
}

func TestTwoMachinesAgreeUnderRandomSchedules(t *testing.T) {
	for seed := range uint64(20) {
		p := play(t, playSetup(byte(seed), true), seed, 2000)
		t.Logf("%d steps, %d commitments, %+v", p.Steps(), p.Pair.Oracle.Checked, p.Counts)
	}
}
