package router

import "github.com/fulmen-ln/fulmen/lnwire"

// SplitLimits bound the parts of a payment.
type SplitLimits struct {
	Parts   int                 // most parts, those in flight not counted; 0: 16
	MinPart lnwire.MilliSatoshi // no part is smaller, unless the whole amount is; 0: 10,000 sat
	MaxPart lnwire.MilliSatoshi // no part is larger; 0: no limit
}

// Split finds routes whose amounts add up to r.Amount, as few as it can. FeeLimit is for all of them together.
func Split(s *Snapshot, r *Request, est Estimator, limits SplitLimits) ([]*Route, error) {
	panic("stub")
}
