package resolve

import (
	"bytes"
	"math"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
)

const testExpiry = uint32(startHeight) + 20

// scene is a world with a chain, seen by local.
type scene struct {
	*world
	chain *chain
	us    *party
	them  *party
}

func newScene(t *testing.T, current uint64, next [2]bool, htlcs ...testHTLC) *scene {
	w := newWorld(t, commitment.Anchors, current, [2]uint16{15, 25}, next, htlcs)
	s := &scene{world: w, us: w.parties[local], them: w.parties[remote]}
	pkScript, _ := commitment.FundingScript(s.us.params.Parties[local].Funding, s.us.params.Parties[remote].Funding)
	s.chain = newChain(s.us.params.Funding, wire.NewTxOut(int64(worldCapacity), pkScript))
	return s
}

func (s *scene) plan() Plan {
	_, plan := s.chain.observe(s.us.contract, nil)
	return plan
}

func (s *scene) mine(t *testing.T, txs ...*wire.MsgTx) {
	require.NoError(t, s.chain.mine(txs...))
}

// mineTo mines empty blocks up to a height.
func (s *scene) mineTo(t *testing.T, h lnwire.Height) {
	for s.chain.tip() < h {
		s.mine(t)
	}
}

func (s *scene) claim(t *testing.T, kind commitment.Kind) Claim {
	for _, c := range s.plan().Claims {
		if c.Recipe.Kind == kind {
			return c
		}
	}
	require.Fail(t, "no such claim", "kind %d", kind)
	return Claim{}
}

func (s *scene) kinds() (kinds []commitment.Kind) {
	for _, c := range s.plan().Claims {
		kinds = append(kinds, c.Recipe.Kind)
	}
	return kinds
}

// matures requires that the claim is refused by the block before MatureAt's next one, and taken by that.
func (s *scene) matures(t *testing.T, p *party, c Claim) *wire.MsgTx {
	tx := s.sweep(p, []Claim{c}, s.chain.coin())
	s.mineTo(t, c.MatureAt()-1)
	require.Error(t, s.chain.check(tx, c.MatureAt()), "one block too early")
	s.mineTo(t, c.MatureAt())
	s.mine(t, tx)
	return tx
}

func TestAnOpenChannelIsWatchedOnly(t *testing.T) {
	s := newScene(t, 0, [2]bool{})
	s.mine(t)
	plan := s.plan()
	require.Equal(t, NotClosed, plan.Close)
	require.Empty(t, plan.Claims)
	require.Len(t, plan.Watch, 1)
	require.Equal(t, s.us.params.Funding, plan.Watch[0].OutPoint)
	require.False(t, plan.Done)
}

func TestOurCommitmentPaysUsAfterTheDelay(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	s.mine(t, s.publish(s.us, s.us.contract))
	plan := s.plan()
	require.Equal(t, LocalCommitment, plan.Close)
	require.Equal(t, []commitment.Kind{commitment.SpendDelayed}, s.kinds())
	c := s.claim(t, commitment.SpendDelayed)
	require.EqualValues(t, 15, c.Sequence)
	require.Zero(t, c.Deadline, "nobody else can take it")
	s.matures(t, s.us, c)
	require.Empty(t, s.kinds())
	spent := s.chain.tip()
	s.mineTo(t, spent+IrrevocableDepth-2)
	require.False(t, s.plan().Done, "99 deep")
	s.mine(t)
	require.True(t, s.plan().Done, "100 deep")
	require.Empty(t, s.plan().Watch)
}

func TestOurOfferTimesOutInTwoSteps(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, local, 5000, testExpiry, 1, 9, false))
	s.mine(t, s.publish(s.us, s.us.contract))
	c := s.claim(t, commitment.SpendHTLCTimeout)
	require.EqualValues(t, testExpiry, c.LockTime)
	require.EqualValues(t, testExpiry+confirmationTime, c.Deadline)
	require.False(t, c.Sealed)
	s.matures(t, s.us, c)
	require.Empty(t, s.plan().Outcomes)
	s.mineTo(t, s.chain.tip()+ReasonableDepth-2)
	require.Empty(t, s.plan().Outcomes, "5 deep")
	s.mine(t)
	require.Equal(t, []Outcome{{ID: 0}}, s.plan().Outcomes, "6 deep")

	var second Claim
	for _, c := range s.plan().Claims {
		if c.Output.Value == 5000 {
			second = c
		}
	}
	require.Equal(t, commitment.SpendDelayed, second.Recipe.Kind)
	require.EqualValues(t, 15, second.Sequence)
	tx := s.sweep(s.us, []Claim{second}, nil)
	s.mineTo(t, second.MatureAt())
	s.mine(t, tx)
	require.Equal(t, []commitment.Kind{commitment.SpendDelayed}, s.kinds(), "to_local")
}

