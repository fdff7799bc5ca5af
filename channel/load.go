package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// encodeState writes the table and the dance as a restart finds them: without what no signature covers.
func (m *Machine) encodeState() []byte {
	d, t := &m.dance, &m.table
	f := newFields(192 + 4*(len(t.htlcs[local])+len(t.htlcs[remote])))
	f.uint(1, d.localNumber)
	f.uint(3, d.remoteNumber)
	f.uint(5, d.revoked)
	f.key(7, d.point)
	f.key(9, d.nextPoint)
	f.flag(11, d.commitLast)
	f.uint(13, uint64(t.settled[local]))
	f.uint(15, uint64(t.settled[remote]))
	f.uint(17, uint64(t.rate))
	var fees []byte
	for _, u := range t.fees {
		if u.stage != AddSent {
			fees = append(lnwire.AppendBigSize(fees, uint64(u.rate)), byte(u.stage))
		}
	}
	f.some(19, fees)
	for side, hs := range t.htlcs {
		rows := make([]byte, 0, 4*len(hs))
		next, last := t.nextID[side], uint64(0)
		for _, h := range hs {
			if h.stage == AddSent {
				next = min(next, h.ID)
				continue
			}
			rows = append(lnwire.AppendBigSize(rows, h.ID-last), byte(h.stage.settledStage()))
			last = h.ID
		}
		f.uint(21+4*uint64(side), next)
		f.some(23+4*uint64(side), rows)
	}
	return f.b
}

// settledStage is the stage after a disconnect.
func (s Stage) settledStage() Stage {
	if s == RmSent {
		return Locked
	}
	return s
}

func (m *Machine) stateField(typ uint64, v []byte, c *fieldErr) bool {
	d, t := &m.dance, &m.table
	switch typ {
	case 1:
		d.localNumber = c.below(v, commitment.MaxNumber)
	case 3:
		d.remoteNumber = c.below(v, commitment.MaxNumber)
	case 5:
		d.revoked = c.below(v, commitment.MaxNumber)
	case 7:
		c.into(d.point[:], v)
	case 9:
		c.into(d.nextPoint[:], v)
	case 11:
		d.commitLast = c.flag(v)
	case 13:
		t.settled[local] = c.msat(v)
	case 15:
		t.settled[remote] = c.msat(v)
	case 17:
		t.rate = lnwire.FeePerKW(c.u32(v))
	case 19:
		t.fees = c.fees(v)
	case 21, 25:
		t.nextID[(typ-21)/4] = c.uint(v)
	case 23, 27:
		t.htlcs[(typ-23)/4] = c.rows(commitment.Side((typ-23)/4), v)
	default:
		return false
	}
	return true
}

// pair cuts a number and a stage.
func (c *fieldErr) pair(v []byte) (n uint64, s Stage, rest []byte) {
	n, rest, err := lnwire.CutBigSize(v)
	switch {
	case err != nil:
		c.fail(err)
	case len(rest) == 0:
		c.fail(lnwire.ErrTruncated)
	case rest[0] < byte(AddSigned) || rest[0] >= byte(Gone) || Stage(rest[0]) == RmSent:
		c.fail(fmt.Errorf("stage %d", rest[0]))
	default:
		return n, Stage(rest[0]), rest[1:]
	}
	return 0, 0, nil
}

func (c *fieldErr) fees(v []byte) (out []feeUpdate) {
	for len(v) > 0 {
		var n uint64
		var s Stage
		n, s, v = c.pair(v)
		if c.err == nil && (n >= 1<<32 || s >= Locked) {
			c.fail(fmt.Errorf("fee update %d at %v", n, s))
		}
		out = append(out, feeUpdate{lnwire.FeePerKW(n), s})
	}
	return out
}

func (c *fieldErr) rows(by commitment.Side, v []byte) (out []*htlc) {
	id := uint64(0)
	for len(v) > 0 && len(out) <= commitment.MaxHTLCs && c.err == nil {
		var n uint64
		var s Stage
		n, s, v = c.pair(v)
		if len(out) > 0 && n == 0 || id+n < id {
			c.fail(fmt.Errorf("HTLC ids do not ascend"))
		}
		id += n
		out = append(out, &htlc{HTLC: commitment.HTLC{Offerer: by, ID: id}, stage: s})
	}
	if len(out) > commitment.MaxHTLCs {
		c.fail(fmt.Errorf("more than %d HTLCs", commitment.MaxHTLCs))
	}
	return out
}

