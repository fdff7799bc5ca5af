package macaroon

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"

	"gopkg.in/macaroon-bakery.v2/bakery"
	"gopkg.in/macaroon-bakery.v2/bakery/checkers"
	"gopkg.in/macaroon.v2"
)

// MaxSize is the longest macaroon that is looked at, in bytes; ours are about 250 before caveats are added.
const MaxSize = 4096

// RootKeySize is the length of the secret that root keys are derived from.
const RootKeySize = 32

// ErrTooLarge refuses a macaroon longer than MaxSize.
var ErrTooLarge = fmt.Errorf("macaroon is larger than %d bytes", MaxSize)

// Service mints and checks macaroons under one secret.
type Service struct {
	oven    *bakery.Oven
	checker *bakery.Checker
}

// NewService returns a Service for a secret of RootKeySize bytes.
func NewService(secret []byte) (*Service, error) {
	if len(secret) != RootKeySize {
		return nil, fmt.Errorf("macaroon root key has %d bytes, not %d", len(secret), RootKeySize)
	}
	conditions := checkers.New(nil) // knows time-before, declared and error
	conditions.Register(condIPAddr, checkers.StdNamespace, checkIPAddr)
	conditions.Register(condIPRange, checkers.StdNamespace, checkIPRange)
	b := bakery.New(bakery.BakeryParams{
		Location:     "lnd", // what clients expect to read in a macaroon
		RootKeyStore: rootKeys{bytes.Clone(secret)},
		Checker:      conditions,
	})
	return &Service{b.Oven, b.Checker}, nil
}

// Mint makes a macaroon that grants ops, in binary form.
func (s *Service) Mint(ctx context.Context, ops ...Op) ([]byte, error) {
	m, err := s.oven.NewMacaroon(ctx, bakery.LatestVersion, nil, bakeryOps(ops)...)
	if err != nil {
		return nil, fmt.Errorf("mint macaroon: %w", err)
	}
	return m.M().MarshalBinary()
}

// Check returns nil where the macaroon in raw is ours, its caveats hold and it grants all of ops, or the method itself.
// The signature is compared in constant time (by the macaroon library).
func (s *Service) Check(ctx context.Context, raw []byte, method string, ops []Op) error {
	if len(raw) > MaxSize {
		return ErrTooLarge
	}
	var m macaroon.Macaroon
	if err := m.UnmarshalBinary(raw); err != nil {
		return fmt.Errorf("cannot decode macaroon: %w", err)
	}
	auth := s.checker.Auth(macaroon.Slice{&m})
	_, err := auth.Allow(ctx, bakeryOps(ops)...)
	if err == nil {
		return nil
	}
	if _, uriErr := auth.Allow(ctx, bakery.Op{Entity: URI, Action: method}); uriErr == nil {
		return nil
	}
	return err
}

// rootKeys derives the root key of each id from the secret; only the default id is in use.
type rootKeys struct{ secret []byte }

var defaultID = []byte("0")

// Get implements bakery.RootKeyStore.
func (k rootKeys) Get(_ context.Context, id []byte) ([]byte, error) {
	if !bytes.Equal(id, defaultID) {
		return nil, bakery.ErrNotFound
	}
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte("fulmen macaroon root key "))
	h.Write(id)
	return h.Sum(nil), nil
}

// RootKey implements bakery.RootKeyStore.
func (k rootKeys) RootKey(ctx context.Context) (key, id []byte, err error) {
	key, err = k.Get(ctx, defaultID)
	return key, defaultID, err
}

const (
	condIPAddr  = "ipaddr"
	condIPRange = "iprange"
)

var errWrongIP = errors.New("macaroon locked to different IP address")

type clientAddr struct{}

// WithClient notes in ctx whom Check is about, for the caveats that ask for it.
func WithClient(ctx context.Context, addr netip.Addr) context.Context {
	return context.WithValue(ctx, clientAddr{}, addr.Unmap())
}

func client(ctx context.Context) (netip.Addr, error) {
	addr, ok := ctx.Value(clientAddr{}).(netip.Addr)
	if !ok || !addr.IsValid() {
		return netip.Addr{}, errors.New("the client's IP address is not known")
	}
	return addr, nil
}

func checkIPAddr(ctx context.Context, _, arg string) error {
	addr, err := client(ctx)
	if err != nil {
		return err
	}
	want, err := netip.ParseAddr(arg)
	if err != nil {
		return fmt.Errorf("caveat %s: %w", condIPAddr, err)
	}
	if want.Unmap() != addr {
		return errWrongIP
	}
	return nil
}

func checkIPRange(ctx context.Context, _, arg string) error {
	addr, err := client(ctx)
	if err != nil {
		return err
	}
	want, err := netip.ParsePrefix(arg)
	if err != nil {
		return fmt.Errorf("caveat %s: %w", condIPRange, err)
	}
	if !want.Contains(addr) {
		return errWrongIP
	}
	return nil
}
