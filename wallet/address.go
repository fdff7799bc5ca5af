package wallet

import (
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcwallet/waddrmgr"
)

// AddressType is a kind of address that the wallet hands out.
type AddressType uint8

const (
	P2WPKH AddressType = iota + 1 // BIP 84
	P2TR                          // BIP 86
)

func (t AddressType) String() string {
	switch t {
	case P2WPKH:
		return "p2wpkh"
	case P2TR:
		return "p2tr"
	default:
		return fmt.Sprintf("address type %d", uint8(t))
	}
}

// scope is btcwallet's name of the derivation.
func (t AddressType) scope() (waddrmgr.KeyScope, error) {
	switch t {
	case P2WPKH:
		return waddrmgr.KeyScopeBIP0084, nil
	case P2TR:
		return waddrmgr.KeyScopeBIP0086, nil
	default:
		return waddrmgr.KeyScope{}, fmt.Errorf("unknown %v", t)
	}
}

// scriptType is zero for a script of neither type.
func scriptType(script []byte) AddressType {
	switch {
	case txscript.IsPayToWitnessPubKeyHash(script):
		return P2WPKH
	case txscript.IsPayToTaproot(script):
		return P2TR
	default:
		return 0
	}
}

// NewAddress is one that was never handed out before; change says that it is for change (BIP 44's internal branch).
func (w *Wallet) NewAddress(t AddressType, change bool) (string, error) {
	a, err := w.newAddress(t, change)
	if err != nil {
		return "", err
	}
	return a.EncodeAddress(), nil
}

func (w *Wallet) newAddress(t AddressType, change bool) (address.Address, error) {
	scope, err := t.scope()
	if err != nil {
		return nil, err
	}
	next := w.core.NewAddress
	if change {
		next = w.core.NewChangeAddress
	}
	a, err := next(waddrmgr.DefaultAccountNum, scope)
	if err != nil {
		return nil, fmt.Errorf("new address: %w", err)
	}
	return a, nil
}

// UnusedAddress is the last one handed out, unless it was paid to: then a new one.
func (w *Wallet) UnusedAddress(t AddressType) (string, error) {
	scope, err := t.scope()
	if err != nil {
		return "", err
	}
	a, err := w.core.CurrentAddress(waddrmgr.DefaultAccountNum, scope)
	if err != nil {
		return "", fmt.Errorf("current address: %w", err)
	}
	return a.EncodeAddress(), nil
}

// NewScript is the output script of a new P2TR change address: for closings, sweeps and change.
func (w *Wallet) NewScript() ([]byte, error) {
	a, err := w.newAddress(P2TR, true)
	if err != nil {
		return nil, err
	}
	return txscript.PayToAddrScript(a)
}

// Owns says whether the script pays to one of the wallet's addresses.
func (w *Wallet) Owns(script []byte) bool {
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(script, w.cfg.Params)
	if err != nil || len(addrs) != 1 {
		return false
	}
	has, err := w.core.HaveAddress(addrs[0])
	return err == nil && has
}

// Script is what pays to a textual address of this network.
func (w *Wallet) Script(addr string) ([]byte, error) {
	a, err := address.DecodeAddress(addr, w.cfg.Params)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	if !a.IsForNet(w.cfg.Params) {
		return nil, fmt.Errorf("address %q is of another network", addr)
	}
	return txscript.PayToAddrScript(a)
}

// addressOf is the one address of a script, if it has one.
func addressOf(script []byte, params *chaincfg.Params) (string, bool) {
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(script, params)
	if err != nil || len(addrs) != 1 {
		return "", false
	}
	return addrs[0].EncodeAddress(), true
}
