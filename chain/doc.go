// Package chain is the node's view of the Bitcoin block chain.
//
// A Client is a backend that can be asked: bitcoind (DialBitcoind), btcd (DialBtcd), or the chain in memory of
// chain/fake. A Watcher follows one Client and tells of confirmations, spends and blocks:
//
//	bitcoind ── JSON-RPC, ZMQ or polling ──┐
//	btcd ────── JSON-RPC, websocket ───────┼─► Client ─► Watcher ─► Sink (a mailbox of the channel, wallet…)
//	fake.Chain ────────────────────────────┘
//
// # What is promised
//
//   - A backend may be absent, restart, be pruned or be behind. The client then says so (State), keeps its last good
//     tip (Best), and goes on when the backend is well. Nothing is told from a backend that is not in step.
//   - Events are of confirmed transactions only, except Seen, which one has to ask for.
//   - Every event is about the chain as it stands: a reorganisation takes back what it undoes (Disconnected, Unspent, Block
//     with Connected false), newest block first, before the new branch is told, however deep it goes.
//   - The watcher stores nothing. After a restart one registers again, with a height hint, and gets the same events.
//   - No transaction index is needed.
//
// Transactions in events are shared between sinks and must not be written to.
package chain
