package onion

import (
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Types of the payload's TLV records (BOLT 4, "payload format").
const (
	typeAmount        uint64 = 2
	typeExpiry        uint64 = 4
	typeSCID          uint64 = 6
	typePaymentData   uint64 = 8
	typeRecipientData uint64 = 10
	typePathKey       uint64 = 12
	typeMetadata      uint64 = 16
	typeTotalAmount   uint64 = 18

	// TypeKeysend carries the preimage of a payment that nobody asked for.
	TypeKeysend uint64 = 5482373484
	// CustomRecordFloor is the lowest type that belongs to applications; below it all types are the BOLTs'.
	CustomRecordFloor uint64 = 65536
)

// PaymentData proves to the payee that the payer has the invoice, and says how much all parts come to.
type PaymentData struct {
	Secret [32]byte
	Total  lnwire.MilliSatoshi
}

// CustomRecord is an application's own record for the payee.
type CustomRecord struct {
	Type  uint64
	Value []byte
}

// Payload is what one hop is told. Pointers are nil where the record is absent.
type Payload struct {
	Amount        *lnwire.MilliSatoshi   // amt_to_forward
	Expiry        *uint32                // outgoing_cltv_value
	SCID          *lnwire.ShortChannelID // the channel to forward by; absent at the last hop
	PaymentData   *PaymentData
	RecipientData []byte         // encrypted_recipient_data; nil where absent
	PathKey       *lnwire.PubKey // current_path_key, for the first node of a blinded path
	Metadata      []byte         // payment_metadata; nil where absent
	Total         *lnwire.MilliSatoshi
	Keysend       *lnwire.Preimage
	Custom        []CustomRecord // in ascending order of type
}

// NewForward is the payload of a hop that passes amount on by scid in an HTLC that expires at expiry.
func NewForward(scid lnwire.ShortChannelID, amount lnwire.MilliSatoshi, expiry uint32) Payload {
	return Payload{Amount: &amount, Expiry: &expiry, SCID: &scid}
}

// Encode writes the records in the canonical order, without the length that precedes them in the packet.
// Custom records must be in ascending order and not below CustomRecordFloor; Build checks it by decoding.
func (p *Payload) Encode() []byte {
	b := make([]byte, 0, 64+len(p.RecipientData)+len(p.Metadata))
	if p.Amount != nil {
		b = appendRecord(b, typeAmount, appendTruncated(nil, uint64(*p.Amount)))
	}
	if p.Expiry != nil {
		b = appendRecord(b, typeExpiry, appendTruncated(nil, uint64(*p.Expiry)))
	}
	if p.SCID != nil {
		b = appendRecord(b, typeSCID, appendFixed(nil, uint64(*p.SCID)))
	}
	if d := p.PaymentData; d != nil {
		b = appendRecord(b, typePaymentData, appendTruncated(slices.Clone(d.Secret[:]), uint64(d.Total)))
	}
	if p.RecipientData != nil {
		b = appendRecord(b, typeRecipientData, p.RecipientData)
	}
	if p.PathKey != nil {
		b = appendRecord(b, typePathKey, p.PathKey[:])
	}
	if p.Metadata != nil {
		b = appendRecord(b, typeMetadata, p.Metadata)
	}
	if p.Total != nil {
		b = appendRecord(b, typeTotalAmount, appendTruncated(nil, uint64(*p.Total)))
	}
	keysend := p.Keysend
	for _, c := range p.Custom {
		if keysend != nil && c.Type > TypeKeysend {
			b, keysend = appendRecord(b, TypeKeysend, keysend[:]), nil
		}
		b = appendRecord(b, c.Type, c.Value)
	}
	if keysend != nil {
		b = appendRecord(b, TypeKeysend, keysend[:])
	}
	return b
}

// PayloadError says which record of a payload broke the rules and where it starts, as invalid_onion_payload reports it.
type PayloadError struct {
	Type   uint64
	Offset uint16
	Err    error
}

func (e *PayloadError) Error() string { return "onion payload: " + e.Err.Error() }
func (e *PayloadError) Unwrap() error { return e.Err }

// DecodePayload reads the records; every error is a *PayloadError. The payload shares no memory with b.
// Which records must be there depends on the place in the route: Peel sees to that.
func DecodePayload(b []byte) (*Payload, error) {
	p := &Payload{}
	s := stream{rest: b}
	for {
		r, ok, err := s.next()
		if err == nil && ok {
			err = p.set(r)
		}
		if err != nil {
			return nil, &PayloadError{Type: r.typ, Offset: uint16(min(r.offset, 0xffff)), Err: err}
		}
		if !ok {
			return p, nil
		}
	}
}

func (p *Payload) set(r record) error {
	switch r.typ {
	case typeAmount:
		return setAmount(&p.Amount, r.value)
	case typeTotalAmount:
		return setAmount(&p.Total, r.value)
	case typeExpiry:
		v, err := truncated(r.value, 4)
		if err != nil {
			return err
		}
		expiry := uint32(v)
		p.Expiry = &expiry
	case typeSCID:
		if len(r.value) != 8 {
			return errLength
		}
		scid := lnwire.ShortChannelID(fixed(r.value))
		p.SCID = &scid
	case typePaymentData:
		if len(r.value) < 32 {
			return errLength
		}
		d := &PaymentData{Secret: [32]byte(r.value)}
		total, err := amount(r.value[32:])
		if err != nil {
			return err
		}
		d.Total, p.PaymentData = total, d
	case typeRecipientData:
		p.RecipientData = clone(r.value)
	case typePathKey:
		if len(r.value) != len(lnwire.PubKey{}) {
			return errLength
		}
		key := lnwire.PubKey(r.value)
		p.PathKey = &key
	case typeMetadata:
		p.Metadata = clone(r.value)
	case TypeKeysend:
		if len(r.value) != len(lnwire.Preimage{}) {
			return errLength
		}
		preimage := lnwire.Preimage(r.value)
		p.Keysend = &preimage
	default:
		return p.setUnknown(r)
	}
	return nil
}

// setUnknown keeps applications' records whatever their parity, which is theirs to judge, and drops odd ones of the BOLTs.
// BOLT 1: "if type is even: MUST fail to parse the tlv_stream."
func (p *Payload) setUnknown(r record) error {
	if r.typ >= CustomRecordFloor {
		p.Custom = append(p.Custom, CustomRecord{Type: r.typ, Value: clone(r.value)})
		return nil
	}
	if r.typ%2 == 0 {
		return errUnknown
	}
	return nil
}

// amount reads a tu64 that is an amount: none exceeds all bitcoin, so that sums of a few cannot wrap.
func amount(b []byte) (lnwire.MilliSatoshi, error) {
	v, err := truncated(b, 8)
	if err != nil {
		return 0, err
	}
	if lnwire.MilliSatoshi(v) > lnwire.MaxMilliSatoshi {
		return 0, errLength
	}
	return lnwire.MilliSatoshi(v), nil
}

func setAmount(to **lnwire.MilliSatoshi, b []byte) error {
	v, err := amount(b)
	if err != nil {
		return err
	}
	*to = &v
	return nil
}

// clone copies b and is never nil: an empty record is a record.
func clone(b []byte) []byte { return append([]byte{}, b...) }
