package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/wallet"
)

// BackupFile is the name of the backup in the node's folder.
const BackupFile = "channel.backup"

// backups keeps the file with the backup of all channels: whole or as it was, whatever happens.
type backups struct {
	path      string
	keys      *wallet.Keys
	book      *book
	next      func() uint64
	addresses func(lnwire.PubKey) ([]string, error)
	log       *slog.Logger
	news      hub[struct{}]

	mu      sync.Mutex
	covered map[uint64]bool // channels that were written, or that could not be
	stale   bool            // the last write failed
}

// covers tells whether a channel is in the file, so that its funding may be published.
func (b *backups) covers(index uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.covered[index]
}

// changed rewrites the file where a notice changes what belongs in it. The page of a channel may not be in the book yet.
func (b *backups) changed(ref peer.Ref, info *channel.Info, kind channel.NoticeKind) {
	switch kind {
	case channel.NoticePending, channel.NoticeOpen, channel.NoticeDataLoss:
		b.write(page{ref, info})
	case channel.NoticeClosed, channel.NoticeAbandoned:
		b.write()
	}
}

// again repeats a write that failed.
func (b *backups) again() {
	b.mu.Lock()
	stale := b.stale
	b.mu.Unlock()
	if stale {
		b.write()
	}
}

// write makes the file anew. A failure is logged, and mended at the next block: channels do not wait for it.
func (b *backups) write(more ...page) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.collect(more...)
	for i := range all.Channels {
		b.covered[all.Channels[i].Index] = true
	}
	sealed, err := all.seal(b.keys)
	if err == nil {
		err = replaceFile(filepath.Dir(b.path), filepath.Base(b.path), sealed)
	}
	if b.stale = err != nil; b.stale {
		b.log.Error("the backup of the channels could not be written; will be tried at the next block", "path", b.path, "err", err)
		return
	}
	b.news.publish(struct{}{})
}

// collect lists all channels that have money in them.
func (b *backups) collect(more ...page) *backup {
	all := &backup{Next: b.next()}
	for _, p := range append(b.book.all(), more...) {
		known := slices.ContainsFunc(all.Channels, func(c backedUp) bool { return c.Index == p.Index })
		if known || p.Info == nil || p.Phase < channel.PhasePending || p.Phase >= channel.PhaseClosed {
			continue
		}
		addrs, err := b.addresses(p.Peer)
		if err != nil {
			b.log.Warn("a peer's addresses are missing in the backup", "peer", p.Peer, "err", err)
		}
		all.Channels = append(all.Channels, newBackedUp(p, addrs))
	}
	return all
}

// begin looks at the file that an earlier run left, and writes it. Where it has channels that the ledger does not know, or
// cannot be read, it is put aside: it may be all that is left of them.
func (b *backups) begin(known func(*backedUp) bool) error {
	old, err := os.ReadFile(b.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read backup: %w", err)
	default:
		content, err := openBackup(b.keys, old)
		lost := err != nil
		for i := 0; !lost && i < len(content.Channels); i++ {
			lost = !known(&content.Channels[i])
		}
		if lost {
			aside := fmt.Sprintf("%s.%d", b.path, time.Now().UnixNano())
			if err := os.Rename(b.path, aside); err != nil {
				return fmt.Errorf("keep backup: %w", err)
			}
			b.log.Warn("the backup has channels that the ledger does not; it is kept, and can be restored", "path", aside)
		}
	}
	b.write()
	return nil
}
