// Package invoice reads and writes the payment requests of BOLT 11.
//
//	ln bc 2500u 1 pvjluez | s p d m n x c f r 9 … | signature
//	│  │  │       │         │                       └ 65 bytes: r, s, recovery id
//	│  │  │       │         └ tagged fields: type, length, 5-bit groups
//	│  │  │       └ seconds since 1970, 35 bits
//	│  │  └ amount with a multiplier, optional
//	│  └ network
//	└ bech32, whose 90-character limit does not hold here
//
// Decode gives an Invoice that may be paid: every rule that makes a reader "fail the payment" has been applied, and
// Payee is who signed. Encode writes one. Neither reads a clock: whether an invoice has expired is asked with the
// time as an argument.
package invoice
