package node

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
	"github.com/fulmen-ln/fulmen/wallet"
)

func TestSweepsAreShownAndHurried(t *testing.T) {
	l := newAPILab(t, 2)
	ctx := t.Context()
	l.fund(0, 2_000_000)
	c := l.open(0, 1, 1_000_000, 300_000_000, false)
	sweeps := l.api[0].Sweeps
	require.ErrorIs(t, sweeps.BumpForceClose(ctx, c.Funding, rpc.FeeRate{PerKW: 2000}), rpc.ErrSweepNotFound)
	require.ErrorIs(t, sweeps.BumpForceClose(ctx, wire.OutPoint{Index: 1}, rpc.FeeRate{PerKW: 2000}), rpc.ErrChannelNotFound)
	_, err := l.nodes[0].Close(c.Funding, channel.Shut{Force: true})
	require.NoError(t, err)
	l.eventually("the anchor is offered", func() bool {
		p, err := sweeps.PendingSweeps(ctx)
		return err == nil && len(p) > 0 && p[0].Witness == walletrpc.WitnessType_COMMITMENT_ANCHOR
	})
	require.NoError(t, sweeps.BumpForceClose(ctx, c.Funding, rpc.FeeRate{PerKW: 5000}))
	l.eventually("the commitment has a child", func() bool {
		p, err := sweeps.PendingSweeps(ctx)
		return err == nil && len(p) == 1 && p[0].Sent && p[0].PerKW == 5000
	})
	l.mine(2) // the second block has the child, if the first has not
	confirmed := l.nodes[0].Height() - 1
	l.eventually("our balance waits", func() bool {
		p, err := sweeps.PendingSweeps(ctx)
		if err != nil || len(p) != 1 {
			return false
		}
		return p[0].Witness == walletrpc.WitnessType_COMMITMENT_TIME_LOCK && !p[0].Sent && p[0].Maturity == confirmed+143
	})
	l.mine(142)
	var sent []rpc.PendingSweep
	l.eventually("it is swept", func() bool {
		sent, err = sweeps.PendingSweeps(ctx)
		return err == nil && len(sent) == 1 && sent[0].Sent
	})
	require.NoError(t, sweeps.BumpSweep(ctx, sent[0].OutPoint, rpc.FeeRate{PerKW: 10_000}))
	l.eventually("the sweep is replaced", func() bool {
		p, err := sweeps.PendingSweeps(ctx)
		return err == nil && len(p) == 1 && p[0].PerKW == 10_000 && p[0].Asked == 10_000
	})
	txs, err := sweeps.Swept(ctx, rpc.TransactionQuery{To: 1 << 30, Unconfirmed: true})
	require.NoError(t, err)
	require.Len(t, txs, 2, "the anchor's and the last one")
	require.Equal(t, wallet.SweepLabel, txs[1].Label)
	require.ErrorIs(t, sweeps.BumpSweep(ctx, wire.OutPoint{Index: 9}, rpc.FeeRate{PerKW: 10_000}), rpc.ErrSweepNotFound)
}

func TestCoinsAreLeasedLabelledAndBumped(t *testing.T) {
	l := newAPILab(t, 1)
	ctx := t.Context()
	l.fund(0, 500_000)
	b := l.api[0]
	coins, err := b.Funds.Unspent(ctx, rpc.UnspentQuery{MaxConfs: 1000})
	require.NoError(t, err)
	id := [32]byte{1}
	_, err = b.Leases.LeaseOutput(ctx, id, coins[0].OutPoint, time.Hour)
	require.NoError(t, err)
	addr, err := b.Accounts.NextAddress(ctx, lnrpc.AddressType_TAPROOT_PUBKEY, "", true)
	require.NoError(t, err)
	script, err := l.nodes[0].wallet.Script(addr)
	require.NoError(t, err)
	pay := rpc.SendOutputs{Outputs: []wire.TxOut{{Value: 100_000, PkScript: script}, {Value: 50_000, PkScript: script}}, PerKW: 253, MinConfs: 1, Label: "two"}
	_, err = b.Publisher.SendOutputs(ctx, pay)
	require.ErrorIs(t, err, rpc.ErrInsufficientFunds, "the coin is leased")
	leases, err := b.Leases.ListLeases(ctx)
	require.NoError(t, err)
	require.Len(t, leases, 1)
	require.NoError(t, b.Leases.ReleaseOutput(ctx, id, coins[0].OutPoint))
	tx, err := b.Publisher.SendOutputs(ctx, pay)
	require.NoError(t, err)
	require.Error(t, b.Publisher.Label(ctx, tx.TxHash(), "rent", false))
	require.NoError(t, b.Publisher.Label(ctx, tx.TxHash(), "rent", true))
	known, err := b.Publisher.Transaction(ctx, tx.TxHash())
	require.NoError(t, err)
	require.Equal(t, "rent", known.Label)
	require.NoError(t, b.Sweeps.BumpCoin(ctx, wire.OutPoint{Hash: tx.TxHash()}, rpc.FeeRate{PerKW: 9000}))
	require.Len(t, l.chain.Mempool(), 2)
	require.ErrorIs(t, b.Sweeps.BumpCoin(ctx, wire.OutPoint{Index: 7}, rpc.FeeRate{PerKW: 9000}), rpc.ErrSweepNotFound)
	accounts, err := b.Accounts.ListAccounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"m/84'/0'/0'", "m/86'/0'/0'"}, []string{accounts[0].Path, accounts[1].Path})
	require.NotEmpty(t, accounts[0].PublicKey)
	reserve, err := b.Publisher.Reserve(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, btcutil.Amount(20_000), reserve)
}

func TestPSBTIsFundedSignedAndPublished(t *testing.T) {
	l := newAPILab(t, 1)
	ctx := t.Context()
	l.fund(0, 500_000)
	b := l.api[0]
	addr, err := b.Funds.NewAddress(ctx, lnrpc.AddressType_WITNESS_PUBKEY_HASH, "")
	require.NoError(t, err)
	f, err := b.PSBTs.FundPSBT(ctx, rpc.FundPSBT{Outputs: map[string]btcutil.Amount{addr: 70_000}, Fee: rpc.FeeRate{PerKW: lnwire.FeePerKWFloor}, MinConfs: 1})
	require.NoError(t, err)
	require.EqualValues(t, 1, f.Change)
	require.Len(t, f.Leases, 1)
	signed, err := b.PSBTs.SignPSBT(ctx, f.Packet)
	require.NoError(t, err)
	require.Equal(t, []uint32{0}, signed)
	tx, err := b.PSBTs.FinalizePSBT(ctx, f.Packet)
	require.NoError(t, err)
	require.NoError(t, b.Publisher.Publish(ctx, tx, "psbt"))
	require.Len(t, l.chain.Mempool(), 1)
}
