package peer

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/onion"
)

// Peel removes our layer of an HTLC's onion. It uses nothing of the loop.
func (p *Peer) Peel(h channel.HTLC) Incoming {
	in := Incoming{HTLC: h, Peer: p.ID}
	err := p.guard("peel", func() error {
		in.Peeled, in.Err = p.env.Custody.Peel(&h)
		return nil
	})
	if err != nil {
		in.Peeled, in.Err = nil, unreadable(&h, err)
	}
	in.HTLC.Onion = nil
	return in
}

// unreadable is the answer to an onion that breaks our own code. It comes from a stranger and is peeled again at every start:
// it must fail its HTLC, not the node.
func unreadable(h *channel.HTLC, cause error) *onion.PeelError {
	code := onion.Code(onion.InvalidOnionHMAC)
	if h.Blinding != nil {
		code = onion.InvalidOnionBlinding
	}
	return &onion.PeelError{Failure: onion.Failure{Code: code, SHA256: sha256.Sum256(h.Onion[:])}, Err: fmt.Errorf("%w: %w", errPeel, cause)}
}

var errPeel = errors.New("the onion hit an internal error")
