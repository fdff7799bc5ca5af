package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/wallet"
)

// sweeping runs wallet.Sweeper on a goroutine of its own: publishing talks to the backend.
type sweeping struct {
	sweeper *wallet.Sweeper
	height  func() lnwire.Height
	log     *slog.Logger
	box     *mailbox.Box[func()]
	wg      sync.WaitGroup
}

func newSweeping(n *Node) *sweeping {
	signers := claimSigners{n.book, n.wallet.Keys()}
	return &sweeping{sweeper: wallet.NewSweeper(n.wallet, signers), height: n.Height, log: n.log.With("sub", "SWPR"), box: mailbox.New[func()]()}
}

// claimSigners finds the keys of a channel that is being resolved.
type claimSigners struct {
	book *book
	keys *wallet.Keys
}

func (c claimSigners) ClaimSigner(id lnwire.ChannelID) (wallet.ClaimSigner, error) {
	p, ok := c.book.find(id)
	if !ok {
		return nil, fmt.Errorf("channel %v is unknown", id)
	}
	return c.keys.Channel(p.Index), nil
}

// Claims takes what a channel has to claim now; what it claimed before is dropped.
func (s *sweeping) Claims(id lnwire.ChannelID, claims []resolve.Claim) {
	s.box.Put(func() { s.sweeper.Replace(id, claims) })
}

// spent drops a claim that nobody can make any more.
func (s *sweeping) spent(op wire.OutPoint) { s.box.Put(func() { s.sweeper.Spent(op) }) }

// bump sets the least fee rate for claims, and waits until it counts: wallet.ErrUnknownOutput where there is no such claim.
func (s *sweeping) bump(ctx context.Context, rate lnwire.FeePerKW, ops ...wire.OutPoint) error {
	answer := make(chan error, 1)
	if !s.box.Put(func() {
		var errs []error
		for _, op := range ops {
			errs = append(errs, s.sweeper.Bump(op, rate))
		}
		answer <- errors.Join(errs...)
	}) {
		return peer.ErrStopped
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// block plans again at a new height: an empty burst does it.
func (s *sweeping) block() { s.box.Put(func() {}) }

func (s *sweeping) start(ctx context.Context) {
	s.wg.Go(func() {
		var burst []func()
		for {
			<-s.box.Ready()
			var ok bool
			if burst, ok = s.box.Take(burst); !ok {
				return
			}
			for _, f := range burst {
				f()
			}
			clear(burst)
			if err := s.sweeper.Block(ctx, s.height()); err != nil && ctx.Err() == nil {
				s.log.Warn("sweep is not out yet; will be tried at the next block", "err", err)
			}
		}
	})
}

func (s *sweeping) stop() {
	s.box.Close()
	s.wg.Wait()
}
