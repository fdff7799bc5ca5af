// Package commitment is BOLT 3: keys, scripts, weights, fees and dust, the commitment, HTLC and closing transactions,
// their signatures, and the compact store of revealed secrets. It is pure; its only goroutines sign and verify many HTLC
// signatures at once and have ended when the call returns.
//
// A commitment belongs to its owner, one of the two Sides, and is made for the owner's per-commitment point:
//
//	            Params (never change)      State (number, rate, balances, HTLCs)
//	                    │                                │
//	point ─► DeriveKeys ─► Keys ─────────► Build ────────┘
//	                                         │
//	                                         ▼
//	                 Commitment: funding input ─► to_local, to_remote, anchors
//	                                              HTLC outputs ─► HTLC-timeout / HTLC-success
//	                                         │
//	   ours: Verify, SignLocal, Witnessed ◄──┴──► theirs: Secrets.SignRemote
//
// What depends on the channel type is answered by Format alone. A claim of an output on chain is described by a Recipe,
// plain data without private keys, which Secrets.Witness follows.
package commitment
