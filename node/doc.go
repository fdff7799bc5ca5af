// Package node puts the parts together: it starts them in order, lets them speak through mailboxes, and stops them.
//
//	            ┌────────────── traffic (htlc.Switch, one loop) ◄── RPC: pay, invoices
//	Locked,     │ Offer, Settle, Reject
//	Ended   ────┤
//	            ▼
//	peer.Network: a loop per peer ──(durable)──► outside: publish, watch, fund, claims, notices ──► chain, wallet
//	            │                                      │
//	            └─► talk (gossip.Engine, one loop) ◄───┘  book: what every channel looks like now
//
// # Restart
//
// Channels are loaded and told Linked{false}; their live HTLCs are handed to the switch, which decides each incoming one by the
// rule of four lines (htlc.Resume). There is no other recovery: forwards, invoices, payments and channels are in one store, and
// a loop queues its batch before it tells another loop anything, so that what is durable is always a prefix of what happened.
package node
