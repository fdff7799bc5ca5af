package macaroon

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/macaroon-bakery.v2/bakery/checkers"
	"gopkg.in/macaroon.v2"
)

const method = "/lnrpc.Lightning/GetInfo"

func service(t testing.TB, fill byte) *Service {
	s, err := NewService(bytes.Repeat([]byte{fill}, RootKeySize))
	require.NoError(t, err)
	return s
}

func mint(t testing.TB, s *Service, ops ...Op) []byte {
	raw, err := s.Mint(context.Background(), ops...)
	require.NoError(t, err)
	return raw
}

// restrict adds a caveat as a client does, without any key.
func restrict(t testing.TB, raw []byte, caveat string) []byte {
	var m macaroon.Macaroon
	require.NoError(t, m.UnmarshalBinary(raw))
	require.NoError(t, m.AddFirstPartyCaveat([]byte(caveat)))
	out, err := m.MarshalBinary()
	require.NoError(t, err)
	return out
}

func TestMacaroonGrantsWhatItSaysAndNothingElse(t *testing.T) {
	s, ctx := service(t, 1), context.Background()
	raw := mint(t, s, Op{"info", "read"}, Op{"invoices", "write"})
	require.NoError(t, s.Check(ctx, raw, method, []Op{{"info", "read"}}))
	require.NoError(t, s.Check(ctx, raw, method, []Op{{"info", "read"}, {"invoices", "write"}}))
	require.ErrorContains(t, s.Check(ctx, raw, method, []Op{{"info", "write"}}), "permission denied")
	require.ErrorContains(t, s.Check(ctx, raw, method, []Op{{"info", "read"}, {"offchain", "write"}}), "permission denied")
}

func TestMacaroonOfAMethodGrantsThatMethodAlone(t *testing.T) {
	s, ctx := service(t, 1), context.Background()
	raw := mint(t, s, Op{URI, method})
	require.NoError(t, s.Check(ctx, raw, method, []Op{{"info", "read"}}))
	require.Error(t, s.Check(ctx, raw, "/lnrpc.Lightning/StopDaemon", []Op{{"info", "write"}}))
}

func TestMacaroonOfAnotherSecretIsRefused(t *testing.T) {
	raw := mint(t, service(t, 2), Admin()...)
	require.Error(t, service(t, 1).Check(context.Background(), raw, method, []Op{{"info", "read"}}))
	require.NoError(t, service(t, 2).Check(context.Background(), raw, method, []Op{{"info", "read"}}))
}

func TestMacaroonWithAnyBitTurnedIsRefused(t *testing.T) {
	s, ctx := service(t, 1), context.Background()
	raw := restrict(t, mint(t, s, ReadOnly()...), "ipaddr 127.0.0.1")
	ctx = WithClient(ctx, netip.MustParseAddr("127.0.0.1"))
	need := []Op{{"info", "read"}}
	require.NoError(t, s.Check(ctx, raw, method, need))
	location := bytes.Index(raw, []byte("lnd")) // a hint that nothing vouches for
	for i := range raw {
		if i >= location && i < location+3 {
			continue
		}
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		require.Error(t, s.Check(ctx, bad, method, need), "byte %d", i)
	}
}

func TestCaveatsNarrowAMacaroon(t *testing.T) {
	s := service(t, 1)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ctx := checkers.ContextWithClock(WithClient(context.Background(), netip.MustParseAddr("::ffff:10.1.2.3")), clock(now))
	raw := mint(t, s, ReadOnly()...)
	for _, c := range []struct {
		caveat string
		ok     bool
	}{
		{"time-before 2026-01-02T03:04:06Z", true},
		{"time-before 2026-01-02T03:04:05Z", false},
		{"time-before soon", false},
		{"ipaddr 10.1.2.3", true},
		{"ipaddr 10.1.2.4", false},
		{"ipaddr ten", false},
		{"iprange 10.1.0.0/16", true},
		{"iprange 10.2.0.0/16", false},
		{"iprange 10", false},
		{"lnd-custom account 7", false}, // nobody here can check it
	} {
		err := s.Check(ctx, restrict(t, raw, c.caveat), method, []Op{{"info", "read"}})
		require.Equal(t, c.ok, err == nil, "%s: %v", c.caveat, err)
	}
	require.Error(t, s.Check(context.Background(), restrict(t, raw, "ipaddr 10.1.2.3"), method, []Op{{"info", "read"}}),
		"a client of unknown address meets no address caveat")
}

func TestMacaroonIsReadUpToItsMaximumSize(t *testing.T) {
	s, ctx := service(t, 1), context.Background()
	raw := mint(t, s, ReadOnly()...)
	pad := func(n int) []byte { // true caveats until the macaroon has n bytes
		out := raw
		for {
			left := n - len(out)
			next := restrict(t, out, "time-before 2999-01-01T00:00:00Z")
			if len(next) > n {
				require.Less(t, left, len(next)-len(out))
				return out
			}
			out = next
		}
	}
	require.NoError(t, s.Check(ctx, pad(MaxSize), method, []Op{{"info", "read"}}))
	require.ErrorIs(t, s.Check(ctx, make([]byte, MaxSize+1), method, nil), ErrTooLarge)
}

func TestServiceRefusesASecretOfAnotherLength(t *testing.T) {
	for _, n := range []int{0, RootKeySize - 1, RootKeySize + 1} {
		_, err := NewService(make([]byte, n))
		require.Error(t, err)
	}
}

func FuzzCheckNeverAcceptsForeignBytes(f *testing.F) {
	s := service(f, 1)
	f.Add(mint(f, service(f, 2), Admin()...))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, raw []byte) {
		require.Error(t, s.Check(context.Background(), raw, method, []Op{{"info", "read"}}))
	})
}

func BenchmarkCheck(b *testing.B) {
	s := service(b, 1)
	raw := mint(b, s, Admin()...)
	for b.Loop() {
		if err := s.Check(context.Background(), raw, method, []Op{{"info", "read"}}); err != nil {
			b.Fatal(err)
		}
	}
}

type clock time.Time

func (c clock) Now() time.Time { return time.Time(c) }
