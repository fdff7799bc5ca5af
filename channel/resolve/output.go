package resolve

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// output is one that matters, of the closing transaction or of an HTLC transaction.
type output struct {
	claim     Claim // how it is spent; Recipe.Kind is zero where we cannot
	pkScript  []byte
	confirmed lnwire.Height
	spend     *Fact // nil: unspent

	// htlc finds the output of an HTLC that we offered. The ID is known but for revoked commitments.
	htlc *htlcOutput
	// next is set for HTLC outputs whose HTLC transaction has an output that is ours to claim in its turn.
	next *secondLevel
	// idle: no resolution is waited for. Set for what only the peer can spend.
	idle bool
	// until: where it is the peer's to resolve, BOLT 5: "once the HTLC output has expired, it is considered irrevocably
	// resolved". 0: not so.
	until lnwire.Height
}

type htlcOutput struct {
	offerer commitment.Side
	id      uint64
	hash    [20]byte
	expiry  uint32
}

// secondLevel says how the output of an HTLC transaction is claimed.
type secondLevel struct {
	pkScript []byte
	recipe   commitment.Recipe
	sequence uint32
	delay    uint16 // after which the cheater can take it; 0 where it is our own
}

// replaceable is the nSequence of an input without a relative lock: replaceable, and lock times count.
const replaceable = wire.MaxTxInSequenceNum - 2

// outputs lists what matters of the closing transaction, in output order, each followed by what HTLC transactions have
// made of it.
func (x *closing) outputs(c *Contract, spent map[wire.OutPoint]*Fact) []output {
	var all []output
	switch x.kind {
	case LocalCommitment:
		all = x.localOutputs(c)
	case RemoteCommitment:
		all = x.remoteOutputs(c)
	case RevokedCommitment:
		all = x.revokedOutputs()
	case FutureCommitment, OutdatedCommitment, Unknown:
		all = x.strangeOutputs()
	}
	txid := x.tx.TxHash()
	for i := range all {
		o := &all[i]
		o.confirmed = x.height
		o.complete(c, x.tx, txid)
	}
	return follow(c, spent, all)
}

// complete fills in what the claim has from the transaction with the output.
func (o *output) complete(c *Contract, tx *wire.MsgTx, txid chainhash.Hash) {
	o.claim.Output = *tx.TxOut[o.claim.OutPoint.Index]
	o.claim.OutPoint.Hash = txid
	o.claim.Channel = c.Channel
	o.claim.Confirmed = o.confirmed
	o.pkScript = o.claim.Output.PkScript
	if o.claim.Recipe.Kind != 0 {
		o.claim.WitnessWeight = o.claim.Recipe.WitnessWeight()
	}
}

// follow looks up the spends, and appends the outputs of HTLC transactions that are ours to claim.
func follow(c *Contract, spent map[wire.OutPoint]*Fact, all []output) []output {
	for i := 0; i < len(all); i++ {
		fact := spent[all[i].claim.OutPoint]
		all[i].spend = fact
		if fact == nil || all[i].next == nil {
			continue
		}
		// A cheater may put several HTLC transactions into one, with inputs and outputs of its own, and so do we. Whatever
		// else is in it, both signatures cover the output at the input's own index (SIGHASH_SINGLE, or ALL of one input).
		next := all[i].next
		index, _ := fact.input()
		if index >= len(fact.Tx.TxOut) || !bytes.Equal(fact.Tx.TxOut[index].PkScript, next.pkScript) {
			continue
		}
		o := output{confirmed: fact.Height, claim: Claim{
			OutPoint: at(index), Sequence: next.sequence, Recipe: next.recipe,
		}}
		if next.delay > 0 {
			o.claim.Deadline = fact.Height + lnwire.Height(next.delay)
		}
		o.complete(c, fact.Tx, fact.Tx.TxHash())
		all = append(all, o)
	}
	return all
}

