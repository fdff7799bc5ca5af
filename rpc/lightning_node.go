package rpc

import (
	"context"
	"strings"

	"github.com/fulmen-ln/fulmen/internal/build"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// nodeCalls are about the daemon as a whole.
type nodeCalls struct {
	b       *Backend
	network string
}

// GetInfo implements lnrpc.LightningServer.
func (c nodeCalls) GetInfo(ctx context.Context, _ *lnrpc.GetInfoRequest) (*lnrpc.GetInfoResponse, error) {
	i, err := c.b.Node.Info(ctx)
	if err != nil {
		return nil, err
	}
	id := i.ID.String()
	resp := &lnrpc.GetInfoResponse{
		Version:             build.APIVersion + " commit=" + commit(),
		IdentityPubkey:      id,
		Alias:               i.Alias,
		Color:               i.Color,
		NumPendingChannels:  i.PendingChannels,
		NumActiveChannels:   i.ActiveChannels,
		NumInactiveChannels: i.InactiveChannels,
		NumPeers:            i.Peers,
		BlockHeight:         uint32(i.Height),
		BlockHash:           i.BlockHash.String(),
		BestHeaderTimestamp: unix(i.BlockTime),
		SyncedToChain:       i.SyncedToChain,
		SyncedToGraph:       i.SyncedToGraph,
		WalletSynced:        i.WalletSynced,
		Testnet:             c.network == "testnet",
		Chains:              []*lnrpc.Chain{{Chain: "bitcoin", Network: c.network}},
		Features:            newFeatures(i.Features),
		GraphCacheStatus:    lnrpc.GraphCacheStatus_GRAPH_CACHE_STATUS_LOADED,
	}
	for _, a := range i.Addresses {
		resp.Uris = append(resp.Uris, id+"@"+a)
	}
	return resp, nil
}

// StopDaemon implements lnrpc.LightningServer.
func (c nodeCalls) StopDaemon(context.Context, *lnrpc.StopRequest) (*lnrpc.StopResponse, error) {
	c.b.Node.Stop()
	return &lnrpc.StopResponse{Status: "shutdown initiated, check logs for progress"}, nil
}

// DebugLevel implements lnrpc.LightningServer.
func (c nodeCalls) DebugLevel(_ context.Context, r *lnrpc.DebugLevelRequest) (*lnrpc.DebugLevelResponse, error) {
	if r.Show {
		return &lnrpc.DebugLevelResponse{SubSystems: "Supported subsystems " + strings.Join(c.b.Logs.Subsystems(), " ")}, nil
	}
	return &lnrpc.DebugLevelResponse{}, c.b.Logs.SetLevel(r.LevelSpec)
}

// newFeatures names the bits that are set, as LND names them.
func newFeatures(f lnwire.FeatureVector) map[uint32]*lnrpc.Feature {
	out := make(map[uint32]*lnrpc.Feature)
	for _, bit := range f.Bits() {
		name, known := featureNames[bit.Required()]
		if !known {
			name = "unknown"
		}
		out[uint32(bit)] = &lnrpc.Feature{Name: name, IsRequired: bit.IsRequired(), IsKnown: known}
	}
	return out
}

// featureNames are LND's names, by the even bit; they differ from BOLT 9's, and clients show and match them.
var featureNames = map[lnwire.FeatureBit]string{
	lnwire.FeatureDataLossProtect:   "data-loss-protect",
	lnwire.FeatureUpfrontShutdown:   "upfront-shutdown-script",
	lnwire.FeatureGossipQueries:     "gossip-queries",
	lnwire.FeatureVarOnion:          "tlv-onion",
	lnwire.FeatureGossipQueriesEx:   "ext-gossip-queries",
	lnwire.FeatureStaticRemoteKey:   "static-remote-key",
	lnwire.FeaturePaymentSecret:     "payment-addr",
	lnwire.FeatureBasicMPP:          "multi-path-payments",
	lnwire.FeatureLargeChannel:      "wumbo-channels",
	20:                              "anchor-commitments",
	lnwire.FeatureAnchors:           "anchors-zero-fee-htlc-tx",
	lnwire.FeatureRouteBlinding:     "route-blinding",
	lnwire.FeatureShutdownAnySegwit: "shutdown-any-segwit",
	lnwire.FeatureDualFund:          "dual-fund",
	30:                              "amp",
	lnwire.FeatureQuiesce:           "quiescence",
	lnwire.FeatureAttributionData:   "attribution-data",
	lnwire.FeatureOnionMessages:     "onion-messages",
	lnwire.FeatureProvideStorage:    "provide-storage",
	lnwire.FeatureChannelType:       "explicit-commitment-type",
	lnwire.FeatureSCIDAlias:         "scid-alias",
	lnwire.FeaturePaymentMetadata:   "payment-metadata",
	lnwire.FeatureZeroConf:          "zero-conf",
	lnwire.FeatureKeysend:           "keysend",
	lnwire.FeatureSimpleClose:       "rbf-coop-close",
	lnwire.FeatureSplice:            "splice",
	80:                              "simple-taproot-chans",
	180:                             "simple-taproot-chans-x",
	2022:                            "script-enforced-lease",
}
