package htlc

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/onion"
)

var rewrite = flag.Bool("rewrite", false, "write the golden records anew; only for records that no release has written")

func goldenInvoice() *Invoice {
	inv := invoiceOf(1, 1000)
	inv.State, inv.AddIndex, inv.SettleIndex, inv.Paid = InvoiceSettled, 7, 3, 1100
	inv.Created, inv.Ended = start, start.Add(time.Minute)
	inv.Parts = []Part{{
		At: channel.Origin{Channel: chanA, ID: 4}, SCID: scidA, Amount: 1100, Total: 1000, Expiry: 800_040, Height: startHeight, Accepted: start.Add(time.Second),
		Custom: []onion.CustomRecord{{Type: 70000, Value: []byte("x")}},
	}}
	return &inv
}

func goldenPayment() *Payment {
	preimage, hash := preimageOf(1)
	return &Payment{
		Hash: hash, Index: 5, Dest: carol, Amount: 10_000, FeeLimit: 5000, Created: start, Ended: start.Add(time.Minute), Status: Succeeded,
		Preimage: &preimage, Fee: 1000, Request: "lnbcrt1", Attempts: []uint64{8, 9},
	}
}

func goldenAttempts() []*Attempt {
	preimage, hash := preimageOf(1)
	return []*Attempt{
		{ID: 8, Hash: hash, Status: InFlight, Started: start, Route: *routeFor(10_000), Secrets: hopSecrets},
		{ID: 8, Hash: hash, Status: Failed, Started: start, Ended: start.Add(time.Second), Route: *routeFor(10_000), Hop: -1},
		{ID: 9, Hash: hash, Status: Failed, Started: start, Ended: start.Add(time.Second), Route: *routeFor(10_000), Hop: 1,
			Failure: onion.Failure{Code: onion.FeeInsufficient, Amount: 3, Update: []byte{1, 2}, Extra: []byte{}}},
		{ID: 9, Hash: hash, Status: Succeeded, Started: start, Ended: start.Add(time.Second), Route: *routeFor(10_000), Preimage: &preimage},
	}
}

func goldenForward() *Forward {
	return &Forward{Time: start, In: channel.Origin{Channel: chanA, ID: 3}, InSCID: scidA, OutSCID: scidB, AmountIn: 101_010, AmountOut: 100_000}
}

// golden holds b against testdata; files of earlier versions stay, and must be read.
func golden(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(b)+"\n"), 0o644))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	kept, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	require.NoError(t, err)
	require.Equal(t, kept, b)
	return kept
}

func TestRecordsOfVersionOneAreReadAndWritten(t *testing.T) {
	inv, err := decodeInvoice(golden(t, "invoice-v1", goldenInvoice().encode()))
	require.NoError(t, err)
	require.Equal(t, goldenInvoice(), inv)
	p, err := decodePayment(golden(t, "payment-v1", goldenPayment().encode()))
	require.NoError(t, err)
	require.Equal(t, goldenPayment(), p)
	for i, want := range goldenAttempts() {
		a, err := decodeAttempt(golden(t, "attempt-v1-"+string(rune('a'+i)), want.encode()))
		require.NoError(t, err)
		require.Equal(t, want.encode(), a.encode())
		require.Equal(t, want.Route, a.Route)
		require.Equal(t, want.Hop, a.Hop)
		require.Equal(t, want.Failure.Code, a.Failure.Code)
		require.Equal(t, want.Secrets, a.Secrets)
	}
	f, err := decodeForward(uint64(start.UnixNano()), golden(t, "forward-v1", goldenForward().encode()))
	require.NoError(t, err)
	require.Equal(t, goldenForward(), f)
	c := counters{1, 2, 3, 400}
	var back counters
	require.NoError(t, back.decode(golden(t, "counters-v1", c.record().Value)))
	require.Equal(t, c, back)
}

func TestDamagedRecordsAreErrorsAndNoPanics(t *testing.T) {
	for _, whole := range [][]byte{goldenInvoice().encode(), goldenPayment().encode(), goldenAttempts()[0].encode(), goldenForward().encode()} {
		for n := range whole {
			_, e1 := decodeInvoice(whole[:n])
			_, e2 := decodePayment(whole[:n])
			_, e3 := decodeAttempt(whole[:n])
			_, e4 := decodeForward(0, whole[:n])
			if e1 == nil && e2 == nil && e3 == nil && e4 == nil {
				t.Fatalf("%d bytes are nobody's record", n)
			}
		}
	}
	_, err := decodeInvoice([]byte{recordVersion + 1})
	require.ErrorIs(t, err, ErrRecord)
	r := newRig(t)
	r.store[keyCounters] = []byte{9}
	_, err = New(Options{}, r.store)
	require.ErrorIs(t, err, ErrRecord)
}

func FuzzRecords(f *testing.F) {
	f.Add(goldenInvoice().encode())
	f.Add(goldenPayment().encode())
	f.Add(goldenForward().encode())
	for _, a := range goldenAttempts() {
		f.Add(a.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := decodeInvoice(b); err == nil {
			again, err := decodeInvoice(v.encode())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
		if v, err := decodePayment(b); err == nil {
			again, err := decodePayment(v.encode())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
		if v, err := decodeAttempt(b); err == nil {
			_, err := decodeAttempt(v.encode())
			require.NoError(t, err)
		}
		if v, err := decodeForward(1, b); err == nil {
			again, err := decodeForward(1, v.encode())
			require.NoError(t, err)
			require.Equal(t, v, again)
		}
	})
}

func TestPagesAreTurnedBothWays(t *testing.T) {
	r := newRig(t)
	for n := range byte(10) {
		r.step(AddInvoice{invoiceOf(n, 1000)})
	}
	_, hash := preimageOf(3)
	r.step(CancelInvoice{hash})
	for _, n := range []byte{5, 2} {
		r.step(r.part(n, 1000, 1000))
	}
	indices := func(p Page, pending bool) (list []uint64) {
		found, err := Invoices(r.store, p, pending)
		require.NoError(t, err)
		for _, inv := range found {
			list = append(list, inv.AddIndex)
		}
		return list
	}
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, indices(Page{}, false))
	require.Equal(t, []uint64{1, 2, 5, 7, 8, 9, 10}, indices(Page{}, true))
	require.Equal(t, []uint64{5, 6, 7}, indices(Page{Offset: 4, Max: 3}, false))
	require.Equal(t, []uint64{8, 9, 10}, indices(Page{Backward: true, Max: 3}, false))
	require.Equal(t, []uint64{1, 2, 3}, indices(Page{Backward: true, Offset: 4, Max: 5}, false))
	require.Empty(t, indices(Page{Offset: 10}, false))
	require.Empty(t, indices(Page{Offset: 1<<64 - 1}, false))
	require.Empty(t, indices(Page{From: start.Add(1)}, false))
	require.Empty(t, indices(Page{To: start.Add(-1)}, false))
	require.Len(t, indices(Page{From: start, To: start}, false), 10)

	settled, err := Settled(r.store, Page{})
	require.NoError(t, err)
	require.Equal(t, []uint64{6, 3}, []uint64{settled[0].AddIndex, settled[1].AddIndex})
	settled, err = Settled(r.store, Page{Offset: 1})
	require.NoError(t, err)
	require.Len(t, settled, 1)
}

func TestForwardsOfOneMomentKeepTheirOrderAndAreSkippedInIt(t *testing.T) {
	r := newRig(t)
	for range 5 {
		preimage, hash := preimageOf(1)
		_, offer := r.offered(r.step(r.toForward(hash)))
		r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Preimage: &preimage}})
	}
	r.restart(Resume{})
	preimage, hash := preimageOf(1)
	_, offer := r.offered(r.step(r.toForward(hash)))
	r.step(Ended{channel.Outcome{Channel: chanB, Origin: offer.Origin, Hash: hash, Preimage: &preimage}})
	all, err := Forwards(r.store, time.Time{}, time.Time{}, 0, 0)
	require.NoError(t, err)
	require.Len(t, all, 6)
	for i, f := range all {
		require.Equal(t, uint64(i+1), f.In.ID)
		require.Equal(t, start.Add(time.Duration(i)), f.Time)
	}
	some, err := Forwards(r.store, start.Add(1), start.Add(5), 1, 2)
	require.NoError(t, err)
	require.Equal(t, all[2:4], some)
}

func TestPaymentsAreListedWithAndWithoutThoseThatFailed(t *testing.T) {
	r := newRig(t)
	for n := range byte(3) {
		o := r.begin(orderOf(n, 10_000))
		if n == 1 {
			preimage, hash := preimageOf(n)
			r.step(Ended{channel.Outcome{Channel: chanB, Origin: o, Hash: hash, Preimage: &preimage}})
		}
		if n == 2 {
			r.step(failedBy(o, 1, onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails}))
		}
	}
	all, err := Payments(r.store, Page{}, true)
	require.NoError(t, err)
	require.Equal(t, []Status{InFlight, Succeeded, Failed}, []Status{all[0].Status, all[1].Status, all[2].Status})
	done, err := Payments(r.store, Page{}, false)
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.Equal(t, uint64(2), done[0].Index)
}

func BenchmarkForwards(b *testing.B) {
	r := newRig(b)
	preimage, hash := preimageOf(1)
	var out Effects
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		in := r.toForward(hash)
		in.Peeled.Secret = onion.Secret{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}
		out.Reset()
		if err := r.s.Step(in, &out); err != nil {
			b.Fatal(err)
		}
		origin := channel.Origin{Channel: chanA, ID: in.HTLC.ID}
		if err := r.s.Step(Ended{channel.Outcome{Channel: chanB, Origin: origin, Hash: hash, Preimage: &preimage}}, &out); err != nil {
			b.Fatal(err)
		}
	}
}
