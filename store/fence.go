package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"
)

// The fence tells an older copy of the ledger from the ledger. Both the ledger and a side file next to it hold
// how far the ledger has come: the epoch, which each Open raises, and the number of the last transaction.
//
// Order of writes: always the ledger first (fsynced), then the side file. So whatever the moment of a crash,
// the side file is never ahead of its ledger; when it is, the ledger is not the one that was last used.
//
//	crash before the ledger's epoch is durable    both old           opens
//	crash between the two writes                  ledger ahead       opens
//	older copy of the ledger put back             side file ahead    ErrOlderCopy
//	ledger lost, or side file lost                one of them alone  ErrOlderCopy
//
// At Open the side file is replaced as a whole (temporary file, fsync, rename, fsync of the folder). Within a run
// each transaction overwrites one of two slots in place and leaves the flushing to the operating system: after
// a crash of the process the mark is exact, after a power cut it may be behind, which errs on the quiet side.
// A copy of the whole folder cannot be noticed here; the peers' channel_reestablish does (BOLT 2).

// ErrOlderCopy: the ledger is not the latest one that ran here. Opening it for anything but recovery costs money:
// a commitment that the ledger believes to be current may be revoked. Options.AcceptOlderCopy overrides.
type ErrOlderCopy struct {
	Path           string
	Ledger, Expect Position
	Reason         string // empty where the positions say it all
}

func (e *ErrOlderCopy) Error() string {
	s := fmt.Sprintf("%s is an older copy of the ledger: it stands at %v, the last run at %v", e.Path, e.Ledger, e.Expect)
	if e.Reason != "" {
		s = fmt.Sprintf("%s may be an older copy of the ledger: %s", e.Path, e.Reason)
	}
	return s
}

// Position is how far a ledger has come.
type Position struct {
	Epoch uint64 // number of Opens
	Tx    uint64 // number of the last transaction
}

func (p Position) String() string { return fmt.Sprintf("epoch %d transaction %d", p.Epoch, p.Tx) }

func (p Position) before(q Position) bool {
	return p.Epoch < q.Epoch || p.Epoch == q.Epoch && p.Tx < q.Tx
}

var epochKey = []byte("epoch")

// errNoSideFile, errBadSideFile: why a side file gives no position.
var (
	errNoSideFile  = errors.New("its side file is missing")
	errBadSideFile = errors.New("its side file is damaged")
)

// fence is the open side file.
type fence struct {
	file  *os.File
	epoch uint64
	slot  int64 // to write next
}

// SidePath is the side file of the ledger at path: ledger.db has ledger.epoch.
func SidePath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".epoch"
}

// raise checks the ledger against its side file and raises the epoch in both.
func raise(b *bbolt.DB, path string, o *Options) (*fence, uint64, error) {
	ledger, err := position(b)
	if err != nil {
		return nil, 0, err
	}
	expect, err := readSide(path)
	switch {
	case err == nil && ledger.before(expect):
		err = &ErrOlderCopy{Path: path, Ledger: ledger, Expect: expect}
	case errors.Is(err, errNoSideFile) && ledger.Epoch <= 1:
		err = nil // new, or the very first Open was cut off between its two writes
	case errors.Is(err, errNoSideFile), errors.Is(err, errBadSideFile):
		err = &ErrOlderCopy{Path: path, Ledger: ledger, Reason: err.Error()}
	}
	var older *ErrOlderCopy
	if err != nil && !(o.AcceptOlderCopy && errors.As(err, &older)) {
		return nil, 0, err
	}
	next := Position{Epoch: max(ledger.Epoch, expect.Epoch) + 1}
	err = b.Update(func(tx *bbolt.Tx) error {
		next.Tx = uint64(tx.ID())
		if err := createBuckets(tx); err != nil {
			return err
		}
		if older != nil && o.OlderMark != nil {
			if err := tx.Bucket(dataBucket).Put(o.OlderMark, nil); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(epochKey, binary.BigEndian.AppendUint64(nil, next.Epoch))
	})
	if err != nil {
		return nil, 0, fmt.Errorf("raise the epoch: %w", err)
	}
	f, err := createSide(path, next)
	if err != nil {
		return nil, 0, fmt.Errorf("raise the epoch: %w", err)
	}
	return f, next.Epoch, nil
}

// position of the ledger; zero epoch where it is new.
func position(b *bbolt.DB) (p Position, err error) {
	err = b.View(func(tx *bbolt.Tx) error {
		p.Tx = uint64(tx.ID())
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			return nil
		}
		v := meta.Get(epochKey)
		if len(v) != 8 {
			return fmt.Errorf("the ledger's epoch has %d bytes", len(v))
		}
		p.Epoch = binary.BigEndian.Uint64(v)
		return nil
	})
	return p, err
}

// checkNoSideFile refuses to start a new ledger where another one ran.
func checkNoSideFile(path string) error {
	expect, err := readSide(path)
	if errors.Is(err, errNoSideFile) {
		return nil
	}
	return &ErrOlderCopy{Path: path, Expect: expect, Reason: "the file is gone, but its side file is there"}
}

// A side file is two slots of slotSize bytes, each a line of text; the higher valid one counts.
const slotSize = 80

func encodeSlot(p Position) []byte {
	body := fmt.Sprintf("epoch %020d transaction %020d", p.Epoch, p.Tx)
	line := fmt.Sprintf("%s %08x", body, crc32.ChecksumIEEE([]byte(body)))
	return []byte(fmt.Sprintf("%-*s\n", slotSize-1, line))
}

func decodeSlot(b []byte) (p Position, ok bool) {
	if len(b) != slotSize {
		return Position{}, false
	}
	var sum uint32
	if _, err := fmt.Sscanf(string(b), "epoch %d transaction %d %x", &p.Epoch, &p.Tx, &sum); err != nil {
		return Position{}, false
	}
	return p, string(encodeSlot(p)) == string(b)
}

func readSide(path string) (best Position, err error) {
	b, err := os.ReadFile(SidePath(path))
	if errors.Is(err, os.ErrNotExist) {
		return Position{}, errNoSideFile
	}
	if err != nil {
		return Position{}, fmt.Errorf("read side file: %w", err)
	}
	found := false
	for i := 0; i+slotSize <= len(b) && i < 2*slotSize; i += slotSize {
		if p, ok := decodeSlot(b[i : i+slotSize]); ok {
			found = true
			if best.before(p) {
				best = p
			}
		}
	}
	if !found {
		return Position{}, errBadSideFile
	}
	return best, nil
}

// createSide replaces the side file atomically and keeps it open for marks.
func createSide(path string, p Position) (*fence, error) {
	side := SidePath(path)
	tmp := side + ".tmp"
	file, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	slot := encodeSlot(p)
	_, err = file.Write(append(slot, slot...))
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(tmp, side)
	}
	if err == nil {
		err = syncDir(side)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &fence{file: file, epoch: p.Epoch}, nil
}

// mark notes that transaction tx is durable.
func (f *fence) mark(tx uint64) error {
	if _, err := f.file.WriteAt(encodeSlot(Position{Epoch: f.epoch, Tx: tx}), f.slot*slotSize); err != nil {
		return fmt.Errorf("mark side file: %w", err)
	}
	f.slot = 1 - f.slot
	return nil
}

func (f *fence) close() error { return errors.Join(f.file.Sync(), f.file.Close()) }

// syncDir makes the folder's entry for path durable.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
