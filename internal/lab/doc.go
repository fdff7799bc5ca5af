// Package lab runs networks of real fulmend processes on a regtest chain, all below one folder: for `fulmen lab`, the demo and
// the integration tests.
//
//	l, err := lab.Up(ctx, dir, lab.Options{Nodes: 3, Topology: lab.Line})
//	alice, err := l.Client("alice")
//	err = l.Kill("bob")
//	err = l.Down(ctx)
//
// What is needed to find everything again is in the file lab.json, so that every call of the command line is a process of its
// own. Only processes that the lab started are ever signalled.
package lab
