package wallet

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// abandon is BIP 39's own example of 256 zero bits.
var abandon = strings.Fields(strings.Repeat("abandon ", 23) + "art")

// The figures were computed by a second implementation, in another language, from doc.go alone.
func TestDerivationIsFrozen(t *testing.T) {
	for _, v := range []struct {
		name, passphrase                   string
		params                             *chaincfg.Params
		node, macaroon, channel0, funding7 string
	}{
		{
			"mainnet", "", &chaincfg.MainNetParams,
			"02ac6203f6f1cfdedbadcdf32ad1ea4a3da9caacb6547165f96f25efadb6cbb719",
			"21bc38b97ba237eefb27188bd14ba0f2afb06ccdee8c13cd7c97f52db2520951",
			"cf9ef3db9af741f55995a4a379212160f09fe2c500f492829d13da58f660afac",
			"037ce75cf8e81087efddc4da7c80826c3593afce9e8b0264a81f927059b46934c1",
		},
		{
			"regtest", "", &chaincfg.RegressionNetParams,
			"02a391a44d749190ed7af74927223d88ab07e5b70bef4b5f6a58c56e40ac59ea05",
			"3ae721e7d1dc707e179a45087460597b6ce37c606a59236385b023a2309871e6",
			"f8e2afb3097efc5f7ded09b999b996792354da54204dacad55c0ff96717ed153",
			"03e3bf510977a9628ab057022a2ffc81f60549bdccff330f2787b9050626558600",
		},
		{
			"mainnet with a passphrase", "fulmen", &chaincfg.MainNetParams,
			"0260b0fa241b1f2a41cf00f1d6c7f2e263c0f6b1790521692f816ecdc0ce1f3358",
			"cfb024e5d975fbfdbea527f354a155bb9305d5f01445d4563ba938a31a28e559",
			"9acc41cc29fc1640ce5d488ae88940b305feab9c8a2ed4476ec463daf40895d3",
			"030800116bdb728593e3671232da64b7edd0081fc94bdd89938616be229a007d06",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			s, err := RestoreSeed(abandon, v.passphrase, time.Time{})
			require.NoError(t, err)
			k, err := NewKeys(s, v.params)
			require.NoError(t, err)
			s.Wipe() // the keys have to stay what they are
			require.Equal(t, v.node, lnwire.NewPubKey(k.NodeKey().PubKey()).String())
			macaroon, channel0 := k.Sub("macaroon"), k.Sub("channel/0")
			require.Equal(t, v.macaroon, hex.EncodeToString(macaroon[:]))
			require.Equal(t, v.channel0, hex.EncodeToString(channel0[:]))
			require.Equal(t, v.funding7, k.Channel(7).Basepoints().Funding.String())
		})
	}
}

func TestEveryChannelIndexHasItsOwnKeys(t *testing.T) {
	s, err := RestoreSeed(abandon, "", time.Time{})
	require.NoError(t, err)
	k, err := NewKeys(s, &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	seen := map[lnwire.PubKey]uint64{}
	for _, i := range []uint64{0, 1, 10, 1<<32 - 1, 1 << 32, 1<<64 - 1} {
		p := k.Channel(i).Basepoints().Funding
		require.NotContains(t, seen, p)
		seen[p] = i
		require.Equal(t, p, k.Channel(i).Basepoints().Funding)
	}
}
