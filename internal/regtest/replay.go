package regtest

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// btcd deletes its regtest blocks whenever it starts, and bitcoind forgets the latest when it is killed. So those that were made
// are kept in a file, one to a line in hex, and handed in again after each start; until then the daemon is behind, which
// clients have to bear anyhow.

func (c *Chain) blockFile() string { return filepath.Join(c.dir, "blocks.hex") }

// keep appends a block to the file.
func (c *Chain) keep(block []byte) error {
	f, err := os.OpenFile(c.blockFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%x\n", block)
	return errors.Join(err, f.Close())
}

// replay hands the kept blocks in.
func (c *Chain) replay(ctx context.Context) error {
	f, err := os.Open(c.blockFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, hex.EncodedLen(4_000_000)+1) // of the largest block
	for n := 1; lines.Scan(); n++ {
		if err := c.submit(ctx, lines.Text()); err != nil {
			return fmt.Errorf("%s, line %d: %w", c.blockFile(), n, err)
		}
	}
	return lines.Err()
}
