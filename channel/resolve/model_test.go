package resolve

import (
	"crypto/sha256"
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The model plays both parties of a channel on a chain, each following its own plan, one of them possibly cheating with
// an old commitment. Blocks come and go; each plan is asked for anew from facts in random order, as after a restart.
type model struct {
	*world
	t      *rapid.T
	rnd    *rand.Rand
	chain  *chain
	cheat  commitment.Side // whose old commitment is published; meaningless unless cheats
	cheats bool
	ended  [2]map[uint64]Outcome
	pool   []*wire.MsgTx // commitments and closings that compete for the funding output
}

const (
	modelBlocks = 60 // with actions
	// margin before a deadline in which a party no longer dawdles: more than a reorganisation takes away.
	margin   = 8
	maxReorg = ReasonableDepth - 1
)

func drawModel(t *rapid.T) *model {
	m := &model{t: t, rnd: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))}
	current := rapid.Uint64Range(0, 3).Draw(t, "current")
	var htlcs []testHTLC
	for i := range rapid.IntRange(0, 7).Draw(t, "htlcs") {
		from := rapid.Uint64Range(0, current+1).Draw(t, "from")
		h := makeHTLC(i, commitment.Side(rapid.IntRange(0, 1).Draw(t, "offerer")),
			btcutil.Amount(rapid.SampledFrom([]int{353, 354, 1000, 1000, 50_000}).Draw(t, "amount")),
			uint32(startHeight)+rapid.Uint32Range(2, 40).Draw(t, "expiry"),
			from, rapid.Uint64Range(from, current+2).Draw(t, "to"), rapid.Bool().Draw(t, "known"))
		if h.to > current && rapid.Bool().Draw(t, "learnt later") {
			h.learnt = startHeight + lnwire.Height(rapid.IntRange(1, 50).Draw(t, "learnt"))
		}
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "twin") == 0 { // same hash and expiry: a part of the same payment
			h.Hash, h.preimage, h.Expiry, h.known = htlcs[i-1].Hash, htlcs[i-1].preimage, htlcs[i-1].Expiry, htlcs[i-1].known
		}
		htlcs = append(htlcs, h)
	}
	delays := [2]uint16{uint16(rapid.IntRange(12, 25).Draw(t, "delay")), uint16(rapid.IntRange(12, 25).Draw(t, "delay"))}
	next := [2]bool{rapid.Bool().Draw(t, "next"), rapid.Bool().Draw(t, "next")}
	format := rapid.SampledFrom([]commitment.Format{commitment.Anchors, commitment.Anchors, commitment.StaticRemoteKey}).Draw(t, "format")
	m.world = newWorld(t, format, current, delays, next, htlcs)
	p := m.parties[local]
	pkScript, _ := commitment.FundingScript(p.params.Parties[local].Funding, p.params.Parties[remote].Funding)
	m.chain = newChain(p.params.Funding, wire.NewTxOut(int64(worldCapacity), pkScript))
	m.ended = [2]map[uint64]Outcome{{}, {}}
	m.chooseClosings()
	return m
}

// chooseClosings fills the pool: one or more ways to close, any of which may be mined, also again after a reorganisation.
func (m *model) chooseClosings() {
	for side, p := range m.parties {
		if m.next[side] && rapid.Bool().Draw(m.t, "publishes the next commitment") {
			// The party has received the signature for it and not yet revoked the current one.
			p.contract = m.contract(p, m.current+1, m.current)
			p.contract.HTLCs = m.world.contract(p, m.current, m.current).HTLCs
		}
		if rapid.Bool().Draw(m.t, "publishes") {
			m.pool = append(m.pool, m.publish(p, p.contract))
		}
	}
	if len(m.pool) == 0 && len(m.parties[local].contract.HTLCs) == 0 && rapid.Bool().Draw(m.t, "cooperates") {
		for side, p := range m.parties {
			p.contract.Scripts = [2][]byte{p.wallet, m.parties[1-side].wallet}
		}
		m.pool = append(m.pool, m.closing(m.parties[local], m.parties[remote]))
	}
	if m.current > 0 && rapid.Bool().Draw(m.t, "cheats") {
		m.cheats, m.cheat = true, commitment.Side(rapid.IntRange(0, 1).Draw(m.t, "cheat"))
		p := m.parties[m.cheat]
		old := m.contract(p, rapid.Uint64Range(0, m.current-1).Draw(m.t, "old"), m.current)
		p.contract = old
		m.pool = []*wire.MsgTx{m.publish(p, old)}
	}
	if len(m.pool) == 0 {
		p := m.parties[m.rnd.IntN(2)]
		m.pool = append(m.pool, m.publish(p, p.contract))
	}
}

