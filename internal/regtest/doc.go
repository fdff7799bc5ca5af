// Package regtest runs a real chain for tests, the lab and the demo: bitcoind where there is one, else btcd, which Go builds
// from this module's dependencies.
//
//	chain, err := regtest.Start(ctx, dir, regtest.Auto)
//	defer chain.Stop(ctx)
//	client, err := chain.Dial(ctx)
//	op, err := chain.Fund(ctx, address, amount)
//	err = chain.Mine(ctx, 6)
//
// A chain dies with the process that started it, unless it is Detached: then it stays, and any process can Attach to it
// through the state file in its folder.
package regtest
