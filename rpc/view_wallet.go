package rpc

import (
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// GenSeed asks for a seed. Entropy is empty, or what to use instead of fresh randomness.
type GenSeed struct {
	Passphrase []byte
	Entropy    []byte
}

// Seed is the words of a new wallet and, where the scheme has one, its enciphered form.
type Seed struct {
	Mnemonic   []string
	Enciphered []byte
}

// InitWallet makes a wallet of a seed.
type InitWallet struct {
	Password       []byte
	Mnemonic       []string
	Passphrase     []byte
	RecoveryWindow int32  // addresses to look ahead; 0: the seed was never used
	RootKey        []byte // empty, or the macaroon root key to adopt (32 bytes)
}

// UnlockWallet opens the wallet.
type UnlockWallet struct {
	Password       []byte
	RecoveryWindow int32
}

// ChangePassword opens the wallet with Current and locks it with New from now on.
type ChangePassword struct {
	Current, New []byte
	NewRootKey   bool // makes every macaroon so far invalid
}

// NodeInfo is the node at a glance.
type NodeInfo struct {
	ID        lnwire.PubKey
	Alias     string
	Color     string   // #rrggbb
	Addresses []string // announced, host:port
	Features  lnwire.FeatureVector

	Height    lnwire.Height
	BlockHash chainhash.Hash
	BlockTime time.Time

	SyncedToChain bool
	SyncedToGraph bool
	WalletSynced  bool

	Peers            uint32
	PendingChannels  uint32
	ActiveChannels   uint32
	InactiveChannels uint32
}

// WalletBalance sums the outputs of one account, or of all.
type WalletBalance struct {
	Confirmed   btcutil.Amount
	Unconfirmed btcutil.Amount
	Locked      btcutil.Amount // leased, part of neither of the former
	Reserved    btcutil.Amount // kept for anchors
	Accounts    map[string]AccountBalance
}

// AccountBalance is one account's share.
type AccountBalance struct{ Confirmed, Unconfirmed btcutil.Amount }

// UnspentQuery asks for outputs with MinConfs to MaxConfs confirmations, both included.
type UnspentQuery struct {
	MinConfs, MaxConfs int32
	Account            string // empty: all
}

// UTXO is an unspent output of the wallet.
type UTXO struct {
	OutPoint      wire.OutPoint
	Amount        btcutil.Amount
	PkScript      []byte
	Address       string
	Kind          lnrpc.AddressType
	Confirmations int64
}

// TransactionQuery asks for transactions confirmed at From to To, both included, and with Unconfirmed also for those
// that are not yet.
type TransactionQuery struct {
	From, To    lnwire.Height
	Unconfirmed bool
	Account     string
}

// Transaction pays to or from the wallet.
type Transaction struct {
	Tx            *wire.MsgTx
	Amount        btcutil.Amount // net change of the balance
	Fee           btcutil.Amount // where we paid it
	Confirmations int32
	BlockHash     chainhash.Hash
	Height        lnwire.Height // 0: unconfirmed
	Time          time.Time
	Label         string
	Outputs       []TransactionOutput
	OurInputs     []bool // by input
}

// TransactionOutput explains an output of a Transaction.
type TransactionOutput struct {
	Kind    lnrpc.OutputScriptType
	Address string
	Ours    bool
}

// FeeRate is either a rate or a confirmation target; both zero leave the choice to the node.
type FeeRate struct {
	PerKW  lnwire.FeePerKW
	Target uint32 // blocks
}

// SendCoins pays to one address.
type SendCoins struct {
	Address          string
	Amount           btcutil.Amount // 0 with All
	All              bool
	Fee              FeeRate
	MinConfs         int32
	SpendUnconfirmed bool
	Label            string
	Strategy         lnrpc.CoinSelectionStrategy
	Inputs           []wire.OutPoint // empty: the wallet chooses
}

// FeeQuery asks for the cost of paying Outputs.
type FeeQuery struct {
	Outputs          map[string]btcutil.Amount // by address
	Target           uint32
	MinConfs         int32
	SpendUnconfirmed bool
	Strategy         lnrpc.CoinSelectionStrategy
	Inputs           []wire.OutPoint
}

// FeeEstimate answers a FeeQuery.
type FeeEstimate struct {
	Fee    btcutil.Amount
	PerKW  lnwire.FeePerKW
	Inputs []wire.OutPoint
}