func contains(all []output, op wire.OutPoint) bool {
	for i := range all {
		if all[i].claim.OutPoint == op {
			return true
		}
	}
	return false
}

func at(index int) wire.OutPoint { return wire.OutPoint{Index: uint32(index)} }

// localOutputs: BOLT 5: Unilateral Close Handling: Local Commitment Transaction.
func (x *closing) localOutputs(c *Contract) []output {
	k, p := x.known, x.funding.Params
	delay := uint32(p.Parties[commitment.Local].ToSelfDelay)
	delayed := commitment.Recipe{
		Kind: commitment.SpendDelayed, Format: p.Format, Script: delayedScript(p, k.Keys), Point: k.Keys.Point,
	}
	var all []output
	if k.ToLocal.Exists() {
		all = append(all, output{claim: Claim{OutPoint: at(k.ToLocal.Index), Sequence: delay, Recipe: delayed}})
	}
	next := &secondLevel{pkScript: secondLevelScript(p, k.Keys), recipe: delayed, sequence: delay}
	for i := range k.HTLCs {
		h := &k.HTLCs[i]
		o := output{
			claim: Claim{
				OutPoint: at(int(h.Index)), Sequence: p.Format.HTLCSequence(), Paired: h.Tx.TxOut[0],
				Sealed: p.Format.HTLCsCarryFee(),
				Recipe: commitment.Recipe{
					Format: p.Format, Script: h.Script, Point: k.Keys.Point, PeerSig: x.funding.Local.HTLCSigs[i],
				},
			},
			htlc: newHTLCOutput(&h.HTLC), next: next,
		}
		o.resolveHTLC(c, &h.HTLC, commitment.SpendHTLCTimeout, commitment.SpendHTLCSuccess)
		all = append(all, o)
	}
	return all
}

// remoteOutputs: BOLT 5: Unilateral Close Handling: Remote Commitment Transaction.
func (x *closing) remoteOutputs(c *Contract) []output {
	k, p := x.known, x.funding.Params
	all := x.toRemote()
	for i := range k.HTLCs {
		h := &k.HTLCs[i]
		o := output{
			claim: Claim{
				OutPoint: at(int(h.Index)), Sequence: p.Format.HTLCSequence(),
				Recipe: commitment.Recipe{Format: p.Format, Script: h.Script, Point: k.Keys.Point},
			},
			htlc: newHTLCOutput(&h.HTLC),
		}
		o.resolveHTLC(c, &h.HTLC, commitment.SpendTheirHTLCTimeout, commitment.SpendTheirHTLCSuccess)
		all = append(all, o)
	}
	return all
}

// resolveHTLC decides how an HTLC output of an unrevoked commitment is ours to spend: after its expiry where we offered
// it, with the preimage where the peer did, or not at all.
func (o *output) resolveHTLC(c *Contract, h *commitment.HTLC, timeout, success commitment.Kind) {
	if h.Offerer == commitment.Local {
		o.claim.Recipe.Kind = timeout
		o.claim.LockTime = h.Expiry
		o.claim.Deadline = lnwire.Height(h.Expiry) + confirmationTime
		return
	}
	if preimage := c.preimage(h); preimage != nil {
		o.claim.Recipe.Kind = success
		o.claim.Recipe.Preimage = *preimage
		o.claim.Deadline = lnwire.Height(h.Expiry)
		return
	}
	o.until = lnwire.Height(h.Expiry)
}

// preimage with which an HTLC of the peer is to be claimed.
func (c *Contract) preimage(h *commitment.HTLC) *lnwire.Preimage {
	for i := range c.HTLCs {
		if k := &c.HTLCs[i]; k.Offerer == h.Offerer && k.ID == h.ID {
			return k.Preimage
		}
	}
	return nil
}

