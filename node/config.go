package node

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Config is what an operator chooses.
type Config struct {
	Dir      string // ledger.db, graph.db, wallet
	Params   *chaincfg.Params
	Backend  Backend
	Listen   []string            // host:port for peers; none: the node only dials
	External []lnwire.NetAddress // announced
	Alias    string              // at most 32 bytes
	Color    [3]byte
	Policy   Policy
	Channels Channels
	Keysend  bool
	// OlderCopy opens a ledger that is an older copy of itself; its channels then publish nothing and ask their peers.
	OlderCopy bool
	// RecoveryWindow is how many unused addresses in a row a restored wallet looks beyond; 0: the wallet's own choice.
	RecoveryWindow uint32
	Log            *slog.Logger
}

// Backend dials the chain backend; chain.BitcoindConfig and chain.BtcdConfig are wrapped by package cmd.
type Backend interface {
	Dial(ctx context.Context, known lnwire.Height) (Chain, error)
	String() string
}

// Networks are the accepted values of --network.
var Networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams, "testnet4": &chaincfg.TestNet4Params,
	"signet": &chaincfg.SigNetParams, "regtest": &chaincfg.RegressionNetParams,
}

// NetworkName is the name by which folders, clients and flags know a network.
func NetworkName(p *chaincfg.Params) string {
	for name, q := range Networks {
		if q.Net == p.Net {
			return name
		}
	}
	return p.Name
}

// features of our init and our node_announcement: those that work.
func features() lnwire.FeatureVector {
	return lnwire.NewFeatures(
		lnwire.FeatureDataLossProtect.Required(),
		lnwire.FeatureUpfrontShutdown.Optional(),
		lnwire.FeatureGossipQueries.Optional(),
		lnwire.FeatureVarOnion.Required(),
		lnwire.FeatureGossipQueriesEx.Optional(),
		lnwire.FeatureStaticRemoteKey.Required(),
		lnwire.FeaturePaymentSecret.Required(),
		lnwire.FeatureBasicMPP.Optional(),
		lnwire.FeatureLargeChannel.Optional(),
		lnwire.FeatureAnchors.Optional(),
		lnwire.FeatureShutdownAnySegwit.Optional(),
		lnwire.FeatureChannelType.Optional(),
	)
}

// invoiceFeatures are those of BOLT 11's field 9.
func invoiceFeatures() lnwire.FeatureVector {
	return lnwire.NewFeatures(lnwire.FeatureVarOnion.Required(), lnwire.FeaturePaymentSecret.Required(), lnwire.FeatureBasicMPP.Optional())
}

// alias pads a name to its 32 bytes, or says why it cannot.
func alias(name string) (a [32]byte, err error) {
	if len(name) > len(a) {
		return a, fmt.Errorf("alias %q has %d bytes; a node_announcement holds 32", name, len(name))
	}
	if strings.ContainsRune(name, 0) {
		return a, fmt.Errorf("alias %q contains a zero byte", name)
	}
	copy(a[:], name)
	return a, nil
}
