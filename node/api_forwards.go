package node

import (
	"context"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
)

// apiForwards implements rpc.Forwarding.
type apiForwards struct{ *api }

// Forwards shows a page of the history.
func (a apiForwards) Forwards(_ context.Context, q rpc.ForwardQuery) ([]rpc.Forward, error) {
	name, err := a.peerNames()
	if err != nil {
		return nil, err
	}
	skip := uint64(q.Offset)
	every := len(q.In) == 0 && len(q.Out) == 0
	first := uint64(0)
	if every {
		skip, first = 0, skip // the store passes over them without reading
	}
	out := []rpc.Forward{}
	err = eachForward(a.ledger, q.From, q.To, first, int(q.Max), func(f *htlc.Forward) bool {
		switch {
		case len(q.In) > 0 && !slices.Contains(q.In, f.InSCID), len(q.Out) > 0 && !slices.Contains(q.Out, f.OutSCID):
			return true
		case skip > 0:
			skip--
			return true
		case uint32(len(out)) == q.Max:
			return false
		}
		out = append(out, rpc.Forward{
			Time: f.Time, In: f.InSCID, Out: f.OutSCID, AmountIn: f.AmountIn, AmountOut: f.AmountOut, HTLCIn: f.In.ID,
			PeerIn: name(f.InSCID), PeerOut: name(f.OutSCID),
		})
		return true
	})
	return out, err
}

// EarnedSince sums fees in whole satoshis.
func (a apiForwards) EarnedSince(_ context.Context, t time.Time) (btcutil.Amount, error) {
	var sum lnwire.MilliSatoshi
	err := eachForward(a.ledger, t, time.Time{}, 0, 0, func(f *htlc.Forward) bool {
		sum += f.Fee()
		return true
	})
	return sum.Satoshis(), err
}

// eachForward calls fn for the forwards from one time to another, both included, without the first skip of them, until it says
// no. most is how many will do, 0 if unknown.
func eachForward(r htlc.Reader, from, to time.Time, skip uint64, most int, fn func(*htlc.Forward) bool) error {
	const chunk = 10_000
	size := chunk
	if most > 0 {
		size = min(most, chunk)
	}
	if !to.IsZero() {
		to = to.Add(1)
	}
	for {
		found, err := htlc.Forwards(r, from, to, skip, size)
		if err != nil {
			return err
		}
		for _, f := range found {
			if !fn(f) {
				return nil
			}
		}
		if len(found) < size {
			return nil
		}
		from, skip = found[len(found)-1].Time.Add(1), 0 // no two have the same
	}
}

// peerNames finds the alias of the peer of a channel, of closed ones too.
func (a *api) peerNames() (func(lnwire.ShortChannelID) string, error) {
	ended, err := closedChannels(a.ledger)
	if err != nil {
		return nil, err
	}
	peers := make(map[lnwire.ShortChannelID]lnwire.PubKey)
	for i := range ended {
		peers[ended[i].SCID] = ended[i].Peer
	}
	for _, p := range a.book.all() {
		peers[p.SCID], peers[p.Alias] = p.Peer, p.Peer
	}
	s := a.graph.Snapshot()
	return func(scid lnwire.ShortChannelID) string { return nameOf(s, peers[scid]) }, nil
}
