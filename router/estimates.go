package router

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// How reliability is judged; docs/routing.md says why.
const (
	hopDoubt     = 0.03 // surprisal of any forward, beside the question of liquidity: nodes are offline, policies stale
	provenDoubt  = 0.01 // the same where the channel forwarded this much already
	hintDoubt    = 0.2  // of a channel whose capacity is unknown
	worstDoubt   = 4.61 // -ln 1 %: what is less likely is not tried
	blockedDoubt = 12.0 // of an edge or a node that failed as such, at that moment

	boundsHalfLife  = 6 * time.Hour    // in which half of what is known of liquidity is forgotten
	blockedHalfLife = 10 * time.Minute // and half of blockedDoubt
	policyPatience  = time.Minute      // a second complaint about the policy within it blocks the edge

	// MaxEstimates bounds the channels, and the nodes, that are remembered; the longest untouched quarter goes first.
	MaxEstimates = 20_000
)

// Estimates is what payments taught about the liquidity of channels and the reliability of nodes. Its methods may be
// called from several goroutines: readers never wait.
type Estimates struct {
	learn sync.Mutex
	table atomic.Pointer[table]
}

// table is immutable once stored.
type table struct {
	shards [shards]map[lnwire.ShortChannelID]*lesson
	filter [1024]uint64 // bit per hashed channel: most edges of a search are found here not to be known
	count  int
	nodes  map[lnwire.PubKey]int64 // when the node failed
}

// lesson is what is known of a channel, both directions. Immutable.
type lesson struct {
	ends [2]lnwire.PubKey // ascending
	dirs [2]bounds
}

// bounds of one direction; times are Unix seconds, zero where nothing is known.
type bounds struct {
	lower, upper     lnwire.MilliSatoshi // at least lower could pass, upper could not
	lowerAt, upperAt int64
	blockedAt        int64 // failed whatever the amount
	policyAt         int64 // complained about fee, expiry or minimum
}

// NewEstimates knows nothing.
func NewEstimates() *Estimates {
	e := &Estimates{}
	e.Reset()
	return e
}

// Reset forgets everything.
func (e *Estimates) Reset() {
	e.learn.Lock()
	defer e.learn.Unlock()
	e.table.Store(&table{})
}

// At is the Estimator as of now. It does not see what is learned later.
func (e *Estimates) At(now time.Time) Estimator { return &view{e.table.Load(), now.Unix()} }

// Prior judges by capacity alone, as Estimates do that know nothing.
type Prior struct{}

// Node of which nothing is known: the doubt is in its edges.
func (Prior) Node(lnwire.PubKey) float64 { return 0 }

// Edge takes liquidity to be anywhere between nothing and the capacity, each as likely.
func (Prior) Edge(_ EdgeID, capacity, amount lnwire.MilliSatoshi) float64 {
	return prior(capacity, amount)
}

func prior(capacity, amount lnwire.MilliSatoshi) float64 {
	if capacity == 0 {
		return hintDoubt
	}
	return hopDoubt + passing(float64(amount), 0, float64(capacity))
}

// passing is the surprisal of amount passing where liquidity is anywhere in [lower, upper).
func passing(amount, lower, upper float64) float64 {
	if amount <= lower {
		return 0
	}
	if amount >= upper {
		return math.Inf(1)
	}
	x := (amount - lower) / (upper - lower)
	if x < 1.0/64 {
		return x + x*x/2 // -ln(1-x), good to 1e-6
	}
	if d := -math.Log(1 - x); d < worstDoubt {
		return d
	}
	return math.Inf(1)
}

// view is a table at a time.
type view struct {
	t   *table
	now int64
}

// fading is what is left of a unit after its age.
func (v *view) fading(at int64, halfLife time.Duration) float64 {
	return math.Exp2(-float64(max(0, v.now-at)) / halfLife.Seconds())
}

func (v *view) Node(node lnwire.PubKey) float64 {
	if len(v.t.nodes) == 0 {
		return 0
	}
	at, ok := v.t.nodes[node]
	if !ok {
		return 0
	}
	return capDoubt(blockedDoubt * v.fading(at, blockedHalfLife))
}

