package lnwire

import (
	"bytes"
	"crypto/sha3"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// AddressType is the first byte of an address descriptor (BOLT 7).
type AddressType byte

const (
	AddressIPv4  AddressType = 1
	AddressIPv6  AddressType = 2
	AddressTorV2 AddressType = 3 // deprecated: read, kept, never used
	AddressTorV3 AddressType = 4
	AddressDNS   AddressType = 5
)

// MaxHostname is the longest hostname of a DNS descriptor, whose length is one byte.
const MaxHostname = 255

const torV3Size = 35

// size of the address alone, without type, length or port; zero for DNS, whose size is in the descriptor.
func (t AddressType) size() (n int, known bool) {
	switch t {
	case AddressIPv4:
		return 4, true
	case AddressIPv6:
		return 16, true
	case AddressTorV2:
		return 10, true
	case AddressTorV3:
		return torV3Size, true
	case AddressDNS:
		return 0, true
	}
	return 0, false
}

// NetAddress is where a node can be reached: one address descriptor of BOLT 7. It is comparable.
// A descriptor of a type that we do not know keeps its bytes; it prints, but cannot be dialled.
type NetAddress struct {
	kind AddressType
	host string // raw: 4, 16, 10 or 35 bytes, a hostname, or all that followed an unknown type
	port uint16 // zero for an unknown type
}

var (
	// ErrBadAddress: the text or the bytes name no address.
	ErrBadAddress = errors.New("bad address")

	onionBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)
)

// NewIPAddress takes an IPv4 or IPv6 endpoint; a mapped IPv4 address is unmapped, a zone is dropped.
func NewIPAddress(ap netip.AddrPort) NetAddress {
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return NetAddress{AddressIPv4, string(ip.AsSlice()), ap.Port()}
	}
	return NetAddress{AddressIPv6, string(ip.AsSlice()), ap.Port()}
}

// ParseAddress reads "host:port", where host is an IPv4 or a bracketed IPv6 address, a Tor v3 name or a DNS name.
func ParseAddress(s string) (NetAddress, error) {
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		return NetAddress{}, fmt.Errorf("%w: %w", ErrBadAddress, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return NetAddress{}, fmt.Errorf("%w: port %q", ErrBadAddress, portText)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return NewIPAddress(netip.AddrPortFrom(ip, uint16(port))), nil
	}
	if name, ok := strings.CutSuffix(strings.ToLower(host), ".onion"); ok {
		raw, err := onionBase32.DecodeString(strings.ToUpper(name))
		if err != nil || !validOnion(raw) {
			return NetAddress{}, fmt.Errorf("%w: %q is no version 3 onion service", ErrBadAddress, host)
		}
		return NetAddress{AddressTorV3, string(raw), uint16(port)}, nil
	}
	if !validHostname(host) {
		return NetAddress{}, fmt.Errorf("%w: hostname %q", ErrBadAddress, host)
	}
	return NetAddress{AddressDNS, host, uint16(port)}, nil
}

func (a NetAddress) Type() AddressType { return a.kind }
func (a NetAddress) Port() uint16      { return a.port }

// Host is the address without the port, as it is written: no brackets around IPv6.
func (a NetAddress) Host() string {
	switch a.kind {
	case AddressIPv4, AddressIPv6:
		ip, _ := netip.AddrFromSlice([]byte(a.host))
		return ip.String()
	case AddressTorV2, AddressTorV3:
		return strings.ToLower(onionBase32.EncodeToString([]byte(a.host))) + ".onion"
	case AddressDNS:
		if validHostname(a.host) {
			return a.host
		}
		// BOLT 7 warns of what strangers put into announcements: nothing unprintable gets through.
		return strconv.QuoteToASCII(a.host)
	}
	return "unknown-" + strconv.Itoa(int(a.kind)) + "-" + hex.EncodeToString([]byte(a.host))
}

// String is "host:port", which ParseAddress reads again wherever Usable.
func (a NetAddress) String() string {
	if _, known := a.kind.size(); !known {
		return a.Host()
	}
	return net.JoinHostPort(a.Host(), strconv.Itoa(int(a.port)))
}

// AddrPort returns the endpoint of an IPv4 or IPv6 address.
func (a NetAddress) AddrPort() (netip.AddrPort, bool) {
	if a.kind != AddressIPv4 && a.kind != AddressIPv6 {
		return netip.AddrPort{}, false
	}
	ip, ok := netip.AddrFromSlice([]byte(a.host))
	return netip.AddrPortFrom(ip, a.port), ok
}

// Usable reports whether the address can be dialled and may be announced: a known type, not Tor v2, well-formed.
// BOLT 7: "MUST NOT create a type 1, type 2 or type 5 address descriptor with port equal to 0."
func (a NetAddress) Usable() bool {
	switch a.kind {
	case AddressIPv4, AddressIPv6:
		return a.port != 0
	case AddressTorV3:
		return a.port != 0 && validOnion([]byte(a.host))
	case AddressDNS:
		return a.port != 0 && validHostname(a.host)
	}
	return false
}

// validOnion checks version and checksum of a v3 onion service (prop224).
func validOnion(raw []byte) bool {
	if len(raw) != torV3Size || raw[34] != 3 {
		return false
	}
	h := sha3.New256()
	h.Write([]byte(".onion checksum"))
	h.Write(raw[:32])
	h.Write(raw[34:])
	return bytes.Equal(h.Sum(nil)[:2], raw[32:34])
}

// validHostname: "hostname bytes MUST be ASCII characters" (BOLT 7); of these, only what a DNS name is made of.
func validHostname(s string) bool {
	if s == "" || len(s) > MaxHostname {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// append writes the descriptor.
func (a NetAddress) append(b []byte) ([]byte, error) {
	b = append(b, byte(a.kind))
	n, known := a.kind.size()
	if !known {
		return append(b, a.host...), nil
	}
	if a.kind == AddressDNS {
		n = min(len(a.host), MaxHostname)
		b = append(b, byte(n))
	}
	if len(a.host) != n {
		return nil, fmt.Errorf("%w: type %d with %d bytes", ErrBadAddress, a.kind, len(a.host))
	}
	return binary.BigEndian.AppendUint16(append(b, a.host...), a.port), nil
}

// cutAddress reads the descriptor that b starts with. One of an unknown type takes all that is left, since nobody
// can tell where it ends.
func cutAddress(b []byte) (NetAddress, []byte, error) {
	r := reader{b: b}
	a := NetAddress{kind: AddressType(r.u8())}
	n, known := a.kind.size()
	if !known {
		a.host = string(r.b)
		return a, nil, r.err
	}
	if a.kind == AddressDNS {
		n = int(r.u8())
	}
	a.host = string(r.take(n))
	a.port = r.u16()
	if r.err != nil {
		return NetAddress{}, nil, fmt.Errorf("%w: descriptor of type %d: %w", ErrBadAddress, a.kind, r.err)
	}
	return a, r.b, nil
}
