package onion

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Peeled is what one hop finds in its layer.
type Peeled struct {
	Payload *Payload
	Secret  Secret
	Next    *Packet  // for the next hop; nil where this hop is the last
	Blinded *Blinded // where the payload has encrypted_recipient_data
}

// Final says whether the payment ends here.
func (p *Peeled) Final() bool { return p.Next == nil }

// PeelError is why a packet was refused, and how the refusal must be told.
type PeelError struct {
	Failure Failure
	// Secret encrypts the failure into update_fail_htlc; nil means update_fail_malformed_htlc with the failure's code and SHA256.
	Secret *Secret
	Err    error
}

func (e *PeelError) Error() string { return fmt.Sprintf("peel onion: %v: %v", e.Failure.Code, e.Err) }
func (e *PeelError) Unwrap() error { return e.Err }

// Reasons in a PeelError, besides a *PayloadError.
var (
	errVersion    = errors.New("unknown version")
	errKey        = errors.New("ephemeral key is no point")
	errHMAC       = errors.New("hmac differs")
	errFrame      = errors.New("payload does not fit the packet")
	errMissing    = errors.New("required record is missing")
	errForbidden  = errors.New("record is not allowed here")
	errNotBlinded = errors.New("path_key without encrypted_recipient_data")
)

// Peel opens the layer of the node that has key. hash is the HTLC's payment hash; blinding is update_add_htlc's path_key,
// nil where absent. An error is always a *PeelError.
//
// It costs one ECDH, one multiplication for the next hop's ephemeral key where there is a next hop, and two more of each inside a blinded path.
func Peel(key *btcec.PrivateKey, packet *Packet, hash lnwire.Hash, blinding *lnwire.PubKey) (*Peeled, error) {
	p, err := peel(key, packet, hash, blinding)
	if err == nil {
		return p, nil
	}
	var refused *PeelError
	if !errors.As(err, &refused) {
		panic(fmt.Sprintf("onion: %v", err))
	}
	if blinding != nil {
		// BOLT 2: "If path_key is set in the incoming update_add_htlc: MUST send an update_fail_malformed_htlc error
		// using the invalid_onion_blinding failure code for any local or downstream errors."
		return nil, &PeelError{Failure: Failure{Code: InvalidOnionBlinding, SHA256: sha256.Sum256(packet[:])}, Err: refused.Err}
	}
	return nil, refused
}

func peel(key *btcec.PrivateKey, packet *Packet, hash lnwire.Hash, blinding *lnwire.PubKey) (*Peeled, error) {
	malformed := func(code Code, err error) error {
		return &PeelError{Failure: Failure{Code: code, SHA256: sha256.Sum256(packet[:])}, Err: err}
	}
	if packet[0] != version {
		return nil, malformed(InvalidOnionVersion, errVersion)
	}
	ephemeral, err := curve.Parse((*[33]byte)(packet[1:keyEnd]))
	if err != nil {
		return nil, malformed(InvalidOnionKey, errKey)
	}
	dh := ephemeral
	var path *pathSecret
	if blinding != nil {
		if path, err = newPathSecret(key, blinding); err != nil {
			return nil, malformed(InvalidOnionBlinding, err)
		}
		if dh, err = path.tweak(ephemeral); err != nil {
			return nil, malformed(InvalidOnionKey, err)
		}
	}
	secret := Secret(curve.ECDH(key, dh))
	// BOLT 4: "MUST use a constant time comparison of the computed HMAC and hmac."
	if !hmac.Equal(routeMAC(&secret, packet[keyEnd:routeEnd], hash[:]), packet[routeEnd:]) {
		return nil, malformed(InvalidOnionHMAC, errHMAC)
	}
	out := &Peeled{Secret: secret}
	raw, err := out.unwrap(packet, ephemeral)
	if err != nil {
		return nil, invalidPayload(&secret, err)
	}
	if out.Payload, err = DecodePayload(raw); err != nil {
		return nil, invalidPayload(&secret, err)
	}
	if err := out.interpret(key, path); err != nil {
		return nil, err
	}
	return out, nil
}

