// Package resolve is BOLT 5: what to do about a channel whose funding output is spent.
package resolve
