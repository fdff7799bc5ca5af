package wallet

import (
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	wpkhScript = append([]byte{0x00, 0x14}, make([]byte, 20)...)
	trScript   = append([]byte{0x51, 0x20}, make([]byte, 32)...)
	wshScript  = append([]byte{0x00, 0x20}, make([]byte, 32)...)
)

// coinsOf makes P2WPKH coins; the index tells them apart.
func coinsOf(amounts ...btcutil.Amount) []Coin {
	coins := make([]Coin, len(amounts))
	for i, a := range amounts {
		coins[i] = Coin{OutPoint: wire.OutPoint{Index: uint32(i)}, Amount: a, Script: wpkhScript, Type: P2WPKH, Confs: 1}
	}
	return coins
}

func pay(amount btcutil.Amount) []wire.TxOut {
	return []wire.TxOut{{Value: int64(amount), PkScript: wshScript}}
}

func TestDustLimitsAreThoseOfNodes(t *testing.T) {
	require.EqualValues(t, 294, dustLimit(wpkhScript))
	require.EqualValues(t, 330, dustLimit(trScript))
	require.EqualValues(t, 330, dustLimit(wshScript))
	p2pkh := append([]byte{0x76, 0xa9, 0x14}, make([]byte, 22)...)
	p2sh := append([]byte{0xa9, 0x14}, make([]byte, 21)...)
	require.EqualValues(t, 546, dustLimit(p2pkh))
	require.EqualValues(t, 540, dustLimit(p2sh))
}

func TestTheSmallestSufficientCoinIsTaken(t *testing.T) {
	s, err := choose(coinsOf(500_000, 40_000, 60_000, 30_000), payment{outputs: pay(50_000), rate: 253})
	require.NoError(t, err)
	require.Equal(t, coinsOf(500_000, 40_000, 60_000)[2:], s.coins)
	require.Equal(t, btcutil.Amount(60_000), 50_000+s.change+s.fee)
}

func TestTheMostValuableCoinsAreJoinedWhereOneDoesNotReach(t *testing.T) {
	s, err := choose(coinsOf(10_000, 40_000, 30_000), payment{outputs: pay(60_000), rate: 253})
	require.NoError(t, err)
	require.Len(t, s.coins, 2)
	require.Equal(t, btcutil.Amount(70_000), sum(s.coins))
}

func TestAmountsAtTheLimit(t *testing.T) {
	p := payment{outputs: pay(50_000), rate: 253}
	exact := 50_000 + feeUp(253, p.weight(coinsOf(1), false))
	s, err := choose(coinsOf(exact), p)
	require.NoError(t, err)
	require.Zero(t, s.change)
	require.Equal(t, exact-50_000, s.fee)
	_, err = choose(coinsOf(exact-1), p)
	require.ErrorIs(t, err, ErrInsufficientFunds)

	_, err = choose(coinsOf(exact), payment{outputs: pay(329), rate: 253})
	require.ErrorIs(t, err, ErrDust)
	_, err = choose(coinsOf(exact), payment{outputs: pay(330), rate: 253})
	require.NoError(t, err)
}

func TestAmountsCannotWrap(t *testing.T) {
	coins := coinsOf(100_000)
	for _, a := range []int64{-1, btcutil.MaxSatoshi + 1, 1<<63 - 1} {
		_, err := choose(coins, payment{outputs: pay(btcutil.Amount(a)), rate: 253})
		require.Error(t, err)
	}
	many := append(pay(btcutil.MaxSatoshi), pay(btcutil.MaxSatoshi)...)
	_, err := choose(coins, payment{outputs: many, rate: 253})
	require.ErrorIs(t, err, ErrInsufficientFunds)
}

func TestTheReserveStays(t *testing.T) {
	coins := coinsOf(100_000)
	_, err := choose(coins, payment{outputs: pay(90_500), rate: 253, keep: 10_000})
	require.ErrorIs(t, err, ErrReserved)
	_, err = choose(coins, payment{outputs: pay(90_500), rate: 253, keep: 10_000, elsewhere: 10_000})
	require.NoError(t, err)
	s, err := choose(coins, payment{outputs: pay(0), all: true, rate: 253, keep: 10_000})
	require.NoError(t, err)
	require.EqualValues(t, 10_000, s.change)
	require.EqualValues(t, 100_000, s.amount+s.change+s.fee)
	_, err = choose(coins, payment{outputs: pay(0), all: true, rate: 253, keep: 100_000})
	require.ErrorIs(t, err, ErrReserved)
}