// learn tells receivers the preimages that are due.
func (m *model) learn() {
	for i := range m.htlcs {
		h := &m.htlcs[i]
		receiver := m.parties[h.Offerer.Other()].contract
		for k := range receiver.HTLCs {
			x := &receiver.HTLCs[k]
			if h.known && m.chain.tip() >= h.learnt && x.Offerer == remote && x.ID == h.ID {
				x.Preimage = &h.preimage
			}
		}
	}
}

// act mines one block with what the parties publish.
func (m *model) act() {
	m.learn()
	var txs []*wire.MsgTx
	if m.rnd.IntN(3) > 0 {
		txs = append(txs, m.pool[m.rnd.IntN(len(m.pool))])
	}
	for _, i := range m.rnd.Perm(2) {
		txs = append(txs, m.claims(m.parties[i])...)
	}
	// Transactions may conflict, so a refusal is no failure; that all that is due gets mined shows at the end.
	_ = m.chain.mine(txs...)
}

// claims makes the party's transactions for the next block: batches, batches with other inputs, or single ones.
func (m *model) claims(p *party) (txs []*wire.MsgTx) {
	_, plan := m.chain.observe(p.contract, m.rnd)
	m.remember(p, &plan)
	byLock := map[uint32][]Claim{}
	var locks []uint32
	for _, c := range plan.Claims {
		if c.Parent != nil || c.MatureAt() > m.chain.tip() {
			continue
		}
		urgent := c.Deadline > 0 && m.chain.tip()+margin >= c.Deadline
		if !urgent && m.rnd.IntN(3) > 0 {
			continue
		}
		if c.Sealed || m.rnd.IntN(2) == 0 {
			txs = append(txs, m.valid(p, c, m.sweep(p, []Claim{c}, nil)))
			continue
		}
		if _, ok := byLock[c.LockTime]; !ok {
			locks = append(locks, c.LockTime)
		}
		byLock[c.LockTime] = append(byLock[c.LockTime], c)
	}
	for _, lock := range locks {
		var extra *utxo
		if m.rnd.IntN(2) == 0 {
			extra = m.chain.coin()
		}
		txs = append(txs, m.sweep(p, byLock[lock], extra))
	}
	return txs
}

// valid checks that a mature claim of an unspent output is accepted by the chain as it is.
func (m *model) valid(_ *party, c Claim, tx *wire.MsgTx) *wire.MsgTx {
	require.NoError(m.t, m.chain.check(tx, m.chain.tip()+1), "kind %d", c.Recipe.Kind)
	if at := c.MatureAt(); at == m.chain.tip() && at > c.Confirmed {
		require.Error(m.t, m.chain.check(tx, m.chain.tip()), "it was not mature a block ago")
	}
	return tx
}

// remember holds a party's outcomes: what has been reported stays, and is used as the machine uses it.
func (m *model) remember(p *party, plan *Plan) {
	if plan.Done {
		require.Empty(m.t, plan.Claims, "done with something left")
	}
	for _, o := range plan.Outcomes {
		old, known := m.ended[p.side][o.ID]
		if known {
			// The first outcome counts. A preimage may come too late only by another part of the same payment.
			require.True(m.t, (old.Preimage == nil) == (o.Preimage == nil) || old.Preimage == nil && m.hasTwin(o.ID),
				"HTLC %d ended in both ways", o.ID)
			continue
		}
		m.ended[p.side][o.ID] = o
		if o.Preimage == nil {
			continue
		}
		for i := range p.contract.HTLCs {
			if h := &p.contract.HTLCs[i]; h.Offerer == local && h.ID == o.ID {
				require.Equal(m.t, h.Hash, lnwire.Hash(sha256.Sum256(o.Preimage[:])))
				h.Preimage = o.Preimage
			}
		}
	}
}

// hasTwin says whether another HTLC has the same hash.
func (m *model) hasTwin(id uint64) bool {
	for i := range m.htlcs {
		if uint64(i) != id && m.htlcs[i].Hash == m.htlcs[id].Hash {
			return true
		}
	}
	return false
}

