package node

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/store"
)

// Policy is what the node asks for forwarding where nothing else was set.
type Policy struct {
	FeeBase   uint32 // msat
	FeeRate   uint32 // parts per million
	CLTVDelta uint16
	Min       lnwire.MilliSatoshi
}

// DefaultPolicy is 1 sat and 1 ppm, 80 blocks.
var DefaultPolicy = Policy{FeeBase: 1000, FeeRate: 1, CLTVDelta: 80, Min: 1000}

// policies holds the operator's choices, by channel index, as records "n/p/<index>".
type policies struct {
	preset Policy
	ledger *store.DB
	mu     sync.RWMutex
	set    map[uint64]router.Policy
}

const policyPrefix = "n/p/"

func loadPolicies(db *store.DB, preset Policy) (*policies, error) {
	p := &policies{preset: preset, ledger: db, set: make(map[uint64]router.Policy)}
	err := db.Scan([]byte(policyPrefix), func(k, v []byte) error {
		pol, err := decodePolicy(v)
		if err != nil || len(k) != len(policyPrefix)+8 {
			return fmt.Errorf("policy record %x: %w", k, err)
		}
		p.set[binary.BigEndian.Uint64(k[len(policyPrefix):])] = pol
		return nil
	})
	return p, err
}

// of is the policy of a channel: what was set, within what the channel itself allows.
func (p *policies) of(c page) router.Policy {
	p.mu.RLock()
	pol, ok := p.set[c.Index]
	p.mu.RUnlock()
	if !ok {
		pol = router.Policy{FeeBase: p.preset.FeeBase, FeeRate: p.preset.FeeRate, CLTVDelta: p.preset.CLTVDelta, Min: p.preset.Min}
	}
	// BOLT 7: "MUST set htlc_maximum_msat to the maximum value it will send through this channel for a single HTLC.
	// MUST set this to less than or equal to the channel capacity. MUST set this to less than or equal to
	// max_htlc_value_in_flight_msat it received from the peer."
	ceiling := lnwire.FromSatoshis(c.Capacity - c.Remote.Reserve)
	if c.Remote.MaxInFlight > 0 {
		ceiling = min(ceiling, c.Remote.MaxInFlight)
	}
	if pol.Max == 0 || pol.Max > ceiling {
		pol.Max = ceiling
	}
	pol.Min = max(pol.Min, c.Remote.HTLCMinimum)
	return pol
}

// with is the preset with another base or rate.
func (p *policies) with(base, rate *uint32) router.Policy {
	pol := router.Policy{FeeBase: p.preset.FeeBase, FeeRate: p.preset.FeeRate, CLTVDelta: p.preset.CLTVDelta, Min: p.preset.Min}
	if base != nil {
		pol.FeeBase = *base
	}
	if rate != nil {
		pol.FeeRate = *rate
	}
	return pol
}

// change sets a channel's policy; done runs when it is durable.
func (p *policies) change(index uint64, pol router.Policy, done func()) {
	p.mu.Lock()
	p.set[index] = pol
	p.mu.Unlock()
	p.ledger.Commit(store.Batch{Puts: []store.Put{{Key: policyKey(index), Value: encodePolicy(pol)}}, Done: done})
}

// forget drops the policy of a channel that is gone.
func (p *policies) forget(index uint64) {
	p.mu.Lock()
	delete(p.set, index)
	p.mu.Unlock()
	p.ledger.Commit(store.Batch{Puts: []store.Put{{Key: policyKey(index)}}})
}

func policyKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(policyPrefix), index)
}

const (
	policyVersion = 1
	policySize    = 1 + 2 + 4 + 4 + 8 + 8 + 4 + 4
)

// encodePolicy: version, delta, base, rate, min, max, inbound base, inbound rate; big-endian.
func encodePolicy(p router.Policy) []byte {
	b := append(make([]byte, 0, policySize), policyVersion)
	b = binary.BigEndian.AppendUint16(b, p.CLTVDelta)
	b = binary.BigEndian.AppendUint32(b, p.FeeBase)
	b = binary.BigEndian.AppendUint32(b, p.FeeRate)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Min))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Max))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Inbound.Base))
	return binary.BigEndian.AppendUint32(b, uint32(p.Inbound.Rate))
}

func decodePolicy(b []byte) (router.Policy, error) {
	if len(b) != policySize || b[0] != policyVersion {
		return router.Policy{}, fmt.Errorf("policy of %d bytes is of no known version", len(b))
	}
	be := binary.BigEndian
	return router.Policy{
		CLTVDelta: be.Uint16(b[1:]), FeeBase: be.Uint32(b[3:]), FeeRate: be.Uint32(b[7:]),
		Min: lnwire.MilliSatoshi(be.Uint64(b[11:])), Max: lnwire.MilliSatoshi(be.Uint64(b[19:])),
		Inbound: lnwire.InboundFee{Base: int32(be.Uint32(b[27:])), Rate: int32(be.Uint32(b[31:]))},
	}, nil
}
