package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	lndVersion = "v0.21.2-beta" // as in itest/lnd/go.mod
	lndTags    = "autopilotrpc chainrpc invoicesrpc neutrinorpc peersrpc routerrpc signrpc verrpc walletrpc watchtowerrpc wtclientrpc"
	lndModule  = "../lnd"
	buildLimit = 20 * time.Minute // of a cold build, on a machine with other work
)

// findLND returns $LND, or the binary in the cache folder, which it builds where there is none.
func findLND() (string, error) {
	if path := os.Getenv("LND"); path != "" {
		return exec.LookPath(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "fulmen")
	path := filepath.Join(dir, "lnd-"+lndVersion)
	if _, err := os.Stat(path); err == nil {
		return path, nil
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
	fmt.Println("building LND", lndVersion, "(some minutes, once)")
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	built := filepath.Join(tmp, "lnd")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", lndTags, "-o", built, "github.com/lightningnetwork/lnd/cmd/lnd")
	command.Dir = lndModule
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build LND: %w: %s", err, out)
	}
	return path, os.Rename(built, path)
}
