package invoice

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/btcsuite/btcd/address/v2/bech32"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Types of tagged fields.
const (
	fieldHash            byte = 1  // p
	fieldHint            byte = 3  // r
	fieldFeatures        byte = 5  // 9
	fieldExpiry          byte = 6  // x
	fieldFallback        byte = 9  // f
	fieldDescription     byte = 13 // d
	fieldSecret          byte = 16 // s
	fieldPayee           byte = 19 // n
	fieldDescriptionHash byte = 23 // h
	fieldMinFinalCLTV    byte = 24 // c
	fieldMetadata        byte = 27 // m

	timestampGroups = 7
)

// Encode writes the invoice and has it signed. Where Payee is set, it must be who signs; it is not changed.
// Fields at their defaults are left out.
func (inv *Invoice) Encode(sign Signer) (string, error) {
	hrp := prefix(inv.Network)
	if inv.Amount != nil {
		amount, err := formatAmount(*inv.Amount)
		if err != nil {
			return "", err
		}
		hrp += amount
	}
	groups, err := inv.groups()
	if err != nil {
		return "", err
	}
	d := digest(hrp, groups)
	sig, err := sign(d)
	if err != nil {
		return "", fmt.Errorf("sign invoice: %w", err)
	}
	if err := inv.checkSigner(sig, d); err != nil {
		return "", err
	}
	s, err := bech32.Encode(hrp, append(groups, toGroups(sig[:])...))
	if err != nil {
		return "", fmt.Errorf("encode invoice: %w", err)
	}
	if len(s) > MaxLength {
		return "", fmt.Errorf("%w: %d characters", ErrTooLong, len(s))
	}
	return s, nil
}

// checkSigner keeps an invoice that nobody could pay from being handed out, where the payee is known: recovering the key takes
// longer than all the rest.
func (inv *Invoice) checkSigner(sig Signature, digest [32]byte) error {
	if inv.NamesPayee {
		return sig.verify(digest, inv.Payee)
	}
	if inv.Payee.IsZero() {
		return nil
	}
	payee, err := sig.recover(digest)
	if err != nil {
		return err
	}
	if payee != inv.Payee {
		return fmt.Errorf("%w: by %v, not %v", ErrSignature, payee, inv.Payee)
	}
	return nil
}

// groups is the data part without the signature. Fields come in the order that most wallets write them in.
func (inv *Invoice) groups() ([]byte, error) {
	if inv.Timestamp.Unix() < 0 || inv.Timestamp.Unix() > maxTimestamp {
		return nil, fmt.Errorf("%w: timestamp %v", ErrFormat, inv.Timestamp)
	}
	if inv.Expiry < 0 {
		return nil, fmt.Errorf("%w: expiry %v", ErrFormat, inv.Expiry)
	}
	if err := inv.acceptable(); err != nil {
		return nil, err
	}
	stamp := numberGroups(uint64(inv.Timestamp.Unix()))
	w := writer{groups: append(make([]byte, timestampGroups-len(stamp)), stamp...)}
	w.bytes(fieldSecret, inv.Secret[:])
	w.bytes(fieldHash, inv.Hash[:])
	if inv.DescriptionHash != nil {
		w.bytes(fieldDescriptionHash, inv.DescriptionHash[:])
	} else if !utf8.ValidString(inv.Description) {
		return nil, fmt.Errorf("%w: description is not UTF-8", ErrFormat)
	} else {
		w.bytes(fieldDescription, []byte(inv.Description))
	}
	if inv.Metadata != nil {
		w.bytes(fieldMetadata, inv.Metadata)
	}
	if inv.NamesPayee {
		w.bytes(fieldPayee, inv.Payee[:])
	}
	if inv.Expiry != DefaultExpiry {
		w.field(fieldExpiry, numberGroups(uint64(inv.Expiry/time.Second)))
	}
	if inv.MinFinalCLTV != DefaultMinFinalCLTV {
		w.field(fieldMinFinalCLTV, numberGroups(uint64(inv.MinFinalCLTV)))
	}
	if err := w.routing(inv.Fallbacks, inv.Hints); err != nil {
		return nil, err
	}
	// "if 9 contains non-zero bits: MUST use the minimum data_length possible [...] otherwise: MUST omit the 9 field
	// altogether."
	if !inv.Features.IsEmpty() {
		w.field(fieldFeatures, featureGroups(inv.Features))
	}
	for _, f := range inv.Unknown {
		w.field(f.Type, f.Data)
	}
	return w.groups, w.err
}

// writer appends tagged fields; its first failure sticks.
type writer struct {
	groups []byte
	err    error
}

func (w *writer) bytes(typ byte, b []byte) { w.field(typ, toGroups(b)) }

func (w *writer) field(typ byte, data []byte) {
	if len(data) > maxGroups && w.err == nil {
		w.err = fmt.Errorf("%w: field %d has %d groups", ErrTooLong, typ, len(data))
	}
	w.groups = append(w.groups, typ, byte(len(data)>>5)&31, byte(len(data))&31)
	w.groups = append(w.groups, data...)
}

func (w *writer) routing(fallbacks []Fallback, hints [][]Hop) error {
	for _, f := range fallbacks {
		if !f.valid() {
			return fmt.Errorf("%w: fallback of version %d with %d bytes", ErrFormat, f.Version, len(f.Program))
		}
		w.field(fieldFallback, append([]byte{f.Version}, toGroups(f.Program)...))
	}
	for _, hops := range hints {
		// "r field MUST contain one or more ordered entries"
		if len(hops) == 0 {
			return fmt.Errorf("%w: empty routing hint", ErrFormat)
		}
		var b []byte
		for _, h := range hops {
			b = append(b, h.Node[:]...)
			b = binary.BigEndian.AppendUint64(b, uint64(h.SCID))
			b = binary.BigEndian.AppendUint32(b, h.FeeBase)
			b = binary.BigEndian.AppendUint32(b, h.FeeRate)
			b = binary.BigEndian.AppendUint16(b, h.CLTVDelta)
		}
		w.bytes(fieldHint, b)
	}
	return nil
}

// readHint undoes routing for one r field.
func readHint(data []byte) ([]Hop, error) {
	b, err := toBytes(data)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || len(b)%hopSize != 0 {
		return nil, fmt.Errorf("%w: routing hint of %d bytes", ErrFormat, len(b))
	}
	hops := make([]Hop, 0, len(b)/hopSize)
	for ; len(b) > 0; b = b[hopSize:] {
		hops = append(hops, Hop{
			Node:      lnwire.PubKey(b[:33]),
			SCID:      lnwire.ShortChannelID(binary.BigEndian.Uint64(b[33:])),
			FeeBase:   binary.BigEndian.Uint32(b[41:]),
			FeeRate:   binary.BigEndian.Uint32(b[45:]),
			CLTVDelta: binary.BigEndian.Uint16(b[49:]),
		})
	}
	return hops, nil
}

// maxExpiry is the longest time that a Duration can hold, in seconds; what is longer is read as that.
const maxExpiry = uint64(math.MaxInt64 / time.Second)
