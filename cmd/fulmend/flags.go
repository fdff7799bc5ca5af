package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fulmen-ln/fulmen/node"
)

// Flags of the daemon. Each can also be a line "name=value" of the configuration file and an environment variable
// FULMEN_NAME; the command line wins over the environment, and that over the file.
const (
	flagConfig     = "configfile"
	flagDir        = "dir"
	flagNetwork    = "network"
	flagMainnet    = "i-accept-the-risk-on-mainnet"
	flagChain      = "chain"
	flagListen     = "listen"
	flagRPC        = "rpclisten"
	flagREST       = "restlisten"
	flagExternal   = "externalip"
	flagAlias      = "alias"
	flagColor      = "color"
	flagNoSeed     = "noseedbackup"
	flagDebug      = "debuglevel"
	flagOlderCopy  = "accept-older-ledger"
	flagNoMac      = "no-macaroons"
	flagTLSIP      = "tlsextraip"
	flagTLSDomain  = "tlsextradomain"
	flagKeysend    = "accept-keysend"
	flagMinChan    = "minchansize"
	flagMaxChan    = "maxchansize"
	flagMaxPending = "maxpendingchannels"
	flagNoInbound  = "rejectpush"
	flagBaseFee    = "bitcoin.basefee"
	flagFeeRate    = "bitcoin.feerate"
	flagDelta      = "bitcoin.timelockdelta"
	flagMinHTLC    = "bitcoin.minhtlc"
	flagConfs      = "bitcoin.defaultchanconfs"
	flagDelay      = "bitcoin.defaultremotedelay"
	flagFallback   = "bitcoin.fallbackfee"
)

func defaultDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ".fulmen"
	}
	return filepath.Join(home, ".fulmen")
}

