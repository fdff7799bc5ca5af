package wallet

import "github.com/btcsuite/btcd/btcutil/v2"

// Reserve is what stays on chain so that a commitment transaction can be paid for through its anchor when fees have
// risen: a zero-fee HTLC channel without coins beside it cannot be closed in time.
type Reserve struct {
	PerChannel, Max btcutil.Amount // Max negative: no reserve
}

// DefaultReserve is 10,000 sat per anchor channel, 100,000 sat at most.
var DefaultReserve = Reserve{PerChannel: 10_000, Max: 100_000}

// For n open anchor channels.
func (r Reserve) For(n int64) btcutil.Amount {
	if r.Max <= 0 || r.PerChannel <= 0 || n <= 0 {
		return 0
	}
	if n > int64(r.Max/r.PerChannel) {
		return r.Max
	}
	return r.PerChannel * btcutil.Amount(n)
}

// SetAnchorChannels tells how many anchor channels are open or opening, for the reserve.
func (w *Wallet) SetAnchorChannels(n int) { w.anchors.Store(int64(n)) }

// Reserved is what is kept at present.
func (w *Wallet) Reserved() btcutil.Amount { return w.cfg.Reserve.For(w.anchors.Load()) }

// RequiredReserve is what would be kept with more channels.
func (w *Wallet) RequiredReserve(additional int) btcutil.Amount {
	return w.cfg.Reserve.For(w.anchors.Load() + int64(additional))
}
