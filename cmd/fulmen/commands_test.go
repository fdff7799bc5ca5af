package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestEveryCommandTeaches(t *testing.T) {
	app := newApp()
	for _, c := range commands() {
		t.Run(c.Name, func(t *testing.T) {
			require.NotEmpty(t, c.Usage)
			require.NotEmpty(t, c.Category)
			require.Contains(t, c.Description, "Examples:\n   ")
			seen := make(map[string]bool)
			for _, f := range c.Flags {
				for _, name := range f.Names() {
					require.False(t, seen[name], "flag %s is there twice", name)
					seen[name] = true
				}
				require.NotEmpty(t, f.(cli.DocGenerationFlag).GetUsage(), f.Names())
			}
			var out bytes.Buffer
			app.Writer = &out
			require.NoError(t, run(t.Context(), app, []string{"fulmen", c.Name, "--help"}))
			require.Contains(t, out.String(), "fulmen "+c.Name+" - "+c.Usage)
			require.NotContains(t, out.String(), "(default: false)")
		})
	}
}

func TestFlagsMayFollowWords(t *testing.T) {
	app := newApp()
	for _, c := range []struct{ in, want string }{
		{"fulmen", "fulmen"},
		{"fulmen --json getinfo", "fulmen --json getinfo"},
		{"fulmen getinfo --json", "fulmen getinfo --json"},
		{"fulmen --dir /tmp pay INV -f --amt 5", "fulmen --dir /tmp pay -f --amt 5 INV"},
		{"fulmen pay INV --amt=5 --timeout 3s", "fulmen pay --amt=5 --timeout 3s INV"},
		{"fulmen pay INV --unknown x", "fulmen pay --unknown INV x"},
		{"fulmen fwdinghistory --start_time -7d", "fulmen fwdinghistory --start_time -7d"},
		{"fulmen signmessage -- --text", "fulmen signmessage -- --text"},
		{"fulmen signmessage pay", "fulmen signmessage pay"},
		{"fulmen sendcoins addr -5", "fulmen sendcoins addr -5"},
		{"fulmen lab up --nodes 4", "fulmen lab up --nodes 4"},
		{"fulmen lab open a b 5 --private", "fulmen lab open --private a b 5"},
		{"fulmen lab cli alice pay INV --force", "fulmen lab cli alice pay INV --force"},
		{"fulmen sendtoroute - --payment_hash 00", "fulmen sendtoroute --payment_hash 00 -"},
	} {
		require.Equal(t, c.want, strings.Join(flagsFirst(app, strings.Fields(c.in)), " "))
	}
}

func TestUnknownCommandIsAnErrorWithASuggestion(t *testing.T) {
	err := run(t.Context(), newApp(), []string{"fulmen", "getinf"})
	require.ErrorContains(t, err, `there is no command "getinf"; did you mean "getinfo"?`)
	err = run(t.Context(), newApp(), []string{"fulmen", "xyz"})
	require.EqualError(t, err, "there is no command \"xyz\"\n`fulmen help` lists them")
	err = run(t.Context(), newApp(), []string{"fulmen", "lab", "xyz"})
	require.ErrorContains(t, err, `the lab has no command "xyz"`)
}

func TestUnknownFlagAndMissingArgumentShowTheUsage(t *testing.T) {
	app := newApp()
	app.Writer = new(bytes.Buffer)
	err := run(t.Context(), app, []string{"fulmen", "pay", "--no"})
	require.ErrorContains(t, err, "usage: fulmen payinvoice INVOICE")
	f := newFake(t)
	_, complaint := f.run(t, "", "openchannel")
	require.Equal(t, "node_key is missing\nusage: fulmen openchannel KEY AMOUNT [PUSH]\n`fulmen openchannel --help` has more", complaint)
	_, complaint = f.run(t, "", "signmessage", "a", "b")
	require.Contains(t, complaint, `one argument too many: "b"`)
}

