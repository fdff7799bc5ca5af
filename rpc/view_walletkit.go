package rpc

import (
	"context"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
)

// Sweeps shows and hurries what comes home from closed channels.
type Sweeps interface {
	PendingSweeps(ctx context.Context) ([]PendingSweep, error)
	// Swept lists the transactions of sweeps as Funds.Transactions lists all.
	Swept(ctx context.Context, q TransactionQuery) ([]Transaction, error)
	// BumpSweep raises the fee of the claim of an output to at least fee. ErrSweepNotFound.
	BumpSweep(ctx context.Context, op wire.OutPoint, fee FeeRate) error
	// BumpCoin spends an unconfirmed coin of the wallet to the wallet, so that its transaction is worth mining.
	// ErrSweepNotFound where it is none.
	BumpCoin(ctx context.Context, op wire.OutPoint, fee FeeRate) error
	// BumpForceClose raises the fee of a commitment that waits to be mined, by its anchor. ErrSweepNotFound.
	BumpForceClose(ctx context.Context, point wire.OutPoint, fee FeeRate) error
}

// Leases keeps coins from being chosen.
type Leases interface {
	LeaseOutput(ctx context.Context, id [32]byte, op wire.OutPoint, d time.Duration) (expiry time.Time, err error)
	ReleaseOutput(ctx context.Context, id [32]byte, op wire.OutPoint) error
	ListLeases(ctx context.Context) ([]Lease, error)
}

// Publisher makes transactions, sends them out and names them.
type Publisher interface {
	// SendOutputs pays to several scripts at once.
	SendOutputs(ctx context.Context, r SendOutputs) (*wire.MsgTx, error)
	Publish(ctx context.Context, tx *wire.MsgTx, label string) error
	Label(ctx context.Context, txid chainhash.Hash, label string, overwrite bool) error
	Transaction(ctx context.Context, txid chainhash.Hash) (Transaction, error)
	// FeePerKW is the estimate for a target in blocks.
	FeePerKW(ctx context.Context, target uint32) (lnwire.FeePerKW, error)
	// Reserve is what would have to stay in the wallet with so many more anchor channels.
	Reserve(ctx context.Context, more uint32) (btcutil.Amount, error)
}

// PSBTs is the wallet's part of transactions that others make with it.
type PSBTs interface {
	FundPSBT(ctx context.Context, r FundPSBT) (FundedPSBT, error)
	// SignPSBT adds signatures to p and tells to which inputs.
	SignPSBT(ctx context.Context, p *psbt.Packet) (signed []uint32, err error)
	// FinalizePSBT signs and completes p, and returns its transaction, which it does not publish.
	FinalizePSBT(ctx context.Context, p *psbt.Packet) (*wire.MsgTx, error)
}

// Accounts are the wallet's addresses by their derivation.
type Accounts interface {
	NextAddress(ctx context.Context, kind lnrpc.AddressType, account string, change bool) (string, error)
	ListAccounts(ctx context.Context) ([]Account, error)
}

// PendingSweep is an output that is claimed, or waits to be.
type PendingSweep struct {
	OutPoint wire.OutPoint
	Witness  walletrpc.WitnessType
	Amount   btcutil.Amount
	Sent     bool            // its sweep has been published
	PerKW    lnwire.FeePerKW // of the sweep
	Asked    lnwire.FeePerKW // by BumpFee
	Budget   btcutil.Amount  // the most that the sweep may cost
	Deadline lnwire.Height   // 0: none
	Maturity lnwire.Height   // the sweep may be published from here on
}

// Lease is a coin that is kept from being chosen.
type Lease struct {
	ID       [32]byte
	OutPoint wire.OutPoint
	Amount   btcutil.Amount
	PkScript []byte
	Expiry   time.Time
}

// SendOutputs pays Outputs.
type SendOutputs struct {
	Outputs  []wire.TxOut
	PerKW    lnwire.FeePerKW
	MinConfs int32
	Label    string
	Strategy lnrpc.CoinSelectionStrategy
}

// FundPSBT asks for coins and change for a Packet, or for Outputs by address that Inputs pay for, all of them, or whatever
// the wallet chooses where there are none.
type FundPSBT struct {
	Packet   *psbt.Packet
	Inputs   []wire.OutPoint
	Outputs  map[string]btcutil.Amount
	Fee      FeeRate
	MinConfs int32
	Strategy lnrpc.CoinSelectionStrategy
	LockID   [32]byte      // zero: a new one
	Lease    time.Duration // 0: the wallet's own choice
}

// FundedPSBT answers a FundPSBT.
type FundedPSBT struct {
	Packet *psbt.Packet
	Change int32 // index of the change output, -1 for none
	Leases []Lease
}

// Account is one derivation of keys.
type Account struct {
	Name               string
	Kind               walletrpc.AddressType
	PublicKey          string // extended, base58
	Fingerprint        uint32 // of the master key, its four bytes in the order of BIP 32
	Path               string
	External, Internal uint32 // keys handed out
}
