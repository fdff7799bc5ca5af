package htlc

import (
	"encoding/binary"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Prefix is what all keys of this package begin with. Numbers in keys are big-endian, so that the store's order is theirs:
//
//	h/c                               counters
//	h/f/ time(8)                      one forward that was settled; time in nanoseconds, each its own
//	h/i/ hash                         invoice
//	h/ia/ add_index(8)                → hash
//	h/is/ settle_index(8)             → hash
//	h/io/ hash                        the invoice is open or accepted: it is loaded at start
//	h/k/ period(4) hash               preimage that a channel learnt; period is height/preimagePeriod
//	h/p/ hash                         payment
//	h/pa/ hash id(8)                  attempt
//	h/pi/ index(8)                    → hash
//	h/po/ hash                        the payment is in flight: it is loaded at start
//	h/r/ until(4) id(8)               onion that was seen; until is a height
const Prefix = "h/"

const (
	keyCounters     = Prefix + "c"
	keyForward      = Prefix + "f/"
	keyInvoice      = Prefix + "i/"
	keyAddIndex     = Prefix + "ia/"
	keySettleIndex  = Prefix + "is/"
	keyOpenInvoice  = Prefix + "io/"
	keyPreimage     = Prefix + "k/"
	keyPayment      = Prefix + "p/"
	keyAttempt      = Prefix + "pa/"
	keyPaymentIndex = Prefix + "pi/"
	keyOpenPayment  = Prefix + "po/"
	keyReplay       = Prefix + "r/"
)

// preimagePeriod is how many blocks share a period of preimages, and preimagePeriods how many are kept: longer than any forward can last.
const (
	preimagePeriod  = 288
	preimagePeriods = 2*MaxCLTV/preimagePeriod + 1
)

func hashKey(prefix string, hash lnwire.Hash) []byte { return append([]byte(prefix), hash[:]...) }

func indexKey(prefix string, index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefix), index)
}

func invoiceKey(hash lnwire.Hash) []byte     { return hashKey(keyInvoice, hash) }
func openInvoiceKey(hash lnwire.Hash) []byte { return hashKey(keyOpenInvoice, hash) }
func addIndexKey(index uint64) []byte        { return indexKey(keyAddIndex, index) }
func settleIndexKey(index uint64) []byte     { return indexKey(keySettleIndex, index) }
func paymentKey(hash lnwire.Hash) []byte     { return hashKey(keyPayment, hash) }
func openPaymentKey(hash lnwire.Hash) []byte { return hashKey(keyOpenPayment, hash) }
func paymentIndexKey(index uint64) []byte    { return indexKey(keyPaymentIndex, index) }
func forwardKey(nanos uint64) []byte         { return indexKey(keyForward, nanos) }

func attemptKey(hash lnwire.Hash, id uint64) []byte {
	return binary.BigEndian.AppendUint64(hashKey(keyAttempt, hash), id)
}

func replayKey(until uint32, id uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte(keyReplay), until), id)
}

func preimageKey(period uint32, hash lnwire.Hash) []byte {
	return append(binary.BigEndian.AppendUint32([]byte(keyPreimage), period), hash[:]...)
}

// after is the least key above all that begin with prefix.
func after(prefix string) []byte {
	b := []byte(prefix)
	b[len(b)-1]++
	return b
}

// PreimageRecord is what the peer loop writes in the batch in which a channel reports o, so that the preimage is durable no later than the
// HTLC's removal. ok is false where o has no preimage.
func PreimageRecord(o *channel.Outcome, height lnwire.Height) (r Record, ok bool) {
	if o.Preimage == nil {
		return Record{}, false
	}
	return Record{preimageKey(uint32(height)/preimagePeriod, o.Hash), append([]byte{recordVersion}, o.Preimage[:]...)}, true
}
