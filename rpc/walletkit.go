package rpc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// walletKit serves walletrpc.WalletKit: coins, leases and transactions here, what comes home from channels and PSBTs in
// the neighbouring files.
type walletKit struct {
	walletrpc.UnimplementedWalletKitServer
	b *Backend
}

// defaultLease is LND's.
const defaultLease = 10 * time.Minute

// maxLease bounds what a client may ask for: a century, which a duration holds.
const maxLease = 100 * 365 * 24 * time.Hour

// ListUnspent implements walletrpc.WalletKitServer. Without limits it lists all, the unconfirmed ones too.
func (k *walletKit) ListUnspent(ctx context.Context, r *walletrpc.ListUnspentRequest) (*walletrpc.ListUnspentResponse, error) {
	all := &lnrpc.ListUnspentRequest{MinConfs: r.MinConfs, MaxConfs: r.MaxConfs, Account: r.Account}
	switch {
	case r.UnconfirmedOnly && (r.MinConfs != 0 || r.MaxConfs != 0):
		return nil, invalid("min_confs and max_confs must be zero if unconfirmed_only is true")
	case !r.UnconfirmedOnly && r.MinConfs == 0 && r.MaxConfs == 0:
		all.MaxConfs = math.MaxInt32
	}
	resp, err := walletCalls{k.b}.ListUnspent(ctx, all)
	if err != nil {
		return nil, err
	}
	return &walletrpc.ListUnspentResponse{Utxos: resp.Utxos}, nil
}

// LeaseOutput implements walletrpc.WalletKitServer.
func (k *walletKit) LeaseOutput(ctx context.Context, r *walletrpc.LeaseOutputRequest) (*walletrpc.LeaseOutputResponse, error) {
	id, op, err := parseLease(r.Id, r.Outpoint)
	if err != nil {
		return nil, err
	}
	d, err := parseLeaseTime(r.ExpirationSeconds)
	if err != nil {
		return nil, err
	}
	expiry, err := k.b.Leases.LeaseOutput(ctx, id, op, cmp.Or(d, defaultLease))
	if err != nil {
		return nil, err
	}
	return &walletrpc.LeaseOutputResponse{Expiration: uint64(expiry.Unix())}, nil
}

