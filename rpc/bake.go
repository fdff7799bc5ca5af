package rpc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/rpc/macaroon"
)

// macaroonFiles are written when the wallet opens.
var macaroonFiles = []struct {
	name string
	mode fs.FileMode
	ops  func() []macaroon.Op
}{
	{"admin.macaroon", 0o600, macaroon.Admin},
	{"readonly.macaroon", 0o644, macaroon.ReadOnly},
	{"invoice.macaroon", 0o644, macaroon.Invoice},
}

// NetworkName is the name that LND's clients know a network by.
func NetworkName(p *chaincfg.Params) string {
	if p.Name == chaincfg.TestNet3Params.Name {
		return "testnet"
	}
	return p.Name
}

// MacaroonDir is where a node in dir keeps its macaroon files.
func MacaroonDir(dir string, p *chaincfg.Params) string {
	return filepath.Join(dir, "data", "chain", "bitcoin", NetworkName(p))
}

// bake makes sure that dir holds macaroons of s; those that are there and still good stay as they are.
func bake(ctx context.Context, dir string, s *macaroon.Service) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range macaroonFiles {
		path := filepath.Join(dir, f.name)
		old, err := os.ReadFile(path)
		if err == nil && s.Check(ctx, old, "", f.ops()) == nil {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read macaroon: %w", err)
		}
		raw, err := s.Mint(ctx, f.ops()...)
		if err != nil {
			return err
		}
		if err := writeFile(path, raw, f.mode); err != nil {
			return fmt.Errorf("write macaroon: %w", err)
		}
	}
	return nil
}

// unbake removes the macaroon files.
func unbake(dir string) error {
	for _, f := range macaroonFiles {
		if err := os.Remove(filepath.Join(dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove macaroon: %w", err)
		}
	}
	return nil
}
