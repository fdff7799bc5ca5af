package wallet

import "time"

// Source is where btcwallet hears of the chain: Bitcoind or Btcd.
type Source interface{ source() }

// Bitcoind is a bitcoind, by JSON-RPC, and ZMQ where both addresses are given, else polling.
type Bitcoind struct {
	Host, User, Pass   string
	ZMQBlock, ZMQTx    string        // tcp://host:port of zmqpubrawblock and zmqpubrawtx
	PollBlock, PollTx  time.Duration // without ZMQ; 0: by network
	PrunedMaxDownloads int
}

// Btcd is a btcd, by JSON-RPC over websocket.
type Btcd struct {
	Host, User, Pass string
	Cert             []byte // PEM; empty: no TLS
}

func (Bitcoind) source() {}
func (Btcd) source()     {}
