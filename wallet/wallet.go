package wallet

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	// ErrInsufficientFunds: the coins that may be spent do not reach; the wrapped text has both amounts.
	ErrInsufficientFunds = errors.New("insufficient funds")
	// ErrReserved: the coins would reach, but not without the reserve for anchor channels.
	ErrReserved = errors.New("reserved wallet balance invalidated")
	// ErrNotSynced: the chain backend is absent, or the wallet has not caught up with it yet.
	ErrNotSynced = errors.New("wallet is not synced to the chain")
	// ErrLeased: the coin is held by somebody else.
	ErrLeased = errors.New("output already locked")
	// ErrUnknownOutput: no such unspent coin of ours, or no such lease.
	ErrUnknownOutput = errors.New("unknown output")
	// ErrUnknownTx: the wallet has no such transaction.
	ErrUnknownTx = errors.New("transaction not found")
	// ErrLabelExists: the transaction has a label, and overwriting was not asked for.
	ErrLabelExists = errors.New("transaction already labelled")
	// ErrDust: an output is too small to be relayed.
	ErrDust = errors.New("output is dust")
)

// Chain is what the wallet wants of our own chain client.
type Chain interface {
	// Broadcast publishes tx; an error carries the backend's reason. Already known is success.
	Broadcast(ctx context.Context, tx *wire.MsgTx) error
	// EstimateFee is the rate that confirms within target blocks.
	EstimateFee(ctx context.Context, target uint32) (lnwire.FeePerKW, error)
}

// Config is where a wallet lives and what it hears the chain from.
type Config struct {
	Dir    string // of wallet.db; made where missing
	Params *chaincfg.Params
	Source Source // Bitcoind or Btcd
	Chain  Chain
	Log    *slog.Logger

	// RecoveryWindow is how many unused addresses in a row a restore looks beyond; 0 means DefaultRecoveryWindow for a restored seed.
	RecoveryWindow uint32
	// ReservePerChannel and ReserveMax bound what is kept for anchors' fees; zero values mean the defaults, negative none.
	ReservePerChannel, ReserveMax btcutil.Amount
}

// DefaultRecoveryWindow of a restore, in addresses.
const DefaultRecoveryWindow = 250

// Wallet is the node's on-chain money. It is safe for concurrent use.
type Wallet struct{}

// Open opens, or at the first call makes, the on-chain wallet of the seed. It does not wait for the chain: while the
// backend is absent the wallet keeps trying, and resumes by itself.
func Open(ctx context.Context, cfg Config, s *Seed) (*Wallet, error) { panic("not yet") }

// Close stops the wallet and waits for it.
func (w *Wallet) Close() error { panic("not yet") }

// Keys of the seed that the wallet was opened with.
func (w *Wallet) Keys() *Keys { panic("not yet") }

// Sync is how far the wallet has followed the chain.
type Sync struct {
	Synced     bool
	Recovering bool // a restore's rescan is under way
	Height     lnwire.Height
	Hash       chainhash.Hash
	Time       time.Time
	Target     lnwire.Height // the backend's height, 0 while it is absent
}

// Sync tells it without waiting.
func (w *Wallet) Sync() Sync { panic("not yet") }

// WaitSynced returns once the wallet has caught up with its backend.
func (w *Wallet) WaitSynced(ctx context.Context) error { panic("not yet") }

// AddressType is a kind of address that the wallet hands out.
type AddressType uint8

const (
	P2WPKH AddressType = iota + 1
	P2TR
)

// NewAddress is one that was never handed out before; change says that it is for change (BIP 44's internal branch).
func (w *Wallet) NewAddress(t AddressType, change bool) (string, error) { panic("not yet") }

// UnusedAddress is the last one handed out, unless it was paid to: then a new one.
func (w *Wallet) UnusedAddress(t AddressType) (string, error) { panic("not yet") }

// NewScript is the output script of a new P2TR change address, for closings and sweeps.
func (w *Wallet) NewScript() ([]byte, error) { panic("not yet") }

// Owns says whether the script pays to one of the wallet's addresses.
func (w *Wallet) Owns(script []byte) bool { panic("not yet") }

// Balance of the wallet. Total = Confirmed + Unconfirmed + Locked.
type Balance struct {
	Total, Confirmed, Unconfirmed btcutil.Amount
	Locked                        btcutil.Amount // leased coins
	ReservedAnchor                btcutil.Amount // part of the above that is kept for anchors' fees
}

// Balance counts coins of at least minConfs (0 or 1 mean the same) as confirmed.
func (w *Wallet) Balance(minConfs int32) (Balance, error) { panic("not yet") }

// Coin is an unspent output of the wallet.
type Coin struct {
	OutPoint wire.OutPoint
	Amount   btcutil.Amount
	Script   []byte
	Address  string
	Type     AddressType
	Confs    int32 // 0: unconfirmed
	Coinbase bool
}

// ListUnspent lists the coins of min to max confirmations that are not leased, by outpoint.
func (w *Wallet) ListUnspent(min, max int32) ([]Coin, error) { panic("not yet") }

// LockID names the holder of a lease.
type LockID [32]byte

// Lease is a coin that is kept from every selection until it expires.
type Lease struct {
	ID       LockID
	OutPoint wire.OutPoint
	Amount   btcutil.Amount
	Script   []byte
	Expiry   time.Time
}

// Lease holds the coin for d, or prolongs it for the same id: ErrLeased, ErrUnknownOutput. It survives restarts.
func (w *Wallet) Lease(id LockID, op wire.OutPoint, d time.Duration) (time.Time, error) {
	panic("not yet")
}

// Release ends a lease: ErrUnknownOutput where id has none on op.
func (w *Wallet) Release(id LockID, op wire.OutPoint) error { panic("not yet") }

