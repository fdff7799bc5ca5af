package invoice

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// bitcoin in millisatoshis, and what a multiplier letter leaves of it; pico, a tenth of a millisatoshi, is apart.
const bitcoin lnwire.MilliSatoshi = 100_000_000_000

var multipliers = []struct {
	letter string
	unit   lnwire.MilliSatoshi
}{{"", bitcoin}, {"m", bitcoin / 1000}, {"u", bitcoin / 1_000_000}, {"n", bitcoin / 1_000_000_000}}

// formatAmount writes the shortest form: BOLT 11, "by using the largest multiplier or omitting the multiplier."
func formatAmount(a lnwire.MilliSatoshi) (string, error) {
	if a == 0 || a > lnwire.MaxMilliSatoshi {
		return "", fmt.Errorf("%w: %v", ErrAmount, a)
	}
	for _, m := range multipliers {
		if a%m.unit == 0 {
			return strconv.FormatUint(uint64(a/m.unit), 10) + m.letter, nil
		}
	}
	// "If the p multiplier is used the last decimal of amount MUST be 0."
	return strconv.FormatUint(uint64(a), 10) + "0p", nil
}

// parseAmount reads a number and an optional multiplier; nil where there is neither.
func parseAmount(s string) (*lnwire.MilliSatoshi, error) {
	if s == "" {
		return nil, nil
	}
	digits, letter := strings.TrimRight(s, "munp"), ""
	if len(s)-len(digits) > 1 {
		return nil, fmt.Errorf("%w: %q", ErrAmount, s)
	}
	letter = s[len(digits):]
	unit := lnwire.MilliSatoshi(1)
	if letter == "p" {
		// "if multiplier is p and the last decimal of amount is not 0: MUST fail the payment."
		whole, ok := strings.CutSuffix(digits, "0")
		if !ok {
			return nil, fmt.Errorf("%w: %q is no whole number of millisatoshis", ErrAmount, s)
		}
		digits = whole
	}
	for _, m := range multipliers {
		if m.letter == letter {
			unit = m.unit
		}
	}
	// "amount as a positive decimal integer with no leading 0s"; ParseUint would take a sign of neither kind.
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || digits[0] == '0' || n > uint64(lnwire.MaxMilliSatoshi/unit) {
		return nil, fmt.Errorf("%w: %q", ErrAmount, s)
	}
	a := lnwire.MilliSatoshi(n) * unit
	return &a, nil
}