func parseLeaseTime(seconds uint64) (time.Duration, error) {
	if seconds > uint64(maxLease/time.Second) {
		return 0, invalid("a lease of %d seconds is too long", seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// parseLease reads who leases what.
func parseLease(raw []byte, out *lnrpc.OutPoint) (id [32]byte, op wire.OutPoint, err error) {
	if len(raw) != len(id) {
		return id, op, invalid("id must be 32 random bytes")
	}
	copy(id[:], raw)
	if id == ([32]byte{}) {
		return id, op, invalid("id must be 32 random bytes")
	}
	op, err = parseOutPoint(out)
	return id, op, err
}

func parseOutPoint(o *lnrpc.OutPoint) (op wire.OutPoint, err error) {
	if o == nil {
		return op, invalid("outpoint is missing")
	}
	ops, err := parseOutPoints([]*lnrpc.OutPoint{o})
	if err != nil {
		return op, err
	}
	return ops[0], nil
}

// ReleaseOutput implements walletrpc.WalletKitServer.
func (k *walletKit) ReleaseOutput(ctx context.Context, r *walletrpc.ReleaseOutputRequest) (*walletrpc.ReleaseOutputResponse, error) {
	id, op, err := parseLease(r.Id, r.Outpoint)
	if err != nil {
		return nil, err
	}
	if err := k.b.Leases.ReleaseOutput(ctx, id, op); err != nil {
		return nil, err
	}
	return &walletrpc.ReleaseOutputResponse{Status: fmt.Sprintf("output %v released", op)}, nil
}

// ListLeases implements walletrpc.WalletKitServer.
func (k *walletKit) ListLeases(ctx context.Context, _ *walletrpc.ListLeasesRequest) (*walletrpc.ListLeasesResponse, error) {
	leases, err := k.b.Leases.ListLeases(ctx)
	if err != nil {
		return nil, err
	}
	return &walletrpc.ListLeasesResponse{LockedUtxos: newLeases(leases)}, nil
}

func newLeases(leases []Lease) (out []*walletrpc.UtxoLease) {
	for _, l := range leases {
		out = append(out, &walletrpc.UtxoLease{
			Id: l.ID[:], Outpoint: newOutPoint(l.OutPoint), Expiration: uint64(l.Expiry.Unix()), PkScript: l.PkScript, Value: uint64(l.Amount),
		})
	}
	return out
}

// NextAddr implements walletrpc.WalletKitServer. Of no type it is P2WPKH, as in LND.
func (k *walletKit) NextAddr(ctx context.Context, r *walletrpc.AddrRequest) (*walletrpc.AddrResponse, error) {
	var kind lnrpc.AddressType
	switch r.Type {
	case walletrpc.AddressType_UNKNOWN, walletrpc.AddressType_WITNESS_PUBKEY_HASH:
		kind = lnrpc.AddressType_WITNESS_PUBKEY_HASH
	case walletrpc.AddressType_NESTED_WITNESS_PUBKEY_HASH:
		kind = lnrpc.AddressType_NESTED_PUBKEY_HASH
	case walletrpc.AddressType_TAPROOT_PUBKEY:
		kind = lnrpc.AddressType_TAPROOT_PUBKEY
	default:
		return nil, invalid("invalid address type for next address: %v", r.Type)
	}
	addr, err := k.b.Accounts.NextAddress(ctx, kind, r.Account, r.Change)
	if err != nil {
		return nil, err
	}
	return &walletrpc.AddrResponse{Addr: addr}, nil
}

// ListAccounts implements walletrpc.WalletKitServer.
func (k *walletKit) ListAccounts(ctx context.Context, r *walletrpc.ListAccountsRequest) (*walletrpc.ListAccountsResponse, error) {
	accounts, err := k.b.Accounts.ListAccounts(ctx)
	if err != nil {
		return nil, err
	}
	resp := &walletrpc.ListAccountsResponse{}
	for _, a := range accounts {
		if r.Name != "" && r.Name != a.Name || r.AddressType != walletrpc.AddressType_UNKNOWN && r.AddressType != a.Kind {
			continue
		}
		resp.Accounts = append(resp.Accounts, &walletrpc.Account{
			Name: a.Name, AddressType: a.Kind, ExtendedPublicKey: a.PublicKey, DerivationPath: a.Path,
			MasterKeyFingerprint: binary.BigEndian.AppendUint32(nil, a.Fingerprint),
			ExternalKeyCount:     a.External, InternalKeyCount: a.Internal,
		})
	}
	if r.Name != "" && len(resp.Accounts) == 0 {
		return nil, invalid("account %q not found", r.Name)
	}
	return resp, nil
}

// EstimateFee implements walletrpc.WalletKitServer.
func (k *walletKit) EstimateFee(ctx context.Context, r *walletrpc.EstimateFeeRequest) (*walletrpc.EstimateFeeResponse, error) {
	if r.ConfTarget < 2 {
		return nil, invalid("confirmation target must be greater than 1")
	}
	rate, err := k.b.Publisher.FeePerKW(ctx, uint32(r.ConfTarget))
	if err != nil {
		return nil, err
	}
	return &walletrpc.EstimateFeeResponse{SatPerKw: int64(rate), MinRelayFeeSatPerKw: int64(lnwire.FeePerKWFloor)}, nil
}

// RequiredReserve implements walletrpc.WalletKitServer.
func (k *walletKit) RequiredReserve(ctx context.Context, r *walletrpc.RequiredReserveRequest) (*walletrpc.RequiredReserveResponse, error) {
	amount, err := k.b.Publisher.Reserve(ctx, r.AdditionalPublicChannels)
	if err != nil {
		return nil, err
	}
	return &walletrpc.RequiredReserveResponse{RequiredReserve: int64(amount)}, nil
}

// GetTransaction implements walletrpc.WalletKitServer.
func (k *walletKit) GetTransaction(ctx context.Context, r *walletrpc.GetTransactionRequest) (*lnrpc.Transaction, error) {
	txid, err := parseTxid(r.Txid)
	if err != nil {
		return nil, err
	}
	t, err := k.b.Publisher.Transaction(ctx, txid)
	if err != nil {
		return nil, err
	}
	return newTransaction(t)
}

// LabelTransaction implements walletrpc.WalletKitServer.
func (k *walletKit) LabelTransaction(ctx context.Context, r *walletrpc.LabelTransactionRequest) (*walletrpc.LabelTransactionResponse, error) {
	txid, err := chainhash.NewHash(r.Txid)
	switch {
	case err != nil:
		return nil, invalid("invalid txid: %v", err)
	case r.Label == "":
		return nil, invalid("cannot label transaction with empty label")
	}
	if err := k.b.Publisher.Label(ctx, *txid, r.Label, r.Overwrite); err != nil {
		return nil, err
	}
	return &walletrpc.LabelTransactionResponse{Status: fmt.Sprintf("transaction label '%s' added", r.Label)}, nil
}

// PublishTransaction implements walletrpc.WalletKitServer.
func (k *walletKit) PublishTransaction(ctx context.Context, r *walletrpc.Transaction) (*walletrpc.PublishResponse, error) {
	tx, err := parseTx(r.TxHex)
	if err != nil {
		return nil, err
	}
	if err := k.b.Publisher.Publish(ctx, tx, r.Label); err != nil {
		return nil, err
	}
	return &walletrpc.PublishResponse{}, nil
}

// parseTx reads a transaction and nothing after it.
func parseTx(raw []byte) (*wire.MsgTx, error) {
	if len(raw) == 0 {
		return nil, invalid("must provide a transaction to publish")
	}
	tx, in := new(wire.MsgTx), bytes.NewReader(raw)
	if err := tx.Deserialize(in); err != nil {
		return nil, invalid("cannot read the transaction: %v", err)
	}
	if in.Len() > 0 {
		return nil, invalid("%d bytes follow the transaction", in.Len())
	}
	return tx, nil
}

func serializeTx(tx *wire.MsgTx) ([]byte, error) {
	var b bytes.Buffer
	err := tx.Serialize(&b)
	return b.Bytes(), err
}

// SendOutputs implements walletrpc.WalletKitServer.
func (k *walletKit) SendOutputs(ctx context.Context, r *walletrpc.SendOutputsRequest) (*walletrpc.SendOutputsResponse, error) {
	if len(r.Outputs) == 0 {
		return nil, invalid("must specify at least one output to create")
	}
	minConfs, err := parseMinConfs(r.MinConfs, r.SpendUnconfirmed)
	if err != nil {
		return nil, err
	}
	rate, err := parsePerKW(r.SatPerKw)
	if err != nil {
		return nil, err
	}
	send := SendOutputs{PerKW: rate, MinConfs: minConfs, Label: r.Label, Strategy: r.CoinSelectionStrategy}
	for _, o := range r.Outputs {
		amount, err := parseSatoshis("value", o.GetValue())
		if err != nil {
			return nil, err
		}
		send.Outputs = append(send.Outputs, wire.TxOut{Value: int64(amount), PkScript: slices.Clone(o.GetPkScript())})
	}
	tx, err := k.b.Publisher.SendOutputs(ctx, send)
	if err != nil {
		return nil, err
	}
	raw, err := serializeTx(tx)
	return &walletrpc.SendOutputsResponse{RawTx: raw}, err
}

// parsePerKW reads a rate per 1000 weight units; 0 leaves the choice to the node.
func parsePerKW(rate int64) (lnwire.FeePerKW, error) {
	const most = maxSatPerVByte * 1000 / 4
	switch {
	case rate < 0 || rate > most:
		return 0, invalid("fee rate of %d sat/kw is not within 0 and %d", rate, most)
	case rate == 0:
		return 0, nil
	}
	return max(lnwire.FeePerKW(rate), lnwire.FeePerKWFloor), nil
}
