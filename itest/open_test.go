package itest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// ask opens without waiting for anything but the funding transaction.
func (n *network) ask(from, to string, r *lnrpc.OpenChannelRequest) (string, error) {
	n.t.Helper()
	r.NodePubkey = n.key(to)
	p, err := n.client(from).Lightning.OpenChannelSync(n.ctx, r)
	if err != nil {
		return "", err
	}
	return lab.Point(p), nil
}

// pending counts the channels in opening.
func (n *network) pending(name string) int {
	n.t.Helper()
	r, err := n.client(name).Lightning.PendingChannels(n.ctx, &lnrpc.PendingChannelsRequest{})
	require.NoError(n.t, err)
	return len(r.PendingOpenChannels)
}

func TestOpeningsAreRefusedInClearWords(t *testing.T) {
	n := start(t, 3)
	carol, err := n.Node("carol")
	require.NoError(t, err)
	require.NoError(t, n.Stop(n.ctx, "carol"))
	require.NoError(t, os.WriteFile(filepath.Join(carol.Dir, "fulmen.conf"), []byte("minchansize=200000\nmaxchansize=1000000\n"), 0o600))
	require.NoError(t, n.Start(n.ctx, "carol"))
	require.NoError(t, n.Connect(n.ctx, "alice", "carol"))
	for name, c := range map[string]struct {
		to   string
		r    *lnrpc.OpenChannelRequest
		want string
	}{
		"offline":                    {"bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: 100_000}, "is not online"},
		"below the minimum":          {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 19_999}, "the minimum channel size is: 20000 SAT"},
		"above our maximum":          {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 1_000_000_001}, "the max channel size is"},
		"more than we have":          {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 900_000_000}, "not enough witness outputs"},
		"all pushed":                 {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 300_000, PushSat: 300_000}, "must be below the local funding amount"},
		"below the peer's minimum":   {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 199_999}, "199999|0.00199999"},
		"above the peer's maximum":   {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 1_000_001}, "1000001|0.01000001"},
		"to a key that is no key":    {"", &lnrpc.OpenChannelRequest{LocalFundingAmount: 300_000, NodePubkeyString: "02aa"}, "pubkey|key"},
		"with a delay out of bounds": {"carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 300_000, RemoteCsvDelay: 10_000}, "to_self_delay|delay"},
	} {
		var err error
		if c.to == "" {
			_, err = n.client("alice").Lightning.OpenChannelSync(n.ctx, c.r)
		} else {
			_, err = n.ask("alice", c.to, c.r)
		}
		require.Error(t, err, name)
		require.Regexp(t, c.want, err.Error(), name)
	}
	_, err = n.ask("alice", "alice", &lnrpc.OpenChannelRequest{LocalFundingAmount: 300_000})
	require.ErrorContains(t, err, "cannot open channel to self")

	const most = 4 // channels in opening with one peer
	for range most {
		_, err := n.ask("alice", "carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 200_000, SpendUnconfirmed: true})
		require.NoError(t, err)
	}
	_, err = n.ask("alice", "carol", &lnrpc.OpenChannelRequest{LocalFundingAmount: 200_000, SpendUnconfirmed: true})
	require.ErrorContains(t, err, "pending channels exceed maximum")
	require.NoError(t, n.Mine(n.ctx, 6))
	n.eventually("nothing is pending", func() bool { return n.pending("alice") == 0 && n.pending("carol") == 0 })
	b, err := n.client("alice").Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
	require.NoError(t, err)
	require.Zero(t, b.LockedBalance, "what was refused holds no coins")
}

