package onion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Code is BOLT 4's failure_code: flags in the top byte, a number below.
type Code uint16

// Flags of a Code.
const (
	FlagBadOnion Code = 0x8000 // unparsable onion, encrypted by the sending peer
	FlagPerm     Code = 0x4000 // permanent
	FlagNode     Code = 0x2000 // of the node rather than of a channel
	FlagUpdate   Code = 0x1000 // a forwarding parameter was violated
)

// Every code of BOLT 4.
const (
	TemporaryNodeFailure             = FlagNode | 2
	PermanentNodeFailure             = FlagPerm | FlagNode | 2
	RequiredNodeFeatureMissing       = FlagPerm | FlagNode | 3
	InvalidOnionVersion              = FlagBadOnion | FlagPerm | 4
	InvalidOnionHMAC                 = FlagBadOnion | FlagPerm | 5
	InvalidOnionKey                  = FlagBadOnion | FlagPerm | 6
	TemporaryChannelFailure          = FlagUpdate | 7
	PermanentChannelFailure          = FlagPerm | 8
	RequiredChannelFeatureMissing    = FlagPerm | 9
	UnknownNextPeer                  = FlagPerm | 10
	AmountBelowMinimum               = FlagUpdate | 11
	FeeInsufficient                  = FlagUpdate | 12
	IncorrectCLTVExpiry              = FlagUpdate | 13
	ExpiryTooSoon                    = FlagUpdate | 14
	IncorrectOrUnknownPaymentDetails = FlagPerm | 15
	FinalIncorrectCLTVExpiry         = Code(18)
	FinalIncorrectHTLCAmount         = Code(19)
	ChannelDisabled                  = FlagUpdate | 20
	ExpiryTooFar                     = Code(21)
	InvalidOnionPayload              = FlagPerm | 22
	MPPTimeout                       = Code(23)
	InvalidOnionBlinding             = FlagBadOnion | FlagPerm | 24
)

// BadOnion says whether the code answers a packet that could not be opened.
func (c Code) BadOnion() bool { return c&FlagBadOnion != 0 }

// Permanent says whether trying again is vain.
func (c Code) Permanent() bool { return c&FlagPerm != 0 }

// OfNode says whether the whole node failed.
func (c Code) OfNode() bool { return c&FlagNode != 0 }

// field is one piece of data that follows a code.
type field uint8

const (
	fieldSHA256 field = iota
	fieldAmount
	fieldExpiry
	fieldHeight
	fieldFlags
	fieldUpdate
	fieldTLVType
	fieldOffset
)

// layouts is BOLT 4's list of failure messages.
var layouts = map[Code]struct {
	name   string
	fields []field
}{
	TemporaryNodeFailure:             {"temporary_node_failure", nil},
	PermanentNodeFailure:             {"permanent_node_failure", nil},
	RequiredNodeFeatureMissing:       {"required_node_feature_missing", nil},
	InvalidOnionVersion:              {"invalid_onion_version", []field{fieldSHA256}},
	InvalidOnionHMAC:                 {"invalid_onion_hmac", []field{fieldSHA256}},
	InvalidOnionKey:                  {"invalid_onion_key", []field{fieldSHA256}},
	TemporaryChannelFailure:          {"temporary_channel_failure", []field{fieldUpdate}},
	PermanentChannelFailure:          {"permanent_channel_failure", nil},
	RequiredChannelFeatureMissing:    {"required_channel_feature_missing", nil},
	UnknownNextPeer:                  {"unknown_next_peer", nil},
	AmountBelowMinimum:               {"amount_below_minimum", []field{fieldAmount, fieldUpdate}},
	FeeInsufficient:                  {"fee_insufficient", []field{fieldAmount, fieldUpdate}},
	IncorrectCLTVExpiry:              {"incorrect_cltv_expiry", []field{fieldExpiry, fieldUpdate}},
	ExpiryTooSoon:                    {"expiry_too_soon", []field{fieldUpdate}},
	IncorrectOrUnknownPaymentDetails: {"incorrect_or_unknown_payment_details", []field{fieldAmount, fieldHeight}},
	FinalIncorrectCLTVExpiry:         {"final_incorrect_cltv_expiry", []field{fieldExpiry}},
	FinalIncorrectHTLCAmount:         {"final_incorrect_htlc_amount", []field{fieldAmount}},
	ChannelDisabled:                  {"channel_disabled", []field{fieldFlags, fieldUpdate}},
	ExpiryTooFar:                     {"expiry_too_far", nil},
	InvalidOnionPayload:              {"invalid_onion_payload", []field{fieldTLVType, fieldOffset}},
	MPPTimeout:                       {"mpp_timeout", nil},
	InvalidOnionBlinding:             {"invalid_onion_blinding", []field{fieldSHA256}},
}

