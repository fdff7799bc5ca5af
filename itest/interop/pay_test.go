package interop

import (
	"encoding/hex"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
)

// key is a node's identity.
func (n *network) key(name string) []byte {
	n.t.Helper()
	s, err := n.Key(n.ctx, name)
	require.NoError(n.t, err)
	b, err := hex.DecodeString(s)
	require.NoError(n.t, err)
	return b
}

func (n *network) invoice(name string, sat int64) string {
	n.t.Helper()
	r, err := n.Invoice(n.ctx, name, &lnrpc.Invoice{Value: sat})
	require.NoError(n.t, err)
	return r
}

// pay sends and waits for the end, whatever it is.
func (n *network) pay(from string, r *routerrpc.SendPaymentRequest) *lnrpc.Payment {
	n.t.Helper()
	r.TimeoutSeconds = 60
	if r.FeeLimitSat == 0 {
		r.FeeLimitSat = 10_000
	}
	p, err := n.Pay(n.ctx, from, r, nil)
	require.NoError(n.t, err)
	return p
}

// paid sends what must arrive.
func (n *network) paid(from, to string, sat int64) *lnrpc.Payment {
	n.t.Helper()
	return n.settled(from, n.invoice(to, sat))
}

// settled pays an invoice to its end.
func (n *network) settled(from, request string) *lnrpc.Payment {
	n.t.Helper()
	p := n.pay(from, &routerrpc.SendPaymentRequest{PaymentRequest: request})
	require.Equal(n.t, lnrpc.Payment_SUCCEEDED, p.Status, p.FailureReason)
	return p
}

// quiet waits until no channel of any running node holds an HTLC.
func (n *network) quiet() {
	n.t.Helper()
	for _, node := range n.Nodes() {
		if !node.Running() {
			continue
		}
		c := n.client(node.Name)
		n.eventually(node.Name+" has nothing in flight", func() bool {
			list, err := c.Lightning.ListChannels(n.ctx, &lnrpc.ListChannelsRequest{})
			if err != nil {
				return false
			}
			for _, ch := range list.Channels {
				if len(ch.PendingHtlcs) > 0 {
					return false
				}
			}
			return true
		})
	}
}
