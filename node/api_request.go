package node

import (
	"sync"

	"github.com/fulmen-ln/fulmen/invoice"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
)

// extras is what a payment request says that the invoice's record does not repeat.
type extras struct {
	descriptionHash []byte
	fallback        string
	hints           [][]rpc.HopHint
	features        lnwire.FeatureVector
}

func newExtras(inv *invoice.Invoice) extras {
	x := extras{features: inv.Features}
	if inv.DescriptionHash != nil {
		x.descriptionHash = inv.DescriptionHash[:]
	}
	for _, f := range inv.Fallbacks {
		if addr, err := f.Address(inv.Network); err == nil { // of a version that has no address yet: the next one may
			x.fallback = addr.EncodeAddress()
			break
		}
	}
	for _, hint := range inv.Hints {
		var hops []rpc.HopHint
		for _, h := range hint {
			hops = append(hops, rpc.HopHint{Node: h.Node, ID: h.SCID, BaseFee: h.FeeBase, PPM: h.FeeRate, CLTVDelta: h.CLTVDelta})
		}
		x.hints = append(x.hints, hops)
	}
	return x
}

// maxCachedRequests bounds requestCache: enough for the invoices that are open at a time.
const maxCachedRequests = 16_384

// requestCache spares the decoding of requests, whose signatures are the most expensive part of showing an invoice.
type requestCache struct {
	mu   sync.Mutex
	most int
	byID map[lnwire.Hash]extras
	ring []lnwire.Hash // in the order of put
	next int           // the oldest, once the ring is full
}

func newRequestCache(most int) *requestCache {
	return &requestCache{most: most, byID: make(map[lnwire.Hash]extras)}
}

func (c *requestCache) get(hash lnwire.Hash) (extras, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.byID[hash]
	return x, ok
}

// put adds x in the place of the oldest.
func (c *requestCache) put(hash lnwire.Hash, x extras) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[hash]; ok {
		c.byID[hash] = x
		return
	}
	if len(c.ring) < c.most {
		c.ring = append(c.ring, hash)
	} else {
		delete(c.byID, c.ring[c.next])
		c.ring[c.next] = hash
		c.next = (c.next + 1) % c.most
	}
	c.byID[hash] = x
}