func TestTheirOfferIsTakenWithThePreimageOnceWeAreEntitledToIt(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, remote, 5000, testExpiry, 1, 9, false))
	s.mine(t, s.publish(s.us, s.us.contract))
	require.Equal(t, []commitment.Kind{commitment.SpendDelayed}, s.kinds())
	s.us.contract.HTLCs[0].Preimage = &s.htlcs[0].preimage
	c := s.claim(t, commitment.SpendHTLCSuccess)
	require.EqualValues(t, testExpiry, c.Deadline)
	require.Zero(t, c.LockTime)
	s.mine(t, s.sweep(s.us, []Claim{c}, s.chain.coin()))
	require.Equal(t, []commitment.Kind{commitment.SpendDelayed, commitment.SpendDelayed}, s.kinds())
	require.Empty(t, s.plan().Outcomes, "outcomes are of our own offers")
}

func TestAnOfferOfTheirsWithoutPreimageIsTheirsAfterItsExpiry(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, remote, 5000, testExpiry+200, 1, 9, false))
	s.mine(t, s.publish(s.us, s.us.contract))
	s.matures(t, s.us, s.claim(t, commitment.SpendDelayed))
	s.mineTo(t, lnwire.Height(testExpiry)+199)
	require.False(t, s.plan().Done)
	s.mine(t)
	require.True(t, s.plan().Done)
}

func TestTheirCommitmentsCurrentAndNextAreResolvedDirectly(t *testing.T) {
	for own := range uint64(2) {
		s := newScene(t, 2, [2]bool{remote: true},
			makeHTLC(0, local, 5000, testExpiry, 1, 9, false), makeHTLC(1, remote, 6000, testExpiry, 1, 9, true))
		s.mine(t, s.publish(s.them, s.contract(s.them, 2+own, 2)))
		require.Equal(t, RemoteCommitment, s.plan().Close)
		require.Equal(t, []commitment.Kind{
			commitment.SpendToRemote, commitment.SpendTheirHTLCTimeout, commitment.SpendTheirHTLCSuccess,
		}, s.kinds())
		success := s.claim(t, commitment.SpendTheirHTLCSuccess)
		toRemote := s.claim(t, commitment.SpendToRemote)
		require.EqualValues(t, 1, toRemote.Sequence)
		s.mine(t, s.sweep(s.us, []Claim{success, toRemote}, nil))
		s.matures(t, s.us, s.claim(t, commitment.SpendTheirHTLCTimeout))
		s.mineTo(t, s.chain.tip()+IrrevocableDepth-1)
		plan := s.plan()
		require.Equal(t, []Outcome{{ID: 0}}, plan.Outcomes)
		require.True(t, plan.Done)
	}
}

func TestThePreimageOfASpendSettlesAtOnce(t *testing.T) {
	for _, theirs := range []bool{false, true} {
		s := newScene(t, 2, [2]bool{}, makeHTLC(0, local, 5000, testExpiry, 1, 9, true))
		publisher := s.us
		if theirs {
			publisher = s.them
		}
		s.mine(t, s.publish(publisher, publisher.contract))
		facts, plan := s.chain.observe(s.them.contract, nil)
		var take *wire.MsgTx
		for _, c := range plan.Claims {
			if k := c.Recipe.Kind; k == commitment.SpendHTLCSuccess || k == commitment.SpendTheirHTLCSuccess {
				take = s.sweep(s.them, []Claim{c}, s.chain.coin())
			}
		}
		require.NotNil(t, take)
		// It is learnt from the mempool already, by nothing else than its witness.
		facts.Spends = append(facts.Spends, Fact{OutPoint: take.TxIn[0].PreviousOutPoint, Tx: take})
		require.Equal(t, []Outcome{{ID: 0, Preimage: &s.htlcs[0].preimage}}, Next(s.us.contract, facts).Outcomes)
		require.Empty(t, s.plan().Outcomes)
		s.mine(t, take)
		require.Equal(t, []Outcome{{ID: 0, Preimage: &s.htlcs[0].preimage}}, s.plan().Outcomes)
		require.NotContains(t, s.kinds(), commitment.SpendHTLCTimeout)
		require.NotContains(t, s.kinds(), commitment.SpendTheirHTLCTimeout)
	}
}

