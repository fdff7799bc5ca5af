package onion

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"golang.org/x/crypto/chacha20"

	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// PacketSize is the size of every onion_packet of a payment, whatever the length of its route.
const PacketSize = lnwire.OnionPacketSize

const (
	version   = 0
	keyEnd    = 1 + 33        // version and public_key
	routeSize = 1300          // hop_payloads
	routeEnd  = keyEnd + 1300 // hop_payloads
	hmacSize  = sha256.Size   // of a hop's frame, and of the packet
	streamLen = 2 * routeSize // what a hop needs to open its layer and fill up behind it
)

// MaxHops is how many hops of the smallest useful payload the packet holds (BOLT 4: "maximum route length of tlv payload type").
const MaxHops = 27

// Packet is an onion_packet as update_add_htlc carries it.
type Packet = [PacketSize]byte

// Secret is what the sender and one hop share.
type Secret [32]byte

// Hop is one node of the route and what it is told.
type Hop struct {
	Node    lnwire.PubKey
	Payload Payload
}

// Errors of Build: the route is no route, or does not fit.
var (
	ErrNoHops  = errors.New("onion: a route needs a hop")
	ErrTooLong = errors.New("onion: the route's instructions exceed the packet")
)

// Build wraps the payloads for the hops, first hop first. The session key is one payment attempt's entropy and must never be
// used twice. hash is the payment hash, which the packet is bound to. The secrets are in the order of the hops.
func Build(hops []Hop, session *btcec.PrivateKey, hash lnwire.Hash) (*Packet, []Secret, error) {
	frames := make([][]byte, len(hops))
	for i := range hops {
		b := hops[i].Payload.Encode()
		if _, err := DecodePayload(b); err != nil {
			return nil, nil, fmt.Errorf("hop %d: %w", i, err)
		}
		frames[i] = b
	}
	nodes := make([]*btcec.PublicKey, len(hops))
	for i := range hops {
		k, err := hops[i].Node.Parse()
		if err != nil {
			return nil, nil, fmt.Errorf("hop %d: %w", i, err)
		}
		nodes[i] = k
	}
	return build(nodes, frames, session, hash[:])
}

// build is Build over payloads that are already bytes.
func build(nodes []*btcec.PublicKey, payloads [][]byte, session *btcec.PrivateKey, assoc []byte) (*Packet, []Secret, error) {
	if len(nodes) == 0 {
		return nil, nil, ErrNoHops
	}
	total := 0
	for _, p := range payloads {
		total += frameSize(p)
	}
	if total > routeSize || len(nodes) > MaxHops {
		return nil, nil, ErrTooLong
	}
	ephemeral := curve.Public(session)
	secrets := deriveSecrets(nodes, session, ephemeral)

	// BOLT 4: the packet starts as random bytes from a key of its own, so that the last hop cannot tell how long the route was.
	packet := new(Packet)
	route := packet[keyEnd:routeEnd]
	var seed Secret
	session.Key.PutBytes((*[32]byte)(&seed))
	xorStream(deriveKey("pad", &seed), route, route)

	streams := make([][]byte, len(nodes))
	for i := range secrets {
		streams[i] = make([]byte, streamLen)
		xorStream(deriveKey("rho", &secrets[i]), streams[i], streams[i])
	}
	mac := packet[routeEnd:]
	for i := len(nodes) - 1; i >= 0; i-- {
		size := frameSize(payloads[i])
		copy(route[size:], route[:routeSize-size])
		frame := appendBigSize(route[:0], uint64(len(payloads[i])))
		frame = append(frame, payloads[i]...)
		copy(route[len(frame):], mac) // all zero at the last hop: "This is the final destination of the onion."
		xor(route, streams[i])
		if i == len(nodes)-1 {
			fill := filler(payloads, streams)
			copy(route[routeSize-len(fill):], fill)
		}
		copy(mac, routeMAC(&secrets[i], route, assoc))
	}
	packet[0] = version
	copy(packet[1:keyEnd], ephemeral.SerializeCompressed())
	return packet, secrets, nil
}

// deriveSecrets makes the secret of each hop, blinding the ephemeral key from hop to hop (BOLT 4, "Shared Secret").
func deriveSecrets(nodes []*btcec.PublicKey, session *btcec.PrivateKey, ephemeral *btcec.PublicKey) []Secret {
	secrets := make([]Secret, len(nodes))
	scalar := session.Key
	for i, node := range nodes {
		secrets[i] = curve.ECDH(btcec.PrivKeyFromScalar(&scalar), node)
		if i == len(nodes)-1 {
			break
		}
		b := blindingFactor(ephemeral, &secrets[i])
		scalar.Mul(&b)
		ephemeral = curve.Public(btcec.PrivKeyFromScalar(&scalar))
	}
	return secrets
}

// filler is what the hops before the last leave at the packet's end, since each pads with its own stream (BOLT 4, "Filler Generation").
func filler(payloads [][]byte, streams [][]byte) []byte {
	fill := make([]byte, 0, routeSize)
	for i := 0; i < len(payloads)-1; i++ {
		before := len(fill)
		fill = fill[:before+frameSize(payloads[i])]
		xor(fill, streams[i][routeSize-before:])
	}
	return fill
}

// frameSize of a payload in the packet: its length, itself, and the next hop's HMAC.
func frameSize(payload []byte) int { return bigSizeLen(uint64(len(payload))) + len(payload) + hmacSize }

// deriveKey is BOLT 4's key generation.
func deriveKey(kind string, secret *Secret) []byte {
	h := hmac.New(sha256.New, []byte(kind))
	h.Write(secret[:])
	return h.Sum(nil)
}

func routeMAC(secret *Secret, route, assoc []byte) []byte {
	h := hmac.New(sha256.New, deriveKey("mu", secret))
	h.Write(route)
	h.Write(assoc)
	return h.Sum(nil)
}

// xorStream applies the pseudo-random stream of key: a fixed nonce is safe, "since the keys are never reused".
func xorStream(key, dst, src []byte) {
	var nonce [chacha20.NonceSize]byte
	c, err := chacha20.NewUnauthenticatedCipher(key, nonce[:])
	if err != nil {
		panic(err) // only a wrong key length, and ours is SHA256's
	}
	c.XORKeyStream(dst, src)
}

// xor mixes as many bytes of b into a as a has.
func xor(a, b []byte) {
	for i := range a {
		a[i] ^= b[i]
	}
}

func blindingFactor(ephemeral *btcec.PublicKey, secret *Secret) (b btcec.ModNScalar) {
	h := sha256.New()
	h.Write(ephemeral.SerializeCompressed())
	h.Write(secret[:])
	b.SetByteSlice(h.Sum(nil))
	return b
}

func fixed(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

func appendFixed(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }
