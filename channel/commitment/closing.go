package commitment

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

var (
	// ErrClosingFee: the payer's balance does not cover the fee, or the fee is negative.
	ErrClosingFee = errors.New("closing fee exceeds the payer's balance")
	// ErrClosingEmpty: all outputs are dust.
	ErrClosingEmpty = errors.New("closing transaction without outputs")
	// ErrNotClosing: a transaction that is no closing transaction of this channel.
	ErrNotClosing = errors.New("not a closing transaction")
)

// Closing makes the closing transaction of closing_signed (BOLT 3: Legacy Closing Transaction). balances are those of the
// last commitments in whole satoshis, rounded down, before the fee, which payer (the opener) pays. An output below its
// owner's dust limit is omitted.
func Closing(p *Params, scripts [2][]byte, balances [2]btcutil.Amount, fee btcutil.Amount, payer Side) (*wire.MsgTx, error) {
	amounts, err := closingAmounts(p, balances, fee, payer)
	if err != nil {
		return nil, err
	}
	var keep [2]bool
	for side := range keep {
		keep[side] = amounts[side] >= p.Parties[side].DustLimit
	}
	return closingTx(p, scripts, amounts, keep)
}

// ClosingVariants are all closing transactions that the peer may have signed, the one of Closing first.
// BOLT 3: "MUST remove any output below its own dust_limit_satoshis. MAY eliminate its own output": the peer may leave out
// its own output whatever it is worth, ours only where it is dust for one of us.
func ClosingVariants(p *Params, scripts [2][]byte, balances [2]btcutil.Amount, fee btcutil.Amount, payer Side) ([]*wire.MsgTx, error) {
	amounts, err := closingAmounts(p, balances, fee, payer)
	if err != nil {
		return nil, err
	}
	low := min(p.Parties[Local].DustLimit, p.Parties[Remote].DustLimit)
	high := max(p.Parties[Local].DustLimit, p.Parties[Remote].DustLimit)
	var first [2]bool
	for side := range first {
		first[side] = amounts[side] >= p.Parties[side].DustLimit
	}
	var variants []*wire.MsgTx
	for _, keep := range [][2]bool{first, {true, true}, {true, false}, {false, true}} {
		if keep == first && len(variants) > 0 ||
			keep[Local] && amounts[Local] < low || keep[Remote] && amounts[Remote] < low ||
			!keep[Local] && amounts[Local] >= high {
			continue
		}
		tx, err := closingTx(p, scripts, amounts, keep)
		if errors.Is(err, ErrClosingEmpty) {
			continue
		}
		if err != nil {
			return nil, err
		}
		variants = append(variants, tx)
	}
	if len(variants) == 0 {
		return nil, ErrClosingEmpty
	}
	return variants, nil
}

// closingAmounts takes the fee from the payer. BOLT 3: "MUST subtract the fee given by fee_satoshis from the output to the funder."
func closingAmounts(p *Params, balances [2]btcutil.Amount, fee btcutil.Amount, payer Side) ([2]btcutil.Amount, error) {
	if fee < 0 || balances[payer] < fee {
		return balances, ErrClosingFee
	}
	if balances[Local] < 0 || balances[Remote] < 0 || balances[Local] > p.Capacity-balances[Remote] {
		return balances, ErrUnbalanced
	}
	balances[payer] -= fee
	return balances, nil
}

func closingTx(p *Params, scripts [2][]byte, amounts [2]btcutil.Amount, keep [2]bool) (*wire.MsgTx, error) {
	tx := &wire.MsgTx{
		Version: 2,
		TxIn:    []*wire.TxIn{{PreviousOutPoint: p.Funding, Sequence: wire.MaxTxInSequenceNum}},
	}
	for side := range keep {
		if keep[side] && amounts[side] > 0 {
			tx.TxOut = append(tx.TxOut, wire.NewTxOut(int64(amounts[side]), scripts[side]))
		}
	}
	if len(tx.TxOut) == 0 {
		return nil, ErrClosingEmpty
	}
	slices.SortFunc(tx.TxOut, func(a, b *wire.TxOut) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), bytes.Compare(a.PkScript, b.PkScript))
	})
	return tx, nil
}

// IsClosing says whether tx spends our funding output, and nothing else, in another way than a commitment does.
func IsClosing(p *Params, tx *wire.MsgTx) bool {
	if len(tx.TxIn) != 1 || tx.TxIn[0].PreviousOutPoint != p.Funding {
		return false
	}
	_, commitment := p.NumberOf(tx)
	return !commitment
}

// fundingWitnessWeight is that of "0 <sig> <sig> <script>" (BOLT 3, Appendix A: "witness: 222 bytes").
const fundingWitnessWeight = 222

// ClosingWeight is the expected weight of a closing transaction that pays to the scripts; a nil one has no output.
func ClosingWeight(scripts [2][]byte) int64 {
	size := 4 + 1 + 41 + 1 + 4 // version, counts, input, locktime
	for _, s := range scripts {
		if s != nil {
			size += 8 + 1 + len(s)
		}
	}
	return int64(4*size + 2 + fundingWitnessWeight)
}

// ValidShutdownScript says whether script may stand in shutdown, or as upfront_shutdown_script. anySegwit:
// option_shutdown_anysegwit is negotiated. BOLT 2: "MUST set scriptpubkey in one of the following forms: [...]".
func ValidShutdownScript(script []byte, anySegwit bool) bool {
	if len(script) < 4 || len(script) > 42 || int(script[1]) != len(script)-2 {
		return false
	}
	switch version := script[0]; {
	case version == txscript.OP_0:
		return script[1] == 20 || script[1] == 32
	case version >= txscript.OP_1 && version <= txscript.OP_16:
		return anySegwit // "followed by a single push of 2 to 40 bytes"
	default:
		return false
	}
}
