package lab

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// waitLimit is how long the lab waits for nodes to notice what happened.
const waitLimit = 60 * time.Second

// confirmations after which a channel is open, and known to all.
const confirmations = 6

// until polls ok until it holds: nodes act in their own time.
func until(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error
	for {
		done, err := ok(ctx)
		if done && err == nil {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain until %s: %w", what, ctx.Err()), last)
		case <-tick.C:
		}
	}
}

// with calls fn with a connection to a node.
func (l *Lab) with(name string, fn func(*client.Client) error) error {
	c, err := l.Client(name)
	if err != nil {
		return err
	}
	return errors.Join(fn(c), c.Close())
}

// Mine adds blocks and waits until every running node has followed.
func (l *Lab) Mine(ctx context.Context, blocks int) error {
	if _, err := l.Chain.Mine(ctx, blocks); err != nil {
		return fmt.Errorf("mine: %w", err)
	}
	return l.Synced(ctx)
}

// Synced waits until every running node is where the chain is.
func (l *Lab) Synced(ctx context.Context) error {
	height, err := l.Chain.Height(ctx)
	if err != nil {
		return err
	}
	for _, n := range l.state.Nodes {
		if !n.Running() {
			continue
		}
		err := l.with(n.Name, func(c *client.Client) error {
			return until(ctx, n.Name+" follows the chain", func(ctx context.Context) (bool, error) {
				info, err := c.Lightning.GetInfo(ctx, &lnrpc.GetInfoRequest{})
				return err == nil && info.BlockHeight >= uint32(height) && info.SyncedToChain, err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Fund pays amount from the miner to a node's wallet, and confirms it.
func (l *Lab) Fund(ctx context.Context, name string, amount btcutil.Amount) error {
	return l.with(name, func(c *client.Client) error {
		before, err := c.Lightning.WalletBalance(ctx, &lnrpc.WalletBalanceRequest{})
		if err != nil {
			return err
		}
		a, err := c.Lightning.NewAddress(ctx, &lnrpc.NewAddressRequest{Type: lnrpc.AddressType_TAPROOT_PUBKEY})
		if err != nil {
			return err
		}
		to, err := address.DecodeAddress(a.Address, &chaincfg.RegressionNetParams)
		if err != nil {
			return err
		}
		if _, err := l.Chain.Fund(ctx, to, amount); err != nil {
			return fmt.Errorf("pay %s: %w", name, err)
		}
		if err := l.Mine(ctx, 1); err != nil {
			return err
		}
		return until(ctx, "the coins of "+name+" are there", func(ctx context.Context) (bool, error) {
			b, err := c.Lightning.WalletBalance(ctx, &lnrpc.WalletBalanceRequest{})
			return err == nil && b.ConfirmedBalance >= before.ConfirmedBalance+int64(amount), err
		})
	})
}

// Connect makes a connect to b.
func (l *Lab) Connect(ctx context.Context, a, b string) error {
	to, err := l.Node(b)
	if err != nil {
		return err
	}
	return l.with(a, func(c *client.Client) error {
		_, err := c.Lightning.ConnectPeer(ctx, &lnrpc.ConnectPeerRequest{Addr: &lnrpc.LightningAddress{Pubkey: to.Key, Host: to.Peer}})
		if err != nil && isConnected(err) {
			return nil
		}
		return err
	})
}

// Key is a node's identity, in hex, whether it runs or not.
func (l *Lab) Key(_ context.Context, name string) (string, error) {
	n, err := l.Node(name)
	if err != nil {
		return "", err
	}
	return n.Key, nil
}

// Open opens a channel from a to b, mines, and returns its funding output once both sides may use it.
func (l *Lab) Open(ctx context.Context, a, b string, r *lnrpc.OpenChannelRequest) (point string, err error) {
	if err := l.Connect(ctx, a, b); err != nil {
		return "", fmt.Errorf("connect %s to %s: %w", a, b, err)
	}
	to, err := l.Node(b)
	if err != nil {
		return "", err
	}
	if r.NodePubkey, err = hex.DecodeString(to.Key); err != nil {
		return "", err
	}
	err = l.with(a, func(c *client.Client) error {
		p, err := c.Lightning.OpenChannelSync(ctx, r)
		if err != nil {
			return err
		}
		point = Point(p)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("open %s to %s: %w", a, b, err)
	}
	if err := l.Mine(ctx, confirmations); err != nil {
		return "", err
	}
	for _, name := range []string{a, b} {
		if err := l.Active(ctx, name, point); err != nil {
			return "", err
		}
	}
	return point, nil
}

// Active waits until name may use the channel.
func (l *Lab) Active(ctx context.Context, name, point string) error {
	return l.with(name, func(c *client.Client) error {
		return until(ctx, name+" may use channel "+point, func(ctx context.Context) (bool, error) {
			list, err := c.Lightning.ListChannels(ctx, &lnrpc.ListChannelsRequest{ActiveOnly: true})
			if err != nil {
				return false, err
			}
			for _, ch := range list.Channels {
				if ch.ChannelPoint == point {
					return true, nil
				}
			}
			return false, nil
		})
	})
}

// Known waits until every running node knows the policies of both ends of n announced channels.
func (l *Lab) Known(ctx context.Context, n int) error {
	for _, node := range l.state.Nodes {
		if !node.Running() {
			continue
		}
		err := l.with(node.Name, func(c *client.Client) error {
			return until(ctx, node.Name+" knows the network", func(ctx context.Context) (bool, error) {
				g, err := c.Lightning.DescribeGraph(ctx, &lnrpc.ChannelGraphRequest{})
				if err != nil {
					return false, err
				}
				known := 0
				for _, e := range g.Edges {
					if e.Node1Policy != nil && e.Node2Policy != nil {
						known++
					}
				}
				return known >= n, nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Invoice makes an invoice at a node.
func (l *Lab) Invoice(ctx context.Context, name string, in *lnrpc.Invoice) (request string, err error) {
	err = l.with(name, func(c *client.Client) error {
		r, err := c.Lightning.AddInvoice(ctx, in)
		if err == nil {
			request = r.PaymentRequest
		}
		return err
	})
	return request, err
}

// Pay sends and returns the payment's end; each change goes to seen, if that is not nil.
func (l *Lab) Pay(ctx context.Context, name string, r *routerrpc.SendPaymentRequest, seen func(*lnrpc.Payment)) (last *lnrpc.Payment, err error) {
	err = l.with(name, func(c *client.Client) error {
		stream, err := c.Router.SendPaymentV2(ctx, r)
		if err != nil {
			return err
		}
		for {
			p, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			last = p
			if seen != nil {
				seen(p)
			}
			if p.Status == lnrpc.Payment_SUCCEEDED || p.Status == lnrpc.Payment_FAILED {
				return nil
			}
		}
	})
	return last, err
}
