package onion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/btcsuite/btcd/btcec/v2"
	sphinx "github.com/lightningnetwork/lightning-onion"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Types of encrypted_data_tlv (BOLT 4).
const (
	typePadding         uint64 = 1
	typeBlindedSCID     uint64 = 2
	typeNextNode        uint64 = 4
	typePathID          uint64 = 6
	typeNextPathKey     uint64 = 8
	typeRelay           uint64 = 10
	typeConstraints     uint64 = 12
	typeAllowedFeatures uint64 = 14
)

// Relay is what a blinded hop takes for itself.
type Relay struct {
	CLTVDelta uint16
	FeeRate   uint32 // parts per million
	FeeBase   uint32 // msat
}

// Constraints bound the use of a blinded path.
type Constraints struct {
	MaxExpiry uint32
	Minimum   lnwire.MilliSatoshi
}

// RecipientData is the recipient's instruction for one hop of a blinded path (encrypted_data_tlv). Nil is absent.
type RecipientData struct {
	Padding     int // bytes of padding; -1 for none
	SCID        *lnwire.ShortChannelID
	NextNode    *lnwire.PubKey
	PathID      []byte
	NextPathKey *lnwire.PubKey // next_path_key_override
	Relay       *Relay
	Constraints *Constraints
	Features    []byte // allowed_features
}

// Blinded is the opened instruction of one hop.
type Blinded struct {
	Data         RecipientData
	Introduction bool          // the path begins here: path_key came in the payload, not in update_add_htlc
	PathKey      lnwire.PubKey // for the next hop's update_add_htlc
}

// Errors of a blinded hop's values; both are answered with invalid_onion_blinding.
var (
	ErrConstraint = errors.New("onion: the payment is outside of the blinded path's constraints")
	ErrBlindedFee = errors.New("onion: the payment does not cover the blinded path's fee or delta")
)

// Check holds an incoming HTLC against payment_constraints and allowed_features. This node asks for no feature of a payment,
// so that only the constraints can be violated, or a feature bit that is unknown be named: all are.
func (b *Blinded) Check(amount lnwire.MilliSatoshi, expiry uint32) error {
	for _, c := range b.Data.Features {
		// BOLT 4: "allowed_features.features contains an unknown feature bit (even if it is odd)."
		if c != 0 {
			return ErrConstraint
		}
	}
	if c := b.Data.Constraints; c != nil && (expiry > c.MaxExpiry || amount < c.Minimum) {
		return ErrConstraint
	}
	return nil
}

// Forward computes what a hop passes on of an HTLC that came in with amount and expiry, as BOLT 4 has it:
// "amt_to_forward = ((amount_msat - fee_base_msat) * 1000000 + 1000000 + fee_proportional_millionths - 1) / (1000000 + fee_proportional_millionths)".
func (b *Blinded) Forward(amount lnwire.MilliSatoshi, expiry uint32) (lnwire.MilliSatoshi, uint32, error) {
	r := b.Data.Relay
	rest, ok := amount.Sub(lnwire.MilliSatoshi(r.FeeBase))
	if !ok || uint32(r.CLTVDelta) > expiry {
		return 0, 0, ErrBlindedFee
	}
	divisor := 1_000_000 + uint64(r.FeeRate)
	hi, lo := bits.Mul64(uint64(rest), 1_000_000)
	lo, carry := bits.Add64(lo, divisor-1, 0)
	hi += carry
	if hi >= divisor {
		return 0, 0, ErrBlindedFee
	}
	forward, _ := bits.Div64(hi, lo, divisor)
	return lnwire.MilliSatoshi(forward), expiry - uint32(r.CLTVDelta), nil
}

// pathSecret is what the maker of a blinded path shares with this hop.
type pathSecret struct {
	key    *btcec.PublicKey // path_key
	secret Secret
}

func newPathSecret(key *btcec.PrivateKey, path *lnwire.PubKey) (*pathSecret, error) {
	p, err := path.Parse()
	if err != nil {
		return nil, err
	}
	return &pathSecret{key: p, secret: curve.ECDH(key, p)}, nil
}

// tweak moves the packet's ephemeral key instead of the node's own key. BOLT 4: "or (equivalently)".
func (p *pathSecret) tweak(ephemeral *btcec.PublicKey) (*btcec.PublicKey, error) {
	var k btcec.ModNScalar
	k.SetByteSlice(deriveKey("blinded_node_id", &p.secret))
	return curve.Mul(ephemeral, &k)
}

// open decrypts and decodes the data and derives the next path key.
func (p *pathSecret) open(encrypted []byte) (*Blinded, error) {
	aead, err := chacha20poly1305.New(deriveKey("rho", &p.secret))
	if err != nil {
		return nil, err
	}
	var nonce [chacha20poly1305.NonceSize]byte
	plain, err := aead.Open(nil, nonce[:], encrypted, nil)
	if err != nil {
		return nil, err
	}
	data, err := DecodeRecipientData(plain)
	if err != nil {
		return nil, err
	}
	b := &Blinded{Data: *data}
	if data.NextPathKey != nil {
		b.PathKey = *data.NextPathKey
		return b, nil
	}
	// BOLT 4: "MUST use E_{i+1} = SHA256(E_i || ss_i) * E_i as the next path_key."
	factor := blindingFactor(p.key, &p.secret)
	next, err := curve.Mul(p.key, &factor)
	if err != nil {
		return nil, err
	}
	b.PathKey = lnwire.NewPubKey(next)
	return b, nil
}

