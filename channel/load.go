package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// deleteAll deletes what a channel without HTLCs ever wrote.
func (m *Machine) deleteAll(out *Effects) {
	for _, k := range [][]byte{termsKey, lifeKey, stateKey, sigsKey, fundingKey, closingKey, factsKey} {
		m.put(out, k, nil)
	}
	for _, f := range m.onchain.facts {
		m.put(out, factKey(f.OutPoint), nil)
	}
}

// decode restores the machine and holds it against itself: a machine that loads can be worked with.
func (m *Machine) decode(r Records) error {
	var op wire.OutPoint
	for _, part := range []struct {
		key  []byte
		take func(uint64, []byte, *fieldErr) bool
	}{
		{termsKey, m.termsField(&op)}, {lifeKey, m.lifeField}, {stateKey, m.stateField}, {sigsKey, m.sigsField},
	} {
		b, err := r.Load(part.key)
		if err != nil {
			return err
		}
		if b == nil {
			return fmt.Errorf("%w: %q is missing", ErrRecord, part.key)
		}
		if string(part.key) == string(lifeKey) {
			m.funding = []*funding{{params: m.paramsFor(op)}}
			m.channelID = lnwire.NewChannelID(op)
			m.table.opener = m.opener
		}
		if err := eachField(b, part.take); err != nil {
			return fmt.Errorf("record %q: %w", part.key, err)
		}
	}
	for _, load := range []func(Records) error{m.loadHTLCs, m.loadSecrets, m.loadTxs, m.loadFacts} {
		if err := load(r); err != nil {
			return err
		}
	}
	return m.examine()
}

func (m *Machine) loadHTLCs(r Records) error {
	for _, hs := range m.table.htlcs {
		for _, h := range hs {
			if err := m.loadHTLC(h, r); err != nil {
				return fmt.Errorf("%v HTLC %d: %w", h.Offerer, h.ID, err)
			}
		}
	}
	return nil
}

func (m *Machine) loadHTLC(h *htlc, r Records) error {
	b, err := r.Load(htlcKey(h))
	if err != nil {
		return err
	}
	if err := eachField(b, h.field); err != nil {
		return err
	}
	if h.onion == nil || h.Amount == 0 {
		return fmt.Errorf("%w: incomplete", ErrRecord)
	}
	if b, err = r.Load(removalKey(h)); err != nil {
		return err
	}
	if b != nil {
		h.removal = new(removal)
		if err := eachField(b, h.removal.field); err != nil {
			return err
		}
	}
	if h.stage >= RmSigned && h.removal == nil {
		return fmt.Errorf("%w: the removal is missing", ErrRecord)
	}
	return nil
}

func (m *Machine) loadSecrets(r Records) (err error) {
	m.dance.secrets, err = commitment.LoadShachain(m.dance.revoked, func(place int) (s lnwire.Secret, ok bool) {
		b, loadErr := r.Load(secretKey(place))
		if loadErr != nil || len(b) != len(s) {
			return s, false
		}
		return lnwire.Secret(b), true
	})
	return err
}

func (m *Machine) loadTxs(r Records) error {
	b, err := r.Load(fundingKey)
	if err != nil {
		return err
	}
	if m.funding[0].tx, err = decodeTx(b); err != nil {
		return err
	}
	if b, err = r.Load(closingKey); err != nil {
		return err
	}
	m.closingTx, err = decodeTx(b)
	return err
}

// examine holds the records against each other, and our commitment against the peer's signatures on it: what loads
// can be published.
func (m *Machine) examine() error {
	d := &m.dance
	if m.phase < PhasePending || m.capacity == 0 || d.remoteNumber < d.revoked || d.remoteNumber > d.revoked+1 {
		return fmt.Errorf("%w: %v, commitments %d and %d", ErrRecord, m.phase, d.remoteNumber, d.revoked)
	}
	if m.table.settled[local]+m.table.settled[remote] != lnwire.FromSatoshis(m.capacity) {
		return fmt.Errorf("%w: the balances are not the capacity", ErrRecord)
	}
	if m.points[local] != m.signer.Basepoints() {
		return fmt.Errorf("%w: the channel belongs to other keys", ErrRecord)
	}
	if m.lost {
		if f, ok := m.signer.(interface{ Freeze() }); ok {
			f.Freeze()
		}
	}
	if m.shell && (!m.lost || m.phase < PhaseOnchain) {
		return fmt.Errorf("%w: a shell that is %v", ErrRecord, m.phase)
	}
	if m.phase == PhaseClosed || m.shell {
		return nil
	}
	for _, f := range m.funding {
		if err := m.examineFunding(f); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) examineFunding(f *funding) error {
	for side, hs := range m.table.htlcs {
		for _, h := range hs {
			if h.ID >= m.table.nextID[side] || h.Amount > lnwire.FromSatoshis(m.capacity) {
				return fmt.Errorf("%w: HTLC %d of %d, the next is %d", ErrRecord, h.ID, uint64(h.Amount), m.table.nextID[side])
			}
		}
	}
	s, ok := m.table.tryState(local, latest, m.dance.localNumber, nil)
	if !ok {
		return fmt.Errorf("%w: HTLCs exceed the balances", ErrRecord)
	}
	k, err := m.keysOf(f, local, m.localPoint(s.Number))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	c, err := k.Build(&f.params, &s)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err := m.check.Verify(&f.params, c, f.sig, f.htlcSigs); err != nil {
		return fmt.Errorf("%w: our commitment: %w", ErrRecord, err)
	}
	return nil
}
