package htlc

// Overlay is the Reader that New asks for, over a store that shows only what is durable: Load sees what was queued as well.
// Range does not, which is enough: the Switch ranges at start, and over preimages that others wrote. The loop of the Switch owns it.
type Overlay struct {
	store  Reader
	queued map[string]queuedValue
	seq    uint64
	fifo   []queuedKey
}

type queuedValue struct {
	value []byte
	seq   uint64
}

type queuedKey struct {
	key string
	seq uint64
}

// NewOverlay lies over store.
func NewOverlay(store Reader) *Overlay {
	return &Overlay{store: store, queued: map[string]queuedValue{}}
}

// Queued adds what was queued, and returns the number to call Durable with.
func (o *Overlay) Queued(records []Record) uint64 {
	o.seq++
	for _, r := range records {
		k := string(r.Key)
		o.queued[k] = queuedValue{r.Value, o.seq}
		o.fifo = append(o.fifo, queuedKey{k, o.seq})
	}
	return o.seq
}

// Durable drops all up to seq: the store shows it.
func (o *Overlay) Durable(seq uint64) {
	n := 0
	for ; n < len(o.fifo) && o.fifo[n].seq <= seq; n++ {
		if o.queued[o.fifo[n].key].seq == o.fifo[n].seq {
			delete(o.queued, o.fifo[n].key)
		}
	}
	if o.fifo = o.fifo[n:]; len(o.fifo) == 0 {
		o.fifo = nil
	}
}

// Load is the store's, after all that was queued.
func (o *Overlay) Load(key []byte) ([]byte, error) {
	if q, ok := o.queued[string(key)]; ok {
		return q.value, nil
	}
	return o.store.Load(key)
}

// Range is the store's.
func (o *Overlay) Range(from, to []byte, reverse bool, fn func(key, value []byte) error) error {
	return o.store.Range(from, to, reverse, fn)
}
