package chain

import (
	"fmt"
	"strings"
)

// Reason is why a mempool refuses a transaction, in the same words for every backend.
type Reason uint8

const (
	// Other: none of the reasons below; see the text.
	Other Reason = iota
	// MissingInputs: an input is unknown, or spent by a confirmed transaction.
	MissingInputs
	// Conflict: an input is spent in the mempool and tx does not replace that, by BIP 125 or by a missing fee.
	Conflict
	// FeeTooLow: below what the mempool takes at present; a package with a child may get in.
	FeeTooLow
	// NotFinal: lock time or relative lock not yet reached.
	NotFinal
	// BadScript: a signature or witness does not satisfy its output.
	BadScript
	// Dust: an output is too small to relay.
	Dust
	// Invalid by consensus in another way, or malformed.
	Invalid
	// TooManyAncestors: the chain of unconfirmed transactions is too long.
	TooManyAncestors
)

var reasonNames = [...]string{"other", "missing inputs", "conflict", "fee too low", "not final", "bad script", "dust", "invalid",
	"too many ancestors"}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Rejected is a transaction that the mempool refused.
type Rejected struct {
	Reason Reason
	Text   string // the backend's own words
}

func (r *Rejected) Error() string {
	return fmt.Sprintf("transaction refused (%v): %s", r.Reason, r.Text)
}

// knownTexts are how backends say that they have the transaction already, confirmed or not.
var knownTexts = []string{
	"txn-already-in-mempool", "txn-already-known", "transaction already in block chain",
	"transaction outputs already in utxo set",                                          // Core
	"already have transaction", "transaction already exists", "already in the mempool", // btcd
}

// rejectTexts map what Core and btcd say to reasons; the first that occurs in the lower-cased text counts.
var rejectTexts = []struct {
	text   string
	reason Reason
}{
	{"missingorspent", MissingInputs},
	{"missing-inputs", MissingInputs},
	{"missing inputs", MissingInputs},
	{"orphan transaction", MissingInputs},
	{"unknown or fully-spent", MissingInputs},
	{"either does not exist or has already been spent", MissingInputs},
	{"txn-mempool-conflict", Conflict},
	{"insufficient fee", Conflict},
	{"bad-txns-spends-conflicting-tx", Conflict},
	{"replacement-adds-unconfirmed", Conflict},
	{"too many potential replacements", Conflict},
	{"already spent in mempool", Conflict},
	{"has an insufficient", Conflict},
	{"replacement transaction", Conflict},
	{"min relay fee not met", FeeTooLow},
	{"mempool min fee not met", FeeTooLow},
	{"under the required amount", FeeTooLow},
	{"insufficient priority", FeeTooLow},
	{"rate limiter due to low fees", FeeTooLow},
	{"bip68-final", NotFinal},
	{"non-final", NotFinal},
	{"not finalized", NotFinal},
	{"sequence locks", NotFinal},
	{"premature-spend-of-coinbase", NotFinal},
	{"before required maturity", NotFinal},
	{"script-verify-flag", BadScript},
	{"failed to validate input", BadScript},
	{"script execution", BadScript},
	{"bad-witness", BadScript},
	{"dust", Dust},
	{"too-long-mempool-chain", TooManyAncestors},
	{"too-large-cluster", TooManyAncestors},
	{"bad-txns", Invalid},
	{"less than the amount spent", Invalid},
	{"tx-size", Invalid},
	{"coinbase", Invalid},
}

// rejection turns a backend's text into nil, where the transaction is known, or a *Rejected.
func rejection(text string) error {
	low := strings.ToLower(text)
	for _, known := range knownTexts {
		if strings.Contains(low, known) {
			return nil
		}
	}
	for _, r := range rejectTexts {
		if strings.Contains(low, r.text) {
			return &Rejected{Reason: r.reason, Text: text}
		}
	}
	return &Rejected{Reason: Other, Text: text}
}
