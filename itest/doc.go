// Package itest runs scenarios against real fulmend processes on a real regtest chain, through their public API only.
//
//	make itest                        bitcoind where there is one, else btcd
//	make itest CHAIN=btcd RUN=Restart
//	make itest RACE=1                 daemons built with the race detector
//
// One scenario a file. Every scenario has a chain and nodes of its own, and ends with nothing left running.
package itest
