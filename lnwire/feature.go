package lnwire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// FeatureVector is a bit field as it travels: big-endian, bit 0 the lowest of the last byte (BOLT 9).
// Leading zero bytes mean nothing, and are kept, so that a signed message is written again as it was read.
type FeatureVector []byte

// FeatureBit numbers a bit of a FeatureVector. Even bits require a feature, the odd bit above offers it.
type FeatureBit uint32

// The features of BOLT 9 (and keysend, which no BOLT has), as their even, requiring bits.
const (
	FeatureDataLossProtect   FeatureBit = 0
	FeatureUpfrontShutdown   FeatureBit = 4
	FeatureGossipQueries     FeatureBit = 6
	FeatureVarOnion          FeatureBit = 8
	FeatureGossipQueriesEx   FeatureBit = 10
	FeatureStaticRemoteKey   FeatureBit = 12
	FeaturePaymentSecret     FeatureBit = 14
	FeatureBasicMPP          FeatureBit = 16
	FeatureLargeChannel      FeatureBit = 18
	FeatureAnchors           FeatureBit = 22
	FeatureRouteBlinding     FeatureBit = 24
	FeatureShutdownAnySegwit FeatureBit = 26
	FeatureDualFund          FeatureBit = 28
	FeatureQuiesce           FeatureBit = 34
	FeatureAttributionData   FeatureBit = 36
	FeatureOnionMessages     FeatureBit = 38
	FeatureProvideStorage    FeatureBit = 42
	FeatureChannelType       FeatureBit = 44
	FeatureSCIDAlias         FeatureBit = 46
	FeaturePaymentMetadata   FeatureBit = 48
	FeatureZeroConf          FeatureBit = 50
	FeatureKeysend           FeatureBit = 54
	FeatureSimpleClose       FeatureBit = 60
	FeatureSplice            FeatureBit = 62
)

// features names each pair (by its even bit) and what it needs, from BOLT 9's table.
var features = []struct {
	bit   FeatureBit
	name  string
	needs []FeatureBit
}{
	{FeatureDataLossProtect, "option_data_loss_protect", nil},
	{FeatureUpfrontShutdown, "option_upfront_shutdown_script", nil},
	{FeatureGossipQueries, "gossip_queries", nil},
	{FeatureVarOnion, "var_onion_optin", nil},
	{FeatureGossipQueriesEx, "gossip_queries_ex", nil},
	{FeatureStaticRemoteKey, "option_static_remotekey", nil},
	{FeaturePaymentSecret, "payment_secret", nil},
	{FeatureBasicMPP, "basic_mpp", []FeatureBit{FeaturePaymentSecret}},
	{FeatureLargeChannel, "option_support_large_channel", nil},
	{FeatureAnchors, "option_anchors", nil},
	{FeatureRouteBlinding, "option_route_blinding", nil},
	{FeatureShutdownAnySegwit, "option_shutdown_anysegwit", nil},
	{FeatureDualFund, "option_dual_fund", nil},
	{FeatureQuiesce, "option_quiesce", nil},
	{FeatureAttributionData, "option_attribution_data", nil},
	{FeatureOnionMessages, "option_onion_messages", nil},
	{FeatureProvideStorage, "option_provide_storage", nil},
	{FeatureChannelType, "option_channel_type", nil},
	{FeatureSCIDAlias, "option_scid_alias", nil},
	{FeaturePaymentMetadata, "option_payment_metadata", nil},
	{FeatureZeroConf, "option_zeroconf", []FeatureBit{FeatureSCIDAlias}},
	{FeatureKeysend, "keysend", nil},
	{FeatureSimpleClose, "option_simple_close", []FeatureBit{FeatureShutdownAnySegwit}},
	{FeatureSplice, "option_splice", nil},
}

// NewFeatures returns the shortest vector with these bits set.
func NewFeatures(bits ...FeatureBit) FeatureVector { return FeatureVector(nil).Set(bits...) }

// Optional is the odd bit of the pair, Required the even one.
func (b FeatureBit) Optional() FeatureBit { return b | 1 }
func (b FeatureBit) Required() FeatureBit { return b &^ 1 }
func (b FeatureBit) IsRequired() bool     { return b&1 == 0 }

// Name is BOLT 9's name of the pair, or "" where it has none.
func (b FeatureBit) Name() string {
	for _, f := range features {
		if f.bit == b.Required() {
			return f.name
		}
	}
	return ""
}

