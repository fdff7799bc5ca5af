package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

const (
	delay    = 144 // blocks that who closes by force waits for his own share
	moreThan = 10  // rounds of sweeping after which nothing new may come
)

// cooperative ends the first two channels by agreement.
func (s *show) cooperative(ctx context.Context) error {
	s.chapter("A cooperative close")
	s.say("Two nodes that agree end their channel with one transaction that pays each its share. alice and bob, and bob and carol, do.")
	for i, name := range []string{alice, bob} {
		if err := s.close(ctx, name, s.points[i], false); err != nil {
			return err
		}
		s.fact("%s closed %s", name, s.points[i])
	}
	return nil
}

// forced ends the last one against a silent peer.
func (s *show) forced(ctx context.Context) error {
	s.chapter("A forced close")
	s.say("dave has gone away. carol does not need him: she publishes her latest commitment, which she has kept for this day. The",
		"rules make her wait for her own share, so that dave could punish her if it were an old one; then she sweeps it home.")
	if err := s.Stop(ctx, dave); err != nil {
		return err
	}
	if err := s.close(ctx, carol, s.points[2], true); err != nil {
		return err
	}
	s.fact("carol's commitment is in a block; she waits %d blocks", delay)
	if err := s.Start(ctx, dave); err != nil {
		return err
	}
	if err := s.Mine(ctx, delay); err != nil {
		return err
	}
	for range moreThan {
		if err := s.Mine(ctx, 1); err != nil {
			return err
		}
	}
	for _, name := range []string{alice, bob, carol, dave} {
		if err := s.resolved(ctx, name); err != nil {
			return err
		}
	}
	s.fact("both shares are swept to the wallets of carol and dave")
	return nil
}

// close asks for a close and mines until it is confirmed.
func (s *show) close(ctx context.Context, name, point string, force bool) error {
	p, err := lab.ParsePoint(point)
	if err != nil {
		return err
	}
	c, err := s.Client(name)
	if err != nil {
		return err
	}
	defer c.Close()
	stream, err := c.Lightning.CloseChannel(ctx, &lnrpc.CloseChannelRequest{ChannelPoint: p, Force: force})
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetClosePending() == nil {
		return fmt.Errorf("the first news of the close is %v", first)
	}
	if err := s.Mine(ctx, 1); err != nil {
		return err
	}
	for {
		u, err := stream.Recv()
		if err != nil {
			return err
		}
		if u.GetChanClose() != nil {
			return nil
		}
	}
}

// resolved waits until nothing of name is in limbo.
func (s *show) resolved(ctx context.Context, name string) error {
	c, err := s.Client(name)
	if err != nil {
		return err
	}
	err = until(ctx, name+" has everything home", func(ctx context.Context) (bool, error) {
		p, err := c.Lightning.PendingChannels(ctx, &lnrpc.PendingChannelsRequest{})
		if err != nil || p.TotalLimboBalance > 0 {
			return false, err
		}
		b, err := c.Lightning.WalletBalance(ctx, &lnrpc.WalletBalanceRequest{})
		return err == nil && b.UnconfirmedBalance == 0, err
	})
	return errors.Join(err, c.Close())
}
