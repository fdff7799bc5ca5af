package rpc

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Errors that a backend answers with, by errors.Is or errors.As. Clients match their texts, which are LND's.
var (
	ErrWrongPassword     = errors.New("invalid passphrase for master public key")
	ErrInvoiceNotFound   = errors.New("unable to locate invoice")
	ErrInvoiceExists     = errors.New("invoice with payment hash already exists")
	ErrPaymentNotFound   = errors.New("payment isn't initiated")
	ErrAlreadyPaid       = errors.New("invoice is already paid")
	ErrPaymentInFlight   = errors.New("payment is in transition")
	ErrNodeNotFound      = errors.New("unable to find node")
	ErrEdgeNotFound      = errors.New("edge not found")
	ErrZombieEdge        = errors.New("edge marked as zombie")
	ErrNoRoute           = errors.New("unable to find a path to destination")
	ErrTargetUnknown     = errors.New("target not found")
	ErrInsufficientFunds = errors.New("insufficient funds available to construct transaction")
	ErrChannelNotFound   = errors.New("unable to find channel")
	ErrNotSynced         = errors.New("channels cannot be created before the wallet is fully synced")
	ErrTooManyPending    = errors.New("pending channels exceed maximum, please wait until they confirm")
	ErrSweepNotFound     = errors.New("the given outpoint is neither pending in the sweeper nor an unconfirmed coin of the wallet")
	ErrServerNotActive   = errors.New("chain backend is still syncing, server not active yet")
)

// States in which a call is not served.
var (
	errWaitingToStart = errors.New("waiting to start, RPC services not available")
	errNoWallet       = errors.New("wallet not created, create one to enable full RPC access")
	errWalletLocked   = errors.New("wallet locked, unlock it to enable full RPC access")
	errStarting       = errors.New("the RPC server is in the process of starting up, but not yet ready to accept calls")
	errWalletUnlocked = errors.New("wallet already unlocked, WalletUnlocker service is no longer available")
	errWalletExists   = errors.New("wallet already exists")
	errWalletMissing  = errors.New("wallet not found")
	errInternal       = status.Error(codes.Internal, "internal error; the node's log has more")
	errStopping       = status.Error(codes.Unavailable, "server shutting down")
)

// AlreadyConnected refuses to connect to a peer twice.
type AlreadyConnected struct {
	ID      lnwire.PubKey
	Address string
}

func (e *AlreadyConnected) Error() string {
	return fmt.Sprintf("already connected to peer: %s@%s", e.ID, e.Address)
}

// NotConnected says that there is no connection to the peer.
type NotConnected struct{ ID lnwire.PubKey }

func (e *NotConnected) Error() string { return fmt.Sprintf("peer %s is not connected", e.ID) }

// PeerOffline refuses to open or close a channel with a peer that is not connected.
type PeerOffline struct{ ID lnwire.PubKey }

func (e *PeerOffline) Error() string { return fmt.Sprintf("peer %s is not online", e.ID) }

// coded lists the errors that have a status code of their own; all others are Unknown, as a plain error is in LND.
var coded = []struct {
	err  error
	code codes.Code
}{
	{ErrInvoiceNotFound, codes.NotFound},
	{ErrPaymentNotFound, codes.NotFound},
	{ErrNodeNotFound, codes.NotFound},
	{ErrEdgeNotFound, codes.NotFound},
	{ErrZombieEdge, codes.NotFound},
	{ErrAlreadyPaid, codes.AlreadyExists},
	{ErrPaymentInFlight, codes.AlreadyExists},
}

// statusOf makes err what the client sees.
func statusOf(err error) error {
	if err == nil {
		return nil
	}
	for _, c := range coded {
		if errors.Is(err, c.err) {
			return status.Error(c.code, err.Error())
		}
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	return status.Error(codes.Unknown, err.Error())
}

// invalid refuses a request for what it says. LND answers such with Unknown, and clients look at the text alone.
func invalid(format string, args ...any) error {
	return status.Error(codes.Unknown, fmt.Sprintf(format, args...))
}
