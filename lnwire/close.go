package lnwire

// Closing (BOLT 2).

// recordFeeRange is fee_range of closing_signed.
const recordFeeRange = 1

func (*Shutdown) Type() MsgType      { return TypeShutdown }
func (*ClosingSigned) Type() MsgType { return TypeClosingSigned }

func (m *Shutdown) appendBody(b []byte) ([]byte, error) {
	return appendExtra(appendBytes(append(b, m.ChannelID[:]...), m.Script), m.Extra)
}

func (m *Shutdown) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.Script = r.bytes()
	return r.end(&m.Extra)
}

func (m *ClosingSigned) appendBody(b []byte) ([]byte, error) {
	b, err := appendSatoshis(append(b, m.ChannelID[:]...), m.Fee)
	if err != nil {
		return nil, err
	}
	x := extend(append(b, m.Signature[:]...), m.Extra)
	if m.FeeRange != nil {
		v, err := appendSatoshis(nil, m.FeeRange.Min)
		if err != nil {
			return nil, err
		}
		if v, err = appendSatoshis(v, m.FeeRange.Max); err != nil {
			return nil, err
		}
		x.put(recordFeeRange, v)
	}
	return x.end()
}

func (m *ClosingSigned) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.Fee = r.satoshis()
	r.into(m.Signature[:])
	for r.record() {
		switch r.typ {
		case recordFeeRange:
			v := reader{b: r.sized(16), err: r.err}
			m.FeeRange = &FeeRange{v.satoshis(), v.satoshis()}
			if v.err != nil {
				r.failRecord(v.err)
			}
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}
