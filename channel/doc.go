// Package channel is BOLT 2 (version 1 channels) as a pure state machine: one Machine is one channel, Step applies one
// Event and appends to Effects what the caller owes the world. No clock, no disk, no network, no goroutines: what happens
// is an argument, and the same events give the same effects.
//
//	           Event                              Effects
//	peer ───► Received, Linked ──┐      ┌──► Records   make these durable first,
//	switch ─► Offer, Settle, … ──┼─Step─┼──► Send, Broadcast, Incoming, Outcomes, Claims, …  then do these
//	chain ──► Block, Confirmed, ─┘      └──► Disconnect
//	          Spent, …
//
// # The life
//
//	Opening ──funding signed──► Pending ──both channel_ready──► Open ──shutdown──► Closing ──spent, deep──► Closed
//	   │                           └───────────────┴── error, deadline, force, spend ──┴──► Onchain ──────────┘
//	   └── anything else: forgotten
//
// # The dance
//
// An update enters the other side's commitment first, and its own when the other has answered:
//
//	A                                   B          HTLC of A      in B's commitment   in A's
//	│ update_add_htlc ────────────────► │          AddSent
//	│ commitment_signed ──────────────► │          AddSigned      ●
//	│ ◄──────────────── revoke_and_ack  │          AddRevoked     ●
//	│ ◄───────────── commitment_signed  │          AddAcked       ●                   ●
//	│ revoke_and_ack ─────────────────► │          Locked         ●                   ●    B may forward it
//	│                                   │
//	│ ◄─────────── update_fulfill_htlc  │          RmSent         ●                   ●    a preimage counts at once
//	│ ◄───────────── commitment_signed  │          RmSigned       ●
//	│ revoke_and_ack ─────────────────► │          RmRevoked      ●
//	│ commitment_signed ──────────────► │          RmAcked
//	│ ◄──────────────── revoke_and_ack  │          Gone                                    a failure counts now
//
// Each stage is left by exactly one move (stage.go), so both commitments, the previous one while it is not revoked, and
// what must be sent again after a disconnect all follow from the stages (table.go). Nothing else is kept of either
// commitment but its number and the peer's signatures. A fee update rides the same table, as far as Locked.
//
// # Rules for the caller
//
//   - Step many events, Flush once; then commit Records, in order; then release the rest. Memory may run ahead of the disk.
//   - An Outcome with a Preimage is written by the caller in the same batch: the channel forgets it in the end.
//   - After Load: Linked{Up: false}, then Block, then for each HTLC of Live the start-up rule.
//   - A panic is a broken invariant: drop the effects, leave the channel alone. The records are as they were.
//
// Read on: event.go and effects.go (the contract), machine.go (Step), stage.go and table.go (the HTLCs), dance.go and
// normal.go (operation), open.go and proposal.go, ready.go, close.go, reestablish.go, onchain.go, announce.go, record.go
// and load.go (what is durable), enforce.go (the signer that says no).
package channel
