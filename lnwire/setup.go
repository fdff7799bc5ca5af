package lnwire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// The messages of BOLT 1 (and stfu of BOLT 2, which no group wants).

// TLV types of init.
const (
	recordNetworks   = 1
	recordRemoteAddr = 3
)

func (*Init) Type() MsgType    { return TypeInit }
func (*Error) Type() MsgType   { return TypeError }
func (*Warning) Type() MsgType { return TypeWarning }
func (*Ping) Type() MsgType    { return TypePing }
func (*Pong) Type() MsgType    { return TypePong }
func (*Stfu) Type() MsgType    { return TypeStfu }

func (m *Init) appendBody(b []byte) ([]byte, error) {
	b = appendBytes(b, m.GlobalFeatures)
	b = appendBytes(b, m.Features)
	x := extend(b, m.Extra)
	if m.Networks != nil {
		chains := make([]byte, 0, len(m.Networks)*chainhash.HashSize)
		for _, h := range m.Networks {
			chains = append(chains, h[:]...)
		}
		x.put(recordNetworks, chains)
	}
	if m.RemoteAddr != nil {
		addr, err := m.RemoteAddr.append(nil)
		if err != nil {
			return nil, err
		}
		x.put(recordRemoteAddr, addr)
	}
	return x.end()
}

func (m *Init) decode(r reader) error {
	m.GlobalFeatures = r.bytes()
	m.Features = r.bytes()
	for r.record() {
		switch r.typ {
		case recordNetworks:
			if len(r.val)%chainhash.HashSize != 0 {
				r.failRecord(ErrRecordLength)
				break
			}
			m.Networks = make([]chainhash.Hash, len(r.val)/chainhash.HashSize)
			for i := range m.Networks {
				m.Networks[i] = chainhash.Hash(r.val[i*chainhash.HashSize:])
			}
		case recordRemoteAddr:
			addr, rest, err := cutAddress(r.val)
			if err == nil && len(rest) != 0 {
				err = ErrRecordLength
			}
			if err != nil {
				r.failRecord(err)
				break
			}
			m.RemoteAddr = &addr
		default:
			r.unknown(&m.Extra)
		}
	}
	return r.err
}

func (m *Error) appendBody(b []byte) ([]byte, error) {
	return appendExtra(appendBytes(append(b, m.ChannelID[:]...), m.Data), m.Extra)
}

func (m *Error) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.Data = r.bytes()
	return r.end(&m.Extra)
}

// Text is Data where it may be shown, and its hex where not.
// BOLT 1: "if data is not composed solely of printable ASCII characters ...: SHOULD NOT print out data
// verbatim."
func (m *Error) Text() string { return printable(m.Data) }

func (m *Warning) appendBody(b []byte) ([]byte, error) {
	return appendExtra(appendBytes(append(b, m.ChannelID[:]...), m.Data), m.Extra)
}

func (m *Warning) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.Data = r.bytes()
	return r.end(&m.Extra)
}

// Text is as Error.Text.
func (m *Warning) Text() string { return printable(m.Data) }

func printable(data []byte) string {
	if bytes.ContainsFunc(data, func(c rune) bool { return c < 32 || c > 126 }) {
		return fmt.Sprintf("%x", data)
	}
	return string(data)
}

// MaxPongBytes: a ping that asks for this many bytes or more is not answered.
// BOLT 1: "if num_pong_bytes is less than 65532: MUST respond by sending a pong message"
const MaxPongBytes = 65532

func (m *Ping) appendBody(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint16(b, m.NumPongBytes)
	return appendExtra(appendBytes(b, m.Ignored), m.Extra)
}

func (m *Ping) decode(r reader) error {
	m.NumPongBytes = r.u16()
	m.Ignored = r.bytes()
	return r.end(&m.Extra)
}

func (m *Pong) appendBody(b []byte) ([]byte, error) {
	return appendExtra(appendBytes(b, m.Ignored), m.Extra)
}

func (m *Pong) decode(r reader) error {
	m.Ignored = r.bytes()
	return r.end(&m.Extra)
}

func (m *Stfu) appendBody(b []byte) ([]byte, error) {
	return appendExtra(appendBool(append(b, m.ChannelID[:]...), m.Initiator), m.Extra)
}

func (m *Stfu) decode(r reader) error {
	r.into(m.ChannelID[:])
	m.Initiator = r.u8() != 0
	return r.end(&m.Extra)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
