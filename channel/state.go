package channel

import (
	"fmt"

	"github.com/fulmen-ln/fulmen/channel/commitment"
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
	for side, paid := range t.paid {
		if paid > 0 {
			f.uint(29+2*uint64(side), uint64(paid))
		}
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
	case 29, 31:
		t.paid[(typ-29)/2] = lnwire.MilliSatoshi(c.uint(v))
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
