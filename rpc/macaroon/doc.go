// Package macaroon mints and checks the tokens that clients of the API carry.
//
// They are macaroons of version 2 in LND's layout, made by the bakery library: the identifier holds a nonce, the id of
// a root key and the operations that the macaroon grants; whoever holds one can narrow it by adding caveats to it
// ("time-before", "ipaddr", "iprange"), and nobody can widen it. Root keys are derived from one secret that the wallet
// keeps, so nothing is stored here.
package macaroon