func TestATrimmedOrAbsentHTLCFailsWithTheCommitmentAtDepth(t *testing.T) {
	s := newScene(t, 2, [2]bool{remote: true},
		makeHTLC(0, local, 353, testExpiry, 1, 9, false),  // trimmed
		makeHTLC(1, local, 9000, testExpiry, 3, 9, false), // only in their next commitment
		makeHTLC(2, local, 9000, testExpiry, 4, 9, false)) // not signed yet
	s.mine(t, s.publish(s.us, s.us.contract))
	s.mineTo(t, s.chain.tip()+ReasonableDepth-2)
	require.Empty(t, s.plan().Outcomes)
	s.mine(t)
	require.Equal(t, []Outcome{{ID: 0}, {ID: 1}, {ID: 2}}, s.plan().Outcomes)
}

func TestEachHTLCFailsWithItsOwnOutput(t *testing.T) {
	s := newScene(t, 2, [2]bool{},
		makeHTLC(0, local, 5000, testExpiry, 1, 9, false), makeHTLC(1, local, 6000, testExpiry+50, 1, 9, false))
	s.mine(t, s.publish(s.us, s.us.contract))
	c := s.claim(t, commitment.SpendHTLCTimeout)
	require.EqualValues(t, testExpiry, c.LockTime)
	s.matures(t, s.us, c)
	s.mineTo(t, s.chain.tip()+ReasonableDepth-1)
	require.Equal(t, []Outcome{{ID: 0}}, s.plan().Outcomes)
}

func TestAKnownPreimageSettlesAnAbsentHTLC(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, local, 353, testExpiry, 1, 9, false))
	s.us.contract.HTLCs[0].Preimage = &s.htlcs[0].preimage
	s.mine(t)
	require.Equal(t, []Outcome{{ID: 0, Preimage: &s.htlcs[0].preimage}}, s.plan().Outcomes)
}

func TestARevokedCommitmentIsTakenWhole(t *testing.T) {
	s := newScene(t, 3, [2]bool{},
		makeHTLC(0, local, 5000, testExpiry, 1, 9, true), makeHTLC(1, remote, 6000, testExpiry, 1, 1, false))
	old := s.contract(s.them, 1, 3)
	s.mine(t, s.publish(s.them, old))
	plan := s.plan()
	require.Equal(t, RevokedCommitment, plan.Close)
	require.Equal(t, []commitment.Kind{
		commitment.SpendToRemote, commitment.SpendRevokedDelayed, commitment.SpendRevokedHTLC, commitment.SpendRevokedHTLC,
	}, s.kinds())
	for _, c := range plan.Claims[1:] {
		require.EqualValues(t, s.chain.tip()+25, c.Deadline, "from then on the cheater can take it")
		require.LessOrEqual(t, c.MatureAt(), s.chain.tip(), "a penalty never waits")
	}
	s.mine(t)
	s.mine(t, s.sweep(s.us, plan.Claims, nil))
	s.mineTo(t, s.chain.tip()+ReasonableDepth-1)
	require.Equal(t, []Outcome{{ID: 0}}, s.plan().Outcomes, "its output went to us")
	require.EqualValues(t, int64(worldCapacity)-2*int64(commitment.AnchorAmount)-int64(s.build(s.us, remote, 1).Fee),
		s.chain.paid(s.us.wallet))
}

func TestOfARevokedCommitmentEachHTLCFailsWithItsOwnOutput(t *testing.T) {
	s := newScene(t, 3, [2]bool{},
		makeHTLC(0, local, 5000, testExpiry, 1, 9, false), makeHTLC(1, local, 5000, testExpiry+1, 1, 9, false),
		makeHTLC(2, local, 5000, testExpiry, 1, 9, false), makeHTLC(3, local, 6000, testExpiry, 1, 9, false))
	s.mine(t, s.publish(s.them, s.contract(s.them, 1, 3)))
	hash := commitment.HashOf(s.htlcs[2].Hash)
	for _, c := range s.plan().Claims {
		if bytes.Contains(c.Recipe.Script, hash[:]) {
			s.mine(t, s.sweep(s.us, []Claim{c}, nil))
		}
	}
	s.mineTo(t, s.chain.tip()+ReasonableDepth-1)
	require.Equal(t, []Outcome{{ID: 2}}, s.plan().Outcomes)
}

