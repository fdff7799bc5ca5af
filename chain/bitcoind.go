package chain

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/lightninglabs/gozmq"
)

// bitcoind is Bitcoin Core's daemon.
type bitcoind struct {
	rpc             *RPC
	zmqBlock, zmqTx string
}

func (b *bitcoind) outOfStep(context.Context, *chainInfo) (string, error) { return "", nil }

// anyFee: maxfeerate 0. What is too much is the wallet's business.
func (b *bitcoind) anyFee() any { return 0 }

func (b *bitcoind) feeRate(ctx context.Context, target uint32) (float64, error) {
	// Core: conf_target is 1 to 1008.
	var estimate struct {
		Rate *float64 `json:"feerate"`
	}
	if err := b.rpc.Call(ctx, "estimatesmartfee", &estimate, min(max(target, 1), 1008)); err != nil {
		return 0, err
	}
	if estimate.Rate == nil {
		return 0, ErrNoEstimate
	}
	var pool struct {
		Min float64 `json:"mempoolminfee"`
	}
	if err := b.rpc.Call(ctx, "getmempoolinfo", &pool); err != nil {
		return 0, err
	}
	return max(*estimate.Rate, pool.Min), nil
}

// refetch asks every peer for the block; bitcoind keeps what comes.
func (b *bitcoind) refetch(ctx context.Context, hash chainhash.Hash) error {
	var peers []struct {
		ID int `json:"id"`
	}
	if err := b.rpc.Call(ctx, "getpeerinfo", &peers); err != nil {
		return err
	}
	err := errors.New("no peers")
	for _, p := range peers {
		// Core refuses peers that prune, and a block that is on its way.
		if err = b.rpc.Call(ctx, "getblockfrompeer", nil, hash.String(), p.ID); err == nil {
			return nil
		}
	}
	return err
}

const (
	zmqTimeout = 2 * time.Second // between the parts of a message
	zmqRetry   = time.Second     // after a failure; doubled up to longestWait
)

// feed subscribes to ZMQ, where it is configured or bitcoind offers it.
func (b *bitcoind) feed(ctx context.Context, n *Node) {
	if b.zmqBlock == "" || b.zmqTx == "" {
		b.discover(ctx, n)
	}
	topics := map[string][]string{}
	if b.zmqBlock != "" {
		topics[b.zmqBlock] = append(topics[b.zmqBlock], "rawblock", "hashblock")
	}
	if b.zmqTx != "" {
		topics[b.zmqTx] = append(topics[b.zmqTx], "rawtx")
	}
	var running sync.WaitGroup
	for address, topics := range topics {
		running.Go(func() { subscribe(ctx, n, address, topics) })
	}
	running.Wait()
}

// discover asks bitcoind for its ZMQ addresses, as soon as it answers.
func (b *bitcoind) discover(ctx context.Context, n *Node) {
	if n.Wait(ctx) != nil {
		return
	}
	var offers []struct {
		Type    string `json:"type"`
		Address string `json:"address"`
	}
	if err := b.rpc.Call(ctx, "getzmqnotifications", &offers); err != nil {
		slog.Info("chain backend offers no ZMQ, polling", "err", err)
		return
	}
	for _, o := range offers {
		switch o.Type {
		case "pubrawblock", "pubhashblock":
			if b.zmqBlock == "" {
				b.zmqBlock = reachable(o.Address, b.rpc.at.Host)
			}
		case "pubrawtx":
			if b.zmqTx == "" {
				b.zmqTx = reachable(o.Address, b.rpc.at.Host)
			}
		}
	}
}

// reachable replaces the address that bitcoind listens on, if that is every one, by the host where its RPC server is.
func reachable(address, rpcHost string) string {
	rest, tcp := strings.CutPrefix(address, "tcp://")
	host, port, err := net.SplitHostPort(rest)
	if !tcp || err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "*" || ip != nil && ip.IsUnspecified() {
		if h, _, err := net.SplitHostPort(rpcHost); err == nil {
			host = h
		}
	}
	return "tcp://" + net.JoinHostPort(host, port)
}

// subscribe keeps a subscription open until ctx ends. What is missed meanwhile, polling finds.
func subscribe(ctx context.Context, n *Node, address string, topics []string) {
	pause := zmqRetry
	for ctx.Err() == nil {
		conn, err := gozmq.Subscribe(address, topics, zmqTimeout)
		if err == nil {
			pause = zmqRetry
			n.wake() // there may have been blocks
			stop := context.AfterFunc(ctx, func() { closeQuietly(conn) })
			err = receive(n, conn)
			stop()
			closeQuietly(conn)
		}
		if ctx.Err() != nil {
			return
		}
		slog.Warn("chain backend's ZMQ feed, polling meanwhile", "address", address, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestWait)
	}
}

// closeQuietly: a connection that is given up has nothing to say.
func closeQuietly(conn *gozmq.Conn) {
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		slog.Debug("close ZMQ feed", "err", err)
	}
}

// receive returns when the connection breaks. gozmq mends some breaks by itself; a new subscription is simpler.
func receive(n *Node, conn *gozmq.Conn) error {
	for {
		parts, err := conn.Receive(nil)
		if err != nil {
			return err
		}
		if len(parts) < 2 {
			continue
		}
		switch string(parts[0]) {
		case "rawblock", "hashblock":
			n.wake()
		case "rawtx":
			n.unconfirmed(func() (*wire.MsgTx, error) { return decode(parts[1]) })
		}
	}
}
