package wallet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	// ErrInsufficientFunds: the coins that may be spent do not reach; the wrapped text has both amounts.
	ErrInsufficientFunds = errors.New("insufficient funds")
	// ErrReserved: the coins would reach, but not without the reserve for anchor channels.
	ErrReserved = errors.New("the reserve for anchor channels would be spent")
	// ErrDust: an output is too small to be relayed.
	ErrDust = errors.New("output is dust")
	// ErrTooLarge: the transaction would be too heavy to be relayed.
	ErrTooLarge = errors.New("transaction is too large")
)

// Coin is an unspent output of the wallet.
type Coin struct {
	OutPoint wire.OutPoint
	Amount   btcutil.Amount
	Script   []byte
	Address  string
	Type     AddressType
	Confs    int32 // 0: unconfirmed
}

// Weights of BIP 141, with a signature of 72 bytes at most.
const (
	inputWeight  = 4 * (32 + 4 + 4 + 1)              // outpoint, sequence, empty script
	p2wpkhWeight = inputWeight + 1 + 1 + 72 + 1 + 33 // count, signature, key
	p2trWeight   = inputWeight + 1 + 1 + 64          // count, signature
	p2trOutput   = 4 * (8 + 1 + 34)

	// maxWeight is what nodes relay.
	maxWeight = 400_000
	// dustRate is what nodes think that spending an output costs, per 1000 bytes.
	dustRate = 3000
)

func (c Coin) weight() int64 {
	if c.Type == P2TR {
		return p2trWeight
	}
	return p2wpkhWeight
}

// worth of a coin is what it adds at a fee rate: its amount less what spending it costs.
func (c Coin) worth(rate lnwire.FeePerKW) btcutil.Amount { return c.Amount - feeUp(rate, c.weight()) }

// feeUp rounds up, so that a sum of parts never pays less than the whole needs.
func feeUp(rate lnwire.FeePerKW, weight int64) btcutil.Amount {
	return btcutil.Amount((int64(rate)*weight + 999) / 1000)
}

func outputWeight(out *wire.TxOut) int64 { return 4 * int64(out.SerializeSize()) }

// baseWeight of a segwit transaction: version, marker, flag, lock time, and counts up to 65535 inputs and outputs.
func baseWeight(inputs, outputs int) int64 {
	return 4*int64(4+wire.VarIntSerializeSize(uint64(inputs))+wire.VarIntSerializeSize(uint64(outputs))+4) + 2
}

// dustLimit of a segwit output, as nodes have it: three times the cost of spending 67 virtual bytes and itself.
func dustLimit(script []byte) btcutil.Amount {
	size := int64(8+wire.VarIntSerializeSize(uint64(len(script)))+len(script)) + 67
	if t := scriptType(script); t == 0 && len(script) > 0 && len(script) < 26 && script[0] != 0 {
		size += 148 - 67 // the older, heavier inputs
	}
	return btcutil.Amount(size * dustRate / 1000)
}

// payment is what a selection is for.
type payment struct {
	outputs   []wire.TxOut
	all       bool           // outputs[0] takes everything that is left, up to limit where that is not 0
	limit     btcutil.Amount // with all
	rate      lnwire.FeePerKW
	exact     bool           // spend exactly the coins offered
	keep      btcutil.Amount // must remain in the wallet
	elsewhere btcutil.Amount // the wallet's other coins, which count toward keep
}

// selection is the answer: a transaction's inputs, outputs and fee. change is nil, or the amount of an output to ourselves.
type selection struct {
	coins  []Coin
	amount btcutil.Amount // of outputs[0] with all
	change btcutil.Amount // 0: none
	fee    btcutil.Amount
}

// choose picks coins for p: the single smallest coin that suffices, else the most valuable ones. It is a pure function.
func choose(coins []Coin, p payment) (*selection, error) {
	for i := range p.outputs {
		if p.all && i == 0 {
			continue
		}
		if btcutil.Amount(p.outputs[i].Value) < dustLimit(p.outputs[i].PkScript) {
			return nil, fmt.Errorf("%w: %v", ErrDust, btcutil.Amount(p.outputs[i].Value))
		}
		if p.outputs[i].Value > btcutil.MaxSatoshi {
			return nil, fmt.Errorf("%w: %v is more than exists", ErrInsufficientFunds, btcutil.Amount(p.outputs[i].Value))
		}
	}
	total := p.elsewhere
	for _, c := range coins {
		total += c.Amount
	}
	if p.all {
		return p.sweep(coins, total)
	}
	s, err := p.pick(coins)
	if err != nil {
		return nil, err
	}
	if left := total - sum(s.coins) + s.change; left < p.keep {
		return nil, fmt.Errorf("%w: %v would be left of %v", ErrReserved, left, p.keep)
	}
	return s, nil
}

