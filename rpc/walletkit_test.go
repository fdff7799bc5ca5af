package rpc_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/signrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// fakeKit implements what rpc.Backend has for WalletKit.
type fakeKit struct {
	pending []rpc.PendingSweep
	swept   []rpc.Transaction
	leases  []rpc.Lease
	err     error

	fee       rpc.FeeRate
	bumped    string
	lease     time.Duration
	query     rpc.TransactionQuery
	send      rpc.SendOutputs
	published *wire.MsgTx
	label     string
	fund      rpc.FundPSBT
	address   lnrpc.AddressType
}

func (k *fakeKit) PendingSweeps(context.Context) ([]rpc.PendingSweep, error) { return k.pending, nil }

func (k *fakeKit) Swept(_ context.Context, q rpc.TransactionQuery) ([]rpc.Transaction, error) {
	k.query = q
	return k.swept, nil
}

func (k *fakeKit) BumpSweep(_ context.Context, op wire.OutPoint, fee rpc.FeeRate) error {
	k.bumped, k.fee = "sweep", fee
	if op.Index != 0 {
		return rpc.ErrSweepNotFound
	}
	return nil
}

func (k *fakeKit) BumpCoin(_ context.Context, op wire.OutPoint, fee rpc.FeeRate) error {
	k.bumped, k.fee = "coin", fee
	if op.Index > 1 {
		return rpc.ErrSweepNotFound
	}
	return nil
}

func (k *fakeKit) BumpForceClose(_ context.Context, _ wire.OutPoint, fee rpc.FeeRate) error {
	k.bumped, k.fee = "anchor", fee
	return k.err
}

func (k *fakeKit) LeaseOutput(_ context.Context, id [32]byte, op wire.OutPoint, d time.Duration) (time.Time, error) {
	k.lease = d
	k.leases = append(k.leases, rpc.Lease{ID: id, OutPoint: op, Amount: 5, Expiry: time.Unix(1000, 0)})
	return time.Unix(1000, 0), k.err
}

func (k *fakeKit) ReleaseOutput(context.Context, [32]byte, wire.OutPoint) error { return k.err }
func (k *fakeKit) ListLeases(context.Context) ([]rpc.Lease, error)              { return k.leases, nil }

func (k *fakeKit) SendOutputs(_ context.Context, r rpc.SendOutputs) (*wire.MsgTx, error) {
	k.send = r
	return aTransaction(), k.err
}

func (k *fakeKit) Publish(_ context.Context, tx *wire.MsgTx, label string) error {
	k.published, k.label = tx, label
	return k.err
}

func (k *fakeKit) Label(_ context.Context, _ chainhash.Hash, label string, _ bool) error {
	k.label = label
	return k.err
}

func (k *fakeKit) Transaction(context.Context, chainhash.Hash) (rpc.Transaction, error) {
	return rpc.Transaction{Tx: aTransaction(), Label: "x"}, k.err
}

func (k *fakeKit) FeePerKW(context.Context, uint32) (lnwire.FeePerKW, error) { return 1234, nil }
func (k *fakeKit) Reserve(_ context.Context, more uint32) (btcutil.Amount, error) {
	return btcutil.Amount(more) * 10, nil
}
func (k *fakeKit) SignPSBT(_ context.Context, _ *psbt.Packet) ([]uint32, error) {
	return []uint32{0}, k.err
}
func (k *fakeKit) FinalizePSBT(context.Context, *psbt.Packet) (*wire.MsgTx, error) {
	return aTransaction(), k.err
}

func (k *fakeKit) FundPSBT(_ context.Context, r rpc.FundPSBT) (rpc.FundedPSBT, error) {
	k.fund = r
	p, err := psbt.NewFromUnsignedTx(aTransaction())
	return rpc.FundedPSBT{Packet: p, Change: -1, Leases: []rpc.Lease{{ID: [32]byte{7}, Amount: 9}}}, err
}

func (k *fakeKit) NextAddress(_ context.Context, kind lnrpc.AddressType, _ string, change bool) (string, error) {
	k.address = kind
	if change {
		return "change", nil
	}
	return "receive", nil
}

