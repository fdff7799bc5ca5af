package commitment

import (
	"bytes"
	"fmt"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/lightningnetwork/lnd/tlv"
)

// Kind is the way in which an output is spent.
type Kind uint8

const (
	SpendAnchor           Kind = iota + 1 // our anchor of either commitment
	SpendToRemote                         // what the counterparty's commitment pays us
	SpendDelayed                          // to_local or an HTLC transaction's output, of ours, after the delay
	SpendHTLCTimeout                      // HTLC-timeout: our commitment, our offer
	SpendHTLCSuccess                      // HTLC-success: our commitment, their offer
	SpendTheirHTLCTimeout                 // their commitment, our offer, after its expiry
	SpendTheirHTLCSuccess                 // their commitment, their offer, with the preimage
	SpendRevokedDelayed                   // penalty: to_local or an HTLC transaction's output, of theirs
	SpendRevokedHTLC                      // penalty: an HTLC output of theirs
)

// ingredients says which fields of a Recipe a kind has.
var ingredients = [...]struct {
	point, secret, preimage, peerSig bool
	items                            int64 // weight of the witness but for signatures and script, with all lengths
	sigs                             int64
}{
	SpendAnchor:           {sigs: 1},
	SpendToRemote:         {sigs: 1},
	SpendDelayed:          {point: true, sigs: 1, items: 1},
	SpendHTLCTimeout:      {point: true, peerSig: true, sigs: 2, items: 1 + 1},
	SpendHTLCSuccess:      {point: true, preimage: true, peerSig: true, sigs: 2, items: 1 + 33},
	SpendTheirHTLCTimeout: {point: true, sigs: 1, items: 1},
	SpendTheirHTLCSuccess: {point: true, preimage: true, sigs: 1, items: 33},
	SpendRevokedDelayed:   {point: true, secret: true, sigs: 1, items: 2},
	SpendRevokedHTLC:      {point: true, secret: true, sigs: 1, items: 34},
}

// Recipe is all that Secrets.Witness needs to spend an output, without private keys of ours. It can be stored.
type Recipe struct {
	Kind     Kind
	Format   Format
	Script   []byte          // witness script; empty where to_remote is P2WPKH
	Point    lnwire.PubKey   // per-commitment point of the commitment, where its keys are tweaked
	Secret   lnwire.Secret   // the counterparty's revealed secret, for penalties
	Preimage lnwire.Preimage // for HTLC-success and direct claims
	PeerSig  lnwire.Sig      // the counterparty's signature on our HTLC transaction
}

// maxSig is a signature in a witness: 72 bytes of DER and the hash type.
const maxSig = 73

// WitnessWeight is the weight of the witness at most, the count of its items included.
func (r *Recipe) WitnessWeight() int64 {
	i := &ingredients[r.Kind]
	script := len(r.Script)
	if script == 0 {
		script = len(lnwire.PubKey{})
	}
	return 1 + i.sigs*(1+maxSig) + i.items + 1 + int64(script)
}

// NeedsOwnOutput says whether the output at the input's own index is fixed by the peer's signature.
func (k Kind) NeedsOwnOutput() bool { return k == SpendHTLCTimeout || k == SpendHTLCSuccess }

// Penalty says whether the spend punishes a revoked commitment.
func (k Kind) Penalty() bool { return k == SpendRevokedDelayed || k == SpendRevokedHTLC }

func (k Kind) valid() bool { return k != 0 && int(k) < len(ingredients) }

// TLV types of a recipe's record. Append only.
const (
	recipeKind tlv.Type = iota
	recipeFormat
	recipeScript
	recipePoint
	recipeSecret
	recipePreimage
	recipePeerSig
)

const recipeVersion = 0

// records are the TLV records of r's kind, which must be set.
func (r *Recipe) records(kind, format *uint8) []tlv.Record {
	recs := []tlv.Record{
		tlv.MakePrimitiveRecord(recipeKind, kind),
		tlv.MakePrimitiveRecord(recipeFormat, format),
		tlv.MakePrimitiveRecord(recipeScript, &r.Script),
	}
	i := &ingredients[*kind]
	if i.point {
		recs = append(recs, tlv.MakePrimitiveRecord(recipePoint, (*[33]byte)(&r.Point)))
	}
	if i.secret {
		recs = append(recs, tlv.MakePrimitiveRecord(recipeSecret, (*[32]byte)(&r.Secret)))
	}
	if i.preimage {
		recs = append(recs, tlv.MakePrimitiveRecord(recipePreimage, (*[32]byte)(&r.Preimage)))
	}
	if i.peerSig {
		recs = append(recs, tlv.MakePrimitiveRecord(recipePeerSig, (*[64]byte)(&r.PeerSig)))
	}
	return recs
}

// Encode writes a version byte and a TLV stream.
func (r *Recipe) Encode() []byte {
	kind, format := uint8(r.Kind), uint8(r.Format)
	var b bytes.Buffer
	b.WriteByte(recipeVersion)
	stream, err := tlv.NewStream(r.records(&kind, &format)...)
	if err == nil {
		err = stream.Encode(&b)
	}
	if err != nil { // records are in order and a buffer takes all
		panic("commitment: encode recipe: " + err.Error())
	}
	return b.Bytes()
}

// maxScript bounds a witness script: BOLT 3's are 143 bytes at most.
const maxScript = 200

// DecodeRecipe reads what Encode wrote, or fails with ErrRecord.
func DecodeRecipe(b []byte) (*Recipe, error) {
	bad := func(why string) (*Recipe, error) { return nil, fmt.Errorf("recipe: %w: %s", ErrRecord, why) }
	// version, then type, length and value of the kind
	if len(b) < 4 || b[0] != recipeVersion || b[1] != byte(recipeKind) || b[2] != 1 || !Kind(b[3]).valid() {
		return bad("version or kind")
	}
	r := &Recipe{Kind: Kind(b[3])}
	kind, format := b[3], uint8(0)
	recs := r.records(&kind, &format)
	stream, err := tlv.NewStream(recs...)
	if err != nil {
		return bad(err.Error())
	}
	parsed, err := stream.DecodeWithParsedTypesP2P(bytes.NewReader(b[1:]))
	if err != nil {
		return bad(err.Error())
	}
	for i := range recs {
		if _, ok := parsed[recs[i].Type()]; !ok {
			return bad("a field is missing")
		}
	}
	if r.Format = Format(format); !r.Format.Valid() || len(parsed) != len(recs) || len(r.Script) > maxScript {
		return bad("format, field or script")
	}
	return r, nil
}
