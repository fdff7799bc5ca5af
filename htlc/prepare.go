package htlc

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
	"github.com/fulmen-ln/fulmen/router"
)

// Prepared is a route with its onion: all that an attempt needs.
type Prepared struct {
	Route   *router.Route
	Onion   *onion.Packet
	Secrets []onion.Secret
}

// ErrRoute: the sums of a route do not fit together.
var ErrRoute = errors.New("htlc: route is not consistent")

// Prepare builds the onion for a route. It is a pure function, and where all the cryptography of a payment is: workers call it, so that the
// Switch need not. The session key is fresh entropy, never used twice.
func Prepare(d *Details, r *router.Route, session *btcec.PrivateKey) (*Prepared, error) {
	if err := consistent(r); err != nil {
		return nil, err
	}
	hops := make([]onion.Hop, len(r.Hops))
	for i := range r.Hops {
		scid, amount, expiry := r.Forward(i)
		hops[i] = onion.Hop{Node: r.Hops[i].Node, Payload: onion.NewForward(scid, amount, expiry)}
	}
	last := &hops[len(hops)-1].Payload
	last.SCID = nil
	if d.Secret != nil {
		last.PaymentData = &onion.PaymentData{Secret: *d.Secret, Total: d.Total}
	}
	last.Metadata, last.Keysend, last.Custom = d.Metadata, d.Keysend, d.Custom
	packet, secrets, err := onion.Build(hops, session, d.Hash)
	if err != nil {
		return nil, fmt.Errorf("build onion: %w", err)
	}
	return &Prepared{Route: r, Onion: packet, Secrets: secrets}, nil
}

// consistent checks the sums: nothing is lost on the way but fees, and no amount grows.
func consistent(r *router.Route) error {
	if len(r.Hops) == 0 || len(r.Hops) > onion.MaxHops {
		return fmt.Errorf("%w: %d hops", ErrRoute, len(r.Hops))
	}
	var fees lnwire.MilliSatoshi
	for i := range r.Hops {
		h := &r.Hops[i]
		left, ok := h.Amount.Sub(h.Fee)
		if !ok || h.Amount > lnwire.MaxMilliSatoshi {
			return fmt.Errorf("%w: hop %d keeps more than it gets", ErrRoute, i)
		}
		fees += h.Fee
		switch {
		case i == len(r.Hops)-1 && (h.Fee != 0 || h.Amount != r.Amount),
			i < len(r.Hops)-1 && (left != r.Hops[i+1].Amount || h.Expiry < r.Hops[i+1].Expiry):
			return fmt.Errorf("%w: at hop %d", ErrRoute, i)
		}
	}
	if fees != r.Fee || r.Amount == 0 || r.Expiry != r.Hops[0].Expiry {
		return fmt.Errorf("%w: in its totals", ErrRoute)
	}
	return nil
}