func (k *fakeKit) ListAccounts(context.Context) ([]rpc.Account, error) {
	return []rpc.Account{
		{Name: "default", Kind: walletrpc.AddressType_WITNESS_PUBKEY_HASH, Fingerprint: 0x01020304},
		{Name: "default", Kind: walletrpc.AddressType_TAPROOT_PUBKEY},
	}, nil
}

func aTransaction() *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 4}})
	tx.AddTxOut(&wire.TxOut{Value: 5000, PkScript: append([]byte{0, 20}, make([]byte, 20)...)})
	return tx
}

func bytesOf(t testing.TB, tx *wire.MsgTx) []byte {
	var b bytes.Buffer
	require.NoError(t, tx.Serialize(&b))
	return b.Bytes()
}

func outPoint(index uint32) *lnrpc.OutPoint {
	return &lnrpc.OutPoint{TxidBytes: bytes.Repeat([]byte{3}, 32), OutputIndex: index}
}

func TestPendingSweepsAreShownInLNDsUnits(t *testing.T) {
	f := running(t)
	f.node.kit.pending = []rpc.PendingSweep{
		{Witness: walletrpc.WitnessType_COMMITMENT_ANCHOR, Amount: 330, Sent: true, PerKW: 2500, Asked: 500, Budget: 9, Deadline: 8, Maturity: 7},
		{Amount: 1 << 40},
	}
	resp, err := f.dial(client.ReadOnly).WalletKit.PendingSweeps(f.ctx, &walletrpc.PendingSweepsRequest{})
	require.NoError(t, err)
	p := resp.PendingSweeps[0]
	require.Equal(t, []uint64{10, 2, 9}, []uint64{p.SatPerVbyte, p.RequestedSatPerVbyte, p.Budget})
	require.Equal(t, []uint32{330, 1, 8, 7}, []uint32{p.AmountSat, p.BroadcastAttempts, p.DeadlineHeight, p.MaturityHeight})
	require.EqualValues(t, 1<<32-1, resp.PendingSweeps[1].AmountSat)
	code, body := f.rest(client.ReadOnly).json("GET", "/v2/wallet/sweeps/pending", "")
	require.Equal(t, http.StatusOK, code)
	require.Len(t, body["pending_sweeps"], 2)
}

func TestSweepsAreListedFromAHeight(t *testing.T) {
	f := running(t)
	f.node.kit.swept = []rpc.Transaction{{Tx: aTransaction()}}
	c := f.dial(client.ReadOnly).WalletKit
	resp, err := c.ListSweeps(f.ctx, &walletrpc.ListSweepsRequest{StartHeight: 5})
	require.NoError(t, err)
	require.Equal(t, []string{aTransaction().TxHash().String()}, resp.GetTransactionIds().TransactionIds)
	require.Equal(t, lnwire.Height(5), f.node.kit.query.From)
	resp, err = c.ListSweeps(f.ctx, &walletrpc.ListSweepsRequest{StartHeight: -1, Verbose: true})
	require.NoError(t, err)
	require.Len(t, resp.GetTransactionDetails().Transactions, 1)
	require.Equal(t, lnwire.Height(1<<32-1), f.node.kit.query.From)
	_, err = c.ListSweeps(f.ctx, &walletrpc.ListSweepsRequest{StartHeight: -2})
	refused(t, err, codes.Unknown, "start_height")
}