func (v *view) Edge(id EdgeID, capacity, amount lnwire.MilliSatoshi) float64 {
	l := v.t.lesson(id.SCID)
	if l == nil {
		return prior(capacity, amount)
	}
	b := &l.dirs[id.Direction&1]
	doubt := hopDoubt
	if b.blockedAt != 0 {
		if doubt = capDoubt(hopDoubt + blockedDoubt*v.fading(b.blockedAt, blockedHalfLife)); math.IsInf(doubt, 1) {
			return doubt
		}
	}
	lower, upper := v.liquidity(b, float64(capacity))
	if float64(amount) <= lower && b.blockedAt == 0 {
		return provenDoubt
	}
	if upper == 0 {
		return doubt + hintDoubt
	}
	return capDoubt(doubt + passing(float64(amount), lower, upper))
}

// liquidity is the range that what was learned has widened to by now; upper zero where nothing bounds it.
func (v *view) liquidity(b *bounds, capacity float64) (lower, upper float64) {
	upper = capacity
	if b.lowerAt != 0 {
		lower = float64(b.lower) * v.fading(b.lowerAt, boundsHalfLife)
	}
	if b.upperAt != 0 {
		left := v.fading(b.upperAt, boundsHalfLife)
		if capacity > 0 {
			upper = capacity - max(0, capacity-float64(b.upper))*left
		} else {
			upper = float64(b.upper) / left
		}
	}
	return min(lower, upper), upper
}

func capDoubt(d float64) float64 {
	if d > worstDoubt {
		return math.Inf(1)
	}
	return d
}

// slotOf is the filter's bit of a channel.
func slotOf(scid lnwire.ShortChannelID) (word, bit int) {
	h := uint64(scid) * 0x9e3779b97f4a7c15 >> 48
	return int(h / 64), int(h % 64)
}

func (t *table) lesson(scid lnwire.ShortChannelID) *lesson {
	if word, bit := slotOf(scid); t.filter[word]&(1<<bit) == 0 {
		return nil
	}
	return t.shards[chanShard(scid)][scid]
}

// EdgeHistory is what is known of one direction of a channel, for display. Times are zero where nothing is.
type EdgeHistory struct {
	EdgeID
	From, To         lnwire.PubKey
	Lower, Upper     lnwire.MilliSatoshi // liquidity was at least Lower when LowerAt, less than Upper when UpperAt
	LowerAt, UpperAt time.Time
	BlockedAt        time.Time // when it failed whatever the amount
}

// History lists what was learned of channels, ordered by channel and direction.
func (e *Estimates) History() []EdgeHistory {
	t := e.table.Load()
	var out []EdgeHistory
	for _, scid := range t.channels() {
		l := t.lesson(scid)
		for d := range uint8(2) {
			b := l.dirs[d]
			if b == (bounds{}) {
				continue
			}
			out = append(out, EdgeHistory{
				EdgeID: EdgeID{scid, d}, From: l.ends[d], To: l.ends[1-d], Lower: b.lower, Upper: b.upper,
				LowerAt: moment(b.lowerAt), UpperAt: moment(b.upperAt), BlockedAt: moment(b.blockedAt),
			})
		}
	}
	return out
}

// NodeFailures tells when each node that is remembered for it failed.
func (e *Estimates) NodeFailures() map[lnwire.PubKey]time.Time {
	out := map[lnwire.PubKey]time.Time{}
	for k, at := range e.table.Load().nodes {
		out[k] = moment(at)
	}
	return out
}

func moment(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}

// channels lists the channels that are known, ascending.
func (t *table) channels() []lnwire.ShortChannelID {
	out := make([]lnwire.ShortChannelID, 0, t.count)
	for _, m := range t.shards {
		out = slices.AppendSeq(out, maps.Keys(m))
	}
	slices.SortFunc(out, cmp.Compare[lnwire.ShortChannelID])
	return out
}
