package invoice

import (
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// What holds where a field is absent (BOLT 11).
const (
	DefaultExpiry       = time.Hour
	DefaultMinFinalCLTV = 18
)

const (
	// MaxLength of an invoice in characters: what the largest QR code can hold, as other implementations have it.
	MaxLength = 7089
	// MaxField is the most bytes that a tagged field holds: 1023 groups of 5 bits.
	MaxField = maxGroups * 5 / 8
	// MaxHops is how many hops fit into one routing hint.
	MaxHops = MaxField / hopSize

	maxGroups    = 1023
	maxTimestamp = 1<<35 - 1
	hopSize      = 33 + 8 + 4 + 4 + 2
)

var (
	// ErrFormat: not bech32, or not put together as BOLT 11 wants it.
	ErrFormat = errors.New("malformed invoice")
	// ErrNetwork: the invoice is for another network.
	ErrNetwork = errors.New("invoice is for another network")
	// ErrAmount: the amount is no number of millisatoshis that there can be.
	ErrAmount = errors.New("bad invoice amount")
	// ErrMissing: a field that must be there is not, or two that exclude each other are.
	ErrMissing = errors.New("required invoice field")
	// ErrTooLong: a field or the invoice exceeds its limit.
	ErrTooLong = errors.New("invoice too long")
	// ErrSignature: nobody, or somebody other than the payee named, has signed.
	ErrSignature = errors.New("bad invoice signature")
	// ErrHighS: the invoice names its payee, and the signature has a high s.
	ErrHighS = fmt.Errorf("%w: high s", ErrSignature)
)

// UnknownFeaturesError: the invoice requires features that we do not have.
// BOLT 11: "if the 9 field contains unknown even bits that are non-zero: MUST fail the payment. SHOULD indicate the
// unknown bit to the user."
type UnknownFeaturesError struct{ Bits []lnwire.FeatureBit }

func (e *UnknownFeaturesError) Error() string {
	return fmt.Sprintf("invoice requires unknown features %v", e.Bits)
}

// MissingFeaturesError: the invoice sets a feature without those that it needs.
// BOLT 11: "if the feature vector does not set all known, transitive feature dependencies: MUST NOT attempt the
// payment."
type MissingFeaturesError struct{ Bits []lnwire.FeatureBit }

func (e *MissingFeaturesError) Error() string {
	return fmt.Sprintf("invoice lacks features that it depends on: %v", e.Bits)
}

// known are the features of the 9 field that a payer of ours understands.
var known = lnwire.NewFeatures(lnwire.FeatureVarOnion, lnwire.FeaturePaymentSecret, lnwire.FeatureBasicMPP,
	lnwire.FeaturePaymentMetadata)

// Invoice is a payment request. New fills in the defaults.
type Invoice struct {
	Network   *chaincfg.Params
	Amount    *lnwire.MilliSatoshi // nil: the payer chooses
	Timestamp time.Time            // whole seconds, UTC
	Hash      lnwire.Hash          // p
	Secret    [32]byte             // s
	// Description (d) is what the payment is for, valid UTF-8 of at most MaxField bytes, from a stranger.
	// It is written where DescriptionHash is nil.
	Description     string
	DescriptionHash *lnwire.Hash // h: SHA256 of a description that is to be had elsewhere
	Metadata        []byte       // m: to be sent along with the payment
	// Payee is who signed. Decode sets it; Encode checks it against the signature unless it is zero.
	Payee lnwire.PubKey
	// NamesPayee: the invoice has an n field, so that nobody need recover the key. Encode then needs Payee.
	NamesPayee   bool
	Expiry       time.Duration // x: whole seconds
	MinFinalCLTV uint32        // c: blocks
	Fallbacks    []Fallback    // f: most preferred first
	Hints        [][]Hop       // r: ways from a public node to the payee, most preferred first
	Features     lnwire.FeatureVector
	// Unknown are fields that a reader skips: of an unknown type, of another length than theirs, or said twice.
	// They are written again behind all others.
	Unknown []Field
}

// Hop is one channel of a routing hint, from Node towards the payee.
type Hop struct {
	Node      lnwire.PubKey
	SCID      lnwire.ShortChannelID
	FeeBase   uint32 // msat
	FeeRate   uint32 // parts per million
	CLTVDelta uint16
}

// Field is a tagged field as it travels: its type and its data, in groups of five bits.
type Field struct {
	Type byte
	Data []byte
}

// New is an invoice with the default expiry and final CLTV delta, and the features that every payer has.
func New(network *chaincfg.Params, timestamp time.Time, hash lnwire.Hash, secret [32]byte) *Invoice {
	return &Invoice{
		Network: network, Timestamp: timestamp.Truncate(time.Second).UTC(), Hash: hash, Secret: secret,
		Expiry: DefaultExpiry, MinFinalCLTV: DefaultMinFinalCLTV,
		Features: lnwire.NewFeatures(lnwire.FeatureVarOnion, lnwire.FeaturePaymentSecret),
	}
}

// ExpiresAt is when the payee begins to refuse the payment.
func (inv *Invoice) ExpiresAt() time.Time { return inv.Timestamp.Add(inv.Expiry) }

// Expired reports whether it is too late to pay at now.
func (inv *Invoice) Expired(now time.Time) bool { return now.After(inv.ExpiresAt()) }

// prefix of the human-readable part. BOLT 11: "ln + BIP-0173 currency prefix (e.g. lnbc for Bitcoin mainnet, lntb
// for Bitcoin testnet, lntbs for Bitcoin signet, and lnbcrt for Bitcoin regtest)". Signet alone shares its BIP-173
// prefix with testnet.
func prefix(network *chaincfg.Params) string {
	if network.Name == chaincfg.SigNetParams.Name {
		return "lntbs"
	}
	return "ln" + network.Bech32HRPSegwit
}
