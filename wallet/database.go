package wallet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcwallet/waddrmgr"
	btcwallet "github.com/btcsuite/btcwallet/wallet"
	"github.com/btcsuite/btcwallet/walletdb"
	_ "github.com/btcsuite/btcwallet/walletdb/bdb" // the bbolt driver of wallet.db
	"github.com/btcsuite/btcwallet/wtxmgr"
)

// DatabaseFile holds addresses and transactions; it can be made again from the seed, at the price of a rescan.
const DatabaseFile = "wallet.db"

const (
	databaseLabel = "wallet.db" // of the subkey that encrypts the keys in it
	openTimeout   = 5 * time.Second
	retryInterval = time.Second // of btcwallet's first synchronisation
)

var (
	addressBucket = []byte("waddrmgr")
	txBucket      = []byte("wtxmgr")
	ownBucket     = []byte("fulmen")
	recoverKey    = []byte("recover") // present until the rescan of a restore has ended
	publicPass    = []byte("public")  // btcwallet's own constant: what it encrypts is no secret
)

// database is wallet.db and btcwallet on top of it.
type database struct {
	db       walletdb.DB
	core     *btcwallet.Wallet
	recovers bool
}

func openDatabase(cfg Config, s *Seed, keys *Keys) (_ *database, err error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open wallet: %w", err)
	}
	path := filepath.Join(cfg.Dir, DatabaseFile)
	d := new(database)
	d.db, err = walletdb.Open("bdb", path, true, openTimeout, false)
	if errors.Is(err, walletdb.ErrDbDoesNotExist) || errors.Is(err, fs.ErrNotExist) {
		d.db, err = walletdb.Create("bdb", path, true, openTimeout, false)
	}
	if err != nil {
		return nil, fmt.Errorf("open wallet: %w", err)
	}
	window, err := prepare(d.db, cfg, s, keys)
	d.recovers = window > 0
	if err == nil {
		d.core, err = btcwallet.OpenWithRetry(d.db, publicPass, nil, cfg.Params, window, retryInterval)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open wallet: %w", err), d.db.Close())
	}
	return d, nil
}

// prepare fills a new database, and returns the recovery window: zero once the chain's past has been searched.
func prepare(db walletdb.DB, cfg Config, s *Seed, keys *Keys) (window uint32, err error) {
	err = walletdb.Update(db, func(tx walletdb.ReadWriteTx) error {
		if own := tx.ReadWriteBucket(ownBucket); own != nil {
			if own.Get(recoverKey) != nil {
				window = cfg.RecoveryWindow
			}
			return nil
		}
		own, err := tx.CreateTopLevelBucket(ownBucket)
		if err != nil {
			return err
		}
		if !s.fresh {
			window = cfg.RecoveryWindow
			if err := own.Put(recoverKey, []byte{1}); err != nil {
				return err
			}
		}
		addresses, err := tx.CreateTopLevelBucket(addressBucket)
		if err != nil {
			return err
		}
		txs, err := tx.CreateTopLevelBucket(txBucket)
		if err != nil {
			return err
		}
		root, err := hdkeychain.NewMaster(s.secret[:], cfg.Params)
		if err != nil {
			return err
		}
		defer root.Zero()
		// The password is 256 random bits, which stretching does not make better: the user's own, which needs it,
		// guards the seed's file. So a change of that one is a single atomic write.
		secret := keys.Sub(databaseLabel)
		err = waddrmgr.Create(addresses, root, publicPass, secret[:], cfg.Params, &waddrmgr.FastScryptOptions, s.birthday)
		if err != nil {
			return err
		}
		return wtxmgr.Create(txs)
	})
	return window, err
}

// recovered ends the search of the chain's past.
func (w *Wallet) recovered() error {
	return walletdb.Update(w.db, func(tx walletdb.ReadWriteTx) error {
		return tx.ReadWriteBucket(ownBucket).Delete(recoverKey)
	})
}
