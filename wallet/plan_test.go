package wallet

import (
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

const now lnwire.Height = 1000

var flat = Rates{{1, 2000}, {6, 1500}, {12, 1000}, {72, 500}}

// claim n of a channel, of a weight like to_local's.
func claim(n int, channel byte, amount btcutil.Amount, deadline lnwire.Height) resolve.Claim {
	return resolve.Claim{
		Channel: lnwire.ChannelID{channel}, OutPoint: wire.OutPoint{Index: uint32(n)},
		Output: wire.TxOut{Value: int64(amount), PkScript: wshScript}, Sequence: replaceable, WitnessWeight: 160,
		Confirmed: 900, Deadline: deadline,
	}
}

// pairedClaim is an HTLC transaction of a zero-fee channel.
func pairedClaim(n int, channel byte, amount btcutil.Amount, lockTime uint32, deadline lnwire.Height) resolve.Claim {
	c := claim(n, channel, amount, deadline)
	c.Paired, c.LockTime = &wire.TxOut{Value: int64(amount), PkScript: wshScript}, lockTime
	return c
}

func anchor(n int, deadline lnwire.Height, parentFee btcutil.Amount) resolve.Claim {
	c := claim(n, 1, 330, deadline)
	c.Confirmed, c.Parent = 0, &resolve.Parent{Weight: 1116, Fee: parentFee}
	return c
}

func published(s *sweep) *sweep {
	s.tx, s.paid, s.script = wire.NewMsgTx(2), s.fee, trScript
	return s
}

// shape tells of each sweep its claims (by index) and its number of coins.
func shape(sweeps []*sweep) (groups [][]int, coins []int) {
	for _, s := range sweeps {
		var g []int
		for _, c := range s.claims {
			g = append(g, int(c.OutPoint.Index))
		}
		groups = append(groups, g)
		coins = append(coins, len(s.coins))
	}
	return groups, coins
}

func TestClaimsAreBatchedByDeadlineAndLock(t *testing.T) {
	sealed := pairedClaim(1, 1, 50_000, 990, 1100)
	sealed.Sealed, sealed.Paired = true, &wire.TxOut{Value: 49_000, PkScript: wshScript}
	immature := claim(1, 1, 50_000, 0)
	immature.Sequence = 144
	locked := claim(1, 1, 50_000, 0)
	locked.LockTime = uint32(now)
	later := locked
	later.LockTime++
	for _, v := range []struct {
		name   string
		claims []resolve.Claim
		coins  []Coin
		groups [][]int
		paying []int
		left   map[uint32]Left
	}{
		{name: "nothing", left: map[uint32]Left{}},
		{
			name:   "what is in no hurry goes together, whatever its channel",
			claims: []resolve.Claim{claim(1, 1, 50_000, 0), claim(2, 2, 50_000, 0)},
			groups: [][]int{{1, 2}}, paying: []int{0},
		},
		{
			name:   "what has a deadline goes with its own channel, the most urgent first",
			claims: []resolve.Claim{claim(1, 1, 50_000, 1100), claim(2, 2, 50_000, 1010), claim(3, 1, 50_000, 1200), claim(4, 1, 9_000, 0)},
			groups: [][]int{{2}, {1, 3}, {4}}, paying: []int{0, 0, 0},
		},
		{
			name:   "second-level transactions share their lock time, and are paid for by the wallet",
			claims: []resolve.Claim{pairedClaim(1, 1, 50_000, 990, 1100), pairedClaim(2, 1, 50_000, 991, 1101), pairedClaim(3, 1, 60_000, 990, 1102)},
			coins:  coinsOf(100_000, 200_000),
			groups: [][]int{{1, 3}, {2}}, paying: []int{1, 1},
		},
		{
			name:   "without coins they wait",
			claims: []resolve.Claim{pairedClaim(1, 1, 50_000, 990, 1100)},
			left:   map[uint32]Left{1: NoCoins},
		},
		{
			name:   "a sealed one is alone and needs nothing",
			claims: []resolve.Claim{sealed, pairedClaim(2, 1, 50_000, 990, 1100)}, coins: coinsOf(100_000),
			groups: [][]int{{1}, {2}}, paying: []int{0, 1},
		},
		{
			name: "a relative lock holds", claims: []resolve.Claim{func() resolve.Claim {
				c := immature
				c.Confirmed = now - 142
				return c
			}()}, left: map[uint32]Left{1: Immature},
		},
		{
			name: "and ends", claims: []resolve.Claim{func() resolve.Claim {
				c := immature
				c.Confirmed = now - 143
				return c
			}()}, groups: [][]int{{1}}, paying: []int{0},
		},
		{name: "an absolute lock ends", claims: []resolve.Claim{locked}, groups: [][]int{{1}}, paying: []int{0}},
		{name: "an absolute lock holds", claims: []resolve.Claim{later}, left: map[uint32]Left{1: Immature}},
		{
			name:   "what costs more than it brings is left, and the rest goes",
			claims: []resolve.Claim{claim(1, 1, 150, 0), claim(2, 1, 50_000, 0)},
			groups: [][]int{{2}}, paying: []int{0}, left: map[uint32]Left{1: Uneconomical},
		},
		{
			name:   "at a deadline a poor claim goes alone, at a rate that it can pay",
			claims: []resolve.Claim{claim(1, 1, 600, 1001), claim(2, 1, 50_000, 1001)},
			groups: [][]int{{2}, {1}}, paying: []int{0, 0},
		},
		{
			name: "a commitment that pays too little gets a child", claims: []resolve.Claim{anchor(1, 1001, 300)},
			coins: coinsOf(50_000), groups: [][]int{{1}}, paying: []int{1},
		},
		{
			name: "one that pays enough does not", claims: []resolve.Claim{anchor(1, 1001, 3000)},
			coins: coinsOf(50_000), left: map[uint32]Left{1: Unneeded},
		},
		{
			name: "a child without coins waits", claims: []resolve.Claim{anchor(1, 1001, 300)},
			left: map[uint32]Left{1: NoCoins},
		},
		{
			name:   "two never share a coin",
			claims: []resolve.Claim{pairedClaim(1, 1, 50_000, 990, 1100), pairedClaim(2, 2, 50_000, 990, 1090)},
			coins:  coinsOf(100_000), groups: [][]int{{2}}, paying: []int{1}, left: map[uint32]Left{1: NoCoins},
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			todo, left := plan(situation{height: now, rates: flat, claims: v.claims, coins: v.coins})
			groups, paying := shape(todo)
			require.Equal(t, v.groups, groups)
			require.Equal(t, v.paying, paying)
			got := map[uint32]Left{}
			for op, why := range left {
				got[op.Index] = why
			}
			if v.left == nil {
				v.left = map[uint32]Left{}
			}
			require.Equal(t, v.left, got)
		})
	}
}

