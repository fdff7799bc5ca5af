package noise

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/fulmen-ln/fulmen/internal/curve"
)

// Sizes of the acts, and their version.
const (
	ActOneSize   = 50
	ActTwoSize   = 50
	ActThreeSize = 66

	version = 0
	keySize = 33
	tagSize = 16
)

var (
	// ErrActSize: an act is not as long as it has to be.
	ErrActSize = errors.New("handshake act has the wrong size")
	// ErrVersion: the other side wants a handshake that we do not know.
	// BOLT 8: "Clients MUST reject handshake attempts initiated with an unknown version."
	ErrVersion = errors.New("unknown handshake version")
	// ErrBadKey: 33 bytes that should be a public key are none.
	ErrBadKey = errors.New("bad public key")
	// ErrBadTag: authentication failed. On act one it means that the caller wanted somebody else.
	ErrBadTag = errors.New("message authentication failed")
)

// Keys is what a handshake yields: one key for each direction, and the chaining key that both rotate with.
type Keys struct{ Send, Receive, Chaining [32]byte }

// state is what both sides carry through the acts: BOLT 8's ck, h and the latest temp_k.
type state struct{ ck, h, temp [32]byte }

// newState begins as BOLT 8 prescribes, with the responder's static key mixed in.
func newState(responder []byte) state {
	h := sha256.Sum256([]byte("Noise_XK_secp256k1_ChaChaPoly_SHA256"))
	s := state{ck: h, h: h}
	s.mix([]byte("lightning"))
	s.mix(responder)
	return s
}

func (s *state) mix(data []byte) {
	h := sha256.New()
	h.Write(s.h[:])
	h.Write(data)
	h.Sum(s.h[:0])
}

func (s *state) mixKey(k *btcec.PrivateKey, p *btcec.PublicKey) {
	s.ck, s.temp = derive(s.ck, ecdh(k, p))
}

// seal encrypts under temp and mixes what comes out.
func (s *state) seal(dst []byte, nonce uint64, plaintext []byte) []byte {
	n := len(dst)
	dst = newAEAD(s.temp).Seal(dst, nonceOf(nonce), plaintext, s.h[:])
	s.mix(dst[n:])
	return dst
}

func (s *state) open(nonce uint64, ciphertext []byte) ([]byte, error) {
	plaintext, err := newAEAD(s.temp).Open(nil, nonceOf(nonce), ciphertext, s.h[:])
	if err != nil {
		return nil, ErrBadTag
	}
	s.mix(ciphertext)
	return plaintext, nil
}

// keys splits the chaining key into the initiator's sending and receiving keys.
func (s *state) keys() (initiator, responder [32]byte) { return derive(s.ck, nil) }

// ecdh is BOLT 8's ECDH: "the SHA256 of the compressed format of the generated point".
func ecdh(k *btcec.PrivateKey, p *btcec.PublicKey) []byte {
	secret := curve.ECDH(k, p)
	return secret[:]
}

// key parses a compressed point; no other encoding is one (BOLT 8).
func key(b []byte) (*btcec.PublicKey, error) {
	if len(b) != keySize {
		return nil, ErrBadKey
	}
	k, err := curve.Parse((*[keySize]byte)(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	return k, nil
}

// checked reads the size and the version of an act and returns what follows.
func checked(act []byte, size int) ([]byte, error) {
	if len(act) != size {
		return nil, fmt.Errorf("%w: %d bytes, not %d", ErrActSize, len(act), size)
	}
	if act[0] != version {
		return nil, fmt.Errorf("%w: %d", ErrVersion, act[0])
	}
	return act[1:], nil
}

// hello writes acts one and two, which have the same shape: version, ephemeral key, tag.
func (s *state) hello(ephemeral *btcec.PrivateKey, p *btcec.PublicKey) (act [ActOneSize]byte) {
	e := curve.Public(ephemeral).SerializeCompressed()
	s.mix(e)
	s.mixKey(ephemeral, p)
	s.seal(append(append(act[:0], version), e...), 0, nil)
	return act
}

// heard reads act one or two: it returns the other side's ephemeral key once the tag is good.
func (s *state) heard(act []byte, k *btcec.PrivateKey) (*btcec.PublicKey, error) {
	body, err := checked(act, ActOneSize)
	if err != nil {
		return nil, err
	}
	re, err := key(body[:keySize])
	if err != nil {
		return nil, err
	}
	s.mix(body[:keySize])
	s.mixKey(k, re)
	if _, err := s.open(0, body[keySize:]); err != nil {
		return nil, err
	}
	return re, nil
}

// Initiator is the calling side between act one and act two.
type Initiator struct {
	state
	local, ephemeral *btcec.PrivateKey
}

// Initiate makes act one, for the node whose id is remote. The ephemeral key must be fresh: BOLT 8, "For each
// session, a node MUST generate a new ephemeral key with strong cryptographic randomness."
func Initiate(local, ephemeral *btcec.PrivateKey, remote [33]byte) (*Initiator, [ActOneSize]byte, error) {
	rs, err := key(remote[:])
	if err != nil {
		return nil, [ActOneSize]byte{}, err
	}
	i := &Initiator{newState(remote[:]), local, ephemeral}
	return i, i.hello(ephemeral, rs), nil
}

// Finish reads act two and makes act three. It is called once: after an error the connection is to be closed.
func (i *Initiator) Finish(actTwo []byte) (act [ActThreeSize]byte, keys Keys, err error) {
	re, err := i.heard(actTwo, i.ephemeral)
	if err != nil {
		return act, Keys{}, fmt.Errorf("act two: %w", err)
	}
	b := i.seal(append(act[:0], version), 1, curve.Public(i.local).SerializeCompressed())
	i.mixKey(i.local, re)
	i.seal(b, 0, nil)
	keys.Send, keys.Receive = i.keys()
	keys.Chaining = i.ck
	return act, keys, nil
}

// Responder is the called side between act two and act three.
type Responder struct {
	state
	ephemeral *btcec.PrivateKey
}

// Respond reads act one and makes act two. After an error nothing may be sent: BOLT 8, "the responder MUST
// terminate the connection without any further messages."
func Respond(local, ephemeral *btcec.PrivateKey, actOne []byte) (*Responder, [ActTwoSize]byte, error) {
	r := &Responder{newState(curve.Public(local).SerializeCompressed()), ephemeral}
	re, err := r.heard(actOne, local)
	if err != nil {
		return nil, [ActTwoSize]byte{}, fmt.Errorf("act one: %w", err)
	}
	return r, r.hello(ephemeral, re), nil
}

// Finish reads act three and learns who called. It is called once.
func (r *Responder) Finish(actThree []byte) (remote [33]byte, keys Keys, err error) {
	fail := func(err error) ([33]byte, Keys, error) { return [33]byte{}, Keys{}, fmt.Errorf("act three: %w", err) }
	body, err := checked(actThree, ActThreeSize)
	if err != nil {
		return fail(err)
	}
	static, err := r.open(1, body[:keySize+tagSize])
	if err != nil {
		return fail(err)
	}
	rs, err := key(static)
	if err != nil {
		return fail(err)
	}
	r.mixKey(r.ephemeral, rs)
	if _, err := r.open(0, body[keySize+tagSize:]); err != nil {
		return fail(err)
	}
	keys.Receive, keys.Send = r.keys()
	keys.Chaining = r.ck
	return [33]byte(static), keys, nil
}
