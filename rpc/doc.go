// Package rpc serves Fulmen to the outside: gRPC and REST on the wire of LND, so that its clients work unchanged.
//
// The protocol files lie in rpc/proto, the stubs made of them (rpc/gen.sh) in rpc/lnrpc, rpc/routerrpc and
// their neighbours. rpc/macaroon mints and checks the tokens, rpc/client dials.
//
//	TLS listener ── gRPC ──┐
//	                       ├─ state ─ macaroon ─ handlers ── Backend (backend.go) ── node
//	TLS listener ── REST ──┘  in-process connection
//
// The Server listens before the wallet is open: State and WalletUnlocker answer, everything else says that the wallet
// is locked. Activate hands it the Backend and opens the rest.
//
// What the package serves it names itself, as small interfaces over plain structs (backend.go and the view files); the
// node implements them. The peculiarities of LND's API — indices, orders, units, texts of errors — stay in here.
//
// Subscriptions do not poll and do not block whom they subscribe to: the backend drops updates into a Sink, which is a
// bounded queue. A client that reads slower than it is written to loses its stream with an error that says so.
package rpc
