package interop

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// LND changes the fee of its channels every 10 to 60 minutes, and nothing makes it do so sooner: only Fulmen's is tested.
func TestOpenersNewFeeIsTaken(t *testing.T) {
	n := start(t, "lnd")
	_, err := n.Add(n.ctx, "fulmen", "--bitcoin.fallbackfee=1000")
	require.NoError(t, err)
	require.NoError(t, n.Fund(n.ctx, "fulmen", coins))
	point := n.open("fulmen", "lnd", &lnrpc.OpenChannelRequest{PushSat: 1_000_000})
	require.Equal(t, int64(1000), n.agree("fulmen", "lnd", point).FeePerKw)
	fulmen, err := n.Node("fulmen")
	require.NoError(t, err)
	for _, rate := range []string{"2000", "500"} {
		there, back := n.burst("fulmen", "lnd", 10, 1_000), n.burst("lnd", "fulmen", 10, 1_000)
		there()
		back()
		n.hangUp("fulmen")
		require.NoError(t, n.Stop(n.ctx, "fulmen"))
		fulmen.Args = []string{"--bitcoin.fallbackfee=" + rate}
		require.NoError(t, n.Start(n.ctx, "fulmen"))
		require.NoError(t, n.Active(n.ctx, "fulmen", point))
		require.NoError(t, n.Active(n.ctx, "lnd", point))
		there, back = n.burst("fulmen", "lnd", 10, 1_000), n.burst("lnd", "fulmen", 10, 1_000)
		require.NoError(t, n.Mine(n.ctx, 1))
		n.eventually("the new rate is on both commitments", func() bool {
			a, b := n.channel("fulmen", point), n.channel("lnd", point)
			return a.FeePerKw == b.FeePerKw && rate == map[int64]string{2000: "2000", 500: "500"}[a.FeePerKw]
		})
		require.Equal(t, 10, there())
		require.Equal(t, 10, back())
	}
	n.quiet()
	n.agree("fulmen", "lnd", point)
}
