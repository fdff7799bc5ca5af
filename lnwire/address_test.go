package lnwire

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The onion service of the Tor project's own site.
const torProject = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"

func addresses(t testing.TB) []NetAddress {
	var all []NetAddress
	for _, s := range []string{"203.0.113.7:9735", "[2001:db8::7]:9736", torProject + ":9735", "node.example.com:9735"} {
		a, err := ParseAddress(s)
		require.NoError(t, err)
		all = append(all, a)
	}
	return all
}

func TestAddressesReadWhatTheyWrite(t *testing.T) {
	for i, a := range addresses(t) {
		require.Equal(t, []AddressType{AddressIPv4, AddressIPv6, AddressTorV3, AddressDNS}[i], a.Type())
		require.True(t, a.Usable())
		again, err := ParseAddress(a.String())
		require.NoError(t, err)
		require.Equal(t, a, again)
		b, err := a.append(nil)
		require.NoError(t, err)
		back, rest, err := cutAddress(append(b, 9))
		require.NoError(t, err)
		require.Equal(t, []byte{9}, rest)
		require.Equal(t, a, back)
		_, _, err = cutAddress(b[:len(b)-1])
		require.ErrorIs(t, err, ErrTruncated)
		require.ErrorIs(t, err, ErrBadAddress)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, s := range []string{
		"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", ":9735", "::1:9735", "exa mple:1", "exämple:1",
		"2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wie.onion:9735", // version 4
		"3gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:9735", // checksum
		"expyuzz4wqqyqhjn.onion:80", // version 2
	} {
		_, err := ParseAddress(s)
		require.ErrorIs(t, err, ErrBadAddress, s)
	}
}

func TestHostnamesHaveUpTo255Bytes(t *testing.T) {
	a, err := ParseAddress(strings.Repeat("a", MaxHostname) + ":1")
	require.NoError(t, err)
	b, err := a.append(nil)
	require.NoError(t, err)
	require.Len(t, b, 1+258) // BOLT 7: "length up to 258"
	_, err = ParseAddress(strings.Repeat("a", MaxHostname+1) + ":1")
	require.ErrorIs(t, err, ErrBadAddress)
	_, err = NetAddress{kind: AddressDNS, host: strings.Repeat("a", MaxHostname+1)}.append(nil)
	require.ErrorIs(t, err, ErrBadAddress)
}

func TestMappedAddressesAreIPv4(t *testing.T) {
	a := NewIPAddress(netip.MustParseAddrPort("[::ffff:203.0.113.7]:9735"))
	require.Equal(t, "203.0.113.7:9735", a.String())
	ap, ok := a.AddrPort()
	require.True(t, ok)
	require.Equal(t, "203.0.113.7:9735", ap.String())
	_, ok = addresses(t)[3].AddrPort()
	require.False(t, ok)
}

// BOLT 7: "if port is equal to 0: SHOULD ignore ipv6_addr OR ipv4_addr OR hostname", "SHOULD ignore Tor v2 onion
// services."
func TestAddressesThatAreNotToBeUsed(t *testing.T) {
	for _, b := range [][]byte{
		{1, 1, 2, 3, 4, 0, 0},
		append([]byte{2}, make([]byte, 18)...),
		append(append([]byte{3}, make([]byte, 10)...), 0x26, 7),
		append(append([]byte{4}, make([]byte, 35)...), 0x26, 7),
		{5, 1, 'a', 0, 0},
		{5, 0, 0x26, 7},
		{5, 2, 'a', '\n', 0x26, 7},
		{5, 2, 0xc3, 0xa9, 0x26, 7},
		{6, 1, 2, 3},
		{0},
	} {
		a, rest, err := cutAddress(b)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.False(t, a.Usable(), "%x", b)
		require.NotContains(t, a.String(), "\n")
		again, err := a.append(nil)
		require.NoError(t, err)
		require.Equal(t, b, again)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, a := range addresses(f) {
		f.Add(a.String())
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		again, err := ParseAddress(a.String())
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
}