// revokedOutputs: BOLT 5: Revoked Transaction Close Handling. Everything is ours.
func (x *closing) revokedOutputs() []output {
	p := x.funding.Params
	delay := p.Parties[commitment.Remote].ToSelfDelay
	deadline := x.height + lnwire.Height(delay)
	penalty := commitment.Recipe{
		Kind: commitment.SpendRevokedDelayed, Format: p.Format, Script: delayedScript(p, x.keys),
		Point: x.keys.Point, Secret: x.secret,
	}
	delayed := secondLevelScript(p, x.keys)
	all := x.toRemote()
	for index, out := range x.tx.TxOut {
		if bytes.Equal(out.PkScript, delayed) {
			all = append(all, output{claim: Claim{
				OutPoint: at(index), Sequence: replaceable, Deadline: deadline, Recipe: penalty,
			}})
		}
	}
	next := &secondLevel{pkScript: delayed, recipe: penalty, sequence: replaceable, delay: delay}
	claimed := make([]bool, len(x.tx.TxOut))
	for i := range x.revoked.HTLCs {
		h := &x.revoked.HTLCs[i]
		script := h.script(p, x.keys)
		index := find(x.tx, commitment.WitnessScriptHash(script), claimed)
		if index < 0 {
			continue
		}
		claimed[index] = true
		recipe := penalty
		recipe.Kind, recipe.Script = commitment.SpendRevokedHTLC, script
		o := output{
			claim: Claim{OutPoint: at(index), Sequence: replaceable, Deadline: deadline, Recipe: recipe},
			htlc:  &htlcOutput{offerer: h.Offerer, hash: h.Hash, expiry: h.Expiry},
			next:  next,
		}
		if h.Offerer == commitment.Local {
			o.claim.Deadline = min(deadline, lnwire.Height(h.Expiry)+confirmationTime)
		}
		all = append(all, o)
	}
	return all
}

// find returns the first output with the script that has not been claimed yet; several HTLCs may have the same script.
func find(tx *wire.MsgTx, pkScript []byte, claimed []bool) int {
	for index, out := range tx.TxOut {
		if !claimed[index] && bytes.Equal(out.PkScript, pkScript) {
			return index
		}
	}
	return -1
}

// toRemote is what a commitment of the peer pays us.
func (x *closing) toRemote() []output {
	p := x.funding.Params
	pkScript, script := commitment.ToRemoteScript(p, commitment.Local)
	var all []output
	for index, out := range x.tx.TxOut {
		if bytes.Equal(out.PkScript, pkScript) {
			all = append(all, output{claim: Claim{
				OutPoint: at(index), Sequence: p.Format.ToRemoteSequence(),
				Recipe: commitment.Recipe{Kind: commitment.SpendToRemote, Format: p.Format, Script: script},
			}})
		}
	}
	return all
}

// strangeOutputs are those of a transaction that we do not know: to_remote, and to_local where it is our own, are ours;
// the others are watched because their spends may show preimages.
func (x *closing) strangeOutputs() []output {
	p := x.funding.Params
	all := x.toRemote()
	var delayed []byte
	if x.kind == OutdatedCommitment {
		delayed = secondLevelScript(p, x.keys)
	}
	for index, out := range x.tx.TxOut {
		switch {
		case contains(all, at(index)):
		case delayed != nil && bytes.Equal(out.PkScript, delayed):
			all = append(all, output{claim: Claim{
				OutPoint: at(index), Sequence: uint32(p.Parties[commitment.Local].ToSelfDelay),
				Recipe: commitment.Recipe{
					Kind: commitment.SpendDelayed, Format: p.Format, Script: delayedScript(p, x.keys), Point: x.keys.Point,
				},
			}})
		default:
			all = append(all, output{idle: true, claim: Claim{OutPoint: at(index)}})
		}
	}
	return all
}

func newHTLCOutput(h *commitment.HTLC) *htlcOutput {
	return &htlcOutput{offerer: h.Offerer, id: h.ID, hash: commitment.HashOf(h.Hash), expiry: h.Expiry}
}