// flags lists them in the order of --help.
func flags() []cli.Flag {
	p, c := node.DefaultPolicy, node.DefaultChannels
	return withEnv([]cli.Flag{
		&cli.StringFlag{Name: flagDir, Value: defaultDir(), Usage: "`folder` of everything the node keeps"},
		&cli.StringFlag{Name: flagConfig, Usage: "configuration `file` of lines name=value (default: fulmen.conf in --dir)"},
		&cli.StringFlag{Name: flagNetwork, Value: "regtest", Usage: "mainnet, testnet4, signet or regtest"},
		&cli.BoolFlag{Name: flagMainnet, Usage: "needed with --network=mainnet: this software is young and real money can be lost"},
		&cli.StringFlag{Name: flagChain, Value: "bitcoind", Usage: "the `backend`: bitcoind or btcd"},
		&cli.StringFlag{Name: "bitcoind.rpchost", Usage: "`host:port` of bitcoind's RPC server"},
		&cli.StringFlag{Name: "bitcoind.rpcuser", Usage: "user of bitcoind's RPC server"},
		&cli.StringFlag{Name: "bitcoind.rpcpass", Usage: "password of bitcoind's RPC server"},
		&cli.StringFlag{Name: "bitcoind.rpccookie", Usage: "bitcoind's cookie `file`, instead of user and password"},
		&cli.StringFlag{Name: "bitcoind.zmqpubrawblock", Usage: "`tcp://host:port` of bitcoind's blocks; without it bitcoind is asked, and polled"},
		&cli.StringFlag{Name: "bitcoind.zmqpubrawtx", Usage: "`tcp://host:port` of bitcoind's transactions"},
		&cli.StringFlag{Name: "btcd.rpchost", Usage: "`host:port` of btcd's RPC server"},
		&cli.StringFlag{Name: "btcd.rpcuser", Usage: "user of btcd's RPC server"},
		&cli.StringFlag{Name: "btcd.rpcpass", Usage: "password of btcd's RPC server"},
		&cli.StringFlag{Name: "btcd.rpccert", Usage: "btcd's certificate `file`"},
		&cli.StringSliceFlag{Name: flagListen, Value: cli.NewStringSlice("localhost:9735"), Usage: "`host:port` for peers; may be repeated; \"none\" for no listener"},
		&cli.StringSliceFlag{Name: flagRPC, Value: cli.NewStringSlice("localhost:10009"), Usage: "`host:port` of the gRPC API; may be repeated"},
		&cli.StringSliceFlag{Name: flagREST, Value: cli.NewStringSlice("localhost:8080"), Usage: "`host:port` of the REST API; may be repeated; \"none\" for none"},
		&cli.StringSliceFlag{Name: flagExternal, Usage: "`host:port` announced to the network; may be repeated"},
		&cli.StringFlag{Name: flagAlias, Usage: "the node's name, at most 32 bytes"},
		&cli.StringFlag{Name: flagColor, Value: "#3399ff", Usage: "the node's colour, `#rrggbb`"},
		&cli.BoolFlag{Name: flagNoSeed, Usage: "make or open a wallet without a password; for development only"},
		&cli.StringFlag{Name: flagDebug, Value: "info", Usage: "`level` for all, or SUB=level,SUB=level"},
		&cli.StringSliceFlag{Name: flagTLSIP, Usage: "`address` named in the TLS certificate; may be repeated"},
		&cli.StringSliceFlag{Name: flagTLSDomain, Usage: "`domain` named in the TLS certificate; may be repeated"},
		&cli.BoolFlag{Name: flagNoMac, Usage: "let every client do everything; for development only"},
		&cli.BoolFlag{Name: flagKeysend, Usage: "take payments without an invoice"},
		&cli.Int64Flag{Name: flagMinChan, Value: int64(c.MinSize), Usage: "smallest channel that others may open, in `sat`"},
		&cli.Int64Flag{Name: flagMaxChan, Value: int64(c.MaxSize), Usage: "largest channel, in `sat`"},
		&cli.IntFlag{Name: flagMaxPending, Value: c.MaxPending, Usage: "channels in opening, over all peers"},
		&cli.BoolFlag{Name: flagNoInbound, Usage: "take no channels from others"},
		&cli.UintFlag{Name: flagBaseFee, Value: uint(p.FeeBase), Usage: "base fee of new channels, in `msat`"},
		&cli.UintFlag{Name: flagFeeRate, Value: uint(p.FeeRate), Usage: "proportional fee of new channels, in `ppm`"},
		&cli.UintFlag{Name: flagDelta, Value: uint(p.CLTVDelta), Usage: "time lock delta of new channels, in `blocks`"},
		&cli.Uint64Flag{Name: flagMinHTLC, Value: uint64(p.Min), Usage: "smallest HTLC forwarded, in `msat`"},
		&cli.UintFlag{Name: flagConfs, Value: uint(c.MinDepth), Usage: "confirmations of the smallest channel's funding"},
		&cli.UintFlag{Name: flagDelay, Value: uint(c.ToSelfDelay), Usage: "`blocks` that the peer must wait for its funds after a forced close"},
		&cli.UintFlag{Name: flagFallback, Usage: "fee rate in `sat/kw` where the backend estimates none; on regtest the fee rate"},
		&cli.BoolFlag{Name: flagOlderCopy, Usage: "recovery: open a ledger.db that is an older copy; its channels publish nothing and wait for their peers"},
	})
}

// withEnv gives each flag its environment variable.
func withEnv(flags []cli.Flag) []cli.Flag {
	for _, f := range flags {
		env := []string{"FULMEN_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(f.Names()[0]))}
		switch f := f.(type) {
		case *cli.StringFlag:
			f.EnvVars = env
		case *cli.StringSliceFlag:
			f.EnvVars = env
		case *cli.BoolFlag:
			f.EnvVars = env
		case *cli.IntFlag:
			f.EnvVars = env
		case *cli.Int64Flag:
			f.EnvVars = env
		case *cli.UintFlag:
			f.EnvVars = env
		case *cli.Uint64Flag:
			f.EnvVars = env
		default:
			panic("flag of a kind without environment: " + f.Names()[0])
		}
	}
	return flags
}