func TestACheatersAggregatedHTLCTransactionsAreTaken(t *testing.T) {
	s := newScene(t, 3, [2]bool{},
		makeHTLC(0, local, 5000, testExpiry, 1, 9, true), makeHTLC(1, local, 6000, testExpiry, 1, 1, true),
		makeHTLC(2, remote, 7000, testExpiry, 1, 1, false))
	old := s.contract(s.them, 1, 3)
	s.mine(t, s.publish(s.them, old))
	// The cheater knows the preimages: both HTLC-success in one transaction, with another input and a change output.
	_, plan := s.chain.observe(old, nil)
	var success []Claim
	for _, c := range plan.Claims {
		if c.Recipe.Kind == commitment.SpendHTLCSuccess {
			success = append(success, c)
		}
	}
	require.Len(t, success, 2)
	s.mine(t, s.sweep(s.them, success, s.chain.coin()))
	require.Equal(t, []Outcome{{ID: 0, Preimage: &s.htlcs[0].preimage}}, s.plan().Outcomes)
	s.mineTo(t, lnwire.Height(testExpiry))
	for _, c := range plan.Claims {
		if c.Recipe.Kind == commitment.SpendHTLCTimeout {
			s.mine(t, s.sweep(s.them, []Claim{c}, nil))
		}
	}
	claims := s.plan().Claims
	require.Equal(t, []commitment.Kind{
		commitment.SpendToRemote, commitment.SpendRevokedDelayed,
		commitment.SpendRevokedDelayed, commitment.SpendRevokedDelayed, commitment.SpendRevokedDelayed,
	}, s.kinds())
	require.EqualValues(t, s.chain.tip()+25, claims[4].Deadline)
	s.mine(t, s.sweep(s.us, claims, nil))
	require.Empty(t, s.kinds())
	require.EqualValues(t, 10_000, s.chain.paid(s.them.wallet), "the cheater's own coin")
}

func TestACooperativeCloseIsDoneWhenItIsDeep(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	s.us.contract.Scripts = [2][]byte{s.us.wallet, s.them.wallet}
	s.mine(t, s.closing(s.us, s.them))
	require.Equal(t, Cooperative, s.plan().Close)
	require.Empty(t, s.kinds())
	s.mineTo(t, s.chain.tip()+IrrevocableDepth-2)
	require.False(t, s.plan().Done)
	require.Len(t, s.plan().Watch, 1)
	s.mine(t)
	require.True(t, s.plan().Done)
	require.False(t, s.plan().Close.LossPossible())
}

func TestAStrangeSpendWarnsOfALoss(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	s.us.contract.Scripts = [2][]byte{s.us.wallet, nil}
	s.mine(t, s.closing(s.us, s.them))
	require.Equal(t, Unknown, s.plan().Close)
	require.True(t, s.plan().Close.LossPossible())
	s.mineTo(t, s.chain.tip()+IrrevocableDepth-1)
	require.True(t, s.plan().Done)
}

func TestAfterDataLossToRemoteIsSavedAndHTLCsWait(t *testing.T) {
	s := newScene(t, 5, [2]bool{},
		makeHTLC(0, local, 5000, testExpiry, 1, 9, false), makeHTLC(1, local, 6000, testExpiry, 3, 3, false),
		makeHTLC(2, local, 7000, testExpiry, 1, 9, true))
	s.mine(t, s.publish(s.them, s.them.contract))
	s.us.contract = s.contract(s.us, 3, 3)
	plan := s.plan()
	require.Equal(t, FutureCommitment, plan.Close)
	require.True(t, plan.Close.LossPossible())
	require.Equal(t, []commitment.Kind{commitment.SpendToRemote}, s.kinds())
	s.matures(t, s.us, plan.Claims[0])
	s.mineTo(t, plan.Height+ReasonableDepth-1)
	require.Equal(t, []Outcome{{ID: 1}}, s.plan().Outcomes, "there is no output of its amount")

	_, theirs := s.chain.observe(s.them.contract, nil)
	for _, c := range theirs.Claims {
		if c.Recipe.Kind == commitment.SpendHTLCSuccess {
			s.mine(t, s.sweep(s.them, []Claim{c}, nil))
		}
	}
	settled := Outcome{ID: 2, Preimage: &s.htlcs[2].preimage}
	require.Equal(t, []Outcome{{ID: 1}, settled}, s.plan().Outcomes)
	s.mineTo(t, lnwire.Height(testExpiry)+lossGrace-1)
	require.Equal(t, []Outcome{{ID: 1}, settled}, s.plan().Outcomes)
	s.mine(t)
	require.Equal(t, []Outcome{{ID: 0}, {ID: 1}, settled}, s.plan().Outcomes)
	s.mineTo(t, plan.Height+2*IrrevocableDepth)
	require.True(t, s.plan().Done, "outputs that we cannot spend are not waited for")
}