func TestABatchIsBounded(t *testing.T) {
	var claims []resolve.Claim
	for i := range maxBatch + 1 {
		claims = append(claims, claim(i, 1, 50_000, 0))
	}
	todo, _ := plan(situation{height: now, rates: flat, claims: claims[:maxBatch]})
	require.Len(t, todo, 1)
	todo, _ = plan(situation{height: now, rates: flat, claims: claims})
	require.Len(t, todo, 2)
	require.Len(t, todo[0].claims, maxBatch)
	require.Len(t, todo[1].claims, 1)
}

func TestTheFeeFollowsTheDeadline(t *testing.T) {
	for deadline, want := range map[lnwire.Height]lnwire.FeePerKW{
		0: 500, now + 500: 500, now + 72: 500, now + 71: 1000, now + 12: 1000, now + 6: 1500, now + 1: 2000, now: 2000, now - 5: 2000,
	} {
		todo, _ := plan(situation{height: now, rates: flat, claims: []resolve.Claim{claim(1, 1, 500_000, deadline)}})
		require.Len(t, todo, 1)
		require.Equal(t, want, todo[0].rate, "deadline %d", deadline)
	}
}

func TestTheFeeRisesNearTheDeadlineAndNeverAboveTheStake(t *testing.T) {
	const amount = 20_000
	c := claim(1, 1, amount, now+nearDeadline+5)
	var running []*sweep
	var last lnwire.FeePerKW
	changes := 0
	for h := now; h < now+80; h++ {
		todo, _ := plan(situation{height: h, rates: flat, claims: []resolve.Claim{c}, running: running})
		if len(todo) == 0 {
			continue
		}
		require.Len(t, todo, 1)
		s := todo[0]
		require.Greater(t, s.rate, last)
		require.Equal(t, btcutil.Amount(amount), s.rest+s.fee)
		require.GreaterOrEqual(t, s.rest, p2trDust)
		if len(running) > 0 {
			require.GreaterOrEqual(t, s.fee, running[0].paid+feeUp(relayStep, s.weight(true)))
		}
		last, running = s.rate, []*sweep{published(s)}
		changes++
	}
	require.Greater(t, changes, 10, "it is raised with each block")
	require.Greater(t, running[0].paid, btcutil.Amount(amount*9/10), "in the end all that is at stake is offered")
}

