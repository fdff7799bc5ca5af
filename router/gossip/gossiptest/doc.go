// Package gossiptest makes networks whose gossip is properly signed, for tests: every key is derived from a number, so
// that the same network comes out each time.
package gossiptest
