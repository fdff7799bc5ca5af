package wallet

import (
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
)

// Keys are the private keys of the node, derived as doc.go promises.
type Keys struct {
	node *btcec.PrivateKey
	base [32]byte
}

// NewKeys derives the keys of a network from the seed.
func NewKeys(s *Seed, params *chaincfg.Params) (*Keys, error) { panic("not yet") }

// NodeKey is the key of the node's identity (BOLT 7: node_id).
func (k *Keys) NodeKey() *btcec.PrivateKey { return k.node }

// Sub is a secret of its own for each label: macaroons' root, database keys and the like.
func (k *Keys) Sub(label string) [32]byte { panic("not yet") }

// ChannelSeed is what commitment.NewSecrets makes the keys of channel index from.
func (k *Keys) ChannelSeed(index uint64) [32]byte { panic("not yet") }
