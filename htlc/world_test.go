package htlc

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/onion"
)

// disk is all that survives a crash: records, and what the channels hold.
type disk struct {
	records  memory
	incoming map[uint64]*inHTLC
	outgoing map[channel.Origin]*outHTLC
}

type inHTLC struct {
	Incoming
	settled, rejected bool
}

type outHTLC struct {
	Outgoing
	offer channel.Offer
}

func newDisk() *disk {
	return &disk{records: memory{}, incoming: map[uint64]*inHTLC{}, outgoing: map[channel.Origin]*outHTLC{}}
}

func (d *disk) clone() *disk {
	c := newDisk()
	c.records = maps.Clone(d.records)
	for k, v := range d.incoming {
		c.incoming[k] = ptr(*v)
	}
	for k, v := range d.outgoing {
		c.outgoing[k] = ptr(*v)
	}
	return c
}

// batch is one commit in the store's queue.
type batch struct {
	apply func(*disk)
	seq   uint64 // of the overlay; 0: it is a channel's
}

// world is a node with a Switch, one channel in and one out, and a store that lags behind.
type world struct {
	*rapid.T
	s       *Switch
	overlay *Overlay
	durable *disk // what is on disk
	live    *disk // what the node believes
	queue   []batch
	events  []Event
	seeks   []Seek
	now     time.Time
	height  lnwire.Height
	ids     uint64

	preimages map[lnwire.Hash]lnwire.Preimage
	invoices  map[lnwire.Hash]lnwire.MilliSatoshi
	fulfilled map[channel.Origin]bool // downstream has shown the preimage: it can never be taken back
	paying    []lnwire.Hash
	delivered map[lnwire.Hash]lnwire.MilliSatoshi // to the payees of our own payments
}

func newWorld(t *rapid.T) *world {
	w := &world{
		T: t, durable: newDisk(), now: start, height: startHeight, preimages: map[lnwire.Hash]lnwire.Preimage{},
		invoices: map[lnwire.Hash]lnwire.MilliSatoshi{}, fulfilled: map[channel.Origin]bool{}, delivered: map[lnwire.Hash]lnwire.MilliSatoshi{},
	}
	w.boot()
	return w
}

// boot starts the node from what is durable.
func (w *world) boot() {
	w.live, w.queue, w.events, w.seeks = w.durable.clone(), nil, nil, nil
	w.overlay = NewOverlay(&w.durable.records)
	s, err := New(Options{}, w.overlay)
	require.NoError(w, err)
	w.s = s
	resume := Resume{}
	for _, id := range slices.Sorted(maps.Keys(w.live.incoming)) {
		if in := w.live.incoming[id]; !in.settled && !in.rejected {
			resume.Incoming = append(resume.Incoming, in.Incoming)
		}
	}
	for _, o := range w.sortedOutgoing() {
		resume.Outgoing = append(resume.Outgoing, o.Outgoing)
	}
	w.events = append(w.events, Tick{w.now, w.height}, Linked{linkA()}, Linked{linkB()}, resume)
	w.run()
}

func (w *world) sortedOutgoing() []*outHTLC {
	list := slices.Collect(maps.Values(w.live.outgoing))
	slices.SortFunc(list, func(a, b *outHTLC) int {
		if a.Origin.Channel != b.Origin.Channel {
			return int(a.Origin.Channel[0]) - int(b.Origin.Channel[0])
		}
		return int(a.Origin.ID) - int(b.Origin.ID)
	})
	return list
}

// commit queues a change of what a channel holds.
func (w *world) commit(apply func(*disk)) {
	apply(w.live)
	w.queue = append(w.queue, batch{apply: apply})
}

// sync makes the first n batches durable.
func (w *world) sync(n int) {
	for _, b := range w.queue[:n] {
		b.apply(w.durable)
		if b.seq != 0 {
			w.overlay.Durable(b.seq)
		}
	}
	w.queue = w.queue[n:]
}

// run steps the Switch until nothing is left to do.
func (w *world) run() { w.runUntil(0) }

