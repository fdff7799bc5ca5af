// Package peer runs one loop per remote node. The loop owns that node's channels: nothing else touches them.
//
//	connection ─► reader ─┐                        ┌─► committer ─► (durable) ─► writer ─► connection
//	switch, chain, RPC ───┴─► inbox ─► Step … Flush┤                        └─► Outside: publish, watch, fund, notices
//	                                               └─► Switch: locked-in HTLCs and outcomes, at once
//
// A burst of whatever waits in the inbox is stepped, each touched channel is flushed once, and one batch of records goes to
// the store. What leaves the process waits for the fsync: the batch's Done releases it, and there is no other way to send.
// What stays inside (the switch) is told as soon as the batch is queued, because whoever acts on it queues behind it.
//
// The loop outlives connections: a Link comes and goes, the channels stay, and the loop with them. What a burst says is for
// the connection that it began with; where the connection changes, the burst is cut in two. A channel whose code panics is
// quarantined alone: its unwritten effects are dropped and it is not stepped again before a restart, which begins from the last
// durable state.
//
// A peer is hostile until the opposite is shown: all that it can make us hold, log, write or wait for has a limit here.
package peer
