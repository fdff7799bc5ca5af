// Package onion is BOLT 4: the packet that carries a payment's instructions, the instructions themselves, and the
// failures that travel back.
//
//	Build ─► packet ─► Peel ─► packet ─► Peel ─► packet ─► Peel        out: one layer for each hop
//	  │                  │                 │                 │
//	Decrypt ◄─ reason ◄─ Encrypt ◄─ ────── Encrypt ◄─ ──── NewFailure   back: one stream cipher for each hop
//
// Build returns one shared Secret for each hop; Peel returns the Secret of this hop. They are all that the way back needs.
//
// Everything here is a pure function: entropy (the session key) is an argument, and nothing is remembered. Whether a packet
// was seen before is for package htlc to know, which persists it together with what it did about the packet.
//
// A packet that cannot be opened, or whose instructions break the rules, makes Peel return a *PeelError. It says which
// of BOLT 2's two messages answers it: update_fail_malformed_htlc where no secret is shared with the sender or where a
// blinded path must not leak, update_fail_htlc otherwise.
//
// The Sphinx construction is written here rather than taken from lightning-onion because that library hands out no
// shared secret with a packet: callers pay a second ECDH on each side, and a blinding of the ephemeral key at the last hop
// that nobody uses. The library is the oracle in this package's tests, and makes the blinded paths.
package onion
