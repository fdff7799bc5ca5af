package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// facts: an index of outpoints, and one record for each.

func factKey(op wire.OutPoint) []byte { return append([]byte("f"), encodeOutPoint(op)...) }

func (m *Machine) putFact(f resolve.Fact, out *Effects) {
	w := newFields(64)
	w.bytes(1, encodeTx(f.Tx))
	w.uint(3, uint64(f.Height))
	m.put(out, factKey(f.OutPoint), w.b)
	m.putFactIndex(out)
}

func (m *Machine) putFactIndex(out *Effects) {
	w := newFields(8 + 36*len(m.onchain.facts))
	var b []byte
	for _, f := range m.onchain.facts {
		b = append(b, encodeOutPoint(f.OutPoint)...)
	}
	w.some(1, b)
	m.put(out, factsKey, w.b)
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
