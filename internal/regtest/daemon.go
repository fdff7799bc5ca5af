package regtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// btcdVersion is the version in go.mod, for where that is not at hand.
const btcdVersion = "v0.26.0"

// find returns the daemon to run: $BITCOIND or bitcoind on PATH, else $BTCD, btcd on PATH, or one that Go builds.
func find(ctx context.Context, kind Kind) (Kind, string, error) {
	if kind == Auto || kind == Bitcoind {
		path, err := lookUp("BITCOIND", "bitcoind")
		if err == nil {
			return Bitcoind, path, nil
		}
		if kind == Bitcoind {
			return "", "", fmt.Errorf("%w: %w; install Bitcoin Core or set $BITCOIND", ErrNoDaemon, err)
		}
	}
	if path, err := lookUp("BTCD", "btcd"); err == nil {
		return Btcd, path, nil
	}
	path, err := build(ctx)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrNoDaemon, err)
	}
	return Btcd, path, nil
}

// lookUp finds a program by an environment variable, else by its name.
func lookUp(variable, name string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		name = path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// build lets Go make btcd of this module's dependencies, once, into the user's cache folder.
func build(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "fulmen")
	path := filepath.Join(dir, "btcd-"+btcdVersion)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("neither bitcoind nor btcd is on PATH (nor named by $BITCOIND or $BTCD), and without Go btcd cannot be built: " +
			"install one of the three")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	// Built aside and renamed, so that two processes may do it at a time.
	tmp, err := os.MkdirTemp(dir, "build")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	command := exec.CommandContext(ctx, goTool, "build", "-o", filepath.Join(tmp, "btcd"), "github.com/btcsuite/btcd")
	if out, err := command.CombinedOutput(); err != nil {
		// Outside of the module: by its version.
		install := exec.CommandContext(ctx, goTool, "install", "github.com/btcsuite/btcd@"+btcdVersion)
		install.Env = append(os.Environ(), "GOBIN="+tmp, "GOFLAGS=")
		if more, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build btcd: %w: %s%s", err, out, more)
		}
	}
	if err := os.Rename(filepath.Join(tmp, "btcd"), path); err != nil {
		return "", err
	}
	return path, nil
}

func port(address string) string {
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		panic(err) // we made it
	}
	return p
}

// bitcoindArgs: as close to mainnet's policy as regtest gets, and nothing outside of the folder and this machine.
func bitcoindArgs(dir string, s *state) []string {
	return []string{
		"-regtest", "-datadir=" + dir, "-server", "-printtoconsole=1",
		"-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-rpcport=" + port(s.Host), "-rpcuser=" + s.User, "-rpcpassword=" + s.Pass,
		"-bind=" + s.P2P, "-listenonion=0", "-discover=0", "-dnsseed=0", "-fixedseeds=0",
		"-disablewallet", "-acceptnonstdtxn=0", "-dbcache=16", "-rpcworkqueue=256",
		"-zmqpubrawblock=" + s.ZMQBlock, "-zmqpubrawtx=" + s.ZMQTx,
	}
}

// btcdArgs: btcd too takes on regtest what it would not on mainnet, such as transactions that are not final.
func btcdArgs(dir string, s *state) []string {
	return []string{
		"--regtest", "--configfile=" + filepath.Join(dir, "btcd.conf"), "--datadir=" + filepath.Join(dir, "data"), "--logdir=" + filepath.Join(dir, "logs"),
		"--rpclisten=" + s.Host, "--rpcuser=" + s.User, "--rpcpass=" + s.Pass, "--rpccert=" + s.CertFile, "--rpckey=" + filepath.Join(dir, "rpc.key"),
		"--rpcmaxclients=100", "--rpcmaxwebsockets=100", "--rpcmaxconcurrentreqs=100",
		"--listen=" + s.P2P, "--nodnsseed", "--rejectnonstd", "--nocfilters", "--nostalldetect",
	}
}

// askVersion is also how one sees that a daemon answers.
func (c *Chain) askVersion(ctx context.Context) (string, error) {
	if c.Kind == Bitcoind {
		var info struct {
			Version string `json:"subversion"` // /Satoshi:31.0.0/
		}
		err := c.rpc.Call(ctx, "getnetworkinfo", &info)
		_, version, _ := strings.Cut(strings.Trim(info.Version, "/"), ":")
		return version, err
	}
	var info struct {
		Version int `json:"version"` // 1000000 * major + 10000 * minor + 100 * patch
	}
	err := c.rpc.Call(ctx, "getinfo", &info)
	return fmt.Sprintf("%d.%d.%d", info.Version/1_000_000, info.Version/10_000%100, info.Version/100%100), err
}
