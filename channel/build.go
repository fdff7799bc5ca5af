package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Verifier checks the peer's signatures. A Signer that is one replaces the curve, in simulations.
type Verifier interface {
	Verify(p *commitment.Params, c *commitment.Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) error
	VerifyClosing(p *commitment.Params, tx *wire.MsgTx, sig lnwire.Sig) error
}

type curveVerifier struct{}

func (curveVerifier) Verify(p *commitment.Params, c *commitment.Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) error {
	return commitment.Verify(p, c, sig, htlcSigs)
}

func (curveVerifier) VerifyClosing(p *commitment.Params, tx *wire.MsgTx, sig lnwire.Sig) error {
	return commitment.VerifyFunding(p, tx, sig)
}

// keysOf are owner's commitment keys for point, derived once for as long as the point is in use.
func (m *Machine) keysOf(f *funding, owner commitment.Side, point lnwire.PubKey) (*commitment.Keys, error) {
	for _, k := range m.keys {
		if k != nil && k.Owner == owner && k.Point == point {
			return k, nil
		}
	}
	k, err := commitment.DeriveKeys(&f.params, owner, point)
	if err != nil {
		return nil, err
	}
	copy(m.keys[1:], m.keys[:])
	m.keys[0] = k
	return k, nil
}

// build makes v of owner's commitment on f. Everything in it was checked when it arrived.
func (m *Machine) build(f *funding, owner commitment.Side, v version, number uint64, point lnwire.PubKey) *commitment.Commitment {
	k, err := m.keysOf(f, owner, point)
	if err != nil {
		panic(fmt.Sprintf("channel: keys of commitment %d: %v", number, err))
	}
	s := m.table.state(owner, v, number, m.scratch[:0]) // Build copies the HTLCs
	m.scratch = s.HTLCs
	c, err := k.Build(&f.params, &s)
	if err != nil {
		panic(fmt.Sprintf("channel: build commitment %d: %v", number, err))
	}
	return c
}