// putHTLC writes what of an HTLC never changes, once, when the first signature covers it.
func (m *Machine) putHTLC(h *htlc, out *Effects) {
	f := newFields(1536)
	f.uint(1, uint64(h.Amount))
	f.bytes(3, h.Hash[:])
	f.uint(5, uint64(h.Expiry))
	f.bytes(7, h.onion[:])
	if h.blinding != nil {
		f.bytes(9, h.blinding[:])
	}
	if h.origin.Channel != (lnwire.ChannelID{}) {
		f.bytes(11, h.origin.Channel[:])
	}
	f.uint(13, h.origin.ID)
	f.flag(15, h.doomed)
	m.put(out, htlcKey(h), f.b)
}

func (h *htlc) field(typ uint64, v []byte, c *fieldErr) bool {
	switch typ {
	case 1:
		h.Amount = c.msat(v)
	case 3:
		c.into(h.Hash[:], v)
	case 5:
		h.Expiry = c.u32(v)
	case 7:
		h.onion = new([lnwire.OnionPacketSize]byte)
		c.into(h.onion[:], v)
	case 9:
		h.blinding = new(lnwire.PubKey)
		c.into(h.blinding[:], v)
	case 11:
		c.into(h.origin.Channel[:], v)
	case 13:
		h.origin.ID = c.uint(v)
	case 15:
		h.doomed = c.flag(v)
	default:
		return false
	}
	return true
}

// putRemoval writes how an HTLC ends, when the first signature covers it, or the chain knows it.
func (m *Machine) putRemoval(h *htlc, out *Effects) {
	f := newFields(48 + len(h.removal.reason))
	switch r := h.removal; {
	case r.preimage != nil:
		f.bytes(1, r.preimage[:])
	case r.malformed != nil:
		f.uint(5, uint64(r.malformed.Code))
		f.bytes(7, r.malformed.SHA256[:])
	default:
		f.bytes(3, r.reason)
	}
	m.put(out, removalKey(h), f.b)
}

func (r *removal) field(typ uint64, v []byte, c *fieldErr) bool {
	switch typ {
	case 1:
		r.preimage = new(lnwire.Preimage)
		c.into(r.preimage[:], v)
	case 3:
		r.reason = c.copy(v)
	case 5:
		r.malformed = &Malformed{Code: c.u16(v)}
	case 7:
		if r.malformed == nil {
			r.malformed = new(Malformed)
		}
		c.into(r.malformed.SHA256[:], v)
	default:
		return false
	}
	return true
}

func (m *Machine) deleteHTLC(h *htlc, out *Effects) {
	m.put(out, htlcKey(h), nil)
	if h.removal != nil {
		m.put(out, removalKey(h), nil)
	}
}

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

func (m *Machine) loadFacts(r Records) error {
	b, err := r.Load(factsKey)
	if err != nil || b == nil {
		return err
	}
	var ops []wire.OutPoint
	err = eachField(b, func(typ uint64, v []byte, c *fieldErr) bool {
		if typ != 1 {
			return false
		}
		for ; len(v) >= 36; v = v[36:] {
			ops = append(ops, c.outPoint(v[:36]))
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, op := range ops {
		if b, err = r.Load(factKey(op)); err != nil {
			return err
		}
		f := resolve.Fact{OutPoint: op}
		err = eachField(b, func(typ uint64, v []byte, c *fieldErr) bool {
			switch typ {
			case 1:
				var txErr error
				if f.Tx, txErr = decodeTx(v); txErr != nil {
					c.fail(txErr)
				}
			case 3:
				f.Height = lnwire.Height(c.u32(v))
			default:
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		if f.Tx == nil {
			return fmt.Errorf("%w: a fact without its transaction", ErrRecord)
		}
		m.onchain.facts = append(m.onchain.facts, f)
	}
	return nil
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
	if m.phase == PhaseClosed {
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
