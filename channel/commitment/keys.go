package commitment

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Keys are the public keys of one commitment, derived from its owner's per-commitment point. Deriving them is most of
// the work of building a small commitment: keep them as long as the point is in use.
type Keys struct {
	Owner      Side
	Point      lnwire.PubKey
	HTLC       [2]lnwire.PubKey // by Side
	Delayed    lnwire.PubKey    // the owner's
	Revocation lnwire.PubKey    // the other's, once the owner has revealed its secret
	ToRemote   lnwire.PubKey    // the other's
}

// ErrSecret: a per-commitment secret that is no scalar of the curve, or does not fit those before it.
var ErrSecret = errors.New("not a valid per-commitment secret")

// DeriveKeys derives the keys of owner's commitment (BOLT 3: Key Derivation). It fails where a point that the
// counterparty sent is none.
func DeriveKeys(p *Params, owner Side, point lnwire.PubKey) (*Keys, error) {
	pt, err := point.Parse()
	if err != nil {
		return nil, fmt.Errorf("per-commitment point: %w", err)
	}
	mine, other := &p.Parties[owner], &p.Parties[owner.Other()]
	var sums [4]curve.Sum
	for i, d := range []struct {
		name string
		from lnwire.PubKey
	}{
		{"htlc_basepoint", mine.HTLC},
		{"htlc_basepoint", other.HTLC},
		{"delayed_payment_basepoint", mine.Delayed},
	} {
		if sums[i], err = tweakedKey(d.from, point); err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
	}
	if sums[3], err = revocationKey(other.Revocation, point, pt); err != nil {
		return nil, fmt.Errorf("revocation_basepoint: %w", err)
	}
	var keys [len(sums)][33]byte
	if err := curve.Compress(keys[:], sums[:]); err != nil {
		return nil, err
	}
	// BOLT 3: "The remotepubkey is simply the remote node's payment_basepoint."
	k := &Keys{Owner: owner, Point: point, Delayed: keys[2], Revocation: keys[3], ToRemote: other.Payment}
	k.HTLC[owner], k.HTLC[owner.Other()] = keys[0], keys[1]
	return k, nil
}

// PointOf is the per-commitment point of a secret, or ErrSecret.
func PointOf(s lnwire.Secret) (lnwire.PubKey, error) {
	key, err := scalar(s)
	if err != nil {
		return lnwire.PubKey{}, err
	}
	pub, err := curve.Base(key)
	if err != nil {
		return lnwire.PubKey{}, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	return lnwire.NewPubKey(pub), nil
}

// scalar reads a secret; zero and numbers from the group order on are refused.
func scalar(s lnwire.Secret) (*curve.Scalar, error) {
	k := new(curve.Scalar)
	if k.SetByteSlice(s[:]) || k.IsZero() {
		return nil, ErrSecret
	}
	return k, nil
}

// hashToScalar is SHA256(a || b) modulo the order.
func hashToScalar(a, b lnwire.PubKey) *curve.Scalar {
	h := sha256.Sum256(append(a[:], b[:]...))
	k := new(curve.Scalar)
	k.SetByteSlice(h[:])
	return k
}

// tweakedKey is BOLT 3's "pubkey = basepoint + SHA256(per_commitment_point || basepoint) * G".
func tweakedKey(base, point lnwire.PubKey) (curve.Sum, error) {
	b, err := base.Parse()
	if err != nil {
		return curve.Sum{}, err
	}
	return curve.AddBase(b, hashToScalar(point, base)), nil
}

// tweakedSecret is BOLT 3's "privkey = basepoint_secret + SHA256(per_commitment_point || basepoint)".
func tweakedSecret(secret *curve.PrivateKey, base, point lnwire.PubKey) *curve.PrivateKey {
	k := hashToScalar(point, base)
	k.Add(&secret.Key)
	return btcec.PrivKeyFromScalar(k)
}

// revocationKey is BOLT 3's "revocationpubkey = revocation_basepoint * SHA256(revocation_basepoint || per_commitment_point)
// + per_commitment_point * SHA256(per_commitment_point || revocation_basepoint)".
func revocationKey(base, point lnwire.PubKey, pt *curve.PublicKey) (curve.Sum, error) {
	b, err := base.Parse()
	if err != nil {
		return curve.Sum{}, err
	}
	return curve.Combine(b, hashToScalar(base, point), pt, hashToScalar(point, base)), nil
}

// revocationSecret is BOLT 3's "revocationprivkey = revocation_basepoint_secret * SHA256(revocation_basepoint ||
// per_commitment_point) + per_commitment_secret * SHA256(per_commitment_point || revocation_basepoint)".
func revocationSecret(secret *curve.PrivateKey, base, point lnwire.PubKey, revealed *curve.Scalar) *curve.PrivateKey {
	a, b := hashToScalar(base, point), hashToScalar(point, base)
	a.Mul(&secret.Key)
	b.Mul(revealed)
	a.Add(b)
	return btcec.PrivKeyFromScalar(a)
}