func TestBumpFeeTriesTheSweeperAndThenTheCoins(t *testing.T) {
	f := running(t)
	c, kit := f.dial(client.Admin).WalletKit, &f.node.kit
	resp, err := c.BumpFee(f.ctx, &walletrpc.BumpFeeRequest{Outpoint: outPoint(0), SatPerVbyte: 4})
	require.NoError(t, err)
	require.Contains(t, resp.Status, "rbf")
	require.Equal(t, rpc.FeeRate{PerKW: 1000}, kit.fee)
	resp, err = c.BumpFee(f.ctx, &walletrpc.BumpFeeRequest{Outpoint: outPoint(1), DeadlineDelta: 3})
	require.NoError(t, err)
	require.Contains(t, resp.Status, "CPFP")
	require.Equal(t, rpc.FeeRate{Target: 3}, kit.fee)
	require.Equal(t, "coin", kit.bumped)
	_, err = c.BumpFee(f.ctx, &walletrpc.BumpFeeRequest{Outpoint: outPoint(2)})
	refused(t, err, codes.Unknown, "neither pending in the sweeper")
	_, err = c.BumpForceCloseFee(f.ctx, &walletrpc.BumpForceCloseFeeRequest{StartingFeerate: 8,
		ChanPoint: &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidBytes{FundingTxidBytes: make([]byte, 32)}}})
	require.NoError(t, err)
	require.Equal(t, "anchor", kit.bumped)
	for want, r := range map[string]*walletrpc.BumpFeeRequest{
		"outpoint is missing":                  {},
		"budgets are not supported":            {Outpoint: outPoint(0), Budget: 1},
		"either fee rate or conf target":       {Outpoint: outPoint(0), TargetConf: 2, SatPerVbyte: 2},
		"either target_conf or deadline_delta": {Outpoint: outPoint(0), TargetConf: 2, DeadlineDelta: 3},
	} {
		_, err := c.BumpFee(f.ctx, r)
		require.ErrorContains(t, err, want)
	}
}

func TestLeasesNeedAnIDOfTheirOwn(t *testing.T) {
	f := running(t)
	c, id := f.dial(client.Admin).WalletKit, bytes.Repeat([]byte{1}, 32)
	resp, err := c.LeaseOutput(f.ctx, &walletrpc.LeaseOutputRequest{Id: id, Outpoint: outPoint(0)})
	require.NoError(t, err)
	require.EqualValues(t, 1000, resp.Expiration)
	require.Equal(t, 10*time.Minute, f.node.kit.lease)
	list, err := c.ListLeases(f.ctx, &walletrpc.ListLeasesRequest{})
	require.NoError(t, err)
	require.Equal(t, id, list.LockedUtxos[0].Id)
	_, err = c.ReleaseOutput(f.ctx, &walletrpc.ReleaseOutputRequest{Id: id, Outpoint: outPoint(0)})
	require.NoError(t, err)
	const century = 100 * 365 * 24 * 3600
	_, err = c.LeaseOutput(f.ctx, &walletrpc.LeaseOutputRequest{Id: id, Outpoint: outPoint(0), ExpirationSeconds: century})
	require.NoError(t, err)
	_, err = c.LeaseOutput(f.ctx, &walletrpc.LeaseOutputRequest{Id: id, Outpoint: outPoint(0), ExpirationSeconds: century + 1})
	refused(t, err, codes.Unknown, "too long")
	for _, bad := range [][]byte{nil, make([]byte, 31), make([]byte, 32), make([]byte, 33)} {
		_, err = c.LeaseOutput(f.ctx, &walletrpc.LeaseOutputRequest{Id: bad, Outpoint: outPoint(0)})
		refused(t, err, codes.Unknown, "id must be 32 random bytes")
	}
}

