package itest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestBadArgumentsAreRefusedInOneLine(t *testing.T) {
	n := start(t, 1)
	good := append([]string{"--network=regtest", "--noseedbackup", "--listen=none", "--rpclisten=127.0.0.1:0", "--restlisten=none"},
		backend(n.Chain, n.Chain.Pass)...)
	conf := filepath.Join(t.TempDir(), "conf")
	require.NoError(t, os.WriteFile(conf, []byte("# a comment\nalias=x\nnonsense=1\n"), 0o600))
	for _, c := range []struct {
		env  string
		args []string
		want string
	}{
		{args: []string{"--nonsense"}, want: "nonsense"},
		{args: []string{"--network=testnet9"}, want: `--network="testnet9" is none of`},
		{args: []string{"--network=mainnet"}, want: "--i-accept-the-risk-on-mainnet"},
		{args: []string{"--chain=electrum"}, want: `--chain="electrum" is none of bitcoind, btcd`},
		{args: []string{"--color=blue"}, want: `--color="blue" is not of the form #rrggbb`},
		{args: []string{"--alias=" + strings.Repeat("x", 33)}, want: "has 33 bytes, more than 32"},
		{args: []string{"--debuglevel=loud"}, want: "--debuglevel"},
		{args: []string{"--bitcoin.timelockdelta=2017"}, want: "--bitcoin.timelockdelta=2017 is more than 2016"},
		{args: []string{"--bitcoin.basefee=-1"}, want: "bitcoin.basefee"},
		{args: []string{"--maxpendingchannels=many"}, want: "maxpendingchannels"},
		{args: []string{"--externalip=:"}, want: "--externalip"},
		{args: []string{"--rpclisten=nowhere:1:2"}, want: "nowhere:1:2"},
		{args: []string{"surplus"}, want: `unexpected argument "surplus"`},
		{args: []string{"--configfile=" + conf}, want: "line 3: there is no option \"nonsense\""},
		{args: []string{"--configfile=/nowhere/conf"}, want: "/nowhere/conf"},
		{env: "FULMEN_COLOR=blue", want: `--color="blue"`},
		{env: "FULMEN_BITCOIN_FEERATE=x", want: "FULMEN_BITCOIN_FEERATE|bitcoin.feerate"},
	} {
		args := append(append([]string{"--dir=" + t.TempDir()}, good...), c.args...)
		var env []string
		if c.env != "" {
			env = []string{c.env}
		}
		out := strings.TrimSuffix(refuses(n, env, args...), "\n")
		require.Regexp(t, c.want, out)
		require.NotContains(t, out, "\n", "%v", c.args)
		require.True(t, strings.HasPrefix(out, "fulmend: "), out)
	}
	args := append([]string{"--dir=" + t.TempDir(), "--network=regtest", "--noseedbackup", "--listen=none", "--rpclisten=127.0.0.1:0", "--restlisten=none"},
		backend(n.Chain, "wrong")...)
	out := strings.TrimSuffix(refuses(n, nil, args...), "\n")
	require.Regexp(t, "(?i)password|credential|rpcpass|401|auth", out)
	require.NotContains(t, out, "\n")
}

func TestOneFolderHasOneDaemon(t *testing.T) {
	n := start(t, 1)
	alice, err := n.Node("alice")
	require.NoError(t, err)
	args := append([]string{"--dir=" + alice.Dir, "--network=regtest", "--noseedbackup", "--listen=none", "--rpclisten=127.0.0.1:0", "--restlisten=none"},
		backend(n.Chain, n.Chain.Pass)...)
	require.Contains(t, refuses(n, nil, args...), "in use by another process")
	_, err = n.client("alice").Lightning.GetInfo(n.ctx, &lnrpc.GetInfoRequest{})
	require.NoError(t, err, "the first is not disturbed")

	require.NoError(t, n.Stop(n.ctx, "alice"))
	path := filepath.Join(alice.Dir, "ledger.db")
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, n.Start(n.ctx, "alice"))
	require.NoError(t, n.Stop(n.ctx, "alice"))
	latest, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, old, 0o600))
	require.Contains(t, refuses(n, nil, args...), "older copy")
	require.NoError(t, os.WriteFile(path, latest, 0o600))
	require.NoError(t, n.Start(n.ctx, "alice"))
}

func TestCommandLineBeatsEnvironmentBeatsFile(t *testing.T) {
	n := start(t, 1)
	d := n.daemon()
	require.NoError(t, os.WriteFile(filepath.Join(d.dir, "fulmen.conf"), []byte("[Application Options]\nalias = file\ncolor = #010203\nnoseedbackup\n"), 0o600))
	t.Setenv("FULMEN_ALIAS", "environment")
	for _, c := range []struct {
		args []string
		want string
	}{{nil, "environment"}, {[]string{"--alias=line"}, "line"}} {
		d.run(c.args...)
		d.reaches(lnrpc.WalletState_SERVER_ACTIVE)
		info, err := d.dial(client.Admin).Lightning.GetInfo(n.ctx, &lnrpc.GetInfoRequest{})
		require.NoError(t, err)
		require.Equal(t, c.want, info.Alias)
		require.Equal(t, "#010203", info.Color)
		d.stop()
	}
}
