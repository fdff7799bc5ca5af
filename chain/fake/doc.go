// Package fake is a block chain in memory, for simulations and tests: it accepts, mines and reorganises by itself,
// validates what is spent as a real node would (scripts, amounts, lock times, replacement), and is deterministic.
package fake
