package rpc

import (
	"bytes"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// lightning serves lnrpc.Lightning: each embedded part a few methods that belong together. What no part has falls to
// the fallback, and is never reached, as it is not registered (see served).
type lightning struct {
	fallback
	nodeCalls
	walletCalls
	peerCalls
	channelCalls
	openCalls
	invoiceCalls
	paymentCalls
	graphCalls
	policyCalls
	backupCalls
}

// fallback is embedded one level deeper than the parts, so that their methods come first.
type fallback struct {
	lnrpc.UnimplementedLightningServer
}

func newLightning(s *Server) *lightning {
	b := &s.backend
	return &lightning{
		nodeCalls:    nodeCalls{b, NetworkName(s.options.Network)},
		walletCalls:  walletCalls{b},
		peerCalls:    peerCalls{b},
		channelCalls: channelCalls{b, s.streams, s.options.Network.GenesisHash.String()},
		openCalls:    openCalls{b, s.streams},
		invoiceCalls: invoiceCalls{b, s.streams},
		paymentCalls: paymentCalls{b},
		graphCalls:   graphCalls{b},
		policyCalls:  policyCalls{b},
		backupCalls:  backupCalls{b, s.streams},
	}
}

// parseKey reads a node's public key in hex.
func parseKey(s string) (lnwire.PubKey, error) {
	raw, err := decodeHex(s)
	if err != nil {
		return lnwire.PubKey{}, fmt.Errorf("invalid public key: %w", err)
	}
	return newKey(raw)
}

// newKey checks that raw is a point.
func newKey(raw []byte) (k lnwire.PubKey, err error) {
	if len(raw) != len(k) {
		return k, invalid("invalid public key: %d bytes, not %d", len(raw), len(k))
	}
	copy(k[:], raw)
	_, err = k.Parse()
	return k, err
}

// newHash checks the length of a payment hash.
func newHash(raw []byte) (h lnwire.Hash, err error) {
	if len(raw) != len(h) {
		return h, invalid("payment hash must be exactly %d bytes, is instead %d", len(h), len(raw))
	}
	return lnwire.Hash(raw), nil
}

// parsePoint reads a channel point in either of its forms.
func parsePoint(p *lnrpc.ChannelPoint) (op wire.OutPoint, err error) {
	switch txid := p.GetFundingTxid().(type) {
	case *lnrpc.ChannelPoint_FundingTxidBytes:
		var h *chainhash.Hash
		if h, err = chainhash.NewHash(txid.FundingTxidBytes); err == nil {
			op.Hash = *h
		}
	case *lnrpc.ChannelPoint_FundingTxidStr:
		op.Hash, err = parseTxid(txid.FundingTxidStr)
	default:
		err = invalid("channel_point is missing")
	}
	if err != nil {
		return op, fmt.Errorf("unable to get funding txid: %w", err)
	}
	op.Index = p.OutputIndex
	return op, nil
}

// parseTxid reads a transaction id as it is usually shown; chainhash alone would take a shorter one.
func parseTxid(s string) (chainhash.Hash, error) {
	if len(s) != chainhash.MaxHashStringSize {
		return chainhash.Hash{}, invalid("a txid has %d hex digits, not %d", chainhash.MaxHashStringSize, len(s))
	}
	h, err := chainhash.NewHashFromStr(s)
	if err != nil {
		return chainhash.Hash{}, err
	}
	return *h, nil
}

func parseOutPoints(in []*lnrpc.OutPoint) ([]wire.OutPoint, error) {
	var out []wire.OutPoint
	for _, o := range in {
		op := wire.OutPoint{Index: o.GetOutputIndex()}
		switch {
		case len(o.GetTxidBytes()) == chainhash.HashSize:
			op.Hash = chainhash.Hash(o.TxidBytes)
		case len(o.GetTxidBytes()) != 0:
			return nil, invalid("txid_bytes has %d bytes, not %d", len(o.TxidBytes), chainhash.HashSize)
		default:
			var err error
			if op.Hash, err = parseTxid(o.GetTxidStr()); err != nil {
				return nil, err
			}
		}
		out = append(out, op)
	}
	return out, nil
}

func newChannelPoint(op wire.OutPoint) *lnrpc.ChannelPoint {
	return &lnrpc.ChannelPoint{
		FundingTxid: &lnrpc.ChannelPoint_FundingTxidBytes{FundingTxidBytes: bytes.Clone(op.Hash[:])},
		OutputIndex: op.Index,
	}
}

func newOutPoint(op wire.OutPoint) *lnrpc.OutPoint {
	return &lnrpc.OutPoint{TxidBytes: bytes.Clone(op.Hash[:]), TxidStr: op.Hash.String(), OutputIndex: op.Index}
}

// parseAmount reads an amount that is given in satoshis or in millisatoshis.
func parseAmount(sat, msat int64) (lnwire.MilliSatoshi, error) {
	switch {
	case sat != 0 && msat != 0:
		return 0, invalid("sat and msat arguments are mutually exclusive")
	case sat < 0 || msat < 0:
		return 0, invalid("amount cannot be negative")
	case sat > int64(lnwire.MaxMilliSatoshi/1000) || msat > int64(lnwire.MaxMilliSatoshi):
		return 0, invalid("amount is more than there is")
	case msat != 0:
		return lnwire.MilliSatoshi(msat), nil
	}
	return lnwire.FromSatoshis(btcutil.Amount(sat)), nil
}

// parseLimit reads the most that an amount may be. What is more than there is means no limit: clients write the highest
// number that they have.
func parseLimit(sat, msat int64) (lnwire.MilliSatoshi, error) {
	most := int64(lnwire.MaxMilliSatoshi)
	return parseAmount(min(sat, most/1000), min(msat, most))
}

// parseSatoshis reads an amount in satoshis.
func parseSatoshis(name string, sat int64) (btcutil.Amount, error) {
	if sat < 0 || sat > int64(btcutil.MaxSatoshi) {
		return 0, invalid("%s: %d is no amount", name, sat)
	}
	return btcutil.Amount(sat), nil
}

// limit is parseLimit for what the wire has as unsigned.
func limit(msat uint64) lnwire.MilliSatoshi {
	return lnwire.MilliSatoshi(min(msat, uint64(lnwire.MaxMilliSatoshi)))
}

// parseMillisatoshis reads an amount that the wire has as unsigned.
func parseMillisatoshis(name string, msat uint64) (lnwire.MilliSatoshi, error) {
	if msat > uint64(lnwire.MaxMilliSatoshi) {
		return 0, invalid("%s: %d is more than there is", name, msat)
	}
	return lnwire.MilliSatoshi(msat), nil
}

// maxSatPerVByte bounds fee rates that a client may ask for: nobody means more.
const maxSatPerVByte = 100_000

// parseFeeRate reads a fee rate or a target, of which at most one may be given.
func parseFeeRate(target int32, satPerVByte uint64, satPerByte int64) (FeeRate, error) {
	if satPerByte < 0 || target < 0 {
		return FeeRate{}, invalid("fee rate and confirmation target cannot be negative")
	}
	if satPerVByte != 0 && satPerByte != 0 {
		return FeeRate{}, invalid("either sat_per_byte or sat_per_vbyte should be set, but not both")
	}
	rate := max(satPerVByte, uint64(satPerByte))
	if rate != 0 && target != 0 {
		return FeeRate{}, invalid("either fee rate or conf target should be set, but not both")
	}
	perKW, err := perKW(rate)
	return FeeRate{PerKW: perKW, Target: uint32(target)}, err
}

// perKW converts from satoshis per virtual byte; nothing below the relay floor is made of a rate that is not zero.
func perKW(satPerVByte uint64) (lnwire.FeePerKW, error) {
	if satPerVByte > maxSatPerVByte {
		return 0, invalid("fee rate of %d sat/vB is larger than the maximum of %d sat/vB", satPerVByte, maxSatPerVByte)
	}
	if satPerVByte == 0 {
		return 0, nil
	}
	return max(lnwire.FeePerKW(satPerVByte*1000/4), lnwire.FeePerKWFloor), nil
}

// perVByte converts to satoshis per virtual byte, rounded to the nearest, as 253 per 1000 weight is meant to be 1.
func perVByte(f lnwire.FeePerKW) uint64 { return (uint64(f)*4 + 500) / 1000 }

// unixTime takes what lies beyond the year 9999 for its end: clients write the highest number for "no end".
func unixTime(sec uint64) time.Time {
	const last = 253402300799
	return time.Unix(int64(min(sec, last)), 0)
}

// unix and unixNano write a time that never came as 0, as the wire has it.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