// TestMain: with -short, the model is asked fewer times; -rapid.checks decides otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		if err := flag.Set("rapid.checks", "15"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestEverySequenceOfBlocksEndsWithEverybodyPaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		m.chain.mine()
		for range modelBlocks {
			if n := m.rnd.IntN(40); n <= maxReorg && n > 0 && len(m.chain.blocks) > n {
				m.chain.reorganise(n)
				for range m.rnd.IntN(n + 1) {
					m.act()
				}
			}
			m.act()
		}
		m.finish()
		m.judge()
	})
}

// finish lets the parties claim all that they have left, and buries it.
func (m *model) finish() {
	for range 3 {
		for range int(IrrevocableDepth) + lossGrace {
			if !m.pending() {
				break
			}
			m.act()
		}
		for range IrrevocableDepth {
			_ = m.chain.mine()
		}
	}
}

// pending says whether somebody has a claim, or nothing is closed yet.
func (m *model) pending() bool {
	for _, p := range m.parties {
		_, plan := m.chain.observe(p.contract, m.rnd)
		if plan.Close == NotClosed || len(plan.Claims) > 0 {
			return true
		}
	}
	return false
}

// judge compares what was reported and paid with the chain.
func (m *model) judge() {
	for _, p := range m.parties {
		facts, plan := m.chain.observe(p.contract, m.rnd)
		m.remember(p, &plan)
		require.Empty(m.t, plan.Claims)
		require.Empty(m.t, plan.Watch)
		require.True(m.t, plan.Done, "%s, closed by %s", p.side, plan.Close)
		require.Equal(m.t, plan, Next(p.contract, facts))
		for _, h := range p.contract.HTLCs {
			if h.Offerer == local {
				require.Contains(m.t, m.ended[p.side], h.ID, "an HTLC without an outcome")
			}
		}
	}
	m.judgeSums()
	m.judgeOutcomes()
}

// judgeSums: what the closing transaction did not give to miners and anchors has arrived, and a cheater gets nothing.
func (m *model) judgeSums() {
	spend := m.chain.outs[m.parties[local].params.Funding].spent
	require.NotNil(m.t, spend)
	var total, anchors int64
	for i, out := range spend.Tx.TxOut {
		total += out.Value
		u := m.chain.outs[wire.OutPoint{Hash: spend.Tx.TxHash(), Index: uint32(i)}]
		if u.spent == nil && out.Value == int64(commitment.AnchorAmount) {
			anchors += out.Value
		}
	}
	var coins int64
	for _, u := range m.chain.outs {
		if u.op.Hash[0] == 0xfa && u.spent != nil && len(u.out.PkScript) == 1 {
			coins += u.out.Value
		}
	}
	// Fees of sealed HTLC transactions, which the peers have signed, are the only other loss.
	paid := m.chain.paid(m.parties[local].wallet) + m.chain.paid(m.parties[remote].wallet) - coins
	require.Equal(m.t, total-anchors-m.sealedFees(), paid)
	if m.cheats {
		toRemote := m.chain.paid(m.parties[m.cheat].wallet)
		require.LessOrEqual(m.t, toRemote, coins, "the cheater has kept something")
	}
}

func (m *model) sealedFees() (fees int64) {
	for _, block := range m.chain.blocks {
		for _, tx := range block {
			if tx.TxIn[0].PreviousOutPoint == m.parties[local].params.Funding {
				continue
			}
			for _, in := range tx.TxIn {
				fees += m.chain.outs[in.PreviousOutPoint].out.Value
			}
			for _, out := range tx.TxOut {
				fees -= out.Value
			}
		}
	}
	return fees
}

// judgeOutcomes: a failed HTLC's output did not go to its receiver, a settled one's preimage is genuine.
func (m *model) judgeOutcomes() {
	for _, p := range m.parties {
		peer := m.parties[p.side.Other()]
		for id, o := range m.ended[p.side] {
			h := m.htlcs[id]
			if o.Preimage != nil {
				require.Equal(m.t, h.preimage, *o.Preimage)
				continue
			}
			for _, u := range m.chain.outs {
				if u.spent == nil {
					continue
				}
				in := inputOf(u.spent)
				revealed := false
				for _, item := range in.Witness {
					revealed = revealed || string(item) == string(h.preimage[:])
				}
				require.False(m.t, revealed && !m.hasTwin(id), "%s took HTLC %d with its preimage", peer.side, id)
			}
		}
	}
}

func inputOf(f *Fact) *wire.TxIn {
	i, _ := f.input()
	return f.Tx.TxIn[i]
}
