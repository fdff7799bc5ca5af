// Package arch holds the code to the layers of docs/architecture.md.
package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/fulmen-ln/fulmen/"

// allowed lists, for each package (or folder, with a trailing slash), what of ours it may import.
// A package that is missing here fails the test: every room has a place in the house.
var allowed = map[string][]string{
	"lnwire":              {"internal/curve"},
	"noise":               {"internal/curve"},
	"store":               {},
	"internal/build":      {},
	"internal/curve":      {},
	"internal/mailbox":    {},
	"internal/logs":       {},
	"internal/process":    {},
	"internal/arch":       {},
	"channel/commitment":  {"lnwire", "internal/curve"},
	"channel/resolve":     {"lnwire", "channel/commitment"},
	"channel":             {"lnwire", "channel/commitment", "channel/resolve"},
	"internal/sim":        {"lnwire", "channel", "channel/", "htlc", "onion", "router", "store", "chain", "chain/"},
	"onion":               {"lnwire", "internal/curve"},
	"invoice":             {"lnwire", "internal/curve"},
	"router":              {"lnwire"},
	"router/gossip":       {"lnwire", "internal/curve", "router", "router/gossip/"},
	"router/gossip/":      {"lnwire", "router", "router/gossip"},
	"htlc":                {"lnwire", "onion", "invoice", "channel", "channel/resolve", "router"},
	"chain":               {"lnwire"},
	"chain/":              {"lnwire", "chain"},
	"internal/regtest":    {"lnwire", "chain", "internal/process"},
	"wallet":              {"lnwire", "chain", "channel/commitment", "channel/resolve", "store"},
	"wallet/":             {"lnwire", "chain", "channel/commitment", "channel/resolve", "store", "wallet"},
	"peer":                {"lnwire", "noise", "store", "channel", "channel/", "onion", "internal/mailbox"},
	"rpc":                 {"rpc/", "lnwire", "internal/build", "invoice"},
	"rpc/":                {"rpc/", "rpc", "lnwire", "internal/build"},
	"node":                {"*"},
	"cmd/":                {"*"},
	"itest":               {"rpc/", "lnwire", "invoice", "noise", "internal/regtest", "internal/lab", "itest/"},
	"itest/":              {"rpc/", "lnwire", "invoice", "noise", "internal/regtest", "internal/lab", "channel/commitment", "itest/"},
	"internal/lab":        {"rpc/", "lnwire", "internal/regtest", "internal/process"},
	"internal/lab/":       {"rpc/", "lnwire", "internal/regtest", "internal/lab"},
	"internal/transcript": {"lnwire"},
	"internal/specquote":  {},
}

// pure packages read no clock, randomness, files or sockets and do not log.
var (
	pure     = []string{"channel", "channel/commitment", "channel/resolve", "onion", "htlc", "router"}
	impurity = []string{"os", "net", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "context", "net/http"}
)

type pkg struct {
	ImportPath string
	Imports    []string
}

func load(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	cmd.Stderr = nil
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var pkgs []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		pkgs = append(pkgs, p)
	}
	require.NoError(t, cmd.Wait())
	require.NotEmpty(t, pkgs)
	return pkgs
}

// rule finds the longest entry that covers path.
func rule(path string) ([]string, bool) {
	if r, ok := allowed[path]; ok {
		return r, true
	}
	best, found := "", false
	for k := range allowed {
		if strings.HasSuffix(k, "/") && strings.HasPrefix(path, k) && len(k) > len(best) {
			best, found = k, true
		}
	}
	return allowed[best], found
}

func covered(imp string, rules []string) bool {
	for _, r := range rules {
		if r == "*" || r == imp || strings.HasSuffix(r, "/") && strings.HasPrefix(imp, r) {
			return true
		}
	}
	return false
}

func TestImportsFollowTheLayers(t *testing.T) {
	for _, p := range load(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		rules, ok := rule(path)
		if !ok {
			t.Errorf("%s has no place in the layers: add it to docs/architecture.md and to this table", path)
			continue
		}
		for _, imp := range p.Imports {
			if ours, found := strings.CutPrefix(imp, module); found && !covered(ours, rules) {
				t.Errorf("%s imports %s, which its layer may not", path, ours)
			}
		}
	}
}

func TestPurePackagesTouchNoOutsideWorld(t *testing.T) {
	for _, p := range load(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, name := range pure {
			if path != name {
				continue
			}
			for _, imp := range p.Imports {
				for _, bad := range impurity {
					if imp == bad {
						t.Errorf("%s imports %s: a pure package gets time, entropy and I/O as arguments", path, imp)
					}
				}
			}
		}
	}
}
