package commitment

// Format is the kind of a channel's transactions.
type Format uint8

const (
	Anchors         Format = iota + 1 // option_anchors: HTLC transactions carry no fee
	StaticRemoteKey                   // without anchors: only BOLT 3's vectors use it
)
