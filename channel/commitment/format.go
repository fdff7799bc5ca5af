package commitment

import (
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Format is the kind of a channel's transactions. It answers for everything that differs between channel types;
// nothing else looks at the type.
type Format uint8

const (
	Anchors         Format = iota + 1 // option_anchors: two anchors, HTLC transactions carry no fee
	StaticRemoteKey                   // option_static_remotekey without anchors; not offered to peers
)

// AnchorAmount is the value of each anchor. BOLT 3: "The amount of the output is fixed at 330 sats".
const AnchorAmount btcutil.Amount = 330

// HTLCOutputWeight is what each untrimmed HTLC adds to a commitment.
const HTLCOutputWeight = 172

// traits are a format's figures.
type traits struct {
	name            string
	weight          int64 // expected weight of a commitment without HTLCs
	timeout         int64 // expected weight of HTLC-timeout
	success         int64 // expected weight of HTLC-success
	htlcsPayFee     bool  // HTLC transactions pay the commitment's rate
	anchors         bool
	peerSigHash     txscript.SigHashType // of the peer's signature on our HTLC transactions
	htlcSequence    uint32               // of HTLC transactions' and direct HTLC claims' inputs
	remoteSequence  uint32               // of the input that spends to_remote
	htlcSuffix      []byte               // before the last OP_ENDIF of HTLC scripts
	toRemoteWitness bool                 // to_remote is P2WSH, not P2WPKH
}

var formats = [...]traits{
	Anchors: {
		name: "anchors", weight: 1124, timeout: 666, success: 706, anchors: true,
		// BOLT 5: "Otherwise, SIGHASH_SINGLE|SIGHASH_ANYONECANPAY MUST be used on the HTLC signatures received from the peer".
		peerSigHash: txscript.SigHashSingle | txscript.SigHashAnyOneCanPay, htlcSequence: 1, remoteSequence: 1,
		htlcSuffix:      []byte{txscript.OP_1, txscript.OP_CHECKSEQUENCEVERIFY, txscript.OP_DROP},
		toRemoteWitness: true,
	},
	StaticRemoteKey: {
		name: "static_remotekey", weight: 724, timeout: 663, success: 703, htlcsPayFee: true,
		peerSigHash: txscript.SigHashAll,
	},
}

// Valid says whether f is a known format.
func (f Format) Valid() bool { return f != 0 && int(f) < len(formats) }

func (f Format) String() string {
	if !f.Valid() {
		return fmt.Sprintf("format %d", uint8(f))
	}
	return formats[f].name
}

// traits of an unknown format do not exist: that is a bug of the caller.
func (f Format) traits() *traits {
	if !f.Valid() {
		panic("commitment: unknown " + f.String())
	}
	return &formats[f]
}

// htlcWeight is the expected weight of the owner's HTLC transaction: timeout for what it offered, else success.
func (f Format) htlcWeight(offered bool) int64 {
	if offered {
		return f.traits().timeout
	}
	return f.traits().success
}

// HTLCFee is the fee of the owner's HTLC transaction.
// BOLT 3: "If option_anchors applies: [...] MUST be 0. [...] Multiply feerate_per_kw by 663 [703] and divide by 1000 (rounding down).".
func (f Format) HTLCFee(rate lnwire.FeePerKW, offered bool) btcutil.Amount {
	if !f.traits().htlcsPayFee {
		return 0
	}
	return rate.Fee(f.htlcWeight(offered))
}

// HTLCSequence is the nSequence of an input that spends an HTLC output of a commitment.
func (f Format) HTLCSequence() uint32 { return f.traits().htlcSequence }

// ToRemoteSequence is the nSequence of an input that spends to_remote.
func (f Format) ToRemoteSequence() uint32 { return f.traits().remoteSequence }

// HTLCsCarryFee says whether HTLC transactions are complete as the peer signed them and take no further input or output.
func (f Format) HTLCsCarryFee() bool { return f.traits().htlcsPayFee }