// runUntil leaves some events: the loop of the Switch may lag behind those of the channels.
func (w *world) runUntil(left int) {
	for len(w.events) > left {
		ev := w.events[0]
		w.events = w.events[1:]
		var out Effects
		if err := w.s.Step(ev, &out); err != nil {
			require.ErrorIs(w, err, ErrRefused)
			require.Equal(w, Effects{}, out)
			continue
		}
		records := out.Records
		w.queue = append(w.queue, batch{func(d *disk) { d.records.apply(records) }, w.overlay.Queued(records)})
		w.live.records.apply(records)
		for _, c := range out.Commands {
			w.command(c)
		}
		w.seeks = append(w.seeks, out.Seeks...)
	}
}

func (w *world) command(c Command) {
	switch ev := c.Event.(type) {
	case channel.Offer:
		require.NotContains(w, w.live.outgoing, ev.Origin, "offered twice")
		if rapid.IntRange(0, 9).Draw(w.T, "refuse") == 0 {
			w.events = append(w.events, Refused{c.Channel, ev.Origin})
			return
		}
		w.commit(func(d *disk) {
			d.outgoing[ev.Origin] = &outHTLC{Outgoing{Channel: c.Channel, Origin: ev.Origin, Hash: ev.Hash, Amount: ev.Amount, Expiry: ev.Expiry}, ev}
		})
	case channel.Settle:
		in := w.live.incoming[ev.ID]
		require.False(w, in.settled || in.rejected, "one end each")
		require.Equal(w, in.HTLC.Hash, lnwire.Hash(sha256.Sum256(ev.Preimage[:])))
		w.commit(func(d *disk) { d.incoming[ev.ID].settled = true })
	case channel.Reject:
		in := w.live.incoming[ev.ID]
		require.False(w, in.settled || in.rejected, "one end each")
		origin := channel.Origin{Channel: chanA, ID: ev.ID}
		require.False(w, w.fulfilled[origin], "never rejected once downstream took the money")
		if o, ok := w.live.outgoing[origin]; ok {
			w.Fatalf("rejected while %v is out", o.Origin)
		}
		w.commit(func(d *disk) { d.incoming[ev.ID].rejected = true })
	default:
		w.Fatalf("unexpected %T", ev)
	}
}

func (w *world) hash(n uint64) lnwire.Hash {
	var p lnwire.Preimage
	binary.BigEndian.PutUint64(p[:], n)
	hash := lnwire.Hash(sha256.Sum256(p[:]))
	w.preimages[hash] = p
	return hash
}

// lock makes an HTLC locked in on channel A.
func (w *world) lock(hash lnwire.Hash, amount lnwire.MilliSatoshi, expiry uint32, p onion.Payload) {
	w.ids++
	in := Incoming{
		HTLC:   channel.HTLC{Channel: chanA, ID: w.ids, Amount: amount, Hash: hash, Expiry: expiry, Onion: new(onion.Packet)},
		Peeled: &onion.Peeled{Payload: &p, Secret: secretOf(w.ids)},
	}
	if p.SCID != nil {
		in.Peeled.Next = &onion.Packet{}
	}
	w.commit(func(d *disk) { d.incoming[in.HTLC.ID] = &inHTLC{Incoming: in} })
	w.events = append(w.events, in)
}

func (w *world) newForward() {
	expiry := uint32(w.height) + 100
	// Some hashes are shared, as the parts of one payment share theirs.
	w.lock(w.hash(1000+w.ids/3), 101_010, expiry+40, onion.NewForward(scidB, 100_000, expiry))
}

func (w *world) newInvoice() {
	n := rapid.Uint64Range(0, uint64(len(w.invoices))).Draw(w.T, "new invoice") // mostly one that exists: refused
	inv := Invoice{Hash: w.hash(n), Secret: paySecret, Amount: 1000, FinalCLTV: 40, Expires: w.now.Add(time.Hour)}
	if n%2 == 0 {
		inv.Hold = true
	} else {
		inv.Preimage = ptr(w.preimages[inv.Hash])
	}
	w.invoices[inv.Hash] = inv.Amount
	w.events = append(w.events, AddInvoice{inv})
}

