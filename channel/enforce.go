package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Enforcer is a Signer that panics rather than do what would lose money: whatever the machine above it believes.
// It starts without memory, at what it sees first: a loaded machine shows it its latest commitment.
//
// It refuses
//   - to sign a commitment of our own of which the peer has the secret, or one that the peer has not signed,
//   - to reveal the secret of a commitment that no newer verified one replaces, or of one that we signed to publish,
//   - to sign the peer's commitments out of order, or two different ones under one number,
//   - to sign anything after Freeze.
type Enforcer struct {
	inner Signer
	check Verifier

	verified  uint64 // latest commitment of ours with good signatures of the peer
	any       bool   // verified means something
	released  uint64 // secrets below it are with the peer
	published bool   // our commitment was signed for the chain: no more revocations
	remote    uint64 // number of the latest of the peer's that was signed
	txids     []chainhash.Hash
	frozen    bool
}

// Enforce wraps s.
func Enforce(s Signer) *Enforcer {
	e := &Enforcer{inner: s, check: curveVerifier{}}
	if v, ok := s.(Verifier); ok {
		e.check = v
	}
	return e
}

func (e *Enforcer) refuse(format string, args ...any) {
	panic("channel: enforcing signer: " + fmt.Sprintf(format, args...))
}

func (e *Enforcer) Basepoints() commitment.Basepoints { return e.inner.Basepoints() }
func (e *Enforcer) Point(n uint64) lnwire.PubKey      { return e.inner.Point(n) }

// Freeze ends all signing: our state is provably old.
func (e *Enforcer) Freeze() { e.frozen = true }

// Verify passes on the check of a commitment of ours and remembers that it is good.
func (e *Enforcer) Verify(p *commitment.Params, c *commitment.Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) error {
	if err := e.check.Verify(p, c, sig, htlcSigs); err != nil {
		return err
	}
	if e.any && c.Number > e.verified+1 {
		e.refuse("commitment %d follows %d", c.Number, e.verified)
	}
	if !e.any || c.Number > e.verified {
		e.verified, e.any = c.Number, true
	}
	return nil
}

// VerifyClosing passes on.
func (e *Enforcer) VerifyClosing(p *commitment.Params, tx *wire.MsgTx, sig lnwire.Sig) error {
	return e.check.VerifyClosing(p, tx, sig)
}

// Secret releases the secret of a commitment that is replaced.
func (e *Enforcer) Secret(n uint64) lnwire.Secret {
	switch {
	case !e.any || n >= e.verified:
		e.refuse("the secret of commitment %d, which none replaces (latest: %d)", n, e.verified)
	case e.published && n >= e.released:
		e.refuse("the secret of commitment %d after publishing", n)
	case e.frozen:
		e.refuse("a secret with an old state")
	}
	e.released = max(e.released, n+1)
	return e.inner.Secret(n)
}

// SignRemote signs the peer's next commitment, or the last one again.
func (e *Enforcer) SignRemote(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, []lnwire.Sig, error) {
	txid := c.Tx.TxHash()
	switch {
	case e.frozen:
		e.refuse("the peer's commitment %d with an old state", c.Number)
	case e.published:
		e.refuse("the peer's commitment %d after publishing ours", c.Number)
	case e.txids == nil: // the first that we see
	case c.Number == e.remote && e.txids[0] != txid:
		e.refuse("another commitment under number %d", c.Number)
	case c.Number != e.remote && c.Number != e.remote+1:
		e.refuse("the peer's commitment %d after %d", c.Number, e.remote)
	}
	e.remote, e.txids = c.Number, append(e.txids[:0], txid)
	return e.inner.SignRemote(p, c)
}

// SignLocal signs our latest commitment.
func (e *Enforcer) SignLocal(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, error) {
	switch {
	case e.frozen:
		e.refuse("our commitment %d with an old state", c.Number)
	case !e.any || c.Number != e.verified:
		e.refuse("our commitment %d, the latest that the peer signed is %d", c.Number, e.verified)
	case c.Number < e.released:
		e.refuse("our commitment %d, which is revoked", c.Number)
	}
	e.published = true
	return e.inner.SignLocal(p, c)
}

// SignClosing signs a closing transaction, which never harms: balances are settled.
func (e *Enforcer) SignClosing(p *commitment.Params, tx *wire.MsgTx) (lnwire.Sig, error) {
	if e.frozen {
		e.refuse("a closing transaction with an old state")
	}
	return e.inner.SignClosing(p, tx)
}

// SignDigest signs a channel_announcement.
func (e *Enforcer) SignDigest(d chainhash.Hash) lnwire.Sig { return e.inner.SignDigest(d) }
