package channel

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Signer holds the secrets of one channel. Calls are synchronous and functions of their arguments (RFC 6979).
// Secrets of package commitment implements it; Enforce wraps it.
type Signer interface {
	Keys
	// SignRemote signs the peer's commitment c: the funding input, then each HTLC transaction in c's order.
	SignRemote(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, []lnwire.Sig, error)
	// SignLocal signs our own commitment, to publish it.
	SignLocal(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, error)
	// SignClosing signs the funding input of a closing transaction.
	SignClosing(p *commitment.Params, tx *wire.MsgTx) (lnwire.Sig, error)
	// SignDigest signs the digest of a channel_announcement with the funding key.
	SignDigest(d chainhash.Hash) lnwire.Sig
}

// Keys are the public keys of a channel and its per-commitment secrets, numbered upward from 0 (BOLT 3).
type Keys interface {
	Basepoints() commitment.Basepoints
	Point(n uint64) lnwire.PubKey
	Secret(n uint64) lnwire.Secret
}

// NodeSigner signs for the node: its half of a channel_announcement.
type NodeSigner interface {
	SignNode(d chainhash.Hash) lnwire.Sig
}

// Records reads what Effects.Records wrote. Load returns nil, nil for what does not exist. It sees every record
// that was handed out before, also when the disk is still behind (a driver syncs first).
type Records interface {
	Load(key []byte) ([]byte, error)
}
