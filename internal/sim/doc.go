// Package sim plays a channel's two machines against each other without network, disk or chain.
//
//	┌─ Node ─────────────┐   wire: in order, lost on disconnect   ┌─ Node ─────────────┐
//	│ Machine ─► Effects │ ─────────────────────────────────────► │ Machine            │
//	│ queue ─► disk      │ ◄───────────────────────────────────── │                    │
//	└────────┬───────────┘                                        └────────┬───────────┘
//	         └────────────── Oracle: reads the messages ───────────────────┘
//
// A Node keeps to the contract of package channel: memory runs ahead, effects leave only with Commit, a crash loses
// what was not committed. The Oracle knows the rules of BOLT 2 and nothing of the machine: from the messages alone it
// computes what each signed commitment must contain.
package sim
