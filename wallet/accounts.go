package wallet

import (
	"fmt"

	"github.com/btcsuite/btcwallet/waddrmgr"
)

// Account is one derivation of the wallet's addresses: what a watcher of it needs.
type Account struct {
	Name               string
	Type               AddressType
	PublicKey          string // BIP 32, base58, of Path
	Fingerprint        uint32 // of the master key
	Path               string
	External, Internal uint32 // keys handed out
}

// Accounts lists the accounts that addresses are handed out from, one for each type.
func (w *Wallet) Accounts() ([]Account, error) {
	var all []Account
	for _, t := range []AddressType{P2WPKH, P2TR} {
		scope, err := t.scope()
		if err != nil {
			return nil, err
		}
		p, err := w.core.AccountProperties(scope, waddrmgr.DefaultAccountNum)
		if err != nil {
			return nil, fmt.Errorf("account of %v: %w", t, err)
		}
		a := Account{
			Name: p.AccountName, Type: t, Fingerprint: p.MasterKeyFingerprint, External: p.ExternalKeyCount, Internal: p.InternalKeyCount,
			Path: fmt.Sprintf("m/%d'/%d'/%d'", scope.Purpose, scope.Coin, p.AccountNumber),
		}
		if p.AccountPubKey != nil {
			a.PublicKey = p.AccountPubKey.String()
		}
		all = append(all, a)
	}
	return all, nil
}
