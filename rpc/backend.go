package rpc

import (
	"context"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// Sink is the receiving end of a subscription. Both methods return at once, whatever the client does; what is sent
// after the client has gone, or after Close, is dropped.
type Sink[T any] interface {
	Send(T)
	Close(error) // no more will come: nil ends the stream well, an error becomes the stream's status
}

// Subscriptions begin before the subscribing method returns and end with the returned stop, which is called exactly
// once, after Close too. All methods may be called from many goroutines. Errors go to the client with their text;
// those of errors.go also get the status code that LND gives them.

// Unlocker guards the wallet before the Backend exists. Each opening method returns once the wallet is open; the node
// then starts on its own and calls Server.Activate. ErrWrongPassword where the password does not open the wallet.
// A call may come again after it succeeded, when its macaroons could not be written: it answers as before.
type Unlocker interface {
	WalletExists() (bool, error)
	InitWallet(ctx context.Context, r InitWallet) (RootKeeper, error)
	UnlockWallet(ctx context.Context, r UnlockWallet) (RootKeeper, error)
	ChangePassword(ctx context.Context, r ChangePassword) (RootKeeper, error)
}

// RootKeeper holds the secret that every macaroon is derived from, known only while the wallet is open.
type RootKeeper interface {
	RootKey() []byte // 32 bytes
}

// Seeder makes fresh seeds; it stores nothing.
type Seeder interface {
	GenSeed(ctx context.Context, r GenSeed) (Seed, error)
}

// Backend is the node as the API sees it. Every field is set.
type Backend struct {
	Node       Node
	Keys       Keys
	Logs       Logs
	Funds      Funds
	Spender    Spender
	Peers      Peers
	Channels   Channels
	Lifecycle  Lifecycle
	Invoices   Invoices
	Ledger     Ledger
	PayReqs    PayReqs
	Payments   Payments
	Routes     Routes
	Graph      Graph
	Policies   Policies
	Forwarding Forwarding

	Sweeps    Sweeps
	Leases    Leases
	Publisher Publisher
	PSBTs     PSBTs
	Accounts  Accounts
	Backups   Backups
}

// Node is the daemon as a whole.
type Node interface {
	Info(ctx context.Context) (NodeInfo, error)
	Stop() // begins an orderly stop and returns
}

// Keys is the node's identity key. Both methods are cheap: they are on the way of every payment.
type Keys interface {
	NodeID() lnwire.PubKey
	// SignCompact answers with a recoverable signature: header byte (31 and up, for a compressed key), r, s.
	SignCompact(digest chainhash.Hash) ([65]byte, error)
}

// Logs sets what is logged. Spec is "debug" or "PEER=debug,CHAN=info".
type Logs interface {
	Subsystems() []string
	SetLevel(spec string) error
}

// Funds shows the on-chain wallet.
type Funds interface {
	NewAddress(ctx context.Context, kind lnrpc.AddressType, account string) (string, error)
	Balance(ctx context.Context, account string, minConfs int32) (WalletBalance, error)
	Unspent(ctx context.Context, q UnspentQuery) ([]UTXO, error)
	// Transactions are asked for in order of height, unconfirmed last; any order within a block is good.
	Transactions(ctx context.Context, q TransactionQuery) ([]Transaction, error)
}

// Spender spends from the on-chain wallet. ErrInsufficientFunds where it does not hold enough.
type Spender interface {
	SendCoins(ctx context.Context, p SendCoins) (chainhash.Hash, error)
	EstimateFee(ctx context.Context, q FeeQuery) (FeeEstimate, error)
}

// Peers connects and disconnects.
type Peers interface {
	// Connect returns once the connection is up, or at once with perm, which keeps trying in the background.
	// AlreadyConnected where there is a connection.
	Connect(ctx context.Context, id lnwire.PubKey, host string, perm bool) error
	Disconnect(ctx context.Context, id lnwire.PubKey) error // NotConnected
	Peers(ctx context.Context) ([]Peer, error)
}

// Channels shows channels in all their phases, each list in the order of opening.
type Channels interface {
	Open(ctx context.Context) ([]Channel, error)
	Pending(ctx context.Context) (PendingChannels, error)
	Closed(ctx context.Context) ([]ClosedChannel, error)
	SubscribeChannels(ctx context.Context, sink Sink[ChannelEvent]) (stop func(), err error)
}

// Lifecycle opens and closes channels. Both return once the request has been taken up, or with what is wrong with it;
// later failures come through Close of the sink. What was begun goes on when the client leaves.
type Lifecycle interface {
	OpenChannel(ctx context.Context, r OpenChannel, sink Sink[OpenUpdate]) (stop func(), err error)
	CloseChannel(ctx context.Context, r CloseChannel, sink Sink[CloseUpdate]) (stop func(), err error) // ErrChannelNotFound
}

// Invoices makes and follows invoices.
type Invoices interface {
	AddInvoice(ctx context.Context, r AddInvoice) (Invoice, error)             // ErrInvoiceExists
	LookupInvoice(ctx context.Context, hash lnwire.Hash) (Invoice, error)      // ErrInvoiceNotFound
	SubscribeInvoices(ctx context.Context, sink Sink[Invoice]) (func(), error) // every change of every invoice, from now
}

// Ledger pages through what was, in ascending order of its index. Of more than Max matches it answers with the Max
// lowest, or the Max highest where Reversed.
type Ledger interface {
	InvoicePage(ctx context.Context, q InvoiceQuery) ([]Invoice, error)
	SettledPage(ctx context.Context, q Page) ([]Invoice, error) // by settle index
	PaymentPage(ctx context.Context, q PaymentQuery) ([]Payment, error)
	CountPayments(ctx context.Context) (uint64, error)
}

// PayReqs decodes BOLT 11 invoices, and checks that they are for this network.
type PayReqs interface {
	DecodePayReq(s string) (PayReq, error)
}

// Payments sends. The sink gets the payment whenever it has changed and is durable; after a final state nothing more
// is expected of it.
type Payments interface {
	// SendPayment begins a payment. ErrAlreadyPaid, ErrPaymentInFlight.
	SendPayment(ctx context.Context, r SendPayment, sink Sink[Payment]) (stop func(), err error)
	// TrackPayment sends the payment as it is, and then as it changes. ErrPaymentNotFound.
	TrackPayment(ctx context.Context, hash lnwire.Hash, sink Sink[Payment]) (stop func(), err error)
	// SendToRoute makes one attempt and returns when it has ended.
	SendToRoute(ctx context.Context, r SendToRoute) (Attempt, error)
	// CancelPayment lets no further attempt begin.
	CancelPayment(hash lnwire.Hash)
}

// Routes finds a route without paying. ErrNoRoute, ErrTargetUnknown. The probability is of the route's success, 0 to 1.
type Routes interface {
	QueryRoute(ctx context.Context, q RouteQuery) (r Route, probability float64, err error)
}

// Graph is one consistent view of the network per call.
type Graph interface {
	// Graph lists nodes by key and channels by id; channels that were never announced only with unannounced.
	Graph(ctx context.Context, unannounced bool) (nodes []GraphNode, channels []GraphChannel, err error)
	GraphNode(ctx context.Context, id lnwire.PubKey) (GraphNode, []GraphChannel, error) // ErrNodeNotFound
	GraphChannel(ctx context.Context, ref ChannelRef) (GraphChannel, error)             // ErrEdgeNotFound, ErrZombieEdge
	Zombies(ctx context.Context) (uint64, error)
}

// Policies shows and changes what our channels ask for forwarding.
type Policies interface {
	ChannelPolicies(ctx context.Context) ([]ChannelPolicy, error)
	// UpdatePolicy changes one channel, or all where point is nil, and lists those that it could not change.
	UpdatePolicy(ctx context.Context, point *wire.OutPoint, p PolicyChange) ([]FailedPolicy, error)
}

// Forwarding is the history of settled forwards.
type Forwarding interface {
	// Forwards answers with forwards in order of time.
	Forwards(ctx context.Context, q ForwardQuery) ([]Forward, error)
	// EarnedSince sums the fees of forwards settled at or after t.
	EarnedSince(ctx context.Context, t time.Time) (btcutil.Amount, error)
}
