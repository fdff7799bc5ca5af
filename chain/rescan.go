package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// rescan searches the lowest old block that a watch wants. False when all watches are live.
func (w *Watcher) rescan(ctx context.Context) (worked bool, err error) {
	top, ok := w.branch.top()
	if !ok {
		return false, nil
	}
	x := w.lowest(top.height)
	if x == nil {
		for _, err := range w.stuck {
			return false, err
		}
		return false, nil
	}
	if x.kind == spend && !x.probed {
		return w.probe(ctx, x, top)
	}
	if x.next < w.branch.base {
		return true, w.lower(ctx, x.next)
	}
	l, _ := w.branch.at(x.next)
	if err := w.pace.Wait(ctx); err != nil {
		return false, err
	}
	block, err := w.source.Block(ctx, l.hash)
	if errors.Is(err, ErrPruned) {
		// The others need not wait for it.
		w.stuck[l.height] = fmt.Errorf("search block %d: %w", l.height, err)
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("search block %d: %w", l.height, err)
	}
	w.search(l, block)
	return true, nil
}

// lowest is the watch that is furthest behind and can go on.
func (w *Watcher) lowest(top lnwire.Height) (low *Watch) {
	for _, x := range w.watches {
		if x.kind == blocks || x.gone.Load() || x.next > top {
			continue
		}
		if probes := x.kind == spend && !x.probed; w.stuck[x.next] != nil && !probes {
			continue
		}
		if low == nil || x.next < low.next {
			low = x
		}
	}
	return low
}

// probe asks whether the output is unspent at the top: then no old block needs to be searched for its spend.
func (w *Watcher) probe(ctx context.Context, x *Watch, top link) (bool, error) {
	out, at, err := w.source.Unspent(ctx, x.op)
	if err != nil {
		return false, fmt.Errorf("look up %v: %w", x.op, err)
	}
	if out != nil && at != top.hash {
		// True of another block than the one we stand on. A spend may lie between the two, so it does not count.
		return false, fmt.Errorf("look up %v: %w", x.op, errMoved)
	}
	x.probed = true
	if out != nil {
		x.next = top.height + 1
		x.put(Unspent{OutPoint: x.op})
	}
	return true, nil
}

// lower extends the branch downwards, by no more than headersAtOnce, along the parents.
func (w *Watcher) lower(ctx context.Context, to lnwire.Height) error {
	header, err := w.source.Header(ctx, w.branch.links[0].hash)
	if err != nil {
		return fmt.Errorf("header of block %d: %w", w.branch.base, err)
	}
	var below []link // descending
	for height := w.branch.base; height > to && len(below) < headersAtOnce; height-- {
		parent := header.PrevBlock
		if header, err = w.source.Header(ctx, parent); err != nil {
			return fmt.Errorf("header of block %d: %w", height-1, err)
		}
		below = append(below, link{height - 1, parent, unix32(header.Timestamp)})
	}
	links := make([]link, 0, len(below)+len(w.branch.links))
	for i := len(below) - 1; i >= 0; i-- {
		links = append(links, below[i])
	}
	w.branch.base -= lnwire.Height(len(below))
	w.branch.links = append(links, w.branch.links...)
	return nil
}

// unix32 is a header's time as it is in the header.
func unix32(t time.Time) uint32 { return uint32(t.Unix()) }
