package curve

import "errors"

var (
	// ErrInfinity: a sum or product is the point at infinity, which is no key.
	ErrInfinity = errors.New("point at infinity")
	// ErrNoPoint: the bytes are no compressed point.
	ErrNoPoint = errors.New("not a point of the curve")
)
