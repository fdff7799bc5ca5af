package wallet

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
)

// purpose is the first step of every Lightning key (BIP 43).
const purpose = 1017

// Keys are the private keys of the node, derived as doc.go promises.
type Keys struct {
	node *btcec.PrivateKey
	base [32]byte
}

// NewKeys derives the keys of a network from the seed.
func NewKeys(s *Seed, params *chaincfg.Params) (*Keys, error) {
	root, err := hdkeychain.NewMaster(s.secret[:], params)
	if err != nil {
		return nil, fmt.Errorf("derive root: %w", err)
	}
	defer root.Zero()
	const h = hdkeychain.HardenedKeyStart
	account, err := descend(root, h+purpose, h+params.HDCoinType, h)
	if err != nil {
		return nil, err
	}
	defer account.Zero()
	node, err := descend(account, 0, 0)
	if err != nil {
		return nil, err
	}
	defer node.Zero()
	base, err := account.ECPrivKey()
	if err != nil {
		return nil, fmt.Errorf("derive base: %w", err)
	}
	k := new(Keys)
	copy(k.base[:], base.Serialize())
	if k.node, err = node.ECPrivKey(); err != nil {
		return nil, fmt.Errorf("derive node key: %w", err)
	}
	return k, nil
}

// descend follows a path. An index without a key (odds of 2^-127) is an error, not a different path.
func descend(k *hdkeychain.ExtendedKey, path ...uint32) (*hdkeychain.ExtendedKey, error) {
	for _, i := range path {
		next, err := k.Derive(i)
		if err != nil {
			return nil, fmt.Errorf("derive child %d: %w", i, err)
		}
		k = next
	}
	return k, nil
}

// NodeKey is the key of the node's identity (BOLT 7: node_id).
func (k *Keys) NodeKey() *btcec.PrivateKey { return k.node }

// Sub is a secret of its own for each label: macaroons' root, database keys and the like.
func (k *Keys) Sub(label string) [32]byte {
	mac := hmac.New(sha256.New, k.base[:])
	mac.Write([]byte("fulmen/v1/" + label))
	return [32]byte(mac.Sum(nil))
}

// Channel makes the keys of the channel of that index: what to count up, and keep in the channel's record.
func (k *Keys) Channel(index uint64) *commitment.Secrets {
	return commitment.NewSecrets(k.Sub("channel/" + strconv.FormatUint(index, 10)))
}
