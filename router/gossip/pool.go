package gossip

// pool is a bounded map that forgets its older half when it is full: in two generations, so that nothing is sorted.
type pool[K comparable, V any] struct {
	young, old map[K]V
	half       int
}

// newPool holds at most size entries.
func newPool[K comparable, V any](size int) *pool[K, V] {
	return &pool[K, V]{young: map[K]V{}, old: map[K]V{}, half: max(1, size/2)}
}

func (p *pool[K, V]) find(k K) (V, bool) {
	if v, ok := p.young[k]; ok {
		return v, true
	}
	v, ok := p.old[k]
	return v, ok
}

func (p *pool[K, V]) has(k K) bool {
	_, ok := p.find(k)
	return ok
}

func (p *pool[K, V]) put(k K, v V) {
	if _, ok := p.young[k]; !ok && len(p.young) >= p.half {
		p.young, p.old = map[K]V{}, p.young
	}
	delete(p.old, k)
	p.young[k] = v
}

// take removes and returns an entry.
func (p *pool[K, V]) take(k K) (V, bool) {
	v, ok := p.find(k)
	delete(p.young, k)
	delete(p.old, k)
	return v, ok
}

func (p *pool[K, V]) len() int { return len(p.young) + len(p.old) }

// keys in no order.
func (p *pool[K, V]) keys() []K {
	out := make([]K, 0, p.len())
	for k := range p.young {
		out = append(out, k)
	}
	for k := range p.old {
		out = append(out, k)
	}
	return out
}

// bucket lets a burst through and then one per interval. The zero bucket is full of room.
type bucket struct {
	level uint32 // taken
	at    uint32 // when level was right, Unix seconds
}

// take cost from a bucket of size burst that regains rate per second; false where there is too little room.
func (b *bucket) take(now, cost, burst uint32, rate float64) bool {
	if now > b.at {
		if back := float64(now-b.at) * rate; back >= float64(b.level) {
			b.level, b.at = 0, now
		} else if whole := uint32(back); whole > 0 {
			b.level -= whole
			b.at = min(now, b.at+uint32(float64(whole)/rate))
		}
	}
	if b.level+cost > burst {
		return false
	}
	b.level += cost
	return true
}
