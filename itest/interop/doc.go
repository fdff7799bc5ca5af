// Package interop runs scenarios between real fulmend processes and real LND ones, on a real regtest chain, through the API that
// both have.
//
//	make interop                      bitcoind where there is one, else btcd
//	make interop CHAIN=btcd RUN=Close
//
// LND is built once, by Go alone, from the module in itest/lnd, into the user's cache folder; $LND names another binary. Where it
// can neither be found nor built, all scenarios are skipped with the reason.
//
// Nodes named fulmen… run Fulmen, nodes named lnd… run LND. Every scenario has a chain and nodes of its own.
package interop
