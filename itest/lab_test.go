package itest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLabFromTheCommandLine is the lab as a person uses it: every call a process of its own.
func TestLabFromTheCommandLine(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
	t.Cleanup(cancel)
	fulmen := filepath.Join(t.TempDir(), "fulmen")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", fulmen, "github.com/fulmen-ln/fulmen/cmd/fulmen").CombinedOutput()
	require.NoError(t, err, string(out))
	dir := filepath.Join(t.TempDir(), "lab")
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, fulmen, append([]string{"lab", "--lab-dir=" + dir}, args...)...)
		cmd.Env = append(os.Environ(), "FULMEND="+binary)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := run(args...)
		require.NoError(t, err, "%v: %s", args, out)
		return out
	}
	out1, err := run("status")
	require.Error(t, err)
	require.Contains(t, out1, "fulmen lab up")

	up := must("up", "--nodes", "3", "--topology", "line", "--chain", string(chainKind()))
	defer func() { must("down") }()
	for _, name := range []string{"alice", "bob", "carol"} {
		require.Contains(t, up, name)
	}
	must("pay", "alice", "carol", "1000")
	must("kill", "bob")
	require.Contains(t, must("status"), "stopped")
	_, err = run("pay", "alice", "carol", "1000")
	require.Error(t, err, "the only router is dead")
	_, err = run("cli", "bob", "getinfo")
	require.Error(t, err)
	must("start", "bob")
	must("mine", "3")
	must("open", "alice", "carol", "1000000")
	must("pay", "carol", "bob", "500")
	require.Contains(t, must("cli", "alice", "getinfo"), `"alias"`)
	require.Contains(t, must("logs", "carol"), "fulmend")
	for _, wrong := range [][]string{{"pay", "alice"}, {"pay", "alice", "zed", "5"}, {"pay", "alice", "bob", "-5"}, {"up"}, {"start", "bob"}} {
		out, err := run(wrong...)
		require.Error(t, err, wrong)
		require.NotEmpty(t, out, wrong)
	}
}