func TestTheAgreedAddressIsPaidAtTheClose(t *testing.T) {
	n := start(t, 3)
	a, err := n.client("carol").Lightning.NewAddress(n.ctx, &lnrpc.NewAddressRequest{Type: lnrpc.AddressType_WITNESS_PUBKEY_HASH})
	require.NoError(t, err)
	point := n.openWith("alice", "bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: capacity, PushSat: 1_000_000, CloseAddress: a.Address})
	require.Equal(t, a.Address, n.channel("alice", point).CloseAddress)
	require.Equal(t, uint64(1_000_000), n.channel("alice", point).PushAmountSat)
	other, err := n.client("alice").Lightning.NewAddress(n.ctx, &lnrpc.NewAddressRequest{Type: lnrpc.AddressType_WITNESS_PUBKEY_HASH})
	require.NoError(t, err)
	p, err := lab.ParsePoint(point)
	require.NoError(t, err)
	stream, err := n.client("alice").Lightning.CloseChannel(n.ctx, &lnrpc.CloseChannelRequest{ChannelPoint: p, DeliveryAddress: other.Address})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Error(t, err, "another address was agreed on")
	n.close("bob", point, false)
	n.eventually("carol has what was alice's", func() bool {
		b, err := n.client("carol").Lightning.WalletBalance(n.ctx, &lnrpc.WalletBalanceRequest{})
		return err == nil && b.ConfirmedBalance > int64(coins)+3_900_000
	})
}

func TestFundingIsReorganizedAway(t *testing.T) {
	n := start(t, 2)
	require.NoError(t, n.Connect(n.ctx, "alice", "bob"))
	point, err := n.ask("alice", "bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: capacity})
	require.NoError(t, err)
	require.NoError(t, n.Mine(n.ctx, 2)) // one short of what channel_ready needs
	require.NoError(t, n.Chain.Reorg(n.ctx, 2))
	require.NoError(t, n.Synced(n.ctx))
	require.Equal(t, 1, n.pending("alice"))
	require.Equal(t, 1, n.pending("bob"))
	n.deepen(point)

	old := n.channel("alice", point).ChanId
	require.NoError(t, n.Chain.Reorg(n.ctx, 7)) // after channel_ready, and the announcement
	require.NoError(t, n.Synced(n.ctx))
	n.deepen(point)
	n.eventually("the channel has the name of its new place", func() bool {
		c := n.channel("alice", point)
		return c != nil && c.ChanId != old
	})
	n.eventually("a payment goes through", func() bool {
		return n.pay("alice", n.invoice("bob", 1_000)).Status == lnrpc.Payment_SUCCEEDED
	})
	n.quiet()
}

// deepen mines, one block at a time, until the funding is as deep as an announcement needs.
func (n *network) deepen(point string) {
	n.t.Helper()
	for range 7 {
		n.eventually("the funding is in the mempool or deeper", func() bool { return n.Mine(n.ctx, 1) == nil })
	}
	for _, name := range []string{"alice", "bob"} {
		require.NoError(n.t, n.Active(n.ctx, name, point))
	}
}

func TestOpeningsSurviveRestartsAtEachStage(t *testing.T) {
	for _, side := range []string{"alice", "bob"} {
		t.Run(side, func(t *testing.T) {
			n := start(t, 2)
			require.NoError(t, n.Connect(n.ctx, "alice", "bob"))
			point, err := n.ask("alice", "bob", &lnrpc.OpenChannelRequest{LocalFundingAmount: capacity})
			require.NoError(t, err)
			for range 7 { // unconfirmed, at every depth, ready, announced
				require.NoError(t, n.Kill(n.ctx, side))
				require.NoError(t, n.Start(n.ctx, side))
				require.NoError(t, n.Mine(n.ctx, 1))
			}
			n.eventually("they meet again", func() bool {
				return n.Connect(n.ctx, side, map[string]string{"alice": "bob", "bob": "alice"}[side]) == nil
			})
			for _, name := range []string{"alice", "bob"} {
				require.NoError(t, n.Active(n.ctx, name, point))
			}
			require.NoError(t, n.Known(n.ctx, 1))
			n.paid("alice", "bob", 100_000)
			n.paid("bob", "alice", 1_000)
		})
	}
}