func (w *world) someInvoice() lnwire.Hash {
	return w.hash(rapid.Uint64Range(0, uint64(len(w.invoices))).Draw(w.T, "invoice"))
}

func (w *world) newPart() {
	amount := lnwire.MilliSatoshi(rapid.SampledFrom([]uint64{300, 500, 1000}).Draw(w.T, "part"))
	expiry := uint32(w.height) + 60
	w.lock(w.someInvoice(), amount, expiry, onion.Payload{Amount: &amount, Expiry: &expiry, PaymentData: &onion.PaymentData{Secret: paySecret, Total: 1000}})
}

func (w *world) newPayment() {
	o := orderOf(0, 2*MinPart)
	o.Hash, o.MaxParts, o.Deadline = w.hash(2000+rapid.Uint64Range(0, 3).Draw(w.T, "payment")), 3, w.now.Add(time.Minute)
	if !slices.Contains(w.paying, o.Hash) {
		w.paying = append(w.paying, o.Hash)
	}
	w.events = append(w.events, Pay{o})
}

func (w *world) answer() {
	if len(w.seeks) == 0 {
		return
	}
	s := w.seeks[0]
	w.seeks = w.seeks[1:]
	ev := Routed{Hash: s.Hash, Seek: s.ID, Failed: NoRoute}
	if rapid.IntRange(0, 3).Draw(w.T, "route") > 0 {
		ev = Routed{Hash: s.Hash, Seek: s.ID, Prepared: &Prepared{Route: routeFor(s.Request.Amount), Onion: &onion.Packet{}, Secrets: hopSecrets}}
	}
	w.events = append(w.events, ev)
}

// sent are the outgoing HTLCs that the peer has: those that are durable.
func (w *world) sent() (list []*outHTLC) {
	for _, o := range w.sortedOutgoing() {
		if _, ok := w.durable.outgoing[o.Origin]; ok {
			list = append(list, o)
		}
	}
	return list
}

// end brings the end of an outgoing HTLC, or removes one that was fulfilled for good.
func (w *world) end(settle bool) {
	list := w.sent()
	if len(list) == 0 {
		return
	}
	o := rapid.SampledFrom(list).Draw(w.T, "outgoing")
	if o.Preimage != nil {
		w.commit(func(d *disk) { delete(d.outgoing, o.Origin) })
		return
	}
	outcome := channel.Outcome{Channel: o.Channel, Origin: o.Origin, Hash: o.Hash, Amount: o.Amount}
	if settle || w.fulfilled[o.Origin] {
		preimage := w.preimages[o.Hash]
		if o.Origin.Channel == (lnwire.ChannelID{}) && !w.fulfilled[o.Origin] {
			w.delivered[o.Hash] += o.Amount - 1000
		}
		w.fulfilled[o.Origin], outcome.Preimage = true, &preimage
		w.commit(func(d *disk) {
			d.outgoing[o.Origin].Preimage = &preimage
			rec, _ := PreimageRecord(&outcome, w.height)
			d.records.apply([]Record{rec})
		})
	} else {
		switch rapid.IntRange(0, 2).Draw(w.T, "failure") {
		case 0:
			outcome.Local = true
		case 1:
			outcome.Malformed = &channel.Malformed{Code: uint16(onion.InvalidOnionKey)}
		default:
			outcome.Reason = onion.NewFailure(&hopSecrets[0], &onion.Failure{Code: onion.TemporaryNodeFailure})
		}
		w.commit(func(d *disk) { delete(d.outgoing, o.Origin) })
	}
	w.events = append(w.events, Ended{outcome})
}