// unwrap decrypts the layer, returns its payload and sets Next.
func (p *Peeled) unwrap(packet *Packet, ephemeral *btcec.PublicKey) ([]byte, error) {
	var open [streamLen]byte
	copy(open[:], packet[keyEnd:routeEnd])
	xorStream(deriveKey("rho", &p.Secret), open[:], open[:])

	// BOLT 4: "If the payload_length is less than two: MUST abort processing the packet and fail." Likewise where what it promises is not there.
	length, n, err := readBigSize(open[:routeSize])
	if err != nil {
		return nil, err
	}
	if length < 2 || length > uint64(routeSize-n-hmacSize) {
		return nil, errFrame
	}
	end := n + int(length)
	payload, mac := open[n:end], open[end:end+hmacSize]
	if [hmacSize]byte(mac) == ([hmacSize]byte{}) {
		return payload, nil
	}
	tweak := blindingFactor(ephemeral, &p.Secret)
	next, err := curve.Mul(ephemeral, &tweak)
	if err != nil {
		return nil, err // a scalar of zero: nobody can find one
	}
	p.Next = new(Packet)
	p.Next[0] = version
	copy(p.Next[1:], next.SerializeCompressed())
	copy(p.Next[keyEnd:], open[end+hmacSize:][:routeSize])
	copy(p.Next[routeEnd:], mac)
	return payload, nil
}

// interpret checks which records are there (BOLT 4, "The reader") and opens the recipient's data. The values are for the caller to check.
func (p *Peeled) interpret(key *btcec.PrivateKey, path *pathSecret) error {
	pl := p.Payload
	if pl.RecipientData == nil {
		if path != nil || pl.PathKey != nil {
			return invalidPayload(&p.Secret, &PayloadError{Type: typePathKey, Err: errNotBlinded})
		}
		return p.require(
			present{typeAmount, pl.Amount != nil},
			present{typeExpiry, pl.Expiry != nil},
			present{typeSCID, p.Final() || pl.SCID != nil})
	}
	introduction := path == nil
	err := p.openBlinded(key, path)
	var refused *PeelError
	if errors.As(err, &refused) && introduction && !p.Final() {
		// BOLT 4: "if current_path_key is set in the onion payload and it is not the final node: MUST return an invalid_onion_blinding error."
		refused.Failure = Failure{Code: InvalidOnionBlinding}
	}
	return err
}

func (p *Peeled) openBlinded(key *btcec.PrivateKey, path *pathSecret) error {
	pl := p.Payload
	fail := func(typ uint64, err error) error {
		return invalidPayload(&p.Secret, &PayloadError{Type: typ, Err: err})
	}
	introduction := path == nil
	switch {
	case introduction && pl.PathKey == nil:
		return fail(typePathKey, errMissing)
	case !introduction && pl.PathKey != nil:
		return fail(typePathKey, errForbidden)
	case introduction:
		var err error
		if path, err = newPathSecret(key, pl.PathKey); err != nil {
			return fail(typePathKey, err)
		}
	}
	b, err := path.open(pl.RecipientData)
	if err != nil {
		return fail(typeRecipientData, err)
	}
	b.Introduction = introduction
	p.Blinded = b
	if typ, bad := pl.besidesBlinded(p.Final()); bad {
		return fail(typ, errForbidden)
	}
	if p.Final() {
		return p.require(present{typeAmount, pl.Amount != nil}, present{typeExpiry, pl.Expiry != nil}, present{typeTotalAmount, pl.Total != nil})
	}
	if b.Data.Relay == nil || (b.Data.SCID == nil) == (b.Data.NextNode == nil) {
		return fail(typeRecipientData, errMissing)
	}
	return nil
}

// besidesBlinded finds a record that the payload of a blinded hop may not have.
func (p *Payload) besidesBlinded(final bool) (typ uint64, found bool) {
	for _, r := range []present{
		{typeAmount, p.Amount != nil && !final},
		{typeExpiry, p.Expiry != nil && !final},
		{typeTotalAmount, p.Total != nil && !final},
		{typeSCID, p.SCID != nil},
		{typePaymentData, p.PaymentData != nil},
		{typeMetadata, p.Metadata != nil},
		{TypeKeysend, p.Keysend != nil},
		{CustomRecordFloor, len(p.Custom) > 0},
	} {
		if r.is {
			return r.typ, true
		}
	}
	return 0, false
}

type present struct {
	typ uint64
	is  bool
}

func (p *Peeled) require(records ...present) error {
	for _, r := range records {
		if !r.is {
			return invalidPayload(&p.Secret, &PayloadError{Type: r.typ, Err: errMissing})
		}
	}
	return nil
}

func invalidPayload(secret *Secret, err error) error {
	f := Failure{Code: InvalidOnionPayload}
	var at *PayloadError
	if errors.As(err, &at) {
		f.TLVType, f.Offset = at.Type, at.Offset
	}
	return &PeelError{Failure: f, Secret: secret, Err: err}
}
