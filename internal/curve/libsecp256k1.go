//go:build libsecp256k1

package curve

/*
#cgo pkg-config: libsecp256k1
#cgo noescape curve_sign
#cgo nocallback curve_sign
#cgo noescape curve_sign_recoverable
#cgo nocallback curve_sign_recoverable
#cgo noescape curve_recover
#cgo nocallback curve_recover
#cgo noescape curve_verify
#cgo nocallback curve_verify
#cgo noescape curve_parse
#cgo nocallback curve_parse
#cgo noescape curve_base
#cgo nocallback curve_base
#cgo noescape curve_mul
#cgo nocallback curve_mul
#cgo noescape curve_add_base
#cgo nocallback curve_add_base
#cgo noescape curve_combine
#cgo nocallback curve_combine
#cgo noescape curve_ecdh
#cgo nocallback curve_ecdh

#include <string.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>

// Points cross the border as x and y, 32 bytes each. All functions return 1, or 0 where there is no result.

typedef unsigned char byte;

static secp256k1_context *ctx;

static int curve_init(const byte *seed) {
	ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
	return ctx != NULL && secp256k1_context_randomize(ctx, seed);
}

static int load(secp256k1_pubkey *k, const byte *xy) {
	byte b[65];
	b[0] = 4;
	memcpy(b + 1, xy, 64);
	return secp256k1_ec_pubkey_parse(ctx, k, b, sizeof b);
}

static int store(byte *xy, const secp256k1_pubkey *k) {
	byte b[65];
	size_t n = sizeof b;
	secp256k1_ec_pubkey_serialize(ctx, b, &n, k, SECP256K1_EC_UNCOMPRESSED);
	memcpy(xy, b + 1, 64);
	return 1;
}

static int curve_sign(byte *sig, const byte *key, const byte *digest) {
	secp256k1_ecdsa_signature s;
	return secp256k1_ecdsa_sign(ctx, &s, digest, key, NULL, NULL)
		&& secp256k1_ecdsa_signature_serialize_compact(ctx, sig, &s);
}

static int curve_sign_recoverable(byte *sig, int *id, const byte *key, const byte *digest) {
	secp256k1_ecdsa_recoverable_signature s;
	return secp256k1_ecdsa_sign_recoverable(ctx, &s, digest, key, NULL, NULL)
		&& secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, sig, id, &s);
}

static int curve_recover(byte *xy, const byte *digest, const byte *sig, int id) {
	secp256k1_ecdsa_recoverable_signature s;
	secp256k1_pubkey k;
	return secp256k1_ecdsa_recoverable_signature_parse_compact(ctx, &s, sig, id)
		&& secp256k1_ecdsa_recover(ctx, &k, &s, digest)
		&& store(xy, &k);
}

static int curve_verify(const byte *xy, const byte *digest, const byte *sig) {
	secp256k1_ecdsa_signature s;
	secp256k1_pubkey k;
	return secp256k1_ecdsa_signature_parse_compact(ctx, &s, sig)
		&& load(&k, xy)
		&& secp256k1_ecdsa_verify(ctx, &s, digest, &k);
}

static int curve_parse(byte *xy, const byte *compressed) {
	secp256k1_pubkey k;
	return secp256k1_ec_pubkey_parse(ctx, &k, compressed, 33) && store(xy, &k);
}

static int curve_base(byte *out, const byte *scalar) {
	secp256k1_pubkey k;
	return secp256k1_ec_pubkey_create(ctx, &k, scalar) && store(out, &k);
}

static int curve_mul(byte *out, const byte *xy, const byte *scalar) {
	secp256k1_pubkey k;
	return load(&k, xy) && secp256k1_ec_pubkey_tweak_mul(ctx, &k, scalar) && store(out, &k);
}

static int curve_add_base(byte *out, const byte *xy, const byte *scalar) {
	secp256k1_pubkey k;
	return load(&k, xy) && secp256k1_ec_pubkey_tweak_add(ctx, &k, scalar) && store(out, &k);
}

// Neither scalar is zero.
static int curve_combine(byte *out, const byte *p, const byte *j, const byte *q, const byte *k) {
	secp256k1_pubkey a, b, sum;
	const secp256k1_pubkey *both[2] = {&a, &b};
	return load(&a, p) && secp256k1_ec_pubkey_tweak_mul(ctx, &a, j)
		&& load(&b, q) && secp256k1_ec_pubkey_tweak_mul(ctx, &b, k)
		&& secp256k1_ec_pubkey_combine(ctx, &sum, both, 2)
		&& store(out, &sum);
}

static int curve_ecdh(byte *secret, const byte *xy, const byte *key) {
	secp256k1_pubkey k;
	return load(&k, xy) && secp256k1_ecdh(ctx, secret, &k, key, NULL, NULL);
}
*/
import "C"

