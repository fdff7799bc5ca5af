package invoice

import (
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
)

// Versions of fallback addresses beyond those of witness programs.
const (
	FallbackP2PKH byte = 17
	FallbackP2SH  byte = 18

	maxWitnessVersion = 16
	taprootVersion    = 1
)

// Fallback is an on-chain address that takes the payment as well: a witness program of version 0 to 16, or a hash.
type Fallback struct {
	Version byte
	Program []byte
}

// NewFallback reads an address of the network.
func NewFallback(addr string, network *chaincfg.Params) (Fallback, error) {
	a, err := address.DecodeAddress(addr, network)
	if err != nil {
		return Fallback{}, fmt.Errorf("fallback address: %w", err)
	}
	if !a.IsForNet(network) {
		return Fallback{}, fmt.Errorf("fallback address: %w", ErrNetwork)
	}
	switch a := a.(type) {
	case *address.AddressPubKeyHash:
		return Fallback{FallbackP2PKH, a.ScriptAddress()}, nil
	case *address.AddressScriptHash:
		return Fallback{FallbackP2SH, a.ScriptAddress()}, nil
	case interface {
		WitnessVersion() byte
		WitnessProgram() []byte
	}:
		return Fallback{a.WitnessVersion(), a.WitnessProgram()}, nil
	}
	return Fallback{}, fmt.Errorf("fallback address: %w: a %T cannot be one", ErrFormat, a)
}

// Address is the fallback as people write it. Witness versions that nobody uses yet have no address here.
func (f Fallback) Address(network *chaincfg.Params) (address.Address, error) {
	switch {
	case f.Version == FallbackP2PKH:
		return address.NewAddressPubKeyHash(f.Program, network)
	case f.Version == FallbackP2SH:
		return address.NewAddressScriptHashFromHash(f.Program, network)
	case f.Version == 0 && len(f.Program) == 20:
		return address.NewAddressWitnessPubKeyHash(f.Program, network)
	case f.Version == 0:
		return address.NewAddressWitnessScriptHash(f.Program, network)
	case f.Version == taprootVersion && len(f.Program) == 32:
		return address.NewAddressTaproot(f.Program, network)
	}
	return nil, fmt.Errorf("fallback address: %w: version %d", ErrFormat, f.Version)
}

// valid: "MUST set an f field to a valid witness version and program, OR to 17 followed by a public key hash, OR to
// 18 followed by a script hash."
func (f Fallback) valid() bool {
	n := len(f.Program)
	switch {
	case f.Version == 0:
		return n == 20 || n == 32
	case f.Version <= maxWitnessVersion:
		return n >= 2 && n <= 40
	}
	return n == 20 && (f.Version == FallbackP2PKH || f.Version == FallbackP2SH)
}
