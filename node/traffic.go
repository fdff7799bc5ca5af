package node

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/htlc"
	"github.com/fulmen-ln/fulmen/internal/mailbox"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/peer"
	"github.com/fulmen-ln/fulmen/router"
	"github.com/fulmen-ln/fulmen/store"
)

// traffic drives htlc.Switch: one loop, which takes what waits, steps it, queues one batch, and only then passes on what
// follows. It implements peer.Switch.
type traffic struct {
	sw        *htlc.Switch
	overlay   *htlc.Overlay
	tip       func() lnwire.Height
	ledger    *store.DB
	estimates *router.Estimates
	commander commander
	seeker    *seekers
	log       *slog.Logger
	box       *mailbox.Box[job]
	changed   func(peer.Ref, *channel.Info)
	news      trafficNews
	wg        sync.WaitGroup

	out    htlc.Effects
	height lnwire.Height
}

// commander brings commands to channels.
type commander interface {
	command(id lnwire.ChannelID, ev channel.Event)
}

// trafficNews is what subscribers hear, in the order of the commits.
type trafficNews struct {
	invoices hub[*htlc.Invoice]
	payments hub[paymentNews]
	forwards hub[*htlc.Forwarding]
}

// paymentNews says that a payment changed; Payment is nil where it was one of its attempts.
type paymentNews struct {
	Hash    lnwire.Hash
	Payment *htlc.Payment
	Attempt *htlc.Attempt
}

// job is one event, with whom to tell that it was refused (at once) or is durable; or the news that batch durable is.
type job struct {
	ev      htlc.Event
	answer  chan<- error
	durable uint64
}

// ask steps ev and returns when what it did is durable, or why it was refused.
func (t *traffic) ask(ev htlc.Event) error {
	answer := make(chan error, 1)
	if !t.box.Put(job{ev: ev, answer: answer}) {
		return peer.ErrStopped
	}
	return <-answer
}

func (t *traffic) post(ev htlc.Event) { t.box.Put(job{ev: ev}) }

// Locked, Ended, Refused and Changed are called by the peers' loops.
func (t *traffic) Locked(htlcs []peer.Incoming) {
	for i := range htlcs {
		t.post(incoming(&htlcs[i]))
	}
}

func incoming(in *peer.Incoming) htlc.Incoming {
	ev := htlc.Incoming{HTLC: in.HTLC, Peeled: in.Peeled}
	if in.Err != nil {
		ev.Peeled = nil
		if !errors.As(in.Err, &ev.Err) {
			panic(fmt.Sprintf("node: peeling failed in an unknown way: %v", in.Err))
		}
	}
	return ev
}

func (t *traffic) Ended(outcomes []channel.Outcome) {
	for _, o := range outcomes {
		t.post(htlc.Ended{Outcome: o})
	}
}

func (t *traffic) Refused(o channel.Origin, id lnwire.ChannelID, err error) {
	t.log.Debug("channel refused an HTLC", "chan", id, "err", err)
	t.post(htlc.Refused{Channel: id, Origin: o})
}

// Preimage makes the record that lets a forward be settled upstream after a crash between the two channels' batches.
func (t *traffic) Preimage(o *channel.Outcome) (store.Put, bool) {
	r, ok := htlc.PreimageRecord(o, t.tip())
	return store.Put{Key: r.Key, Value: r.Value}, ok
}

func (t *traffic) Changed(ref peer.Ref, info *channel.Info) { t.changed(ref, info) }

// run is the loop; it ends when the box is closed and empty.
func (t *traffic) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var jobs []job
	for {
		select {
		case <-t.box.Ready():
		case <-tick.C:
		}
		var ok bool
		if jobs, ok = t.box.Take(jobs); !ok {
			return
		}
		t.burst(jobs)
		clear(jobs)
	}
}

// burst steps the jobs at one moment.
func (t *traffic) burst(jobs []job) {
	now := time.Now()
	t.step(htlc.Tick{Now: now, Height: t.height})
	var waiting []chan<- error
	for i := range jobs {
		if jobs[i].durable != 0 {
			t.overlay.Durable(jobs[i].durable)
			continue
		}
		if tick, ok := jobs[i].ev.(htlc.Tick); ok {
			t.height = tick.Height
			jobs[i].ev = htlc.Tick{Now: now, Height: tick.Height}
		}
		err := t.step(jobs[i].ev)
		switch {
		case jobs[i].answer == nil:
		case err != nil:
			jobs[i].answer <- err
		default:
			waiting = append(waiting, jobs[i].answer)
		}
	}
	t.settle(now, waiting)
}

func (t *traffic) step(ev htlc.Event) error { return t.sw.Step(ev, &t.out) }

// settle queues the batch, then tells channels and seekers; subscribers hear of it when it is durable.
func (t *traffic) settle(now time.Time, waiting []chan<- error) {
	batch := store.Batch{Puts: make([]store.Put, len(t.out.Records))}
	for i, r := range t.out.Records {
		batch.Puts[i] = store.Put{Key: r.Key, Value: r.Value}
	}
	if len(batch.Puts)+len(t.out.Notices)+len(waiting) > 0 {
		notices, seq := append([]htlc.Notice(nil), t.out.Notices...), t.overlay.Queued(t.out.Records)
		batch.Done = func() {
			for _, n := range notices {
				t.news.publish(n)
			}
			for _, w := range waiting {
				w <- nil
			}
			t.box.Put(job{durable: seq})
		}
		t.ledger.Commit(batch)
	}
	for _, c := range t.out.Commands {
		t.commander.command(c.Channel, c.Event)
	}
	for _, s := range t.out.Seeks {
		t.seeker.seek(s)
	}
	for i := range t.out.Results {
		t.learn(now, &t.out.Results[i])
	}
	t.out.Reset()
}

// learn passes what an attempt taught to the estimates.
func (t *traffic) learn(now time.Time, r *htlc.Result) {
	switch {
	case r.Settled:
		t.estimates.Succeeded(now, r.Route)
	default:
		t.estimates.Failed(now, r.Route, r.Hop, router.Failure{Code: uint16(r.Failure.Code)})
	}
}

func (n *trafficNews) publish(notice htlc.Notice) {
	switch v := notice.(type) {
	case htlc.InvoiceChanged:
		n.invoices.publish(&v.Invoice)
	case htlc.PaymentChanged:
		n.payments.publish(paymentNews{Hash: v.Payment.Hash, Payment: &v.Payment})
	case htlc.AttemptChanged:
		n.payments.publish(paymentNews{Hash: v.Attempt.Hash, Attempt: &v.Attempt})
	case htlc.Forwarding:
		n.forwards.publish(&v)
	}
}
