package chain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/btcsuite/btcd/btcjson"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/rpcclient"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// btcd is the daemon of that name. Calls go over HTTPS, as to bitcoind; the websocket brings news.
type btcd struct{ rpc *RPC }

// outOfStep: btcd does not tell how far the headers are, but how far its peers are.
func (b *btcd) outOfStep(ctx context.Context, info *chainInfo) (string, error) {
	var peers []struct {
		Height lnwire.Height `json:"currentheight"`
	}
	if err := b.rpc.Call(ctx, "getpeerinfo", &peers); err != nil {
		return "", err
	}
	ahead := 0
	for _, p := range peers {
		if p.Height > info.Blocks+headersAhead {
			ahead++
		}
	}
	// One peer may lie; most of them do not.
	if 2*ahead > len(peers) {
		return fmt.Sprintf("syncing: at block %d, %d of %d peers are further", info.Blocks, ahead, len(peers)), nil
	}
	return "", nil
}

// anyFee: allowhighfees.
func (b *btcd) anyFee() any { return true }

func (b *btcd) feeRate(ctx context.Context, target uint32) (rate float64, err error) {
	// btcd estimates 1 to 25 blocks ahead, and fails until it has seen enough.
	err = b.rpc.Call(ctx, "estimatefee", &rate, min(max(target, 1), 25))
	var answer *RPCError
	if errors.As(err, &answer) {
		return 0, fmt.Errorf("%w: %s", ErrNoEstimate, answer.Message)
	}
	return rate, err
}

func (b *btcd) refetch(context.Context, chainhash.Hash) error { return ErrUnsupported }

const websocketRetry = 2 * time.Second

// feed keeps a websocket open until ctx ends.
func (b *btcd) feed(ctx context.Context, n *Node) {
	for ctx.Err() == nil {
		if n.Wait(ctx) != nil {
			return
		}
		err := b.listen(ctx, n)
		if ctx.Err() != nil {
			return
		}
		slog.Warn("chain backend's websocket, polling meanwhile", "host", b.rpc.at.Host, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(websocketRetry):
		}
	}
}

// listen returns when the websocket is closed.
func (b *btcd) listen(ctx context.Context, n *Node) error {
	config := rpcclient.ConnConfig{
		Host: b.rpc.at.Host, Endpoint: "ws", User: b.rpc.at.User, Pass: b.rpc.at.Pass,
		DisableTLS: b.rpc.at.CertFile == "", DisableAutoReconnect: true,
	}
	if !config.DisableTLS {
		cert, err := os.ReadFile(b.rpc.at.CertFile)
		if err != nil {
			return fmt.Errorf("read certificate: %w", err)
		}
		config.Certificates = cert
	}
	client, err := rpcclient.New(&config, &rpcclient.NotificationHandlers{
		OnFilteredBlockConnected:    func(int32, *wire.BlockHeader, []*btcutil.Tx) { n.wake() },
		OnFilteredBlockDisconnected: func(int32, *wire.BlockHeader) { n.wake() },
		OnTxAcceptedVerbose: func(tx *btcjson.TxRawResult) {
			n.unconfirmed(func() (*wire.MsgTx, error) {
				raw, err := hex.DecodeString(tx.Hex)
				if err != nil {
					return nil, fmt.Errorf("transaction %s: %w", tx.Txid, err)
				}
				return decode(raw)
			})
		},
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, client.Shutdown)
	defer stop()
	err = errors.Join(client.NotifyBlocks(), client.NotifyNewTransactions(true))
	if err != nil {
		client.Shutdown()
	}
	n.wake() // there may have been blocks
	client.WaitForShutdown()
	return errors.Join(err, errors.New("connection lost"))
}