import (
	"crypto/rand"
	"crypto/sha256"
	"math"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

// The one context is read only after it is randomized here, which blinds multiplications by secrets; so all goroutines share it.
func init() {
	var seed [32]byte
	rand.Read(seed[:]) // never fails
	if C.curve_init(c(&seed[0])) != 1 {
		panic("curve: libsecp256k1 gives no context")
	}
}

// c is the first of some bytes for C, which keeps no pointer.
func c(b *byte) *C.byte { return (*C.byte)(b) }

// affine is x and y of a point, as they cross the border.
type affine [64]byte

func load(key *PublicKey) (a affine) {
	var p btcec.JacobianPoint
	key.AsJacobian(&p)
	p.X.PutBytesUnchecked(a[:32])
	p.Y.PutBytesUnchecked(a[32:])
	return a
}

// key takes the library's word that this is a point.
func (a *affine) key() *PublicKey {
	var x, y btcec.FieldVal
	x.SetByteSlice(a[:32])
	y.SetByteSlice(a[32:])
	return btcec.NewPublicKey(&x, &y)
}

// Sign returns r and s, 32 bytes each, over a digest. A key of zero panics: nobody has it.
func Sign(key *PrivateKey, digest *[32]byte) (sig [64]byte) {
	if beyondOrder(digest) {
		sig, _ = signBeyond(key, digest)
		return sig
	}
	d := key.Key.Bytes()
	if C.curve_sign(c(&sig[0]), c(&d[0]), c(&digest[0])) != 1 {
		panic("curve: signing with a key of zero")
	}
	return sig
}

// SignRecoverable is Sign, with the number from 0 to 3 by which Recover finds the key.
func SignRecoverable(key *PrivateKey, digest *[32]byte) (sig [64]byte, id byte) {
	if beyondOrder(digest) {
		return signBeyond(key, digest)
	}
	d := key.Key.Bytes()
	var n C.int
	if C.curve_sign_recoverable(c(&sig[0]), &n, c(&d[0]), c(&digest[0])) != 1 {
		panic("curve: signing with a key of zero")
	}
	return sig, byte(n)
}

// beyondOrder: the nonce of a digest that is not below the group order is another one in btcec, which does not reduce the
// digest first. One hash in 2^128 is such; both builds sign it as btcec does, so that no signature depends on the build.
func beyondOrder(digest *[32]byte) bool { return new(Scalar).SetBytes(digest) != 0 }

func signBeyond(key *PrivateKey, digest *[32]byte) (sig [64]byte, id byte) {
	const base = 31 // what SignCompact adds for a compressed key
	compact := ecdsa.SignCompact(key, digest[:], true)
	return [64]byte(compact[1:]), compact[0] - base
}

// Recover finds the key of a signature of SignRecoverable (SEC 1, 4.1.6). It takes a high s too.
func Recover(digest *[32]byte, sig *[64]byte, id byte) (*PublicKey, error) {
	var out affine
	// The library aborts the process on another id than these.
	if id > 3 || C.curve_recover(c(&out[0]), c(&digest[0]), c(&sig[0]), C.int(id)) != 1 {
		return nil, ErrRecover
	}
	return out.key(), nil
}

// Verify says whether sig is key's over digest. A zero, overflowing or high s, or such an r, is refused.
func Verify(key *PublicKey, digest *[32]byte, sig *[64]byte) bool {
	q := load(key)
	return C.curve_verify(c(&q[0]), c(&digest[0]), c(&sig[0])) == 1
}

// PrepareFrom is the number of signatures of one key from which Prepare pays for itself: never, with this library.
const PrepareFrom = math.MaxInt

// Prepared is a public key. It is immutable.
type Prepared struct{ key PublicKey }

// Prepare computes nothing here.
func Prepare(key *PublicKey) *Prepared { return &Prepared{*key} }

// Verify is Verify for the prepared key.
func (p *Prepared) Verify(digest *[32]byte, sig *[64]byte) bool { return Verify(&p.key, digest, sig) }

// Parse reads a compressed key.
func Parse(b *[33]byte) (*PublicKey, error) {
	var out affine
	if C.curve_parse(c(&out[0]), c(&b[0])) != 1 {
		return nil, ErrNoPoint
	}
	return out.key(), nil
}

// Public is the public key.
func Public(key *PrivateKey) *PublicKey {
	k, err := Base(&key.Key)
	if err != nil {
		return key.PubKey() // of zero: btcec's stand-in for infinity, equal to no key
	}
	return k
}

// ECDH is SHA256 of the compressed shared point (BOLT 4 and BOLT 8).
func ECDH(key *PrivateKey, p *PublicKey) (secret [32]byte) {
	in, d := load(p), key.Key.Bytes()
	if C.curve_ecdh(c(&secret[0]), c(&in[0]), c(&d[0])) != 1 {
		return sha256.Sum256(append([]byte{2}, make([]byte, 32)...)) // infinity, as btcec writes it
	}
	return secret
}

// Base returns k·G.
func Base(k *Scalar) (*PublicKey, error) {
	var out affine
	d := k.Bytes()
	if C.curve_base(c(&out[0]), c(&d[0])) != 1 {
		return nil, ErrInfinity
	}
	return out.key(), nil
}

// Mul returns k·p.
func Mul(p *PublicKey, k *Scalar) (*PublicKey, error) {
	s := multiply(p, k)
	return s.Key()
}

// Sum is a point; its zero value is infinity.
type Sum struct {
	p      affine
	finite bool
}

func multiply(p *PublicKey, k *Scalar) (s Sum) {
	in, d := load(p), k.Bytes()
	s.finite = C.curve_mul(c(&s.p[0]), c(&in[0]), c(&d[0])) == 1
	return s
}

// AddBase returns p + k·G.
func AddBase(p *PublicKey, k *Scalar) (s Sum) {
	in, d := load(p), k.Bytes()
	s.finite = C.curve_add_base(c(&s.p[0]), c(&in[0]), c(&d[0])) == 1
	return s
}

// Combine returns j·p + k·q.
func Combine(p *PublicKey, j *Scalar, q *PublicKey, k *Scalar) (s Sum) {
	if j.IsZero() {
		return multiply(q, k)
	}
	if k.IsZero() {
		return multiply(p, j)
	}
	a, b, m, n := load(p), load(q), j.Bytes(), k.Bytes()
	s.finite = C.curve_combine(c(&s.p[0]), c(&a[0]), c(&m[0]), c(&b[0]), c(&n[0])) == 1
	return s
}

// Compress writes the sums as compressed keys; here they are divided out already.
func Compress(to [][33]byte, sums []Sum) error {
	for i := range sums {
		s := &sums[i]
		if !s.finite {
			return ErrInfinity
		}
		to[i][0] = 2 | s.p[63]&1
		copy(to[i][1:], s.p[:32])
	}
	return nil
}

// Key is the sum as a key.
func (s Sum) Key() (*PublicKey, error) {
	if !s.finite {
		return nil, ErrInfinity
	}
	return s.p.key(), nil
}
