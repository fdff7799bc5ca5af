// Package gossip is BOLT 7 without I/O: it validates what peers say about channels and nodes, keeps it, passes it on,
// answers queries, catches up with peers, and announces our own channels.
//
//	Received ─► cheap checks ─► signatures (fork-join) ─► Lookups ─► Answered ─► graph, graph.db, relay
//	            chain, known,                             the funding    held updates
//	            age, rate                                 output         follow
//
// Engine.Step takes a burst of events and the time, and appends to Effects what the caller owes: bytes to send,
// outputs to look up, records for graph.db, changes for the router's graph. One goroutine owns the Engine.
//
// What is sent to a peer is paced: a Send is followed by the next one only after Drained, so that a slow reader costs
// nothing. A peer's place in what is to be relayed or dumped is a cursor, never a queue.
package gossip