func TestAnOutdatedCommitmentOfOursStillPaysUnlessPunished(t *testing.T) {
	s := newScene(t, 5, [2]bool{}, makeHTLC(0, local, 5000, testExpiry, 1, 9, false))
	old := s.contract(s.us, 3, 5)
	s.mine(t, s.publish(s.us, old))
	require.Equal(t, OutdatedCommitment, s.plan().Close)
	require.Equal(t, []commitment.Kind{commitment.SpendDelayed}, s.kinds())
	s.mine(t)
	_, theirs := s.chain.observe(s.them.contract, nil)
	require.Equal(t, RevokedCommitment, theirs.Close)
	c := s.claim(t, commitment.SpendDelayed)
	require.NoError(t, s.chain.check(s.sweep(s.us, []Claim{c}, nil), c.MatureAt()+1))
	s.mine(t, s.sweep(s.them, theirs.Claims, nil))
	require.Empty(t, s.kinds())
}

func TestARevokedCommitmentWithoutSecretsIsOnlySalvaged(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	s.mine(t, s.publish(s.them, s.contract(s.them, 1, 2)))
	s.us.contract.Secrets = nil
	require.Equal(t, FutureCommitment, s.plan().Close)
	require.Equal(t, []commitment.Kind{commitment.SpendToRemote}, s.kinds())
}

func TestTheAnchorIsClaimedWhileTheCommitmentIsUnconfirmed(t *testing.T) {
	s := newScene(t, 2, [2]bool{},
		makeHTLC(0, local, 5000, testExpiry, 1, 9, false), makeHTLC(1, remote, 6000, testExpiry+5, 1, 9, true),
		makeHTLC(2, remote, 6000, testExpiry-15, 1, 9, false))
	s.mine(t)
	require.Empty(t, s.plan().Claims)
	s.us.contract.Published = true
	c := s.claim(t, commitment.SpendAnchor)
	ours := s.us.contract.Fundings[0].Local.Commitment
	require.Equal(t, ours.Tx.TxHash(), c.OutPoint.Hash)
	require.EqualValues(t, commitment.AnchorAmount, c.Output.Value)
	require.Equal(t, &Parent{Weight: ours.Weight(), Fee: ours.Fee}, c.Parent)
	require.EqualValues(t, testExpiry+5-confirmationTime, c.Deadline, "the preimage must be used before its expiry")
	require.Zero(t, c.MatureAt())
	require.Zero(t, c.Confirmed)

	tx := s.publish(s.us, s.us.contract)
	require.LessOrEqual(t, int64(3*tx.SerializeSizeStripped()+tx.SerializeSize()), c.Parent.Weight)
	child := s.sweep(s.us, []Claim{c}, s.chain.coin())
	s.mine(t, tx, child)
	require.NotContains(t, s.kinds(), commitment.SpendAnchor)
}

func TestTheirUnconfirmedCommitmentGetsOurAnchorsHelp(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, local, 5000, testExpiry, 1, 9, false))
	tx := s.publish(s.them, s.them.contract)
	facts := Facts{Tip: startHeight, Spends: []Fact{{OutPoint: s.us.params.Funding, Tx: tx}}}
	s.us.contract.Published = true
	plan := Next(s.us.contract, facts)
	require.Equal(t, NotClosed, plan.Close)
	require.Len(t, plan.Claims, 1)
	require.Equal(t, tx.TxHash(), plan.Claims[0].OutPoint.Hash)
	require.EqualValues(t, testExpiry, plan.Claims[0].Deadline)
	s.mine(t, tx, s.sweep(s.us, plan.Claims, s.chain.coin()))
}

func TestAReorganisationToAnotherCommitmentIsFollowed(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, local, 5000, testExpiry, 1, 9, false))
	s.mine(t, s.publish(s.us, s.us.contract))
	facts, before := s.chain.observe(s.us.contract, nil)
	s.chain.reorganise(1)
	require.Equal(t, NotClosed, s.plan().Close)
	s.mine(t, s.publish(s.them, s.them.contract))
	require.Equal(t, RemoteCommitment, s.plan().Close)
	s.chain.reorganise(1)
	s.mine(t, s.publish(s.us, s.us.contract))
	again, after := s.chain.observe(s.us.contract, nil)
	require.Equal(t, before, after)
	require.Equal(t, facts, again)
}