func sum(coins []Coin) (total btcutil.Amount) {
	for _, c := range coins {
		total += c.Amount
	}
	return total
}

// pick finds the coins of an ordinary payment.
func (p payment) pick(coins []Coin) (*selection, error) {
	ordered := slices.Clone(coins)
	slices.SortStableFunc(ordered, func(a, b Coin) int {
		return cmp.Or(cmp.Compare(b.worth(p.rate), a.worth(p.rate)), compareOutPoints(a.OutPoint, b.OutPoint))
	})
	if p.exact {
		if s := p.settle(ordered); s != nil {
			return p.checked(s)
		}
		return nil, p.short(ordered)
	}
	for i := len(ordered) - 1; i >= 0; i-- { // the smallest that does it alone
		if s := p.settle(ordered[i : i+1]); s != nil {
			return p.checked(s)
		}
	}
	for n := 2; n <= len(ordered) && ordered[n-1].worth(p.rate) > 0; n++ {
		if s := p.settle(ordered[:n]); s != nil {
			return p.checked(s)
		}
	}
	return nil, p.short(ordered)
}

func (p payment) checked(s *selection) (*selection, error) {
	if p.weight(s.coins, s.change > 0) > maxWeight {
		return nil, fmt.Errorf("%w: %d inputs", ErrTooLarge, len(s.coins))
	}
	return s, nil
}

func (p payment) short(coins []Coin) error {
	var want btcutil.Amount
	for _, out := range p.outputs {
		want += btcutil.Amount(out.Value)
	}
	return fmt.Errorf("%w: %v available of %v and the fee", ErrInsufficientFunds, sum(coins), want)
}

func (p payment) weight(coins []Coin, change bool) int64 {
	n := len(p.outputs)
	w := int64(0)
	for i := range p.outputs {
		w += outputWeight(&p.outputs[i])
	}
	if change {
		n++
		w += p2trOutput
	}
	for _, c := range coins {
		w += c.weight()
	}
	return w + baseWeight(len(coins), n)
}

// settle works change and fee out, and returns nil where the coins do not reach. A change output that is worth less
// than it costs goes to the fee.
func (p payment) settle(coins []Coin) *selection {
	left := sum(coins)
	for _, out := range p.outputs {
		left -= btcutil.Amount(out.Value)
	}
	s := &selection{coins: coins}
	if rest := left - feeUp(p.rate, p.weight(coins, true)); rest >= changeLimit(p.rate) {
		s.change, s.fee = rest, left-rest
		return s
	}
	if left < feeUp(p.rate, p.weight(coins, false)) {
		return nil
	}
	s.fee = left
	return s
}

// changeLimit is the smallest change worth making: above dust, and above what it will cost to spend.
func changeLimit(rate lnwire.FeePerKW) btcutil.Amount {
	return max(330, feeUp(rate, p2trWeight)) // 330 is the dust limit of P2TR
}

// sweep spends all coins that are worth their fee to outputs[0], but for the reserve, which returns to the wallet.
func (p payment) sweep(coins []Coin, total btcutil.Amount) (*selection, error) {
	s := new(selection)
	for _, c := range coins {
		if p.exact || c.worth(p.rate) > 0 {
			s.coins = append(s.coins, c)
		}
	}
	left := sum(s.coins)
	for i := 1; i < len(p.outputs); i++ {
		left -= btcutil.Amount(p.outputs[i].Value)
	}
	if back := p.keep - (total - sum(s.coins)); back > 0 {
		s.change = max(back, changeLimit(p.rate))
	}
	s.amount = left - s.change - feeUp(p.rate, p.weight(s.coins, s.change > 0))
	if p.limit > 0 && s.amount > p.limit {
		s.amount = p.limit
		capped := payment{outputs: slices.Clone(p.outputs), rate: p.rate, exact: p.exact, keep: p.keep, elsewhere: p.elsewhere}
		capped.outputs[0].Value = int64(p.limit)
		r, err := choose(coins, capped)
		if err != nil {
			return nil, err
		}
		r.amount = p.limit
		return r, nil
	}
	if s.amount < dustLimit(p.outputs[0].PkScript) {
		if s.change > 0 {
			return nil, fmt.Errorf("%w: %v of %v", ErrReserved, p.keep, total)
		}
		return nil, fmt.Errorf("%w: %v available", ErrInsufficientFunds, sum(coins))
	}
	s.fee = left - s.change - s.amount
	return p.checked(s)
}

func compareOutPoints(a, b wire.OutPoint) int {
	return cmp.Or(slices.Compare(a.Hash[:], b.Hash[:]), cmp.Compare(a.Index, b.Index))
}
