// Package fake is a block chain in memory, for simulations and tests: it accepts, mines and reorganises when told to,
// validates what is spent as a real node would (scripts, amounts, lock times, dust, replacement), and is deterministic: the
// same calls give the same blocks.
//
//	c := fake.New()
//	_, op := c.Fund(script, 1_000_000)
//	c.Mine(1)                      // confirms it
//	err := c.Broadcast(ctx, spend) // *chain.Rejected where a real node would refuse
//	c.Mine(6)
//	c.Reorg(3)                     // the spend may be back in the mempool now
//
// What it leaves out: proof of work, fees paid to miners, limits of block size, and most of what makes a transaction
// non-standard.
package fake