func TestOfContradictingFactsTheHigherCounts(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	facts := Facts{Tip: startHeight + 9, Spends: []Fact{
		{OutPoint: s.us.params.Funding, Tx: s.publish(s.us, s.us.contract), Height: startHeight},
		{OutPoint: s.us.params.Funding, Tx: s.publish(s.them, s.them.contract), Height: startHeight + 1},
	}}
	require.Equal(t, RemoteCommitment, Next(s.us.contract, facts).Close)
	facts.Spends[0], facts.Spends[1] = facts.Spends[1], facts.Spends[0]
	require.Equal(t, RemoteCommitment, Next(s.us.contract, facts).Close)
}

func TestAFactThatIsNoSpendIsIgnored(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	tx := s.publish(s.us, s.us.contract)
	tx.TxIn[0].PreviousOutPoint.Index++
	facts := Facts{Tip: startHeight, Spends: []Fact{{OutPoint: s.us.params.Funding, Tx: tx, Height: startHeight}}}
	require.Equal(t, NotClosed, Next(s.us.contract, facts).Close)
}

func TestWhichOfSeveralFundingsIsSpentDecides(t *testing.T) {
	s := newScene(t, 2, [2]bool{})
	other := s.us.contract.Fundings[0]
	params := *other.Params
	params.Funding = wire.OutPoint{Hash: chainhash.Hash{0x77}}
	s.us.contract.Fundings = append([]Funding{{Params: &params, Height: 5}}, other)
	s.mine(t)
	require.Len(t, s.plan().Watch, 2)
	s.mine(t, s.publish(s.us, s.us.contract2(other)))
	require.Equal(t, LocalCommitment, s.plan().Close)
}

// contract2 is a contract with one funding alone.
func (p *party) contract2(f Funding) *Contract {
	c := *p.contract
	c.Fundings = []Funding{f}
	return &c
}

func TestARelativeLockOnAnUnconfirmedOutputNeverMatures(t *testing.T) {
	require.EqualValues(t, math.MaxUint32, (&Claim{Sequence: 1}).MatureAt())
	require.EqualValues(t, 0, (&Claim{Sequence: 0}).MatureAt())
	require.EqualValues(t, 100, (&Claim{Sequence: 1, Confirmed: 100}).MatureAt())
	require.EqualValues(t, 500, (&Claim{Sequence: 144, Confirmed: 100, LockTime: 500}).MatureAt())
	require.EqualValues(t, 7, (&Claim{Sequence: replaceable, LockTime: 7}).MatureAt())
}

func TestNextChangesNeitherContractNorFacts(t *testing.T) {
	s := newScene(t, 2, [2]bool{}, makeHTLC(0, local, 5000, testExpiry, 1, 9, false))
	s.mine(t, s.publish(s.us, s.us.contract))
	facts, _ := s.chain.observe(s.us.contract, nil)
	plan := Next(s.us.contract, facts)
	plan.Claims[0].Paired = nil
	plan.Claims[0].Output.Value = 0
	require.NotEqual(t, plan, Next(s.us.contract, facts))
	require.Equal(t, Next(s.us.contract, facts), Next(s.us.contract, facts))
}

func BenchmarkNextOfARevokedCommitmentWith966HTLCs(b *testing.B) {
	var htlcs []testHTLC
	for i := range 2 * commitment.MaxHTLCs {
		htlcs = append(htlcs, makeHTLC(i, commitment.Side(i%2), 500, testExpiry, 1, 1, false))
	}
	w := newWorld(b, commitment.Anchors, 3, [2]uint16{15, 25}, [2]bool{}, htlcs)
	us, them := w.parties[local], w.parties[remote]
	record, _ := us.contract.Archive.Revoked(1)
	us.contract.Archive = fixed{record}
	facts := Facts{Tip: startHeight, Spends: []Fact{{
		OutPoint: us.params.Funding, Tx: w.publish(them, w.contract(them, 1, 3)), Height: startHeight,
	}}}
	require.Len(b, Next(us.contract, facts).Claims, 2+len(htlcs))
	for b.Loop() {
		Next(us.contract, facts)
	}
}

type fixed struct{ record RevokedRecord }

func (f fixed) Revoked(uint64) (RevokedRecord, bool) { return f.record, true }
func (f fixed) Point(uint64) lnwire.PubKey           { return lnwire.PubKey{} }
