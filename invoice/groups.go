package invoice

import (
	"fmt"

	"github.com/btcsuite/btcd/address/v2/bech32"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Groups of five bits, one a byte: what bech32 carries.

// toGroups appends zero bits to make whole groups: "MUST pad field data to a multiple of 5 bits, using 0s."
func toGroups(b []byte) []byte {
	g, err := bech32.ConvertBits(b, 8, 5, true)
	if err != nil {
		panic(fmt.Sprintf("invoice: groups: %v", err)) // bytes of 8 bits always convert
	}
	return g
}

// toBytes undoes toGroups. The padding must be zero and less than a group.
func toBytes(groups []byte) ([]byte, error) {
	b, err := bech32.ConvertBits(groups, 5, 8, false)
	if err != nil {
		return nil, fmt.Errorf("%w: padding", ErrFormat)
	}
	return b, nil
}

// padded appends zero bits to make whole bytes.
func padded(groups []byte) []byte {
	b, err := bech32.ConvertBits(groups, 5, 8, true)
	if err != nil {
		panic(fmt.Sprintf("invoice: groups: %v", err)) // bech32 yields groups of 5 bits
	}
	return b
}

// numberGroups writes v in as few groups as it takes; zero takes none.
func numberGroups(v uint64) (groups []byte) {
	for ; v > 0; v >>= 5 {
		groups = append([]byte{byte(v & 31)}, groups...)
	}
	return groups
}

// number reads what numberGroups writes; ok is false where it does not fit into 64 bits.
func number(groups []byte) (v uint64, ok bool) {
	for _, g := range groups {
		if v>>59 != 0 {
			return 0, false
		}
		v = v<<5 | uint64(g)
	}
	return v, true
}

// featureGroups writes the bits in as few groups as it takes.
func featureGroups(f lnwire.FeatureVector) []byte {
	bits := f.Bits()
	if len(bits) == 0 {
		return nil
	}
	groups := make([]byte, bits[len(bits)-1]/5+1)
	for _, b := range bits {
		groups[len(groups)-1-int(b/5)] |= 1 << (b % 5)
	}
	return groups
}

// features reads what featureGroups writes.
func features(groups []byte) lnwire.FeatureVector {
	var bits []lnwire.FeatureBit
	for i, g := range groups {
		for j := range 5 {
			if g&(1<<j) != 0 {
				bits = append(bits, lnwire.FeatureBit((len(groups)-1-i)*5+j))
			}
		}
	}
	if len(bits) == 0 {
		return nil
	}
	return lnwire.NewFeatures(bits...)
}
