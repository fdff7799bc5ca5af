package channel_test

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// vault is an Enforcer with what it is asked to sign.
type vault struct {
	t      *testing.T
	e      *channel.Enforcer
	mine   *sim.Signer
	theirs *sim.Signer
	params commitment.Params
}

func newVault(t *testing.T) *vault {
	v := &vault{t: t, mine: sim.NewSigner([32]byte{1}, true), theirs: sim.NewSigner([32]byte{2}, true)}
	v.e = channel.Enforce(v.mine)
	v.params = commitment.Params{Format: commitment.Anchors, Funding: wire.OutPoint{Index: 1}, Capacity: 100_000}
	for side, s := range []*sim.Signer{v.mine, v.theirs} {
		v.params.Parties[side] = commitment.Party{Basepoints: s.Basepoints(), DustLimit: 354, ToSelfDelay: 10}
	}
	return v
}

// build makes commitment n of owner, in which the opener has mine satoshis.
func (v *vault) build(owner commitment.Side, n uint64, mine lnwire.MilliSatoshi) *commitment.Commitment {
	point := v.mine.Point(n)
	if owner == commitment.Remote {
		point = v.theirs.Point(n)
	}
	c, err := commitment.Build(&v.params, owner, point, &commitment.State{Number: n, FeeRate: 253,
		Balances: [2]lnwire.MilliSatoshi{mine * 1000, (100_000 - mine) * 1000}})
	require.NoError(v.t, err)
	return c
}

func (v *vault) remote(n uint64, mine lnwire.MilliSatoshi) {
	_, _, err := v.e.SignRemote(&v.params, v.build(commitment.Remote, n, mine))
	require.NoError(v.t, err)
}

// receive verifies commitment n of ours.
func (v *vault) receive(n uint64) {
	c := v.build(commitment.Local, n, 50_000)
	sig, err := v.mine.SignLocal(&v.params, c) // fast signatures are the same from everybody
	require.NoError(v.t, err)
	require.NoError(v.t, v.e.Verify(&v.params, c, sig, nil))
}

func (v *vault) local(n uint64) {
	_, err := v.e.SignLocal(&v.params, v.build(commitment.Local, n, 50_000))
	require.NoError(v.t, err)
}

func TestTheEnforcerRefusesWhatLosesMoney(t *testing.T) {
	for name, do := range map[string]func(*vault){
		"a secret before anything is verified":          func(v *vault) { v.e.Secret(0) },
		"the secret of the latest commitment":           func(v *vault) { v.receive(0); v.e.Secret(0) },
		"a secret of the future":                        func(v *vault) { v.receive(0); v.receive(1); v.e.Secret(1) },
		"our commitment that is revoked":                func(v *vault) { v.receive(0); v.receive(1); v.e.Secret(0); v.local(0) },
		"our commitment that the peer has not signed":   func(v *vault) { v.receive(0); v.local(1) },
		"our commitment before any is verified":         func(v *vault) { v.local(0) },
		"a revocation after publishing":                 func(v *vault) { v.receive(0); v.receive(1); v.local(1); v.e.Secret(0) },
		"the peer's commitment after publishing":        func(v *vault) { v.receive(0); v.local(0); v.remote(0, 50_000) },
		"two of the peer's commitments under a number":  func(v *vault) { v.remote(3, 50_000); v.remote(3, 50_001) },
		"a skipped number of the peer":                  func(v *vault) { v.remote(3, 50_000); v.remote(5, 50_000) },
		"a number of the peer's that is past":           func(v *vault) { v.remote(3, 50_000); v.remote(4, 50_000); v.remote(3, 50_000) },
		"a skipped commitment of ours":                  func(v *vault) { v.receive(0); v.receive(2) },
		"the peer's commitment with an old state":       func(v *vault) { v.e.Freeze(); v.remote(0, 50_000) },
		"our commitment with an old state":              func(v *vault) { v.receive(0); v.e.Freeze(); v.local(0) },
		"a secret with an old state":                    func(v *vault) { v.receive(0); v.receive(1); v.e.Freeze(); v.e.Secret(0) },
		"a closing transaction with an old state":       func(v *vault) { v.e.Freeze(); v.closing() },
		"our latest again after its successor was seen": func(v *vault) { v.receive(0); v.receive(1); v.local(0) },
	} {
		t.Run(name, func(t *testing.T) { require.Panics(t, func() { do(newVault(t)) }) })
	}
}

func TestTheEnforcerAllowsTheDance(t *testing.T) {
	v := newVault(t)
	v.remote(0, 50_000)
	v.receive(0)
	for n := uint64(1); n < 4; n++ {
		v.remote(n, 50_000)
		v.remote(n, 50_000) // retransmitted
		v.receive(n)
		require.Equal(t, v.mine.Secret(n-1), v.e.Secret(n-1))
		v.e.Secret(n - 1)
	}
	v.local(3)
	v.local(3)
	require.Equal(t, v.mine.Basepoints(), v.e.Basepoints())
	require.Equal(t, v.mine.Point(9), v.e.Point(9))
}

func TestTheEnforcerDoesNotLearnFromBadSignatures(t *testing.T) {
	v := newVault(t)
	v.receive(0)
	require.Error(t, v.e.Verify(&v.params, v.build(commitment.Local, 1, 50_001), lnwire.Sig{}, nil))
	require.Panics(t, func() { v.e.Secret(0) })
}

func (v *vault) closing() {
	_, err := v.e.SignClosing(&v.params, wire.NewMsgTx(2))
	require.NoError(v.t, err)
}
