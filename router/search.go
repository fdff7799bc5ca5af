package router

// FindRoute returns the route of least cost (fee, locked time and unreliability weighed by Request.TimePref).
// It fails with ErrBadRequest, ErrUnknownNode, ErrFeatures, ErrNoRoute, ErrFeeLimit or ErrInsufficient.
func FindRoute(s *Snapshot, r *Request, est Estimator) (*Route, error) { panic("stub") }