func (b FeatureBit) String() string {
	if name := b.Name(); name != "" {
		return fmt.Sprintf("%s(%d)", name, uint32(b))
	}
	return fmt.Sprintf("feature(%d)", uint32(b))
}

// Has reports whether exactly this bit is set.
func (f FeatureVector) Has(bit FeatureBit) bool {
	i := len(f) - 1 - int(bit/8)
	return i >= 0 && f[i]&(1<<(bit%8)) != 0
}

// Supports reports whether either bit of the pair is set.
func (f FeatureVector) Supports(bit FeatureBit) bool {
	return f.Has(bit.Required()) || f.Has(bit.Optional())
}

// Requires reports whether the pair's even bit is set.
// BOLT 9: "if both the optional and the mandatory feature bits in a pair are set, the feature should be treated as
// mandatory."
func (f FeatureVector) Requires(bit FeatureBit) bool { return f.Has(bit.Required()) }

// Set returns a copy with these bits set too, as long as it has to be and no longer.
func (f FeatureVector) Set(bits ...FeatureBit) FeatureVector {
	size := len(f.Trim())
	for _, b := range bits {
		size = max(size, int(b/8)+1)
	}
	out := make(FeatureVector, size)
	copy(out[size-len(f.Trim()):], f.Trim())
	for _, b := range bits {
		out[size-1-int(b/8)] |= 1 << (b % 8)
	}
	return out
}

// Clear returns a copy with these bits off.
func (f FeatureVector) Clear(bits ...FeatureBit) FeatureVector {
	out := FeatureVector(bytes.Clone(f))
	for _, b := range bits {
		if i := len(out) - 1 - int(b/8); i >= 0 {
			out[i] &^= 1 << (b % 8)
		}
	}
	return out.Trim()
}

// Or combines two vectors.
// BOLT 1: "MUST combine (bitwise OR) the two feature bitmaps into one logical features map."
func (f FeatureVector) Or(g FeatureVector) FeatureVector {
	f, g = f.Trim(), g.Trim()
	if len(f) < len(g) {
		f, g = g, f
	}
	out := FeatureVector(bytes.Clone(f))
	for i := range g {
		out[len(out)-len(g)+i] |= g[i]
	}
	return out
}

// Trim drops leading zero bytes. The result shares f's memory.
func (f FeatureVector) Trim() FeatureVector {
	for len(f) > 0 && f[0] == 0 {
		f = f[1:]
	}
	return f
}

// Equal compares the bits that are set; leading zeros do not count.
func (f FeatureVector) Equal(g FeatureVector) bool { return bytes.Equal(f.Trim(), g.Trim()) }

// IsEmpty reports whether no bit is set.
func (f FeatureVector) IsEmpty() bool { return len(f.Trim()) == 0 }

// Bits lists the bits that are set, lowest first.
func (f FeatureVector) Bits() []FeatureBit {
	var out []FeatureBit
	for i := len(f) - 1; i >= 0; i-- {
		for bit, b := FeatureBit(len(f)-1-i)*8, f[i]; b != 0; bit, b = bit+1, b>>1 {
			if b&1 != 0 {
				out = append(out, bit)
			}
		}
	}
	return out
}

// UnknownEven lists the required features that known has neither bit of. A peer that sets one cannot be talked to.
// BOLT 1: "upon receiving unknown even feature bits that are non-zero: MUST close the connection."
func (f FeatureVector) UnknownEven(known FeatureVector) []FeatureBit {
	return slices.DeleteFunc(f.Bits(), func(b FeatureBit) bool {
		return !b.IsRequired() || known.Supports(b)
	})
}

// MissingDependencies lists the features that something set in f needs and f does not set, as even bits in
// ascending order. What those would need in turn is in the list as well.
// BOLT 1: "if the feature vector does not set all known, transitive dependencies: MUST close the connection."
func (f FeatureVector) MissingDependencies() []FeatureBit {
	missing := FeatureVector{}
	for changed := true; changed; {
		changed = false
		for _, row := range features {
			if !f.Supports(row.bit) && !missing.Has(row.bit) {
				continue
			}
			for _, need := range row.needs {
				if !f.Supports(need) && !missing.Has(need) {
					missing, changed = missing.Set(need), true
				}
			}
		}
	}
	return missing.Bits()
}

func (f FeatureVector) String() string {
	names := make([]string, 0, 8)
	for _, b := range f.Bits() {
		names = append(names, b.String())
	}
	return "[" + strings.Join(names, " ") + "]"
}
