package commitment

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Secrets are one channel's private keys in memory. They are immutable and safe for concurrent use. Printing them shows
// nothing.
type Secrets struct {
	funding, revocation, payment, delayed, htlc *curve.PrivateKey
	seed                                        [32]byte // of the per-commitment secrets
	public                                      Basepoints
}

// NewSecrets derives all keys from one 32-byte seed. The derivation never changes: a restored node depends on it.
func NewSecrets(seed [32]byte) *Secrets {
	s := &Secrets{
		funding:    deriveKey(seed, "funding"),
		revocation: deriveKey(seed, "revocation"),
		payment:    deriveKey(seed, "payment"),
		delayed:    deriveKey(seed, "delayed"),
		htlc:       deriveKey(seed, "htlc"),
		seed:       deriveSeed(seed, "per-commitment", 0),
	}
	s.publish()
	return s
}

// publish computes the public keys.
func (s *Secrets) publish() {
	pub := func(k *curve.PrivateKey) lnwire.PubKey { return lnwire.NewPubKey(curve.Public(k)) }
	s.public = Basepoints{
		Funding: pub(s.funding), Revocation: pub(s.revocation), Payment: pub(s.payment),
		Delayed: pub(s.delayed), HTLC: pub(s.htlc),
	}
}

// deriveSeed is HMAC-SHA256(seed, "fulmen channel " || name || counter).
func deriveSeed(seed [32]byte, name string, counter byte) (out [32]byte) {
	mac := hmac.New(sha256.New, seed[:])
	mac.Write([]byte("fulmen channel "))
	mac.Write([]byte(name))
	mac.Write([]byte{counter})
	mac.Sum(out[:0])
	return out
}

// deriveKey takes the first counter that gives a scalar, which is 0 but for one seed in 2^128.
func deriveKey(seed [32]byte, name string) *curve.PrivateKey {
	for counter := byte(0); ; counter++ {
		if k, err := scalar(lnwire.Secret(deriveSeed(seed, name, counter))); err == nil {
			return btcec.PrivKeyFromScalar(k)
		}
	}
}

// String keeps keys out of logs.
func (s *Secrets) String() string   { return "commitment.Secrets(" + s.public.Funding.String() + ")" }
func (s *Secrets) GoString() string { return s.String() }

// Basepoints are the public keys.
func (s *Secrets) Basepoints() Basepoints { return s.public }

// Secret of commitment n, counted up from 0. Whoever has it can punish the publication of commitment n.
func (s *Secrets) Secret(n uint64) lnwire.Secret {
	if n > MaxNumber {
		panic(fmt.Sprintf("commitment: number %d exceeds 48 bits", n))
	}
	// BOLT 3: "The first secret used: MUST be index 281474976710655, and from there, the index is decremented."
	return generate(s.seed, MaxNumber-n)
}

// Point of commitment n, counted up from 0.
func (s *Secrets) Point(n uint64) lnwire.PubKey {
	point, err := PointOf(s.Secret(n))
	if err != nil { // a SHA256 that is no scalar
		panic(fmt.Sprintf("commitment: secret %d: %v", n, err))
	}
	return point
}

// SignRemote signs the counterparty's commitment: the funding input and each HTLC transaction, in output order.
func (s *Secrets) SignRemote(p *Params, c *Commitment) (lnwire.Sig, []lnwire.Sig, error) {
	if c.Owner != Remote {
		return lnwire.Sig{}, nil, ErrOwner
	}
	digest := fundingDigest(p, c.Tx)
	sig := lnwire.Sig(curve.Sign(s.funding, &digest))
	if len(c.HTLCs) == 0 {
		return sig, nil, nil
	}
	return sig, c.signAll(p.Format, tweakedSecret(s.htlc, s.public.HTLC, c.Keys.Point)), nil
}

// SignLocal signs the funding input of our own commitment, which is done only to publish it.
func (s *Secrets) SignLocal(p *Params, c *Commitment) (lnwire.Sig, error) {
	if c.Owner != Local {
		return lnwire.Sig{}, ErrOwner
	}
	return s.signFunding(p, c.Tx), nil
}

// SignClosing signs a closing transaction; ErrNotClosing where tx is something else.
func (s *Secrets) SignClosing(p *Params, tx *wire.MsgTx) (lnwire.Sig, error) {
	if !IsClosing(p, tx) {
		return lnwire.Sig{}, ErrNotClosing
	}
	return s.signFunding(p, tx), nil
}

func (s *Secrets) signFunding(p *Params, tx *wire.MsgTx) lnwire.Sig {
	digest := fundingDigest(p, tx)
	return curve.Sign(s.funding, &digest)
}

// SignDigest signs with the funding key: a channel_announcement's bitcoin_signature (BOLT 7).
func (s *Secrets) SignDigest(d chainhash.Hash) lnwire.Sig {
	return curve.Sign(s.funding, (*[32]byte)(&d))
}
