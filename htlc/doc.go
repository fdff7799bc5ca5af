// Package htlc is what happens to payments above channels: forwarding them, receiving them, making them.
//
//	            Incoming  ┌──────────────┐  Command{Offer}             channel B
//	channel A ──────────► │              │ ─────────────────────────►
//	          ◄────────── │    Switch    │ ◄─────────────────────────
//	  Command{Settle,     │              │  Ended (preimage or reason), Refused
//	          Reject}     └──────────────┘
//	                        ▲  │ Seek          ▲ AddInvoice, SettleInvoice, CancelInvoice, Pay, CancelPayment
//	                 Routed │  ▼               │
//	                   a worker: route and onion    RPC
//
// Switch is a pure machine, as channel.Machine is: Step takes an Event and appends to Effects, which the driver makes durable
// and then carries out. There is no clock, no randomness and no goroutine; Tick brings the time and the height.
//
// # The crash rule
//
// The driver queues Effects.Records before it hands Effects.Commands on, and the store commits in the order of the queue. So a
// command is never durable before what the Switch wrote about it. Forwards need no record of their own: an outgoing HTLC carries
// its Origin, an incoming one its onion, and Resume joins the two. What Resume is told:
//
//	for each locked incoming HTLC without a removal:
//	  1. its preimage is known                               → Settle
//	  2. a channel holds an outgoing HTLC of which it is the origin → wait
//	  3. an invoice matches                                  → invoice logic
//	  4. otherwise                                           → Reject
//
// A preimage is known when an invoice was settled, or when PreimageRecord wrote it: the peer loop puts that record into the very
// batch in which a channel learnt the preimage, so that no crash falls between the two.
//
// # What is promised
//
// Each incoming HTLC gets exactly one Settle or Reject. It is never rejected once its preimage is known, never settled without.
// The preimage of an invoice is released only when all parts of the payment are locked in and valid. Each payment comes to exactly
// one recorded end.
package htlc
