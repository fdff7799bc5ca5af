package node

import (
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/router"
)

// seekers find routes and build onions, on as many goroutines as there are cores: all the cryptography of our own payments.
type seekers struct {
	self      lnwire.PubKey
	graph     *router.Graph
	estimates *router.Estimates
	book      *book
	answer    func(htlc.Event)
	log       *slog.Logger
	box       *mailbox.Box[htlc.Seek]
	wg        sync.WaitGroup
}

func (s *seekers) seek(q htlc.Seek) { s.box.Put(q) }

func (s *seekers) start() {
	s.box.Work(&s.wg, runtime.GOMAXPROCS(0), func(q htlc.Seek) { s.answer(s.routed(&q)) })
}

func (s *seekers) stop() {
	s.box.Close()
	s.wg.Wait()
}

func (s *seekers) routed(q *htlc.Seek) htlc.Routed {
	a := htlc.Routed{Hash: q.Hash, Seek: q.ID}
	route, err := s.find(&q.Request)
	if err != nil && s.beyondMeans(q) {
		a.Failed, a.Hopeless = htlc.InsufficientBalance, true
		return a
	}
	switch {
	case errors.Is(err, router.ErrInsufficient):
		a.Failed = htlc.InsufficientBalance
		return a
	case errors.Is(err, router.ErrBadRequest):
		a.Failed = htlc.Error
		return a
	case err != nil:
		s.log.Debug("no route", "dest", q.Request.Dest, "amount", q.Request.Amount, "err", err)
		a.Failed = htlc.NoRoute
		return a
	}
	if a.Prepared, err = prepare(&q.Details, route); err != nil {
		s.log.Error("a route does not become an onion", "err", err)
		a.Failed = htlc.Error
	}
	return a
}

// beyondMeans tells that all our channels together do not hold what is to be sent: parts would only lock money up until the
// payee gives up waiting for the rest. It is asked before the first part; later, what is in flight blurs the answer.
func (s *seekers) beyondMeans(q *htlc.Seek) bool {
	if len(q.Request.InFlight) > 0 {
		return false
	}
	var means lnwire.MilliSatoshi
	for _, l := range q.Request.Local {
		means += l.Spendable
	}
	return q.Details.Total > means
}

// find fills in what only the node knows, and searches.
func (s *seekers) find(r *router.Request) (*router.Route, error) {
	r.Source = s.self
	r.Local = s.book.locals()
	return router.FindRoute(s.graph.Snapshot(), r, s.estimates.At(time.Now()))
}

// prepare builds the onion with a fresh session key.
func prepare(d *htlc.Details, r *router.Route) (*htlc.Prepared, error) {
	session, err := btcec.NewPrivateKey()
	if err != nil {
		return nil, err
	}
	return htlc.Prepare(d, r, session)
}

// locals are the first hops that a payment of ours may take now.
func (b *book) locals() []router.LocalChannel {
	out := []router.LocalChannel{}
	for _, p := range b.all() {
		if p.carries() && p.Active && p.name() != 0 {
			out = append(out, router.LocalChannel{SCID: p.name(), Peer: p.Peer, Spendable: p.Spendable, Min: p.Remote.HTLCMinimum})
		}
	}
	return out
}
