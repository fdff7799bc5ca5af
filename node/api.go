package node

import (
	"fmt"

	"github.com/fulmen-ln/fulmen/rpc"
)

// api serves rpc.Backend. Its interfaces share method names, so that each gets a type of its own over the same node.
type api struct {
	*Node
	quit     func()
	payments *followers
	extras   *requestCache
}

// Backend is the node as package rpc serves it, made once. quit begins an orderly stop of the daemon and returns; logs
// sets what is logged.
func (n *Node) Backend(logs rpc.Logs, quit func()) rpc.Backend {
	a := &api{Node: n, quit: quit, payments: newFollowers(), extras: newRequestCache(maxCachedRequests)}
	n.then(n.traffic.news.payments.subscribe(a.payments))
	return rpc.Backend{
		Node: apiNode{a}, Keys: n.custody, Logs: logs, Funds: apiFunds{a}, Spender: apiFunds{a}, Peers: apiPeers{a},
		Channels: apiChannels{a}, Lifecycle: apiLifecycle{a}, Invoices: apiInvoices{a}, Ledger: apiLedger{a},
		PayReqs: apiInvoices{a}, Payments: apiPayments{a}, Routes: apiRoutes{a}, Graph: apiGraph{a},
		Policies: apiPolicies{a}, Forwarding: apiForwards{a},
		Sweeps: apiSweeps{a}, Leases: apiCoins{a}, Publisher: apiCoins{a}, PSBTs: apiCoins{a}, Accounts: apiCoins{a}, Backups: apiBackups{a},
	}
}

func color(c [3]byte) string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }
