package gossip

import (
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Verifier checks signatures of a batch, in parallel where it can, and sets OK of each check that is good.
type Verifier interface{ Verify(checks []Check) }

// Check is one signature over a digest.
type Check struct {
	Digest chainhash.Hash
	Sig    lnwire.Sig
	Key    lnwire.PubKey
	OK     bool
}

type cores int

// Cores verifies over n goroutines that it waits for; n < 1 means one for each CPU.
func Cores(n int) Verifier {
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	return cores(n)
}

// Verify forks, works and joins.
func (n cores) Verify(checks []Check) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(checks)); i = next.Add(1) - 1 {
			checks[i].OK = checks[i].valid()
		}
	}
	var wg sync.WaitGroup
	for range min(int(n), len(checks)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

func (c *Check) valid() bool { return c.Sig.Verifies(c.Digest, c.Key) }

// job is a message that passed the cheap checks and waits for its signatures: checks[first:last].
type job struct {
	held
	raw         []byte
	first, last int
	local       *local // a channel_update of the peer for a channel with us that is not public
}

// enqueue adds a job. The same bytes twice in a burst (many peers relay them) are verified once.
func (e *Engine) enqueue(h held, local *local, checks ...Check) {
	raw, err := lnwire.Marshal(h.msg)
	if err != nil {
		e.stats.Ignored++ // it cannot be passed on, so it is no use
		return
	}
	sum := maphash.Bytes(e.seed, raw)
	if _, ok := e.burst[sum]; ok {
		e.stats.Duplicate++
		return
	}
	e.burst[sum] = struct{}{}
	first := len(e.checks)
	e.checks = append(e.checks, checks...)
	e.jobs = append(e.jobs, job{held: h, raw: raw, first: first, last: len(e.checks), local: local})
}

// verify settles the jobs in the order in which they came. What that releases is verified in turn.
func (e *Engine) verify() {
	for len(e.jobs) > 0 {
		jobs, checks := e.jobs, e.checks
		e.jobs, e.checks = nil, nil
		e.verifier.Verify(checks)
		clear(e.burst)
		for i := range jobs {
			j := &jobs[i]
			good := true
			for _, c := range checks[j.first:j.last] {
				good = good && c.OK
			}
			if !good {
				e.wrong(j)
				continue
			}
			e.settle(j)
		}
	}
}

// wrong: a signature is not the signer's.
// BOLT 7: "SHOULD send a warning. MAY close the connection. MUST ignore the message." The relayer need not be to blame,
// so it takes several to part.
func (e *Engine) wrong(j *job) {
	e.stats.Invalid++
	p := e.peers[j.peer]
	if p == nil {
		return
	}
	p.invalid++
	e.punish(j.peer, p.invalid >= MaxInvalid, "a signature of %v is wrong", j.msg.Type())
}

func (e *Engine) settle(j *job) {
	switch m := j.msg.(type) {
	case *lnwire.ChannelAnnouncement:
		e.provenAnnouncement(j, m)
	case *lnwire.ChannelUpdate:
		if j.local != nil {
			e.provenPrivate(j, m)
		} else {
			e.provenUpdate(j, m)
		}
	case *lnwire.NodeAnnouncement:
		e.provenNode(j, m)
	}
}