func (c Code) String() string {
	if l, ok := layouts[c]; ok {
		return l.name
	}
	return fmt.Sprintf("failure_%#04x", uint16(c))
}

// Failure is a failure message; which fields count depends on the code.
type Failure struct {
	Code    Code
	SHA256  [32]byte            // sha256_of_onion
	Amount  lnwire.MilliSatoshi // htlc_msat, incoming_htlc_amt
	Expiry  uint32              // cltv_expiry
	Height  lnwire.Height
	Flags   uint16 // disabled_flags
	Update  []byte // channel_update with its message type; empty where the node gives none
	TLVType uint64 // of the record that invalid_onion_payload is about
	Offset  uint16
	Extra   []byte // what follows: TLV records, by the sender's choice
}

func (f Failure) String() string { return f.Code.String() }

// ErrFailure: a failure message is shorter than its code demands. The code is still to be had from the returned Failure.
var ErrFailure = errors.New("onion: failure message is cut short")

// Encode writes failuremsg.
func (f *Failure) Encode() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(f.Code))
	for _, kind := range layouts[f.Code].fields {
		switch kind {
		case fieldSHA256:
			b = append(b, f.SHA256[:]...)
		case fieldAmount:
			b = binary.BigEndian.AppendUint64(b, uint64(f.Amount))
		case fieldExpiry:
			b = binary.BigEndian.AppendUint32(b, f.Expiry)
		case fieldHeight:
			b = binary.BigEndian.AppendUint32(b, uint32(f.Height))
		case fieldFlags:
			b = binary.BigEndian.AppendUint16(b, f.Flags)
		case fieldUpdate:
			b = binary.BigEndian.AppendUint16(b, uint16(len(f.Update)))
			b = append(b, f.Update...)
		case fieldTLVType:
			b = appendBigSize(b, f.TLVType)
		case fieldOffset:
			b = binary.BigEndian.AppendUint16(b, f.Offset)
		}
	}
	return append(b, f.Extra...)
}

// DecodeFailure reads failuremsg. A code that BOLT 4 does not list is kept with all its data in Extra.
func DecodeFailure(b []byte) (Failure, error) {
	c := cursor{rest: b}
	f := Failure{Code: Code(binary.BigEndian.Uint16(c.take(2)))}
	for _, kind := range layouts[f.Code].fields {
		switch kind {
		case fieldSHA256:
			f.SHA256 = [32]byte(c.take(32))
		case fieldAmount:
			f.Amount = lnwire.MilliSatoshi(binary.BigEndian.Uint64(c.take(8)))
		case fieldExpiry:
			f.Expiry = binary.BigEndian.Uint32(c.take(4))
		case fieldHeight:
			f.Height = lnwire.Height(binary.BigEndian.Uint32(c.take(4)))
		case fieldFlags:
			f.Flags = binary.BigEndian.Uint16(c.take(2))
		case fieldUpdate:
			f.Update = slices.Clone(c.take(int(binary.BigEndian.Uint16(c.take(2)))))
		case fieldTLVType:
			f.TLVType = c.bigSize()
		case fieldOffset:
			f.Offset = binary.BigEndian.Uint16(c.take(2))
		}
	}
	if c.short {
		return Failure{Code: f.Code}, ErrFailure
	}
	// BOLT 4: "MUST ignore any extra bytes in failuremsg."
	f.Extra = slices.Clone(c.rest)
	return f, nil
}

// cursor reads what is there, and zeros once it was not.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.rest, c.short = nil, true
		return make([]byte, n)
	}
	v := c.rest[:n]
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) bigSize() uint64 {
	v, n, err := readBigSize(c.rest)
	if err != nil {
		c.rest, c.short = nil, true
		return 0
	}
	c.rest = c.rest[n:]
	return v
}