func TestTheFeeIsNeverLowered(t *testing.T) {
	c := claim(1, 1, 500_000, now+500)
	todo, _ := plan(situation{height: now, rates: Rates{{1, 5000}}, claims: []resolve.Claim{c}})
	first := published(todo[0])
	todo, _ = plan(situation{height: now + 1, rates: flat, claims: []resolve.Claim{c}, running: []*sweep{first}})
	require.Empty(t, todo)
	todo, _ = plan(situation{height: now + 1, rates: Rates{{1, 5100}}, claims: []resolve.Claim{c}, running: []*sweep{first}})
	require.Empty(t, todo, "too small a step for a replacement")
	todo, _ = plan(situation{height: now + 1, rates: Rates{{1, 6000}}, claims: []resolve.Claim{c}, running: []*sweep{first}})
	require.Len(t, todo, 1)
	require.Equal(t, first.script, todo[0].script)
}

func TestACalmSweepKeepsHalf(t *testing.T) {
	todo, _ := plan(situation{height: now, rates: Rates{{1, 100_000}}, claims: []resolve.Claim{claim(1, 1, 60_000, 0)}})
	require.Len(t, todo, 1)
	require.LessOrEqual(t, todo[0].fee, btcutil.Amount(30_000))
}

func TestAConflictFreesTheOthers(t *testing.T) {
	claims := []resolve.Claim{claim(1, 1, 50_000, 1100), claim(2, 1, 50_000, 1100), claim(3, 1, 50_000, 1100)}
	todo, _ := plan(situation{height: now, rates: flat, claims: claims})
	running := []*sweep{published(todo[0])}
	claims = append(claims[:1:1], claims[2])
	whole, broken := dissolve(running, claims)
	require.Empty(t, whole)
	require.Equal(t, running, broken)
	todo, _ = plan(situation{height: now, rates: flat, claims: claims, running: whole})
	groups, _ := shape(todo)
	require.Equal(t, [][]int{{1, 3}}, groups)
}

func TestARunningSweepKeepsItsCoinsAndTakesMore(t *testing.T) {
	c := pairedClaim(1, 1, 500_000, 990, now+10)
	coins := coinsOf(2_000, 200_000, 300_000)
	todo, _ := plan(situation{height: now, rates: flat, claims: []resolve.Claim{c}, coins: coins})
	require.Len(t, todo[0].coins, 1)
	first := published(todo[0])
	require.EqualValues(t, 2_000, first.coins[0].Amount)
	todo, _ = plan(situation{height: now, rates: Rates{{1, 20_000}}, claims: []resolve.Claim{c}, coins: coins[1:], running: []*sweep{first}})
	require.Len(t, todo, 1)
	require.Equal(t, first.coins[0], todo[0].coins[0])
	require.Len(t, todo[0].coins, 2)
	require.Len(t, first.coins, 1, "the plan changes nothing in place")
}

