// Package store is the node's ledger: a flat, ordered key space on disk, written by one committer.
//
// It knows bytes and batches, not meanings. Any number of goroutines hand in batches; one goroutine takes
// everything that waits, merges it into one bbolt transaction, fsyncs, and then runs the batches' Done
// callbacks in the order in which they were queued:
//
//	peer loop ──Commit──┐
//	peer loop ──Commit──┼─► queue ─► one transaction ─► fsync ─► side file ─► Done, Done, Done
//	switch    ──Commit──┘     ▲              │
//	                          └── the same batches again, after a pause, upon a disk error
//
// There is no ticker: an idle store commits at once, a busy one merges what has piled up during the fsync
// before. Latency is that of the disk and throughput grows with load.
//
// # What is promised
//
//   - FIFO. When a batch is durable, all batches queued before it are. A batch is never torn.
//   - Done runs after the batch is durable, on the committer's goroutine. It must not block.
//   - Nothing is dropped and nothing is reordered upon a disk error: the committer repeats the same
//     transaction until it works, and Health tells the error meanwhile.
//   - Load, Scan and Range see committed state only.
//   - A file has one owner (ErrLocked), and an older copy of it is noticed (ErrOlderCopy); see fence.go.
//
// # Who may call what
//
// All methods are safe for concurrent use. A callback of Scan or Range must call neither Commit nor Sync:
// it holds a read transaction, for which a growing file has to wait.
package store