func TestTransactionsArePublishedWhole(t *testing.T) {
	f := running(t)
	c, raw := f.dial(client.Admin).WalletKit, bytesOf(t, aTransaction())
	_, err := c.PublishTransaction(f.ctx, &walletrpc.Transaction{TxHex: raw, Label: "mine"})
	require.NoError(t, err)
	require.Equal(t, aTransaction().TxHash(), f.node.kit.published.TxHash())
	for want, bad := range map[string][]byte{
		"must provide a transaction":     nil,
		"cannot read the transaction":    raw[:len(raw)-1],
		"1 bytes follow the transaction": append(bytes.Clone(raw), 0),
	} {
		_, err := c.PublishTransaction(f.ctx, &walletrpc.Transaction{TxHex: bad})
		refused(t, err, codes.Unknown, want)
	}
	_, err = c.LabelTransaction(f.ctx, &walletrpc.LabelTransactionRequest{Txid: make([]byte, 32), Label: "rent"})
	require.NoError(t, err)
	_, err = c.LabelTransaction(f.ctx, &walletrpc.LabelTransactionRequest{Txid: make([]byte, 32)})
	refused(t, err, codes.Unknown, "empty label")
	_, err = c.LabelTransaction(f.ctx, &walletrpc.LabelTransactionRequest{Txid: make([]byte, 31), Label: "rent"})
	refused(t, err, codes.Unknown, "invalid txid")
	got, err := c.GetTransaction(f.ctx, &walletrpc.GetTransactionRequest{Txid: aTransaction().TxHash().String()})
	require.NoError(t, err)
	require.Equal(t, "x", got.Label)

	sent, err := c.SendOutputs(f.ctx, &walletrpc.SendOutputsRequest{SatPerKw: 1, Outputs: []*signrpc.TxOut{{Value: 7, PkScript: []byte{1}}}})
	require.NoError(t, err)
	require.Equal(t, raw, sent.RawTx)
	require.Equal(t, rpc.SendOutputs{Outputs: []wire.TxOut{{Value: 7, PkScript: []byte{1}}}, PerKW: lnwire.FeePerKWFloor, MinConfs: 1}, f.node.kit.send)
	_, err = c.SendOutputs(f.ctx, &walletrpc.SendOutputsRequest{})
	refused(t, err, codes.Unknown, "at least one output")
	_, err = c.SendOutputs(f.ctx, &walletrpc.SendOutputsRequest{SatPerKw: 25_000_001, Outputs: []*signrpc.TxOut{{Value: 7}}})
	refused(t, err, codes.Unknown, "is not within 0 and 25000000")
}

func TestPSBTsAreFundedSignedAndFinalized(t *testing.T) {
	f := running(t)
	c, kit := f.dial(client.Admin).WalletKit, &f.node.kit
	raw := &walletrpc.FundPsbtRequest_Raw{Raw: &walletrpc.TxTemplate{Outputs: map[string]uint64{"addr": 1000}, Inputs: []*lnrpc.OutPoint{outPoint(1)}}}
	funded, err := c.FundPsbt(f.ctx, &walletrpc.FundPsbtRequest{Template: raw, LockExpirationSeconds: 60, CustomLockId: bytes.Repeat([]byte{9}, 32),
		Fees: &walletrpc.FundPsbtRequest_SatPerVbyte{SatPerVbyte: 2}})
	require.NoError(t, err)
	require.EqualValues(t, -1, funded.ChangeOutputIndex)
	require.Len(t, funded.LockedUtxos, 1)
	require.Equal(t, rpc.FeeRate{PerKW: 500}, kit.fund.Fee)
	require.Equal(t, time.Minute, kit.fund.Lease)
	require.Equal(t, btcutil.Amount(1000), kit.fund.Outputs["addr"])
	require.EqualValues(t, 1, kit.fund.Inputs[0].Index)
	_, err = c.FundPsbt(f.ctx, &walletrpc.FundPsbtRequest{Template: &walletrpc.FundPsbtRequest_Psbt{Psbt: funded.FundedPsbt},
		Fees: &walletrpc.FundPsbtRequest_TargetConf{TargetConf: 3}})
	require.NoError(t, err)
	require.NotNil(t, kit.fund.Packet)
	signed, err := c.SignPsbt(f.ctx, &walletrpc.SignPsbtRequest{FundedPsbt: funded.FundedPsbt})
	require.NoError(t, err)
	require.Equal(t, []uint32{0}, signed.SignedInputs)
	final, err := c.FinalizePsbt(f.ctx, &walletrpc.FinalizePsbtRequest{FundedPsbt: signed.SignedPsbt})
	require.NoError(t, err)
	require.Equal(t, bytesOf(t, aTransaction()), final.RawFinalTx)

	fee := &walletrpc.FundPsbtRequest_SatPerKw{SatPerKw: 1000}
	for want, r := range map[string]*walletrpc.FundPsbtRequest{
		"transaction template missing":    {Fees: fee},
		"fee definition missing":          {Template: raw},
		"error parsing PSBT":              {Fees: fee, Template: &walletrpc.FundPsbtRequest_Psbt{Psbt: []byte("psbt")}},
		"max_fee_ratio":                   {Fees: fee, Template: raw, MaxFeeRatio: 0.5},
		"coin_select":                     {Fees: fee, Template: &walletrpc.FundPsbtRequest_CoinSelect{CoinSelect: &walletrpc.PsbtCoinSelect{}}},
		"custom lock ID must be exactly":  {Fees: fee, Template: raw, CustomLockId: make([]byte, 31)},
		`account "x" not found`:           {Fees: fee, Template: raw, Account: "x"},
		"target_conf of 1009":             {Template: raw, Fees: &walletrpc.FundPsbtRequest_TargetConf{TargetConf: 1009}},
		"the template has no outputs":     {Fees: fee, Template: &walletrpc.FundPsbtRequest_Raw{Raw: &walletrpc.TxTemplate{}}},
		"is no amount":                    {Fees: fee, Template: &walletrpc.FundPsbtRequest_Raw{Raw: &walletrpc.TxTemplate{Outputs: map[string]uint64{"a": 1 << 63}}}},
		"fee rate of 4611686018427387904": {Template: raw, Fees: &walletrpc.FundPsbtRequest_SatPerKw{SatPerKw: 1 << 63}},
	} {
		_, err := c.FundPsbt(f.ctx, r)
		require.ErrorContains(t, err, want)
	}
}