func TestSendAllLeavesWhatCostsMoreThanItIsWorth(t *testing.T) {
	s, err := choose(coinsOf(100_000, 500, 20_000), payment{outputs: pay(0), all: true, rate: 2500})
	require.NoError(t, err)
	require.Len(t, s.coins, 2)
	require.EqualValues(t, 120_000, s.amount+s.fee)
	require.Zero(t, s.change)
	s, err = choose(coinsOf(100_000, 20_000), payment{outputs: pay(0), all: true, limit: 50_000, rate: 253})
	require.NoError(t, err)
	require.EqualValues(t, 50_000, s.amount)
	_, err = choose(coinsOf(400), payment{outputs: pay(0), all: true, rate: 253})
	require.ErrorIs(t, err, ErrInsufficientFunds)
}

func TestNamedCoinsAreAllSpent(t *testing.T) {
	s, err := choose(coinsOf(100_000, 500, 20_000), payment{outputs: pay(10_000), exact: true, rate: 2500})
	require.NoError(t, err)
	require.Len(t, s.coins, 3)
}

func TestATransactionThatIsTooLargeIsRefused(t *testing.T) {
	n := (maxWeight - 4*(10+43+43)) / p2wpkhWeight
	amounts := make([]btcutil.Amount, n+10)
	for i := range amounts {
		amounts[i] = 10_000
	}
	_, err := choose(coinsOf(amounts[:n-1]...), payment{outputs: pay(0), all: true, rate: 253})
	require.NoError(t, err)
	_, err = choose(coinsOf(amounts...), payment{outputs: pay(0), all: true, rate: 253})
	require.ErrorIs(t, err, ErrTooLarge)
}

func TestTheReserveGrowsToItsMaximum(t *testing.T) {
	for n, want := range map[int64]btcutil.Amount{-1: 0, 0: 0, 1: 10_000, 9: 90_000, 10: 100_000, 11: 100_000, 1 << 60: 100_000} {
		require.Equal(t, want, DefaultReserve.For(n), n)
	}
	require.Zero(t, Reserve{PerChannel: 10_000, Max: -1}.For(5))
}

// Whatever is chosen balances, pays at least the rate, and at most the rate, dust and a change's cost.
func TestEverySelectionBalances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(300, 1_000_000), 0, 30).Draw(t, "coins")
		coins := make([]btcutil.Amount, len(amounts))
		for i, a := range amounts {
			coins[i] = btcutil.Amount(a)
		}
		p := payment{
			outputs: pay(btcutil.Amount(rapid.Int64Range(330, 3_000_000).Draw(t, "amount"))),
			rate:    lnwire.FeePerKW(rapid.Uint32Range(253, 50_000).Draw(t, "rate")),
			all:     rapid.Bool().Draw(t, "all"),
			keep:    btcutil.Amount(rapid.Int64Range(0, 20_000).Draw(t, "keep")),
		}
		s, err := choose(coinsOf(coins...), p)
		if err != nil {
			return
		}
		paid := btcutil.Amount(p.outputs[0].Value)
		if p.all {
			paid = s.amount
		}
		if sum(s.coins) != paid+s.change+s.fee {
			t.Fatalf("%v in, %v out", sum(s.coins), paid+s.change+s.fee)
		}
		least := feeUp(p.rate, p.weight(s.coins, s.change > 0))
		if s.fee < least || s.fee > least+changeLimit(p.rate)+feeUp(p.rate, p2trOutput+4) {
			t.Fatalf("fee %v where %v is due", s.fee, least)
		}
		if s.change != 0 && s.change < 330 {
			t.Fatalf("change %v is dust", s.change)
		}
		if left := sum(coinsOf(coins...)) - sum(s.coins) + s.change; left < p.keep {
			t.Fatalf("%v left of a reserve of %v", left, p.keep)
		}
	})
}
