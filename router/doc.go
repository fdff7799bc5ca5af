// Package router finds ways through the network: the graph of BOLT 7, searches on immutable snapshots of it, what
// payments taught about liquidity, and the splitting of an amount into parts.
//
//	gossip ──[]Change──► Graph.Apply ──swap──► *Snapshot ──┐
//	                                                       ├─► FindRoute / Split ──► *Route ──► onion
//	results ──► Estimates.Succeeded/Failed ──► At(now) ────┘
//
// A Snapshot never changes, so searches take no lock and never wait. Nodes and channels have small indices; the edges
// that lead into a node lie side by side, as a search from the destination backwards reads them. Apply copies only
// the blocks of 256 nodes or channels that a batch touches.
//
// Amounts and expiries are of HTLCs: Hop.Amount is what the hop's channel carries, and the fee that a node takes is
// the difference between what arrives and what leaves (BOLT 7, "HTLC Fees").
//
// The package is pure: height and time are arguments, nothing here logs, sleeps or reads a file.
package router
