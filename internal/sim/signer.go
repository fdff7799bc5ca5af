package sim

import (
	"crypto/sha256"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Signer is a channel.Signer that remembers what it signs. Fast ones do not use the curve: a signature is a hash of what is
// signed, which the other side's Signer checks. Both sides of a pair must be alike.
type Signer struct {
	channel.Signer
	fast   bool
	Signed map[uint64]*commitment.Commitment // of the peer, by number
}

// NewSigner makes keys from seed.
func NewSigner(seed [32]byte, fast bool) *Signer {
	return &Signer{Signer: commitment.NewSecrets(seed), fast: fast, Signed: make(map[uint64]*commitment.Commitment)}
}

var errForged = errors.New("sim: not the signature of this commitment")

// mark is what a fast signature of tx looks like.
func mark(tx *wire.MsgTx) (s lnwire.Sig) {
	h := tx.TxHash()
	first := sha256.Sum256(h[:])
	copy(s[:], first[:])
	copy(s[32:], h[:])
	return s
}

func marks(c *commitment.Commitment) (sigs []lnwire.Sig) {
	for i := range c.HTLCs {
		sigs = append(sigs, mark(c.HTLCs[i].Tx))
	}
	return sigs
}

// SignRemote signs and remembers.
func (s *Signer) SignRemote(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, []lnwire.Sig, error) {
	s.Signed[c.Number] = c
	if !s.fast {
		return s.Signer.SignRemote(p, c)
	}
	return mark(c.Tx), marks(c), nil
}

// SignLocal signs our own commitment.
func (s *Signer) SignLocal(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, error) {
	if !s.fast {
		return s.Signer.SignLocal(p, c)
	}
	return mark(c.Tx), nil
}

// SignClosing signs a closing transaction.
func (s *Signer) SignClosing(p *commitment.Params, tx *wire.MsgTx) (lnwire.Sig, error) {
	if !s.fast {
		return s.Signer.SignClosing(p, tx)
	}
	return mark(tx), nil
}

// Verify checks the peer's signatures on our commitment.
func (s *Signer) Verify(p *commitment.Params, c *commitment.Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) error {
	if !s.fast {
		return commitment.Verify(p, c, sig, htlcSigs)
	}
	want := marks(c)
	if sig != mark(c.Tx) || len(want) != len(htlcSigs) {
		return errForged
	}
	for i := range want {
		if want[i] != htlcSigs[i] {
			return errForged
		}
	}
	return nil
}

// VerifyClosing checks the peer's signature on a closing transaction.
func (s *Signer) VerifyClosing(p *commitment.Params, tx *wire.MsgTx, sig lnwire.Sig) error {
	if !s.fast {
		return commitment.VerifyFunding(p, tx, sig)
	}
	if sig != mark(tx) {
		return errForged
	}
	return nil
}

// NodeKey signs announcements with a key of its own.
type NodeKey struct{ *commitment.Secrets }

// NewNodeKey makes a node's key.
func NewNodeKey(seed [32]byte) NodeKey { return NodeKey{commitment.NewSecrets(seed)} }

// ID is the node's public key.
func (k NodeKey) ID() lnwire.PubKey { return k.Basepoints().Funding }

// SignNode signs d.
func (k NodeKey) SignNode(d chainhash.Hash) lnwire.Sig { return k.SignDigest(d) }