func TestAChildPaysForItsParent(t *testing.T) {
	todo, _ := plan(situation{height: now, rates: flat, claims: []resolve.Claim{anchor(1, 1001, 300)}, coins: coinsOf(50_000)})
	s := todo[0]
	require.GreaterOrEqual(t, s.fee+300, feeUp(2000, 1116+s.weight(true)))
	require.Equal(t, btcutil.Amount(50_330), s.fee+s.rest)
	mad := Rates{{1, 240_000}}
	todo, _ = plan(situation{height: now, rates: mad, claims: []resolve.Claim{anchor(1, 1001, 300)}, coins: coinsOf(5_000_000)})
	require.LessOrEqual(t, todo[0].fee, childBudget)
}

func TestTheOperatorMayRaiseTheFee(t *testing.T) {
	c := claim(1, 1, 500_000, 0)
	todo, _ := plan(situation{
		height: now, rates: flat, claims: []resolve.Claim{c}, floors: map[wire.OutPoint]lnwire.FeePerKW{c.OutPoint: 7000},
	})
	require.EqualValues(t, 7000, todo[0].rate)
}

// For any claims, rates and coins, every transaction balances, keeps to its budget and shares no input.
func TestEveryPlanIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var claims []resolve.Claim
		for i := range rapid.IntRange(0, 12).Draw(t, "claims") {
			amount := btcutil.Amount(rapid.Int64Range(330, 200_000).Draw(t, "amount"))
			deadline := rapid.SampledFrom([]lnwire.Height{0, 0, now - 1, now + 3, now + 50}).Draw(t, "deadline")
			c := claim(i, rapid.Byte().Draw(t, "channel")%3, amount, deadline)
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 1:
				c = pairedClaim(i, c.Channel[0], amount, 990+uint32(i%2), deadline)
			case 2:
				c = anchor(i, deadline, 280)
			}
			claims = append(claims, c)
		}
		coins := coinsOf()
		for i := range rapid.IntRange(0, 5).Draw(t, "coins") {
			c := coinsOf(btcutil.Amount(rapid.Int64Range(500, 100_000).Draw(t, "coin")))[0]
			c.OutPoint.Index = 100 + uint32(i)
			coins = append(coins, c)
		}
		var running []*sweep
		for h := now; h < now+4; h++ {
			rates := Rates{{1, lnwire.FeePerKW(rapid.Uint32Range(253, 60_000).Draw(t, "rate"))}}
			todo, left := plan(situation{height: h, rates: rates, claims: claims, coins: coins, running: running})
			used := map[wire.OutPoint]bool{}
			for _, s := range todo {
				checkSweep(t, s, used)
				for _, c := range s.claims {
					if _, ok := left[c.OutPoint]; ok {
						t.Fatalf("claim %v is both swept and left", c.OutPoint.Index)
					}
				}
			}
			running = merge(running, todo)
		}
	})
}

func checkSweep(t *rapid.T, s *sweep, used map[wire.OutPoint]bool) {
	for _, c := range s.claims {
		if used[c.OutPoint] {
			t.Fatalf("claim %v is used twice", c.OutPoint)
		}
		used[c.OutPoint] = true
	}
	for _, c := range s.coins {
		if used[c.OutPoint] {
			t.Fatalf("coin %v is used twice", c.OutPoint)
		}
		used[c.OutPoint] = true
	}
	if s.surplus() != s.rest+s.fee {
		t.Fatalf("%v in, %v out", s.surplus(), s.rest+s.fee)
	}
	if s.rest != 0 && s.rest < p2trDust || s.rest == 0 && !s.paired() {
		t.Fatalf("rest %v", s.rest)
	}
	if s.fee > s.budget()+p2trDust || s.fee < feeUp(lnwire.FeePerKWFloor, s.weight(s.rest > 0)) {
		t.Fatalf("fee %v of a budget of %v", s.fee, s.budget())
	}
}

func merge(running, todo []*sweep) []*sweep {
	for _, s := range todo {
		replaced := false
		for i, r := range running {
			if r.claims[0].OutPoint == s.claims[0].OutPoint {
				running[i], replaced = published(s), true
			}
		}
		if !replaced {
			running = append(running, published(s))
		}
	}
	return running
}
