package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/fulmen-ln/fulmen/chain"
	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/rpc"
)

var (
	errCloseOffline = errors.New("unable to gracefully close channel while peer is offline (try force closing it instead): channel link not found")
	errCloseHTLCs   = errors.New("cannot co-op close channel with active htlcs")
	errClosePending = errors.New("cannot close a channel that is still pending open (try force closing it instead)")
)

// apiLifecycle implements rpc.Lifecycle.
type apiLifecycle struct{ *api }

// OpenChannel proposes a channel, and tells when it is funded and when it is open.
func (a apiLifecycle) OpenChannel(ctx context.Context, r rpc.OpenChannel, s rpc.Sink[rpc.OpenUpdate]) (func(), error) {
	o, err := a.planOpening(ctx, &r)
	if err != nil {
		return nil, err
	}
	w := &openWatch{sink: s, peer: r.Peer}
	stop := a.news.subscribe(w)
	ref, err := a.Node.Open(o)
	if err != nil {
		stop()
		if errors.Is(err, peer.ErrOffline) || errors.Is(err, peer.ErrStopped) { // or: was until now
			err = &rpc.PeerOffline{ID: r.Peer}
		}
		return nil, err
	}
	w.begin(ref)
	return stop, nil
}

// openWatch follows one opening. What comes before the channel has a name waits.
type openWatch struct {
	sink rpc.Sink[rpc.OpenUpdate]
	peer lnwire.PubKey

	mu    sync.Mutex
	named bool
	ref   peer.Ref
	early []channelNews
	ended bool
}

// maxEarly bounds what waits for the name of the channel: longer than it takes, unless the peer's other channels go mad.
const maxEarly = 1000

// Send takes news of any channel.
func (w *openWatch) Send(x channelNews) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case x.Ref.Peer != w.peer:
	case w.named:
		w.take(&x)
	case len(w.early) == maxEarly:
		w.fail(errors.New("too much happens with this peer to follow the opening; it goes on"))
	default:
		w.early = append(w.early, x)
	}
}

func (w *openWatch) begin(ref peer.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.named, w.ref = true, ref
	for i := range w.early {
		w.take(&w.early[i])
	}
	w.early = nil
}

func (w *openWatch) take(x *channelNews) {
	if w.ended || x.Ref != w.ref {
		return
	}
	u := rpc.OpenUpdate{Point: x.Info.Funding, PendingID: x.Info.TempID}
	switch x.Notice.Kind {
	case channel.NoticePending:
		w.sink.Send(u)
	case channel.NoticeOpen:
		u.Open, w.ended = true, true
		w.sink.Send(u)
	case channel.NoticeAbandoned, channel.NoticeForceClosing, channel.NoticeSpent, channel.NoticeClosed:
		w.fail(openError(x.Info))
	}
}

func (w *openWatch) fail(err error) {
	if !w.ended {
		w.ended = true
		w.sink.Close(err)
	}
}

// openError words why an opening ended as LND does where clients match it.
func openError(i *channel.Info) error {
	text := i.LastError
	switch said, fromPeer := strings.CutPrefix(text, "peer: "); {
	case fromPeer:
		return fmt.Errorf("received funding error from %v: chan_id=%v, err=%s", i.RemoteNode, i.TempID, said)
	case strings.HasPrefix(text, "disconnected"):
		return fmt.Errorf("opening with %v has ended: peer disconnected", i.RemoteNode)
	case text == "":
		return errors.New("the channel was closed before it opened")
	}
	return errors.New(text)
}

// CloseChannel ends a channel, and tells of its closing transaction, at first and when it has confirmed.
func (a apiLifecycle) CloseChannel(ctx context.Context, r rpc.CloseChannel, s rpc.Sink[rpc.CloseUpdate]) (func(), error) {
	p, ok := a.book.funded(r.Point)
	if !ok {
		return nil, rpc.ErrChannelNotFound
	}
	shut := channel.Shut{Force: r.Force}
	if !r.Force {
		if err := a.mayAgree(p, r.NoWait); err != nil {
			return nil, err
		}
		if err := a.terms(ctx, &r, &shut); err != nil {
			return nil, err
		}
	}
	w := &closeWatch{api: a.api, sink: s, ref: p.Ref}
	stop := a.news.subscribe(w)
	if _, err := a.Node.Close(r.Point, shut); err != nil {
		stop()
		if errors.Is(err, ErrUnknownChannel) || errors.Is(err, peer.ErrNoChannel) {
			err = rpc.ErrChannelNotFound
		}
		return nil, err
	}
	return stop, nil
}

// mayAgree says why a channel cannot be closed together with its peer.
func (a *api) mayAgree(p page, noWait bool) error {
	switch {
	case p.Phase < channel.PhaseOpen:
		return errClosePending
	case !p.Linked || a.linkOf(p.Peer) == nil:
		return errCloseOffline
	case len(p.HTLCs) > 0 && !noWait:
		return errCloseHTLCs
	}
	return nil
}

// terms of a close by agreement.
func (a *api) terms(ctx context.Context, r *rpc.CloseChannel, shut *channel.Shut) (err error) {
	shut.FeeRate, err = a.feeRate(ctx, r.Fee)
	if errors.Is(err, chain.ErrNoEstimate) && r.Fee.Target == 0 {
		err = nil // the commitment's rate
	}
	if err != nil {
		return err
	}
	if r.MaxFee != 0 {
		shut.FeeRate = min(shut.FeeRate, r.MaxFee)
	}
	if r.Address != "" {
		shut.Script, err = a.wallet.Script(r.Address)
	}
	return err
}

// closeWatch follows one closing. Only outside's goroutine sends to it.
type closeWatch struct {
	*api
	sink rpc.Sink[rpc.CloseUpdate]
	ref  peer.Ref
}

// Send takes news of any channel.
func (w *closeWatch) Send(x channelNews) {
	if x.Ref != w.ref {
		return
	}
	c := &x.Info.Close
	switch x.Notice.Kind {
	case channel.NoticeClosingTx:
		if c.ClosingTx != nil {
			w.sink.Send(rpc.CloseUpdate{Txid: *c.ClosingTx, LocalTx: x.Info.Opener, PerKW: x.Info.FeeRate})
		}
	case channel.NoticeForceClosing:
		if c.Commitment != nil {
			w.sink.Send(rpc.CloseUpdate{Txid: *c.Commitment, LocalTx: true, PerKW: x.Info.FeeRate})
		}
	case channel.NoticeDataLoss:
		w.sink.Close(errors.New("this node's state of the channel is old: only the peer can close it"))
	case channel.NoticeSpent:
		if c.SpentBy != nil {
			w.sink.Send(w.closed(x.Info))
		}
	case channel.NoticeAbandoned:
		w.sink.Close(openError(x.Info))
	}
}
