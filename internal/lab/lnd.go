package lab

import (
	"context"

	"github.com/fulmen-ln/fulmen/internal/regtest"
)

// AddLND makes a node that runs LND's daemon instead of fulmend, and starts it. All that a Lab does goes through the API that both
// have, so it is a node as any other.
func (l *Lab) AddLND(ctx context.Context, name, binary string, args ...string) (*Node, error) {
	return l.add(ctx, &Node{Name: name, LND: binary, Args: args})
}

// lndArguments: what `lnd --help` explains. The delays are those of a network of two, not of the world.
func (l *Lab) lndArguments(n *Node) []string {
	c := l.Chain.Credentials
	name := string(c.Kind)
	args := []string{
		"--lnddir=" + n.Dir, "--bitcoin.regtest", "--bitcoin.node=" + name, "--listen=" + n.Peer, "--externalip=" + n.Peer,
		"--rpclisten=" + n.RPC, "--restlisten=" + n.REST, "--noseedbackup", "--alias=" + n.Name, "--debuglevel=debug",
		"--nobootstrap", "--trickledelay=50", "--gossip.sub-batch-delay=10ms", "--minbackoff=100ms", "--maxbackoff=1s",
		"--db.batch-commit-interval=10ms", "--maxpendingchannels=10", "--bitcoin.defaultremotedelay=144", "--logging.file.disable",
	}
	if c.Kind == regtest.Btcd {
		return append(args, "--btcd.rpchost="+c.Host, "--btcd.rpcuser="+c.User, "--btcd.rpcpass="+c.Pass, "--btcd.rpccert="+c.CertFile)
	}
	return append(args, "--bitcoind.rpchost="+c.Host, "--bitcoind.rpcuser="+c.User, "--bitcoind.rpcpass="+c.Pass,
		"--bitcoind.zmqpubrawblock="+c.ZMQBlock, "--bitcoind.zmqpubrawtx="+c.ZMQTx)
}