func TestWalletKitListsCoinsAddressesAndAccounts(t *testing.T) {
	f := running(t)
	f.node.utxos = []rpc.UTXO{{Confirmations: 0, Amount: 1}, {Confirmations: 3, Amount: 2}}
	c := f.dial(client.ReadOnly).WalletKit
	count := func(r *walletrpc.ListUnspentRequest) int {
		resp, err := c.ListUnspent(f.ctx, r)
		require.NoError(t, err)
		return len(resp.Utxos)
	}
	require.Equal(t, 2, count(&walletrpc.ListUnspentRequest{}))
	require.Equal(t, 1, count(&walletrpc.ListUnspentRequest{UnconfirmedOnly: true}))
	require.Equal(t, 1, count(&walletrpc.ListUnspentRequest{MinConfs: 1}))
	_, err := c.ListUnspent(f.ctx, &walletrpc.ListUnspentRequest{UnconfirmedOnly: true, MinConfs: 1})
	refused(t, err, codes.Unknown, "must be zero if unconfirmed_only is true")

	addr, err := c.NextAddr(f.ctx, &walletrpc.AddrRequest{Type: walletrpc.AddressType_TAPROOT_PUBKEY, Change: true})
	require.NoError(t, err)
	require.Equal(t, "change", addr.Addr)
	require.Equal(t, lnrpc.AddressType_TAPROOT_PUBKEY, f.node.kit.address)
	_, err = c.NextAddr(f.ctx, &walletrpc.AddrRequest{Type: walletrpc.AddressType_HYBRID_NESTED_WITNESS_PUBKEY_HASH})
	refused(t, err, codes.Unknown, "invalid address type")

	all, err := c.ListAccounts(f.ctx, &walletrpc.ListAccountsRequest{})
	require.NoError(t, err)
	require.Len(t, all.Accounts, 2)
	require.Equal(t, []byte{1, 2, 3, 4}, all.Accounts[0].MasterKeyFingerprint)
	one, err := c.ListAccounts(f.ctx, &walletrpc.ListAccountsRequest{AddressType: walletrpc.AddressType_TAPROOT_PUBKEY})
	require.NoError(t, err)
	require.Len(t, one.Accounts, 1)
	_, err = c.ListAccounts(f.ctx, &walletrpc.ListAccountsRequest{Name: "other"})
	refused(t, err, codes.Unknown, "not found")

	fee, err := c.EstimateFee(f.ctx, &walletrpc.EstimateFeeRequest{ConfTarget: 2})
	require.NoError(t, err)
	require.EqualValues(t, 1234, fee.SatPerKw)
	require.EqualValues(t, lnwire.FeePerKWFloor, fee.MinRelayFeeSatPerKw)
	_, err = c.EstimateFee(f.ctx, &walletrpc.EstimateFeeRequest{ConfTarget: 1})
	refused(t, err, codes.Unknown, "must be greater than 1")
	reserve, err := c.RequiredReserve(f.ctx, &walletrpc.RequiredReserveRequest{AdditionalPublicChannels: 2})
	require.NoError(t, err)
	require.EqualValues(t, 20, reserve.RequiredReserve)
}
