package node

import (
	"context"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/rpc"
)

// apiNode implements rpc.Node.
type apiNode struct{ *api }

// Info shows the backend's tip. It is in step when the backend is, and wallet and channels have seen that tip.
func (a apiNode) Info(context.Context) (rpc.NodeInfo, error) {
	tip := a.chain.Best()
	inStep, _ := a.chain.State()
	funds := a.wallet.Sync()
	i := rpc.NodeInfo{
		ID: a.ID, Alias: a.cfg.Alias, Color: color(a.cfg.Color), Features: a.hello,
		Height: tip.Height, BlockHash: tip.Hash, BlockTime: tip.Time,
		SyncedToChain: inStep && a.Height() == tip.Height && funds.Synced && funds.Height >= tip.Height,
		SyncedToGraph: a.talk.synced.Load(), WalletSynced: funds.Synced,
	}
	for _, addr := range a.cfg.External {
		i.Addresses = append(i.Addresses, addr.String())
	}
	for _, p := range a.peers.Peers() {
		if p.Link() != nil {
			i.Peers++
		}
	}
	for _, c := range a.book.all() {
		switch {
		case c.Phase == channel.PhasePending:
			i.PendingChannels++
		case c.Active:
			i.ActiveChannels++
		case c.shown() == shownOpen:
			i.InactiveChannels++
		}
	}
	return i, nil
}

// Stop begins an orderly stop of the daemon.
func (a apiNode) Stop() { a.quit() }
