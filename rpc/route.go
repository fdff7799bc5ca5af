package rpc

import (
	"math"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// MaxHops is the length of the longest route that a client may give: what an onion of 1300 bytes holds at the least
// payload per hop.
const MaxHops = 27

// minCustomRecord is the first TLV type that applications may use (BOLT 4).
const minCustomRecord = 65536

func newRoute(r *Route) *lnrpc.Route {
	out := &lnrpc.Route{
		TotalTimeLock: uint32(r.Expiry), TotalFees: int64(r.Fee.Satoshis()), TotalFeesMsat: int64(r.Fee),
		TotalAmt: int64(r.Amount.Satoshis()), TotalAmtMsat: int64(r.Amount), FirstHopAmountMsat: int64(r.Amount),
	}
	for i := range r.Hops {
		h := &r.Hops[i]
		hop := &lnrpc.Hop{
			ChanId: uint64(h.ID), ChanCapacity: int64(h.Capacity), AmtToForward: int64(h.Amount.Satoshis()),
			AmtToForwardMsat: int64(h.Amount), Fee: int64(h.Fee.Satoshis()), FeeMsat: int64(h.Fee), Expiry: uint32(h.Expiry),
			PubKey: h.Node.String(), TlvPayload: true, CustomRecords: h.Records, Metadata: h.Metadata,
			BlindingPoint: h.PathKey, EncryptedData: h.Encrypted,
		}
		switch {
		case len(h.PaymentAddr) > 0:
			hop.MppRecord = &lnrpc.MPPRecord{PaymentAddr: h.PaymentAddr, TotalAmtMsat: int64(h.Total)}
		case h.Total != 0:
			hop.TotalAmtMsat = uint64(h.Total)
		}
		out.Hops = append(out.Hops, hop)
	}
	return out
}

// parseRoute checks that amounts and expiries do not grow on the way, so that no hop is left to pay for it.
func parseRoute(r *lnrpc.Route) (out Route, err error) {
	switch {
	case r == nil:
		return out, invalid("unable to send, no routes provided")
	case len(r.Hops) == 0:
		return out, invalid("route must have at least one hop")
	case len(r.Hops) > MaxHops:
		return out, invalid("route has %d hops, more than %d", len(r.Hops), MaxHops)
	}
	if out.Amount, err = parseEither(r.TotalAmt, r.TotalAmtMsat); err != nil {
		return out, err
	}
	out.Expiry = lnwire.Height(r.TotalTimeLock)
	amount, expiry := out.Amount, out.Expiry
	for i, h := range r.Hops {
		hop, err := parseHop(h)
		if err != nil {
			return out, err
		}
		if hop.Amount > amount || hop.Expiry > expiry {
			return out, invalid("hop %d sends on more, or for longer, than it gets", i)
		}
		if i < len(r.Hops)-1 {
			hop.Fee = amount - hop.Amount
		}
		amount, expiry = hop.Amount, hop.Expiry
		out.Hops = append(out.Hops, hop)
	}
	if amount == 0 && len(r.Hops[len(r.Hops)-1].EncryptedData) == 0 {
		return out, invalid("the last hop gets nothing")
	}
	out.Fee = out.Amount - amount
	return out, nil
}

func parseHop(h *lnrpc.Hop) (out Hop, err error) {
	if h == nil {
		return out, invalid("a hop is empty")
	}
	if out.Node, err = parseKey(h.PubKey); err != nil {
		return out, err
	}
	if out.Amount, err = parseEither(h.AmtToForward, h.AmtToForwardMsat); err != nil {
		return out, err
	}
	if h.AmpRecord != nil {
		return out, invalid("AMP records are not supported")
	}
	if out.Records, err = parseRecords(h.CustomRecords); err != nil {
		return out, err
	}
	if m := h.MppRecord; m != nil {
		if len(m.PaymentAddr) != 32 {
			return out, invalid("payment address must be exactly 32 bytes, is instead %d", len(m.PaymentAddr))
		}
		if out.Total, err = parseAmount(0, m.TotalAmtMsat); err != nil {
			return out, err
		}
		out.PaymentAddr = m.PaymentAddr
	} else if out.Total, err = parseMillisatoshis("total_amt_msat", h.TotalAmtMsat); err != nil {
		return out, err
	}
	out.ID, out.Capacity, out.Expiry = lnwire.ShortChannelID(h.ChanId), btcutil.Amount(h.ChanCapacity), lnwire.Height(h.Expiry)
	out.Metadata, out.PathKey, out.Encrypted = h.Metadata, h.BlindingPoint, h.EncryptedData
	return out, nil
}

// parseEither prefers millisatoshis where, as in what newRoute writes, both are there.
func parseEither(sat, msat int64) (lnwire.MilliSatoshi, error) {
	if msat != 0 {
		sat = 0
	}
	return parseAmount(sat, msat)
}

func parseRecords(in map[uint64][]byte) (map[uint64][]byte, error) {
	for t := range in {
		if t < minCustomRecord {
			return nil, invalid("custom records entry with TLV type %d is below %d", t, minCustomRecord)
		}
	}
	return in, nil
}

// defaultFeeLimit is what LND allows a route when the client does not say: all of a small amount again, 5% of a larger.
func defaultFeeLimit(amount lnwire.MilliSatoshi) lnwire.MilliSatoshi {
	if amount <= 1_000_000 {
		return amount
	}
	return amount / 20
}

func parseFeeLimit(l *lnrpc.FeeLimit, amount lnwire.MilliSatoshi) (lnwire.MilliSatoshi, error) {
	switch v := l.GetLimit().(type) {
	case *lnrpc.FeeLimit_Fixed:
		return parseLimit(v.Fixed, 0)
	case *lnrpc.FeeLimit_FixedMsat:
		return parseLimit(0, v.FixedMsat)
	case *lnrpc.FeeLimit_Percent:
		if v.Percent < 0 || v.Percent > 100 {
			return 0, invalid("a fee limit of %d%% is not between 0 and 100", v.Percent)
		}
		percent := lnwire.MilliSatoshi(v.Percent)
		return amount/100*percent + amount%100*percent/100, nil // amount*percent might wrap
	}
	return defaultFeeLimit(amount), nil
}

// parseFinalCLTV fills in BOLT 11's default.
func parseFinalCLTV(delta int32) (uint16, error) {
	switch {
	case delta < 0 || delta > math.MaxUint16:
		return 0, invalid("final_cltv_delta of %d is not between 0 and %d", delta, math.MaxUint16)
	case delta == 0:
		return MinFinalCLTV, nil
	}
	return uint16(delta), nil
}

// maxFeatureBit bounds what a client may name as a destination's feature.
const maxFeatureBit = 8191

func parseFeatureBits(bits []lnrpc.FeatureBit) (lnwire.FeatureVector, error) {
	var f lnwire.FeatureVector
	for _, b := range bits {
		if b < 0 || b > maxFeatureBit {
			return nil, invalid("feature bit %d is not between 0 and %d", b, maxFeatureBit)
		}
		f = f.Set(lnwire.FeatureBit(b))
	}
	return f, nil
}

func parseLastHop(raw []byte) (*lnwire.PubKey, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	k, err := newKey(raw)
	return &k, err
}

func checkTimePref(p float64) error {
	if !(p >= -1 && p <= 1) {
		return invalid("time preference out of range")
	}
	return nil
}
