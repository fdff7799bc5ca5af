package lnwire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeatureBitsCountFromTheEnd(t *testing.T) {
	f := NewFeatures(0, 9)
	require.Equal(t, FeatureVector{0x02, 0x01}, f)
	require.True(t, f.Has(0))
	require.False(t, f.Has(1))
	require.True(t, f.Supports(1))
	require.True(t, f.Requires(1))
	require.True(t, f.Supports(8))
	require.False(t, f.Requires(8))
	require.False(t, f.Has(15))
	require.False(t, f.Has(16))
	require.False(t, FeatureVector(nil).Has(0))
	require.Equal(t, []FeatureBit{0, 9}, f.Bits())
	require.Equal(t, "[option_data_loss_protect(0) var_onion_optin(9)]", f.String())
	require.Equal(t, "feature(1001)", FeatureBit(1001).String())
}

func TestSetLeavesTheOriginalAlone(t *testing.T) {
	f := FeatureVector{0, 0x01}
	g := f.Set(20)
	require.Equal(t, FeatureVector{0, 0x01}, f)
	require.Equal(t, FeatureVector{0x10, 0, 0x01}, g)
	require.Equal(t, FeatureVector{0x01}, g.Clear(20, 900))
	require.Equal(t, FeatureVector{0x10, 0, 0x01}, g)
	require.True(t, NewFeatures().IsEmpty())
	require.True(t, g.Clear(0, 20).IsEmpty())
}

func TestLeadingZerosMeanNothing(t *testing.T) {
	require.True(t, FeatureVector{0, 0, 5}.Equal(FeatureVector{5}))
	require.True(t, FeatureVector{}.Equal(nil))
	require.True(t, FeatureVector{0}.Equal(nil))
	require.False(t, FeatureVector{5, 0}.Equal(FeatureVector{5}))
}

// BOLT 1: "MUST combine (bitwise OR) the two feature bitmaps into one logical features map."
func TestOrCombinesVectorsOfAnyLength(t *testing.T) {
	a, b := NewFeatures(0, 30), NewFeatures(3)
	require.Equal(t, NewFeatures(0, 3, 30), a.Or(b))
	require.Equal(t, NewFeatures(0, 3, 30), b.Or(a))
	require.Equal(t, NewFeatures(0, 30), a)
	require.True(t, FeatureVector(nil).Or(nil).IsEmpty())
}

func TestUnknownEvenFeaturesAreThoseThatKnownHasNeitherBitOf(t *testing.T) {
	known := NewFeatures(FeatureStaticRemoteKey.Optional(), FeatureAnchors)
	peer := NewFeatures(12, 22, 23, 100, 101, 103)
	require.Equal(t, []FeatureBit{100}, peer.UnknownEven(known))
	require.Empty(t, NewFeatures(101).UnknownEven(nil))
}

// BOLT 9: "MUST set all transitive feature dependencies."
func TestDependenciesOfFeaturesMustBeSet(t *testing.T) {
	require.Empty(t, NewFeatures(FeatureBasicMPP.Optional(), FeaturePaymentSecret).MissingDependencies())
	require.Equal(t, []FeatureBit{FeaturePaymentSecret}, NewFeatures(FeatureBasicMPP).MissingDependencies())
	require.Equal(t, []FeatureBit{FeatureSCIDAlias}, NewFeatures(FeatureZeroConf.Optional()).MissingDependencies())
	require.Equal(t, []FeatureBit{FeatureShutdownAnySegwit}, NewFeatures(FeatureSimpleClose).MissingDependencies())
	require.Empty(t, NewFeatures(FeatureAnchors).MissingDependencies())
}

func TestFeatureTableIsEvenAndAscending(t *testing.T) {
	for i, f := range features {
		require.True(t, f.bit.IsRequired())
		require.NotEmpty(t, f.name)
		if i > 0 {
			require.Greater(t, f.bit, features[i-1].bit)
		}
	}
}

func FuzzFeatureBitsRebuildTheVector(f *testing.F) {
	f.Add([]byte{0, 0x80, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		v := FeatureVector(b)
		require.True(t, v.Equal(NewFeatures(v.Bits()...)))
		require.Equal(t, v.Trim(), FeatureVector(nil).Set(v.Bits()...).Trim())
	})
}
