package channel

import (
	"errors"
	"fmt"
)

// ErrRefused: a local command was impossible. It is wrapped with the reason; machine and effects are unchanged.
var ErrRefused = errors.New("refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Action is what follows a violation.
type Action uint8

const (
	Warn  Action = iota + 1 // a warning is sent and the connection closed; the channel lives on
	Close                   // an error is sent and the channel failed
)

// Violation is a message of the peer that breaks a BOLT. Text says what, in words for the peer.
type Violation struct {
	Action Action
	Text   string
}

func (v *Violation) Error() string { return v.Text }

func warn(format string, args ...any) *Violation {
	return &Violation{Action: Warn, Text: fmt.Sprintf(format, args...)}
}

func failure(format string, args ...any) *Violation {
	return &Violation{Action: Close, Text: fmt.Sprintf(format, args...)}
}