func TestCompletionScriptsArePrinted(t *testing.T) {
	for shell, want := range map[string]string{"bash": "complete -o", "zsh": "#compdef fulmen", "fish": "complete -c fulmen"} {
		var out bytes.Buffer
		app := newApp()
		app.Writer = &out
		require.NoError(t, run(t.Context(), app, []string{"fulmen", "completion", shell}))
		require.Contains(t, out.String(), want)
	}
	require.ErrorContains(t, run(t.Context(), newApp(), []string{"fulmen", "completion", "csh"}), `"csh" is none of`)
}

func TestCompletionListsCommands(t *testing.T) {
	var out bytes.Buffer
	app := newApp()
	app.Writer = &out
	old := os.Args
	t.Cleanup(func() { os.Args = old })
	os.Args = []string{"fulmen", "--generate-bash-completion"} // urfave looks there too
	require.NoError(t, run(t.Context(), app, os.Args))
	require.Contains(t, out.String(), "getinfo")
}

func TestExplainSaysWhatToDo(t *testing.T) {
	answer := func(code codes.Code, text string) *callError {
		return &callError{err: status.Error(code, text), address: "localhost:10009", cert: "/d/tls.cert", macaroon: "/d/admin.macaroon"}
	}
	missing := answer(codes.Unknown, "expected 1 macaroon, got 0")
	missing.noMacaroon = true
	for _, c := range []struct {
		err  error
		want []string
	}{
		{errors.New("plain"), []string{"plain"}},
		{context.Canceled, []string{"interrupted"}},
		{&noCertError{path: "/d/tls.cert", err: fs.ErrNotExist}, []string{"no certificate at /d/tls.cert", "--dir"}},
		{&noCertError{path: "/d/tls.cert", err: fs.ErrPermission}, []string{"permission"}},
		{answer(codes.Unavailable, "dial tcp: connection refused"), []string{"nobody listens at localhost:10009", "Is fulmend running?"}},
		{answer(codes.Unavailable, "tls: failed to verify certificate"), []string{"does not show the certificate /d/tls.cert", "--dir"}},
		{answer(codes.Unavailable, "dns: no such host"), []string{"localhost:10009 is not found"}},
		{answer(codes.Unavailable, "server shutting down"), []string{"stopping"}},
		{answer(codes.Unavailable, "EOF"), []string{"cannot be reached", "EOF"}},
		{answer(codes.Unimplemented, "unknown method"), []string{"does not have this call"}},
		{answer(codes.Unknown, "wallet not created, create one"), []string{"fulmen create"}},
		{answer(codes.Unknown, "wallet locked, unlock it"), []string{"fulmen unlock"}},
		{answer(codes.Unknown, "permission denied"), []string{"/d/admin.macaroon does not allow this"}},
		{answer(codes.Unknown, "verification failed: signature mismatch"), []string{"is not of this node"}},
		{missing, []string{"no macaroon at /d/admin.macaroon", "--network"}},
		{answer(codes.Canceled, "context canceled"), []string{"interrupted"}},
		{&callError{err: fmt.Errorf("connect to x: %w", status.Error(codes.Unknown, "peer 02 is not online"))}, []string{"connect to x: peer 02 is not online", "fulmen connect"}},
	} {
		got := explain(c.err)
		require.NotContains(t, got, "rpc error")
		for _, want := range c.want {
			require.Contains(t, got, want)
		}
	}
}

func TestMissingFolderIsExplained(t *testing.T) {
	err := run(t.Context(), newApp(), []string{"fulmen", "--dir", t.TempDir(), "getinfo"})
	require.Contains(t, explain(err), "there is no certificate at")
	err = run(t.Context(), newApp(), []string{"fulmen", "--network", "moon", "getinfo"})
	require.ErrorContains(t, err, `"moon" is none of mainnet, regtest, signet, testnet4`)
}
