// Package build says which Fulmen this is.
package build

// Version is set by the linker (see Makefile); a plain `go build` leaves it at dev.
var Version = "dev"

// APIVersion is the LND version whose API this node speaks; clients gate their features on it.
const APIVersion = "0.21.2-beta"
