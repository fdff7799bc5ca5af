package invoice

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/btcsuite/btcd/address/v2/bech32"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Decode reads an invoice for the network, in lower or in upper case, and checks all that can be checked without
// paying it; it does not look at the time. Errors are those of this package.
func Decode(s string, network *chaincfg.Params) (*Invoice, error) {
	if len(s) > MaxLength {
		return nil, fmt.Errorf("%w: %d characters", ErrTooLong, len(s))
	}
	hrp, groups, version, err := bech32.DecodeNoLimitWithVersion(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if version != bech32.Version0 {
		return nil, fmt.Errorf("%w: bech32m", ErrFormat)
	}
	if len(groups) < timestampGroups+sigGroups {
		return nil, fmt.Errorf("%w: too short", ErrFormat)
	}
	inv := &Invoice{Network: network, Expiry: DefaultExpiry, MinFinalCLTV: DefaultMinFinalCLTV}
	if inv.Amount, err = parseHRP(hrp, network); err != nil {
		return nil, err
	}
	data, sigPart := groups[:len(groups)-sigGroups], groups[len(groups)-sigGroups:]
	seconds, _ := number(data[:timestampGroups])
	inv.Timestamp = time.Unix(int64(seconds), 0).UTC()
	if err := inv.readFields(data[timestampGroups:]); err != nil {
		return nil, err
	}
	sig, err := toBytes(sigPart)
	if err != nil {
		return nil, err
	}
	if err := inv.authenticate(Signature(sig), digest(hrp, data)); err != nil {
		return nil, err
	}
	if err := inv.acceptable(); err != nil {
		return nil, err
	}
	return inv, nil
}

// parseHRP reads prefix and amount. A prefix holds no digits, an amount begins with one.
func parseHRP(hrp string, network *chaincfg.Params) (*lnwire.MilliSatoshi, error) {
	name, amount := hrp, ""
	if i := strings.IndexAny(hrp, "0123456789"); i >= 0 {
		name, amount = hrp[:i], hrp[i:]
	}
	if !strings.HasPrefix(name, "ln") {
		return nil, fmt.Errorf("%w: prefix %q", ErrFormat, name)
	}
	// "if it does NOT understand the prefix: MUST fail the payment."
	if name != prefix(network) {
		return nil, fmt.Errorf("%w: prefix %q, not %q", ErrNetwork, name, prefix(network))
	}
	return parseAmount(amount)
}

func (inv *Invoice) authenticate(sig Signature, digest [32]byte) (err error) {
	if inv.NamesPayee {
		return sig.verify(digest, inv.Payee)
	}
	inv.Payee, err = sig.recover(digest)
	return err
}

// acceptable checks the features: last when reading, so that a bad signature is never reported as a missing feature.
func (inv *Invoice) acceptable() error {
	if bits := inv.Features.UnknownEven(known); len(bits) > 0 {
		return &UnknownFeaturesError{bits}
	}
	if bits := inv.Features.MissingDependencies(); len(bits) > 0 {
		return &MissingFeaturesError{bits}
	}
	return nil
}

// readFields walks the tagged fields.
func (inv *Invoice) readFields(data []byte) error {
	var seen [32]bool
	for len(data) > 0 {
		if len(data) < 3 || len(data)-3 < int(data[1])<<5|int(data[2]) {
			return fmt.Errorf("%w: truncated field", ErrFormat)
		}
		size := int(data[1])<<5 | int(data[2])
		f := Field{Type: data[0], Data: slices.Clone(data[3 : 3+size])}
		data = data[3+size:]
		used, err := inv.readField(f, seen[f.Type])
		if err != nil {
			return fmt.Errorf("field %d: %w", f.Type, err)
		}
		if !used {
			inv.Unknown = append(inv.Unknown, f)
			continue
		}
		seen[f.Type] = true
	}
	// "if a valid s field is not provided: MUST fail the payment"; "neither a d field nor a h field is present, or if
	// both are present"
	switch {
	case !seen[fieldHash]:
		return fmt.Errorf("%w: payment hash is missing", ErrMissing)
	case !seen[fieldSecret]:
		return fmt.Errorf("%w: payment secret is missing", ErrMissing)
	case !seen[fieldDescription] && !seen[fieldDescriptionHash]:
		return fmt.Errorf("%w: description is missing", ErrMissing)
	case seen[fieldDescription] && seen[fieldDescriptionHash]:
		return fmt.Errorf("%w: both a description and its hash", ErrMissing)
	}
	return nil
}

// fixed are the lengths of the fields that have one, in groups.
var fixed = map[byte]int{fieldHash: 52, fieldDescriptionHash: 52, fieldSecret: 52, fieldPayee: 53}

// readField takes one field; false where it is one to skip. Of a field said twice the first counts: "MUST specify
// the most-preferred field first". One of the wrong length counts as absent, as the specification's examples have
// it; where p or s is absent thereby, the invoice fails.
func (inv *Invoice) readField(f Field, again bool) (used bool, err error) {
	switch f.Type {
	case fieldFallback:
		return inv.readFallback(f.Data)
	case fieldHint:
		hops, err := readHint(f.Data)
		inv.Hints = append(inv.Hints, hops)
		return true, err
	}
	if n, ok := fixed[f.Type]; again || ok && n != len(f.Data) {
		return false, nil
	}
	switch f.Type {
	case fieldExpiry, fieldMinFinalCLTV, fieldFeatures:
		// "(i.e. begins with 0 field elements): SHOULD treat the invoice as invalid."
		if len(f.Data) > 0 && f.Data[0] == 0 {
			return false, fmt.Errorf("%w: leading zeros", ErrFormat)
		}
		return true, inv.readNumber(f)
	case fieldHash, fieldSecret, fieldPayee, fieldDescription, fieldDescriptionHash, fieldMetadata:
		b, err := toBytes(f.Data)
		if err != nil {
			return false, err
		}
		return true, inv.readBytes(f.Type, b)
	}
	return false, nil
}

func (inv *Invoice) readBytes(typ byte, b []byte) error {
	switch typ {
	case fieldHash:
		inv.Hash = lnwire.Hash(b)
	case fieldSecret:
		inv.Secret = [32]byte(b)
	case fieldPayee:
		inv.Payee, inv.NamesPayee = lnwire.PubKey(b), true
	case fieldDescriptionHash:
		h := lnwire.Hash(b)
		inv.DescriptionHash = &h
	case fieldMetadata:
		inv.Metadata = append([]byte{}, b...) // empty is not absent
	case fieldDescription:
		if !utf8.Valid(b) {
			return fmt.Errorf("%w: description is not UTF-8", ErrFormat)
		}
		inv.Description = string(b)
	}
	return nil
}

func (inv *Invoice) readNumber(f Field) error {
	if f.Type == fieldFeatures {
		inv.Features = features(f.Data)
		return nil
	}
	v, ok := number(f.Data)
	if f.Type == fieldExpiry {
		if !ok || v > maxExpiry {
			v = maxExpiry
		}
		inv.Expiry = time.Duration(v) * time.Second
		return nil
	}
	if !ok || v > math.MaxUint32 {
		return fmt.Errorf("%w: final CLTV delta", ErrFormat)
	}
	inv.MinFinalCLTV = uint32(v)
	return nil
}

// readFallback: "MUST skip over f fields that use an unknown version."
func (inv *Invoice) readFallback(data []byte) (bool, error) {
	if len(data) == 0 || data[0] > FallbackP2SH {
		return false, nil
	}
	program, err := toBytes(data[1:])
	if err != nil {
		return false, err
	}
	f := Fallback{data[0], program}
	if !f.valid() {
		return false, nil
	}
	inv.Fallbacks = append(inv.Fallbacks, f)
	return true, nil
}