// DecodeRecipientData reads encrypted_data_tlv.
func DecodeRecipientData(b []byte) (*RecipientData, error) {
	d := &RecipientData{Padding: -1}
	s := stream{rest: b}
	for {
		r, ok, err := s.next()
		if err == nil && ok {
			err = d.set(r)
		}
		if err != nil {
			return nil, fmt.Errorf("encrypted_data_tlv: record %d: %w", r.typ, err)
		}
		if !ok {
			return d, nil
		}
	}
}

func (d *RecipientData) set(r record) error {
	v := r.value
	switch r.typ {
	case typePadding:
		d.Padding = len(v)
	case typeBlindedSCID:
		if len(v) != 8 {
			return errLength
		}
		scid := lnwire.ShortChannelID(fixed(v))
		d.SCID = &scid
	case typeNextNode:
		return setKey(&d.NextNode, v)
	case typePathID:
		d.PathID = clone(v)
	case typeNextPathKey:
		return setKey(&d.NextPathKey, v)
	case typeRelay:
		if len(v) < 6 {
			return errLength
		}
		base, err := truncated(v[6:], 4)
		if err != nil {
			return err
		}
		d.Relay = &Relay{CLTVDelta: binary.BigEndian.Uint16(v), FeeRate: binary.BigEndian.Uint32(v[2:]), FeeBase: uint32(base)}
	case typeConstraints:
		if len(v) < 4 {
			return errLength
		}
		minimum, err := amount(v[4:])
		if err != nil {
			return err
		}
		d.Constraints = &Constraints{MaxExpiry: binary.BigEndian.Uint32(v), Minimum: minimum}
	case typeAllowedFeatures:
		d.Features = clone(v)
	default:
		if r.typ%2 == 0 {
			return errUnknown
		}
	}
	return nil
}

func setKey(to **lnwire.PubKey, b []byte) error {
	if len(b) != len(lnwire.PubKey{}) {
		return errLength
	}
	k := lnwire.PubKey(b)
	*to = &k
	return nil
}

// Encode writes encrypted_data_tlv before encryption.
func (d *RecipientData) Encode() []byte {
	var b []byte
	if d.Padding >= 0 {
		b = appendRecord(b, typePadding, make([]byte, d.Padding))
	}
	if d.SCID != nil {
		b = appendRecord(b, typeBlindedSCID, appendFixed(nil, uint64(*d.SCID)))
	}
	if d.NextNode != nil {
		b = appendRecord(b, typeNextNode, d.NextNode[:])
	}
	if d.PathID != nil {
		b = appendRecord(b, typePathID, d.PathID)
	}
	if d.NextPathKey != nil {
		b = appendRecord(b, typeNextPathKey, d.NextPathKey[:])
	}
	if r := d.Relay; r != nil {
		v := binary.BigEndian.AppendUint16(nil, r.CLTVDelta)
		v = binary.BigEndian.AppendUint32(v, r.FeeRate)
		b = appendRecord(b, typeRelay, appendTruncated(v, uint64(r.FeeBase)))
	}
	if c := d.Constraints; c != nil {
		v := binary.BigEndian.AppendUint32(nil, c.MaxExpiry)
		b = appendRecord(b, typeConstraints, appendTruncated(v, uint64(c.Minimum)))
	}
	if d.Features != nil {
		b = appendRecord(b, typeAllowedFeatures, d.Features)
	}
	return b
}

// PathHop is a node of a blinded path to make, and what it will be told.
type PathHop struct {
	Node lnwire.PubKey
	Data RecipientData
}

// BlindedHop is a node of a blinded path as the payer sees it.
type BlindedHop struct {
	Node lnwire.PubKey // blinded_node_id
	Data []byte        // encrypted_recipient_data
}

// BlindedPath is what a recipient hands out instead of its node id.
type BlindedPath struct {
	First   lnwire.PubKey // first_node_id
	PathKey lnwire.PubKey // first_path_key
	Hops    []BlindedHop
}

// BuildPath makes a blinded path over the hops, the last of which is its maker. The session key is fresh entropy.
func BuildPath(session *btcec.PrivateKey, hops []PathHop) (*BlindedPath, error) {
	infos := make([]*sphinx.HopInfo, len(hops))
	for i := range hops {
		node, err := hops[i].Node.Parse()
		if err != nil {
			return nil, fmt.Errorf("hop %d: %w", i, err)
		}
		infos[i] = &sphinx.HopInfo{NodePub: node, PlainText: hops[i].Data.Encode()}
	}
	made, err := sphinx.BuildBlindedPath(session, infos)
	if err != nil {
		return nil, fmt.Errorf("blinded path: %w", err)
	}
	p := &BlindedPath{First: hops[0].Node, PathKey: lnwire.NewPubKey(made.Path.BlindingPoint)}
	for _, h := range made.Path.BlindedHops {
		p.Hops = append(p.Hops, BlindedHop{Node: lnwire.NewPubKey(h.BlindedNodePub), Data: h.CipherText})
	}
	return p, nil
}