func (w *world) act() {
	switch rapid.IntRange(0, 15).Draw(w.T, "act") {
	case 0, 1:
		w.newForward()
	case 2:
		w.newInvoice()
	case 3, 4:
		w.newPart()
	case 5:
		w.newPayment()
	case 6, 7:
		w.answer()
	case 8, 9:
		w.end(true)
	case 10:
		w.end(false)
	case 11:
		w.events = append(w.events, SettleInvoice{w.preimages[w.someInvoice()]})
	case 12:
		w.events = append(w.events, CancelInvoice{w.someInvoice()})
	case 13:
		w.pass(rapid.SampledFrom([]time.Duration{0, time.Second, 50 * time.Second}).Draw(w.T, "pass"))
	case 14:
		w.sync(rapid.IntRange(0, len(w.queue)).Draw(w.T, "sync"))
	default:
		w.sync(rapid.IntRange(0, len(w.queue)).Draw(w.T, "crash after"))
		w.boot()
	}
	w.runUntil(rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(w.T, "lag"))
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.height++
	w.events = append(w.events, Tick{w.now, w.height})
}

// settleDown brings every open thing to its end.
func (w *world) settleDown() {
	for range 3 {
		w.seeks = nil
		for _, hash := range w.paying {
			w.events = append(w.events, CancelPayment{hash})
		}
		w.run()
		w.sync(len(w.queue))
		for len(w.live.outgoing) > 0 {
			w.end(false)
			w.run()
			w.sync(len(w.queue))
		}
		for range 60 { // beyond the timeout of sets, and the margin of holds
			w.pass(10 * time.Second)
			w.run()
		}
		w.sync(len(w.queue))
	}
}

func (w *world) check() {
	recorded := map[channel.Origin]int{}
	forwards, err := Forwards(w.durable.records, time.Time{}, time.Time{}, 0, 0)
	require.NoError(w, err)
	for _, f := range forwards {
		recorded[f.In]++
	}
	paid := map[lnwire.Hash]lnwire.MilliSatoshi{}
	for id, in := range w.durable.incoming {
		origin := channel.Origin{Channel: chanA, ID: id}
		require.True(w, in.settled != in.rejected, "HTLC %d: exactly one end", id)
		if in.Peeled.Final() {
			if in.settled {
				paid[in.HTLC.Hash] += in.HTLC.Amount
			}
			continue
		}
		if w.fulfilled[origin] {
			require.True(w, in.settled, "HTLC %d: downstream was paid", id)
		}
		want := 0
		if in.settled {
			want = 1
		}
		require.Equal(w, want, recorded[origin], "HTLC %d: one record in the history", id)
	}
	for hash, amount := range paid {
		inv, err := LookupInvoice(w.durable.records, hash)
		require.NoError(w, err)
		require.Equal(w, InvoiceSettled, inv.State)
		require.GreaterOrEqual(w, amount, w.invoices[hash], "no part is settled alone")
		require.Equal(w, inv.Paid, amount)
	}
	for _, hash := range w.paying {
		w.checkPayment(hash)
	}
}

func (w *world) checkPayment(hash lnwire.Hash) {
	require.LessOrEqual(w, w.delivered[hash], lnwire.MilliSatoshi(2*MinPart), "nobody is paid twice")
	p, attempts, err := LookupPayment(w.durable.records, hash)
	if err != nil {
		require.ErrorIs(w, err, ErrPaymentUnknown) // a crash came before it was durable
		require.Zero(w, w.delivered[hash])
		return
	}
	require.Equal(w, w.delivered[hash] > 0, p.Status == Succeeded)
	require.NotEqual(w, InFlight, p.Status)
	won := false
	for _, a := range attempts {
		require.NotEqual(w, InFlight, a.Status)
		fulfilled := w.fulfilled[channel.Origin{ID: a.ID}]
		require.Equal(w, fulfilled, a.Preimage != nil && a.Status == Succeeded)
		won = won || fulfilled
	}
	require.Equal(w, won, p.Status == Succeeded)
}

func TestNoHistoryWithCrashesLosesOrInventsMoney(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			w.act()
		}
		w.settleDown()
		w.check()
	})
}
