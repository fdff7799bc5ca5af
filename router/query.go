package router

import "github.com/fulmen-ln/fulmen/lnwire"

// BuildRoute makes the cheapest route through exactly these nodes (LND's BuildRoute); the last is the destination.
// Of r, Source, Amount (0: the least that all hops carry), Height, FinalCLTV, Local and Outgoing matter.
func BuildRoute(s *Snapshot, r *Request, nodes []lnwire.PubKey, est Estimator) (*Route, error) {
	panic("stub")
}

// Probability that amount passes from one node to its neighbour, over the best of their channels.
func Probability(s *Snapshot, from, to lnwire.PubKey, amount lnwire.MilliSatoshi, est Estimator) float64 {
	panic("stub")
}
