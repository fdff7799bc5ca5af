package regtest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// somebody is an address that is not the faucet's.
func somebody(t *testing.T) address.Address {
	a, err := address.NewAddressWitnessPubKeyHash(make([]byte, 20), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	return a
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// onBoth runs the test on each daemon.
func onBoth(t *testing.T, test func(t *testing.T, c *regtest.Chain)) {
	for _, kind := range []regtest.Kind{regtest.Bitcoind, regtest.Btcd} {
		t.Run(string(kind), func(t *testing.T) { test(t, regtest.ForTest(t, kind)) })
	}
}

func TestTheFaucetPaysAndBlocksConfirm(t *testing.T) {
	onBoth(t, func(t *testing.T, c *regtest.Chain) {
		ctx := within(t)
		var last lnwire.Height
		client, err := c.Dial(ctx)
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()
		for i := range 30 { // more than one coinbase, and longer than a chain of unconfirmed change may be
			op, err := c.Fund(ctx, somebody(t), 1_000_000)
			require.NoError(t, err, "payment %d", i)
			if i%5 != 4 {
				continue
			}
			_, err = c.Mine(ctx, 1)
			require.NoError(t, err)
			out, _, err := client.Unspent(ctx, op)
			require.NoError(t, err)
			require.NotNil(t, out)
			require.EqualValues(t, 1_000_000, out.Value)
			height, err := c.Height(ctx)
			require.NoError(t, err)
			require.Greater(t, height, last)
			last = height
		}
		_, err = c.Fund(ctx, somebody(t), 130_0000_0000) // several coinbases together
		require.NoError(t, err)
	})
}

func TestACoinbasePaysWhomItShould(t *testing.T) {
	onBoth(t, func(t *testing.T, c *regtest.Chain) {
		ctx := within(t)
		hashes, err := c.MineTo(ctx, 3, somebody(t))
		require.NoError(t, err)
		require.Len(t, hashes, 3)
		client, err := c.Dial(ctx)
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()
		block, err := client.Block(ctx, hashes[2])
		require.NoError(t, err)
		require.Equal(t, append([]byte{0, 20}, make([]byte, 20)...), block.Transactions[0].TxOut[0].PkScript)
	})
}

func TestAReorgReturnsTransactionsToTheMempool(t *testing.T) {
	onBoth(t, func(t *testing.T, c *regtest.Chain) {
		ctx := within(t)
		op, err := c.Fund(ctx, somebody(t), 1_000_000)
		require.NoError(t, err)
		mined, err := c.Mine(ctx, 1)
		require.NoError(t, err)
		before, err := c.Height(ctx)
		require.NoError(t, err)
		require.NoError(t, c.Reorg(ctx, 1))
		after, err := c.Height(ctx)
		require.NoError(t, err)
		require.Equal(t, before+1, after)

		client, err := c.Dial(ctx)
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()
		hash, err := client.BlockHash(ctx, before)
		require.NoError(t, err)
		require.NotEqual(t, mined[0], hash)
		out, _, err := client.Unspent(ctx, op)
		require.NoError(t, err)
		require.Nil(t, out)
		_, err = c.Mine(ctx, 1)
		require.NoError(t, err)
		out, _, err = client.Unspent(ctx, op)
		require.NoError(t, err)
		require.NotNil(t, out)
	})
}

func TestBlocksSurviveRestartAndKill(t *testing.T) {
	onBoth(t, func(t *testing.T, c *regtest.Chain) {
		ctx := within(t)
		_, err := c.Mine(ctx, 5)
		require.NoError(t, err)
		require.NoError(t, c.Restart(ctx))
		height, err := c.Height(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 6, height)
		require.NoError(t, c.Kill(ctx))
		require.NoError(t, c.Restart(ctx))
		height, err = c.Height(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 6, height)
	})
}

// TestADetachedChainIsFoundByAnotherProcess starts the chain in a process that ends at once, as the lab does.
func TestADetachedChainIsFoundByAnotherProcess(t *testing.T) {
	ctx := within(t)
	if dir := os.Getenv("REGTEST_DETACHED"); dir != "" {
		_, err := regtest.Start(ctx, dir, regtest.Auto, regtest.Detached())
		require.NoError(t, err)
		return
	}
	dir := filepath.Join(t.TempDir(), "chain")
	_, err := regtest.Attach(ctx, dir)
	require.ErrorIs(t, err, regtest.ErrNotRunning)
	starter := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	starter.Env = append(os.Environ(), "REGTEST_DETACHED="+dir)
	out, err := starter.CombinedOutput()
	require.NoError(t, err, string(out))

	c, err := regtest.Attach(ctx, dir)
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			require.NoError(t, c.Stop(context.Background()))
		}
	})
	t.Logf("runs on %v", c)
	_, err = regtest.Start(ctx, dir, regtest.Auto)
	require.ErrorIs(t, err, regtest.ErrRunning)
	_, err = c.Fund(ctx, somebody(t), 1_000_000)
	require.NoError(t, err)

	again, err := regtest.Attach(ctx, dir)
	require.NoError(t, err)
	_, err = again.Fund(ctx, somebody(t), 1_000_000)
	require.NoError(t, err)
	require.NoError(t, again.Stop(ctx))
	stopped = true
	_, err = regtest.Attach(ctx, dir)
	require.ErrorIs(t, err, regtest.ErrNotRunning)

	c, err = regtest.Start(ctx, dir, regtest.Auto)
	require.NoError(t, err)
	stopped = false
	height, err := c.Height(ctx)
	require.NoError(t, err)
	require.Greater(t, height, lnwire.Height(100), "the blocks are gone")
}

func TestADaemonThatCannotRunIsNamed(t *testing.T) {
	ctx := within(t)
	t.Setenv("BITCOIND", "/nonexistent/bitcoind")
	_, err := regtest.Start(ctx, t.TempDir(), regtest.Bitcoind)
	require.ErrorIs(t, err, regtest.ErrNoDaemon)
	require.ErrorContains(t, err, "$BITCOIND")

	t.Setenv("BTCD", "/bin/false")
	_, err = regtest.Start(ctx, t.TempDir(), regtest.Btcd)
	require.ErrorContains(t, err, "btcd ended: exit status 1")

	t.Setenv("BTCD", "/nonexistent/btcd")
	t.Setenv("PATH", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err = regtest.Start(ctx, t.TempDir(), regtest.Auto)
	require.ErrorIs(t, err, regtest.ErrNoDaemon)
	require.ErrorContains(t, err, "without Go btcd cannot be built")
}

var _ chain.Client = (*chain.Node)(nil)

// TestADaemonDiesWithItsStarter starts a chain in a process that ends without a word.
func TestADaemonDiesWithItsStarter(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child with its parent")
	}
	ctx := within(t)
	if dir := os.Getenv("REGTEST_ORPHAN"); dir != "" {
		_, err := regtest.Start(ctx, dir, regtest.Auto)
		require.NoError(t, err)
		os.Exit(0)
	}
	dir := filepath.Join(t.TempDir(), "chain")
	starter := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	starter.Env = append(os.Environ(), "REGTEST_ORPHAN="+dir)
	out, err := starter.CombinedOutput()
	require.NoError(t, err, string(out))
	require.FileExists(t, filepath.Join(dir, "chain.json"))
	require.Eventually(t, func() bool {
		_, err := regtest.Attach(ctx, dir)
		return errors.Is(err, regtest.ErrNotRunning)
	}, 10*time.Second, 10*time.Millisecond)
}
