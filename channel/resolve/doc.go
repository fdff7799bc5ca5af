// Package resolve is BOLT 5 as a pure function: what to do about a channel of which the funding output is spent, or is
// about to be.
//
//	Contract: what the channel knew ──┐
//	                                  ├─► Next ─► Plan: Claims, Watch, Outcomes, Done
//	Facts: which spends were seen ────┘
//
// The facts are all that is stored. A restart asks again and gets the same plan; a reorganisation removes facts and asks
// again; a new block, spend or preimage asks again. Nothing is remembered between two calls.
//
// The funding output is spent by one of the transactions that Close names. Each output of it that matters becomes an
// entry of a list (output.go): unspent, it is a Claim; spent by an HTLC transaction, that one's output joins the list,
// and so on until all are spent at IrrevocableDepth.
//
//	commitment ─┬─ to_local ──────────────── claim after to_self_delay, or penalty
//	            ├─ to_remote ─────────────── claim
//	            ├─ HTLC ─┬───────────────── claim by timeout, with the preimage, or penalty
//	            │        └─ HTLC transaction ─ claim after to_self_delay, or penalty
//	            └─ anchor ───────────────── claim while the commitment is unconfirmed
//
// Claims say what can be spent, how, from when and until when; fee rates, batches and replacements are the wallet's.
package resolve