// Leases lists those that have not expired.
func (w *Wallet) Leases() ([]Lease, error) { panic("not yet") }

// Selection is what a spend may use and what it pays. FeeRate, or else Target in blocks, or else a target of DefaultTarget.
type Selection struct {
	FeeRate      lnwire.FeePerKW
	Target       uint32
	MinConfs     int32           // 0 allows unconfirmed coins
	Coins        []wire.OutPoint // exactly these, all of them; none: the wallet chooses
	SpendReserve bool            // may use the reserve for anchors
}

// DefaultTarget in blocks of a send that names neither rate nor target.
const DefaultTarget = 6

// SendRequest is an ordinary payment. With All, Outputs has one output, whose amount is ignored: it takes everything.
type SendRequest struct {
	Outputs []wire.TxOut
	All     bool
	Label   string
	Selection
}

// Send chooses coins, signs and publishes: ErrInsufficientFunds, ErrReserved, ErrDust, or what the backend said.
func (w *Wallet) Send(ctx context.Context, r SendRequest) (*wire.MsgTx, error) { panic("not yet") }

// Quote is what a send would cost.
type Quote struct {
	Fee     btcutil.Amount
	FeeRate lnwire.FeePerKW
	Inputs  []wire.OutPoint
}

// Quote chooses coins as Send does, and leaves everything as it was.
func (w *Wallet) Quote(ctx context.Context, r SendRequest) (Quote, error) { panic("not yet") }

// FundRequest asks for a signed transaction that pays Amount (or, with All, everything less the fee) to Script.
type FundRequest struct {
	Script []byte
	Amount btcutil.Amount
	All    bool
	Max    btcutil.Amount // with All: no more than this; 0 means no limit
	Label  string
	Selection
}

// Funded is fully signed and not published. Its coins are leased for FundLease; publishing makes that moot.
type Funded struct {
	Tx          *wire.MsgTx
	OutputIndex uint32
	Amount      btcutil.Amount
	Fee         btcutil.Amount
	LeaseID     LockID
}

// FundLease is how long an opening holds its coins. (BOLT 2: "SHOULD forget the channel ... after 2016 blocks" is the peer's patience, not ours.)
const FundLease = 24 * time.Hour

// Fund chooses coins, leases them, and signs: two openings never share a coin. Inputs are segwit only, so that the txid is final.
func (w *Wallet) Fund(ctx context.Context, r FundRequest) (*Funded, error) { panic("not yet") }

// Unfund gives the coins of an opening that failed back. It must not be called once the transaction may be published.
func (w *Wallet) Unfund(f *Funded) error { panic("not yet") }

// PSBTRequest funds Packet (its inputs, when it has any, are used and no others), or a new one that pays Outputs.
type PSBTRequest struct {
	Packet  *psbt.Packet
	Outputs []wire.TxOut
	LockID  LockID // zero: the wallet's own
	Lease   time.Duration
	Selection
}

// FundedPSBT has inputs with their UTXO fields and leases on those of the wallet.
type FundedPSBT struct {
	Packet *psbt.Packet
	Change int32 // index of the change output, -1 for none
	Leases []Lease
}

// FundPSBT adds coins and change.
func (w *Wallet) FundPSBT(ctx context.Context, r PSBTRequest) (*FundedPSBT, error) { panic("not yet") }

// SignPSBT adds a partial signature to each input that is ours, and returns their indexes.
func (w *Wallet) SignPSBT(p *psbt.Packet) ([]uint32, error) { panic("not yet") }

// FinalizePSBT signs what is ours, completes every input, and returns the transaction.
func (w *Wallet) FinalizePSBT(p *psbt.Packet) (*wire.MsgTx, error) { panic("not yet") }

// Publish remembers tx under label (which may be empty), so that it is published again after restarts until it
// confirms, and broadcasts it. Where the backend refuses it, it is forgotten and the reason returned.
func (w *Wallet) Publish(ctx context.Context, tx *wire.MsgTx, label string) error { panic("not yet") }

// Tx is a transaction of the wallet.
type Tx struct {
	Tx     *wire.MsgTx
	Hash   chainhash.Hash
	Label  string
	Amount btcutil.Amount // to the wallet, negative when it paid
	Fee    btcutil.Amount // 0 unless all inputs are the wallet's
	Time   time.Time
	Confs  int32
	Height lnwire.Height // 0: unconfirmed
	Block  chainhash.Hash
	Ours   []TxOutput
	Spent  []wire.OutPoint // of the wallet's coins
}

// TxOutput tells of one output whether it pays the wallet.
type TxOutput struct {
	Address string // empty where the script has none
	Amount  btcutil.Amount
	Script  []byte
	Mine    bool
}

// Transactions lists those of heights from to to, both included, then (unless to is set) the unconfirmed ones.
func (w *Wallet) Transactions(from, to lnwire.Height) ([]Tx, error) { panic("not yet") }

// Transaction by its hash: ErrUnknownTx.
func (w *Wallet) Transaction(h chainhash.Hash) (Tx, error) { panic("not yet") }

// Label names a transaction of the wallet: ErrUnknownTx, ErrLabelExists.
func (w *Wallet) Label(h chainhash.Hash, label string, overwrite bool) error { panic("not yet") }

// Subscribe sends every new or newly confirmed transaction to the channel until ctx ends, which closes it.
func (w *Wallet) Subscribe(ctx context.Context) <-chan Tx { panic("not yet") }

// SetAnchorChannels tells how many anchor channels are open, for the reserve.
func (w *Wallet) SetAnchorChannels(n int) { panic("not yet") }

// Reserve is what would be kept with n anchor channels open.
func (w *Wallet) Reserve(n int) btcutil.Amount { panic("not yet") }
