package onion

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// failureSize is what failuremsg and pad come to at least (BOLT 4: "MUST set pad such that the failure_len plus pad_len is at least 256").
const failureSize = 256

// reasonOverhead is the HMAC and the two lengths of a return packet.
const reasonOverhead = sha256.Size + 2 + 2

// MaxReasonSize bounds a return packet that is read or passed on; update_fail_htlc cannot carry more.
const MaxReasonSize = 65535

// ErrUnreadable: no hop of the route made this return packet, or one on the way spoiled it.
var ErrUnreadable = errors.New("onion: the failure's origin cannot be told")

// NewFailure makes the return packet of the node that found the failure, encrypted with the secret it shares with the sender.
func NewFailure(secret *Secret, f *Failure) []byte {
	return newReason(secret, f.Encode(), failureSize)
}

// newReason pads msg to size.
func newReason(secret *Secret, msg []byte, size int) []byte {
	pad := max(0, size-len(msg))
	b := make([]byte, sha256.Size, reasonOverhead+len(msg)+pad)
	b = binary.BigEndian.AppendUint16(b, uint16(len(msg)))
	b = append(b, msg...)
	b = binary.BigEndian.AppendUint16(b, uint16(pad))
	b = append(b, make([]byte, pad)...)
	copy(b, reasonMAC(secret, b[sha256.Size:]))
	xorStream(deriveKey("ammag", secret), b, b)
	return b
}

// Encrypt adds this node's layer to a return packet from downstream. The reason is not changed.
func Encrypt(secret *Secret, reason []byte) []byte {
	out := make([]byte, len(reason))
	xorStream(deriveKey("ammag", secret), out, reason)
	return out
}

// Decrypt finds the hop that made the return packet, counted from zero at the sender's peer, and its message.
// It does the work of MaxHops layers whatever the hop, so that the time it takes tells nothing about the route.
// ErrFailure comes with the hop and the failure's code, ErrUnreadable with neither.
func Decrypt(secrets []Secret, reason []byte) (hop int, f Failure, err error) {
	hop, msg, err := open(secrets, reason)
	if err != nil {
		return hop, Failure{}, err
	}
	f, err = DecodeFailure(msg)
	return hop, f, err
}

// open is Decrypt without the last step.
func open(secrets []Secret, reason []byte) (hop int, msg []byte, err error) {
	if len(reason) < reasonOverhead || len(reason) > MaxReasonSize {
		return -1, nil, ErrUnreadable
	}
	var dummy Secret
	hop = -1
	layer := append([]byte(nil), reason...)
	found := make([]byte, len(layer))
	// BOLT 4: "SHOULD continue decrypting, until the loop has been repeated 27 times" and "SHOULD use constant ammag and um keys to obfuscate the route length."
	for i := range MaxHops {
		secret := &dummy
		if hop < 0 && i < len(secrets) {
			secret = &secrets[i]
		}
		xorStream(deriveKey("ammag", secret), layer, layer)
		mac := reasonMAC(secret, layer[sha256.Size:])
		if hmac.Equal(mac, layer[:sha256.Size]) && hop < 0 && i < len(secrets) {
			hop = i
			copy(found, layer)
		}
	}
	if hop < 0 {
		return -1, nil, ErrUnreadable
	}
	body := found[sha256.Size:]
	n := int(binary.BigEndian.Uint16(body))
	if n > len(body)-2 {
		return hop, nil, ErrFailure
	}
	return hop, body[2 : 2+n], nil
}

func reasonMAC(secret *Secret, body []byte) []byte {
	h := hmac.New(sha256.New, deriveKey("um", secret))
	h.Write(body)
	return h.Sum(nil)
}
